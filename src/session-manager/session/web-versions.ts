import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PlainError, reasonOf } from '../../platform/harmless.ts'

/**
 * The pages of the versions of WhatsApp Web that were READY here. A developer compares them to find
 * out what has changed. A page is the HTML alone. WhatsApp serves what it loads, but not forever.
 */

const maxKept = 3
const pattern = /^\d+\.\d+\.\d+(-[a-z\d]+)?$/
export const isWebVersion = (text: string): boolean => text.length <= 40 && pattern.test(text)
export const webVersionsIn = (stateDir: string): string => join(stateDir, 'web-versions')
export const pageFile = (directory: string, version: string): string =>
  join(directory, `${version}.html`)

/** Versions whose page is kept. The version that was READY last is the first. */
export const keptVersions = async (directory: string): Promise<string[]> => {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const versions = names
    .filter((name) => name.endsWith('.html'))
    .map((name) => name.slice(0, -'.html'.length))
    .filter(isWebVersion)
  const files = await Promise.all(
    versions.map(async (version) => ({
      version,
      at: (await stat(pageFile(directory, version))).mtimeMs
    }))
  )
  return files.sort((a, b) => b.at - a.at).map(({ version }) => version)
}

/**
 * Keeps the page of a version that is READY now, and deletes the oldest pages.
 * @throws when the page cannot be written
 */
export const keepVersion = async (
  directory: string,
  version: string,
  html: string
): Promise<void> => {
  if (!isWebVersion(version))
    throw new Error(
      `WhatsApp Web tells a version that is none: ${JSON.stringify(version.slice(0, 40))}`
    )
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const file = pageFile(directory, version)
  await writeFile(`${file}.new`, html, { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
  const old = (await keptVersions(directory)).slice(maxKept)
  await Promise.all(old.map((each) => rm(pageFile(directory, each), { force: true })))
}

/**
 * The page of the version that WEB_VERSION names.
 * @throws which file cannot be read, and which versions are kept
 */
export const pinnedPage = async (directory: string, version: string): Promise<string> => {
  const file = pageFile(directory, version)
  try {
    const html = await readFile(file, 'utf8')
    if (html.trim() === '') throw new Error('it is empty')
    return html
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const kept = await keptVersions(directory)
    const instead = kept.length === 0 ? 'no version is kept' : `kept are ${kept.join(', ')}`
    throw new PlainError(
      `WEB_VERSION=${version}: ${file} cannot be used (${code ?? reasonOf(error)}); ${instead}`,
      { cause: error }
    )
  }
}

/** The warning about a READY page of another version than the pinned one. */
export const otherThanPinned = (pinned: string, actual: string | undefined): string | undefined =>
  pinned === '' || actual === undefined || actual === pinned
    ? undefined
    : `WhatsApp Web tells version ${actual}, though WEB_VERSION=${pinned} is pinned`
