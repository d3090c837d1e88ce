import { harmless } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { refusalText } from './guards.ts'
import type { PageWatch } from './page-watch.ts'
import { explain, isOfLoading, missingModule, textOf } from './reason.ts'

interface PageFailuresOptions {
  watch: Pick<PageWatch, 'whyNot'>
  /** Ends the session. */
  fail: (reason: string, fault: boolean) => void
  isReady: () => boolean
  isStopped: () => boolean
  log: Log
}

/** Decides which errors of the page and of whatsapp-web.js end the session, and for what reason. */
export class PageFailures {
  readonly #options: PageFailuresOptions
  /** Why the library failed to take hold of the page before, when it was tried again. */
  #retriedReason: string | undefined

  constructor(options: PageFailuresOptions) {
    this.#options = options
  }

  /**
   * whatsapp-web.js could not take hold of the page. A module that is missing may be loaded late:
   * the library tries again, unless the page lacks the same at two looks, or the library fails in
   * the same way twice.
   * @returns whether it has to try again
   */
  async onInjectFailed(error: unknown): Promise<boolean> {
    const { watch, fail, isStopped, log } = this.#options
    const { reason, fault } = explain(error)
    const lack = fault ? await watch.whyNot('unlinked') : undefined
    const mayBeLate = isOfLoading(error) && reason !== this.#retriedReason
    if (lack === undefined && mayBeLate && !isStopped()) {
      this.#retriedReason = reason
      log.info(
        { event: 'page_incomplete', err: error },
        'WhatsApp Web is still loading: whatsapp-web.js takes hold of it again'
      )
      return true
    }
    fail(lack ?? reason, fault)
    return false
  }

  /**
   * The page raised an error. A module that WhatsApp renamed shows only here. Any other error of
   * the page may be harmless.
   */
  onPageError(error: unknown): void {
    const { isReady, log } = this.#options
    const message = textOf(error)
    const [first = ''] = message.split('\n')
    if (first === refusalText) return
    // whatsapp-web.js asks for new codes by the page's `window`, here in Node. The health probe
    // does it instead.
    if (first === 'window is not defined') return
    log.warn({ event: 'page_error', reason: harmless(first) }, 'the page raised an error')
    if (isReady()) return
    if (missingModule(first)) void this.#onMissing()
    // The library's own callbacks, which run in this process, throw these.
    else if (/ready timeout|pptr:|ExecutionContext/.test(message))
      void this.#failByLibrary(`whatsapp-web.js failed in the page: ${harmless(first)}`)
  }

  /** A missing module ends the session only if a start needs it, and it is not just late. */
  async #onMissing(): Promise<void> {
    const { watch, fail, isReady } = this.#options
    const lack = await watch.whyNot('unlinked')
    if (lack !== undefined && !isReady()) fail(lack, true)
  }

  /** The reason is all that the page lacks, if it lacks anything. */
  async #failByLibrary(reason: string): Promise<void> {
    const { watch, fail } = this.#options
    fail((await watch.whyNot('unlinked')) ?? reason, true)
  }
}
