import type { Log } from '../../platform/log.ts'
import type { UnreadChat } from './backfill.ts'
import type { Journal } from './journal.ts'

/**
 * The chats that cannot be read back. Each keeps its own time since when it is to be read (in the
 * journal, so that a restart keeps it), is tried again with backoff, and holds up no other chat.
 */

interface Attempts {
  failures: number
  isBusy: boolean
  why: string
  /** When it is tried again, ms. */
  dueAt: number
}

const backoffMs = {
  busy: { first: 10_000, most: 300_000 },
  failed: { first: 60_000, most: 3_600_000 }
}
/** A chat that is busy is reported once it was busy so often: most are free again after seconds. */
const reportBusyAfter = 4

interface UnreadChatsOptions {
  journal: Pick<Journal, 'unreadChats' | 'setUnreadChat'>
  log: Log
  now: () => number
  /** From 0 to 1. */
  random?: () => number
}

export class UnreadChats {
  readonly #journal: UnreadChatsOptions['journal']
  readonly #log: Log
  readonly #now: () => number
  readonly #random: () => number
  /** By chat id. A chat of an earlier process has none until it is tried. */
  readonly #attempts = new Map<string, Attempts>()
  #reported = 0

  constructor({ journal, log, now, random = Math.random }: UnreadChatsOptions) {
    this.#journal = journal
    this.#log = log
    this.#now = now
    this.#random = random
  }

  /** Each with the time since when it is to be read, UNIX seconds. */
  all(): Map<string, number> {
    return inSeconds(this.#journal.unreadChats())
  }

  /** Those that are to be tried now. */
  due(): Map<string, number> {
    const now = this.#now()
    return new Map(
      [...this.all()].filter(([chat]) => (this.#attempts.get(chat)?.dueAt ?? 0) <= now)
    )
  }

  /** When the next one is to be tried, ms; undefined when there is none. */
  nextDue(): number | undefined {
    const dues = [...this.#journal.unreadChats().keys()].map(
      (chat) => this.#attempts.get(chat)?.dueAt ?? 0
    )
    return dues.length === 0 ? undefined : Math.min(...dues)
  }

  /** There is another page: what failed in the last one may work. */
  retryAll(): void {
    for (const attempts of this.#attempts.values()) attempts.dueAt = 0
  }

  /**
   * @param since what of the chat is missing begins here, ms, unless more of it was missing before
   */
  failed({ chat, why, isBusy }: UnreadChat, since: number): void {
    const known = this.#journal.unreadChats().get(chat)
    this.#journal.setUnreadChat(chat, Math.min(since, known ?? Infinity))
    const failures = (this.#attempts.get(chat)?.failures ?? 0) + 1
    const { first, most } = isBusy ? backoffMs.busy : backoffMs.failed
    const waitMs =
      Math.min(most, first * 2 ** Math.min(failures - 1, 20)) * (0.5 + this.#random() / 2)
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
    return `${total} ${total === 1 ? 'chat' : 'chats'} cannot be read back (${reasons}); messages that were missed there may lack`
  }

  /** Logs a change: once when there are more than before, once when there are none any more. */
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
