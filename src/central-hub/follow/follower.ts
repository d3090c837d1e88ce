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
 * Follows session-manager's journal for as long as the hub runs: verify, open the stream at the
 * cursor, take what comes.
 */
export interface Follower {
  /**
   * How it stands; `elsewhere`: another hub follows, and this one stands by; `fault` says what is
   * wrong and how to mend it.
   */
  state(): {
    verified: boolean
    following: boolean
    elsewhere?: boolean
    fault?: string
    account?: string
    seq: number
    lastSeq: number
  }
  stop(): Promise<void>
}

export interface FollowerOptions {
  upstream: Upstream
  ingest: Ingest
  cursor: (account: string) => Promise<Cursor | undefined>
  /** What session-manager says of the session, or the problem that keeps it from being asked. */
  onSession: (session: Status | Problem) => void
  /** After each change of `state`. */
  onChange: () => void
  /** How often the identity is verified while following, ms. */
  checkIntervalMs: number
  maxDelayMs: number
  log: Log
}

/**
 * session-manager sends a heartbeat every 15 s: after this long without a byte the stream is dead,
 * ms.
 */
const silentMs = 40_000
const minDelayMs = 250
/** A stream that lasted this long was a good one: what ends it starts a new row of failures, ms. */
const goodAfterMs = 1_000
/**
 * Read while a transaction runs, so that a backlog is taken in large groups, bytes: some 1,000
 * records of text.
 */
const maxAhead = 512 * 1024
const records = once(() => Compile(JournalRecord))

export const createFollower = (options: FollowerOptions): Follower => {
  const { upstream, ingest, cursor, onSession, onChange, checkIntervalMs, maxDelayMs, log } =
    options
  const stopping = new AbortController()
  let state: ReturnType<Follower['state']> = {
    verified: false,
    following: false,
    seq: 0,
    lastSeq: 0
  }
  let failures = 0
  /** Where the store's cursor is: it is nobody else's to move. */
  let stands: Cursor | null = null

  const set = (facts: Partial<typeof state>): void => {
    state = { ...state, ...facts }
    onChange()
  }
  const clearFault = (): void => {
    const { fault, ...rest } = state
    state = rest
    if (fault !== undefined)
      log.info(
        { event: 'upstream_mended', base_url: upstream.baseUrl },
        `session-manager at ${upstream.baseUrl} answers as it should`
      )
  }

  /**
   * Where to start in the journal that is there now: another journal, or an older copy of the same,
   * is read from its start.
   */
  const startAt = async ({ account, status }: Identity): Promise<number> => {
    stands = (await cursor(account)) ?? null
    if (stands === null) return 0
    const { id, last_seq } = status.journal
    if (stands.journalId === id && stands.seq <= last_seq) return stands.seq
    log.warn(
      { event: 'journal_replaced', account, cursor: stands.seq, last_seq },
      `the journal of account ${account} was replaced: it is read from its start, what is known already is left as it is`
    )
    return 0
  }

  const parse = (event: EventSourceMessage): JournalRecord => {
    const value: unknown = JSON.parse(event.data)
    if (!records().Check(value)) {
      const [error] = records().Errors(value)
      throw new PlainError(
        `record ${event.id ?? '?'} is not as this release knows records (${error?.instancePath || '/'} ${error?.message ?? ''}): upgrade central-hub to session-manager's version`
      )
    }
    return value
  }

  const take = async (identity: Identity, records: readonly JournalRecord[]): Promise<void> => {
    const fresh = records.filter(({ seq }) => seq > state.seq)
    const last = fresh.at(-1)
    if (last === undefined) return
    if (fresh.some((record, index) => record.seq !== state.seq + 1 + index))
      throw new Error(`the journal has a gap after record ${state.seq}`)
    const [account, journalId] = [identity.account, identity.status.journal.id]
    await ingest.take(account, journalId, fresh, stands)
    stands = { account, journalId, seq: last.seq, epoch: epochOf(stands) }
    set({ seq: last.seq, lastSeq: Math.max(state.lastSeq, last.seq) })
    failures = 0
  }

  /** One stream, from its opening to its end. */
  const followOnce = async (): Promise<never> => {
    const identity = await upstream.verify()
    const seq = await startAt(identity)
    clearFault()
    set({
      verified: true,
      account: identity.account,
      seq,
      lastSeq: identity.status.journal.last_seq
    })
    onSession(identity.status)
    const over = new AbortController()
    let opened: number | undefined
    const signal = AbortSignal.any([stopping.signal, over.signal])
    // an error thrown into a stream that nobody reads at that moment must still end the reading
    const end = (error: unknown): void => over.abort(error)
    let silent = setTimeout(
      () => end(new Error(`no byte came for ${silentMs / 1_000} s`)),
      silentMs
    )
    const check = setInterval(() => void upstream.verify().catch(end), checkIntervalMs)
    try {
      const stream = await upstream.open(seq, signal)
      set({ following: true })
      log.info(
        {
          event: 'following',
          account: identity.account,
          after: seq,
          last_seq: identity.status.journal.last_seq,
          base_url: upstream.baseUrl
        },
        `following session-manager at ${upstream.baseUrl}`
      )
      opened = performance.now()
      const waiting: JournalRecord[] = []
      let broken: Error | undefined
      const hear = (event: EventSourceMessage): void => {
        if (broken) return
        if (event.event === 'record') waiting.push(parse(event))
        else if (event.event === 'status') onSession(JSON.parse(event.data) as Status)
        else if (event.event === 'end')
          broken = new Error(
            `session-manager ended the stream: ${(JSON.parse(event.data) as { reason: string }).reason}`
          )
      }
      const parser = createParser({
        onEvent: (event) => {
          try {
            hear(event)
          } catch (error) {
            broken = error instanceof Error ? error : new Error(reasonOf(error))
          }
        }
      })
      const decoder = new TextDecoder()
      for await (const parts of readAhead(stream, maxAhead)) {
        clearTimeout(silent)
        for (const bytes of parts) parser.feed(decoder.decode(bytes, { stream: true }))
        // what has come by now is one transaction; what comes meanwhile is the next one
        await take(identity, waiting.splice(0))
        if (broken) throw broken
        silent = setTimeout(
          () => end(new Error(`no byte came for ${silentMs / 1_000} s`)),
          silentMs
        )
      }
      throw new Error('session-manager ended the stream')
    } catch (error) {
      throw over.signal.aborted ? over.signal.reason : error
    } finally {
      if (opened !== undefined && performance.now() - opened > goodAfterMs) failures = 0
      over.abort()
      clearTimeout(silent)
      clearInterval(check)
    }
  }

  const report = (error: unknown, retryMs: number): void => {
    // a fault of the database is none of session-manager's
    const problem =
      error instanceof ProblemError && error.problem.type !== toProblemUrn('store-unavailable')
        ? error.problem
        : undefined
    const reason = reasonOf(error)
    const fault = problem
      ? reason
      : `following session-manager at ${upstream.baseUrl} failed: ${reason}`
    const cause = problem ? { problem: problem.type } : { err: error }
    const line = { event: 'upstream_fault', attempt: failures, retry_ms: retryMs, ...cause }
    // the first of a kind is news; those that follow only say that it lasts
    if (fault !== state.fault && problem) log.error(line, fault)
    else log.warn(line, fault)
    set(omitUndefined({ fault, following: false, verified: problem ? false : undefined }))
    if (problem) onSession(problem)
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await followOnce()
      } catch (error) {
        if (stopping.signal.aborted) return
        if (error instanceof ReadTooEarly) {
          log.info(
            { event: 'stream_reopened', account: state.account, after: state.seq },
            error.message
          )
          continue
        }
        failures += 1
        const retryMs = Math.round(
          Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 20)) *
            (0.5 + Math.random() / 2)
        )
        report(error, retryMs)
        await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }
  const running = run()
  return {
    state: () => state,
    stop: () => {
      stopping.abort()
      return running
    }
  }
}
