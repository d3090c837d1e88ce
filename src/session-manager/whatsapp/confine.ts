import { chmod, mkdir } from 'node:fs/promises'
import type { Log } from '../../platform/log.ts'
import type { Page } from './browser.ts'

/**
 * Confines Chromium to one page: nobody else can read its profile, no file is downloaded, the page
 * shows nothing but WhatsApp Web, and no other page opens. No message and no fault of WhatsApp Web
 * can change that.
 */

const origin = 'https://web.whatsapp.com'

const responseHeaders = [
  { name: 'content-type', value: 'text/html; charset=utf-8' },
  { name: 'cache-control', value: 'no-store' }
]

/** The part of a URL that may be logged. The rest may hold what somebody wrote. */
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'no URL')

/** Makes the profile's directory if it is missing, and closes it to all other users. */
export const closeProfile = async (profile: string): Promise<void> => {
  await mkdir(profile, { recursive: true, mode: 0o700 })
  await chmod(profile, 0o700)
}

/** Whether WhatsApp Web's page has this URL. Only the path counts: a logout adds a query. */
const isItsPage = (url: string): boolean =>
  originOf(url) === origin && new URL(url).pathname === '/'

type Session = Awaited<ReturnType<Page['createCDPSession']>>

/** What the parts below need to know. */
interface Confined {
  /** The id of the page's target, which is also the id of its main frame. */
  own: string
  /** Takes the error of a refusal that failed. */
  onFailed: (error: unknown) => void
  log: Log
}

const refuseDownloads = async (browserSession: Session, { log }: Confined): Promise<void> => {
  browserSession.on('Browser.downloadWillBegin', () =>
    log.warn({ event: 'download_refused' }, 'the page began a download: refused')
  )
  await browserSession.send('Browser.setDownloadBehavior', {
    behavior: 'deny',
    eventsEnabled: true
  })
}

const closeOtherPages = async (
  browserSession: Session,
  { own, onFailed, log }: Confined
): Promise<void> => {
  browserSession.on('Target.targetCreated', ({ targetInfo: { targetId, type } }) => {
    if (type !== 'page' || targetId === own) return
    log.warn({ event: 'popup_closed' }, 'another page opened: closed')
    void browserSession.send('Target.closeTarget', { targetId }).catch(onFailed)
  })
  await browserSession.send('Target.setDiscoverTargets', { discover: true })
}

/** @param html what WhatsApp Web's address is answered with, in base64 */
const refuseOtherSites = async (
  pageSession: Session,
  html: string | undefined,
  { own, onFailed, log }: Confined
): Promise<void> => {
  pageSession.on('Fetch.requestPaused', ({ requestId, frameId, request: { url } }) => {
    const answer = (): Promise<void> => {
      if (frameId === own && originOf(url) !== origin) {
        log.warn(
          { event: 'navigation_refused', origin: originOf(url) },
          'the page was about to leave WhatsApp Web: refused'
        )
        return pageSession.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' })
      }
      if (html === undefined || frameId !== own || !isItsPage(url))
        return pageSession.send('Fetch.continueRequest', { requestId })
      const response = { requestId, responseCode: 200, responseHeaders, body: html }
      return pageSession.send('Fetch.fulfillRequest', response)
    }
    void answer().catch(onFailed)
  })
  // Only requests for documents are held, so that nothing else gets slower.
  await pageSession.send('Fetch.enable', {
    patterns: [{ urlPattern: '*', resourceType: 'Document', requestStage: 'Request' }]
  })
}

/**
 * Call this before the page loads anything.
 * @param pinned the HTML that WhatsApp Web's address is answered with, instead of what WhatsApp
 * serves. It comes without the headers of WhatsApp's answer, because a Content-Security-Policy
 * there names nonces that another page does not have
 */
export const confine = async (page: Page, log: Log, pinned?: string): Promise<void> => {
  const [browserSession, pageSession] = await Promise.all([
    page.browser().target().createCDPSession(),
    page.createCDPSession()
  ])
  const { frameTree } = await pageSession.send('Page.getFrameTree')
  const onFailed = (error: unknown): void =>
    log.debug(
      { event: 'confine_failed', err: error },
      'what the page tried could not be refused, for it or its Chromium is gone'
    )
  const confined = { own: frameTree.frame.id, onFailed, log }
  await refuseDownloads(browserSession, confined)
  await closeOtherPages(browserSession, confined)
  const html = pinned === undefined ? undefined : Buffer.from(pinned).toString('base64')
  // A service worker that WhatsApp Web left in the profile would answer instead of us.
  if (html !== undefined) await page.setBypassServiceWorker(true)
  await refuseOtherSites(pageSession, html, confined)
}
