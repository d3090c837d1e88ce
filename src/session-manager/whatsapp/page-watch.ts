import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { Page } from './browser.ts'
import type { Stage } from './page-contract.ts'
import type { FailedCheck } from './page-checks.ts'
import { lookAt, verdicts, whatIsLimited, whyNotReady, type PageLook } from './page-look.ts'

/** When a page is looked at, page-look.ts, and what is told of it. */
interface PageWatch {
  /**
   * Why the page cannot become READY, by two looks 3 s apart: what is missing at one of them only
   * is still loading. undefined when the looks differ, the page lacks nothing, or it cannot be
   * asked.
   */
  whyNot(stage: Stage): Promise<string | undefined>
  /** From READY on: looks whether it has all it should and does what it should, once a minute. */
  begin(): void
  /**
   * Something that was found otherwise, such as the form of a QR; undefined: it is as it should be.
   */
  noteCheck(failed: FailedCheck | undefined): void
  stop(): void
}

const lookMs = 5_000
/** A module may be loaded late: nothing is taken for missing before a second look. */
const lookAgainMs = 3_000
const notShown = 'web.whatsapp.com did not show WhatsApp Web'
const lookRestMs = 60_000

/**
 * @param page undefined while there is none that can be asked
 * @param onFatal messages cannot be captured
 * @param onLimited something else does not work, and again when all does
 */
export const createPageWatch = (options: {
  page: () => Page | undefined
  onFatal: (reason: string) => void
  onLimited: (reason: string | undefined) => void
  log: Log
}): PageWatch => {
  const { page, onFatal, onLimited, log } = options
  let timer: NodeJS.Timeout | undefined
  /** Counts up whenever what was begun is over. */
  let turn = 0
  let noted: FailedCheck | undefined
  /** The revision whose verdicts were logged last. */
  let logged: string | undefined

  /** @returns undefined when the page cannot be asked */
  const look = async (): Promise<PageLook | 'not-shown' | undefined> => {
    const open = page()
    if (open === undefined) return undefined
    try {
      const seen = await withTimeout(lookAt(open), lookMs)
      if (seen === undefined) return 'not-shown'
      return noted === undefined ? seen : { ...seen, failed: [...seen.failed, noted] }
    } catch (error) {
      log.debug({ event: 'look_failed', err: error }, 'the page could not be looked at')
      return undefined
    }
  }

  const logRevision = (seen: PageLook): void => {
    const version = seen.version ?? 'unknown'
    if (version === logged) return
    logged = version
    const missing = seen.missing.map(({ name }) => name)
    const line = { event: 'page_revision', version, missing, checks: verdicts(seen) }
    if (missing.length + seen.failed.length === 0)
      log.info(line, `WhatsApp Web ${version} passes all checks`)
    else log.warn(line, `WhatsApp Web ${version} does not pass all checks`)
  }

  const lookAfter = async (mine: number, before?: string): Promise<void> => {
    const seenNow = await look()
    if (mine !== turn) return
    if (seenNow === undefined || seenNow === 'not-shown') {
      timer = setTimeout(() => void lookAfter(mine, before), lookRestMs)
      return
    }
    const fatal = whyNotReady(seenNow, 'ready')
    const seen = fatal ?? whatIsLimited(seenNow)
    const isSure = seen === undefined || seen === before
    if (isSure) logRevision(seenNow)
    if (isSure && fatal !== undefined) return onFatal(fatal)
    if (isSure) onLimited(seen)
    timer = setTimeout(() => void lookAfter(mine, seen), isSure ? lookRestMs : lookAgainMs)
  }

  const whyNotNow = async (stage: Stage): Promise<string | undefined> => {
    const seen = await look()
    return seen === 'not-shown' ? notShown : seen && whyNotReady(seen, stage)
  }
  const whyNot = async (stage: Stage): Promise<string | undefined> => {
    const before = await whyNotNow(stage)
    if (before === undefined) return undefined
    await new Promise<void>((resolve) => setTimeout(resolve, lookAgainMs))
    return (await whyNotNow(stage)) === before ? before : undefined
  }

  const stop = (): void => {
    turn += 1
    clearTimeout(timer)
  }
  return {
    noteCheck: (failed) => {
      noted = failed
    },
    whyNot,
    begin: () => {
      stop()
      // Whatever its QR was like, a phone could scan it.
      noted = undefined
      void lookAfter(turn)
    },
    stop
  }
}
