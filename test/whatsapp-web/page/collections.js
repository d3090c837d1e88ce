/** WhatsApp Web's collections: what it holds of chats, contacts, groups and messages. */
bundle('revive', (use) => {
  const { createWid } = use('WAWebWidFactory')
  const MsgKey = use('WAWebMsgKey')
  const wids = [
    'from',
    'to',
    'author',
    'quotedParticipant',
    'quotedRemoteJid',
    'inviteGrp',
    'phoneNumber',
    'lid',
    'callCreator',
    'invokedBotWid',
    'sellerJid',
    'businessOwnerJid',
    'revokeSender',
    'broadcast',
    'newsletterAdminJid',
    'participant'
  ]
  const lists = ['recipients', 'mentionedJidList']
  const keys = [
    'id',
    'groupHistoryBundleMessageKey',
    'pinParentKey',
    'groupHistoryIndividualMessageInfo',
    'protocolMessageKey',
    'parentMsgKey',
    'latestEditMsgKey',
    'reactionParentKey',
    'pollUpdateParentKey',
    'lastReceivedKey'
  ]
  const keyLists = ['associatedMsgKeys']

  /** What came over the wire as text becomes Wid and MsgKey. */
  const revive = (facts) => {
    const own = { ...facts }
    for (const name of wids) if (typeof own[name] === 'string') own[name] = createWid(own[name])
    for (const name of lists)
      if (Array.isArray(own[name])) own[name] = own[name].map((id) => createWid(id))
    if (Array.isArray(own.callParticipants))
      own.callParticipants = own.callParticipants.map((one) => ({
        ...one,
        participant: createWid(one.participant)
      }))
    for (const name of keys)
      if (typeof own[name]?.id === 'string') own[name] = MsgKey.from(own[name])
    for (const name of keyLists)
      if (Array.isArray(own[name])) own[name] = own[name].map((key) => MsgKey.from(key))
    return own
  }
  return { revive }
})

/**
 * Asks the phone to upload media again that the media servers have lost. @returns whether it had
 * them
 */
bundle.default('WAWebSendServerErrorReceiptJob', (use) => async (key) => {
  const { wap, JID } = use('WAWap')
  const heard = use('mediaretry').heardOf(key.id)
  const rmr = wap('rmr', { jid: JID(String(key.remote)), from_me: String(key.fromMe) })
  const me = JID(String(use('WAWebUserPrefsMeUser').getMaybeMePnUser()))
  use('WADeprecatedSendIq').deprecatedCastStanza(
    wap('receipt', { id: key.id, to: me, category: 'peer', type: 'server-error' }, [
      wap('encrypt', null, wap('enc_p', null, 'p'), wap('enc_iv', null, 'iv')),
      rmr
    ])
  )
  return heard
})
bundle('mediaretry', () => {
  const waiting = new Map()
  return {
    heardOf: (id) => new Promise((resolve) => waiting.set(id, resolve)),
    handle: (id, hasIt) => {
      waiting.get(id)?.(hasIt)
      waiting.delete(id)
    }
  }
})

bundle('WAWebMsgModel', (use) => {
  const { Model } = use('models')
  const notifications = new Set([
    'gp2',
    'e2e_notification',
    'notification',
    'notification_template',
    'broadcast_notification',
    'newsletter_notification'
  ])

  class Msg extends Model {
    /** How far the media of this message is on its way here; undefined for messages without. */
    mediaData
    mediaObject

    constructor(facts = {}) {
      super(facts)
      if (this.directPath) {
        this.mediaData = new Model({
          type: this.type,
          mediaStage: facts.mediaStage ?? 'INIT',
          mimetype: this.mimetype,
          size: this.size,
          filehash: this.filehash
        })
        this.mediaObject = new Model({ type: this.type, filehash: this.filehash, size: this.size })
      }
    }
    get isNotification() {
      return notifications.has(this.type)
    }
    get isEphemeral() {
      return Boolean(this.ephemeralDuration)
    }
    get isStatusV3() {
      return this.id.remote.isStatus()
    }
    serialize() {
      if (use('faults').ofMessage(this.id)) throw new Error('a simulated fault of this message')
      const { mediaStage: _stage, ...facts } = this.attributes
      return facts
    }
    /** Has the media fetched; afterwards `mediaData.mediaStage` tells how that went. */
    async downloadMedia() {
      this.mediaData.mediaStage = 'FETCHING'
      try {
        await use('WAWebDownloadManager').downloadManager.downloadAndMaybeDecrypt(this)
        this.mediaData.mediaStage = 'RESOLVED'
      } catch (error) {
        if (error.status !== 404) {
          this.mediaData.mediaStage = 'ERROR_UNKNOWN'
          return
        }
        // The media servers have it no more: the phone is asked to upload it again.
        this.mediaData.mediaStage = 'REUPLOADING'
        const hasIt = await use('WAWebSendServerErrorReceiptJob')(this.id)
        this.mediaData.mediaStage = hasIt ? 'RESOLVED' : 'ERROR_MISSING'
      }
    }
    canReply() {
      return !this.isNotification
    }
    msgContextInfo() {
      return {
        quotedMsg: { type: this.type, body: this.body },
        quotedStanzaID: this.id.id,
        quotedParticipant: this.author ?? this.from,
        quotedRemoteJid: this.id.remote
      }
    }
    avParams() {
      return {}
    }
    updateAck(ack) {
      if (ack > (this.ack ?? -1)) this.ack = ack
    }
  }
  return { Msg }
})

bundle('WAWebChatModel', (use) => {
  const { Model, Collection } = use('models')
  class Participants extends Collection {}
  class GroupMetadata extends Model {
    constructor({ participants = [], ...facts }) {
      super({ announce: false, isLidAddressingMode: false, ...facts })
      this.participants = new Participants()
      for (const { id, isAdmin = false } of participants)
        this.participants.add({
          id: use('WAWebWidFactory').createWid(id),
          isAdmin,
          isSuperAdmin: false
        })
      this.membershipApprovalRequests = new Collection()
    }
    serialize() {
      return {
        ...this.attributes,
        participants: this.participants.serialize(),
        membershipApprovalRequests: []
      }
    }
  }
  class Chat extends Model {
    msgs
    groupMetadata
    newsletterMetadata
    /** When its earlier messages were asked for last, or came; ms. */
    askedAt = 0
    mute = {
      expiration: 0,
      mute: () => use('outbound').outbound('Chat.mute'),
      unmute: () => use('outbound').outbound('Chat.unmute')
    }

    constructor({ group, ...facts }) {
      super({
        unreadCount: 0,
        archive: false,
        pin: 0,
        labels: [],
        isReadOnly: false,
        endOfHistoryTransferType: 1,
        ...facts
      })
      this.msgs = new Collection()
      this.msgs.modelClass = use('WAWebMsgModel').Msg
      if (group)
        this.groupMetadata = new GroupMetadata({ id: this.id, subject: this.name, ...group })
    }
    /** Resolves once the chat's first messages are loaded. */
    async waitForChatLoading() {
      while (use('faults').ofChat(this.id) === 'busy') await use('faults').whenChanged()
    }
    get formattedTitle() {
      return this.name ?? this.id.user
    }
    get isGroup() {
      return this.id.isGroup()
    }
    getAllMsgs() {
      return this.msgs.getModelsArray()
    }
    serialize() {
      return {
        ...this.attributes,
        msgs: this.msgs.length === 0 ? [] : [this.msgs.last().serialize()]
      }
    }
    toJSON() {
      return { ...this.attributes }
    }
  }
  return { Chat }
})

bundle.default('WAWebContactModel', (use) => {
  const { Model } = use('models')
  class Contact extends Model {
    get formattedName() {
      return this.name ?? this.pushname ?? this.id.user
    }
    get isContactBlocked() {
      return use('WAWebCollections').Blocklist.get(this.id) !== undefined
    }
    getStatus() {
      return use('WAWebContactStatusBridge').getStatus(this.id)
    }
  }
  return Contact
})

bundle.default('WAWebCollections', (use) => {
  const { Model, Collection } = use('models')
  const { revive } = use('revive')

  class Messages extends Collection {
    modelClass = use('WAWebMsgModel').Msg
    /** Out of memory, else out of the database. */
    async getMessagesById(ids) {
      if (use('scenario').web !== '2026-04' && ids.some((id) => id == null)) {
        // What IndexedDB says of a key that is no key.
        throw new DOMException(
          "Failed to execute 'get' on 'IDBObjectStore': No key or key range specified.",
          'DataError'
        )
      }
      const asked = ids.map(String)
      const unknown = asked.filter((id) => this.get(id) === undefined)
      if (unknown.length > 0)
        for (const facts of await use('side').query('messages', { ids: unknown }))
          this.add(revive({ ...facts, isNewMsg: false }), { silent: true })
      return { messages: asked.flatMap((id) => this.get(id) ?? []) }
    }
    async search(text, page = 1, count = 50, remote) {
      const found = this.filter(
        (msg) =>
          String(msg.body ?? '').includes(text) &&
          (remote === undefined || String(msg.id.remote) === String(remote))
      )
      return { messages: found.slice((page - 1) * count, page * count) }
    }
  }
  class Chats extends Collection {
    modelClass = use('WAWebChatModel').Chat
  }
  class Contacts extends Collection {
    modelClass = use('WAWebContactModel')
  }
  class Labels extends Collection {
    async addOrRemoveLabels(changes) {
      return use('outbound').outbound('WAWebCollections.Label.addOrRemoveLabels', changes)
    }
  }
  class GroupMetadatas extends Collection {
    async update(id) {
      return use('WAWebCollections').Chat.get(id)?.groupMetadata
    }
  }
  class Pictures extends Collection {
    modelClass = class extends Model {
      canSet() {
        return true
      }
      canDelete() {
        return true
      }
    }
  }
  class Statuses extends Collection {
    getMyStatus() {
      return undefined
    }
  }
  class BusinessProfiles extends Collection {}
  class Reactions extends Collection {
    modelClass = class extends Model {
      reactions = new Collection()
    }
  }
  const Features = {
    features: {},
    F: { MD_BACKEND: 'MD_BACKEND' },
    supportsFeature: (name) => Features.features[name] !== false,
    setFeature: (name, on) => void (Features.features[name] = on)
  }
  const groups = new GroupMetadatas()
  return {
    Msg: new Messages(),
    Chat: new Chats(),
    Contact: new Contacts(),
    GroupMetadata: groups,
    WAWebGroupMetadataCollection: groups,
    Label: new Labels(),
    Blocklist: new Collection(),
    ProfilePicThumb: new Pictures(),
    Status: new Statuses(),
    BusinessProfile: new BusinessProfiles(),
    Reactions: new Reactions(),
    WAWebNewsletterCollection: new Chats(),
    NewsletterMetadataCollection: new Collection(),
    WAWebNewsletterMetadataCollection: new Collection(),
    Features
  }
})

/** Calls are in a Map of the collection's own; the library hooks its `set`. */
bundle.default('WAWebCallCollection', (use) => {
  class Calls extends use('models').Collection {
    callMap = new Map()
    add(call) {
      this.callMap.set(call.id, call)
      this.trigger('add', call)
      return call
    }
  }
  return new Calls()
})
bundle('WAWebContactCollection', (use) => ({
  getMeContact: () =>
    use('WAWebCollections').Contact.get(use('WAWebUserPrefsMeUser').getMaybeMePnUser()),
  ContactCollection: use('WAWebCollections').Contact
}))
bundle('WAWebBotProfileCollection', (use) => ({
  BotProfileCollection: new (use('models').Collection)()
}))
