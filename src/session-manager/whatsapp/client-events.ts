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

/** The events of a listener. Nothing comes after `stop`. */
export type ListenerEvent =
  | { type: 'qr'; code: string }
  /** WhatsApp asks for the account's passkey to link this device; undefined: no longer. */
  | { type: 'passkey'; passkey: PasskeyState | undefined }
  | { type: 'syncing'; percent: number }
  | { type: 'authenticated' }
  | { type: 'ready'; me: Me; version: string }
  /** READY, but a part does not work, and why; undefined: it works again. */
  | { type: 'limited'; source: LimitSource; reason: string | undefined }
  | { type: 'socket'; state: string }
  | { type: 'lost'; reason: string; fault: boolean; isRefused?: boolean }
  /** `reason`: why, if the phone did not unlink this device. */
  | { type: 'logout'; reason?: string | undefined }
  | { type: 'captured'; newRecords: NewRecord[] }
  /** What the send guard allowed and refused. */
  | { type: 'outbound'; counts: StanzaCount[] }

/**
 * Forwards the events of whatsapp-web.js as those of a Listener; all but `ready`, which asks for
 * more.
 * @param mapping the ids of the account in it may become known later
 * @param onUnreadable takes the fields that a message lacks, or that have another form. The message
 * is captured as far as it can be read
 */
export const forwardClientEvents = (
  client: Client,
  mapping: Mapping,
  emit: (event: ListenerEvent) => void,
  onUnreadable: (fields: string[]) => void
): void => {
  forwardSessionEvents(client, emit)
  const onCaptured = (newRecords: NewRecord[]): void => {
    if (newRecords.length > 0) emit({ type: 'captured', newRecords })
  }
  forwardMessages(client, mapping, onCaptured, onUnreadable)
  for (const event of [
    'group_join',
    'group_leave',
    'group_admin_changed',
    'group_membership_request',
    'group_update'
  ] as const) {
    client.on(event as 'group_join', (notification) =>
      onCaptured(groupRecords(notification as unknown as Raw, mapping))
    )
  }
}

const forwardSessionEvents = (client: Client, emit: (event: ListenerEvent) => void): void => {
  client.on('qr', (code) => emit({ type: 'qr', code }))
  client.on('loading_screen', (percent) => emit({ type: 'syncing', percent: Number(percent) }))
  client.on('authenticated', () => emit({ type: 'authenticated' }))
  client.on('auth_failure', (message) =>
    emit({ type: 'lost', reason: `WhatsApp refused the linked device: ${message}`, fault: true })
  )
  client.on('change_state', (state) => emit({ type: 'socket', state }))
  client.on('disconnected', (reason) => {
    emit(
      String(reason) === 'LOGOUT'
        ? { type: 'logout' }
        : { type: 'lost', ...explainState(String(reason)) }
    )
  })
}

const forwardMessages = (
  client: Client,
  mapping: Mapping,
  onCaptured: (newRecords: NewRecord[]) => void,
  onUnreadable: (fields: string[]) => void
): void => {
  const raw = (message: unknown): Raw => (message as { rawData: Raw }).rawData
  client.on('message_create', (message) => {
    const fields = unreadableFields(raw(message))
    if (fields.length > 0) onUnreadable(fields)
    onCaptured(messageRecords(raw(message), mapping))
  })
  client.on('message_ciphertext', (message) => onCaptured(messageRecords(raw(message), mapping)))
  client.on('message_ciphertext_failed', (message) =>
    onCaptured(ciphertextFailedRecords(raw(message), mapping))
  )
  client.on('message_edit', (message, _body, previous) =>
    onCaptured(editRecords(raw(message), String(previous ?? ''), mapping))
  )
  client.on('message_revoke_everyone', (message) =>
    onCaptured(revokeRecords(raw(message), 'sender', mapping))
  )
  client.on('message_revoke_me', (message) =>
    onCaptured(revokeRecords(raw(message), 'me', mapping))
  )
  client.on('message_reaction', (reaction) =>
    onCaptured(reactionRecords(reaction as unknown as Raw, mapping))
  )
  client.on('vote_update', (vote) => onCaptured(voteRecords(vote as unknown as Raw, mapping)))
}
