import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import type { NewRecord } from '../journal/journal.ts'
import type { MediaLimits } from '../journal/media-limits.ts'
import type { RawModel } from '../journal/raw-models.ts'
import { editRecords, messageRecords } from './new-records.ts'
import { readKept, type Kept } from './keep.ts'
import type { Mapping } from './message.ts'
import { hasTime, isThumbnail } from './content/raw.ts'

/** Maps again what an earlier release has mapped. */

/**
 * Kinds of records that are mapped again: what a message says. Who deleted it or reacted to it is
 * no question of mapping.
 */
const kinds: ReadonlySet<InboundRecord['kind']> = new Set(['message', 'edit'])

const newRecordsOf = ({ way, model, previous, me }: Kept, media: MediaLimits): NewRecord[] => {
  const mapping: Mapping = { media, me, broadcasts: true }
  return way === 'edit' ? editRecords(model, previous, mapping) : messageRecords(model, mapping)
}

/**
 * Of a record whose raw model is not kept: a thumbnail that an earlier release took for text is
 * taken out.
 */
const repaired = ({ message }: InboundRecord): CapturedMessage | undefined =>
  message.type !== 'chat' && isThumbnail(message.body) ? { ...message, body: '' } : undefined

/**
 * @returns the message of a record as it is mapped today; undefined when there is nothing to map it
 * from
 */
export const remap = (
  record: InboundRecord,
  raw: RawModel | undefined,
  media: MediaLimits
): CapturedMessage | undefined => {
  if (!kinds.has(record.kind)) return undefined
  const kept = raw === undefined ? undefined : readKept(raw)
  if (kept === undefined) return repaired(record)
  const message = newRecordsOf(kept, media).find(({ kind }) => kind === record.kind)?.message
  if (message === undefined) return undefined
  // Without a time of its own the message has the time at which it was captured.
  return hasTime(kept.model) ? message : { ...message, timestamp: record.message.timestamp }
}
