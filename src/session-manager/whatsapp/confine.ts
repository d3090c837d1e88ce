import { chmod, mkdir } from 'node:fs/promises'
import type { Log } from '../../platform/log.ts'
import type { Page } from './browser.ts'

/**
 * Keeps Chromium to the one page it is for: its profile is nobody else's to read, no file is
 * downloaded, the page goes nowhere but WhatsApp Web, and no other page opens. Whatever a message
 * or a fault of WhatsApp Web may bring about, the page with the linked device in it shows nothing
 * else.
 */

const origin = 'https://web.whatsapp.com'

const responseHeaders = [
  { name: 'content-type', value: 'text/html; charset=utf-8' },
  { name: 'cache-control', value: 'no-store' }
]

/** What a log may tell of a URL: the rest of it may hold what somebody wrote. */
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'no URL')

/** Makes the profile's directory if need be, and closes it to all others, whoever made it. */
export const closeProfile = async (profile: string): Promise<void> => {
  await mkdir(profile, { recursive: true, mode: 0o700 })
  await chmod(profile, 0o700)
}

/**
 * What the page itself is asked from; the path alone, for WhatsApp Web adds to it after a logout.
 */
const isItsPage = (url: string): boolean =>
  originOf(url) === origin && new URL(url).pathname === '/'

/**
 * To be called before the page loads anything.
 * @param pinned the HTML that WhatsApp Web's address is answered with, instead of what WhatsApp
 * serves. It comes without the headers of WhatsApp's answer: a Content-Security-Policy there names
 * nonces that another page does not have
 */
export const confine = async (page: Page, log: Log, pinned?: string): Promise<void> => {
  const [ofBrowser, ofPage] = await Promise.all([
    page.browser().target().createCDPSession(),
    page.createCDPSession()
  ])
  // a page's target is called as its main frame is
  const {
    frameTree: {
      frame: { id: own }
    }
  } = await ofPage.send('Page.getFrameTree')
  const failed = (error: unknown): void =>
    log.debug(
      { event: 'confine_failed', err: error },
      'what the page tried could not be refused, for it or its Chromium is gone'
    )

  ofBrowser.on('Browser.downloadWillBegin', () =>
    log.warn({ event: 'download_refused' }, 'the page began a download: refused')
  )
  await ofBrowser.send('Browser.setDownloadBehavior', { behavior: 'deny', eventsEnabled: true })

  ofBrowser.on('Target.targetCreated', ({ targetInfo: { targetId, type } }) => {
    if (type !== 'page' || targetId === own) return
    log.warn({ event: 'popup_closed' }, 'another page opened: closed')
    void ofBrowser.send('Target.closeTarget', { targetId }).catch(failed)
  })
  await ofBrowser.send('Target.setDiscoverTargets', { discover: true })

  const html = pinned === undefined ? undefined : Buffer.from(pinned).toString('base64')
  // a service worker that WhatsApp Web left in the profile would answer before we are asked
  if (html !== undefined) await page.setBypassServiceWorker(true)
  // of all requests only those for documents are held, so that nothing else gets slower
  ofPage.on('Fetch.requestPaused', ({ requestId, frameId, request: { url } }) => {
    const answer = (): Promise<void> => {
      if (frameId === own && originOf(url) !== origin) {
        log.warn(
          { event: 'navigation_refused', origin: originOf(url) },
          'the page was about to leave WhatsApp Web: refused'
        )
        return ofPage.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' })
      }
      if (html === undefined || frameId !== own || !isItsPage(url))
        return ofPage.send('Fetch.continueRequest', { requestId })
      const answered = { requestId, responseCode: 200, responseHeaders, body: html }
      return ofPage.send('Fetch.fulfillRequest', answered)
    }
    void answer().catch(failed)
  })
  await ofPage.send('Fetch.enable', {
    patterns: [{ urlPattern: '*', resourceType: 'Document', requestStage: 'Request' }]
  })
}
