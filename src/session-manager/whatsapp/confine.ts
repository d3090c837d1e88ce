import { chmod, mkdir } from 'node:fs/promises'
import type { Log } from '../../platform/log.ts'
import type { Page } from './browser.ts'

/**
 * Keeps Chromium to the one page it is for: its profile is nobody else's to read, no file is downloaded, the page goes
 * nowhere but WhatsApp Web, and no other page opens. Whatever a message or a fault of WhatsApp Web may bring about, the
 * page with the linked device in it shows nothing else.
 */

const origin = 'https://web.whatsapp.com'

/** What a log may tell of a URL: the rest of it may hold what somebody wrote. */
const originOf = (url: string): string => (URL.canParse(url) ? new URL(url).origin : 'no URL')

/** Makes the profile's directory if need be, and closes it to all others, whoever made it. */
export const closeProfile = async (profile: string): Promise<void> => {
  await mkdir(profile, { recursive: true, mode: 0o700 })
  await chmod(profile, 0o700)
}

/** To be called before the page loads anything. */
export const confine = async (page: Page, log: Log): Promise<void> => {
  const [ofBrowser, ofPage] = await Promise.all([page.browser().target().createCDPSession(), page.createCDPSession()])
  // a page's target is called as its main frame is
  const { frameTree: { frame: { id: own } } } = await ofPage.send('Page.getFrameTree')
  const failed = (error: unknown): void => log.debug({ event: 'confine_failed', err: error }, 'what the page tried could not be refused, for it or its Chromium is gone')

  ofBrowser.on('Browser.downloadWillBegin', () => log.warn({ event: 'download_refused' }, 'the page began a download: refused'))
  await ofBrowser.send('Browser.setDownloadBehavior', { behavior: 'deny', eventsEnabled: true })

  ofBrowser.on('Target.targetCreated', ({ targetInfo: { targetId, type } }) => {
    if (type !== 'page' || targetId === own) return
    log.warn({ event: 'popup_closed' }, 'another page opened: closed')
    void ofBrowser.send('Target.closeTarget', { targetId }).catch(failed)
  })
  await ofBrowser.send('Target.setDiscoverTargets', { discover: true })

  // of all requests only those for documents are held, so that nothing else gets slower
  ofPage.on('Fetch.requestPaused', ({ requestId, frameId, request: { url } }) => {
    const leaves = frameId === own && originOf(url) !== origin
    if (leaves) log.warn({ event: 'navigation_refused', origin: originOf(url) }, 'the page was about to leave WhatsApp Web: refused')
    void (leaves ? ofPage.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' }) : ofPage.send('Fetch.continueRequest', { requestId })).catch(failed)
  })
  await ofPage.send('Fetch.enable', { patterns: [{ urlPattern: '*', resourceType: 'Document', requestStage: 'Request' }] })
}
