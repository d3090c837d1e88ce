import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import type { Mark } from '../../journal/journal.ts'
import { carriers } from './files.ts'

/** What is in a backup, said before its content. */
export interface Manifest {
  account: string
  /** The journal of the host that made it: its id tells hosts apart. */
  journal: string
  /** When it was made, ms. */
  taken_at: number
  /** Taken under a browser that ran, or once it had closed. */
  browser: 'running' | 'closed'
  /** Times of that journal, ms: from when on another host has to read back. */
  marks: Partial<Record<Mark, number>>
  /** Sizes in bytes, sums in hex. */
  files: { path: string; size: number; sha256: string }[]
}

const maxManifest = 16 * 1024 ** 2

const sumOf = async (file: string): Promise<string> => {
  const hash = createHash('sha256')
  for await (const part of createReadStream(file)) hash.update(part as Buffer)
  return hash.digest('hex')
}

/** The manifest of files in a directory that nobody writes to. */
export const describe = async (
  facts: Omit<Manifest, 'files'>,
  directory: string,
  paths: readonly string[]
): Promise<Manifest> => {
  const files: Manifest['files'] = []
  for (const path of paths) {
    const file = join(directory, path)
    files.push({ path, size: (await stat(file)).size, sha256: await sumOf(file) })
  }
  return { ...facts, files }
}

/** A manifest (its length in 4 bytes, JSON), then the content of its files in its order. */
export const pack = async function* (
  manifest: Manifest,
  directory: string
): AsyncGenerator<Buffer> {
  const json = Buffer.from(JSON.stringify(manifest))
  const length = Buffer.alloc(4)
  length.writeUInt32BE(json.length)
  yield length
  yield json
  for (const { path } of manifest.files)
    for await (const part of createReadStream(join(directory, path))) yield part as Buffer
}

/** Reads a stream by as many bytes as are wanted. */
const reader = (source: AsyncIterable<Uint8Array>) => {
  const parts = source[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)
  const more = async (): Promise<boolean> => {
    const { done, value } = await parts.next()
    if (!done) held = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    return !done
  }
  const take = async function* (size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      if (held.length === 0 && !(await more())) throw new Error('it ends too early')
      const part = held.subarray(0, left)
      held = held.subarray(part.length)
      left -= part.length
      yield part
    }
  }
  return {
    take,
    exactly: async (size: number): Promise<Buffer> => {
      const found: Buffer[] = []
      for await (const part of take(size)) found.push(part)
      return Buffer.concat(found)
    },
    isOver: async (): Promise<boolean> => held.length === 0 && !(await more())
  }
}

/** Only what a backup is made of, and nothing outside the directory. */
const mayBeWritten = (path: string): boolean =>
  normalize(path) === path && carriers.some((carrier) => path.startsWith(`${carrier}/`))

/**
 * Writes what `pack` gave into a directory, to the disk.
 * @param accept throws when this is not the backup that is wanted; nothing is written then
 * @throws when anything is not as the manifest says
 */
export const unpack = async (
  packed: AsyncIterable<Uint8Array>,
  directory: string,
  accept: (manifest: Manifest) => void
): Promise<Manifest> => {
  const source = reader(packed)
  const length = (await source.exactly(4)).readUInt32BE()
  if (length > maxManifest) throw new Error('its list of files is too long')
  const manifest = JSON.parse(String(await source.exactly(length))) as Manifest
  accept(manifest)
  for (const { path, size, sha256 } of manifest.files) {
    if (!mayBeWritten(path)) throw new Error('it has a file that does not belong there')
    const target = join(directory, path)
    await mkdir(dirname(target), { recursive: true, mode: 0o700 })
    const file = await open(target, 'wx', 0o600)
    const hash = createHash('sha256')
    try {
      for await (const part of source.take(size)) {
        hash.update(part)
        await file.write(part)
      }
      await file.sync()
    } finally {
      await file.close()
    }
    if (hash.digest('hex') !== sha256) throw new Error('a file in it is not what its list says')
  }
  if (!(await source.isOver())) throw new Error('it has more in it than its list says')
  return manifest
}
