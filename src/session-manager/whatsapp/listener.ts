import type { PageFindings } from '../../contract/page-report.ts'
import { PlainError } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Proxy } from '../../platform/proxy.ts'
import { withTimeout } from '../../platform/async.ts'
import type { ReadGroup, Wanted } from '../journal/backfill.ts'
import type { MediaResult } from '../journal/media-fetcher.ts'
import type { MediaLimits } from '../journal/media-limits.ts'
import { readBack } from './backfill.ts'
import {
  emptyTemporaryDirectory,
  onCrash,
  releaseProfile,
  signalGroup,
  type Browser,
  type Client,
  type Page,
  type Target
} from './browser.ts'
import { takeOverCallbacks } from './callbacks.ts'
import { createClient } from './client.ts'
import { forwardClientEvents, type ListenerEvent } from './client-events.ts'
import { closeProfile, confine } from './confine.ts'
import { earCalls, installEar } from './ear.ts'
import {
  countsCallback,
  GuardJudge,
  installGuards,
  readCounts,
  type GuardVerdict
} from './guards.ts'
import { installIdShim } from './id-shim.ts'
import { fetchMedia } from './media.ts'
import { PageCapture } from './page-capture.ts'
import type { Stage } from './page-contract.ts'
import { PageFailures } from './page-failures.ts'
import { reportOn } from './page-report.ts'
import { PasskeyRelay, type PasskeyActions } from './passkey.ts'
import { checks, isQrText } from './page-checks.ts'
import { PageWatch } from './page-watch.ts'
import { ownIds, phoneIds, probe, refreshQr, reportSync, unlink, type Probe } from './page.ts'
import { asId, phoneOf } from './content/raw.ts'
import { explain, explainLogout, proxyLoginStatus, proxyRefusesLogin } from './reason.ts'
import type { StanzaCount } from './wire-guard.ts'

export { forgetDevice } from './browser.ts'
export type { ListenerEvent } from './client-events.ts'

/** The page, looked at from outside, and whether its send guard holds. */
export type Look = Omit<Probe, 'guard'> & { guard: GuardVerdict }

/**
 * Listens to one WhatsApp Web page. It hands out events and reads only: it has no verb that sends
 * anything, marks it as seen or shows presence, and nothing else in LeadMaster reaches
 * whatsapp-web.js.
 */
export interface Listener {
  /**
   * Launches Chromium and loads WhatsApp Web; resolves once whatsapp-web.js has hold of the page.
   */
  start(): Promise<void>
  /**
   * Call this before a stop. Hands over what a page reported before its send guard was judged, if
   * the guard holds. Takes at most 2 s, and never throws.
   */
  releaseHeld(): Promise<void>
  /** Closes Chromium, or kills it if it does not close. Never throws. */
  stop(): Promise<void>
  /**
   * Unlinks this device from the phone.
   * @returns whether WhatsApp confirmed it
   * @throws when the page does not answer in time
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
   * Installs the listeners of whatsapp-web.js once more. What the earlier listeners still report is
   * reported twice from then on.
   */
  reinject(): Promise<void>
  /** Reloads the page; resolves once it is loaded, before whatsapp-web.js takes hold. */
  reload(): Promise<void>
  /** Reports a sync that was complete before whatsapp-web.js listened for it. */
  reportSync(): Promise<void>
  /** Asks WhatsApp Web for a new code after it stopped rotating codes. */
  refreshQr(): Promise<void>
  /**
   * A code (ABCD-EFGH) by which the phone of that number (E.164) links this device. WhatsApp shows
   * a notice on that phone.
   */
  pairingCode(phone: string): Promise<string>
  /** Voids the code, and goes back to the QR. */
  cancelPairing(): Promise<void>
  /** Linking by the account's passkey, while WhatsApp asks for it. */
  readonly passkey: PasskeyActions
  /** Phone numbers (E.164) of those LIDs that WhatsApp Web knows. No server is asked. */
  phones(lids: readonly string[]): Promise<Map<string, string>>
  /**
   * The messages wanted, in groups of whole chats, oldest first within a chat; then those wanted by
   * their ids.
   */
  readBack(wanted: Wanted): AsyncIterable<ReadGroup>
  /** The media of a message. @throws for trouble that may pass: the caller tries again later */
  media(messageId: string): Promise<MediaResult>
}

interface ListenerOptions {
  chromiumPath: string
  /** Directory of the browser's profile, which holds the linked device. */
  profile: string
  /** The proxy to WhatsApp; without one the connection is direct. */
  proxy?: Proxy | undefined
  media: MediaLimits
  /** Whether channels and status updates are captured, too. */
  broadcasts?: boolean
  /** Whether raw models are kept beside what is mapped. */
  keepRaw?: boolean
  /** GUARD=strict: nothing is captured unless both fences of the send guard hold. */
  isGuardStrict?: boolean
  /** The page to show instead of the page that WhatsApp serves. @throws why it cannot be read */
  pinnedPage?: (() => Promise<string>) | undefined
  /** Takes the page of a version that was READY, unless the page is pinned. */
  keepPage?: (version: string, html: string) => Promise<void>
  log: Log
  onEvent: (event: ListenerEvent) => void
  /** Only one of the library and our own listeners reported something. */
  onEarDifference?: (kind: string) => void
}

const closeMs = 5_000
/** The page syncs first, for up to 20 s. Then the server unlinks the device. */
const unlinkMs = 30_000
const lastGuardMs = 2_000
const pairingMs = 30_000
const reinjectMs = 10_000
const reloadMs = 60_000
const reportMs = 15_000
/**
 * The longest interval that a timer can have. A code that the library requested by itself would
 * reach nobody, and void the code that is shown.
 */
const neverMs = 2 ** 31 - 1

class PageListener implements Listener {
  readonly passkey: PasskeyActions
  readonly #options: ListenerOptions
  readonly #log: Log
  readonly #relay: PasskeyRelay
  readonly #capture: PageCapture
  readonly #guard: GuardJudge
  readonly #watch: PageWatch
  readonly #failures: PageFailures
  /** Resolves once Chromium is up, or did not come up. */
  readonly #launched = Promise.withResolvers<void>()
  #browser: Browser | undefined
  #page: Page | undefined
  #client: Client | undefined
  #isStopped = false
  #isReady = false
  /** The HTML of the pinned page. */
  #pinned: string | undefined
  /** The reason in the page's address for the logout that follows. */
  #logoutReason: string | undefined
  /** Why the library did not install all its listeners. */
  #attachFailure: unknown
  /** The last QR did not have the form of a QR of WhatsApp. */
  #isQrOdd = false

  constructor(options: ListenerOptions) {
    const { log, onEarDifference } = options
    this.#options = options
    this.#log = log
    this.#relay = new PasskeyRelay({
      page: () => this.#openPage(),
      emit: (event) => this.#emit(event),
      log
    })
    this.passkey = this.#relay.actions
    this.#capture = new PageCapture({
      media: options.media,
      broadcasts: options.broadcasts === true,
      keepRaw: options.keepRaw === true,
      onCaptured: (newRecords) => this.#emit({ type: 'captured', newRecords }),
      onDifference: (kind) => onEarDifference?.(kind),
      log
    })
    this.#guard = new GuardJudge(() => this.#openPage(), options.isGuardStrict === true, log)
    this.#watch = new PageWatch({
      page: () => (this.#isStopped || this.#page?.isClosed() ? undefined : this.#page),
      onFatal: (reason) => this.#fail(reason, true),
      onLimited: (reason) => this.#emit({ type: 'limited', source: 'page', reason }),
      log
    })
    this.#failures = new PageFailures({
      watch: this.#watch,
      fail: (reason, fault) => this.#fail(reason, fault),
      isReady: () => this.#isReady,
      isStopped: () => this.#isStopped,
      log
    })
  }

  async start(): Promise<void> {
    const { chromiumPath, profile, proxy, pinnedPage } = this.#options
    this.#pinned = await pinnedPage?.()
    await closeProfile(profile)
    await releaseProfile(profile, this.#log)
    await emptyTemporaryDirectory(profile)
    const client = await createClient({
      chromiumPath,
      profile,
      proxy,
      onPage: (target) => this.#onPage(target),
      attach: () => this.#attach(),
      onDeaf: (error) => this.#onDeaf(error),
      onInjectFailed: (error) => this.#failures.onInjectFailed(error)
    })
    this.#client = client
    this.#listenTo(client)
    try {
      await client.initialize()
    } catch (error) {
      // Over its pipe Chromium cannot say why it ends so soon: no usable sandbox, a full disk, …
      if (this.#page !== undefined || this.#isStopped || explain(error).fault) throw error
      throw new PlainError(
        `Chromium ended while it was starting: run ${chromiumPath} ` +
          '--headless --dump-dom about:blank as this user to see why',
        { cause: error }
      )
    } finally {
      this.#launched.resolve()
    }
  }

  async releaseHeld(): Promise<void> {
    const { held } = this.#capture
    if (!held.hasHeld) return
    const released = held.releaseOnceSafe(() => this.#guard.isSafe(), [0])
    await withTimeout(released, lastGuardMs).catch((error: unknown) =>
      this.#log.warn(
        { event: 'capture_unreleased', err: error },
        'The page did not show its send guard in time. What it told since it loaded is dropped.'
      )
    )
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#guard.stop()
    this.#watch.stop()
    this.#relay.stop()
    // A browser that is just coming up would hold the profile against the next one.
    if (this.#client !== undefined)
      await withTimeout(this.#launched.promise, closeMs).catch(() => undefined)
    const pid = this.#browser?.process()?.pid
    const closing = this.#browser
      ?.close()
      .catch((error: unknown) =>
        this.#log.debug({ event: 'browser_close_failed', err: error }, 'Chromium did not close')
      )
    await withTimeout(closing ?? Promise.resolve(), closeMs).catch(() => undefined)
    if (pid !== undefined) signalGroup(pid, 'SIGKILL')
  }

  async unlink(): Promise<boolean> {
    return withTimeout(unlink(this.#openPage()), unlinkMs)
  }

  async probe(timeoutMs: number): Promise<Look> {
    const { guard: look, ...found } = await withTimeout(probe(this.#openPage()), timeoutMs)
    const guard = this.#guard.verdictOf(look)
    // whatsapp-web.js may listen to another document without saying that it is ready.
    if (this.#isReady && guard.unsafe === undefined) this.#capture.held.release()
    return { ...found, guard }
  }

  whyNotReady(stage: Stage): Promise<string | undefined> {
    return this.#watch.whyNot(stage)
  }

  async pageReport(): Promise<PageFindings> {
    return withTimeout(reportOn(this.#openPage()), reportMs)
  }

  async reinject(): Promise<void> {
    const client: unknown = this.#openClient()
    const library = client as { attachEventListeners: () => Promise<void> }
    this.#attachFailure = undefined
    await withTimeout(library.attachEventListeners(), reinjectMs)
    if (this.#attachFailure !== undefined) throw this.#attachFailure
  }

  async reload(): Promise<void> {
    this.#isReady = false
    this.#watch.stop()
    await this.#openPage().reload({ waitUntil: 'domcontentloaded', timeout: reloadMs })
  }

  async reportSync(): Promise<void> {
    return reportSync(this.#openPage())
  }

  async refreshQr(): Promise<void> {
    return refreshQr(this.#openPage())
  }

  async pairingCode(phone: string): Promise<string> {
    const client = this.#openClient()
    const code: unknown = await withTimeout(
      client.requestPairingCode(phone.slice(1), true, neverMs),
      pairingMs
    )
    if (typeof code !== 'string' || code === '') throw new Error('WhatsApp Web gives none')
    return code.length === 8 ? `${code.slice(0, 4)}-${code.slice(4)}` : code
  }

  async cancelPairing(): Promise<void> {
    const client = this.#openClient()
    await withTimeout(client.cancelPairingCode(), closeMs)
  }

  // The next three are arrow fields, because they are handed over as callbacks.
  readonly phones = async (lids: readonly string[]): Promise<Map<string, string>> => {
    const ids = await phoneIds(this.#openPage(), lids)
    return new Map(
      lids.flatMap((lid, index) => {
        const phone = phoneOf(ids[index] ?? undefined)
        return phone === undefined ? [] : [[lid, phone] as const]
      })
    )
  }

  readonly readBack = (wanted: Wanted): AsyncIterable<ReadGroup> =>
    readBack(this.#openPage(), wanted, this.#capture.mapping, this.#log)

  readonly media = async (messageId: string): Promise<MediaResult> =>
    fetchMedia(this.#openPage(), messageId, this.#options.media.maxBytes)

  /** @throws when the page is closed */
  #openPage(): Page {
    if (this.#page === undefined || this.#page.isClosed()) throw new Error('the page is closed')
    return this.#page
  }

  /** @throws when the page is closed */
  #openClient(): Client {
    this.#openPage()
    return this.#client as Client
  }

  #emit(event: ListenerEvent): void {
    if (event.type === 'authenticated' || event.type === 'ready') this.#relay.linked()
    if (this.#isStopped) return
    const hasReason = event.type === 'logout' && this.#logoutReason !== undefined
    this.#options.onEvent(hasReason ? { ...event, reason: this.#logoutReason } : event)
  }

  #fail(reason: string, fault: boolean): void {
    this.#emit({ type: 'lost', reason, fault })
  }

  #listenTo(client: Client): void {
    const capture = this.#capture
    forwardClientEvents(
      client,
      capture.mapping,
      (event) =>
        event.type === 'captured' ? capture.held.add(event.newRecords) : this.#emit(event),
      (fields) => capture.onUnreadable(fields)
    )
    client.on('qr', (code) => this.#onQr(code))
    client.on('ready', () => {
      this.#onReady().catch((error: unknown) =>
        this.#fail(`ready, but the page cannot be read: ${explain(error).reason}`, true)
      )
    })
  }

  /** Chromium has its first page. From now on there is a browser to close, and a page may die. */
  #onPage(target: Target): void {
    this.#browser = target.browser()
    this.#launched.resolve()
    onCrash(target, () => this.#fail('the page crashed', false)).catch((error: unknown) =>
      this.#log.debug(
        { event: 'crash_unheard', err: error },
        'the page could not be listened to, for it or its Chromium is gone'
      )
    )
  }

  /** whatsapp-web.js calls this as soon as the browser is up, before it opens WhatsApp Web. */
  async #attach(): Promise<void> {
    const client = this.#client
    const browser = client?.pupBrowser
    const page = client?.pupPage
    this.#browser = browser
    this.#page = page
    this.#launched.resolve()
    if (this.#isStopped || browser === undefined || page === undefined)
      throw new Error('stopped while Chromium was starting')
    this.#watchBrowser(browser)
    this.#watchPage(page)
    await confine(page, this.#log, this.#pinned)
    await installGuards(page)
    // Another document has another guard, of which nothing is known yet.
    page.on('domcontentloaded', () => {
      const { held } = this.#capture
      held.hold()
      if (this.#isReady) void held.releaseOnceSafe(() => this.#guard.isSafe())
    })
    await this.#relay.attach(page)
    await page.evaluateOnNewDocument(installIdShim)
    await page.evaluateOnNewDocument(installEar, earCalls)
    await this.#takeOverCallbacks(page)
  }

  #watchBrowser(browser: Browser): void {
    // puppeteer stops listening to its pipes before Chromium has ended. Without a listener an error
    // of a pipe would end this process.
    for (const pipe of browser.process()?.stdio ?? [])
      pipe?.on('error', (error) =>
        this.#log.debug({ event: 'browser_pipe_failed', err: error }, 'a pipe to Chromium broke')
      )
    browser.on('disconnected', () => this.#fail('Chromium exited', false))
  }

  #watchPage(page: Page): void {
    page.on('close', () => this.#fail('the page was closed', false))
    const main = page.mainFrame()
    page.on('framenavigated', (frame) => {
      if (frame === main) this.#logoutReason = explainLogout(frame.url()) ?? this.#logoutReason
    })
    page.on('pageerror', (error) => this.#failures.onPageError(error))
    page.on('response', (response) => {
      // Chromium shows an empty page then, and no call fails.
      if (response.status() === proxyLoginStatus && response.request().isNavigationRequest())
        this.#fail(proxyRefusesLogin, false)
    })
  }

  async #takeOverCallbacks(page: Page): Promise<void> {
    const capture = this.#capture
    await takeOverCallbacks(page, (error, call) => capture.addFromFailedCallback(error, call), {
      [countsCallback]: (counts) => this.#onCounts(readCounts(counts)),
      [earCalls.report]: (kind, raw, previous) => capture.addFromEar(kind, raw, previous),
      [earCalls.difference]: (kind, detail) => capture.onDifference(String(kind), detail)
    })
  }

  #onCounts(counts: StanzaCount[]): void {
    this.#guard.noteCounts(counts)
    this.#emit({ type: 'outbound', counts })
  }

  #onDeaf(error: unknown): void {
    this.#attachFailure = error
    this.#log.warn(
      { event: 'library_deaf', err: error },
      'whatsapp-web.js could not listen to all of the page: our own listeners do'
    )
  }

  #onQr(code: string): void {
    const failed = isQrText(code) ? undefined : ({ check: 'qr text' } as const)
    this.#watch.noteCheck(failed)
    if (failed === undefined && !this.#isQrOdd) return
    this.#isQrOdd = failed !== undefined
    this.#emit({
      type: 'limited',
      source: 'page',
      reason:
        failed &&
        `WhatsApp Web has changed: ${checks[failed.check]}: it may be that no phone can scan it`
    })
  }

  async #onReady(): Promise<void> {
    const client = this.#client
    const info = client?.info
    const id = asId(info?.wid)
    if (this.#isReady)
      this.#log.info(
        { event: 'page_reloaded' },
        'WhatsApp Web loaded itself again: it is listened to as before'
      )
    this.#isReady = true
    const { mapping, held } = this.#capture
    this.#capture.clearDifferences()
    if (client === undefined || info === undefined || id === undefined)
      throw new Error('WhatsApp Web does not tell whose account this is')
    mapping.me = [id]
    mapping.me = await this.#ownIds(id)
    const phone = phoneOf(id)
    const guard = await this.#guard.judge()
    if (guard.unsafe !== undefined) return this.#fail(guard.unsafe, true)
    const version = await client.getWWebVersion()
    this.#emit({
      type: 'ready',
      me: omitUndefined({ id, phone, name: info.pushname || undefined }),
      version
    })
    this.#emit({ type: 'limited', source: 'guard', reason: guard.limited })
    held.release()
    this.#watch.begin()
    await this.#keepPage(client, version)
  }

  /**
   * The account's own addresses. If one is unknown everything else works, but notes to oneself may
   * not be recognized.
   */
  async #ownIds(id: string): Promise<string[]> {
    try {
      const ids = await ownIds(this.#openPage())
      return [...new Set([id, ...ids.flatMap((own) => asId(own) ?? [])])]
    } catch (error) {
      this.#log.warn(
        { event: 'own_ids_unread', err: error },
        "WhatsApp Web does not give the account's LID: " +
          'notes to oneself may count as messages of a lead'
      )
      return [id]
    }
  }

  /** Keeps the page that WhatsApp served, which the library holds. */
  async #keepPage(client: Client, version: string): Promise<void> {
    const { keepPage } = this.#options
    const { currentIndexHtml: html } = client as unknown as { currentIndexHtml: string | null }
    if (!html || this.#pinned !== undefined) return
    await keepPage?.(version, html).catch((error: unknown) =>
      this.#log.warn(
        { event: 'web_version_not_kept', err: error },
        'the page of this version of WhatsApp Web could not be kept'
      )
    )
  }
}

export const createListener = (options: ListenerOptions): Listener => new PageListener(options)
