/**
 * WhatsApp's message types by what they mean to a sales team. One list for session-manager, the hub,
 * the operator page and the terminal. Names: WAWebMsgType of WhatsApp Web.
 */

/** WhatsApp itself speaks, or a message stands in for another: no person wrote it. */
export const notOfAPerson: readonly string[] = [
  'automated_greeting_message',
  'biz-cover-photo',
  'biz_content_placeholder',
  'broadcast_notification',
  'debug',
  'debug_placeholder',
  'e2e_notification',
  'event_edit_encrypted',
  'event_response',
  'gp2',
  'group-history',
  'guest_upsell_system_msg',
  'history_bundle',
  'keep_in_chat',
  'loading_media',
  'message_edit_encrypted',
  'message_history_notice',
  'newsletter_notification',
  'notification',
  'notification_template',
  'pin_message',
  'pinned_message',
  'poll_add_option_decrypted',
  'poll_add_option_encrypted',
  'poll_edit_encrypted',
  'poll_result_snapshot',
  'poll_update',
  'protocol',
  'quarantined',
  'reaction',
  'reaction_enc',
  'status',
  'status_notification'
]

const set: ReadonlySet<string> = new Set(notOfAPerson)

/** @returns whether a person wrote a message of this type, so that somebody may wait for an answer */
export const isOfAPerson = (type: string): boolean => !set.has(type)
