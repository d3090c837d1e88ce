import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer, JsMsg } from '@nats-io/jetstream'
import type { JournalRecord } from '../../../contract/record.ts'
import { afterHeader, journalHeader } from '../../../contract/stream.ts'
import { reasonOf } from '../../../platform/harmless.ts'
import { retryForever } from '../../../platform/retry-forever.ts'
import { epochOf, ReadTooEarly } from '../../store/write/cursors.ts'
import { createGapMender, type GapOptions } from './gap.ts'
import { isSame, sortOut, type Streamed } from './standing.ts'

/**
 * Takes the records of one account from the stream, in the journal's order. What is taken is told
 * by the cursor in the store, in the transaction that takes it: a record that is delivered twice,
 * or to two hubs, changes nothing.
 */
export interface Taker {
  /**
   * `following`: records come to this hub; else another hub takes them, or `fault` says why they do
   * not come.
   */
  state(): { following: boolean; seq: number; lastSeq: number; fault?: string }
  stop(): Promise<void>
}

export interface TakerOptions extends GapOptions {
  /** The consumer that hubs share; made if need be. */
  consumer: () => Promise<Consumer>
  /** The journal that the stream's last record of the account is of. */
  newestJournal: () => Promise<string | undefined>
  parse: (data: unknown) => JournalRecord
  onChange: () => void
  maxDelayMs?: number
  /** One request for records; a hub that is cut off loses its turn after this, ms. */
  turnMs?: number
}

/** Records delivered and not acknowledged, to all hubs together: the largest transaction. */
export const batchSize = 256
/** Between two looks whether another hub still takes this account, ms. */
const standByMs = 1_000
/**
 * While another hub commits what comes before: how often its cursor is looked at, and the wait
 * between, ms.
 */
const looks = 6
const lookMs = 20

/** A request that was not refused for this long waits at the server, ms. */
const acceptedMs = 250

/**
 * What a hub gives back when it stops is delivered again after this: at once it could be to the
 * request that this hub just ended, ms.
 */
const giveBackMs = 250

/** A message of the stream, with what it is of. */
interface Held extends Streamed {
  message: JsMsg
}

export const createTaker = (options: TakerOptions): Taker => {
  const {
    account,
    consumer,
    newestJournal,
    parse,
    ingest,
    cursor,
    onChange,
    log,
    maxDelayMs = 10_000,
    turnMs = 5_000
  } = options
  const stopping = new AbortController()
  let state: ReturnType<Taker['state']> = { following: false, seq: 0, lastSeq: 0 }
  /** Delivered and neither taken nor given back, by its place in the stream. */
  const held = new Map<number, Held>()
  /** The turn that is under way. */
  let turn: { close(): unknown } | undefined
  /** Of the cursor, when the records that are held were asked for. */
  let epoch = 0
  const mendGap = createGapMender(options)

  const set = (facts: Partial<typeof state>): void => {
    const changed = Object.entries(facts).some(
      ([name, value]) => state[name as keyof typeof state] !== value
    )
    state = { ...state, ...facts }
    if (changed) onChange()
  }
  const mended = (): void => {
    work.resetBackoff()
    if (state.fault === undefined) return
    const { fault: _, ...rest } = state
    state = rest
    log.info(
      { event: 'stream_mended', account },
      `records of account ${account} come from NATS again`
    )
    onChange()
  }
  const pause = (ms: number): Promise<unknown> =>
    delay(ms, undefined, { signal: stopping.signal }).catch(() => undefined)

  const toHeld = (message: JsMsg): Held => {
    const after = message.headers?.get(afterHeader)
    const one: Held = {
      message,
      journalId: message.headers?.get(journalHeader) ?? '',
      record: parse(message.json())
    }
    if (after) one.after = after
    return one
  }
  const inStreamOrder = (): Held[] =>
    [...held.values()].toSorted((a, b) => a.message.seq - b.message.seq)
  const done = (ones: readonly Held[]): void => {
    for (const { message } of ones) {
      message.ack()
      held.delete(message.seq)
    }
  }

  /** Takes what comes next of what is held. @returns whether something did */
  const takeNext = async (): Promise<boolean> => {
    const stands = await cursor()
    if (epochOf(stands) !== epoch) throw new ReadTooEarly(account)
    const ones = inStreamOrder()
    let sorted = sortOut(stands, ones)
    if (sorted.unclear) sorted = sortOut(stands, ones, await newestJournal())
    const { taken, next } = sorted
    done(taken)
    // What was read from the journal instead is taken, too.
    if (taken.length > 0 && stands !== undefined)
      set({ seq: stands.seq, lastSeq: Math.max(state.lastSeq, stands.seq) })
    const [first, last] = [next[0], next.at(-1)]
    if (first === undefined || last === undefined) return taken.length > 0
    if (stands !== undefined && stands.journalId !== first.journalId) {
      if (first.record.seq === 1)
        log.warn(
          { event: 'journal_replaced', account, cursor: stands.seq },
          `the journal of account ${account} was replaced: it is read from its start, what is known already is left as it is`
        )
      else
        log.info(
          { event: 'journal_resumed', account, seq: first.record.seq },
          `the journal of account ${account} is another host's again, and goes on where that one's had ended`
        )
    }
    try {
      await ingest.take(
        account,
        first.journalId,
        next.map(({ record }) => record),
        stands ?? null
      )
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

  /**
   * Takes all it can; what then is left waits for records that another hub is taking, or for more
   * of the stream.
   */
  const settle = async (hasMore: () => boolean): Promise<void> => {
    for (let look = 0; held.size > 0 && look < looks && !stopping.signal.aborted; look += 1) {
      await takeAll()
      if (held.size === 0 || hasMore()) return
      await pause(lookMs * 2 ** look)
    }
  }

  /** Whether nothing can come before what is held, neither from the stream nor by another hub. */
  const isGap = async (from: Consumer): Promise<boolean> => {
    if (held.size === 0 || stopping.signal.aborted) return false
    const { num_ack_pending, num_pending } = await from.info()
    return num_ack_pending <= held.size && (num_pending === 0 || held.size >= batchSize)
  }

  const hold = async (message: JsMsg): Promise<void> => {
    try {
      held.set(message.seq, toHeld(message))
    } catch (error) {
      await takeAll()
      throw error
    }
  }

  /**
   * One request for records, until it is fulfilled or its time is over. @returns false when another
   * hub has the turn
   */
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

  /** Has what is held delivered once more: by then the stream has nothing of what was erased. */
  const giveBack = (): void => {
    for (const { message } of held.values()) message.nak()
    held.clear()
  }

  const follow = async (): Promise<void> => {
    const from = await consumer()
    const now = epochOf(await cursor())
    // What is held from before a failure was read in an earlier epoch.
    if (now !== epoch) giveBack()
    epoch = now
    while (!stopping.signal.aborted) {
      await takeAll()
      const mine = await takeTurn(from)
      await takeAll()
      if (held.size === 0) mended()
      const [first] = inStreamOrder()
      if (mine && first !== undefined && (await isGap(from)) && (await mendGap(first, epoch)))
        return held.clear()
      set({ following: mine })
      if (mine) continue
      // Whether a record is missing in the stream is seen only by a hub that holds all that was
      // delivered.
      giveBack()
      await pause(standByMs * (0.5 + Math.random()))
    }
  }

  const run = async (): Promise<void> => {
    try {
      await follow()
    } catch (error) {
      if (!(error instanceof ReadTooEarly)) throw error
      log.info({ event: 'stream_reopened', account, after: state.seq }, error.message)
      giveBack()
    }
  }

  const work = retryForever({
    run,
    report: (error, attempt, retryMs) => {
      const fault = `records of account ${account} do not come from NATS: ${reasonOf(error)}`
      log.warn({ event: 'stream_fault', account, attempt, retry_ms: retryMs }, fault)
      set({ following: false, fault })
    },
    stop: stopping.signal,
    maxDelayMs
  })
  return {
    state: () => state,
    stop: async () => {
      stopping.abort()
      turn?.close()
      await work.over
      // another hub need not wait until their time is over
      for (const { message } of held.values()) message.nak(giveBackMs)
    }
  }
}
