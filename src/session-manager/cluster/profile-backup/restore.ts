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

/**
 * Puts the linked device of a backup in place of none, or of one that another host has carried on
 * with since.
 */
interface ProfileRestore {
  /**
   * Before the browser starts. @param tell what it does, in plain words
   * @throws when there may be a linked device in a backup but it cannot be had: a QR then would
   * link a second one
   */
  restore(tell: (doing: string) => void, signal: AbortSignal): Promise<void>
  /**
   * WhatsApp Web asks for a scan: what was restored is linked no more, and is not to be restored
   * again.
   */
  codeShown(): void
}

interface ProfileRestoreOptions {
  store: Store
  secret: string
  account: string
  journal: Pick<Journal, 'id' | 'mark' | 'setMark'>
  profile: string
  log: Log
}

/**
 * The backups to try, newest first: none while the device of this host is as new as any. `here` is
 * when that was last known to be in order (ms), undefined when there is none.
 */
export const candidates = (
  names: readonly string[],
  journal: string,
  here: number | undefined,
  voidBefore: number
): Generation[] => {
  const there = generations(names).filter(({ takenAt }) => takenAt > voidBefore)
  if (here === undefined) return there
  const [newest] = there
  return newest !== undefined && newest.journal !== journal && newest.takenAt > here ? [newest] : []
}

export const createProfileRestore = ({
  store,
  secret,
  account,
  journal,
  profile,
  log
}: ProfileRestoreOptions): ProfileRestore => {
  /** When the device of this host was last known to be in order. */
  const lastHere = async (): Promise<number | undefined> => {
    const linkedAt = journal.mark('linked_at')
    return linkedAt !== undefined && (await hasDevice(profile))
      ? Math.max(linkedAt, journal.mark('complete_until') ?? 0, journal.mark('restored_from') ?? 0)
      : undefined
  }

  const accept =
    (wanted: Generation) =>
    (manifest: Manifest): void => {
      if (manifest.account !== account)
        throw new PlainError(`it is of the account ${manifest.account}`)
      if (manifest.taken_at !== wanted.takenAt || manifest.journal !== wanted.journal)
        throw new Error('it has been renamed')
    }

  const use = async (wanted: Generation, signal: AbortSignal): Promise<void> => {
    const partial = `${profile}.restored`
    await emptied(partial)
    let manifest: Manifest | undefined
    try {
      await pipeline(
        await store.get(wanted.name),
        (sealed: AsyncIterable<Uint8Array>) => unseal(secret, sealed),
        createGunzip(),
        async (packed: AsyncIterable<Uint8Array>) => {
          manifest = await unpack(packed, partial, accept(wanted))
        },
        { signal }
      )
      await rm(profile, { recursive: true, force: true, maxRetries: 4 })
      await rename(partial, profile)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
    for (const name of carriedMarks) journal.setMark(name, manifest?.marks[name])
    journal.setMark('restored_from', wanted.takenAt)
    log.info(
      {
        event: 'profile_restored',
        taken_at: new Date(wanted.takenAt).toISOString(),
        files: manifest?.files.length
      },
      `restored the linked device from the backup of ${new Date(wanted.takenAt).toISOString()}`
    )
  }

  return {
    restore: async (tell, signal) => {
      const here = await lastHere()
      const voidBefore = journal.mark('backup_void') ?? 0
      let found: Generation[]
      try {
        found = candidates(await store.list(), journal.id, here, voidBefore)
      } catch (error) {
        const reason = reasonOf(error)
        // unlinked by an operator or the phone, this host knows that there is nothing to restore
        if (here === undefined && voidBefore === 0)
          throw new PlainError(
            `whether there is a backup of the linked device cannot be told: ${reason}`,
            { cause: error }
          )
        log.warn(
          { event: 'profile_backups_unknown', reason },
          `the backups of the linked device cannot be looked at: ${reason}`
        )
        return
      }
      const faults: string[] = []
      for (const one of found) {
        const when = new Date(one.takenAt).toISOString()
        tell(`restoring the linked device from the backup of ${when}`)
        try {
          return await use(one, signal)
        } catch (error) {
          signal.throwIfAborted()
          faults.push(`the backup of ${when} cannot be used: ${reasonOf(error)}`)
          log.error({ event: 'profile_restore_failed', reason: reasonOf(error) }, faults.at(-1))
        }
      }
      if (here === undefined && faults[0] !== undefined) {
        throw new PlainError(
          `${faults[0]}; mend that, or give the device up by POST /disconnect?logout=true, then POST /connect for a QR`
        )
      }
    },
    codeShown: () => {
      const restored = journal.mark('restored_from')
      if (restored === undefined) return
      journal.setMark('backup_void', restored)
      journal.setMark('restored_from', undefined)
      log.warn(
        { event: 'profile_restored_in_vain' },
        'the restored device is linked no more: scan the QR'
      )
    }
  }
}
