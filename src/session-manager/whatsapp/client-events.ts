import type { Me } from '../../contract/session.ts'
import type { NewRecord } from '../journal/journal.ts'
import type { PasskeyState } from './passkey-state.ts'
import type { Client } from './browser.ts'
import {
  ciphertextFailedRecords,
  editRecords,
  groupRecords,
  messageRecords,
  reactionRecords,
  revokeRecords,
  voteRecords
} from './new-records.ts'
import { unreadableFields, type Mapping } from './message.ts'
import type { Raw } from './content/raw.ts'
import { explainState } from './reason.ts'
import type { StanzaCount } from './wire-guard.ts'

/** The parts of session-manager that can find that something does not work. */
export type LimitSource = 'page' | 'guard' | 'backfill' | 'checkpoint'

/** What a listener tells. Nothing comes after `stop`. */
export type ListenerEvent =
  | { type: 'qr'; code: string }
  /**
   * WhatsApp asks for the account's passkey in order to link this device; undefined: it does not
   * any more.
   */
  | { type: 'passkey'; passkey: PasskeyState | undefined }
  | { type: 'syncing'; percent: number }
  | { type: 'authenticated' }
  | { type: 'ready'; me: Me; version: string }
  /** READY, but not all works: what not, and why; undefined: all does again. */
  | { type: 'limited'; source: LimitSource; reason: string | undefined }
  | { type: 'socket'; state: string }
  | { type: 'lost'; reason: string; fault: boolean; isRefused?: boolean }
  /** `reason`: why, when it is not the phone that unlinked this device. */
  | { type: 'logout'; reason?: string | undefined }
  | { type: 'captured'; newRecords: NewRecord[] }
  /** What the send guard allowed and refused. */
  | { type: 'outbound'; counts: StanzaCount[] }

/**
 * What the client of whatsapp-web.js says, as the events of a Listener; all but `ready`, which asks
 * for more.
 * @param mapping its ids of the account may become known later
 * @param onUnreadable fields of a message that are not there, or not as they were: it is captured
 * as far as it can be read
 */
export const hearClient = (
  client: Client,
  mapping: Mapping,
  tell: (event: ListenerEvent) => void,
  onUnreadable: (fields: string[]) => void
): void => {
  const raw = (message: unknown): Raw => (message as { rawData: Raw }).rawData
  const captured = (newRecords: NewRecord[]): void => {
    if (newRecords.length > 0) tell({ type: 'captured', newRecords })
  }
  client.on('qr', (code) => tell({ type: 'qr', code }))
  client.on('loading_screen', (percent) => tell({ type: 'syncing', percent: Number(percent) }))
  client.on('authenticated', () => tell({ type: 'authenticated' }))
  client.on('auth_failure', (message) =>
    tell({ type: 'lost', reason: `WhatsApp refused the linked device: ${message}`, fault: true })
  )
  client.on('change_state', (state) => tell({ type: 'socket', state }))
  client.on('disconnected', (reason) => {
    tell(
      String(reason) === 'LOGOUT'
        ? { type: 'logout' }
        : { type: 'lost', ...explainState(String(reason)) }
    )
  })
  client.on('message_create', (message) => {
    const fields = unreadableFields(raw(message))
    if (fields.length > 0) onUnreadable(fields)
    captured(messageRecords(raw(message), mapping))
  })
  client.on('message_ciphertext', (message) => captured(messageRecords(raw(message), mapping)))
  client.on('message_ciphertext_failed', (message) =>
    captured(ciphertextFailedRecords(raw(message), mapping))
  )
  client.on('message_edit', (message, _body, previous) =>
    captured(editRecords(raw(message), String(previous ?? ''), mapping))
  )
  client.on('message_revoke_everyone', (message) =>
    captured(revokeRecords(raw(message), 'sender', mapping))
  )
  client.on('message_revoke_me', (message) => captured(revokeRecords(raw(message), 'me', mapping)))
  client.on('message_reaction', (reaction) =>
    captured(reactionRecords(reaction as unknown as Raw, mapping))
  )
  client.on('vote_update', (vote) => captured(voteRecords(vote as unknown as Raw, mapping)))
  for (const event of [
    'group_join',
    'group_leave',
    'group_admin_changed',
    'group_membership_request',
    'group_update'
  ] as const) {
    client.on(event as 'group_join', (notification) =>
      captured(groupRecords(notification as unknown as Raw, mapping))
    )
  }
}
