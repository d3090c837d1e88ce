import type { Log } from '../../platform/log.ts'
import type { Wanted } from '../backfill.ts'
import type { Draft } from '../journal.ts'
import type { Page } from './browser.ts'
import { messageDrafts } from './drafts.ts'
import type { Mapping } from './message.ts'
import type { Raw } from './raw.ts'

/** Reading back out of WhatsApp Web what was missed. It reads what the page holds and has it load earlier messages. */

/** Messages read back from one chat at most. */
const messagesPerChat = 20_000
/**
 * A call into the page reads this many chats at most; past so many messages it begins no other chat, and past so much
 * time it goes no further back in those it has begun: what it has read is lost when the page is, before it ends.
 */
const call = { chats: 100, messages: 2_000, ms: 2_000 }
/** Chats that earlier messages are loaded for at once: WhatsApp is not to be hammered. */
const loadsAtOnce = 20

interface ReadBack {
  messages: Raw[]
  truncated: number
  /** Which of the chats asked for were read, by their place; of the others the page holds more than before. */
  read: number[]
}

/** A chat, and since when it is to be read, UNIX seconds. */
type ChatSince = [id: string, since: number]

/** The chats with activity since then: those that were not read yet, then the others; the quietest first, so that the order is roughly that of the messages. */
const activeChats = (page: Page, { since, reached }: Wanted): Promise<ChatSince[]> =>
  page.evaluate(
    (least, later) => {
      type Chat = { id: unknown; t?: number }
      const { require } = globalThis as unknown as { require: (name: string) => { Chat: { getModelsArray: () => Chat[] } } }
      return require('WAWebCollections')
        .Chat.getModelsArray()
        .map(({ id, t = 0 }) => ({ id: String(id), t }))
        .map(({ id, t }) => ({ id, t, from: later[id] ?? least, wasRead: Number(id in later) }))
        .filter(({ t, from }) => t >= from)
        .sort((a, b) => a.wasRead - b.wasRead || a.t - b.t)
        .map(({ id, from }): [string, number] => [id, from])
    },
    since,
    Object.fromEntries(reached)
  )

/** What is null, false or empty means as much as what is not there, and is most of a model. As text, for that crosses fastest. */
const readChats = async (page: Page, chats: readonly ChatSince[]): Promise<ReadBack> => {
  const text = await page.evaluate(
    async (wanted, most, bounds, atOnce) => {
      type Model = { t: number; id: unknown }
      type Chat = { msgs: { getModelsArray: () => Model[] } }
      const { require, WWebJS } = globalThis as unknown as {
        require: (name: string) => {
          Chat: { get: (id: unknown) => Chat | undefined }
          createWid: (id: string) => unknown
          loadEarlierMsgs: (options: { chat: Chat }) => Promise<Model[] | undefined>
        }
        WWebJS: { getMessageModel: (message: Model) => Record<string, unknown> }
      }
      const tells = (value: unknown): boolean => value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
      const end = Date.now() + bounds.ms
      const missed: Record<string, unknown>[][] = []
      const read: number[] = []
      let [next, count, truncated] = [0, 0, 0]

      /** @returns whether the page holds all of it; each call brings it one load nearer at least */
      const load = async (chat: Chat, from: number): Promise<boolean> => {
        for (let loads = 0; ; loads += 1) {
          const held = chat.msgs.getModelsArray()
          const oldest = held.reduce((least, message) => Math.min(least, message.t), Infinity)
          if (oldest < from) return true
          if (held.length >= most) {
            truncated += 1
            return true
          }
          if (loads > 0 && Date.now() >= end) return false
          const earlier = await require('WAWebChatLoadMessages').loadEarlierMsgs({ chat })
          if (!earlier || earlier.length === 0) return true
        }
      }
      const readOne = async (index: number): Promise<void> => {
        const [id, from] = wanted[index] as [string, number]
        const chat = require('WAWebCollections').Chat.get(require('WAWebWidFactory').createWid(id))
        if (chat !== undefined && !(await load(chat, from))) return
        read.push(index)
        if (chat === undefined) return
        const models = chat.msgs.getModelsArray().filter((message) => message.t >= from).sort((a, b) => a.t - b.t)
        missed[index] = models.map((message) => Object.fromEntries(Object.entries(WWebJS.getMessageModel(message)).filter(([, value]) => tells(value))))
        count += models.length
      }
      const readOn = async (): Promise<void> => {
        while (next < wanted.length && (next === 0 || (count < bounds.messages && Date.now() < end))) await readOne(next++)
      }
      await Promise.all(Array.from({ length: atOnce }, readOn))
      return JSON.stringify({ messages: missed.flat(), truncated, read })
    },
    chats,
    messagesPerChat,
    call,
    loadsAtOnce
  )
  return JSON.parse(text) as ReadBack
}

/** Messages by their ids, as `Client.getMessageById` of whatsapp-web.js finds them: what the page holds, else what it has in its database. */
const readMessages = async (page: Page, ids: readonly string[]): Promise<Raw[]> => {
  const text = await page.evaluate(async (wanted) => {
    type Model = { id: unknown }
    const { require, WWebJS } = globalThis as unknown as {
      require: (name: string) => { Msg: { getMessagesById: (ids: readonly string[]) => Promise<{ messages?: (Model | null | undefined)[] } | undefined> } }
      WWebJS: { getMessageModel: (message: Model) => unknown }
    }
    const found = await require('WAWebCollections').Msg.getMessagesById(wanted)
    return JSON.stringify((found?.messages ?? []).flatMap((message) => (message ? [WWebJS.getMessageModel(message)] : [])))
  }, ids)
  return JSON.parse(text) as Raw[]
}

/**
 * Drafts of all messages that are wanted, a group of whole chats at a time, the next of which is read while the caller
 * has the last; then of those wanted by their ids, whenever they were written.
 */
export async function* readBack(page: Page, wanted: Wanted, mapping: Mapping, log: Log): AsyncGenerator<Draft[]> {
  const { ids } = wanted
  let chats = await activeChats(page, wanted)
  const readSome = (): Promise<ReadBack> => {
    const reading = readChats(page, chats.slice(0, call.chats))
    // nobody awaits it when the caller gives up
    reading.catch(() => undefined)
    return reading
  }
  for (let reading = readSome(); chats.length > 0; ) {
    const { messages, truncated, read } = await reading
    const isRead = new Set(read)
    chats = chats.filter((_chat, index) => !isRead.has(index))
    if (chats.length > 0) reading = readSome()
    if (truncated > 0) {
      log.warn({ event: 'backfill_truncated', chats: truncated, limit: messagesPerChat }, 'some chats have more missed messages than are read back')
    }
    yield messages.flatMap((raw) => messageDrafts(raw, mapping))
  }
  if (ids.length === 0) return
  try {
    yield (await readMessages(page, ids)).flatMap((raw) => messageDrafts(raw, mapping))
  } catch (error) {
    // they are asked for again by the next run, which these few must not keep from its end
    log.warn({ event: 'undecrypted_unread', messages: ids.length, err: error }, 'messages that could not be decrypted cannot be asked for again')
  }
}
