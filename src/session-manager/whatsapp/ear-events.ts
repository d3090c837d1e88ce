import type { Draft } from '../journal/journal.ts'
import {
  ciphertextFailedDrafts,
  editDrafts,
  messageDrafts,
  reactionDrafts,
  revokeDrafts,
  voteDrafts
} from './drafts.ts'
import type { EarKind } from './ear.ts'
import type { Mapping } from './message.ts'
import { isRaw, type Raw } from './content/raw.ts'

/**
 * What our own listeners in the page hand over, as drafts: with the same keys as what the library
 * tells.
 */

type ToDrafts = (raw: Raw, previous: unknown, mapping: Mapping) => Draft[]

const toDrafts: Record<EarKind, ToDrafts> = {
  message: (raw, _previous, mapping) => messageDrafts(raw, mapping),
  ciphertext: (raw, _previous, mapping) => messageDrafts(raw, mapping),
  ciphertext_failed: (raw, _previous, mapping) => ciphertextFailedDrafts(raw, mapping),
  edit: (raw, previous, mapping) => editDrafts(raw, String(previous ?? ''), mapping),
  revoked: (raw, _previous, mapping) => revokeDrafts(raw, 'sender', mapping),
  removed: (raw, _previous, mapping) => revokeDrafts(raw, 'me', mapping),
  reaction: (raw, _previous, mapping) => reactionDrafts(raw, mapping),
  vote: (raw, _previous, mapping) => voteDrafts(raw, mapping)
}

const isKind = (kind: unknown): kind is EarKind =>
  typeof kind === 'string' && Object.hasOwn(toDrafts, kind)

/** @param previous the text before an edit */
export const earDrafts = (
  kind: unknown,
  raw: unknown,
  previous: unknown,
  mapping: Mapping
): Draft[] => (isKind(kind) && isRaw(raw) ? toDrafts[kind](raw, previous, mapping) : [])

/** The library's callbacks in Node, and what of ours the same call would be. */
const kindOfCallback: Readonly<Record<string, EarKind>> = {
  onAddMessageEvent: 'message',
  onAddMessageCiphertextEvent: 'ciphertext',
  onCiphertextFailedEvent: 'ciphertext_failed',
  onEditMessageEvent: 'edit',
  onRemoveMessageEvent: 'removed'
}

/** What a call of the page would have told, had the library's callback in Node not thrown. */
export const draftsOfCall = (
  [callback, raw, ...args]: readonly unknown[],
  mapping: Mapping
): Draft[] => {
  const name = String(callback)
  const isRevoked = name === 'onChangeMessageTypeEvent' && isRaw(raw) && raw['type'] === 'revoked'
  return earDrafts(isRevoked ? 'revoked' : kindOfCallback[name], raw, args[1], mapping)
}
