import { summaryParts, type LastMessage } from '../../../contract/lead.ts'
import { kindOf } from '../../../contract/message-types.ts'
import type { CapturedMessage, Media } from '../../../contract/record.ts'
import { contactNames } from '../database/terms.ts'

/** What a list shows of a lead's latest message. */

/** What is kept of each text, characters; and of each list, items. */
const excerpt = 200
const maxItems = 3

/** The columns of a lead's latest message; all null for a lead without messages. */
export interface LastColumns {
  last_id: string | null
  last_type: string | null
  last_body: string | null
  last_from_me: number | null
  last_timestamp: number | null
  last_revoked: number | null
  last_decryption: 'pending' | 'failed' | null
  last_media: string | null
  last_details: string | null
}

/** When a message was written, as the API gives it. @param timestamp UNIX seconds */
export const sentAt = (timestamp: number): string => new Date(timestamp * 1_000).toISOString()

/** By code points, so that no emoji is cut in two. */
const cutText = (text: string): string => [...text.slice(0, 2 * excerpt)].slice(0, excerpt).join('')

const cut = (value: unknown): unknown => {
  if (typeof value === 'string') return cutText(value)
  if (Array.isArray(value)) return value.slice(0, maxItems).map(cut)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, cut(each)]))
}

/** An offer is shown by its title alone. */
const parts = summaryParts.filter((name) => name !== 'interactive')

/** The parts of a message that its summary is made of. */
const partsOf = (
  details: Partial<CapturedMessage>,
  media: Media | undefined
): Partial<LastMessage> => {
  const found = parts.flatMap((name) =>
    details[name] === undefined ? [] : [[name, cut(details[name])]]
  )
  const given: Partial<LastMessage> = Object.fromEntries(found)
  const { interactive, contacts } = details
  if (interactive?.title !== undefined) given.interactive = { title: cutText(interactive.title) }
  if (contacts !== undefined)
    given.contact_names = contactNames(contacts).slice(0, maxItems).map(cutText)
  if (media?.filename !== undefined) given.filename = cutText(media.filename)
  return given
}

/** The message as the API gives it. Of one that was deleted in WhatsApp it gives no content. */
export const toLastMessage = (row: LastColumns): LastMessage | null => {
  const { last_id: id, last_type: type, last_timestamp: timestamp, last_details, last_media } = row
  if (id === null || type === null || timestamp === null) return null
  const from_me = row.last_from_me === 1
  const sent_at = sentAt(timestamp)
  if (row.last_revoked !== null) {
    return { id, type: 'revoked', kind: 'deleted', body: '', from_me, timestamp, sent_at }
  }
  const details = JSON.parse(last_details ?? '{}') as Partial<CapturedMessage>
  const media = last_media === null ? undefined : (JSON.parse(last_media) as Media)
  const shown: LastMessage = {
    id,
    type,
    kind: kindOf(type),
    body: cutText(row.last_body ?? ''),
    from_me,
    timestamp,
    sent_at,
    ...partsOf(details, media)
  }
  if (row.last_decryption !== null) shown.decryption = row.last_decryption
  return shown
}
