import { notOfAPerson } from '../../contract/message-types.ts'
import type { Page } from './browser.ts'
import type { GuardLook } from './guard.ts'

/**
 * What is asked of the page itself. Functions given to `evaluate` run there, and know nothing of
 * this file.
 */

/** A message as the page shows it: no text, nobody's name. */
export interface Shown {
  id: string
  /** UNIX seconds, WhatsApp's. */
  t: number
  /** A message of a person that has just come, so that whatsapp-web.js has to tell of it. */
  isNew: boolean
  /** whatsapp-web.js cannot make its model, so that it cannot tell of it either. */
  isUnreadable?: boolean
}

/** The page, looked at from outside. */
export interface Probe {
  /** WhatsApp Web's own socket, WAState of whatsapp-web.js. */
  socket: string | null
  synced: boolean
  /** Undefined: there is no guard in the page. */
  guard?: GuardLook
  /** The newest messages of the newest chats. */
  newest: Shown[]
}

/** Whatever there is in the page, a look takes in no more than this. */
const looked = { chats: 5, messages: 3 }
/** Nobody misses them: no person wrote them, or their content is elsewhere or not there yet. */
const notices = [...notOfAPerson, 'ciphertext', 'revoked', 'call_log', 'oversized', 'unknown']

export const probe = (page: Page): Promise<Probe> =>
  page.evaluate(
    (most, ignored) => {
      type Message = {
        id: unknown
        t?: number
        type?: string
        isNewMsg?: boolean
        subtype?: string
        viewMode?: string
      }
      type Chat = { id: unknown; t?: number; msgs: { getModelsArray: () => Message[] } }
      const scope = globalThis as unknown as {
        require: (name: string) => {
          Socket: { state?: string; hasSynced?: boolean }
          Chat: { getModelsArray: () => Chat[] }
        }
        WWebJS?: { getMessageModel?: (message: Message) => unknown }
        [key: symbol]: { arm: () => GuardLook } | undefined
      }
      const timeOf = (chat: Chat): number => {
        try {
          return Number(chat.t) || 0
        } catch {
          return 0
        }
      }
      /** One pass over the chats, though there be ten thousand. */
      const newestChats = (): Chat[] => {
        const found: Chat[] = []
        for (const chat of scope.require('WAWebCollections').Chat.getModelsArray()) {
          const t = timeOf(chat)
          const last = found.at(-1)
          if (found.length === most.chats && last !== undefined && t <= timeOf(last)) continue
          const at = found.findIndex((other) => timeOf(other) < t)
          found.splice(at < 0 ? found.length : at, 0, chat)
          found.length = Math.min(found.length, most.chats)
        }
        return found
      }
      /**
       * whatsapp-web.js cannot tell of a message whose model throws: it is odd, but nothing is
       * silent.
       */
      const isUnreadable = (message: Message): boolean => {
        if (typeof scope.WWebJS?.getMessageModel !== 'function') return false
        try {
          scope.WWebJS.getMessageModel(message)
          return false
        } catch {
          return true
        }
      }
      const shown = (message: Message): Shown[] => {
        try {
          const { id, t, type, isNewMsg, subtype, viewMode } = message
          // The page's own helpers are not captured either.
          if (viewMode === 'HIDDEN' || subtype === 'bot_typing_placeholder') return []
          const text = String(id)
          // An id without a text of its own names no message.
          if (text.startsWith('[object ')) return []
          const isNew = isNewMsg === true && !ignored.includes(type ?? '')
          const look: Shown = { id: text, t: Number(t) || 0, isNew }
          if (isNew && isUnreadable(message)) look.isUnreadable = true
          return [look]
        } catch {
          return []
        }
      }
      const shownOf = (chat: Chat): Shown[] => {
        try {
          if (/@(broadcast|newsletter)$/.test(String(chat.id))) return []
          return chat.msgs.getModelsArray().slice(-most.messages).flatMap(shown)
        } catch {
          // One chat that cannot be looked at must not make the look blind for the others.
          return []
        }
      }
      const newestMessages = (): Shown[] => {
        try {
          return newestChats().flatMap(shownOf)
        } catch {
          // a page that shows none cannot be judged by them; what it lacks is page-look.ts's to
          // tell
          return []
        }
      }
      const { Socket } = scope.require('WAWebSocketModel')
      const guard = scope[Symbol.for('leadmaster.guard')]?.arm()
      const found = {
        socket: Socket.state ?? null,
        synced: Socket.hasSynced === true,
        newest: newestMessages()
      }
      return guard === undefined ? found : { ...found, guard }
    },
    looked,
    notices
  )

/** What the send guard says, without anything else of the page; undefined: there is none in it. */
export const lookAtGuard = (page: Page): Promise<GuardLook | undefined> =>
  page.evaluate(() =>
    (globalThis as unknown as Record<symbol, { arm: () => GuardLook } | undefined>)[
      Symbol.for('leadmaster.guard')
    ]?.arm()
  )

/** Calls what whatsapp-web.js left in the page to be told of a sync. */
export const reportSync = (page: Page): Promise<void> =>
  page.evaluate(() =>
    (globalThis as unknown as { onAppStateHasSyncedEvent: () => void }).onAppStateHasSyncedEvent()
  )

/**
 * Has WhatsApp Web show codes again, by whichever function this version of it has. @throws when
 * none does it
 */
export const refreshQr = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const { require } = globalThis as unknown as {
      require: (name: string) => {
        refreshQR: () => unknown
        BackendEventBus: { triggerRefreshQR: () => unknown }
        Cmd: { refreshQR: () => unknown }
      }
    }
    const ways = [
      () => require('WAWebLaunchSocketUtils').refreshQR(),
      () => require('WAWebBackendEventBus').BackendEventBus.triggerRefreshQR(),
      () => require('WAWebCmd').Cmd.refreshQR()
    ]
    const errors: string[] = []
    for (const way of ways) {
      try {
        way()
        return
      } catch (error) {
        errors.push(error instanceof Error ? error.message : String(error))
      }
    }
    throw new Error(`WhatsApp Web has no function that refreshes the QR: ${errors.join('; ')}`)
  })

/**
 * Unlinks this device, as the menu's "Log out" does. The page goes on with its own part though
 * WhatsApp did not answer, so the answer itself is looked at: remove-companion-device has a status,
 * 200 when it is done.
 * @returns whether WhatsApp confirmed it
 */
export const unlink = (page: Page): Promise<boolean> =>
  page.evaluate(async () => {
    type UnpairDevice = (...args: unknown[]) => Promise<{ status?: number } | undefined>
    const { require } = globalThis as unknown as { require: (name: string) => unknown }
    const { Socket } = require('WAWebSocketModel') as {
      Socket: { state?: string; logout: () => Promise<void> }
    }
    let answered: Promise<boolean> | undefined
    try {
      const job = require('WAWebUnpairDeviceJob') as { unpairDevice: UnpairDevice }
      const original = job.unpairDevice
      const told = Promise.withResolvers<boolean>()
      job.unpairDevice = (...args) => {
        const answer = original(...args)
        answer.then(
          (value) => told.resolve(value?.status === 200),
          () => told.resolve(false)
        )
        return answer
      }
      answered = told.promise
    } catch {
      // Without this module the page's own promise is all there is to go by.
    }
    const wasConnected = Socket.state === 'CONNECTED'
    const done = Socket.logout()
    if (answered !== undefined) return answered
    await done
    return wasConnected
  })

/** For each LID the id of the phone number WhatsApp Web holds for it, or null; it asks nobody. */
export const phoneIds = (page: Page, lids: readonly string[]): Promise<(string | null)[]> =>
  page.evaluate(
    (ids) => {
      type OfWid = (wid: unknown) => unknown
      const { require } = globalThis as unknown as {
        require: (name: string) => {
          createWid: (id: string) => unknown
          getPhoneNumber: OfWid
          isDeprecatedLid?: OfWid
          getDeprecatedLidLatestLid?: OfWid
        }
      }
      const contacts = require('WAWebApiContact')
      const { createWid } = require('WAWebWidFactory')
      /** An account's LID can be replaced; the page then knows the number of the latest one. */
      const latest = (wid: unknown): unknown =>
        contacts.isDeprecatedLid?.(wid) === true
          ? contacts.getDeprecatedLidLatestLid?.(wid)
          : undefined
      return ids.map((id) => {
        const wid = createWid(id)
        const newer = latest(wid)
        const phone =
          contacts.getPhoneNumber(wid) ??
          (newer == null ? undefined : contacts.getPhoneNumber(newer))
        return phone == null ? null : String(phone)
      })
    },
    [...lids]
  )

/** The account's own addresses as WhatsApp Web knows them: of its phone number and of its LID. */
export const ownIds = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    type Read = () => unknown
    const { require } = globalThis as unknown as {
      require: (name: string) => { getMaybeMePnUser?: Read; getMaybeMeLidUser?: Read }
    }
    const { getMaybeMePnUser, getMaybeMeLidUser } = require('WAWebUserPrefsMeUser')
    return [getMaybeMePnUser?.(), getMaybeMeLidUser?.()].flatMap((id) => (id ? [String(id)] : []))
  })
