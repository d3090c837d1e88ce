import type { Log } from '../../platform/log.ts'
import type { UnreadChat } from './backfill.ts'
import type { Journal } from './journal.ts'

interface Attempts {
  failures: number
  isBusy: boolean
  why: string
  /** When the chat is tried again, ms. */
  dueAt: number
}

const backoffMs = {
  busy: { first: 10_000, max: 300_000 },
  failed: { first: 60_000, max: 3_600_000 }
}
/** A busy chat is reported after this many failures: most chats are free again after seconds. */
const reportBusyAfter = 4

interface UnreadChatsOptions {
  journal: Pick<Journal, 'unreadChats' | 'setUnreadChat'>
  log: Log
  now: () => number
  /** From 0 to 1. */
  random?: () => number
}

/**
 * The chats that cannot be read back. Each has its own time since when it is to be read. The
 * journal keeps that time over restarts. Each chat is tried again with backoff, and delays no other
 * chat.
 */
export class UnreadChats {
  readonly #journal: UnreadChatsOptions['journal']
  readonly #log: Log
  readonly #now: () => number
  readonly #random: () => number
  /** By chat id. A chat that an earlier process noted is not here until it is tried. */
  readonly #attempts = new Map<string, Attempts>()
  #reported = 0

  constructor({ journal, log, now, random = Math.random }: UnreadChatsOptions) {
    this.#journal = journal
    this.#log = log
    this.#now = now
    this.#random = random
  }

  /** All chats, each with the time since when it is to be read, UNIX seconds. */
  all(): Map<string, number> {
    return inSeconds(this.#journal.unreadChats())
  }

  /** The chats that are to be tried now. */
  due(): Map<string, number> {
    const now = this.#now()
    return new Map(
      [...this.all()].filter(([chat]) => (this.#attempts.get(chat)?.dueAt ?? 0) <= now)
    )
  }

  /** When the next chat is to be tried, ms; undefined without chats. */
  nextDue(): number | undefined {
    const dues = [...this.#journal.unreadChats().keys()].map(
      (chat) => this.#attempts.get(chat)?.dueAt ?? 0
    )
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** Has all chats tried again: in a new page, what failed in the last page may work. */
  retryAll(): void {
    for (const attempts of this.#attempts.values()) attempts.dueAt = 0
  }

  /** @param since messages are missing from this time on, ms, unless more was missing before */
  failed({ chat, why, isBusy }: UnreadChat, since: number): void {
    const known = this.#journal.unreadChats().get(chat)
    this.#journal.setUnreadChat(chat, Math.min(since, known ?? Infinity))
    const failures = (this.#attempts.get(chat)?.failures ?? 0) + 1
    const { first, max } = isBusy ? backoffMs.busy : backoffMs.failed
    const waitMs =
      Math.min(max, first * 2 ** Math.min(failures - 1, 20)) * (0.5 + this.#random() / 2)
    this.#attempts.set(chat, { failures, isBusy, why, dueAt: this.#now() + waitMs })
  }

  /** All of the chat was read. */
  wasRead(chat: string): void {
    this.#journal.setUnreadChat(chat, undefined)
    this.#attempts.delete(chat)
  }

  get count(): number {
    return this.#journal.unreadChats().size
  }

  /** How many cannot be read and why, without names or numbers; undefined when all can be. */
  reason(): string | undefined {
    const known = this.#journal.unreadChats()
    const counts = new Map<string, number>()
    for (const [chat, { why, isBusy, failures }] of this.#attempts) {
      if (known.has(chat) && !(isBusy && failures < reportBusyAfter))
        counts.set(why, (counts.get(why) ?? 0) + 1)
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    if (total === 0) return undefined
    const reasons = [...counts]
      .map(([why, count]) => (counts.size === 1 ? why : `${count}: ${why}`))
      .join('; ')
    const chats = total === 1 ? '1 chat' : `${total} chats`
    return `${chats} cannot be read back (${reasons}); messages that were missed there may lack`
  }

  /** Logs a change: when there are more chats than before, and when there are no more. */
  report(): void {
    const reason = this.reason()
    const { count } = this
    if (reason !== undefined && count > this.#reported) {
      this.#log.warn(
        { event: 'backfill_unread', chats: count, reason },
        `${reason}: they are tried again`
      )
    }
    if (count === 0 && this.#reported > 0) {
      this.#log.info({ event: 'backfill_unread_over' }, 'all chats can be read back again')
    }
    if (reason !== undefined || count === 0) this.#reported = count
  }
}

const inSeconds = (times: ReadonlyMap<string, number>): Map<string, number> =>
  new Map([...times].map(([chat, ms]) => [chat, Math.floor(ms / 1_000)]))
