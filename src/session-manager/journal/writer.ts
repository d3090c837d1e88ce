import { setTimeout as delay } from 'node:timers/promises'
import type { InboundRecord } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { NewRecord, Journal } from './journal.ts'

/** Records of one write, with one fsync. */
const batchSize = 500
/**
 * Past this, memory is at stake: live records are dropped, but for outcomes of media. A later run
 * of backfill reads messages back, but no reactions and votes. What backfill reads always queues.
 */
const maxQueued = 100_000
const lookupTimeoutMs = 2_000
const maxPhones = 50_000
/** A write that takes longer is logged, ms, but only once in `slowLogMs`. */
const slowMs = 1_000
const slowLogMs = 60_000

/** SQLITE_TOOBIG and SQLITE_MISMATCH, https://sqlite.org/rescode.html */
const contentCodes = new Set([18, 20])
/** Whether an error is because of the record, not of the disk: it would fail the same each time. */
const isOfContent = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  contentCodes.has(Number((error as { errcode?: number } | undefined)?.errcode) & 0xff)

/** Without the record of an outcome, the same media would be fetched again, without end. */
const isOutcome = ({ kind }: NewRecord): boolean => kind === 'media'

/** Records that were given to `add` together. */
interface Write {
  newRecords: readonly NewRecord[]
  source: InboundRecord['source']
  onWritten: () => void
}

interface JournalWriterOptions {
  journal: Pick<Journal, 'append' | 'phone'>
  /** The phone numbers of LIDs, as far as WhatsApp Web knows them. */
  phones: (lids: readonly string[]) => Promise<Map<string, string>>
  /** What an error of the journal means, for an operator. */
  whyUnwritable: (error: unknown) => string
  /** Called when `failure` begins and when it ends. */
  onFailureChanged?: () => void
  log: Log
  /** ms of a clock that only goes on. */
  steady?: () => number
}

/**
 * Writes records from the page to the journal, in order of arrival. All that has arrived is written
 * as one batch with one fsync.
 */
export class JournalWriter {
  readonly #options: JournalWriterOptions
  readonly #steady: () => number
  readonly #queue: Write[] = []
  #queuedRecords = 0
  /** Phone numbers by LID. */
  readonly #phones = new Map<string, string>()
  readonly #stopping = new AbortController()
  #failure: { reason: string; since: number } | undefined
  #slowLoggedAt = -Infinity
  #isBusy = false
  #done: Promise<void> = Promise.resolve()

  constructor(options: JournalWriterOptions) {
    this.#options = options
    this.#steady = options.steady ?? (() => performance.now())
  }

  /** Resolves once all records are on disk, or immediately when they are dropped. */
  add(newRecords: readonly NewRecord[], source: InboundRecord['source']): Promise<void> {
    return new Promise((resolve) => {
      if (newRecords.length === 0) return resolve()
      if (this.#isFullFor(newRecords, source)) {
        this.#options.log.error(
          { event: 'capture_overflow', dropped: newRecords.length },
          'too much waits for the journal: dropped, to be read back later'
        )
        return resolve()
      }
      this.#queue.push({ newRecords, source, onWritten: resolve })
      this.#queuedRecords += newRecords.length
      if (this.#isBusy) return
      this.#isBusy = true
      this.#done = this.#processQueue()
    })
  }

  /**
   * Why the journal cannot be written, and since when (ms of a clock that only goes on); undefined
   * while it can.
   */
  failure(): { reason: string; since: number } | undefined {
    return this.#failure
  }

  /**
   * Resolves once everything in the queue is written. At the first write that fails it gives up the
   * rest, and the promises of their callers stay pending.
   */
  stop(): Promise<void> {
    this.#stopping.abort()
    return this.#done
  }

  #isFullFor(newRecords: readonly NewRecord[], source: InboundRecord['source']): boolean {
    return (
      source === 'live' &&
      !newRecords.some(isOutcome) &&
      this.#queuedRecords + newRecords.length > maxQueued
    )
  }

  async #processQueue(): Promise<void> {
    // Records that arrive in this turn of the event loop join the batch.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch()
      const newRecords = batch.flatMap((write) => write.newRecords)
      await this.#fillInPhones(newRecords)
      const isWritten = await this.#appendWithRetry(newRecords, (batch[0] as Write).source)
      if (!isWritten) return // Stopping: callers must not believe that the records are on disk.
      this.#queuedRecords -= newRecords.length
      for (const { onWritten } of batch) onWritten()
    }
    this.#isBusy = false
  }

  /** The next writes of one source. */
  #takeBatch(): Write[] {
    const { source } = this.#queue[0] as Write
    let records = 0
    let end = 0
    for (const write of this.#queue) {
      if (write.source !== source) break
      if (records > 0 && records + write.newRecords.length > batchSize) break
      records += write.newRecords.length
      end += 1
    }
    return this.#queue.splice(0, end)
  }

  /** A message without a phone number is neither delayed for long nor lost. */
  async #fillInPhones(newRecords: readonly NewRecord[]): Promise<void> {
    // A person may have another number from now on.
    if (newRecords.some(({ message }) => message.number_change !== undefined)) this.#phones.clear()
    const nameless = newRecords.filter(
      ({ message }) => message.lid !== undefined && message.phone === undefined
    )
    for (const { message } of nameless) this.#learnFromJournal(message.lid)
    const unknown = nameless.flatMap(({ message }) =>
      message.lid && !this.#phones.has(message.lid) ? [message.lid] : []
    )
    if (unknown.length > 0) await this.#lookUpPhones([...new Set(unknown)])
    for (const { message } of nameless) {
      const phone = this.#phones.get(message.lid as string)
      if (phone !== undefined) message.phone = phone
    }
  }

  #learnFromJournal(lid: string | undefined): void {
    if (lid === undefined || this.#phones.has(lid)) return
    const phone = this.#options.journal.phone(lid)
    if (phone !== undefined) this.#phones.set(lid, phone)
  }

  async #lookUpPhones(lids: readonly string[]): Promise<void> {
    const { phones, log } = this.#options
    try {
      if (this.#phones.size > maxPhones) this.#phones.clear()
      for (const [lid, phone] of await withTimeout(phones(lids), lookupTimeoutMs))
        this.#phones.set(lid, phone)
    } catch (error) {
      log.warn(
        { event: 'lid_lookup_failed', lids: lids.length, err: error },
        'phone numbers of LIDs could not be looked up'
      )
    }
  }

  /** @returns whether the records are on disk; false only once this is stopping */
  async #appendWithRetry(
    newRecords: readonly NewRecord[],
    source: InboundRecord['source']
  ): Promise<boolean> {
    for (let waitMs = 100; ; waitMs = Math.min(30_000, waitMs * 2)) {
      try {
        this.#append(newRecords, source)
        return true
      } catch (error) {
        if (isOfContent(error)) return await this.#appendEach(newRecords, source, error)
        this.#reportUnwritable(error, waitMs)
        const { signal } = this.#stopping
        await delay(waitMs, undefined, { signal }).catch(() => undefined)
        if (signal.aborted) return false
      }
    }
  }

  #append(newRecords: readonly NewRecord[], source: InboundRecord['source']): void {
    const startedAt = this.#steady()
    this.#options.journal.append(newRecords, source)
    this.#reportIfSlow(this.#steady() - startedAt)
    if (this.#failure === undefined) return
    this.#failure = undefined
    this.#options.log.info({ event: 'journal_writable' }, 'the journal can be written again')
    this.#options.onFailureChanged?.()
  }

  /** A record that cannot be written must not keep all others out of the journal. */
  async #appendEach(
    newRecords: readonly NewRecord[],
    source: InboundRecord['source'],
    error: unknown
  ): Promise<boolean> {
    if (newRecords.length > 1) {
      for (const newRecord of newRecords)
        if (!(await this.#appendWithRetry([newRecord], source))) return false
      return true
    }
    const { name } = error as Error
    this.#options.log.error(
      { event: 'capture_refused', kind: newRecords[0]?.kind, error: name },
      `a record cannot be written whatever the disk does (${name}): ` +
        'it is left out, all others are written'
    )
    return true
  }

  #reportUnwritable(error: unknown, retryMs: number): void {
    const { whyUnwritable, log } = this.#options
    const reason = whyUnwritable(error)
    const isNew = this.#failure === undefined
    this.#failure = { reason, since: this.#failure?.since ?? this.#steady() }
    if (isNew) this.#options.onFailureChanged?.()
    log.error(
      {
        event: 'journal_unwritable',
        waiting: this.#queuedRecords,
        retry_ms: retryMs,
        err: error
      },
      `the journal cannot be written: ${reason}`
    )
  }

  #reportIfSlow(tookMs: number): void {
    if (tookMs < slowMs || this.#steady() - this.#slowLoggedAt < slowLogMs) return
    this.#slowLoggedAt = this.#steady()
    const ms = Math.round(tookMs)
    this.#options.log.warn(
      { event: 'journal_slow', ms, waiting: this.#queuedRecords },
      `the disk is slow: the journal took ${ms} ms to write, and all else waits meanwhile`
    )
  }
}
