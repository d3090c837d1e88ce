import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { PlainError, reasonOf } from '../../../platform/harmless.ts'
import type { Log } from '../../../platform/log.ts'
import type { Journal } from '../../journal/journal.ts'
import { unpack, type Manifest } from './archive.ts'
import { carriedMarks } from './backup.ts'
import { emptied, hasDevice } from './files.ts'
import { unseal } from './seal.ts'
import { generations, type Generation, type Store } from './store.ts'

interface ProfileRestoreOptions {
  store: Store
  secret: string
  account: string
  journal: Pick<Journal, 'id' | 'mark' | 'setMark'>
  profile: string
  log: Log
}

/**
 * The backups to try, newest first; empty while the device of this host is as new as any backup.
 * @param here when the device of this host was last known to be in order, ms; undefined without one
 */
export const candidates = (
  names: readonly string[],
  journal: string,
  here: number | undefined,
  voidBefore: number
): Generation[] => {
  const valid = generations(names).filter(({ takenAt }) => takenAt > voidBefore)
  if (here === undefined) return valid
  const [newest] = valid
  return newest !== undefined && newest.journal !== journal && newest.takenAt > here ? [newest] : []
}

/**
 * Restores the linked device from a backup, if this host has no device, or another host has carried
 * on with it since.
 */
export class ProfileRestore {
  readonly #options: ProfileRestoreOptions

  constructor(options: ProfileRestoreOptions) {
    this.#options = options
  }

  /**
   * Before the browser starts.
   * @param onStep takes what it does, in plain words
   * @throws when a backup may have a linked device that cannot be restored: a QR would link a
   * second device then
   */
  async restore(onStep: (doing: string) => void, signal: AbortSignal): Promise<void> {
    const { log } = this.#options
    const here = await this.#lastHere()
    const errors: string[] = []
    for (const generation of (await this.#findCandidates(here)) ?? []) {
      const when = new Date(generation.takenAt).toISOString()
      onStep(`restoring the linked device from the backup of ${when}`)
      try {
        return await this.#use(generation, signal)
      } catch (error) {
        signal.throwIfAborted()
        errors.push(`the backup of ${when} cannot be used: ${reasonOf(error)}`)
        log.error({ event: 'profile_restore_failed', reason: reasonOf(error) }, errors.at(-1))
      }
    }
    if (here === undefined && errors[0] !== undefined)
      throw new PlainError(
        `${errors[0]}; mend that, or give the device up by POST /disconnect?logout=true, ` +
          'then POST /connect for a QR'
      )
  }

  /**
   * WhatsApp Web asks for a scan: the restored device is not linked any more, and is not restored
   * again.
   */
  codeShown(): void {
    const { journal, log } = this.#options
    const restored = journal.mark('restored_from')
    if (restored === undefined) return
    journal.setMark('backup_void', restored)
    journal.setMark('restored_from', undefined)
    log.warn(
      { event: 'profile_restored_in_vain' },
      'the restored device is linked no more: scan the QR'
    )
  }

  /** When the device of this host was last known to be in order, ms. */
  async #lastHere(): Promise<number | undefined> {
    const { journal, profile } = this.#options
    const linkedAt = journal.mark('linked_at')
    return linkedAt !== undefined && (await hasDevice(profile))
      ? Math.max(linkedAt, journal.mark('complete_until') ?? 0, journal.mark('restored_from') ?? 0)
      : undefined
  }

  /** @returns undefined when the backups are unknown, but not needed */
  async #findCandidates(here: number | undefined): Promise<Generation[] | undefined> {
    const { store, journal, log } = this.#options
    const voidBefore = journal.mark('backup_void') ?? 0
    try {
      return candidates(await store.list(), journal.id, here, voidBefore)
    } catch (error) {
      const reason = reasonOf(error)
      // After an operator or the phone unlinked the device, this host knows that no backup is
      // valid.
      if (here === undefined && voidBefore === 0)
        throw new PlainError(
          `whether there is a backup of the linked device cannot be told: ${reason}`,
          { cause: error }
        )
      log.warn(
        { event: 'profile_backups_unknown', reason },
        `the backups of the linked device cannot be looked at: ${reason}`
      )
      return undefined
    }
  }

  async #use(generation: Generation, signal: AbortSignal): Promise<void> {
    const { journal, log } = this.#options
    const manifest = await this.#unpackProfile(generation, signal)
    for (const name of carriedMarks) journal.setMark(name, manifest?.marks[name])
    journal.setMark('restored_from', generation.takenAt)
    const when = new Date(generation.takenAt).toISOString()
    log.info(
      { event: 'profile_restored', taken_at: when, files: manifest?.files.length },
      `restored the linked device from the backup of ${when}`
    )
  }

  /** Replaces the profile by that of a backup. */
  async #unpackProfile(generation: Generation, signal: AbortSignal): Promise<Manifest | undefined> {
    const { store, secret, profile } = this.#options
    const partial = `${profile}.restored`
    await emptied(partial)
    let manifest: Manifest | undefined
    try {
      await pipeline(
        await store.get(generation.name),
        (sealed: AsyncIterable<Uint8Array>) => unseal(secret, sealed),
        createGunzip(),
        async (packed: AsyncIterable<Uint8Array>) => {
          manifest = await unpack(packed, partial, (read) => this.#check(read, generation))
        },
        { signal }
      )
      await rm(profile, { recursive: true, force: true, maxRetries: 4 })
      await rename(partial, profile)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
    return manifest
  }

  /** @throws when the manifest is not of this backup */
  #check(manifest: Manifest, generation: Generation): void {
    if (manifest.account !== this.#options.account)
      throw new PlainError(`it is of the account ${manifest.account}`)
    if (manifest.taken_at !== generation.takenAt || manifest.journal !== generation.journal)
      throw new Error('it has been renamed')
  }
}
