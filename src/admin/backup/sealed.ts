import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '../../platform/harmless.ts'
import { seal, unseal } from '../../session-manager/cluster/profile-backup/seal.ts'
import { Refused } from './refused.ts'

/** A backup as one encrypted file: a tar of its directory, sealed like a backup of the profile. */

/** Resolves when the process has exited with 0. */
const endOf = async (child: ChildProcessWithoutNullStreams): Promise<void> => {
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += String(text)))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`tar ended with ${code}: ${said.trim()}`)
}

const tar = (...args: string[]): ChildProcessWithoutNullStreams =>
  spawn('tar', args, { env: { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8' } })

/** Writes the file, reads it back, and compares both. */
export const sealDirectory = async (
  directory: string,
  file: string,
  key: string
): Promise<void> => {
  const packing = tar('--create', '--directory', directory, '--owner=root:0', '--group=root:0', '.')
  const ended = endOf(packing)
  packing.stdin.end()
  const before = createHash('sha256')
  const hashed = async function* (): AsyncGenerator<Buffer> {
    for await (const part of packing.stdout as AsyncIterable<Buffer>) {
      before.update(part)
      yield part
    }
  }
  await Promise.all([
    pipeline(seal(key, hashed()), createWriteStream(file, { mode: 0o600, flags: 'wx' })),
    ended
  ])
  const written = await open(file)
  await written.sync().finally(() => written.close())
  const after = createHash('sha256')
  for await (const part of unseal(key, createReadStream(file))) after.update(part)
  if (after.digest('hex') !== before.digest('hex'))
    throw new Refused(`${file} does not hold what was written to it: the disk fails`)
}

/** @throws {Refused} when the key is wrong, or the file damaged */
export const unsealInto = async (file: string, directory: string, key: string): Promise<void> => {
  const unpacking = tar('--extract', '--directory', directory, '--no-same-owner')
  const ended = endOf(unpacking)
  ended.catch(() => undefined) // it is awaited below
  try {
    await pipeline(
      createReadStream(file),
      (sealed: AsyncIterable<Uint8Array>) => unseal(key, sealed),
      unpacking.stdin
    )
  } catch (error) {
    // tar waits for the end of its input. Its complaint about a part of the file is of no use.
    unpacking.kill()
    await ended.catch(() => undefined)
    const reason = reasonOf(error)
      .replace('PROFILE_BACKUP_KEY', 'key')
      .replace('of a profile', 'that was encrypted')
    throw new Refused(`${file} cannot be opened: ${reason}`, { cause: error })
  }
  await ended
}
