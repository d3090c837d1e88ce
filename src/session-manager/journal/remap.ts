import { setTimeout as delay } from 'node:timers/promises'
import type { InboundRecord } from '../../contract/record.ts'
import type { Remapped } from '../../contract/session.ts'
import type { Log } from '../../platform/log.ts'
import type { Journal, NewVersion } from './journal.ts'
import type { RawModel } from './raw-models.ts'

/**
 * Maps kept models again, a part of the journal at a time, so that other work goes on in between.
 */

/** Records in one part. */
const remapBatch = 1_000

/** The message of a record as it is mapped today; undefined without anything to map it from. */
type Remap = (record: InboundRecord, raw: RawModel | undefined) => NewVersion['message'] | undefined

/**
 * @param options.after the last record that is done already
 * @param options.isTrial only counts what would change
 */
export const remapSome = (options: {
  journal: Journal
  remap: Remap
  version: number
  after: number
  isTrial: boolean
  /** Records in this part; `remapBatch` by default. */
  limit?: number | undefined
}): Remapped => {
  const { journal, remap, version, after, isTrial, limit = remapBatch } = options
  // Records that are appended from here on are mapped by this version.
  const lastSeq = journal.lastSeq()
  const rows = journal.remappable(after, limit)
  const messages: NewVersion[] = []
  const mapped: number[] = []
  for (const { seq, record, raw } of rows) {
    if (record.kind === 'erased') continue
    if (raw !== undefined && raw.version !== version) mapped.push(seq)
    const message = remap(record, raw)
    if (message !== undefined) messages.push({ message, source: record.source })
  }
  const changed = journal.update(messages, isTrial)
  if (!isTrial) journal.remapped(mapped, version)
  return {
    mapper_version: version,
    examined: rows.length,
    mapped: messages.length,
    changed,
    next_after: rows.at(-1)?.seq ?? after,
    last_seq: lastSeq
  }
}

/** Records of one part after an upgrade. It takes some 30 ms, and everything else waits for it. */
const partSize = 100
/** Between two checks whether this host has the account, ms. */
const ownerCheckMs = 10_000

/**
 * After an upgrade to another mapper, maps the journal again, once, in the background. A message
 * that comes out differently is appended as an update, so that each hub that follows the journal
 * takes it in order, and once. After a stop in between, the next start continues.
 */
export class UpgradeRemap {
  readonly #options: UpgradeRemapOptions
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>

  constructor(options: UpgradeRemapOptions) {
    this.#options = options
    this.#done = this.#run().catch((error: unknown) => {
      if (this.#stopping.signal.aborted) return
      options.log.error(
        { event: 'remap_failed', err: error },
        'Failed to read the journal again as this release understands it. ' +
          'It is tried again at the next start, or by "leadmaster remap".'
      )
    })
  }

  /** Resolves once it is done, stopped or failed. */
  get done(): Promise<void> {
    return this.#done
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
  }

  async #run(): Promise<void> {
    const { journal, version, log } = this.#options
    const { signal } = this.#stopping
    await delay(0, undefined, { signal }) // The daemon's start comes first.
    const mappedBy = journal.mark('mapped_by') ?? 0
    // A later release mapped the journal. Its result stays.
    if (mappedBy > version) return
    while (!this.#options.isOurs()) await delay(ownerCheckMs, undefined, { signal })
    let after = mappedBy === version ? (journal.mark('mapped_to') ?? 0) : 0
    // Records that are appended from now on are mapped by this version. Records since the last
    // start may be of an earlier release, which an operator put back in between.
    const end = journal.lastSeq()
    journal.setMarks({ mapped_by: version, mapped_to: after })
    const isUpgrade = after === 0 && end > 0
    if (isUpgrade)
      log.info(
        { event: 'remapping', version, to: end },
        `the journal is read again as this release understands it, up to record ${end}`
      )
    let changed = 0
    while (after < end && !signal.aborted) {
      const startedAt = performance.now()
      const part = this.#options.remapPart(after, Math.min(partSize, end - after))
      if (part.examined === 0) break
      after = part.next_after
      changed += part.changed
      journal.setMarks({ mapped_to: after })
      // Pause for as long as it took, so that everything else has half of the time.
      await delay(performance.now() - startedAt, undefined, { signal })
    }
    if (signal.aborted) return
    journal.setMarks({ mapped_to: end })
    if (isUpgrade || changed > 0)
      log.info(
        { event: 'remap_done', version, records: changed },
        `the journal was read again: ${changed} messages came out differently`
      )
  }
}

interface UpgradeRemapOptions {
  journal: Journal
  /** The version of the mapper. */
  version: number
  /** Maps the next records after a seq. */
  remapPart(after: number, limit: number): Remapped
  /** Whether this host has the account. Another host maps what it captures itself. */
  isOurs(): boolean
  log: Log
}
