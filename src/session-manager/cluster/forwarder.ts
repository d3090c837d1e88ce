import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream } from '@nats-io/jetstream'
import type { JournalRecord } from '../../contract/record.ts'
import { recordId, recordStream, recordSubject, recordSubjects } from '../../contract/stream.ts'
import { reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { openStream } from '../../platform/nats/nats-stream.ts'
import type { Nats } from '../../platform/nats/nats.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { retryForever, type RetryForever } from '../../platform/retry-forever.ts'
import type { ErasureExchange } from './erasure-exchange.ts'
import { ForwardCursor, type RecordStream } from './forward-cursor.ts'
import type { Journal } from '../journal/journal.ts'
import { deleteFromStream } from './purge.ts'

/** The last record that is in NATS for sure, how many are not, and what keeps them from it. */
interface ForwardState {
  seq: number
  behind: number
  fault?: string
}

interface ForwarderOptions {
  journal: Journal
  account: string
  nats: Nats
  replicas: number
  /** How long records stay in the stream, ms. */
  keepMs: number
  /**
   * Counts the times that this host has had the account; undefined while it has not. The journals
   * of two hosts must not go out at the same time: hubs take one after the other.
   */
  fencingTerm?: () => number | undefined
  log: Log
  onChange?: () => void
  /** Called when erased records are deleted from the stream: hubs follow that erasure then. */
  onPurged?: () => void
  /** The erasures of this host and of the other hosts of the account. */
  exchange?: Pick<ErasureExchange, 'share' | 'catchUp'>
  maxDelayMs?: number
  /** How long `stop` goes on forwarding, ms. */
  finishMs?: number
  /** How long a purge is waited for, with the time that the request has taken before it, ms. */
  purgeWithinMs?: number
}

/**
 * Records published before the first of these is acknowledged. Hubs hold as many that come before
 * their turn.
 */
const windowSize = 128
/** A purge is waited for this long at least, ms. */
const minPurgeWaitMs = 1_000
/** Between two checks whether this host has the account, ms. */
const standByMs = 1_000
/**
 * Errors of NATS that an operator can fix: a stream that is full,
 * https://github.com/nats-io/nats-server/blob/main/server/errors.json
 */
const streamIsFull = new Set([10_047, 10_077, 10_122])

/** @param error of the client or of the server */
const explain = (error: unknown): string => {
  const { message, code } = error as { message: string; code?: unknown }
  const reason = reasonOf(error)
  if (typeof code === 'number' && streamIsFull.has(code))
    return (
      `the stream ${recordStream} takes no more (${reason}): ` +
      'give NATS more room, or shorten NATS_RETENTION'
    )
  if (message.includes('max_payload'))
    return (
      'a record is larger than NATS takes: ' +
      'raise max_payload in the configuration of nats-server'
    )
  return reason
}

/**
 * Forwards the journal to NATS: every record after the last acknowledged one, in order. While NATS
 * is down, or its stream is full, the journal grows and nothing is lost.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #subject: string
  readonly #cursor: ForwardCursor
  readonly #stopping = new AbortController()
  /** Rejects when this stops. */
  readonly #stopped: Promise<never>
  /** Emits 'change' after each window that was answered, or could not be. */
  readonly #progress = new EventEmitter().setMaxListeners(0)
  readonly #work: RetryForever
  /** `nats.connections()` when the cursor was made to agree with the stream. */
  #connections = 0
  #fault: string | undefined
  /** Resolve the purges that are waited for. */
  readonly #purgeWaiters = new Set<() => void>()
  #hasPurged = false
  /** Ends the wait for the next record. */
  #wake: () => void = () => undefined

  constructor(options: ForwarderOptions) {
    const { journal, account, log } = options
    this.#options = options
    this.#subject = recordSubject(account)
    this.#cursor = new ForwardCursor({ journal, account, subject: this.#subject, log })
    this.#stopped = new Promise<never>((_, reject) =>
      this.#stopping.signal.addEventListener('abort', () =>
        reject(new Error('forwarding was stopped'))
      )
    )
    this.#stopped.catch(() => undefined)
    this.#work = retryForever({
      run: () => this.#forward(),
      report: (error, attempt, retryMs) => this.#reportFault(error, attempt, retryMs),
      stop: this.#stopping.signal,
      maxDelayMs: options.maxDelayMs ?? 10_000
    })
  }

  state(): ForwardState {
    return omitUndefined({
      seq: this.#cursor.seq(),
      behind: this.#cursor.behind(),
      fault: this.#fault ?? this.#options.nats.fault()
    })
  }

  /**
   * Deletes from the stream what was erased on request, whichever host forwarded it.
   * @param again whether the same was asked for before: the purge under way continues
   * @param waitedMs for how long the request has waited already
   * @throws {Error} when it takes too long, such as without NATS; the purge is done later
   */
  async purge(again = false, waitedMs = 0): Promise<void> {
    const { journal, nats, purgeWithinMs = 80_000 } = this.#options
    const due = journal.mark('purge_due')
    if (again && due === undefined) return
    // Another value for each erasure: a purge under way has not seen what was erased since.
    if (!again) journal.setMark('purge_due', Math.max(Date.now(), (due ?? 0) + 1))
    const purged = new Promise<void>((resolve) => this.#purgeWaiters.add(resolve))
    this.#wake()
    const late = AbortSignal.any([
      this.#stopping.signal,
      AbortSignal.timeout(Math.max(minPurgeWaitMs, Math.round(purgeWithinMs - waitedMs)))
    ])
    await Promise.race([purged, once(late, 'abort')])
    if (journal.mark('purge_due') !== undefined)
      throw new Error(
        `NATS may still have records of it: ${nats.fault() ?? 'deleting them takes long'}`
      )
  }

  /**
   * Forwards what the journal has, for up to `finishMs` and while NATS takes it, and awaits the
   * answers to what is under way. The rest is forwarded the next time that this host has the
   * account.
   */
  async stop(): Promise<void> {
    await this.#finish()
    this.#stopping.abort()
    await this.#work.over
    const { seq, behind } = this.state()
    const { account, log } = this.#options
    if (behind > 0)
      log.warn(
        { event: 'forwarding_left', account, seq, behind },
        `${behind} records are not in NATS: ` +
          'they are forwarded the next time that this host has the account'
      )
  }

  #fencingTerm(): number | undefined {
    const { fencingTerm } = this.#options
    return fencingTerm === undefined ? 1 : fencingTerm()
  }

  #isPurgeDue(): boolean {
    return this.#options.journal.mark('purge_due') !== undefined
  }

  /** Runs until it is stopped, or must begin again with another connection or term. */
  async #forward(): Promise<void> {
    const { exchange, nats, journal } = this.#options
    this.#progress.emit('change')
    const fencingTerm = this.#fencingTerm()
    if (fencingTerm === undefined) return this.#standBy()
    const stream = await this.#open()
    // What another host has erased must not go out from here.
    await exchange?.catchUp(stream.client)
    await exchange?.share(stream.client)
    await this.#cursor.agree(stream)
    for (;;) {
      await this.#waitForMore()
      if (this.#stopping.signal.aborted) return
      // Another host may have forwarded while this host waited.
      if (this.#connections !== nats.connections() || this.#fencingTerm() !== fencingTerm) return
      await this.#purgeIfDue(stream)
      const records = journal.read(this.#cursor.seq(), windowSize)
      if (records.length > 0) await this.#forwardWindow(stream, records, fencingTerm)
      this.#progress.emit('change')
    }
  }

  /** Purges what was erased here, also while another host has the account, and waits. */
  async #standBy(): Promise<void> {
    if (this.#isPurgeDue()) await this.#purgeIfDue(await this.#open())
    const { signal } = this.#stopping
    await delay(standByMs, undefined, { signal }).catch(() => undefined)
  }

  async #open(): Promise<RecordStream> {
    const { nats, replicas, keepMs } = this.#options
    const connection = await Promise.race([nats.connected, this.#stopped])
    this.#connections = nats.connections()
    const manager = await openStream(connection, {
      name: recordStream,
      subjects: [recordSubjects],
      replicas,
      keepMs
    })
    return { client: jetstream(connection), manager }
  }

  /** Resolves when there is something to forward or to purge, or this stops. */
  #waitForMore(): Promise<void> {
    const { journal } = this.#options
    const { signal } = this.#stopping
    return new Promise((resolve) => {
      const end = (): void => {
        unsubscribe()
        this.#wake = () => undefined
        signal.removeEventListener('abort', end)
        resolve()
      }
      const unsubscribe = journal.subscribe(end)
      signal.addEventListener('abort', end)
      this.#wake = end
      if (this.#isPurgeDue() || this.#hasMore() || signal.aborted) end()
    })
  }

  #hasMore(): boolean {
    return this.#options.journal.lastSeq() > this.#cursor.seq()
  }

  /**
   * Runs between two windows, so that nothing of what was erased is on its way. A record whose
   * publishing failed may still come: then a purge is due once more.
   */
  async #purgeIfDue({ client, manager }: RecordStream): Promise<void> {
    const { journal, exchange, account, log, onPurged } = this.#options
    const due = journal.mark('purge_due')
    if (due === undefined) return
    await exchange?.share(client)
    const records = await deleteFromStream({
      client,
      manager,
      subject: this.#subject,
      journal,
      stop: this.#stopping.signal
    })
    if (journal.mark('purge_due') !== due) return
    journal.setMark('purge_due', undefined)
    journal.noteErasure()
    onPurged?.()
    this.#hasPurged = true
    if (records > 0)
      log.info({ event: 'purged', account, records }, `deleted ${records} erased records from NATS`)
    for (const resolve of this.#purgeWaiters) resolve()
    this.#purgeWaiters.clear()
  }

  /**
   * Publishes one window. The cursor moves past the records that were acknowledged before the first
   * that was not. It moves only while this host still has the account: otherwise records of another
   * host may be before these, and hubs leave these out.
   */
  async #forwardWindow(
    stream: RecordStream,
    records: readonly JournalRecord[],
    fencingTerm: number
  ): Promise<void> {
    const outcomes = await Promise.allSettled(
      records.map((record) => this.#publish(stream, record))
    )
    if (this.#fencingTerm() !== fencingTerm) return
    const failed = outcomes.findIndex(({ status }) => status === 'rejected')
    const count = failed === -1 ? records.length : failed
    const [last, acknowledged] = [records[count - 1], outcomes[count - 1]]
    if (last !== undefined && acknowledged?.status === 'fulfilled') {
      this.#cursor.advance(last.seq, acknowledged.value)
      this.#work.resetBackoff()
    }
    const outcome = outcomes[failed]
    if (outcome?.status === 'rejected') {
      this.#notePurgeAfterFailure()
      throw outcome.reason
    }
    this.#endFault(last?.seq)
  }

  /** @returns the place of the record in the stream */
  async #publish({ client }: RecordStream, record: JournalRecord): Promise<number> {
    const { seq } = await client.publish(this.#subject, JSON.stringify(record), {
      headers: this.#cursor.headersOf(record),
      msgID: recordId(this.#options.journal.id, record.seq),
      expect: { streamName: recordStream }
    })
    return seq
  }

  /** A record whose publishing timed out may still come, and was perhaps erased since. */
  #notePurgeAfterFailure(): void {
    if (!this.#isPurgeDue() && this.#hasPurged)
      this.#options.journal.setMark('purge_due', Date.now())
  }

  #endFault(seq: number | undefined): void {
    const { account, journal, log, onChange } = this.#options
    if (this.#fault !== undefined) {
      this.#fault = undefined
      log.info(
        { event: 'forwarding', account, seq, last_seq: journal.lastSeq() },
        'records are forwarded to NATS again'
      )
    }
    onChange?.()
  }

  #reportFault(error: unknown, attempt: number, retryMs: number): void {
    const { account, nats, log, onChange } = this.#options
    this.#fault = `records are not forwarded: ${nats.fault() ?? explain(error)}`
    this.#progress.emit('change')
    log.warn(
      {
        event: 'forward_fault',
        account,
        attempt,
        retry_ms: retryMs,
        behind: this.#options.journal.lastSeq() - this.#cursor.seq()
      },
      this.#fault
    )
    onChange?.()
  }

  /** Resolves once all is forwarded, cannot be, or the time for it is up. */
  async #finish(): Promise<void> {
    const signal = AbortSignal.timeout(this.#options.finishMs ?? 5_000)
    while (this.#canForward() && !signal.aborted)
      await once(this.#progress, 'change', { signal }).catch(() => undefined)
  }

  #canForward(): boolean {
    return (
      this.#hasMore() &&
      this.#fault === undefined &&
      this.#options.nats.fault() === undefined &&
      this.#fencingTerm() !== undefined
    )
  }
}
