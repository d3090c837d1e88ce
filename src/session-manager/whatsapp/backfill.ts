import type { Log } from '../../platform/log.ts'
import type { Draft } from '../journal.ts'
import type { Page } from './browser.ts'
import { messageDrafts } from './drafts.ts'
import type { Mapping } from './message.ts'
import type { Raw } from './raw.ts'

/** Reading back out of WhatsApp Web what was missed. It reads what the page holds and has it load earlier messages. */

/** Chats read in one call into the page, and messages read back from one chat at most. */
const chatsPerCall = 20
const messagesPerChat = 5_000

interface ReadBack {
  messages: Raw[]
  truncated: number
}

/** Ids of the chats with activity since a time, the quietest first, so that the order is roughly that of the messages. */
const activeChats = (page: Page, since: number): Promise<string[]> =>
  page.evaluate((from) => {
    type Chat = { id: { _serialized: string }; t?: number }
    const { require } = globalThis as unknown as { require: (name: string) => { Chat: { getModelsArray: () => Chat[] } } }
    return require('WAWebCollections')
      .Chat.getModelsArray()
      .filter((chat) => (chat.t ?? 0) >= from)
      .sort((a, b) => (a.t ?? 0) - (b.t ?? 0))
      .map((chat) => chat.id._serialized)
  }, since)

const readChats = (page: Page, ids: string[], since: number): Promise<ReadBack> =>
  page.evaluate(
    async (chatIds, from, most) => {
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
      const messages: Record<string, unknown>[] = []
      let truncated = 0
      for (const id of chatIds) {
        const chat = require('WAWebCollections').Chat.get(require('WAWebWidFactory').createWid(id))
        if (chat === undefined) continue
        for (;;) {
          const held = chat.msgs.getModelsArray()
          const oldest = held.reduce((least, message) => Math.min(least, message.t), Infinity)
          if (oldest < from) break
          if (held.length >= most) {
            truncated += 1
            break
          }
          const earlier = await require('WAWebChatLoadMessages').loadEarlierMsgs({ chat })
          if (!earlier || earlier.length === 0) break
        }
        const missed = chat.msgs.getModelsArray().filter((message) => message.t >= from)
        missed.sort((a, b) => a.t - b.t)
        messages.push(...missed.map((message) => WWebJS.getMessageModel(message)))
      }
      return { messages, truncated }
    },
    ids,
    since,
    messagesPerChat
  )

/** Drafts of all messages since a time (UNIX seconds), a group of chats at a time. */
export async function* readBack(page: Page, since: number, mapping: Mapping, log: Log): AsyncGenerator<Draft[]> {
  const chats = await activeChats(page, since)
  for (let start = 0; start < chats.length; start += chatsPerCall) {
    const { messages, truncated } = await readChats(page, chats.slice(start, start + chatsPerCall), since)
    if (truncated > 0) {
      log.warn({ event: 'backfill_truncated', chats: truncated, limit: messagesPerChat }, 'some chats have more missed messages than are read back')
    }
    yield messages.flatMap((raw) => messageDrafts(raw, mapping))
  }
}
