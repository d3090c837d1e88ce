import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { JournalRecord } from '../../contract/record.ts'
import { afterHeader, journalHeader } from '../../contract/stream.ts'
import type { Log } from '../../platform/log.ts'
import type { Ingest } from '../ingest.ts'
import type { Cursor } from '../store/cursors.ts'
import { sortOut, type Streamed } from './standing.ts'

/**
 * Takes the records of one account from the stream, in the journal's order. What is taken is told by the cursor in the
 * store, in the transaction that takes it: a record that is delivered twice, or to two hubs, changes nothing.
 */
export interface Taker {
  /** `following`: records come to this hub; else another hub takes them, or `fault` says why they do not come. */
  state(): { following: boolean; seq: number; lastSeq: number; fault?: string }
  stop(): Promise<void>
}

export interface TakerOptions {
  account: string
  /** The consumer that hubs share; made if need be. */
  consumer: () => Promise<Consumer>
  /** Has the consumer begin at the stream's start again. */
  rewind: () => Promise<unknown>
  /** The journal that the stream's last record of the account is of. */
  newestJournal: () => Promise<string | undefined>
  /** Reads from session-manager's journal what the stream has no more; undefined when it cannot be reached. */
  readJournal?: (journalId: string, after: number, limit: number) => Promise<readonly JournalRecord[] | undefined>
  parse: (data: unknown) => JournalRecord
  ingest: Ingest
  cursor: () => Promise<Cursor | undefined>
  onChange: () => void
  log: Log
  maxDelayMs?: number
  /** One request for records; a hub that is cut off loses its turn after this, ms. */
  turnMs?: number
}

/** Records delivered and not acknowledged, to all hubs together: the largest transaction. */
export const batchSize = 256
/** Between two looks whether another hub still takes this account, ms. */
const standByMs = 1_000
const minDelayMs = 250
/** While another hub commits what comes before: how often its cursor is looked at, and the wait between, ms. */
const looks = 6
const lookMs = 20

/** A request that was not refused for this long waits at the server, ms. */
const acceptedMs = 250

/** What a hub gives back when it stops is delivered again after this: at once it could be to the request that this hub just ended, ms. */
const giveBackMs = 250

/** A message of the stream, with what it is of. */
interface Held extends Streamed {
  message: JsMsg
}

const isSame = (a: Cursor | null | undefined, b: Cursor | null | undefined): boolean => a?.journalId === b?.journalId && a?.seq === b?.seq

export const createTaker = (options: TakerOptions): Taker => {
  const { account, consumer, rewind, newestJournal, readJournal, parse, ingest, cursor, onChange, log, maxDelayMs = 10_000, turnMs = 5_000 } = options
  const stopping = new AbortController()
  let state: ReturnType<Taker['state']> = { following: false, seq: 0, lastSeq: 0 }
  let failures = 0
  /** Delivered and neither taken nor given back, by its place in the stream. */
  const held = new Map<number, Held>()
  /** The turn that is under way. */
  let turn: { close(): unknown } | undefined
  /** Where the cursor stood when the stream was read from its start. */
  let rewound: Cursor | null | undefined

  const set = (facts: Partial<typeof state>): void => {
    const changed = Object.entries(facts).some(([name, value]) => state[name as keyof typeof state] !== value)
    state = { ...state, ...facts }
    if (changed) onChange()
  }
  const mended = (): void => {
    failures = 0
    if (state.fault === undefined) return
    const { fault: _, ...rest } = state
    state = rest
    log.info({ event: 'stream_mended', account }, `records of account ${account} come from NATS again`)
    onChange()
  }
  const pause = (ms: number): Promise<unknown> => delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined)

  const toHeld = (message: JsMsg): Held => {
    const after = message.headers?.get(afterHeader)
    return { message, journalId: message.headers?.get(journalHeader) ?? '', record: parse(message.json()), ...(after ? { after } : {}) }
  }
  const inStreamOrder = (): Held[] => [...held.values()].toSorted((a, b) => a.message.seq - b.message.seq)
  const done = (ones: readonly Held[]): void => {
    for (const { message } of ones) {
      message.ack()
      held.delete(message.seq)
    }
  }

  /** Takes what comes next of what is held. @returns whether something did */
  const takeNext = async (): Promise<boolean> => {
    const stands = await cursor()
    const ones = inStreamOrder()
    let sorted = sortOut(stands, ones)
    if (sorted.unclear) sorted = sortOut(stands, ones, await newestJournal())
    const { taken, next } = sorted
    done(taken)
    const [first, last] = [next[0], next.at(-1)]
    if (first === undefined || last === undefined) return taken.length > 0
    if (first.record.seq === 1 && stands !== undefined) {
      log.warn({ event: 'journal_replaced', account, cursor: stands.seq }, `the journal of account ${account} was replaced: it is read from its start, what is known already is left as it is`)
    }
    try {
      await ingest.take(account, first.journalId, next.map(({ record }) => record), stands ?? null)
    } catch (error) {
      // another hub took them meanwhile
      if (isSame(stands, await cursor())) throw error
      return true
    }
    done(next)
    set({ seq: last.record.seq, lastSeq: last.record.seq + last.message.info.pending })
    mended()
    return true
  }

  const takeAll = async (): Promise<void> => {
    while (held.size > 0 && (await takeNext()));
  }

  /** Takes all it can; what then is left waits for records that another hub is taking, or for more of the stream. */
  const settle = async (hasMore: () => boolean): Promise<void> => {
    for (let look = 0; held.size > 0 && look < looks && !stopping.signal.aborted; look += 1) {
      await takeAll()
      if (held.size === 0 || hasMore()) return
      await pause(lookMs * 2 ** look)
    }
  }

  /**
   * Mends a gap once nothing can come before what is held, neither from the stream nor by another hub: by reading the
   * stream from its start, as for a store that was restored; then from the journal. A store that knows nothing yet of the
   * account begins with what there is. @returns whether the stream is to be read from its start
   */
  const mendGap = async (from: Consumer): Promise<boolean> => {
    const [{ num_ack_pending, num_pending }, stands] = [await from.info(), await cursor()]
    const [first] = inStreamOrder()
    if (first === undefined || num_ack_pending > held.size || (num_pending > 0 && held.size < batchSize)) return false
    if (rewound === undefined || !isSame(rewound, stands)) {
      rewound = stands ?? null
      log.warn({ event: 'stream_reread', account, cursor: stands?.seq }, `records of account ${account} are missing before ${first.record.seq}: the stream is read from its start`)
      await rewind()
      return true
    }
    const after = stands?.journalId === first.journalId ? stands.seq : 0
    const missing = await readJournal?.(first.journalId, after, Math.min(batchSize, first.record.seq - 1 - after))
    if (missing !== undefined && missing.length > 0) {
      log.info({ event: 'read_from_journal', account, after, records: missing.length }, 'records that the stream has no more were read from session-manager')
      await ingest.take(account, first.journalId, missing, stands ?? null)
    } else if (stands === undefined) {
      log.warn({ event: 'begun_late', account, seq: first.record.seq }, `the stream has no records of account ${account} before ${first.record.seq}: the store begins there`)
      await ingest.take(account, first.journalId, [first.record], null)
    } else throw new Error(`those after ${stands.seq} are not in the stream any more: name its session-manager in FURTHER_SESSION_MANAGERS, from whose journal they are then read`)
    rewound = (await cursor()) ?? null
    return false
  }

  const hold = async (message: JsMsg): Promise<void> => {
    try {
      held.set(message.seq, toHeld(message))
    } catch (error) {
      await takeAll()
      throw error
    }
  }

  /** One request for records, until it is fulfilled or its time is over. @returns false when another hub has the turn */
  const takeTurn = async (from: Consumer): Promise<boolean> => {
    const messages = await from.fetch({ max_messages: batchSize, expires: turnMs })
    turn = messages
    const hasMore = (): boolean => messages.getPending() > 0
    const accepted = setTimeout(() => set({ following: true }), acceptedMs)
    try {
      for await (const message of messages) {
        if (stopping.signal.aborted) message.nak(giveBackMs)
        else await hold(message)
        // what has come by now is one transaction
        if (!hasMore()) await settle(hasMore)
      }
      return true
    } catch (error) {
      if (!/exceeded maxwaiting/i.test((error as Error).message)) throw error
      return false
    } finally {
      clearTimeout(accepted)
      turn = undefined
    }
  }

  const follow = async (): Promise<void> => {
    const from = await consumer()
    while (!stopping.signal.aborted) {
      await takeAll()
      const mine = await takeTurn(from)
      await takeAll()
      if (held.size === 0) mended()
      else if (mine && !stopping.signal.aborted && (await mendGap(from))) return held.clear()
      set({ following: mine })
      if (!mine) await pause(standByMs * (0.5 + Math.random()))
    }
  }

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await follow()
      } catch (error) {
        if (stopping.signal.aborted) return
        failures += 1
        const retryMs = Math.round(Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 20)) * (0.5 + Math.random() / 2))
        const fault = `records of account ${account} do not come from NATS: ${error instanceof Error ? error.message : String(error)}`
        log.warn({ event: 'stream_fault', account, attempt: failures, retry_ms: retryMs }, fault)
        set({ following: false, fault })
        await pause(retryMs)
      }
    }
  }
  const running = run()
  return {
    state: () => state,
    stop: async () => {
      stopping.abort()
      turn?.close()
      await running
      // another hub need not wait until their time is over
      for (const { message } of held.values()) message.nak(giveBackMs)
    }
  }
}
