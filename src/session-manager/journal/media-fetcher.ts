import type { CapturedMessage, Media } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from './journal.ts'
import { whyNotKept, type MediaLimits } from './media-limits.ts'
import { asMediaTrouble, type MediaTrouble } from './media-trouble.ts'
import { deleteErasedMedia, removeIncoming, storeMedia } from './media.ts'
import { mediaKey, type PendingMedia } from './pending-media.ts'

/**
 * Fetches the media of captured messages, one file at a time. Media are given up only when WhatsApp
 * says that they are gone, when configuration refuses them, or when they failed for days. Any other
 * trouble is tried again, ever later.
 */

/** What became of it. `gone`: WhatsApp has it no more, and the phone could not send it again. */
export type MediaResult =
  | {
      outcome: 'fetched'
      /** Bytes. */
      size: number
      mimetype?: string
      filename?: string
      /** To be read once, in order, before the next media are fetched. */
      pieces: AsyncIterable<Buffer> | Iterable<Buffer>
    }
  | { outcome: 'gone'; reason: string }

/** @throws for trouble that may pass: the media are tried again later */
export type MediaSource = (messageId: string) => Promise<MediaResult>

export interface MediaFetcherOptions {
  journal: Journal
  add: (newRecords: readonly NewRecord[]) => Promise<void>
  /** The media of a message while the session is READY, undefined otherwise. */
  source: () => MediaSource | undefined
  directory: string
  limits: MediaLimits
  /** Between the first attempt and the second; doubled with each, up to six hours. ms */
  retryMs?: number
  /** Media that failed for so long are given up, ms. */
  giveUpMs?: number
  log: Log
  /** UNIX ms. */
  now?: () => number
  /** From 0 to 1. */
  random?: () => number
}

const maxRetryMs = 6 * 3_600_000
/** While all media fail, one file is tried at least this often, ms. */
const maxProbeMs = 15 * 60_000
const defaultGiveUpMs = 14 * 86_400_000
/**
 * Media are not given up before so many attempts of their own, however long ago the first one was.
 */
const minAttempts = 8
/**
 * So many attempts are made in that time at the least. A clock that is set ahead by years makes
 * nothing old that was not tried as often.
 */
const attemptsWithin = (ms: number): number => Math.max(minAttempts, Math.floor(ms / maxRetryMs))
/**
 * From so many failures of all in a row on, a failure counts for the file as well: it may be the
 * only one.
 */
const doubtAfter = 10
/** Longer timers end at once. */
const maxTimerMs = 2_147_483_647

type Outcome = Media & { state: 'stored' | 'skipped' | 'failed' }

/** A trouble of all media: the network, the disk, the page. */
interface Outage {
  reason: string
  failures: number
  /** When the next file is tried, ms. */
  probeAt: number
}

export class MediaFetcher {
  readonly #options: Required<MediaFetcherOptions>
  #outage: Outage | undefined
  /**
   * Files fetched since the start; and by message id, how many there were at its last failure in an
   * outage.
   */
  #fetched = 0
  readonly #fetchedBefore = new Map<string, number>()
  #isBusy = false
  #isWanted = false
  #isStopped = false
  #timer: NodeJS.Timeout | undefined
  #isClean = false

  constructor(options: MediaFetcherOptions) {
    this.#options = {
      retryMs: 5_000,
      giveUpMs: defaultGiveUpMs,
      now: Date.now,
      random: Math.random,
      ...options
    }
  }

  /** Something may be waiting to be fetched. */
  wake(): void {
    this.#isWanted = this.#isBusy
    if (this.#isBusy || this.#isStopped) return
    this.#isBusy = true
    void this.#run()
      .catch((error: unknown) => {
        const { log, retryMs } = this.#options
        log.error(
          { event: 'media_stopped', err: error },
          'fetching media stopped; it is tried again'
        )
        this.#wakeAfter(Math.max(retryMs, 1_000))
      })
      .finally(() => {
        this.#isBusy = false
        if (this.#isWanted) this.wake()
      })
  }

  /** The session is READY again: what kept all media from being fetched may be over. */
  resume(): void {
    if (this.#outage !== undefined) this.#outage.probeAt = 0
    this.wake()
  }

  /** Why no media can be fetched at present, undefined when they can. */
  outage(): string | undefined {
    return this.#outage?.reason
  }

  /** Whether media are being fetched now. */
  get isBusy(): boolean {
    return this.#isBusy
  }

  /** Ends it. What is not fetched yet is fetched after the next start. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const { journal, source, directory, now } = this.#options
    if (!this.#isClean) await removeIncoming(directory)
    this.#isClean = true
    // The time of day may have been set back since they were put off.
    journal.trustNoLaterThan(now(), maxRetryMs)
    if ((this.#outage?.probeAt ?? 0) > now() + maxProbeMs && this.#outage !== undefined)
      this.#outage.probeAt = 0
    for (;;) {
      const from = source()
      if (from === undefined || this.#isStopped) return
      if ((this.#outage?.probeAt ?? 0) > now()) break
      const [next] = journal.pendingMedia(1, now())
      if (next === undefined) break
      await this.#fetch(next, from)
    }
    const nextAt = journal.nextMediaAt()
    if (nextAt !== undefined) this.#wakeAfter(Math.max(nextAt, this.#outage?.probeAt ?? 0) - now())
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#isStopped)
      this.#timer = setTimeout(() => this.wake(), Math.min(maxTimerMs, maxRetryMs, Math.max(1, ms)))
  }

  async #fetch(pending: PendingMedia, from: MediaSource): Promise<void> {
    const { message } = pending
    try {
      const result = await from(message.id)
      if (result.outcome === 'gone') {
        this.#endOutage()
        return await this.#giveUp(message, result.reason)
      }
      await this.#keep(message, result)
      this.#fetched += 1
      this.#fetchedBefore.delete(message.id)
      this.#endOutage()
    } catch (error) {
      await this.#postpone(pending, asMediaTrouble(error))
    }
  }

  async #keep(
    message: CapturedMessage,
    result: MediaResult & { outcome: 'fetched' }
  ): Promise<void> {
    const { journal, limits, directory } = this.#options
    const { size, mimetype, filename, pieces } = result
    const reason = whyNotKept(limits, { size, mimetype: mimetype ?? message.media?.mimetype })
    if (reason !== undefined) return this.#settle(message, { state: 'skipped', size, reason })
    const sha256 = await storeMedia(directory, pieces, message.media?.sha256)
    const media: Outcome = { state: 'stored', size, sha256 }
    if (mimetype !== undefined) media.mimetype = mimetype
    if (filename !== undefined) media.filename = filename
    await this.#settle(message, media)
    if (journal.hasErased(message)) {
      journal.dropMedia(sha256)
      await deleteErasedMedia(journal, directory)
    }
  }

  #settle(message: CapturedMessage, media: Outcome): Promise<void> {
    const key = mediaKey(message.id, media.state)
    return this.#options.add([
      { kind: 'media', key, message: { ...message, media: { ...message.media, ...media } } }
    ])
  }

  async #giveUp(message: CapturedMessage, reason: string): Promise<void> {
    this.#options.log.warn(
      { event: 'media_given_up', reason },
      `media are not fetched any more: ${reason}`
    )
    await this.#settle(message, { state: 'failed', reason })
  }

  async #postpone({ message, attempts }: PendingMedia, trouble: MediaTrouble): Promise<void> {
    const { journal, log, now, giveUpMs } = this.#options
    const isOwn = this.#isOwn(message.id, trouble)
    if (trouble.isOfAll) this.#noteOutage(trouble.message)
    else this.#endOutage()
    const waitMs = isOwn ? this.#backoff(attempts + 1, maxRetryMs) : 0
    // In an outage the file is due as before, after the others: all of them are fetched as soon as
    // it is over.
    const until = now() + waitMs
    const failures = journal.postponeMedia(message.id, until, isOwn)
    if (failures === undefined || !isOwn) return
    const reason = trouble.message
    log.warn(
      { event: 'media_failed', attempt: failures.attempts, retry_ms: until - now(), reason },
      `media could not be fetched: ${reason}`
    )
    if (now() - failures.since >= giveUpMs && failures.attempts >= attemptsWithin(giveUpMs))
      await this.#giveUp(message, reason)
  }

  /** Whether a failure counts for the file: it does unless all files fail. */
  #isOwn(messageId: string, trouble: MediaTrouble): boolean {
    if (!trouble.isOfAll) return true
    const before = this.#fetchedBefore.get(messageId)
    this.#fetchedBefore.set(messageId, this.#fetched)
    // Others were fetched since it failed like this the last time.
    if (before !== undefined && this.#fetched > before) return true
    return (this.#outage?.failures ?? 0) >= doubtAfter
  }

  #noteOutage(reason: string): void {
    const { log, now } = this.#options
    const failures = (this.#outage?.failures ?? 0) + 1
    const waitMs = this.#backoff(failures, maxProbeMs)
    if (this.#outage === undefined) {
      log.warn(
        { event: 'media_outage', reason, retry_ms: waitMs },
        `no media can be fetched: ${reason}; one is tried now and then, and all of them once that works`
      )
    }
    this.#outage = { reason, failures, probeAt: now() + waitMs }
  }

  #endOutage(): void {
    if (this.#outage === undefined) return
    this.#options.log.info(
      { event: 'media_outage_over', failures: this.#outage.failures },
      'media can be fetched again'
    )
    this.#outage = undefined
  }

  /** Exponential backoff with jitter: from half to the whole of retryMs·2ⁿ, capped. */
  #backoff(failures: number, maxMs: number): number {
    const { retryMs, random } = this.#options
    return Math.min(maxMs, retryMs * 2 ** Math.min(failures - 1, 40)) * (0.5 + random() / 2)
  }
}
