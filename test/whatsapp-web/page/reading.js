/** Modules that read, compute or look something up. */
{
  const none = async () => undefined
  const simple = {
    WALinkify: () => {
      const findLinks = (text) =>
        [...String(text ?? '').matchAll(/\bhttps?:\/\/[^\s<>"]+/g)].map(([href]) => ({
          href,
          suspiciousCharacters: new Set()
        }))
      return { findLinks, findLink: (text) => findLinks(text)[0] }
    },
    WAMediaCalculateFilehash: () => ({ getRandomFilehash: () => 'hash' }),
    WAPhoneFindCC: () => ({ findCC: (number) => String(number).slice(0, 2) }),
    WAWebApiDeviceList: () => ({
      getDeviceIds: async (wids) => wids.map((id) => ({ id, devices: [{ id: 0 }] }))
    }),
    WAWebApiMembershipApprovalRequestStore: () => ({
      getMembershipApprovalRequests: async () => []
    }),
    WAWebApiMessageInfoStore: () => ({
      queryMsgInfo: async () => ({ delivery: [], read: [], played: [] })
    }),
    WAWebBizGatingUtils: () => ({ smbNotesV1Enabled: () => false }),
    WAWebBizOrderBridge: () => ({ queryOrder: none }),
    WAWebBizProductCatalogBridge: () => ({ queryProduct: none }),
    WAWebBlockContactUtils: () => ({
      getContactToBlockOnlyUseIfNoAssociatedChat: (contact) => contact
    }),
    WAWebBotMessageSecret: () => ({ genBotMsgSecretFromMsgSecret: async (secret) => secret }),
    WAWebChatGetters: () => ({
      getIsNewsletter: (chat) => chat.id.isNewsletter(),
      getIsBroadcast: (chat) => chat.id.isBroadcast(),
      getIsGroup: (chat) => chat.id.isGroup(),
      getIsUser: (chat) => chat.id.isUser()
    }),
    WAWebChatMessageSearch: () => ({ getSearchContext: async (chat, key) => ({ chat, key }) }),
    WAWebContactGetters: (use) => {
      const me = (contact) => use('WAWebUserPrefsMeUser').isMeAccount(contact.id)
      return {
        getIsMe: me,
        getIsUser: (contact) => contact.id.isUser(),
        getIsGroup: (contact) => contact.id.isGroup(),
        getIsWAContact: (contact) => contact.id.isUser(),
        getUserid: (contact) => contact.id.user,
        getVerifiedName: (contact) => contact.verifiedName,
        getVerifiedLevel: (contact) => contact.verifiedLevel,
        getStatusMute: () => false,
        getName: (contact) => contact.name,
        getShortName: (contact) => contact.shortName,
        getPushname: (contact) => contact.pushname,
        getIsEnterprise: () => false
      }
    },
    WAWebFrontendContactGetters: () => ({
      getIsMyContact: (contact) => contact.name !== undefined,
      getFormattedName: (contact) => contact.formattedName
    }),
    WAWebCountriesNativeCountryNames: () => ({ countryCodesIso: ['MX', 'DE'] }),
    WAWebDrawerManager: () => ({
      DrawerManager: { closeDrawerRight: none, openDrawerRight: none }
    }),
    WAWebFindChatAction: (use) => ({
      findOrCreateLatestChat: async (id) => ({
        chat: await use('WAWebCollections').Chat.find(id),
        created: false
      })
    }),
    WAWebFindCommonGroupsContactAction: () => ({ findCommonGroups: none }),
    WAWebFrontendVcardUtils: () => ({
      vcardFromContactModel: (contact) => ({
        displayName: contact.formattedName,
        vcard: `BEGIN:VCARD\nVERSION:3.0\nFN:${contact.formattedName}\nEND:VCARD`
      })
    }),
    WAWebGetEphemeralFieldsMsgActionsUtils: () => ({ getEphemeralFields: () => ({}) }),
    WAWebImageUtils: () => ({ toWebpSticker: async (file) => file }),
    WAWebL10N: () => ({ getRegion: () => 'MX' }),
    WAWebLidMigrationUtils: (use) => ({
      toPn: (id) => use('WAWebApiContact').getPhoneNumber(use('WAWebWidFactory').createWid(id)),
      toUserLid: (id) => use('WAWebApiContact').getCurrentLid(id)
    }),
    WAWebLinkPreviewChatAction: () => ({ getLinkPreview: none }),
    WAWebLoadNewsletterPreviewChatAction: () => ({ loadNewsletterPreviewChat: none }),
    WAWebMediaDataUtils: () => ({ shouldUseMediaCache: () => false }),
    WAWebMediaInMemoryBlobCache: () => ({
      InMemoryMediaBlobCache: { put: () => undefined, get: () => undefined }
    }),
    WAWebMediaStorage: (use) => ({
      getOrCreateMediaObject: (filehash) =>
        Object.assign(new (use('models').Model)({ filehash, contentInfo: {} }), {
          consolidate(facts) {
            this.set(facts)
          }
        })
    }),
    WAWebMediaUpdateMsg: () => () => undefined,
    WAWebMexFetchGroupInviteCodeJob: () => ({ fetchMexGroupInviteCode: async () => 'code' }),
    WAWebMexFetchNewsletterSubscribersJob: () => ({
      mexFetchNewsletterSubscribers: async () => ({ subscribers: [] })
    }),
    WAWebMmsMediaTypes: () => ({ castToV4: (type) => type, msgToMediaType: ({ type }) => type }),
    WAWebMsgActionCapability: () => ({
      canAdminRevokeMsg: () => false,
      canEditCaption: (message) => message.id.fromMe,
      canEditText: (message) => message.id.fromMe,
      canSenderRevokeMsg: (message) => message.id.fromMe,
      canStarMsg: () => true
    }),
    WAWebMsgDataFromModel: () => ({ msgDataFromMsgModel: (message) => message.serialize() }),
    WAWebMsgReply: () => ({ canReplyMsg: (message) => message.canReply() }),
    WAWebNewsletterDirectorySearchAction: () => ({
      fetchNewsletterDirectories: async () => ({ newsletters: [] })
    }),
    WAWebNewsletterGatingUtils: () => ({
      getMaxSubscriberNumber: () => 0,
      getNewsletterDirectoryPageSize: () => 50,
      isNewsletterCreationEnabled: () => false
    }),
    WAWebNewsletterMetadataQueryJob: () => ({ queryNewsletterMetadataByInviteCode: none }),
    WAWebNewsletterModelUtils: () => ({
      ADMIN_NOTIFICATIONS: 'admin_notifications',
      MUTED_STATE: -1,
      UNMUTED_STATE: 0,
      getRoleByIdentifier: () => 'guest'
    }),
    WAWebNewsletterSubscriberListAction: () => ({ getSubscribersInContacts: () => [] }),
    WAWebNewsletterUpdateMsgsRecordsJob: () => ({
      addNewsletterMsgsRecords: none,
      updateNewsletterMsgRecord: none
    }),
    WAWebPhoneUtils: () => ({ formattedPhoneNumber: (id) => `+${String(id).split('@')[0]}` }),
    WAWebPinInChatSchema: () => ({ getTable: () => ({ equals: async () => [] }) }),
    WAWebPinMsgConstants: () => ({ getPinExpiryDuration: () => 86_400 }),
    WAWebPollsVotesSchema: () => ({ getTable: () => ({ equals: async () => [] }) }),
    WAWebQueryExistsJob: () => ({ queryWidExists: async (wid) => ({ wid }) }),
    WAWebQuotedMsgModelUtils: (use) => ({
      getQuotedMsgObj: (message) =>
        message.quotedMsg &&
        new (use('WAWebMsgModel').Msg)({
          ...message.quotedMsg,
          id: new (use('WAWebMsgKey'))({
            fromMe: false,
            remote: message.id.remote,
            id: message.quotedStanzaID
          })
        })
    }),
    WAWebStartMediaUploadQpl: () => ({ startMediaUploadQpl: () => ({}) }),
    WAWebStatusGatingUtils: () => ({ canCheckStatusRankingPosterGating: () => false }),
    WAWebSyncGatingUtils: () => ({ isPlaceholderMessageResendEnabled: () => false }),
    WAWebVcardGetNameFromParsed: () => ({ vcardGetNameFromParsed: (card) => card.name }),
    WAWebVcardParsingUtils: () => ({
      parseVcard: (text) => ({ name: /^FN:(.*)$/m.exec(text)?.[1] ?? '' })
    }),
    WAWebBackendJobsCommon: () => ({ mediaTypeFromProtobuf: () => null }),
    WAWebE2EProtoUtils: () => ({ typeAttributeFromProtobuf: () => 'text' })
  }
  const defaults = new Set(['WAWebCountriesNativeCountryNames', 'WAWebL10N', 'WAWebMediaUpdateMsg'])
  for (const [name, factory] of Object.entries(simple))
    (defaults.has(name) ? bundle.default : bundle)(name, factory)

  const preferences = {}
  const preference = (name) => ({
    [`get${name}`]: () => preferences[name] ?? false,
    [`set${name}`]: async (on) => void (preferences[name] = on)
  })
  bundle('WAWebUserPrefsGeneral', () =>
    Object.assign(
      {},
      ...['Audio', 'Documents', 'Photos', 'Videos'].map((kind) => preference(`AutoDownload${kind}`))
    )
  )
  bundle('WAWebUserPrefsNotifications', () => preference('GlobalOfflineNotifications'))

  /** Which LID is whose phone number, as far as this device has been told. */
  bundle('lids', () => {
    const phones = new Map()
    const lids = new Map()
    return {
      phones,
      lids,
      learn: (pairs) => {
        for (const [lid, phone] of pairs) {
          phones.set(lid, phone)
          lids.set(phone, lid)
        }
      }
    }
  })
  bundle('WAWebApiContact', (use) => {
    const { phones, lids } = use('lids')
    const wid = (id) => (id === undefined ? undefined : use('WAWebWidFactory').createWid(id))
    return {
      getPhoneNumber: (lid) => wid(phones.get(String(lid))),
      getCurrentLid: (phone) => wid(lids.get(String(phone))),
      getAlternateUserWid: (id) => wid(phones.get(String(id)) ?? lids.get(String(id)))
    }
  })

  /**
   * Older messages of a chat: out of the database, 50 at a time. They are not new, so nobody is
   * told of each.
   */
  bundle('WAWebChatLoadMessages', (use) => ({
    loadEarlierMsgs: async ({ chat }) => {
      await chat.waitForChatLoading()
      const fault = use('faults').ofChat(chat.id)
      if (fault === 'throws') throw new Error('a simulated fault of this chat')
      if (fault === 'hangs') await new Promise(() => undefined)
      chat.askedAt = Date.now()
      const oldest = chat.msgs.head()
      const found = await use('side').query('earlier', {
        chat: String(chat.id),
        before: oldest === undefined ? undefined : String(oldest.id)
      })
      const models = found.map((facts) =>
        use('WAWebCollections').Msg.add(use('revive').revive({ ...facts, isNewMsg: false }))
      )
      for (const model of models.toReversed()) chat.msgs.add(model, { at: 0 })
      chat.askedAt = Date.now()
      return models
    },
    loadRecentMsgs: async () => []
  }))

  /** Asks this account's own phone to send again what could not be decrypted. */
  bundle('WAWebNonMessageDataRequestPlaceholderMessageResendUtils', (use) => ({
    handlePlaceholderMsgsSeen: (messages) => {
      if (!use('WAWebSyncGatingUtils').isPlaceholderMessageResendEnabled()) return
      const ids = messages.map((message) => String(message.id))
      use('WAWebSendNonMessageDataRequest').sendPeerDataOperationRequest(
        'PLACEHOLDER_MESSAGE_RESEND',
        { ids }
      )
    }
  }))
  /**
   * A message to the account's own phone: it asks for history, or for a message that could not be
   * decrypted.
   */
  bundle('WAWebSendNonMessageDataRequest', (use) => ({
    sendPeerDataOperationRequest: async (kind, request = {}) => {
      const { wap, generateId, JID } = use('WAWap')
      const to = JID(String(use('WAWebUserPrefsMeUser').getMaybeMePnUser()))
      const content = JSON.stringify({ kind, ids: request.ids ?? [] })
      const id = generateId()
      const stanza = wap(
        'message',
        { id, to, category: 'peer', type: 'text', push_priority: 'high' },
        wap('enc', { v: '2', type: 'msg' }, content)
      )
      await use('WADeprecatedSendIq').deprecatedSendStanzaAndWaitForAck(stanza, {
        id,
        class: 'message'
      })
    }
  }))

  bundle.default('WAWebMediaOpaqueData', () => {
    class OpaqueData {
      constructor(blob) {
        this.blob = blob
      }
      static async createFromData(blob, type) {
        return new OpaqueData(new Blob([blob instanceof OpaqueData ? blob.blob : blob], { type }))
      }
      url() {
        return URL.createObjectURL(this.blob)
      }
      formData() {
        return this.blob
      }
      autorelease() {}
    }
    return OpaqueData
  })
  bundle('WAWebPrepRawMedia', (use) => ({
    prepRawMedia: (data, { asSticker, isPtt, asDocument }) => ({
      waitForPrep: async () => {
        const filehash = use('WABase64').encodeB64(
          await crypto.subtle.digest('SHA-256', await data.blob.arrayBuffer())
        )
        const kind = asDocument
          ? 'document'
          : asSticker
            ? 'sticker'
            : isPtt
              ? 'ptt'
              : data.blob.type.split('/')[0]
        return new (use('models').Model)({
          filehash,
          type: kind,
          mimetype: data.blob.type,
          mediaBlob: data,
          size: data.blob.size
        })
      }
    })
  }))
}
