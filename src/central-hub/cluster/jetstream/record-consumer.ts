import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { JournalRecord } from '../../../contract/record.ts'
import { afterHeader, journalHeader } from '../../../contract/stream.ts'
import { reasonOf } from '../../../platform/harmless.ts'
import { retryForever, type RetryForever } from '../../../platform/retry-forever.ts'
import { epochOf, ReadTooEarly, type Cursor } from '../../store/write/cursors.ts'
import { GapFiller, type GapOptions } from './gap-filler.ts'
import { isSame, reorder, type Streamed } from './position.ts'

export interface RecordConsumerOptions extends GapOptions {
  /** Gives the consumer that hubs share, and makes it if it is missing. */
  consumer: () => Promise<Consumer>
  /** Gives the journal of the account's last record in the stream. */
  newestJournal: () => Promise<string | undefined>
  parse: (data: unknown) => JournalRecord
  onChange: () => void
  maxDelayMs?: number
  /** The time of one request for records, ms. A hub that is cut off loses its turn after that. */
  turnMs?: number
}

/**
 * `following`: records come to this hub. Otherwise another hub takes them, or `fault` says why they
 * do not come.
 */
export interface RecordConsumerState {
  following: boolean
  seq: number
  lastSeq: number
  fault?: string
}

/** Records delivered to all hubs and not acknowledged, at most: the largest transaction. */
export const batchSize = 256
/** How often a hub checks whether another hub still takes this account, ms. */
const standByMs = 1_000
/**
 * While another hub commits what comes before, its cursor is checked this often. The wait between
 * two checks begins with `recheckMs` and doubles.
 */
const maxRechecks = 6
const recheckMs = 20

/** A request that was not refused for this long waits at the server, ms. */
const acceptedMs = 250

/**
 * The delay after which the server delivers again what a hub gives back when it stops, ms. Without
 * it the server could answer the request that this hub just ended.
 */
const giveBackMs = 250

/** A message of the stream with its record, neither taken nor given back. */
interface Buffered extends Streamed {
  message: JsMsg
}

/**
 * Takes the records of one account from the stream, in the journal's order. The cursor moves in the
 * transaction that takes records, so a record that is delivered twice, or to two hubs, changes
 * nothing: see `positionOf` and `checkCursor`.
 */
export class RecordConsumer {
  readonly #options: RecordConsumerOptions
  readonly #stopping = new AbortController()
  readonly #gapFiller: GapFiller
  readonly #work: RetryForever
  /** By the place in the stream. */
  readonly #buffer = new Map<number, Buffered>()
  #state: RecordConsumerState = { following: false, seq: 0, lastSeq: 0 }
  /** The request under way. */
  #request: { close(): unknown } | undefined
  /** The epoch of the cursor when the records in the buffer were asked for. */
  #epoch = 0

  constructor(options: RecordConsumerOptions) {
    this.#options = options
    this.#gapFiller = new GapFiller(options)
    this.#work = retryForever({
      run: () => this.#run(),
      report: (error, attempt, retryMs) => this.#report(error, attempt, retryMs),
      stop: this.#stopping.signal,
      maxDelayMs: options.maxDelayMs ?? 10_000
    })
  }

  state(): RecordConsumerState {
    return this.#state
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#request?.close()
    await this.#work.over
    // Another hub need not wait until the time of these is over.
    for (const { message } of this.#buffer.values()) message.nak(giveBackMs)
  }

  async #run(): Promise<void> {
    try {
      await this.#follow()
    } catch (error) {
      if (!(error instanceof ReadTooEarly)) throw error
      const { account, log } = this.#options
      log.info({ event: 'stream_reopened', account, after: this.#state.seq }, error.message)
      this.#giveBack()
    }
  }

  async #follow(): Promise<void> {
    const consumer = await this.#options.consumer()
    const epoch = epochOf(await this.#options.cursor())
    // What the buffer has from before a failure was read in an earlier epoch.
    if (epoch !== this.#epoch) this.#giveBack()
    this.#epoch = epoch
    while (!this.#stopping.signal.aborted) {
      await this.#takeAll()
      const hasTurn = await this.#takeTurn(consumer)
      await this.#takeAll()
      if (this.#buffer.size === 0) this.#onRecovered()
      if (hasTurn && (await this.#fillGap(consumer)) === 'rewound') return this.#buffer.clear()
      this.#set({ following: hasTurn })
      if (hasTurn) continue
      // Only a hub that has all delivered records sees whether one is missing in the stream.
      this.#giveBack()
      await this.#pause(standByMs * (0.5 + Math.random()))
    }
  }

  /** @returns undefined when there is no gap */
  async #fillGap(consumer: Consumer): Promise<'rewound' | 'filled' | undefined> {
    const [first] = this.#inStreamOrder()
    if (first === undefined || !(await this.#isGap(consumer))) return undefined
    return this.#gapFiller.fill(first, this.#epoch)
  }

  /** Whether nothing can come before what the buffer has, from the stream or by another hub. */
  async #isGap(consumer: Consumer): Promise<boolean> {
    if (this.#stopping.signal.aborted) return false
    const { num_ack_pending, num_pending } = await consumer.info()
    const { size } = this.#buffer
    return num_ack_pending <= size && (num_pending === 0 || size >= batchSize)
  }

  /**
   * Makes one request for records, until it is fulfilled or its time is over.
   * @returns false when another hub has the turn
   */
  async #takeTurn(consumer: Consumer): Promise<boolean> {
    const expires = this.#options.turnMs ?? 5_000
    const messages = await consumer.fetch({ max_messages: batchSize, expires })
    this.#request = messages
    const hasMore = (): boolean => messages.getPending() > 0
    const accepted = setTimeout(() => this.#set({ following: true }), acceptedMs)
    try {
      for await (const message of messages) {
        if (this.#stopping.signal.aborted) message.nak(giveBackMs)
        else await this.#add(message)
        // What has arrived is one transaction.
        if (!hasMore()) await this.#takeArrived(hasMore)
      }
      return true
    } catch (error) {
      if (!/exceeded maxwaiting/i.test((error as Error).message)) throw error
      return false
    } finally {
      clearTimeout(accepted)
      this.#request = undefined
    }
  }

  async #add(message: JsMsg): Promise<void> {
    try {
      this.#buffer.set(message.seq, this.#parse(message))
    } catch (error) {
      await this.#takeAll()
      throw error
    }
  }

  #parse(message: JsMsg): Buffered {
    const after = message.headers?.get(afterHeader)
    const item: Buffered = {
      message,
      journalId: message.headers?.get(journalHeader) ?? '',
      record: this.#options.parse(message.json())
    }
    if (after) item.after = after
    return item
  }

  /**
   * Takes all it can. What is left waits for records that another hub is taking, or for more of the
   * stream.
   */
  async #takeArrived(hasMore: () => boolean): Promise<void> {
    const { signal } = this.#stopping
    for (let check = 0; check < maxRechecks; check += 1) {
      if (this.#buffer.size === 0 || signal.aborted) return
      await this.#takeAll()
      if (this.#buffer.size === 0 || hasMore()) return
      await this.#pause(recheckMs * 2 ** check)
    }
  }

  async #takeAll(): Promise<void> {
    while (this.#buffer.size > 0 && (await this.#takeNext()) === 'taken');
  }

  /** Takes what comes next in the buffer. */
  async #takeNext(): Promise<'taken' | 'nothing'> {
    const { account, newestJournal } = this.#options
    const cursor = await this.#options.cursor()
    if (epochOf(cursor) !== this.#epoch) throw new ReadTooEarly(account)
    const items = this.#inStreamOrder()
    let sorted = reorder(cursor, items)
    if (sorted.unclear) sorted = reorder(cursor, items, await newestJournal())
    const { taken, next } = sorted
    this.#acknowledge(taken)
    // What was read from the journal instead is taken, too.
    if (taken.length > 0 && cursor !== undefined)
      this.#set({ seq: cursor.seq, lastSeq: Math.max(this.#state.lastSeq, cursor.seq) })
    const [first, last] = [next[0], next.at(-1)]
    if (first === undefined || last === undefined) return taken.length > 0 ? 'taken' : 'nothing'
    this.#logOtherJournal(cursor, first)
    if (!(await this.#store(cursor, first.journalId, next))) return 'taken'
    this.#acknowledge(next)
    this.#set({ seq: last.record.seq, lastSeq: last.record.seq + last.message.info.pending })
    this.#onRecovered()
    return 'taken'
  }

  /** @returns false when another hub took the records first */
  async #store(
    cursor: Cursor | undefined,
    journalId: string,
    items: readonly Buffered[]
  ): Promise<boolean> {
    const { account, ingest } = this.#options
    const records = items.map(({ record }) => record)
    try {
      await ingest.take(account, journalId, records, cursor ?? null)
      return true
    } catch (error) {
      if (isSame(cursor, await this.#options.cursor())) throw error
      return false
    }
  }

  #logOtherJournal(cursor: Cursor | undefined, { journalId, record }: Buffered): void {
    if (cursor === undefined || cursor.journalId === journalId) return
    const { account, log } = this.#options
    if (record.seq === 1)
      log.warn(
        { event: 'journal_replaced', account, cursor: cursor.seq },
        `the journal of account ${account} was replaced: it is read from its start, ` +
          'what is known already is left as it is'
      )
    else
      log.info(
        { event: 'journal_resumed', account, seq: record.seq },
        `the journal of account ${account} is another host's again, ` +
          "and goes on where that one's had ended"
      )
  }

  #inStreamOrder(): Buffered[] {
    return [...this.#buffer.values()].toSorted((a, b) => a.message.seq - b.message.seq)
  }

  #acknowledge(items: readonly Buffered[]): void {
    for (const { message } of items) {
      message.ack()
      this.#buffer.delete(message.seq)
    }
  }

  /** Has the buffer delivered again: the stream then has nothing of what was erased. */
  #giveBack(): void {
    for (const { message } of this.#buffer.values()) message.nak()
    this.#buffer.clear()
  }

  #pause(ms: number): Promise<unknown> {
    return delay(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  #set(facts: Partial<RecordConsumerState>): void {
    const state = this.#state
    const isChanged = Object.entries(facts).some(
      ([name, value]) => state[name as keyof RecordConsumerState] !== value
    )
    this.#state = { ...state, ...facts }
    if (isChanged) this.#options.onChange()
  }

  #onRecovered(): void {
    const { account, log, onChange } = this.#options
    this.#work.resetBackoff()
    if (this.#state.fault === undefined) return
    const { fault: _, ...rest } = this.#state
    this.#state = rest
    log.info(
      { event: 'stream_mended', account },
      `records of account ${account} come from NATS again`
    )
    onChange()
  }

  #report(error: unknown, attempt: number, retryMs: number): void {
    const { account, log } = this.#options
    const fault = `records of account ${account} do not come from NATS: ${reasonOf(error)}`
    log.warn({ event: 'stream_fault', account, attempt, retry_ms: retryMs }, fault)
    this.#set({ following: false, fault })
  }
}
