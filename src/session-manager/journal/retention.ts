import { setTimeout as delay } from 'node:timers/promises'
import { CertainTime } from '../../platform/certain-time.ts'
import type { Log } from '../../platform/log.ts'
import type { Journal } from './journal.ts'
import { deleteErasedMedia } from './media.ts'

const dayMs = 86_400_000
/** Records of one transaction. It takes some 30 ms, and everything else waits for it. */
const batchSize = 100

interface RetentionOptions {
  journal: Journal
  /** The directory of the media. */
  directory: string
  /** How long records and their media are kept, to the day, ms; 0 keeps them all. */
  keepMs: number
  /** How long raw models are kept beside their records, ms; 0 keeps none. */
  keepRawMs?: number
  /** The last record that may be erased for its age: later ones are not forwarded yet. */
  upTo?: () => number
  /** Between one look and the next, and before the first. */
  everyMs?: number
  log: Log
  now?: () => number
  /** ms of a clock that only goes on. */
  steady?: () => number
}

/** Erases what is too old, and finishes an erasure that was cut short. */
export class Retention {
  readonly #options: RetentionOptions
  readonly #everyMs: number
  readonly #certain: CertainTime
  /** Everything before this was erased, ms. */
  #doneBefore = 0
  #isStopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: RetentionOptions) {
    const { journal, everyMs = 600_000, steady } = options
    this.#options = options
    this.#everyMs = everyMs
    this.#certain = new CertainTime(journal.mark('certain_until') ?? 0, steady)
    this.#timer = setTimeout(() => this.#look(), everyMs)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  #look(): void {
    this.#run()
      .catch((error: unknown) =>
        this.#options.log.warn(
          { event: 'erasing_failed', retry_ms: this.#everyMs, err: error },
          'what is to be erased could not be; it is tried again'
        )
      )
      .finally(() => {
        if (!this.#isStopped) this.#timer = setTimeout(() => this.#look(), this.#everyMs)
      })
  }

  async #run(): Promise<void> {
    const { journal, directory, keepMs, now = Date.now } = this.#options
    journal.finishErasing()
    const time = this.#certain.look(journal.confirmedUntil(), now())
    journal.setMark('certain_until', this.#certain.known())
    await this.#expireRaw(time)
    // Once a day, because the file is rewritten each time.
    const before = Math.floor((time - keepMs) / dayMs) * dayMs
    const lastSeq = journal.lastSeq()
    const upTo = this.#options.upTo?.() ?? Number.MAX_SAFE_INTEGER
    const isDue = keepMs > 0 && before > this.#doneBefore
    const records = isDue ? await this.#eraseBefore(before, time, Math.min(lastSeq, upTo)) : 0
    if (this.#isStopped) return
    const files = await deleteErasedMedia(journal, directory)
    // Records that could not be erased yet are erased on one of the next looks.
    if (upTo >= lastSeq) this.#doneBefore = before
    if (records > 0 || files > 0)
      this.#options.log.info(
        { event: 'retention', before: new Date(before).toISOString(), records, files },
        `erased ${records} records and ${files} media files for good`
      )
  }

  /**
   * Erases in groups, because there may be millions. After each group it pauses for as long as the
   * group took, so that everything else has half of the time.
   */
  async #eraseBefore(before: number, time: number, upTo: number): Promise<number> {
    const { journal } = this.#options
    let records = 0
    for (let after = 0; after < upTo && !this.#isStopped; after += batchSize) {
      const startedAt = performance.now()
      records += journal.erase({
        before,
        after,
        upTo: Math.min(after + batchSize, upTo),
        certain: time,
        more: true
      })
      await delay(performance.now() - startedAt)
    }
    if (!this.#isStopped) journal.finishErasing()
    return records
  }

  /** In groups, with a pause after each as above. */
  async #expireRaw(time: number): Promise<void> {
    const { journal, keepRawMs = 0 } = this.#options
    for (let deleted = 1; deleted > 0 && !this.#isStopped; ) {
      const startedAt = performance.now()
      deleted = journal.expireRaw(time - keepRawMs)
      if (deleted > 0) await delay(performance.now() - startedAt)
    }
  }
}
