import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from './journal.ts'
import { UnreadChats } from './unread-chats.ts'

/** What is to be read back. */
export interface Wanted {
  /** All messages written since this time, UNIX seconds. */
  since: number
  /**
   * Chats that were read already, each with the time of its newest message then, UNIX seconds. Of
   * these, messages written since that time are read.
   */
  reached: ReadonlyMap<string, number>
  /**
   * Chats that could not be read before, each with the time since when it is to be read. Of these,
   * only what the page holds is read, without loading more.
   */
  unread?: ReadonlyMap<string, number>
  /** The messages with these ids are read, too. */
  ids: readonly string[]
  /** When given, only these chats are read, each since its own time, UNIX seconds. */
  only?: ReadonlyMap<string, number>
}

/** A chat that could not be read in full, and why, without anybody's number. */
export interface UnreadChat {
  chat: string
  why: string
  /** WhatsApp Web itself is loading the chat: it is only early. */
  isBusy: boolean
}

/** The chats of one read. Chats that are in neither list come in a later group. */
export interface ReadGroup {
  newRecords: NewRecord[]
  /**
   * With the time of the newest message, UNIX seconds. 0: the chat has no message. -1: WhatsApp Web
   * has no such chat.
   */
  read: { chat: string; newest: number }[]
  unread: UnreadChat[]
  /** Messages of which only the plain fields could be read. */
  plainMessages: number
  /** Messages of which nothing could be read. */
  lostMessages: number
}

export type ReadBack = (wanted: Wanted) => AsyncIterable<ReadGroup>

export interface BackfillOptions {
  journal: Journal
  /** Reads back whole chats while the session is READY; undefined otherwise. */
  source: () => ReadBack | undefined
  /** Resolves once the records are on disk: what backfill reads is never dropped. */
  add: (newRecords: readonly NewRecord[]) => Promise<void>
  intervalMs: number
  /** Each run reads again what is this long before the time that is known to be complete. */
  overlapMs: number
  /** How far back the first run after the first link goes. */
  firstLinkMs: number
  /** How long `caughtUp` takes at most. */
  catchUpMs?: number
  /** How long `caughtUp` takes at most while nothing more is read. */
  stallMs?: number
  /** Called after each run: why some chats cannot be read back, undefined when all can. */
  onUnread?: (reason: string | undefined) => void
  log: Log
  now?: () => number
  /** ms of a clock that only goes on. */
  steady?: () => number
}

/** After a device is linked, WhatsApp goes on delivering history for this long. */
const historyMs = 15 * 60_000
/**
 * `caughtUp` takes no longer than this after a device was linked, ms: people who link a device want
 * to see messages come, and there is no earlier order to keep.
 */
const linkedMs = 10_000

/**
 * The messages that WhatsApp held while this device was away arrive over the first moments of a
 * READY, with the times at which they were written. A run that misses them must not be the last to
 * look there. So the mark moves to the beginning of a run only after two things: the session was
 * READY for this long since then, ms, and what was read after that is on disk.
 */
const settleMs = 60_000
/** How many messages that could not be decrypted are asked for by their ids. */
const maxUndecrypted = 500

/** The time from which a run has to read, ms. */
export const readFrom = (
  journal: Journal,
  now: number,
  overlapMs: number,
  firstLinkMs: number
): number => {
  const complete = journal.mark('complete_until')
  const linkedAt = journal.mark('linked_at')
  const floor = journal.mark('link_floor')
  if (linkedAt !== undefined && now - linkedAt < historyMs)
    return (floor ?? linkedAt - firstLinkMs) - overlapMs
  // The marks are times of this machine's clock, messages have times of WhatsApp's. A clock that
  // ran ahead must not hide what was missed.
  const newest = journal.lastMessageAt()
  return (
    Math.min(
      complete ?? now - firstLinkMs,
      newest === undefined || complete === undefined ? Infinity : newest * 1_000
    ) - overlapMs
  )
}

type CatchUpOptions = Pick<Required<BackfillOptions>, 'catchUpMs' | 'stallMs' | 'log' | 'now'>

/**
 * The wait of live messages while missed messages are read back. What is written only afterwards
 * keeps each chat in order in the journal.
 */
class CatchUp {
  readonly #options: CatchUpOptions
  #waiting: PromiseWithResolvers<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #endsAt = 0

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  /** Resolves once the wait is over; undefined without one. */
  get done(): Promise<void> | undefined {
    return this.#waiting?.promise
  }

  begin(): void {
    const { now, catchUpMs } = this.#options
    if (this.#waiting === undefined) this.#endsAt = now() + catchUpMs
    this.#waiting ??= Promise.withResolvers()
    this.extend()
  }

  /** Called when there is progress: the wait may go on for a while. */
  extend(): void {
    const { now, stallMs } = this.#options
    clearTimeout(this.#timer)
    if (this.#waiting !== undefined)
      this.#timer = setTimeout(
        () => this.#giveUp(),
        Math.max(0, Math.min(stallMs, this.#endsAt - now()))
      )
  }

  /** Has the wait end within this time, ms. */
  shortenTo(ms: number): void {
    this.#endsAt = Math.min(this.#endsAt, this.#options.now() + ms)
    this.extend()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#waiting?.resolve()
    this.#waiting = undefined
  }

  #giveUp(): void {
    this.#options.log.warn(
      { event: 'catching_up_late' },
      'what was missed is still being read back: new messages wait for it no longer, ' +
        'so that chats may come out of their order'
    )
    this.end()
  }
}

/** When a run began, ms, and how long the session had been READY then, ms. */
interface RunStart {
  at: number
  onlineMs: number
}

/** A run under way, or one that was interrupted and that the next run continues. */
interface Run extends RunStart {
  since: number
  reached: Map<string, number>
}

/**
 * Reads back what was missed: on every READY, and at intervals, because events may also be lost
 * silently.
 */
export class Backfill {
  readonly #options: Required<BackfillOptions>
  /** The wait until the next run while the mark has not moved. */
  readonly #soonMs: number
  readonly #unread: UnreadChats
  readonly #catchUp: CatchUp
  #unreadMessages = 0
  #isRunning = false
  /** Another run was asked for while one was under way. */
  #isRunWanted = false
  #isStopped = false
  #timer: NodeJS.Timeout | undefined
  /** How long the session was READY until it was lost last, ms. */
  #onlineMs = 0
  /** Since when the session is READY. */
  #onlineSince: number | undefined
  #current: Run | undefined
  /** Finished runs, oldest first. The mark may move to their beginnings. */
  #finished: RunStart[] = []

  constructor(options: BackfillOptions) {
    this.#options = {
      catchUpMs: 120_000,
      stallMs: 45_000,
      onUnread: () => undefined,
      now: Date.now,
      steady: () => performance.now(),
      ...options
    }
    const { journal, log, now } = this.#options
    this.#soonMs = Math.min(settleMs, options.intervalMs)
    this.#unread = new UnreadChats({ journal, log, now })
    this.#catchUp = new CatchUp(this.#options)
  }

  /** A READY is about to come: `caughtUp` holds from now on. */
  expect(): void {
    if (!this.#isStopped) this.#catchUp.begin()
  }

  /** Starts a run, or another one after the one under way. Then runs follow at intervals. */
  wake(): void {
    this.expect()
    this.#start()
  }

  running(): boolean {
    return this.#isRunning
  }

  /** Whether the session is READY from now on. */
  online(isOnline: boolean): void {
    if (isOnline && this.#onlineSince === undefined) {
      this.#onlineSince = this.#options.steady()
      this.#unread.retryAll()
    }
    if (!isOnline) [this.#onlineMs, this.#onlineSince] = [this.#onlineFor(), undefined]
  }

  /**
   * Resolves once what was missed before a READY is read back, or that takes too long; undefined
   * when nothing is to be waited for.
   */
  caughtUp(): Promise<void> | undefined {
    return this.#catchUp.done
  }

  /** How many chats cannot be read back now. */
  unreadChats(): number {
    return this.#unread.count
  }

  /**
   * How many messages WhatsApp Web could not describe in full: the most in one run since this
   * process started.
   */
  unreadMessages(): number {
    return this.#unreadMessages
  }

  /** A device was linked just now: its history arrives over the next minutes. */
  linked(): void {
    const { journal, now } = this.#options
    this.#current = undefined
    journal.setMark('link_floor', journal.mark('complete_until'))
    journal.setMark('linked_at', now())
    this.#catchUp.shortenTo(linkedMs)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#catchUp.end()
  }

  #onlineFor(): number {
    const since = this.#onlineSince
    return this.#onlineMs + (since === undefined ? 0 : this.#options.steady() - since)
  }

  #start(): void {
    const { source, intervalMs, log } = this.#options
    const read = source()
    if (this.#isStopped || read === undefined) return this.#catchUp.end()
    this.#isRunWanted = this.#isRunning
    if (this.#isRunning) return
    this.#isRunning = true
    clearTimeout(this.#timer)
    void this.#run(read)
      .catch((error: unknown) => {
        log.warn(
          { event: 'backfill_failed', err: error, retry_ms: intervalMs },
          'reading back was interrupted; the next run goes on with the chats that are left'
        )
        return intervalMs
      })
      .then((nextMs) => {
        this.#isRunning = false
        if (!this.#isRunWanted) this.#catchUp.end()
        if (!this.#isStopped)
          this.#timer = setTimeout(() => this.#start(), this.#isRunWanted ? 0 : nextMs)
      })
  }

  /** @returns after how many ms the next run follows */
  async #run(read: ReadBack): Promise<number> {
    const { journal, intervalMs, now } = this.#options
    const [startedAt, lastSeq, run] = [now(), journal.lastSeq(), this.#beginOrResume()]
    const { messages, odd } = await this.#readAll(read, run)
    this.#logRun(run.since, messages, journal.lastSeq() - lastSeq, now() - startedAt)
    this.#noteOdd(odd)
    this.#current = undefined
    const hasMoved = this.#moveMark(run)
    if (!this.#isRunWanted) this.#catchUp.end()
    await this.#retryUnread(read)
    const nextMs = hasMoved ? intervalMs : this.#soonMs
    return Math.min(nextMs, Math.max(1_000, (this.#unread.nextDue() ?? Infinity) - now()))
  }

  /** Continues the run that was interrupted, unless more is to be read now. */
  #beginOrResume(): Run {
    const { journal, overlapMs, firstLinkMs, now } = this.#options
    const at = now()
    const since = readFrom(journal, at, overlapMs, firstLinkMs)
    // If this machine is off after its first run, for any time, the next run looks for the same.
    if (journal.mark('complete_until') === undefined)
      journal.setMark('complete_until', since + overlapMs)
    if (this.#current === undefined || since < this.#current.since)
      this.#current = { at, onlineMs: this.#onlineFor(), since, reached: new Map() }
    return this.#current
  }

  /**
   * Keeps the messages of the chats that can be read.
   * @returns how many messages, and how many of these could not be read in full
   */
  async #readAll(read: ReadBack, run: Run): Promise<{ messages: number; odd: number }> {
    const { journal, add } = this.#options
    const unreadBefore = this.#unread.all()
    const wanted = {
      since: Math.floor(run.since / 1_000),
      reached: run.reached,
      unread: unreadBefore,
      ids: journal.undecrypted(maxUndecrypted)
    }
    let [messages, odd] = [0, 0]
    for await (const group of read(wanted)) {
      messages += group.newRecords.length
      odd += group.plainMessages + group.lostMessages
      await add(group.newRecords)
      for (const { chat, newest } of group.read) {
        // Of a chat that could not be read before, only what the page holds was read.
        if (newest > 0 && !unreadBefore.has(chat))
          run.reached.set(chat, Math.max(run.reached.get(chat) ?? 0, newest))
      }
      for (const chat of group.unread) this.#unread.failed(chat, run.since)
      this.#catchUp.extend()
    }
    this.#reportUnread()
    return { messages, odd }
  }

  #logRun(since: number, messages: number, records: number, ms: number): void {
    const { log } = this.#options
    const line = {
      event: 'backfill',
      since: new Date(since).toISOString(),
      read: messages,
      new: records,
      ms
    }
    if (records > 0) log.info(line, `read back ${records} records`)
    else log.debug(line, 'nothing was missed')
  }

  #noteOdd(odd: number): void {
    if (odd > this.#unreadMessages) {
      this.#options.log.warn(
        { event: 'backfill_unread_messages', messages: odd },
        `WhatsApp Web could not describe ${odd} messages: ` +
          'of these only the plain fields are kept, if any'
      )
    }
    this.#unreadMessages = Math.max(this.#unreadMessages, odd)
  }

  /**
   * Moves the mark to the beginning of the newest run that has settled. Only now is everything
   * before that run known to be on disk.
   * @returns whether it moved
   */
  #moveMark(run: Run): boolean {
    const settledAt = this.#finished.findLastIndex(
      ({ onlineMs }) => run.onlineMs - onlineMs >= this.#soonMs
    )
    const settled = this.#finished[settledAt]
    if (settled !== undefined) this.#options.journal.setMark('complete_until', settled.at)
    this.#finished = [
      ...this.#finished.slice(settledAt + 1),
      { at: run.at, onlineMs: run.onlineMs }
    ]
    return settled !== undefined
  }

  /**
   * Tries chats again that could not be read before. It comes last, so that none waits for them.
   */
  async #retryUnread(read: ReadBack): Promise<void> {
    const due = this.#unread.due()
    if (due.size === 0) return
    for await (const group of read({ since: 0, reached: new Map(), ids: [], only: due })) {
      await this.#options.add(group.newRecords)
      for (const { chat, newest } of group.read) {
        if (newest < 0) this.#readAllSince(due.get(chat) ?? Infinity)
        this.#unread.wasRead(chat)
      }
      for (const chat of group.unread) this.#unread.failed(chat, Infinity)
    }
    this.#reportUnread()
  }

  /**
   * Has the next run read all chats since a time, UNIX seconds: a chat is gone, or has another id
   * now, the LID of its person.
   */
  #readAllSince(since: number): void {
    const { journal } = this.#options
    if (since * 1_000 >= (journal.mark('complete_until') ?? 0)) return
    this.#finished = []
    journal.setMark('complete_until', since * 1_000)
  }

  #reportUnread(): void {
    this.#unread.report()
    this.#options.onUnread(this.#unread.reason())
  }
}
