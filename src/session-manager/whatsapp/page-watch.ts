import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { Page } from './browser.ts'
import type { Stage } from './page-contract.ts'
import type { FailedCheck } from './page-checks.ts'
import { lookAt, verdicts, whatIsLimited, whyNotReady, type PageLook } from './page-look.ts'

interface PageWatchOptions {
  /** The page; undefined while there is no page that can be asked. */
  page: () => Page | undefined
  /** Messages cannot be captured. */
  onFatal: (reason: string) => void
  /** Something else does not work; undefined: everything works again. */
  onLimited: (reason: string | undefined) => void
  log: Log
}

const lookMs = 5_000
/** A module may be loaded late: nothing counts as missing before a second look. */
const lookAgainMs = 3_000
const notShown = 'web.whatsapp.com did not show WhatsApp Web'
const lookRestMs = 60_000

/** Decides when page-look.ts looks at the page, and reports what the looks show. */
export class PageWatch {
  readonly #options: PageWatchOptions
  #timer: NodeJS.Timeout | undefined
  /** Counts up with each begin and stop: looks of an earlier turn report nothing. */
  #turn = 0
  #noted: FailedCheck | undefined
  /** The revision whose verdicts were logged last. */
  #loggedVersion: string | undefined

  constructor(options: PageWatchOptions) {
    this.#options = options
  }

  /**
   * Why the page cannot become READY, by two looks 3 s apart: what is missing at only one look
   * is still loading. undefined when the looks differ, the page lacks nothing, or it cannot be
   * asked.
   */
  async whyNot(stage: Stage): Promise<string | undefined> {
    const before = await this.#whyNotNow(stage)
    if (before === undefined) return undefined
    await new Promise<void>((resolve) => setTimeout(resolve, lookAgainMs))
    return (await this.#whyNotNow(stage)) === before ? before : undefined
  }

  /** From READY on: looks once a minute whether the page has and does all that it should. */
  begin(): void {
    this.stop()
    // A phone could scan the QR, whatever its form was.
    this.#noted = undefined
    void this.#lookRepeatedly(this.#turn)
  }

  /** Takes a check that failed outside of a look, such as the form of a QR; undefined: it passed. */
  noteCheck(failed: FailedCheck | undefined): void {
    this.#noted = failed
  }

  stop(): void {
    this.#turn += 1
    clearTimeout(this.#timer)
  }

  /** @returns undefined when the page cannot be asked */
  async #look(): Promise<PageLook | 'not-shown' | undefined> {
    const page = this.#options.page()
    if (page === undefined) return undefined
    try {
      const seen = await withTimeout(lookAt(page), lookMs)
      if (seen === undefined) return 'not-shown'
      const noted = this.#noted
      return noted === undefined ? seen : { ...seen, failed: [...seen.failed, noted] }
    } catch (error) {
      this.#options.log.debug(
        { event: 'look_failed', err: error },
        'the page could not be looked at'
      )
      return undefined
    }
  }

  async #whyNotNow(stage: Stage): Promise<string | undefined> {
    const seen = await this.#look()
    return seen === 'not-shown' ? notShown : seen && whyNotReady(seen, stage)
  }

  #logRevision(seen: PageLook): void {
    const { log } = this.#options
    const version = seen.version ?? 'unknown'
    if (version === this.#loggedVersion) return
    this.#loggedVersion = version
    const missing = seen.missing.map(({ name }) => name)
    const line = { event: 'page_revision', version, missing, checks: verdicts(seen) }
    if (missing.length + seen.failed.length === 0)
      log.info(line, `WhatsApp Web ${version} passes all checks`)
    else log.warn(line, `WhatsApp Web ${version} does not pass all checks`)
  }

  /** @param before what the look before found, if it was not sure */
  async #lookRepeatedly(turn: number, before?: string): Promise<void> {
    const look = await this.#look()
    if (turn !== this.#turn) return
    if (look === undefined || look === 'not-shown') {
      this.#timer = setTimeout(() => void this.#lookRepeatedly(turn, before), lookRestMs)
      return
    }
    const fatal = whyNotReady(look, 'ready')
    const finding = fatal ?? whatIsLimited(look)
    const isSure = finding === undefined || finding === before
    if (isSure) this.#logRevision(look)
    if (isSure && fatal !== undefined) return this.#options.onFatal(fatal)
    if (isSure) this.#options.onLimited(finding)
    this.#timer = setTimeout(
      () => void this.#lookRepeatedly(turn, finding),
      isSure ? lookRestMs : lookAgainMs
    )
  }
}
