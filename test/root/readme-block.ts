import { readFile } from 'node:fs/promises'

/** The first block of commands of README under a heading: what is told there is what a test runs. */
export const readmeBlock = async (heading: string): Promise<string> => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, block] = new RegExp(`^#+ ${heading}$[^]*?^\`\`\`sh\\n([^]*?)^\`\`\`$`, 'm').exec(readme) ?? []
  if (block === undefined) throw new Error(`README has no commands under ${heading}`)
  return block
}
