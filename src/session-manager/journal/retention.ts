import { setTimeout as delay } from 'node:timers/promises'
import { CertainTime } from '../../platform/certain-time.ts'
import type { Log } from '../../platform/log.ts'
import type { Journal } from './journal.ts'
import { deleteErasedMedia } from './media.ts'

/** Erases what is older than it may become, and finishes an erasure that was cut short. */
export interface Retention {
  stop(): void
}

const dayMs = 86_400_000
/** Records of one transaction, some 30 ms: everything else waits for it. */
const batchSize = 100

/**
 * @param options.keepMs how long records and their media are kept, to the day; 0 keeps them all
 * @param options.keepRawMs how long raw models are kept beside their records; 0 keeps none
 * @param options.upTo the last record that may be erased for its age: those after it are not
 * forwarded yet
 * @param options.everyMs between one look and the next, and before the first
 */
export const createRetention = (options: {
  journal: Journal
  directory: string
  keepMs: number
  keepRawMs?: number
  upTo?: () => number
  everyMs?: number
  log: Log
  now?: () => number
  steady?: () => number
}): Retention => {
  const {
    journal,
    directory,
    keepMs,
    keepRawMs = 0,
    upTo = () => Number.MAX_SAFE_INTEGER,
    everyMs = 600_000,
    log,
    now = Date.now,
    steady
  } = options
  const certain = new CertainTime(journal.mark('certain_until') ?? 0, steady)
  let doneBefore = 0
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  /**
   * In groups, for there may be millions; after each a rest as long as it took, so that everything
   * else has half of the time.
   */
  const eraseBefore = async (before: number, time: number, upTo: number): Promise<number> => {
    let records = 0
    for (let after = 0; after < upTo && !stopped; after += batchSize) {
      const began = performance.now()
      records += journal.erase({
        before,
        after,
        upTo: Math.min(after + batchSize, upTo),
        certain: time,
        more: true
      })
      await delay(performance.now() - began)
    }
    if (!stopped) journal.finishErasing()
    return records
  }

  /** In groups, with a rest after each as above. */
  const expireRaw = async (time: number): Promise<void> => {
    for (let deleted = 1; deleted > 0 && !stopped; ) {
      const began = performance.now()
      deleted = journal.expireRaw(time - keepRawMs)
      if (deleted > 0) await delay(performance.now() - began)
    }
  }

  const run = async (): Promise<void> => {
    journal.finishErasing()
    const time = certain.look(journal.confirmedUntil(), now())
    journal.setMark('certain_until', certain.known())
    await expireRaw(time)
    // once a day, for the file is rewritten each time
    const before = Math.floor((time - keepMs) / dayMs) * dayMs
    const [there, last] = [journal.lastSeq(), upTo()]
    const records =
      keepMs > 0 && before > doneBefore ? await eraseBefore(before, time, Math.min(there, last)) : 0
    if (stopped) return
    const files = await deleteErasedMedia(journal, directory)
    // what could not go yet goes on one of the next looks
    if (last >= there) doneBefore = before
    if (records > 0 || files > 0)
      log.info(
        { event: 'retention', before: new Date(before).toISOString(), records, files },
        `erased ${records} records and ${files} media files for good`
      )
  }
  const look = (): void => {
    run()
      .catch((error: unknown) =>
        log.warn(
          { event: 'erasing_failed', retry_ms: everyMs, err: error },
          'what is to be erased could not be; it is tried again'
        )
      )
      .finally(() => {
        if (!stopped) timer = setTimeout(look, everyMs)
      })
  }
  timer = setTimeout(look, everyMs)
  return {
    stop: () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}
