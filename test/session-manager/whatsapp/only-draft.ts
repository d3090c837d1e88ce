import type { Test } from 'tap'
import { CapturedMessage } from '../../../src/contract/record.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { messageRecords } from '../../../src/session-manager/whatsapp/new-records.ts'
import type { Mapping } from '../../../src/session-manager/whatsapp/message.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { conforms } from '../../platform/conforms.ts'
import { me } from './raw-models.ts'

export const mapping: Mapping = { media: { maxBytes: 1_000_000, types: ['*/*'] }, me: [me] }

/** The one draft, its message checked against the contract. */
export const only = (t: Test, newRecords: NewRecord[]): NewRecord => {
  t.equal(newRecords.length, 1, 'one draft')
  const [first] = newRecords as [NewRecord]
  conforms(t, CapturedMessage, first.message, 'as the contract has it')
  return first
}

/** The message that a model becomes. */
export const captured = (t: Test, raw: Raw, how: Mapping = mapping): CapturedMessage =>
  only(t, messageRecords(raw, how)).message
