import Type, { type Static } from 'typebox'

/**
 * WhatsApp's message types by what they mean to a sales team. One list for session-manager, the
 * hub, the operator page and the terminal. Names: WAWebMsgType of WhatsApp Web.
 */

/** Types of messages that no person wrote: of WhatsApp itself, or in place of another message. */
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

/**
 * @returns whether a person wrote a message of this type, so that somebody may wait for an answer
 */
export const isOfAPerson = (type: string): boolean => !set.has(type)

/**
 * What a message is, for a frontend to choose by: WhatsApp's `type` is open and changes with its
 * releases, this list is closed.
 */
export const MessageKind = Type.Union(
  [
    Type.Literal('text'),
    Type.Literal('image'),
    Type.Literal('video'),
    Type.Literal('video_note', { description: 'a round video' }),
    Type.Literal('voice', { description: 'a voice message' }),
    Type.Literal('audio', { description: 'a file of sound' }),
    Type.Literal('sticker'),
    Type.Literal('document'),
    Type.Literal('album', {
      description:
        'several photos and videos that were sent as one; each is a message with `album_id`'
    }),
    Type.Literal('location'),
    Type.Literal('contacts', { description: 'one contact card or several' }),
    Type.Literal('poll', { description: 'a poll, or its result' }),
    Type.Literal('event', { description: 'an appointment' }),
    Type.Literal('call'),
    Type.Literal('order'),
    Type.Literal('product'),
    Type.Literal('payment'),
    Type.Literal('offer', {
      description: 'what a business gives to choose from: buttons, a list, a template, a flow'
    }),
    Type.Literal('choice', { description: 'the answer to an offer' }),
    Type.Literal('invite', { description: 'to a group or a channel' }),
    Type.Literal('undecrypted', {
      description: 'WhatsApp Web could not decrypt it yet; `decryption` says more'
    }),
    Type.Literal('unsupported', {
      description: 'WhatsApp shows it on the phone alone; `phone_only` says more'
    }),
    Type.Literal('deleted', {
      description:
        'deleted in WhatsApp before its content was captured. A message that was deleted later ' +
        'keeps its kind and has `revoked_at`; as `last_message` of a lead both are `deleted`'
    }),
    Type.Literal('system', { description: 'a notice of WhatsApp itself' }),
    Type.Literal('other', {
      description: 'everything else, such as a type that WhatsApp adds after this release'
    })
  ],
  {
    description:
      'what it is, whatever WhatsApp calls it. A later release may name a further kind: take ' +
      'one that you do not know for `other`'
  }
)
export type MessageKind = Static<typeof MessageKind>

/**
 * WhatsApp's types by kind. What is not here is `system` when it is not of a person, else `other`.
 */
const typesOf: Record<Exclude<MessageKind, 'system' | 'other'>, readonly string[]> = {
  text: [
    'chat',
    'comment',
    'rich_response',
    'newsletter_question_response',
    'automated_greeting_message'
  ],
  image: ['image'],
  video: ['video', 'gif'],
  video_note: ['ptv'],
  voice: ['ptt'],
  audio: ['audio'],
  sticker: ['sticker', 'sticker-pack'],
  document: ['document'],
  album: ['album'],
  location: ['location'],
  contacts: ['vcard', 'multi_vcard'],
  poll: ['poll_creation', 'poll_result_snapshot'],
  event: ['event_creation'],
  call: ['call_log'],
  order: ['order'],
  product: ['product'],
  payment: ['payment'],
  offer: ['hsm', 'buttons', 'list', 'interactive', 'native_flow', 'request_phone_number'],
  choice: ['buttons_response', 'list_response', 'template_button_reply', 'interactive_response'],
  invite: ['groups_v4_invite', 'newsletter_admin_invite', 'newsletter_follower_invite'],
  undecrypted: ['ciphertext'],
  unsupported: ['oversized', 'biz_content_placeholder'],
  deleted: ['revoked']
}

const kinds = new Map<string, MessageKind>([
  ...notOfAPerson.map((type): [string, MessageKind] => [type, 'system']),
  ...Object.entries(typesOf).flatMap(([kind, types]) =>
    types.map((type): [string, MessageKind] => [type, kind as MessageKind])
  )
])

/** @returns the kind of a message of this type of WhatsApp, whatever the type is */
export const kindOf = (type: string): MessageKind => kinds.get(type) ?? 'other'
