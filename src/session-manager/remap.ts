import type { InboundRecord } from '../contract/record.ts'
import type { Remapped } from '../contract/session.ts'
import type { Journal, NewVersion } from './journal.ts'
import type { RawModel } from './raw-models.ts'

/** Maps again what is still kept, a part of the journal at a time, so that everything else goes on in between. */

/** Records in one part. */
export const remapBatch = 1_000

/** The message of a record as it is mapped today; undefined when there is nothing to map it from. */
export type Remap = (record: InboundRecord, raw: RawModel | undefined) => NewVersion['message'] | undefined

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
}): Remapped => {
  const { journal, remap, version, after, isTrial } = options
  // What is appended from here on is mapped by this version.
  const lastSeq = journal.lastSeq()
  const rows = journal.remappable(after, remapBatch)
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
