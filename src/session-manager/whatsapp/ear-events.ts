import type { NewRecord } from '../journal/journal.ts'
import {
  ciphertextFailedRecords,
  editRecords,
  messageRecords,
  reactionRecords,
  revokeRecords,
  voteRecords
} from './new-records.ts'
import type { EarKind } from './ear.ts'
import type { Mapping } from './message.ts'
import { isRaw, type Raw } from './content/raw.ts'

/**
 * What our own listeners in the page hand over, as new records: with the same keys as what the
 * library tells.
 */

type ToNewRecords = (raw: Raw, previous: unknown, mapping: Mapping) => NewRecord[]

const toNewRecords: Record<EarKind, ToNewRecords> = {
  message: (raw, _previous, mapping) => messageRecords(raw, mapping),
  ciphertext: (raw, _previous, mapping) => messageRecords(raw, mapping),
  ciphertext_failed: (raw, _previous, mapping) => ciphertextFailedRecords(raw, mapping),
  edit: (raw, previous, mapping) => editRecords(raw, String(previous ?? ''), mapping),
  revoked: (raw, _previous, mapping) => revokeRecords(raw, 'sender', mapping),
  removed: (raw, _previous, mapping) => revokeRecords(raw, 'me', mapping),
  reaction: (raw, _previous, mapping) => reactionRecords(raw, mapping),
  vote: (raw, _previous, mapping) => voteRecords(raw, mapping)
}

const isKind = (kind: unknown): kind is EarKind =>
  typeof kind === 'string' && Object.hasOwn(toNewRecords, kind)

/** @param previous the text before an edit */
export const earRecords = (
  kind: unknown,
  raw: unknown,
  previous: unknown,
  mapping: Mapping
): NewRecord[] => (isKind(kind) && isRaw(raw) ? toNewRecords[kind](raw, previous, mapping) : [])

/** The library's callbacks in Node, and what of ours the same call would be. */
const kindOfCallback: Readonly<Record<string, EarKind>> = {
  onAddMessageEvent: 'message',
  onAddMessageCiphertextEvent: 'ciphertext',
  onCiphertextFailedEvent: 'ciphertext_failed',
  onEditMessageEvent: 'edit',
  onRemoveMessageEvent: 'removed'
}

/** What a call of the page would have told, had the library's callback in Node not thrown. */
export const newRecordsOfCall = (
  [callback, raw, ...args]: readonly unknown[],
  mapping: Mapping
): NewRecord[] => {
  const name = String(callback)
  const isRevoked = name === 'onChangeMessageTypeEvent' && isRaw(raw) && raw['type'] === 'revoked'
  return earRecords(isRevoked ? 'revoked' : kindOfCallback[name], raw, args[1], mapping)
}
