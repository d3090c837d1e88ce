import type { PageFindings } from '../../contract/page-report.ts'
import { harmless, PlainError } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Proxy } from '../../platform/proxy.ts'
import { withTimeout } from '../../platform/async.ts'
import type { ReadGroup, Wanted } from '../journal/backfill.ts'
import type { NewRecord } from '../journal/journal.ts'
import type { MediaLimits } from '../journal/media-limits.ts'
import { readBack } from './backfill.ts'
import {
  emptyTemporaryDirectory,
  hearCrash,
  releaseProfile,
  signalGroup,
  type Browser,
  type Client,
  type Page,
  type Target
} from './browser.ts'
import { takeOverCallbacks, type PageCall } from './callbacks.ts'
import { createClient } from './client.ts'
import { hearClient, type ListenerEvent } from './client-events.ts'
import { closeProfile, confine } from './confine.ts'
import { earRecords, newRecordsOfCall } from './ear-events.ts'
import { earCalls, installEar } from './ear.ts'
import {
  countsCallback,
  installGuards,
  judgeGuard,
  readCounts,
  refusalText,
  refusesSettings,
  withSettingsRefused,
  type GuardVerdict
} from './guards.ts'
import type { GuardLook } from './guard.ts'
import { installIdShim } from './id-shim.ts'
import type { MediaResult } from '../journal/media-fetcher.ts'
import { fetchMedia } from './media.ts'
import { HeldCapture } from './held-capture.ts'
import type { Mapping } from './message.ts'
import type { Stage } from './page-contract.ts'
import { reportOn } from './page-report.ts'
import { PasskeyRelay, type PasskeyActions } from './passkey.ts'
import { checks, isQrText } from './page-checks.ts'
import { createPageWatch } from './page-watch.ts'
import {
  lookAtGuard,
  ownIds,
  phoneIds,
  probe,
  refreshQr,
  reportSync,
  unlink,
  type Probe
} from './page.ts'
import { asId, phoneOf } from './content/raw.ts'
import {
  explain,
  explainLogout,
  isOfLoading,
  missingModule,
  proxyLoginStatus,
  proxyRefusesLogin,
  textOf,
  type Reason
} from './reason.ts'
import type { StanzaCount } from './wire-guard.ts'

export { forgetDevice } from './browser.ts'
export type { ListenerEvent } from './client-events.ts'

/** The page, looked at from outside, and whether its send guard holds. */
export type Look = Omit<Probe, 'guard'> & { guard: GuardVerdict }

/**
 * One WhatsApp Web page that is listened to. It hands out events and reads only: there is no verb
 * here by which anything is sent, marked as seen or shown as present, and nothing else in
 * LeadMaster reaches whatsapp-web.js.
 */
export interface Listener {
  /**
   * Launches Chromium and loads WhatsApp Web; resolves once whatsapp-web.js has hold of the page.
   */
  start(): Promise<void>
  /**
   * Before a stop: hands over what was told by a page whose send guard was not judged yet, if the
   * guard holds. Takes at most 2 s, and never throws.
   */
  releaseHeld(): Promise<void>
  /** Closes Chromium, or ends it when it does not close by itself. Never throws. */
  stop(): Promise<void>
  /**
   * Unlinks this device from the phone. @returns whether WhatsApp confirmed it. @throws when the
   * page does not answer in time
   */
  unlink(): Promise<boolean>
  /** @throws when the page does not answer in time */
  probe(timeoutMs: number): Promise<Look>
  /**
   * What the page lacks so that it cannot become READY; undefined when it lacks nothing, or cannot
   * be asked.
   */
  whyNotReady(stage: Stage): Promise<string | undefined>
  /** Names and types of what the page is made of. @throws when WhatsApp Web is not loaded */
  pageReport(): Promise<PageFindings>
  /**
   * Has whatsapp-web.js listen to the page anew. What it hears already, it hears twice from then
   * on.
   */
  reinject(): Promise<void>
  /** Loads the page anew; resolves once it is there, before whatsapp-web.js has hold of it. */
  reload(): Promise<void>
  /** Has WhatsApp Web report a sync that was complete before whatsapp-web.js listened for it. */
  reportSync(): Promise<void>
  /** Asks WhatsApp Web for a new code after it stopped rotating them. */
  refreshQr(): Promise<void>
  /**
   * A code (ABCD-EFGH) by which the phone of that number (E.164) links this device; WhatsApp shows
   * a notice on it.
   */
  pairingCode(phone: string): Promise<string>
  /** Voids the code, and goes back to codes to scan. */
  cancelPairing(): Promise<void>
  /** Linking by the account's passkey, while WhatsApp asks for it. */
  readonly passkey: PasskeyActions
  /** Phone numbers in E.164 of the LIDs that WhatsApp Web knows one for; it asks nobody. */
  phones(lids: readonly string[]): Promise<Map<string, string>>
  /**
   * The messages wanted, in groups of whole chats, oldest first within a chat; then those wanted by
   * their ids.
   */
  readBack(wanted: Wanted): AsyncIterable<ReadGroup>
  /** The media of a message. @throws for any trouble that may pass: it is tried again later */
  media(messageId: string): Promise<MediaResult>
}

interface ListenerOptions {
  chromiumPath: string
  /** Directory of the browser's profile, which holds the linked device. */
  profile: string
  /** By which it reaches WhatsApp; directly without one. */
  proxy?: Proxy | undefined
  media: MediaLimits
  /** Whether channels and status updates are captured, too. */
  broadcasts?: boolean
  /** Whether raw models are kept beside what is mapped. */
  keepRaw?: boolean
  /** GUARD=strict: nothing is captured unless both fences of the send guard hold. */
  isGuardStrict?: boolean
  /** The page to show instead of the one that WhatsApp serves. @throws why it cannot be had */
  pinnedPage?: (() => Promise<string>) | undefined
  /** Takes the page of a version that was READY, unless it is a pinned one. */
  keepPage?: (version: string, html: string) => Promise<void>
  log: Log
  onEvent: (event: ListenerEvent) => void
  /** One of the library and our own listeners heard what the other did not. */
  onEarDifference?: (kind: string) => void
}

const closeMs = 5_000
/** The page syncs first, for up to 20 s, and then has the server unlink the device. */
const unlinkMs = 30_000
const guardMs = 10_000
const lastGuardMs = 2_000
const pairingMs = 30_000
const reinjectMs = 10_000
const reloadMs = 60_000
const reportMs = 15_000
/**
 * The longest interval there is: a code that the library drew anew by itself would reach nobody,
 * and void the one that did.
 */
const neverMs = 2 ** 31 - 1

export const createListener = (options: ListenerOptions): Listener => {
  const { profile, log, onEvent, media, isGuardStrict = false, keepPage, pinnedPage } = options
  let browser: Browser | undefined
  let page: Page | undefined
  let client: Client | undefined
  let over = false
  let isReady = false
  let pinned: string | undefined
  const launched = Promise.withResolvers<void>()
  const mapping: { me: string[] } & Mapping = {
    media,
    me: [],
    broadcasts: options.broadcasts === true,
    keepRaw: options.keepRaw === true
  }

  let logoutReason: string | undefined
  const tell = (event: ListenerEvent): void => {
    if (event.type === 'authenticated' || event.type === 'ready') passkey.linked()
    if (!over)
      onEvent(
        event.type === 'logout' && logoutReason !== undefined
          ? { ...event, reason: logoutReason }
          : event
      )
  }
  const capture = new HeldCapture((newRecords) => tell({ type: 'captured', newRecords }), log)
  const onHeard = (event: ListenerEvent): void =>
    event.type === 'captured' ? capture.add(event.newRecords) : tell(event)
  const lost = (reason: string, fault: boolean): void => tell({ type: 'lost', reason, fault })
  const unreadable = new Set<string>()
  const onUnreadable = (fields: string[]): void => {
    const names = fields.join(', ')
    if (unreadable.has(names)) return
    unreadable.add(names)
    log.error(
      { event: 'message_unreadable', fields },
      `WhatsApp Web has changed: its messages have no ${names} as before; they are captured as far as they can be read`
    )
  }
  const captured = (newRecords: NewRecord[]): void => {
    if (newRecords.length > 0) capture.add(newRecords)
  }
  const onCallbackFailed = (error: unknown, call: PageCall = ['']): void => {
    log.warn(
      { event: 'callback_failed', err: error },
      'whatsapp-web.js could not make use of what the page told it'
    )
    captured(newRecordsOfCall(call, mapping))
  }
  const differences = new Set<string>()
  const onEarDifference = (kind: string, detail: unknown): void => {
    options.onEarDifference?.(kind)
    if (differences.has(kind)) return
    differences.add(kind)
    // An error of the page may name a message.
    const line = { event: 'ear_difference', kind, detail: harmless(String(detail ?? '')) }
    log.warn(
      line,
      `whatsapp-web.js and our own listeners in the page do not hear the same (${kind}): all that either hears is captured`
    )
  }
  let attachFailure: unknown
  let isQrOdd = false
  const onDeaf = (error: unknown): void => {
    attachFailure = error
    log.warn(
      { event: 'library_deaf', err: error },
      'whatsapp-web.js could not listen to all of the page: our own listeners do'
    )
  }
  /**
   * Whether the page was kept from writing the account's settings; it tries again after each load.
   */
  let isSettingsRefused = false
  const onCounts = (counts: StanzaCount[]): void => {
    isSettingsRefused ||= refusesSettings(counts)
    tell({ type: 'outbound', counts })
  }
  const verdictOf = (look: GuardLook | undefined): GuardVerdict => {
    const verdict = judgeGuard(look, isGuardStrict)
    return isSettingsRefused ? withSettingsRefused(verdict) : verdict
  }
  const openPage = (): Page => {
    if (page === undefined || page.isClosed()) throw new Error('the page is closed')
    return page
  }

  const passkey = new PasskeyRelay({ page: openPage, tell, log })

  /**
   * There is a browser to close, and a page that may die, long before whatsapp-web.js has hold of
   * it.
   */
  const onPage = (target: Target): void => {
    browser = target.browser()
    launched.resolve()
    hearCrash(target, () => lost('the page crashed', false)).catch((error: unknown) =>
      log.debug(
        { event: 'crash_unheard', err: error },
        'the page could not be listened to, for it or its Chromium is gone'
      )
    )
  }

  /** whatsapp-web.js calls this as soon as the browser is up, before it opens WhatsApp Web. */
  const attach = async (): Promise<void> => {
    browser = client?.pupBrowser
    page = client?.pupPage
    launched.resolve()
    if (over || browser === undefined || page === undefined)
      throw new Error('stopped while Chromium was starting')
    // puppeteer stops listening to its pipes before Chromium has ended, and nobody else would hear
    // an error of theirs
    for (const pipe of browser.process()?.stdio ?? [])
      pipe?.on('error', (error) =>
        log.debug({ event: 'browser_pipe_failed', err: error }, 'a pipe to Chromium broke')
      )
    browser.on('disconnected', () => lost('Chromium exited', false))
    page.on('close', () => lost('the page was closed', false))
    const main = page.mainFrame()
    page.on('framenavigated', (frame) => {
      if (frame === main) logoutReason = explainLogout(frame.url()) ?? logoutReason
    })
    page.on('pageerror', (error) => onPageError(error))
    page.on('response', (response) => {
      // Chromium shows an empty page then, and no call fails.
      if (response.status() === proxyLoginStatus && response.request().isNavigationRequest())
        lost(proxyRefusesLogin, false)
    })
    await confine(page, log, pinned)
    await installGuards(page)
    // Another document has another guard, of which nothing is known yet.
    page.on('domcontentloaded', () => {
      capture.hold()
      if (isReady) void capture.releaseOnceSafe(isSafe)
    })
    await passkey.attach(page)
    await page.evaluateOnNewDocument(installIdShim)
    await page.evaluateOnNewDocument(installEar, earCalls)
    await takeOverCallbacks(page, onCallbackFailed, {
      [countsCallback]: (counts) => onCounts(readCounts(counts)),
      [earCalls.told]: (kind, raw, previous) => captured(earRecords(kind, raw, previous, mapping)),
      [earCalls.difference]: (kind, detail) => onEarDifference(String(kind), detail)
    })
  }

  const watch = createPageWatch({
    page: () => (over || page?.isClosed() ? undefined : page),
    onFatal: (reason) => lost(reason, true),
    onLimited: (reason) => tell({ type: 'limited', source: 'page', reason }),
    log
  })
  const onQr = (code: string): void => {
    const failed = isQrText(code) ? undefined : ({ check: 'qr text' } as const)
    watch.noteCheck(failed)
    if (failed === undefined && !isQrOdd) return
    isQrOdd = failed !== undefined
    tell({
      type: 'limited',
      source: 'page',
      reason:
        failed &&
        `WhatsApp Web has changed: ${checks[failed.check]}: it may be that no phone can scan it`
    })
  }
  /** Reports a failure: all that the page lacks, where that is the reason. */
  const failed = async ({ reason, fault }: Reason): Promise<void> =>
    lost((fault ? await watch.whyNot('unlinked') : undefined) ?? reason, fault)

  let lateReason: string | undefined
  /**
   * whatsapp-web.js could not take hold of the page. What it misses there may be loaded late: it
   * tries again, unless the page lacks the same at two looks, or the library fails in the same way
   * twice.
   * @returns whether it is to try again
   */
  const onInjectFailed = async (error: unknown): Promise<boolean> => {
    const { reason, fault } = explain(error)
    const sure = fault ? await watch.whyNot('unlinked') : undefined
    if (sure === undefined && isOfLoading(error) && reason !== lateReason && !over) {
      lateReason = reason
      log.info(
        { event: 'page_incomplete', err: error },
        'WhatsApp Web is still loading: whatsapp-web.js takes hold of it again'
      )
      return true
    }
    lost(sure ?? reason, fault)
    return false
  }

  /**
   * The page itself misses a module: that ends the session only if a start needs it, and it is not
   * just late.
   */
  const onMissing = async (): Promise<void> => {
    const sure = await watch.whyNot('unlinked')
    if (sure !== undefined && !isReady) lost(sure, true)
  }

  /**
   * A module that WhatsApp renamed surfaces nowhere else; any other error of the page may well be
   * harmless.
   */
  const onPageError = (error: unknown): void => {
    const message = textOf(error)
    const [first = ''] = message.split('\n')
    if (first === refusalText) return
    // whatsapp-web.js asks for new codes by the page's `window`, here in Node. Probing does it
    // instead.
    if (first === 'window is not defined') return
    log.warn({ event: 'page_error', reason: harmless(first) }, 'the page raised an error')
    if (isReady) return
    const missing = missingModule(first)
    if (missing) void onMissing()
    // thrown by the library's own callbacks, which run in this process
    else if (/ready timeout|pptr:|ExecutionContext/.test(message))
      void failed({ reason: `whatsapp-web.js failed in the page: ${harmless(first)}`, fault: true })
  }

  /**
   * The account's own addresses. If one is unknown all else works, but notes to oneself may not be
   * seen as such.
   */
  const meOf = async (id: string): Promise<string[]> => {
    try {
      return [...new Set([id, ...(await ownIds(openPage())).flatMap((own) => asId(own) ?? [])])]
    } catch (error) {
      log.warn(
        { event: 'own_ids_unread', err: error },
        "WhatsApp Web does not give the account's LID: notes to oneself may count as messages of a lead"
      )
      return [id]
    }
  }
  const judge = async (): Promise<GuardVerdict> =>
    verdictOf(await withTimeout(lookAtGuard(openPage()), guardMs))

  const isSafe = async (): Promise<boolean> => {
    if (over) return false
    try {
      return (await judge()).unsafe === undefined && !over
    } catch (error) {
      log.debug(
        { event: 'guard_unjudged', err: error },
        'the send guard of a new document could not be looked at yet'
      )
      return false
    }
  }

  const ready = async (): Promise<void> => {
    const info = client?.info
    const id = asId(info?.wid)
    if (isReady)
      log.info(
        { event: 'page_reloaded' },
        'WhatsApp Web loaded itself again: it is listened to as before'
      )
    isReady = true
    differences.clear()
    if (client === undefined || info === undefined || id === undefined)
      throw new Error('WhatsApp Web does not tell whose account this is')
    mapping.me = [id]
    mapping.me = await meOf(id)
    const phone = phoneOf(id)
    const guard = await judge()
    if (guard.unsafe !== undefined) return lost(guard.unsafe, true)
    const version = await client.getWWebVersion()
    tell({
      type: 'ready',
      me: omitUndefined({ id, phone, name: info.pushname || undefined }),
      version
    })
    tell({ type: 'limited', source: 'guard', reason: guard.limited })
    capture.release()
    watch.begin()
    // the library holds what WhatsApp answered
    const { currentIndexHtml: html } = client as unknown as { currentIndexHtml: string | null }
    if (html && pinned === undefined)
      await keepPage?.(version, html).catch((error: unknown) =>
        log.warn(
          { event: 'web_version_not_kept', err: error },
          'the page of this version of WhatsApp Web could not be kept'
        )
      )
  }

  return {
    start: async () => {
      pinned = await pinnedPage?.()
      await closeProfile(profile)
      await releaseProfile(profile, log)
      await emptyTemporaryDirectory(profile)
      client = await createClient({
        chromiumPath: options.chromiumPath,
        profile,
        proxy: options.proxy,
        onPage,
        attach,
        onDeaf,
        onFault: onInjectFailed
      })
      hearClient(client, mapping, onHeard, onUnreadable)
      client.on('qr', onQr)
      client.on('ready', () => {
        ready().catch((error: unknown) =>
          lost(`ready, but the page cannot be read: ${explain(error).reason}`, true)
        )
      })
      try {
        await client.initialize()
      } catch (error) {
        // Over its pipe Chromium cannot tell why it ends so soon: no usable sandbox, a full disk, …
        if (page !== undefined || over || explain(error).fault) throw error
        throw new PlainError(
          `Chromium ended while it was starting: run ${options.chromiumPath} --headless --dump-dom about:blank as this user to see why`,
          { cause: error }
        )
      } finally {
        launched.resolve()
      }
    },
    releaseHeld: async () => {
      if (!capture.hasHeld) return
      const released = capture.releaseOnceSafe(isSafe, [0])
      await withTimeout(released, lastGuardMs).catch((error: unknown) =>
        log.warn(
          { event: 'capture_unreleased', err: error },
          'The page did not show its send guard in time. What it told since it loaded is dropped.'
        )
      )
    },
    stop: async () => {
      over = true
      watch.stop()
      passkey.stop()
      // a browser that is just coming up would hold the profile against the next one
      if (client !== undefined) await withTimeout(launched.promise, closeMs).catch(() => undefined)
      const pid = browser?.process()?.pid
      const closing = browser
        ?.close()
        .catch((error: unknown) =>
          log.debug({ event: 'browser_close_failed', err: error }, 'Chromium did not close')
        )
      await withTimeout(closing ?? Promise.resolve(), closeMs).catch(() => undefined)
      if (pid !== undefined) signalGroup(pid, 'SIGKILL')
    },
    unlink: () => withTimeout(unlink(openPage()), unlinkMs),
    probe: async (timeoutMs) => {
      const { guard: seen, ...found } = await withTimeout(probe(openPage()), timeoutMs)
      const guard = verdictOf(seen)
      // whatsapp-web.js may listen to another document without saying that it is ready.
      if (isReady && guard.unsafe === undefined) capture.release()
      return { ...found, guard }
    },
    whyNotReady: watch.whyNot,
    pageReport: () => withTimeout(reportOn(openPage()), reportMs),
    reinject: async () => {
      openPage()
      const library = client as unknown as { attachEventListeners: () => Promise<void> }
      attachFailure = undefined
      await withTimeout(library.attachEventListeners(), reinjectMs)
      if (attachFailure !== undefined) throw attachFailure
    },
    reload: async () => {
      isReady = false
      watch.stop()
      await openPage().reload({ waitUntil: 'domcontentloaded', timeout: reloadMs })
    },
    reportSync: () => reportSync(openPage()),
    refreshQr: () => refreshQr(openPage()),
    pairingCode: async (phone) => {
      openPage()
      const code: unknown = await withTimeout(
        (client as Client).requestPairingCode(phone.slice(1), true, neverMs),
        pairingMs
      )
      if (typeof code !== 'string' || code === '') throw new Error('WhatsApp Web gives none')
      return code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code
    },
    cancelPairing: async () => {
      openPage()
      await withTimeout((client as Client).cancelPairingCode(), closeMs)
    },
    passkey: passkey.actions,
    phones: async (lids) => {
      const ids = await phoneIds(openPage(), lids)
      return new Map(
        lids.flatMap((lid, index) => {
          const phone = phoneOf(ids[index] ?? undefined)
          return phone === undefined ? [] : [[lid, phone] as const]
        })
      )
    },
    readBack: (wanted) => readBack(openPage(), wanted, mapping, log),
    media: async (messageId) => fetchMedia(openPage(), messageId, media.maxBytes)
  }
}
