import type { Connection } from './connections.ts'
import type { Phone } from './phone.ts'
import type { TestPasskey } from './passkey.ts'
import type { SentStanza } from './stanza.ts'

/** What tests and the control server can do with the simulated WhatsApp. */

/**
 * Which WhatsApp Web it is. `2026-04`: keys with `_serialized`. `2026-07`: keys with `$1`, QR text
 * as a URL, no Cmd.refreshQR. `next`: what the same build could do next; see README.md.
 */
export type Era = '2026-04' | '2026-07' | 'next'
export const eras: readonly Era[] = ['2026-04', '2026-07', 'next']

/**
 * How the simulated WhatsApp behaves; may be changed at any time, for pages loaded and connections
 * made from then on.
 */
export interface Scenario {
  web: Era
  /** How long the first and each later code is shown; WhatsApp: 60 s and 20 s. */
  firstQrMs: number
  qrMs: number
  /** Codes shown before the page is left to itself (UNPAIRED_IDLE). */
  qrCodes: number
  /**
   * `early`: complete before whatsapp-web.js listens; `stuck`: it progresses and does not end;
   * `never`: it does not begin.
   */
  sync: 'normal' | 'early' | 'stuck' | 'never'
  syncStepMs: number
  /**
   * How long it takes to load earlier messages of a chat: the real page asks its database, or the
   * phone.
   */
  loadMs: number
  /** Messages the page holds at most, of those that came while it was there; 0: all of them. */
  mostHeld: number
  /** Until the page first tries again when its connection is lost. */
  reconnectMs: number
  version: string
  /**
   * Modules that this version of WhatsApp Web does not have, or fields of them:
   * `WAWebCollections.Msg.on`.
   */
  missing: string[]
  /** What is `missing` comes so long after the page's start; 0: never. */
  missingMs: number
  /**
   * What is `missing` is missing to the page's own code, too; otherwise only to those who ask
   * `window.require`.
   */
  missingInside: boolean
  /**
   * Words that this build of the page has renamed everywhere in its own code: `{ loadEarlierMsgs:
   * 'loadOlder' }`.
   */
  renamed: Record<string, string>
  /** How votes are stored: by the table of addons, or, as for some accounts, without it. */
  votes: 'addon' | 'direct'
  /**
   * The page's own code sends what it should not, at load, while connecting, when ready, later,
   * after a reload.
   */
  busybody: boolean
  /**
   * After the scan WhatsApp asks for the account's passkey, as it does since June 2026 of more and
   * more accounts.
   */
  passkey: boolean
  /**
   * The model of a message deleted for everyone keeps its key; in WhatsApp Web it gets that of the
   * deletion.
   */
  revokeKeepsKey: boolean
  /** The page shows no window.Debug.VERSION. */
  deprecated: boolean
  /** window.Debug.VERSION comes so long after the rest of the page. */
  versionMs: number
  /** The page takes everything in and tells nobody. */
  stalled: boolean
  /**
   * A bundle of the page's own that comes after the others: what this version of WhatsApp Web does
   * by itself.
   */
  own: string
}

/**
 * Somebody listens to the page anew, it is loaded anew, its browser is another, or only that it is
 * told to.
 */
export type StallCure = 'reinject' | 'reload' | 'restart' | 'off'

export interface Outbound {
  /** Module and function of WhatsApp Web, or the frame that left. */
  name: string
  detail: string
  at: string
}

/** What the page's own code is about to send: `busybody`. */
export interface Attempt {
  /** As stanzaCounts() names it. */
  kind: string
  phase: 'load' | 'reload' | 'connecting' | 'connected' | 'ready' | 'background'
  visibility: string
}

/**
 * What the page is told to do with itself: it asks every half hour; `thirty-days`: it has been open
 * for so long.
 */
export type Refresh = 'SOFT_REFRESH' | 'HARD_REFRESH' | 'thirty-days'

/** What the media servers answer for one file. */
export interface MediaFault {
  /** Bytes are there again once the phone has uploaded them. */
  status: 404 | 410 | 500
  /** Until the phone has uploaded it again, ms; undefined: the phone does not have it either. */
  reuploadMs?: number
}

export interface WhatsAppWeb {
  /** To be given as CHROMIUM_PATH. */
  chromiumPath: string
  port: number
  phone: Phone
  scenario: Scenario
  /** Everything any page ever tried to send, mark as seen or show as presence. */
  outbound(): Outbound[]
  /** The stanzas that left any page, the newest 20,000. */
  stanzas(): SentStanza[]
  /** How many left of each kind, ever: `iq set w:m`, `receipt inactive`, `presence available`. */
  stanzaCounts(): Record<string, number>
  /** Every connection a page ever had, with where from and how long. */
  connections(): readonly Readonly<Connection>[]
  /** The phone scans the code that is shown, or this one. @throws when it is not the one shown */
  scan(code?: string): Promise<void>
  /** The account's passkey, for the virtual authenticator that plays the operator's browser. */
  passkey: TestPasskey
  /** What WhatsApp's servers found wrong with the answers to their questions for the passkey. */
  passkeyFaults(): string[]
  /** The code that the phone shows to be compared with the page's, once it does. */
  verificationCode(): string | undefined
  /** The page scans and is asked for the passkey: resolves once WhatsApp has asked. */
  scanWithPasskey(): Promise<void>
  /**
   * WhatsApp asks a linked account for its passkey, in a modal; `pressed`: its button is pressed as
   * well.
   */
  checkpoint(pressed?: boolean): void
  /**
   * A person types the code in on the phone, with or without its dash. @throws when it is none that
   * is valid now
   */
  enterPairingCode(code: string): Promise<void>
  /** The pairing code that is valid now, and the number it was asked for. */
  pairingCode(): { code: string; phone: string } | undefined
  /** The code shown now, or as soon as one is; `not` this one. */
  qr(not?: string): Promise<string>
  /** Resolves once something of all this is so. @throws after a minute, naming it */
  until(what: string, isSo: () => boolean): Promise<void>
  /** Resolves once a page is linked and connected / has synced. */
  connected(): Promise<void>
  synced(): Promise<void>
  /** Resolves once no page is connected. */
  disconnected(): Promise<void>
  /** Resolves once a connected device has everything that happened. */
  settled(): Promise<void>
  /** The code that is shown now, if one is. */
  shownQr(): string | undefined
  linkedDevices(): number
  /** Votes in the table of the page that is linked. */
  storedVotes(): number
  isConnected(): boolean
  /**
   * The phone unlinks all devices. @param reason fatal, sync, history_timeout or account_locked
   * have a code of their own
   */
  logout(reason?: string): void
  /** The page's own socket goes into this state, WAState of whatsapp-web.js. */
  state(state: string): void
  /** The next code now, also in a page that is linked. */
  rotate(): void
  /** The page reports its sync a second time. */
  syncedAgain(): void
  /**
   * From now on the page takes everything in and tells nobody, or again does. @param until what
   * makes it tell again
   */
  stall(on: boolean, until?: StallCure): void
  throwInPage(message: string): void
  /** The page reloads by itself, or shows that there is a new version. */
  refresh(how: Refresh): void
  /** What the page's own code tried to send: `busybody`. */
  attempts(): Attempt[]
  /** The media servers cannot be reached, or can again. */
  mediaServers(on: boolean): void
  /** The media of a message are lost to the media servers. @param id the message's */
  mediaFault(id: string, fault?: MediaFault): void
  hangPage(): void
  /** Kills the renderers of the Chromium that shows this page. @returns how many */
  crashPage(): Promise<number>
  /** The processes of that Chromium. */
  chromium(type?: string): Promise<number[]>
  /** No network: nothing listens, every connection is cut; `on` brings it back. */
  network(on: boolean): Promise<void>
  /** Whether names resolve in a Chromium started from now on. */
  dns(resolves: boolean): Promise<void>
  close(): Promise<void>
}

export interface WhatsAppWebOptions {
  /** For the certificate, the wrapper and media; made if need be. */
  directory: string
  /** Where to listen, for Chromiums on other machines than this; loopback by default. */
  address?: string
  scenario?: Partial<Scenario>
  /** Keeps devices and history in the directory over a restart. */
  retryForever?: boolean
  /** The program behind the wrapper; by default the one that session-manager has by default. */
  chromium?: string
  log?: (line: string) => void
}
