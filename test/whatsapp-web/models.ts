import { randomBytes } from 'node:crypto'

/** WhatsApp Web's message models as they cross the wire: attributes in JSON, ids as text. */

export interface MessageKey {
  fromMe: boolean
  remote: string
  id: string
  participant?: string
}

export interface MessageModel {
  id: MessageKey
  type: string
  t: number
  from: string
  to: string
  [attribute: string]: unknown
}

/** A phone number (+52…, digits) or an id as it is (…@c.us, …@lid, …@g.us) becomes an id. */
export const toId = (address: string): string => (address.includes('@') ? address : `${address.replace(/\D/g, '')}@c.us`)

export const serialized = ({ fromMe, remote, id, participant }: MessageKey): string =>
  `${fromMe}_${remote}_${id}${participant === undefined ? '' : `_${participant}`}`

export const newId = (): string => `3EB0${randomBytes(9).toString('hex')}`.toUpperCase()

/** Where a message stands, whatever it says. */
export interface Envelope {
  /** The account's own id. */
  me: string
  chat: string
  /** Who wrote it; the account itself if left out. */
  from?: string
  /** The name its writer has given to WhatsApp. */
  name?: string
  id?: string
  /** UNIX seconds. */
  t?: number
}

export const message = (envelope: Envelope, type: string, facts: Record<string, unknown> = {}): MessageModel => {
  const { me, chat, from, name, id = newId(), t = Math.floor(Date.now() / 1_000) } = envelope
  const fromMe = from === undefined
  const group = chat.endsWith('@g.us')
  const participant = group ? (from ?? me) : undefined
  return {
    id: { fromMe, remote: chat, id, ...(participant === undefined ? {} : { participant }) },
    rowId: 999_999_000,
    viewed: false,
    body: '',
    type,
    t,
    ...(fromMe ? {} : { notifyName: name ?? '' }),
    from: fromMe ? me : group ? chat : from,
    to: fromMe ? chat : me,
    ...(group && !fromMe ? { author: from } : {}),
    ack: fromMe ? 2 : 1,
    invis: false,
    star: false,
    kicNotified: false,
    recvFresh: true,
    isFromTemplate: false,
    pollInvalidated: false,
    isSentCagPollCreation: false,
    latestEditMsgKey: null,
    latestEditSenderTimestampMs: null,
    mentionedJidList: [],
    groupMentions: [],
    isEventCanceled: false,
    eventInvalidated: false,
    isVcardOverMmsDocument: false,
    isForwarded: false,
    hasReaction: false,
    viewMode: 'VISIBLE',
    productHeaderImageRejected: false,
    lastPlaybackProgress: 0,
    isDynamicReplyButtonsMsg: false,
    isCarouselCard: false,
    parentMsgId: null,
    callSilenceReason: null,
    isVideoCall: false,
    callDuration: null,
    callParticipants: null,
    isMdHistoryMsg: false,
    stickerSentTs: 0,
    isAvatar: false,
    lastUpdateFromServerTs: 0,
    invokedBotWid: null,
    bizBotType: null,
    requiresDirectConnection: false,
    ...facts
  }
}

/** What a message says of the one it answers. */
export const quoting = (quoted: MessageModel): Record<string, unknown> => ({
  quotedMsg: { type: quoted.type, body: quoted['body'] },
  quotedStanzaID: quoted.id.id,
  quotedParticipant: quoted['author'] ?? quoted.from,
  ...(quoted.id.remote.endsWith('@g.us') ? { quotedRemoteJid: quoted.id.remote } : {})
})

export const vcard = (name: string, phone: string): string =>
  `BEGIN:VCARD\nVERSION:3.0\nN:;${name};;;\nFN:${name}\nTEL;type=CELL;waid=${phone.replace(/\D/g, '')}:${phone}\nEND:VCARD`

export const location = (latitude: number, longitude: number, about: { name?: string; address?: string; live?: boolean } = {}): Record<string, unknown> => ({
  lat: latitude,
  lng: longitude,
  ...(about.name === undefined && about.address === undefined ? {} : { loc: [about.name ?? '', about.address ?? ''].join('\n') }),
  isLive: about.live === true,
  ...(about.live ? { shareDuration: 3_600, sequence: 1, finalLat: latitude, finalLng: longitude } : {}),
  // the map's picture
  body: '/9j/4AAQSkZJRgABAQ=='
})

export const poll = (question: string, options: readonly string[], multiple: boolean): Record<string, unknown> => ({
  kind: 'pollCreation',
  pollName: question,
  pollOptions: options.map((name, localId) => ({ name, localId })),
  pollSelectableOptionsCount: multiple ? 0 : 1,
  messageSecret: Object.fromEntries([...randomBytes(32)].map((byte, index) => [index, byte]))
})
