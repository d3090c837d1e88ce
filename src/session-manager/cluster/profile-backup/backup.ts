import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import { reasonOf } from '../../../platform/harmless.ts'
import type { Log } from '../../../platform/log.ts'
import type { Journal, Mark } from '../../journal/journal.ts'
import { describe, pack, type Manifest } from './archive.ts'
import { copyDevice, emptied } from './files.ts'
import { seal } from './seal.ts'
import { generations, nameOf, type Store } from './store.ts'

/**
 * Backs the linked device up. A device that goes on changes little: only the newest backup is as
 * good as the profile.
 */
interface ProfileBackup {
  /**
   * The session is READY: one is made once it has settled, if none was since the device was linked,
   * and then at intervals.
   */
  ready(): void
  /**
   * The session is READY no more: none is made until it is again, but for the one once its browser
   * has closed.
   */
  paused(): void
  /** The browser has closed in order, which is the best time for one. Never throws. */
  closed(): Promise<void>
  /**
   * The device is unlinked: its backups are deleted, or held for void if the store cannot be
   * reached.
   */
  forget(): Promise<void>
  /** When the newest was made, ms. */
  takenAt(): number | undefined
}

export interface ProfileBackupOptions {
  store: Store
  secret: string
  account: string
  journal: Pick<Journal, 'id' | 'mark' | 'setMark' | 'completeUntil'>
  profile: string
  /** Made for each backup and deleted after it; on the same disk as the profile, and as private. */
  workDirectory: string
  /** Whether this host may still speak for the account. */
  isOurs: () => boolean
  /**
   * Whether everything in the journal is elsewhere, too: what was not is read back by the next
   * host.
   */
  forwarded: () => boolean
  intervalMs: number
  /**
   * From READY to the first: WhatsApp Web goes on writing for a while, and RemoteAuth waits a
   * minute, too.
   */
  settleMs?: number
  /** The first wait after a failure, doubled with each in a row up to the interval. */
  retryMs?: number
  log: Log
  now?: () => number
}

/** How many are kept. */
const kept = 3

/** The marks that another host reads back from. */
export const carriedMarks: readonly Mark[] = ['linked_at', 'link_floor', 'complete_until']

export const createProfileBackup = (options: ProfileBackupOptions): ProfileBackup => {
  const {
    store,
    secret,
    account,
    journal,
    profile,
    workDirectory,
    isOurs,
    forwarded,
    intervalMs,
    settleMs = 60_000,
    retryMs = 60_000,
    log,
    now = Date.now
  } = options
  let isReady = false
  let changed = false
  let takenAt: number | undefined
  let failures = 0
  let timer: NodeJS.Timeout | undefined
  let work: Promise<void> = Promise.resolve()

  const marks = (): Manifest['marks'] => {
    if (forwarded()) journal.setMark('forwarded_until', journal.completeUntil())
    return Object.fromEntries(
      carriedMarks.flatMap((name) => {
        const at = journal.mark(name === 'complete_until' ? 'forwarded_until' : name)
        return at === undefined ? [] : [[name, at]]
      })
    )
  }

  /** What is older than the link is of another device; of the rest the newest are kept. */
  const prune = async (linkedAt: number): Promise<void> => {
    const there = generations(await store.list())
    for (const { name } of there.filter((one, index) => index >= kept || one.takenAt < linkedAt))
      await store.remove(name)
    journal.setMark('backup_void', undefined)
  }

  const make = async (browser: Manifest['browser']): Promise<void> => {
    const linkedAt = journal.mark('linked_at')
    if (linkedAt === undefined || !isOurs()) return
    const started = now()
    await emptied(workDirectory)
    try {
      const copy = join(workDirectory, 'profile')
      const sealed = join(workDirectory, 'sealed')
      // the marks first: what is captured while the profile is copied is rather read back twice
      // than not at all
      const facts = { account, journal: journal.id, browser, marks: marks() }
      const paths = await copyDevice(profile, copy)
      // other hosts' clocks may be ahead: the newest must sort as the newest
      const at = Math.max(started, 1 + (generations(await store.list())[0]?.takenAt ?? 0))
      const manifest = await describe({ ...facts, taken_at: at }, copy, paths)
      await pipeline(
        pack(manifest, copy),
        createGzip({ level: constants.Z_BEST_SPEED }),
        (plain: AsyncIterable<Uint8Array>) => seal(secret, plain),
        createWriteStream(sealed, { mode: 0o600 })
      )
      const { size } = await stat(sealed)
      if (!isOurs() || journal.mark('linked_at') !== linkedAt) return
      await store.put(nameOf(at, journal.id), sealed)
      takenAt = at
      log.info(
        {
          event: 'profile_backed_up',
          files: paths.length,
          bytes: size,
          ms: now() - started,
          browser
        },
        `backed up the linked device (${size} bytes)`
      )
      await prune(linkedAt)
    } finally {
      await rm(workDirectory, { recursive: true, force: true })
    }
  }

  const next = (afterMs: number): void => {
    clearTimeout(timer)
    if (isReady) timer = setTimeout(() => void take('running'), afterMs)
  }

  /** One after the other. Never throws. */
  const take = (browser: Manifest['browser']): Promise<void> => {
    work = work
      .then(() => make(browser))
      .then(
        () => {
          failures = 0
          // under a browser that goes on it will soon be out of date
          changed = isReady
          next(intervalMs)
        },
        (error: unknown) => {
          const afterMs = Math.min(intervalMs, retryMs * 2 ** failures)
          failures += 1
          const reason = reasonOf(error)
          log.warn(
            {
              event: 'profile_backup_failed',
              reason,
              failures,
              // The log leaves out a member that is undefined.
              retry_ms: isReady ? afterMs : undefined
            },
            `the linked device could not be backed up: ${reason}`
          )
          next(afterMs)
        }
      )
    return work
  }

  return {
    ready: () => {
      if (isReady) return
      isReady = true
      changed = true
      next(settleMs)
    },
    paused: () => {
      isReady = false
      clearTimeout(timer)
    },
    closed: async () => {
      isReady = false
      clearTimeout(timer)
      await (changed ? take('closed') : work)
    },
    forget: async () => {
      isReady = false
      changed = false
      clearTimeout(timer)
      journal.setMark('backup_void', now())
      takenAt = undefined
      work = work
        .then(async () => {
          for (const { name } of generations(await store.list())) await store.remove(name)
          log.info(
            { event: 'profile_backups_deleted' },
            'the device is unlinked: its backups are deleted'
          )
        })
        .catch((error: unknown) => {
          const reason = reasonOf(error)
          log.warn(
            { event: 'profile_backups_left', reason },
            `the device is unlinked, but its backups could not be deleted: ${reason}`
          )
        })
      await work
    },
    takenAt: () => takenAt
  }
}
