import type { CapturedMessage, Media } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from './journal.ts'
import { whyNotKept, type MediaLimits } from './media-limits.ts'
import { asMediaTrouble, type MediaTrouble } from './media-trouble.ts'
import { deleteErasedMedia, removeIncoming, storeMedia } from './media.ts'
import { mediaKey, type PendingMedia } from './pending-media.ts'

/**
 * The outcome of fetching. `gone`: WhatsApp does not have the media any more, and the phone could
 * not send them again.
 */
export type MediaResult =
  | {
      outcome: 'fetched'
      /** Bytes. */
      size: number
      mimetype?: string
      filename?: string
      /** They are read once, in order, before the next media are fetched. */
      pieces: AsyncIterable<Buffer> | Iterable<Buffer>
    }
  | { outcome: 'gone'; reason: string }

/** @throws for a trouble that may pass; the media are tried again later */
export type MediaSource = (messageId: string) => Promise<MediaResult>

export interface MediaFetcherOptions {
  journal: Journal
  add: (newRecords: readonly NewRecord[]) => Promise<void>
  /** The media of a message while the session is READY, undefined otherwise. */
  source: () => MediaSource | undefined
  directory: string
  limits: MediaLimits
  /** Between the first attempt and the second, ms; doubled with each, up to six hours. */
  retryMs?: number
  /** Media that failed for this long are given up, ms. */
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
/** Media are not given up before this many attempts of their own. */
const minAttempts = 8
/**
 * The least number of attempts in a time. So a clock that is set ahead by years does not give up
 * media that were tried less often.
 */
const attemptsWithin = (ms: number): number => Math.max(minAttempts, Math.floor(ms / maxRetryMs))
/**
 * After this many failures of all media in a row, a failure counts for the file, too: it may be the
 * only file.
 */
const doubtAfter = 10
/** Node ends longer timers immediately. */
const maxTimerMs = 2_147_483_647

type Outcome = Media & { state: 'stored' | 'skipped' | 'failed' }

/** A trouble of all media: the network, the disk, the page. */
interface Outage {
  reason: string
  failures: number
  /** When the next file is tried, ms. */
  probeAt: number
}

/**
 * Fetches the media of captured messages, one file at a time. Media are given up only when WhatsApp
 * says that they are gone, when the configuration refuses them, or when they failed for days. Any
 * other trouble is tried again, with growing waits.
 */
export class MediaFetcher {
  readonly #options: Required<MediaFetcherOptions>
  #outage: Outage | undefined
  /** How many files were fetched since the start. */
  #fetched = 0
  /** By message id, `#fetched` at its last failure in an outage. */
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

  /** The session is READY again: an outage of all media may be over. */
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

  /** Media that are not fetched yet are fetched after the next start. */
  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const { journal, source, directory, now } = this.#options
    if (!this.#isClean) await removeIncoming(directory)
    this.#isClean = true
    // The time of day may have been set back since media were put off.
    journal.trustNoLaterThan(now(), maxRetryMs)
    if ((this.#outage?.probeAt ?? 0) > now() + maxProbeMs && this.#outage !== undefined)
      this.#outage.probeAt = 0
    for (;;) {
      const fetchMedia = source()
      if (fetchMedia === undefined || this.#isStopped) return
      if ((this.#outage?.probeAt ?? 0) > now()) break
      const [next] = journal.pendingMedia(1, now())
      if (next === undefined) break
      await this.#fetch(next, fetchMedia)
    }
    const nextAt = journal.nextMediaAt()
    if (nextAt !== undefined) this.#wakeAfter(Math.max(nextAt, this.#outage?.probeAt ?? 0) - now())
  }

  #wakeAfter(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#isStopped)
      this.#timer = setTimeout(() => this.wake(), Math.min(maxTimerMs, maxRetryMs, Math.max(1, ms)))
  }

  async #fetch(pending: PendingMedia, fetchMedia: MediaSource): Promise<void> {
    const { message } = pending
    try {
      const result = await fetchMedia(message.id)
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
    if (reason !== undefined) return this.#addOutcome(message, { state: 'skipped', size, reason })
    const sha256 = await storeMedia(directory, pieces, message.media?.sha256)
    const media: Outcome = { state: 'stored', size, sha256 }
    if (mimetype !== undefined) media.mimetype = mimetype
    if (filename !== undefined) media.filename = filename
    await this.#addOutcome(message, media)
    if (journal.hasErased(message)) {
      journal.dropMedia(sha256)
      await deleteErasedMedia(journal, directory)
    }
  }

  #addOutcome(message: CapturedMessage, media: Outcome): Promise<void> {
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
    await this.#addOutcome(message, { state: 'failed', reason })
  }

  async #postpone({ message, attempts }: PendingMedia, trouble: MediaTrouble): Promise<void> {
    const { journal, log, now, giveUpMs } = this.#options
    const isOwn = this.#isOwn(message.id, trouble)
    if (trouble.isOfAll) this.#noteOutage(trouble.message)
    else this.#endOutage()
    const waitMs = isOwn ? this.#backoff(attempts + 1, maxRetryMs) : 0
    // In an outage the file is due as before, after the others, so that all are fetched as soon as
    // the outage is over.
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
    // Other files were fetched since this file failed like this the last time.
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
        `no media can be fetched: ${reason}; ` +
          'one is tried now and then, and all of them once that works'
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
