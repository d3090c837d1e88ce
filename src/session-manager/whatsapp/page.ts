import type { Page } from './browser.ts'
import type { GuardState } from './guard.ts'

/** What is asked of the page itself. Functions given to `evaluate` run there, and know nothing of this file. */

/** The page, looked at from outside. */
export interface Probe {
  /** WhatsApp Web's own socket, WAState of whatsapp-web.js. */
  socket: string | null
  synced: boolean
  guard: GuardState
}

export const probe = (page: Page): Promise<Probe> =>
  page.evaluate(() => {
    const scope = globalThis as unknown as {
      require: (name: string) => { Socket: { state?: string; hasSynced?: boolean } }
      [key: symbol]: { arm: () => GuardState } | undefined
    }
    const { Socket } = scope.require('WAWebSocketModel')
    const guard = scope[Symbol.for('leadmaster.guard')]?.arm() ?? { blocked: 0, armed: 0, open: 0 }
    return { socket: Socket.state ?? null, synced: Socket.hasSynced === true, guard }
  })

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
