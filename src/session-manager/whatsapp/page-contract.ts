/**
 * What whatsapp-web.js 1.34.7 and this folder ask of WhatsApp Web's page in order to listen, and
 * what does not work without it. The test of this file finds the same in their sources.
 */

/**
 * What breaks: `link`: READY is never reached; `library`: whatsapp-web.js hears no messages; `qr`:
 * no phone can be linked; …
 */
export type Part =
  | 'link'
  | 'library'
  | 'qr'
  | 'reactions'
  | 'votes'
  | 'decryption'
  | 'backfill'
  | 'media'
  | 'pairing'
  | 'phone numbers'

export interface Need {
  module: string
  /** Fields and functions of the module, as paths; empty: the module itself is enough. */
  members: readonly string[]
  /** Other places, as `Module.member`: any of these is as good as what is missing. */
  or?: readonly string[]
  part: Part
}

const need = (part: Part, module: string, ...members: string[]): Need => ({ part, module, members })

export const pageContract: readonly Need[] = [
  // the library takes these as it takes hold of the page, used or not
  need('link', 'WAWebSocketModel', 'Socket.state', 'Socket.hasSynced', 'Socket.on', 'Socket.off'),
  need('link', 'WAWebCmd', 'Cmd.on'),
  need('link', 'WAWebConnModel', 'Conn.serialize'),
  need('link', 'WAWebOfflineHandler', 'OfflineMessageHandler.getOfflineDeliveryProgress'),
  need('link', 'WAWebAltDeviceLinkingApi'),
  need('link', 'WABase64'),
  need('link', 'WAWebCompanionRegClientUtils'),
  need('link', 'WAWebAdvSignatureApi'),
  need('link', 'WAWebUserPrefsInfoStore'),
  need('link', 'WAWebSignalStoreApi'),
  // once it is synced
  need('link', 'WAWebUserPrefsMeUser', 'getMaybeMePnUser', 'getMaybeMeLidUser'),

  // The library puts its listeners on these. Our own need the collection of messages alone:
  // page-checks.ts tries them.
  need('library', 'WAWebCollections', 'Msg.on', 'Chat.on'),
  need('library', 'WAWebSyncGatingUtils'),
  need('library', 'WAWebCallCollection'),

  need('qr', 'WAWebConnModel', 'Conn.on'),
  need('qr', 'WAWebConnModel', 'Conn.ref'),
  need('qr', 'WABase64', 'encodeB64'),
  need('qr', 'WAWebUserPrefsInfoStore', 'waNoiseInfo.get'),
  need('qr', 'WAWebSignalStoreApi', 'waSignalStore.getRegistrationInfo'),
  need('qr', 'WAWebCompanionRegClientUtils', 'DEVICE_PLATFORM'),
  need('qr', 'WAWebUserPrefsMultiDevice', 'getADVSecretKey'),
  {
    ...need('qr', 'WAWebLaunchSocketUtils', 'refreshQR'),
    or: ['WAWebBackendEventBus.BackendEventBus.triggerRefreshQR', 'WAWebCmd.Cmd.refreshQR']
  },

  need('reactions', 'WAWebAddonReactionTableMode', 'reactionTableMode.bulkUpsert'),
  {
    ...need('votes', 'WAWebDBPollsUpsertVotes', 'upsertVotesDb'),
    or: ['WAWebAddonPollVoteTableMode.pollVoteTableMode.bulkUpsert']
  },
  need('decryption', 'WAWebSyncGatingUtils', 'isPlaceholderMessageResendEnabled'),
  need(
    'decryption',
    'WAWebNonMessageDataRequestPlaceholderMessageResendUtils',
    'handlePlaceholderMsgsSeen'
  ),

  need('backfill', 'WAWebCollections', 'Chat.getModelsArray', 'Chat.get'),
  need('backfill', 'WAWebWidFactory', 'createWid'),
  need('backfill', 'WAWebChatLoadMessages', 'loadEarlierMsgs'),

  need('media', 'WAWebCollections', 'Msg.get', 'Msg.getMessagesById'),
  need('media', 'WAWebDownloadManager', 'downloadManager.downloadAndMaybeDecrypt'),

  need(
    'pairing',
    'WAWebAltDeviceLinkingApi',
    'setPairingType',
    'initializeAltDeviceLinking',
    'startAltLinkingFlow',
    'initializeQRLinking'
  ),
  // The library calls refreshQR of this one, too, to go back to codes.
  need('pairing', 'WAWebLaunchSocketUtils'),

  need('phone numbers', 'WAWebApiContact', 'getPhoneNumber')
]

/**
 * Without these nothing is captured: while no phone is linked, while one is, and once READY, which
 * shows that it was linked to.
 */
export const essential: Readonly<Record<'unlinked' | 'linked' | 'ready', readonly Part[]>> = {
  unlinked: ['link', 'qr'],
  linked: ['link'],
  ready: []
}
export type Stage = keyof typeof essential

/** What does not work without the others, in the words an operator needs. */
export const consequence: Readonly<Record<Part, string>> = {
  link: 'the session cannot be READY',
  library: "whatsapp-web.js does not hear all of it, LeadMaster's own listeners do",
  qr: 'no phone can be linked anew',
  reactions: 'reactions are not captured',
  votes: 'votes in polls are not captured',
  decryption: 'messages that cannot be decrypted are not asked for again',
  backfill: 'what was missed is not read back',
  media: 'media are not fetched',
  pairing: 'no phone can be linked by a code (a QR works)',
  'phone numbers': 'hidden phone numbers are not resolved'
}
