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
import { generations, nameOf, type Generation, type Store } from './store.ts'

export interface ProfileBackupOptions {
  store: Store
  secret: string
  account: string
  journal: Pick<Journal, 'id' | 'mark' | 'setMark' | 'completeUntil'>
  profile: string
  /**
   * Made for each backup and deleted after it. It is on the same disk as the profile, and as
   * private.
   */
  workDirectory: string
  /** Whether this host may still speak for the account. */
  isOurs: () => boolean
  /** Whether everything in the journal was forwarded. The next host reads back what was not. */
  forwarded: () => boolean
  intervalMs: number
  /**
   * From READY to the first backup. WhatsApp Web goes on writing for a while; RemoteAuth waits a
   * minute, too.
   */
  settleMs?: number
  /** The first wait after a failure, doubled with each failure in a row up to the interval. */
  retryMs?: number
  log: Log
  now?: () => number
}

/** How many backups are kept. */
const maxKept = 3

/** The marks from which another host reads back. */
export const carriedMarks: readonly Mark[] = ['linked_at', 'link_floor', 'complete_until']

/**
 * Backs the linked device up. A device that goes on changes little: only the newest backup is as
 * good as the profile.
 */
export class ProfileBackup {
  readonly #options: ProfileBackupOptions
  readonly #now: () => number
  #isReady = false
  /** The profile has changed since the newest backup. */
  #hasChanged = false
  #takenAt: number | undefined
  #failures = 0
  #timer: NodeJS.Timeout | undefined
  /** Backups and deletions, one after the other. */
  #work: Promise<void> = Promise.resolve()

  constructor(options: ProfileBackupOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
  }

  /** The session is READY: a backup is made once it has settled, and then at intervals. */
  ready(): void {
    if (this.#isReady) return
    this.#isReady = true
    this.#hasChanged = true
    this.#schedule(this.#options.settleMs ?? 60_000)
  }

  /** The session is not READY any more: the next backup is made when its browser has closed. */
  paused(): void {
    this.#isReady = false
    clearTimeout(this.#timer)
  }

  /** The browser has closed in order, which is the best time for a backup. Never throws. */
  async closed(): Promise<void> {
    this.paused()
    await (this.#hasChanged ? this.#take('closed') : this.#work)
  }

  /** The device is unlinked: deletes its backups. If the store is out of reach, they are void. */
  async deleteAll(): Promise<void> {
    this.paused()
    this.#hasChanged = false
    this.#options.journal.setMark('backup_void', this.#now())
    this.#takenAt = undefined
    this.#work = this.#work.then(() => this.#deleteStored())
    await this.#work
  }

  /** When the newest backup was made, ms. */
  takenAt(): number | undefined {
    return this.#takenAt
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isReady) this.#timer = setTimeout(() => void this.#take('running'), afterMs)
  }

  /** Makes a backup after the work under way. Never throws. */
  #take(browser: Manifest['browser']): Promise<void> {
    this.#work = this.#work
      .then(() => this.#make(browser))
      .then(
        () => this.#onTaken(),
        (error: unknown) => this.#onFailed(error)
      )
    return this.#work
  }

  #onTaken(): void {
    this.#failures = 0
    // Under a browser that goes on the backup will soon be out of date.
    this.#hasChanged = this.#isReady
    this.#schedule(this.#options.intervalMs)
  }

  #onFailed(error: unknown): void {
    const { intervalMs, retryMs = 60_000, log } = this.#options
    const afterMs = Math.min(intervalMs, retryMs * 2 ** this.#failures)
    this.#failures += 1
    const reason = reasonOf(error)
    log.warn(
      {
        event: 'profile_backup_failed',
        reason,
        failures: this.#failures,
        // The log leaves out a member that is undefined.
        retry_ms: this.#isReady ? afterMs : undefined
      },
      `the linked device could not be backed up: ${reason}`
    )
    this.#schedule(afterMs)
  }

  async #make(browser: Manifest['browser']): Promise<void> {
    const { journal, isOurs, workDirectory, store, log } = this.#options
    const linkedAt = journal.mark('linked_at')
    if (linkedAt === undefined || !isOurs()) return
    const startedAt = this.#now()
    await emptied(workDirectory)
    try {
      const { manifest, sealed } = await this.#copyAndSeal(browser, startedAt)
      const { size } = await stat(sealed)
      if (!isOurs() || journal.mark('linked_at') !== linkedAt) return
      await store.put(nameOf(manifest.taken_at, journal.id), sealed)
      this.#takenAt = manifest.taken_at
      log.info(
        {
          event: 'profile_backed_up',
          files: manifest.files.length,
          bytes: size,
          ms: this.#now() - startedAt,
          browser
        },
        `backed up the linked device (${size} bytes)`
      )
      await this.#prune(linkedAt)
    } finally {
      await rm(workDirectory, { recursive: true, force: true })
    }
  }

  /** @returns the path of the sealed archive, and its manifest */
  async #copyAndSeal(
    browser: Manifest['browser'],
    startedAt: number
  ): Promise<{ manifest: Manifest; sealed: string }> {
    const { account, journal, profile, workDirectory, secret, store } = this.#options
    const copy = join(workDirectory, 'profile')
    const sealed = join(workDirectory, 'sealed')
    // The marks come first: messages captured while the profile is copied are then read back twice
    // rather than not at all.
    const facts = { account, journal: journal.id, browser, marks: this.#marks() }
    const paths = await copyDevice(profile, copy)
    // The clocks of other hosts may be ahead: the newest backup must sort as the newest.
    const newest = generations(await store.list())[0]?.takenAt ?? 0
    const taken_at = Math.max(startedAt, 1 + newest)
    const manifest = await describe({ ...facts, taken_at }, copy, paths)
    await pipeline(
      pack(manifest, copy),
      createGzip({ level: constants.Z_BEST_SPEED }),
      (plain: AsyncIterable<Uint8Array>) => seal(secret, plain),
      createWriteStream(sealed, { mode: 0o600 })
    )
    return { manifest, sealed }
  }

  #marks(): Manifest['marks'] {
    const { journal, forwarded } = this.#options
    if (forwarded()) journal.setMark('forwarded_until', journal.completeUntil())
    return Object.fromEntries(
      carriedMarks.flatMap((name) => {
        const at = journal.mark(name === 'complete_until' ? 'forwarded_until' : name)
        return at === undefined ? [] : [[name, at]]
      })
    )
  }

  /**
   * Deletes old backups: those from before the link are of another device, and of the others the
   * newest are kept.
   */
  async #prune(linkedAt: number): Promise<void> {
    const { store, journal } = this.#options
    const stored = generations(await store.list())
    const isOld = ({ takenAt }: Generation, index: number): boolean =>
      index >= maxKept || takenAt < linkedAt
    for (const { name } of stored.filter(isOld)) await store.remove(name)
    journal.setMark('backup_void', undefined)
  }

  async #deleteStored(): Promise<void> {
    const { store, log } = this.#options
    try {
      for (const { name } of generations(await store.list())) await store.remove(name)
      log.info(
        { event: 'profile_backups_deleted' },
        'the device is unlinked: its backups are deleted'
      )
    } catch (error) {
      const reason = reasonOf(error)
      log.warn(
        { event: 'profile_backups_left', reason },
        `the device is unlinked, but its backups could not be deleted: ${reason}`
      )
    }
  }
}
