import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from './journal.ts'
import { UnreadChats } from './unread-chats.ts'

/**
 * Reads back what was missed: on every READY, and at intervals, for events may also be lost
 * silently.
 */
interface Backfill {
  /** Starts a run, after the one under way if there is one; the next follows after the interval. */
  wake(): void
  running(): boolean
  /** Whether the session is READY from now on. */
  online(is: boolean): void
  /** A READY is about to come: `caughtUp` holds from now on. */
  expect(): void
  /**
   * While what was missed before a READY is read back: when that is done, or has taken too long to
   * wait for. What is written only then comes after it, so that each chat keeps its order in the
   * journal.
   */
  caughtUp(): Promise<void> | undefined
  /** A device was linked just now: its history arrives over the next minutes. */
  linked(): void
  /** Chats that cannot be read back now. */
  unreadChats(): number
  /**
   * Messages that WhatsApp Web could not describe in full: the most in one run since this process
   * started.
   */
  unreadMessages(): number
  stop(): void
}

/** What is to be read back. */
export interface Wanted {
  /** All that was written since then, UNIX seconds; */
  since: number
  /**
   * of a chat that was read already, what was written since its newest message then, UNIX seconds,
   * by the chat's id;
   */
  reached: ReadonlyMap<string, number>
  /**
   * of a chat that could not be read before, what the page holds since then, without loading more;
   */
  unread?: ReadonlyMap<string, number>
  /** and the messages with these ids. */
  ids: readonly string[]
  /** Given, only these chats are read, each since its own time (UNIX seconds), and no others. */
  only?: ReadonlyMap<string, number>
}

/** A chat that could not be read in full, and why, without anybody's number. */
export interface UnreadChat {
  chat: string
  why: string
  /** WhatsApp Web is loading it itself: it is only early. */
  isBusy: boolean
}

/** What was read in one go. Chats that are in neither list come in a later group. */
export interface ReadGroup {
  newRecords: NewRecord[]
  /**
   * With the time of the newest message, UNIX seconds, 0: there is none; -1: WhatsApp Web has no
   * such chat.
   */
  read: { chat: string; newest: number }[]
  unread: UnreadChat[]
  /** Messages of which only the plain fields could be read, and those of which nothing could be. */
  plainMessages: number
  lostMessages: number
}

export type ReadBack = (wanted: Wanted) => AsyncIterable<ReadGroup>

export interface BackfillOptions {
  journal: Journal
  /** Reads back while the session is READY, undefined otherwise. Gives whole chats. */
  source: () => ReadBack | undefined
  /** Resolves once on disk. */
  add: (newRecords: readonly NewRecord[]) => Promise<void>
  intervalMs: number
  /** Read again before the time that is known to be complete. */
  overlapMs: number
  /** How far back the first run after the first link goes. */
  firstLinkMs: number
  /** How long `caughtUp` takes at most: in all, and without that anything more was read. */
  catchUpMs?: number
  stallMs?: number
  /** Why some chats cannot be read back, undefined when all can be; after each run. */
  onUnread?: (reason: string | undefined) => void
  log: Log
  now?: () => number
  /** ms, of a clock that only ever goes on. */
  steady?: () => number
}

/** After a device is linked, WhatsApp goes on delivering history for this long. */
const historyMs = 15 * 60_000
/**
 * Whoever links a device wants to see messages come, and there is no earlier order to keep:
 * `caughtUp` takes no longer, ms.
 */
const linkedMs = 10_000

/**
 * What WhatsApp held while this device was away arrives over the first moments of a READY, with the
 * times at which it was written: a run that finds none of it must not be the last to look there. So
 * the mark moves to where a run began only once the session was READY for so long since then, and
 * what was read after that is on disk, ms.
 */
const settleMs = 60_000
/** Of what could not be decrypted: asked for by their ids at most. */
const maxUndecrypted = 500

/** From when on a run has to read, ms. */
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
  // the marks are by this machine's clock, messages by WhatsApp's: a clock that ran ahead must not
  // hide what was missed
  const newest = journal.lastMessageAt()
  return (
    Math.min(
      complete ?? now - firstLinkMs,
      newest === undefined || complete === undefined ? Infinity : newest * 1_000
    ) - overlapMs
  )
}

export const createBackfill = (options: BackfillOptions): Backfill => {
  const {
    journal,
    source,
    add,
    intervalMs,
    overlapMs,
    firstLinkMs,
    catchUpMs = 120_000,
    stallMs = 45_000,
    onUnread = () => undefined,
    log,
    now = Date.now,
    steady = () => performance.now()
  } = options
  const soonMs = Math.min(settleMs, intervalMs)
  const unread = new UnreadChats({ journal, log, now })
  let unreadMessages = 0
  let running = false
  let again = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let catchingUp: PromiseWithResolvers<void> | undefined
  let lateTimer: NodeJS.Timeout | undefined
  let lateAt = 0
  /** How long the session was READY until it was lost last, ms, and since when it is. */
  let onlineMs = 0
  let onlineSince: number | undefined
  /**
   * The run under way or interrupted, which the next one goes on with: when it began, and how long
   * the session had been READY then.
   */
  let begun:
    | { at: number; onlineMs: number; since: number; reached: Map<string, number> }
    | undefined
  /** Those that are done, which the mark may move to, in order. */
  let done: { at: number; onlineMs: number }[] = []

  const release = (): void => {
    clearTimeout(lateTimer)
    catchingUp?.resolve()
    catchingUp = undefined
  }
  const giveUp = (): void => {
    log.warn(
      { event: 'catching_up_late' },
      'what was missed is still being read back: new messages wait for it no longer, so that chats may come out of their order'
    )
    release()
  }
  /** There is progress: `caughtUp` may go on for a while. */
  const extend = (): void => {
    clearTimeout(lateTimer)
    if (catchingUp !== undefined)
      lateTimer = setTimeout(giveUp, Math.max(0, Math.min(stallMs, lateAt - now())))
  }

  const onlineFor = (): number =>
    onlineMs + (onlineSince === undefined ? 0 : steady() - onlineSince)

  /** Goes on with the run that was interrupted, unless more is to be read now. */
  const begin = (): NonNullable<typeof begun> => {
    const at = now()
    const since = readFrom(journal, at, overlapMs, firstLinkMs)
    // however long this machine is off after its first run: what that one looked for is looked for
    // again
    if (journal.mark('complete_until') === undefined)
      journal.setMark('complete_until', since + overlapMs)
    if (begun === undefined || since < begun.since)
      begun = { at, onlineMs: onlineFor(), since, reached: new Map() }
    return begun
  }

  /**
   * A chat is gone, or has another id by now, the person's LID: the next run reads all chats from
   * there on. @param since UNIX seconds
   */
  const lookEverywhere = (since: number): void => {
    if (since * 1_000 >= (journal.mark('complete_until') ?? 0)) return
    done = []
    journal.setMark('complete_until', since * 1_000)
  }

  /**
   * Chats that could not be read before are tried again, after the others, so that they hold nobody
   * up.
   */
  const retryUnread = async (read: ReadBack): Promise<void> => {
    const due = unread.due()
    if (due.size === 0) return
    for await (const group of read({ since: 0, reached: new Map(), ids: [], only: due })) {
      await add(group.newRecords)
      for (const { chat, newest } of group.read) {
        if (newest < 0) lookEverywhere(due.get(chat) ?? Infinity)
        unread.wasRead(chat)
      }
      for (const one of group.unread) unread.failed(one, Infinity)
    }
    tellUnread()
  }

  const tellUnread = (): void => {
    unread.report()
    onUnread(unread.reason())
  }

  /**
   * Keeps what was read of the chats that can be read. @returns messages, and how many of them
   * could not be read in full
   */
  const readAll = async (
    read: ReadBack,
    mine: NonNullable<typeof begun>
  ): Promise<{ messages: number; odd: number }> => {
    const before = unread.all()
    const wanted = {
      since: Math.floor(mine.since / 1_000),
      reached: mine.reached,
      unread: before,
      ids: journal.undecrypted(maxUndecrypted)
    }
    let [messages, odd] = [0, 0]
    for await (const group of read(wanted)) {
      messages += group.newRecords.length
      odd += group.plainMessages + group.lostMessages
      await add(group.newRecords)
      for (const { chat, newest } of group.read) {
        // Of a chat that could not be read before only what the page holds was read.
        if (newest > 0 && !before.has(chat))
          mine.reached.set(chat, Math.max(mine.reached.get(chat) ?? 0, newest))
      }
      for (const one of group.unread) unread.failed(one, mine.since)
      extend()
    }
    tellUnread()
    return { messages, odd }
  }

  const noteOdd = (odd: number): void => {
    if (odd > unreadMessages) {
      log.warn(
        { event: 'backfill_unread_messages', messages: odd },
        `WhatsApp Web could not describe ${odd} messages: of these only the plain fields are kept, if any`
      )
    }
    unreadMessages = Math.max(unreadMessages, odd)
  }

  /** @returns after how many ms the next one follows */
  const run = async (read: ReadBack): Promise<number> => {
    const [started, before, mine] = [now(), journal.lastSeq(), begin()]
    const { messages, odd } = await readAll(read, mine)
    const line = {
      event: 'backfill',
      since: new Date(mine.since).toISOString(),
      read: messages,
      new: journal.lastSeq() - before,
      ms: now() - started
    }
    if (line.new > 0) log.info(line, `read back ${line.new} records`)
    else log.debug(line, 'nothing was missed')
    noteOdd(odd)
    begun = undefined
    const settledAt = done.findLastIndex((one) => mine.onlineMs - one.onlineMs >= soonMs)
    const settled = done[settledAt]
    // only now is everything before that run known to be on disk
    if (settled !== undefined) journal.setMark('complete_until', settled.at)
    done = [...done.slice(settledAt + 1), { at: mine.at, onlineMs: mine.onlineMs }]
    if (!again) release()
    await retryUnread(read)
    const nextMs = settled === undefined ? soonMs : intervalMs
    return Math.min(nextMs, Math.max(1_000, (unread.nextDue() ?? Infinity) - now()))
  }

  const start = (): void => {
    const read = source()
    if (stopped || read === undefined) return release()
    again = running
    if (running) return
    running = true
    clearTimeout(timer)
    void run(read)
      .catch((error: unknown) => {
        log.warn(
          { event: 'backfill_failed', err: error, retry_ms: intervalMs },
          'reading back was interrupted; the next run goes on with the chats that are left'
        )
        return intervalMs
      })
      .then((nextMs) => {
        running = false
        if (!again) release()
        if (!stopped) timer = setTimeout(start, again ? 0 : nextMs)
      })
  }
  const expect = (): void => {
    if (stopped) return
    if (catchingUp === undefined) lateAt = now() + catchUpMs
    catchingUp ??= Promise.withResolvers()
    extend()
  }
  return {
    expect,
    wake: () => {
      expect()
      start()
    },
    running: () => running,
    online: (is) => {
      if (is && onlineSince === undefined) {
        onlineSince = steady()
        unread.retryAll()
      }
      if (!is) [onlineMs, onlineSince] = [onlineFor(), undefined]
    },
    caughtUp: () => catchingUp?.promise,
    unreadChats: () => unread.count,
    unreadMessages: () => unreadMessages,
    linked: () => {
      begun = undefined
      journal.setMark('link_floor', journal.mark('complete_until'))
      journal.setMark('linked_at', now())
      lateAt = Math.min(lateAt, now() + linkedMs)
      extend()
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
      release()
    }
  }
}
