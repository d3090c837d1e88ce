import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { isAbsolute, join, normalize, relative } from 'node:path'
import { Refused } from './refused.ts'

/** manifest.json of a backup, and its SHA256SUMS, which `sha256sum --check` reads. */

export interface Manifest {
  format: 1
  /** The version of LeadMaster. */
  version: string
  made_at: string
  /** Where the env files were. */
  directory: string
  installed: boolean
  simulated: boolean
  services: Part[]
  /** How many files SHA256SUMS names beside this one. */
  files: number
}

export interface Part {
  /**
   * The directory of its state in the backup, and the name of its env file: session-manager,
   * session-manager-sales, central-hub.
   */
  name: string
  kind: 'session-manager' | 'central-hub'
  state_dir: string
  /** NATS is in use, and its servers have the records too. */
  nats: boolean
  /** What is in the backup, each with its count. */
  holds: Record<string, number>
  /** What is not in the backup, in plain words. */
  lacks: string[]
}

const manifestFile = 'manifest.json'
const sumsFile = 'SHA256SUMS'

export const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex')
}

/** The relative paths of all files below a directory. */
const filesIn = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort()

/** @param known sums that were computed before, by path */
export const writeManifest = async (
  directory: string,
  facts: Omit<Manifest, 'files'>,
  known: ReadonlyMap<string, string>
): Promise<Manifest> => {
  const files = await filesIn(directory)
  const manifest: Manifest = { ...facts, files: files.length }
  await writeFile(join(directory, manifestFile), `${JSON.stringify(manifest, null, 2)}\n`, {
    mode: 0o600
  })
  let sums = ''
  for (const path of [...files, manifestFile])
    sums += `${known.get(path) ?? (await sumOf(join(directory, path)))}  ${path}\n`
  await writeFile(join(directory, sumsFile), sums, { mode: 0o600 })
  return manifest
}

const isWithin = (path: string): boolean =>
  normalize(path) === path && !isAbsolute(path) && !path.startsWith('..')

/** The files of a backup beside its manifest, with their sums. */
const readSums = async (directory: string): Promise<Map<string, string>> => {
  const text = await readFile(join(directory, sumsFile), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      throw error.code === 'ENOENT' || error.code === 'ENOTDIR'
        ? new Refused(`${directory} is no backup: it has no ${sumsFile}`)
        : error
    }
  )
  return new Map(
    text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [, sum, path = ''] = /^([0-9a-f]{64}) {2}(.+)$/.exec(line) ?? []
        if (sum === undefined || !isWithin(path))
          throw new Refused(`${join(directory, sumsFile)} is damaged`)
        return [path, sum]
      })
  )
}

const checkFile = async (file: string, sum: string): Promise<string | undefined> => {
  if ((await stat(file).catch(() => undefined)) === undefined) return 'missing'
  return (await sumOf(file)) === sum ? undefined : 'damaged'
}

/**
 * Compares every file with its sum.
 * @param trusted sums of files that were compared before, by path
 * @returns the manifest, and the paths of the files beside it
 * @throws {Refused} naming the files that are missing or damaged
 */
export const verify = async (
  directory: string,
  trusted: ReadonlyMap<string, string> = new Map()
): Promise<{ manifest: Manifest; files: string[] }> => {
  const sums = await readSums(directory)
  const errors: string[] = []
  for (const [path, sum] of sums) {
    const error =
      trusted.get(path) === sum ? undefined : await checkFile(join(directory, path), sum)
    if (error !== undefined) errors.push(`${path} is ${error}`)
  }
  if (errors.length > 0) {
    const more = errors.length > 10 ? ` and ${errors.length - 10} more` : ''
    throw new Refused(
      `the backup ${directory} is not as it was made: ${errors.slice(0, 10).join(', ')}${more}`
    )
  }
  if (!sums.has(manifestFile))
    throw new Refused(`${join(directory, sumsFile)} is damaged: it does not name ${manifestFile}`)
  const manifest = JSON.parse(await readFile(join(directory, manifestFile), 'utf8')) as Manifest
  if (manifest.format !== 1)
    throw new Refused(
      `the backup ${directory} has format ${String(manifest.format)}, which this release does ` +
        'not know: upgrade first'
    )
  const files = [...sums.keys()].filter((path) => path !== manifestFile)
  if (files.length !== manifest.files)
    throw new Refused(
      `${join(directory, sumsFile)} is damaged: it names ${files.length} files of ${manifest.files}`
    )
  return { manifest, files }
}
