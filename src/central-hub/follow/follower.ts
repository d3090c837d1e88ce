import { setTimeout as delay } from 'node:timers/promises'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { Compile } from 'typebox/compile'
import type { Problem } from '../../contract/problem.ts'
import { JournalRecord } from '../../contract/record.ts'
import type { Status } from '../../contract/session.ts'
import { PlainError, reasonOf } from '../../platform/harmless.ts'
import { once } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { ProblemError, toProblemUrn } from '../../platform/http/problem.ts'
import type { Ingest } from './ingest.ts'
import { readAhead } from './read-ahead.ts'
import { epochOf, ReadTooEarly, type Cursor } from '../store/write/cursors.ts'
import type { Identity, Upstream } from './upstream.ts'

/**
 * How a journal is followed. `standby`: another hub of the store follows it. `fault`: what is wrong
 * and how to fix it.
 */
export interface FollowerState {
  verified: boolean
  following: boolean
  standby?: boolean
  fault?: string
  account?: string
  seq: number
  lastSeq: number
}

/** Follows session-manager's journal for as long as the hub runs. */
export interface Follower {
  state(): FollowerState
  stop(): Promise<void>
}

export interface FollowerOptions {
  upstream: Pick<Upstream, 'baseUrl' | 'verify' | 'open'>
  ingest: Ingest
  cursor: (account: string) => Promise<Cursor | undefined>
  /** Called with what session-manager says of the session, or with why it cannot be asked. */
  onSession: (session: Status | Problem) => void
  /** Called after each change of `state`. */
  onChange: () => void
  /** How often the identity is verified while following, ms. */
  checkIntervalMs: number
  maxDelayMs: number
  log: Log
}

/**
 * A stream without a byte for this long is dead, ms. session-manager sends a heartbeat every 15 s.
 */
const silentMs = 40_000
const minDelayMs = 250
/** A stream that lasted this long resets the backoff, ms. */
const goodAfterMs = 1_000
/**
 * Bytes that are read while a transaction runs, so that a backlog is taken in large groups: some
 * 1,000 records of text.
 */
const maxAhead = 512 * 1024
const recordSchema = once(() => Compile(JournalRecord))

const parseRecord = (event: EventSourceMessage): JournalRecord => {
  const value: unknown = JSON.parse(event.data)
  if (recordSchema().Check(value)) return value
  const [error] = recordSchema().Errors(value)
  throw new PlainError(
    `record ${event.id ?? '?'} is not as this release knows records ` +
      `(${error?.instancePath || '/'} ${error?.message ?? ''}): ` +
      `upgrade central-hub to session-manager's version`
  )
}

/** Parses the bytes of an event stream. */
class StreamParser {
  readonly #onSession: (session: Status) => void
  readonly #parser = createParser({ onEvent: (event) => this.#tryTake(event) })
  readonly #decoder = new TextDecoder()
  #records: JournalRecord[] = []
  /** What ends the stream. The records before it are valid. */
  error: Error | undefined

  /** @param onSession called with each status in the stream, before the records are returned */
  constructor(onSession: (session: Status) => void) {
    this.#onSession = onSession
  }

  /** @returns the records that are complete with these bytes */
  parse(parts: readonly Uint8Array[]): JournalRecord[] {
    for (const bytes of parts) this.#parser.feed(this.#decoder.decode(bytes, { stream: true }))
    return this.#records.splice(0)
  }

  #tryTake(event: EventSourceMessage): void {
    if (this.error) return
    try {
      this.#take(event)
    } catch (error) {
      this.error = error instanceof Error ? error : new Error(reasonOf(error))
    }
  }

  #take(event: EventSourceMessage): void {
    if (event.event === 'record') this.#records.push(parseRecord(event))
    else if (event.event === 'status') this.#onSession(JSON.parse(event.data) as Status)
    else if (event.event === 'end') {
      const { reason } = JSON.parse(event.data) as { reason: string }
      this.error = new Error(`session-manager ended the stream: ${reason}`)
    }
  }
}

/** Calls back when nothing came for `silentMs`. */
class SilenceTimer {
  readonly #onSilent: (error: Error) => void
  #timer: NodeJS.Timeout | undefined

  constructor(onSilent: (error: Error) => void) {
    this.#onSilent = onSilent
  }

  start(): void {
    this.#timer = setTimeout(
      () => this.#onSilent(new Error(`no byte came for ${silentMs / 1_000} s`)),
      silentMs
    )
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

/** Verifies session-manager, opens its stream at the store's cursor, and stores what comes. */
class JournalFollower implements Follower {
  readonly #options: FollowerOptions
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>
  #state: FollowerState = { verified: false, following: false, seq: 0, lastSeq: 0 }
  #failures = 0
  /** The store's cursor, which only this follower moves. */
  #cursor: Cursor | null = null

  constructor(options: FollowerOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  // Arrow functions, because callers hand them over without the object.
  readonly state = (): FollowerState => this.#state

  readonly stop = (): Promise<void> => {
    this.#stopping.abort()
    return this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        await this.#followOnce()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof ReadTooEarly) {
          const { account, seq } = this.#state
          this.#options.log.info({ event: 'stream_reopened', account, after: seq }, error.message)
          continue
        }
        const retryMs = this.#nextDelayMs()
        this.#report(error, retryMs)
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #nextDelayMs(): number {
    this.#failures += 1
    const backoffMs = minDelayMs * 2 ** Math.min(this.#failures - 1, 20)
    return Math.round(Math.min(this.#options.maxDelayMs, backoffMs) * (0.5 + Math.random() / 2))
  }

  /** Follows one stream, from its opening to its end. */
  async #followOnce(): Promise<never> {
    const { upstream, checkIntervalMs } = this.#options
    const identity = await upstream.verify()
    const seq = await this.#begin(identity)
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#stopping.signal, ended.signal])
    // An error thrown into a stream that nobody reads at that moment must still end the reading.
    const end = (error: unknown): void => ended.abort(error)
    const silence = new SilenceTimer(end)
    silence.start()
    const check = setInterval(() => void upstream.verify().catch(end), checkIntervalMs)
    let openedAt: number | undefined
    try {
      const stream = await upstream.open(seq, signal)
      this.#set({ following: true })
      this.#logFollowing(identity, seq)
      openedAt = performance.now()
      await this.#storeAll(stream, identity, silence)
      throw new Error('session-manager ended the stream')
    } catch (error) {
      throw ended.signal.aborted ? ended.signal.reason : error
    } finally {
      if (openedAt !== undefined && performance.now() - openedAt > goodAfterMs) this.#failures = 0
      ended.abort()
      silence.stop()
      clearInterval(check)
    }
  }

  /** @returns the record after which the stream is opened */
  async #begin(identity: Identity): Promise<number> {
    const { account, status } = identity
    const seq = await this.#findStart(identity)
    this.#clearFault()
    this.#set({ verified: true, account, seq, lastSeq: status.journal.last_seq })
    this.#options.onSession(status)
    return seq
  }

  /** Another journal, or an older copy of the same one, is read from its start. */
  async #findStart({ account, status }: Identity): Promise<number> {
    const { cursor, log } = this.#options
    this.#cursor = (await cursor(account)) ?? null
    if (this.#cursor === null) return 0
    const { journalId, seq } = this.#cursor
    const { id, last_seq } = status.journal
    if (journalId === id && seq <= last_seq) return seq
    log.warn(
      { event: 'journal_replaced', account, cursor: seq, last_seq },
      `the journal of account ${account} was replaced: it is read from its start, ` +
        'what is known already is left as it is'
    )
    return 0
  }

  async #storeAll(
    stream: AsyncIterable<Uint8Array>,
    identity: Identity,
    silence: SilenceTimer
  ): Promise<void> {
    const parser = new StreamParser(this.#options.onSession)
    for await (const parts of readAhead(stream, maxAhead)) {
      silence.stop()
      // What has arrived is one transaction. What arrives while it runs is the next one.
      await this.#store(identity, parser.parse(parts))
      if (parser.error) throw parser.error
      silence.start()
    }
  }

  async #store(identity: Identity, records: readonly JournalRecord[]): Promise<void> {
    const { seq, lastSeq } = this.#state
    const fresh = records.filter((record) => record.seq > seq)
    const last = fresh.at(-1)
    if (last === undefined) return
    if (fresh.some((record, index) => record.seq !== seq + 1 + index))
      throw new Error(`the journal has a gap after record ${seq}`)
    const [account, journalId] = [identity.account, identity.status.journal.id]
    await this.#options.ingest.take(account, journalId, fresh, this.#cursor)
    this.#cursor = { account, journalId, seq: last.seq, epoch: epochOf(this.#cursor) }
    this.#set({ seq: last.seq, lastSeq: Math.max(lastSeq, last.seq) })
    this.#failures = 0
  }

  #set(facts: Partial<FollowerState>): void {
    this.#state = { ...this.#state, ...facts }
    this.#options.onChange()
  }

  #clearFault(): void {
    const { fault, ...rest } = this.#state
    this.#state = rest
    if (fault === undefined) return
    const { log, upstream } = this.#options
    log.info(
      { event: 'upstream_mended', base_url: upstream.baseUrl },
      `session-manager at ${upstream.baseUrl} answers as it should`
    )
  }

  #logFollowing({ account, status }: Identity, seq: number): void {
    const { log, upstream } = this.#options
    log.info(
      {
        event: 'following',
        account,
        after: seq,
        last_seq: status.journal.last_seq,
        base_url: upstream.baseUrl
      },
      `following session-manager at ${upstream.baseUrl}`
    )
  }

  #report(error: unknown, retryMs: number): void {
    const { upstream, log, onSession } = this.#options
    // An error of the database is not one of session-manager.
    const problem =
      error instanceof ProblemError && error.problem.type !== toProblemUrn('store-unavailable')
        ? error.problem
        : undefined
    const reason = reasonOf(error)
    const fault = problem
      ? reason
      : `following session-manager at ${upstream.baseUrl} failed: ${reason}`
    const cause = problem ? { problem: problem.type } : { err: error }
    const line = { event: 'upstream_fault', attempt: this.#failures, retry_ms: retryMs, ...cause }
    // The first of a kind is news. Those that follow only say that it lasts.
    if (fault !== this.#state.fault && problem) log.error(line, fault)
    else log.warn(line, fault)
    this.#set(omitUndefined({ fault, following: false, verified: problem ? false : undefined }))
    if (problem) onSession(problem)
  }
}

export const createFollower = (options: FollowerOptions): Follower => new JournalFollower(options)
