import type { Shown } from '../stall.ts'
import type { Page } from './browser.ts'
import type { GuardState } from './guard.ts'

/** What is asked of the page itself. Functions given to `evaluate` run there, and know nothing of this file. */

/** The page, looked at from outside. */
export interface Probe {
  /** WhatsApp Web's own socket, WAState of whatsapp-web.js. */
  socket: string | null
  synced: boolean
  guard: GuardState
  /** The newest messages of the newest chats. */
  newest: Shown[]
}

/** Whatever there is in the page, a look takes in no more than this. */
const looked = { chats: 5, messages: 3 }
/** Not of a person, so that nobody misses them: WhatsApp's own notices, and what is not decrypted or stands for something else. */
const notices = [
  'e2e_notification', 'notification', 'notification_template', 'broadcast_notification', 'newsletter_notification', 'gp2', 'protocol',
  'ciphertext', 'revoked', 'call_log', 'debug', 'unknown', 'pinned_message', 'keep_in_chat', 'reaction', 'poll_update'
]

export const probe = (page: Page): Promise<Probe> =>
  page.evaluate(
    (most, ignored) => {
      type Message = { id: { _serialized?: string }; t?: number; type?: string; isNewMsg?: boolean }
      type Chat = { id: { _serialized?: string }; t?: number; msgs: { getModelsArray: () => Message[] } }
      const scope = globalThis as unknown as {
        require: (name: string) => { Socket: { state?: string; hasSynced?: boolean }; Chat: { getModelsArray: () => Chat[] } }
        [key: symbol]: { arm: () => GuardState } | undefined
      }
      /** One pass over the chats, though there be ten thousand. */
      const newestChats = (): Chat[] => {
        const found: Chat[] = []
        for (const chat of scope.require('WAWebCollections').Chat.getModelsArray()) {
          const t = chat.t ?? 0
          if (found.length === most.chats && t <= (found.at(-1)?.t ?? 0)) continue
          const at = found.findIndex((other) => (other.t ?? 0) < t)
          found.splice(at < 0 ? found.length : at, 0, chat)
          found.length = Math.min(found.length, most.chats)
        }
        return found
      }
      const newestMessages = (): Shown[] => {
        try {
          return newestChats()
            .filter((chat) => !/@(broadcast|newsletter)$/.test(chat.id._serialized ?? ''))
            .flatMap((chat) => chat.msgs.getModelsArray().slice(-most.messages))
            .flatMap(({ id, t, type, isNewMsg }) =>
              id._serialized === undefined ? [] : [{ id: id._serialized, t: Number(t) || 0, isNew: isNewMsg === true && !ignored.includes(type ?? '') }]
            )
        } catch {
          // a page that shows none cannot be judged by them; what it lacks is page-look.ts's to tell
          return []
        }
      }
      const { Socket } = scope.require('WAWebSocketModel')
      const guard = scope[Symbol.for('leadmaster.guard')]?.arm() ?? { blocked: 0, armed: 0, open: 0 }
      return { socket: Socket.state ?? null, synced: Socket.hasSynced === true, guard, newest: newestMessages() }
    },
    looked,
    notices
  )

/** Calls what whatsapp-web.js left in the page to be told of a sync. */
export const reportSync = (page: Page): Promise<void> =>
  page.evaluate(() => (globalThis as unknown as { onAppStateHasSyncedEvent: () => void }).onAppStateHasSyncedEvent())

export const refreshQr = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { require } = globalThis as unknown as { require: (name: string) => { Cmd: { refreshQR: () => void } } }
    require('WAWebCmd').Cmd.refreshQR()
  })

/** Unlinks this device, as the menu's "Log out" does. */
export const unlink = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const { require } = globalThis as unknown as { require: (name: string) => { Socket: { logout: () => Promise<void> } } }
    await require('WAWebSocketModel').Socket.logout()
  })

/** For each LID the id of the phone number WhatsApp Web holds for it, or null; it asks nobody. */
export const phoneIds = (page: Page, lids: readonly string[]): Promise<(string | null)[]> =>
  page.evaluate(
    (ids) => {
      type Wid = { _serialized: string }
      const { require } = globalThis as unknown as {
        require: (name: string) => { createWid: (id: string) => Wid; getPhoneNumber: (wid: Wid) => Wid | undefined }
      }
      return ids.map((id) => require('WAWebApiContact').getPhoneNumber(require('WAWebWidFactory').createWid(id))?._serialized ?? null)
    },
    [...lids]
  )
