import type { Log } from '../../platform/log.ts'
import type { ReadGroup, UnreadChat, Wanted } from '../journal/backfill.ts'
import type { NewRecord } from '../journal/journal.ts'
import type { Page } from './browser.ts'
import { messageRecords } from './new-records.ts'
import { expression } from './expression.ts'
import type { Mapping } from './message.ts'
import type { Raw } from './content/raw.ts'
import {
  listChats,
  readByIds,
  readChats,
  readParts,
  type ChatSince,
  type ReadBounds,
  type ReadResult,
  type UnreadKind
} from './reader.ts'

/**
 * Reading back out of WhatsApp Web what was missed. It reads what the page holds and has it load
 * earlier messages. A chat, a message or a load that fails costs nothing else: it is given back as
 * unread, with the reason.
 */

/**
 * What one call into the page does at most: what it has read is lost when the page is, before it
 * ends.
 */
export const readBounds: ReadBounds = {
  messages: 2_000,
  ms: 2_000,
  perChat: 20_000,
  batchSize: 20,
  loadMs: 10_000,
  busyMs: 500
}
const chatsPerCall = 100

/** The chats with activity since a time, and chats whose ids cannot be read. */
interface ActiveChats {
  chats: ChatSince[]
  nameless: number
}

/**
 * Chats not read yet come first, then the quietest, so that the order is roughly that of the
 * messages.
 */
const activeChats = async (page: Page, wanted: Wanted): Promise<ActiveChats> => {
  const found = (await page.evaluate(expression(readParts, listChats))) as ReturnType<
    typeof listChats
  >
  const { since, reached, unread } = wanted
  const active = found.chats
    .map(([id, t]) => ({
      id,
      t,
      from: unread?.get(id) ?? reached.get(id) ?? since,
      wasRead: Number(reached.has(id))
    }))
    .filter(({ t, from }) => t >= from)
    .sort((a, b) => a.wasRead - b.wasRead || a.t - b.t)
  return {
    chats: active.map(({ id, from }) => [id, from, unread?.has(id) !== true]),
    nameless: found.nameless
  }
}

/**
 * Why a chat is not read, in words for an operator. The words of the page's error are for the log
 * only.
 */
const describeUnread = (kind: UnreadKind, error: string, bounds: ReadBounds): string => {
  if (kind === 'busy') return 'WhatsApp Web is still loading it'
  if (kind === 'timeout')
    return `WhatsApp Web did not load its messages within ${bounds.loadMs / 1_000} s`
  const [, name] = /^(\w*(?:Error|Exception)):/.exec(error) ?? []
  return `WhatsApp Web raised an error (${name ?? 'unknown'})`
}

class Reader {
  readonly #page: Page
  readonly #mapping: Mapping
  readonly #log: Log
  readonly #bounds: ReadBounds

  constructor(page: Page, mapping: Mapping, log: Log, bounds: ReadBounds) {
    this.#page = page
    this.#mapping = mapping
    this.#log = log
    this.#bounds = bounds
  }

  /** One call into the page. */
  async read(chats: readonly ChatSince[]): Promise<ReadResult> {
    const text = await this.#page.evaluate(expression(readParts, readChats, chats, this.#bounds))
    return JSON.parse(text as string) as ReadResult
  }

  /** The new records of messages; one that cannot be mapped costs none of the others. */
  newRecords(messages: readonly Raw[]): { newRecords: NewRecord[]; lost: number } {
    let lost = 0
    const newRecords = messages.flatMap((raw) => {
      try {
        return messageRecords(raw, this.#mapping)
      } catch (error) {
        lost += 1
        this.#log.debug({ event: 'message_unmapped', err: error }, 'a message could not be mapped')
        return []
      }
    })
    return { newRecords, lost }
  }

  group(chats: readonly ChatSince[], result: ReadResult): ReadGroup {
    const idOf = (index: number): string => (chats[index] as ChatSince)[0]
    const { newRecords, lost } = this.newRecords(result.messages)
    const { plain, truncated } = result
    if (truncated > 0) {
      this.#log.warn(
        { event: 'backfill_truncated', chats: truncated, limit: this.#bounds.perChat },
        'some chats have more missed messages than are read back'
      )
    }
    return {
      newRecords,
      read: result.read.map(([index, newest]) => ({ chat: idOf(index), newest })),
      unread: result.unread.map(([index, kind, error]): UnreadChat => {
        const why = describeUnread(kind, error, this.#bounds)
        return { chat: idOf(index), why, isBusy: kind === 'busy' }
      }),
      plainMessages: plain,
      lostMessages: lost + result.lost
    }
  }

  async byIds(ids: readonly string[]): Promise<ReadGroup> {
    const text = await this.#page.evaluate(
      expression(readParts, readByIds, ids, this.#bounds.loadMs)
    )
    const found = JSON.parse(text as string) as Pick<ReadResult, 'messages' | 'plain' | 'lost'> & {
      failed: number
    }
    const { newRecords, lost } = this.newRecords(found.messages)
    if (found.failed > 0) {
      // They are asked for again by the next run, which these few must not keep from its end.
      this.#log.warn(
        { event: 'undecrypted_unread', messages: found.failed },
        'messages that could not be decrypted cannot be asked for again'
      )
    }
    return {
      newRecords,
      read: [],
      unread: [],
      plainMessages: found.plain,
      lostMessages: lost + found.lost
    }
  }
}

/**
 * What is wanted, in groups of whole chats, the next of which is read while the caller has the
 * last; then the messages wanted by their ids, whenever they were written.
 */
export async function* readBack(
  page: Page,
  wanted: Wanted,
  mapping: Mapping,
  log: Log,
  bounds: ReadBounds = readBounds
): AsyncGenerator<ReadGroup> {
  const reader = new Reader(page, mapping, log, bounds)
  const active =
    wanted.only === undefined
      ? await activeChats(page, wanted)
      : { chats: onlyThese(wanted.only), nameless: 0 }
  let { chats } = active
  if (active.nameless > 0) {
    log.warn(
      { event: 'backfill_nameless', chats: active.nameless },
      'WhatsApp Web has chats whose ids cannot be read'
    )
  }
  const readSome = (): { some: ChatSince[]; reading: Promise<ReadResult> } => {
    const some = chats.slice(0, chatsPerCall)
    const reading = reader.read(some)
    // Nobody awaits it when the caller gives up.
    reading.catch(() => undefined)
    return { some, reading }
  }
  let current = chats.length > 0 ? readSome() : undefined
  while (current !== undefined) {
    const { some, reading } = current
    const result = await reading
    const isDone = new Set([...result.read, ...result.unread].map(([index]) => index))
    chats = [...some.filter((_chat, index) => !isDone.has(index)), ...chats.slice(some.length)]
    current = chats.length > 0 ? readSome() : undefined
    yield reader.group(some, result)
  }
  if (wanted.ids.length > 0) yield await reader.byIds(wanted.ids)
}

const onlyThese = (only: ReadonlyMap<string, number>): ChatSince[] =>
  [...only].map(([id, since]) => [id, since, true])
