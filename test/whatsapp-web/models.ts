import { randomBytes } from 'node:crypto'

/** WhatsApp Web's message models as they cross the wire: attributes in JSON, ids as text. */

export interface MessageKey {
  fromMe: boolean
  remote: string
  id: string
  /** In the chat with oneself: which way. */
  self?: 'in' | 'out'
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
export const toId = (address: string): string =>
  address.includes('@') ? address : `${address.replace(/\D/g, '')}@c.us`

/** The text of a key, as WhatsApp Web writes it. */
export const serialized = ({ fromMe, remote, id, self, participant }: MessageKey): string =>
  [fromMe, remote, id, self, participant].filter((part) => part !== undefined).join('_')

/** `123@lid` and device 4: `123:4@lid`. */
const onDevice = (user: string, device: number | undefined): string =>
  device === undefined ? user : user.replace('@', `:${device}@`)

export const newId = (): string => `3EB0${randomBytes(9).toString('hex')}`.toUpperCase()

/** Where a message stands, whatever it says. */
export interface Envelope {
  /** The account's own id. */
  me: string
  meLid?: string
  chat: string
  /** Who wrote it; the account itself if left out. */
  from?: string
  /** The name its writer has given to WhatsApp. */
  name?: string
  id?: string
  /** UNIX seconds. */
  t?: number
  /** The linked device it was written on. */
  device?: number
}

export const message = (
  envelope: Envelope,
  type: string,
  facts: Record<string, unknown> = {}
): MessageModel => {
  const {
    me,
    meLid,
    chat,
    from,
    name,
    id = newId(),
    t = Math.floor(Date.now() / 1_000),
    device
  } = envelope
  const fromMe = from === undefined
  const group = chat.endsWith('@g.us')
  const participant = group ? onDevice(from ?? me, device) : undefined
  const isToSelf = chat === me || chat === meLid
  return {
    id: {
      fromMe,
      remote: chat,
      id,
      ...(isToSelf ? { self: fromMe ? ('out' as const) : ('in' as const) } : {}),
      ...(participant === undefined ? {} : { participant })
    },
    rowId: 999_999_000,
    viewed: false,
    body: '',
    type,
    t,
    ...(fromMe ? {} : { notifyName: name ?? '' }),
    from: fromMe ? me : group ? chat : from,
    to: fromMe ? chat : me,
    ...(group && !fromMe ? { author: onDevice(from, device) } : {}),
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

export const location = (
  latitude: number,
  longitude: number,
  about: { name?: string; address?: string; live?: boolean } = {}
): Record<string, unknown> => ({
  lat: latitude,
  lng: longitude,
  ...(about.name === undefined && about.address === undefined
    ? {}
    : { loc: [about.name ?? '', about.address ?? ''].join('\n') }),
  isLive: about.live === true,
  ...(about.live
    ? { shareDuration: 3_600, sequence: 1, finalLat: latitude, finalLng: longitude }
    : {}),
  // the map's picture
  body: '/9j/4AAQSkZJRgABAQ=='
})

export const poll = (
  question: string,
  options: readonly string[],
  multiple: boolean
): Record<string, unknown> => ({
  kind: 'pollCreation',
  pollName: question,
  pollOptions: options.map((name, localId) => ({ name, localId })),
  pollSelectableOptionsCount: multiple ? 0 : 1,
  messageSecret: Object.fromEntries([...randomBytes(32)].map((byte, index) => [index, byte]))
})
