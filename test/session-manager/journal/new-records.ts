import type { CapturedMessage, InboundRecord, JournalRecord } from '../../../src/contract/record.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'

/** Messages as the page's mapping gives them. */

export const message = (id: string, facts: Partial<CapturedMessage> = {}): CapturedMessage => ({
  id: `false_5215512345678@c.us_${id}`,
  chat_id: '5215512345678@c.us',
  from: '5215512345678@c.us',
  to: '5215587654321@c.us',
  phone: '+5215512345678',
  from_me: false,
  type: 'chat',
  body: `message ${id}`,
  timestamp: 1_700_000_000,
  has_media: false,
  ...facts
})

export const newRecord = (
  id: string,
  facts: Partial<CapturedMessage> = {},
  kind: NewRecord['kind'] = 'message'
): NewRecord => {
  const captured = message(id, facts)
  return { key: `${kind}:${captured.id}`, kind, message: captured }
}

export const withMedia = (
  id: string,
  facts: Partial<NonNullable<CapturedMessage['media']>> = {}
): NewRecord =>
  newRecord(id, {
    type: 'image',
    has_media: true,
    media: { state: 'pending', mimetype: 'image/jpeg', ...facts }
  })

/** A LID of its own for each number. */
export const lidOf = (number: number): string => `${10_000_000_000 + number}@lid`

/** Those that have their content. */
export const captured = (records: readonly JournalRecord[]): InboundRecord[] =>
  records.filter((record) => record.kind !== 'erased')
