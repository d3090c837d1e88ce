import { readFile } from 'node:fs/promises'

/** The first block of commands under a heading of a document: a test runs what its reader runs. */
export const readmeBlock = async (document: string, heading: string): Promise<string> => {
  const text = await readFile(new URL(`../../${document}`, import.meta.url), 'utf8')
  const [, block] =
    new RegExp(`^#+ ${heading}$[^]*?^\`\`\`sh\\n([^]*?)^\`\`\`$`, 'm').exec(text) ?? []
  if (block === undefined) throw new Error(`${document} has no commands under ${heading}`)
  return block
}
