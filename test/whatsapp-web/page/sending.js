/**
 * Every module by which WhatsApp Web sends something, marks something as seen, shows its owner as
 * present or changes what others see. Each call is told to the server, which keeps the list that
 * tests look at, and then plausibly answered.
 */
bundle('outbound', (use) => {
  const iq = (xmlns, child, type = 'set') => ({ tag: 'iq', attrs: { type, xmlns }, child })
  /** What each module sends; a message when it is not listed. */
  const kinds = [
    [/Upload/, { tag: 'upload' }],
    [/ChatStateBridge/, { tag: 'chatstate', child: 'composing' }],
    [/sendSeen|openChat/, { tag: 'receipt', attrs: { type: 'read' } }],
    // The page asks and changes by the same kind of question: an iq of type get.
    [
      /Newsletter.*(Create|Delete|Subscribe|Unsubscribe|Edit|Owner|Demote|Setting|Admin)|Mex/,
      iq('w:mex', 'query', 'get')
    ],
    [
      /Group(Create|Modify|InviteJob|InviteV4|QueryJob)|ModifyParticipants|SetProperty|ExitGroup|SmaxGroups/,
      iq('w:g2', 'group')
    ],
    [/ProfilePicThumb/, iq('w:profile:picture', 'picture')],
    [/BlockContact/, iq('blocklist', 'item')],
    [/ContactStatus/, iq('status', 'status')],
    [/EventCallLink/, { tag: 'call', child: 'link_create' }],
    [
      /ChatClear|DeleteChat|Contact|Pushname|Note|Label|markUnread|archive|pinChat|mute|Star|sendDelete/,
      iq('w:sync:app:state', 'sync/collection/patch')
    ]
  ]
  const kindOf = (name) =>
    kinds.find(([pattern]) => pattern.test(name))?.[1] ?? { tag: 'message', child: 'enc' }
  const nested = (wap, path, content) =>
    path?.split('/').reduceRight((inner, tag) => wap(tag, null, inner), content ?? 'x')

  /**
   * Sends what a function of the page sends. @param name the module and function of WhatsApp Web,
   * which the stanza carries in an attribute of its own for the tests
   */
  const send = (name, detail, content) => {
    const { tag, attrs = {}, child } = kindOf(name)
    // An upload is no stanza: it goes to the media servers by itself.
    if (tag === 'upload')
      return void fetch(`/media/upload?sim=${name}`, { method: 'POST', body: 'media' })
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    const stanza = wap(
      tag,
      { id: generateId(), to: S_WHATSAPP_NET, ...attrs, sim: name, sim_detail: detail },
      nested(wap, child, content)
    )
    use('WADeprecatedSendIq').deprecatedCastStanza(stanza)
  }
  const detailOf = (value) => {
    const id = value?.id ?? value
    return id?.toString === Object.prototype.toString ? '' : String(id ?? '')
  }
  return { send, outbound: (name, ...about) => send(name, about.map(detailOf).join(' ')) }
})

/** The ways by which presence and what is typed leave; the page's own code calls them, too. */
bundle('WASmaxOutPresenceAvailabilityRequest', (use) => ({
  makeAvailabilityRequest: ({ presenceType, presenceName }) => {
    const { wap, DROP_ATTR } = use('WAWap')
    return wap('presence', { type: presenceType ?? DROP_ATTR, name: presenceName ?? DROP_ATTR })
  }
}))
bundle('WASmaxPresenceAvailabilityRPC', (use) => ({
  sendAvailabilityRPC: async (request) =>
    use('WAComms').castSmaxStanza(
      use('WASmaxOutPresenceAvailabilityRequest').makeAvailabilityRequest(request)
    )
}))
bundle('WASendPresenceStatusProtocol', (use) => ({
  sendPresenceStatusProtocol: ({ status, name }) =>
    use('WASmaxPresenceAvailabilityRPC').sendAvailabilityRPC({
      presenceType: status,
      presenceName: name
    })
}))
bundle.default('WAWebSendPresenceSubscriptionJob', (use) => async (wid) => {
  const { wap, JID } = use('WAWap')
  use('WAComms').castSmaxStanza(wap('presence', { type: 'subscribe', to: JID(String(wid)) }))
})
bundle('WAWebContactPresenceBridge', (use) => {
  const send = (status) =>
    use('WASendPresenceStatusProtocol').sendPresenceStatusProtocol({
      status,
      name: use('WAWebConnModel').Conn.pushname
    })
  return {
    setPresenceAvailable: () => void send('available'),
    setPresenceUnavailable: () => void send('unavailable'),
    subscribePresence: async (wid) =>
      use('WAWebSendPresenceSubscriptionJob')(use('WAWebWidFactory').createWid(wid))
  }
})
bundle('WAWebPresenceChatAction', (use) => ({
  sendPresenceAvailable: () => use('WAWebContactPresenceBridge').setPresenceAvailable(),
  sendPresenceUnavailable: () => use('WAWebContactPresenceBridge').setPresenceUnavailable(),
  markComposing: (chat) => use('WAWebChatStateBridge').sendChatStateComposing(chat.id),
  markRecording: (chat) => use('WAWebChatStateBridge').sendChatStateRecording(chat.id),
  markPaused: (chat) => use('WAWebChatStateBridge').sendChatStatePaused(chat.id)
}))

{
  const ok = async () => ({ status: 200, messageSendResult: 'OK', success: true })
  const verbs = {
    WAWebChatSendMessages: { sendGroupInviteMessage: ok },
    WAWebSendReactionMsgAction: { sendReactionToMsg: ok },
    WAWebSendPinMessageAction: { sendPinInChatMsg: ok },
    WAWebSendEventEditMsgAction: { sendEventEditMessage: ok },
    WAWebSendEventResponseMsgAction: { sendEventResponseMsg: ok },
    WAWebSendStatusMsgAction: { sendStatusTextMsgAction: ok, sendStatusMediaMsgAction: ok },
    WAWebRevokeStatusAction: { sendStatusRevokeMsgAction: ok },
    WAWebPollsSendVoteMsgAction: { sendVote: ok },
    WAWebChatForwardMessage: { forwardMessages: ok },
    WAWebNewsletterSendMsgAction: { sendNewsletterAdminInviteMessage: ok },
    WAWebNewsletterSendMessageJob: {
      sendNewsletterMessageJob: async () => ({
        success: true,
        ack: { t: Math.floor(Date.now() / 1000) },
        serverId: 1
      })
    },
    WAWebChatStateBridge: {
      sendChatStateComposing: ok,
      sendChatStateRecording: ok,
      sendChatStatePaused: ok
    },
    WAWebChatClearBridge: { sendClear: ok },
    WAWebDeleteChatAction: { sendDelete: ok },
    WAWebBlockContactAction: { blockContact: ok, unblockContact: ok },
    WAWebSaveContactAction: { saveContactAction: ok },
    WAWebDeleteContactAction: { deleteContactAction: ok },
    WAWebSetPushnameConnAction: { setPushname: ok },
    WAWebExitGroupAction: { sendExitGroup: ok },
    WAWebGroupCreateJob: {
      createGroup: async ({ title }, participants) => ({
        wid: '120363000000000000@g.us',
        subject: title,
        participants
      })
    },
    WAWebGroupModifyInfoJob: { setGroupDescription: ok, setGroupSubject: ok },
    WAWebGroupInviteV4Job: { joinGroupViaInviteV4: ok },
    WAWebModifyParticipantsGroupAction: {
      addParticipants: ok,
      removeParticipants: ok,
      promoteParticipants: ok,
      demoteParticipants: ok
    },
    WAWebSetPropertyGroupAction: { setGroupProperty: ok },
    WASmaxGroupsAddParticipantsRPC: {
      sendAddParticipantsRPC: async () => ({
        name: 'AddParticipantsResponseServerError',
        value: { errorServerErrors: { value: { code: 500 } } }
      })
    },
    WASmaxGroupsMembershipRequestsActionRPC: {
      sendMembershipRequestsActionRPC: async () => ({
        name: 'MembershipRequestsActionResponseServerError'
      })
    },
    WAWebMediaMmsV4Upload: {
      uploadMedia: async () => ({
        mediaEntry: {
          mmsUrl: '/media/uploaded',
          directPath: '/media/uploaded',
          mediaKey: '',
          encFilehash: '',
          uploadHash: ''
        }
      }),
      uploadUnencryptedMedia: async () => ({
        mediaEntry: { mmsUrl: '/media/uploaded', directPath: '/media/uploaded', handle: 'h' }
      })
    },
    WAWebGenerateEventCallLink: {
      createEventCallLink: async () => 'https://call.whatsapp.com/video/simulated'
    },
    WAWebNewsletterCreateQueryJob: { createNewsletterQuery: ok },
    WAWebNewsletterDeleteAction: { deleteNewsletterAction: ok },
    WAWebNewsletterSubscribeAction: { subscribeToNewsletterAction: ok },
    WAWebNewsletterUnsubscribeAction: { unsubscribeFromNewsletterAction: ok },
    WAWebEditNewsletterMetadataAction: { editNewsletterMetadataAction: ok },
    WAWebChangeNewsletterOwnerAction: { changeNewsletterOwnerAction: ok },
    WAWebDemoteNewsletterAdminAction: { demoteNewsletterAdmin: ok },
    WAWebNewsletterDemoteAdminJob: { demoteNewsletterAdminAction: ok },
    WAWebMexAcceptNewsletterAdminInviteJob: { acceptNewsletterAdminInvite: ok },
    WAWebMexRevokeNewsletterAdminInviteJob: { revokeNewsletterAdminInvite: ok },
    WAWebNewsletterUpdateUserSettingJob: { updateNewsletterUserSetting: ok }
  }
  const recorded = (use, module, functions) =>
    Object.fromEntries(
      Object.entries(functions).map(([verb, answer]) => [
        verb,
        (...args) => {
          use('outbound').outbound(`${module}.${verb}`, ...args)
          return answer(...args)
        }
      ])
    )
  for (const [module, functions] of Object.entries(verbs))
    bundle(module, (use) => recorded(use, module, functions))
  bundle.default('WAWebUploadManager', (use) =>
    recorded(use, 'WAWebUploadManager', {
      encryptAndUpload: async ({ blob }) => ({
        url: '/media/uploaded',
        directPath: '/media/uploaded',
        encFilehash: '',
        mediaKey: '',
        size: blob.size
      })
    })
  )

  bundle('WAWebSendMsgChatAction', (use) => ({
    /** @returns promises: of the message in the chat, and of its being sent */
    addAndSendMsgToChat: (chat, facts) => {
      const message = use('WAWebCollections').Msg.add(facts)
      chat.msgs.add(message)
      chat.set({ t: facts.t, lastReceivedKey: facts.id })
      const { fromMe, remote, id, participant } = facts.id
      const key = {
        fromMe,
        remote: String(remote),
        id,
        ...(participant ? { participant: String(participant) } : {})
      }
      const sent = JSON.stringify({
        ...facts,
        id: key,
        from: String(facts.from),
        to: String(facts.to)
      })
      use('outbound').send(
        'WAWebSendMsgChatAction.addAndSendMsgToChat',
        `${chat.id} ${facts.body ?? ''}`,
        sent
      )
      return [Promise.resolve(message), Promise.resolve({ messageSendResult: 'OK', t: facts.t })]
    }
  }))
  bundle('WAWebSendMessageEditAction', (use) => ({
    sendMessageEdit: async (message, text) => {
      use('outbound').outbound('WAWebSendMessageEditAction.sendMessageEdit', message, text)
      message.set({ body: text, latestEditSenderTimestampMs: Date.now() })
    }
  }))
  bundle('WAWebUpdateUnreadChatAction', (use) => ({
    ...recorded(use, 'WAWebUpdateUnreadChatAction', { markUnread: ok }),
    markSeen: ok,
    sendSeen: async ({ chat }) => {
      use('outbound').outbound('WAWebUpdateUnreadChatAction.sendSeen', chat)
      chat.unreadCount = 0
    }
  }))
  // these modules also read
  bundle('WAWebContactStatusBridge', (use) => ({
    ...recorded(use, 'WAWebContactStatusBridge', { setMyStatus: ok }),
    getStatus: async () => ({ status: '' })
  }))
  bundle('WAWebGroupInviteJob', (use) => ({
    ...recorded(use, 'WAWebGroupInviteJob', {
      joinGroupViaInvite: async () => ({
        gid: use('WAWebWidFactory').createWid('120363000000000000@g.us')
      }),
      resetGroupInviteCode: async () => ({ code: 'code' })
    })
  }))
  bundle('WAWebGroupQueryJob', (use) => ({
    ...recorded(use, 'WAWebGroupQueryJob', {
      resetGroupInviteCode: async () => ({ code: 'code' })
    }),
    queryAndUpdateGroupMetadataById: async () => undefined,
    queryGroupInvite: async () => undefined
  }))
  bundle('WAWebContactProfilePicThumbBridge', (use) => ({
    ...recorded(use, 'WAWebContactProfilePicThumbBridge', {
      sendSetPicture: ok,
      requestDeletePicture: ok
    }),
    requestProfilePicFromServer: async () => undefined
  }))
  bundle('WAWebNoteAction', (use) => ({
    ...recorded(use, 'WAWebNoteAction', { noteAddAction: ok }),
    retrieveOnlyNoteForChatJid: async () => undefined
  }))

  /**
   * What the parts of WhatsApp Web tell each other to do; each of these ends in something being
   * sent.
   */
  bundle('WAWebCmd', (use) => {
    const acting = [
      'sendRevokeMsgs',
      'sendDeleteMsgs',
      'sendStarMsgs',
      'sendUnstarMsgs',
      'archiveChat',
      'pinChat',
      'muteChat',
      'markChatUnread'
    ]
    class Cmd extends use('events').Events {
      /** A chat that is open before its owner is marked as seen. */
      openChatBottom({ chat }) {
        return use('WAWebUpdateUnreadChatAction').sendSeen({ chat })
      }
      openChatAt({ chat }) {
        return use('WAWebUpdateUnreadChatAction').sendSeen({ chat })
      }
      openChatFromUnread({ chat }) {
        return use('WAWebUpdateUnreadChatAction').sendSeen({ chat })
      }
      openDrawerMid() {}
      chatSearch() {}
      msgInfoDrawer() {}
    }
    for (const verb of acting) {
      Cmd.prototype[verb] = async (...args) => {
        use('outbound').outbound(`WAWebCmd.Cmd.${verb}`, ...args)
      }
    }
    if (use('scenario').web === '2026-04') {
      Cmd.prototype.refreshQR = function () {
        this.trigger('refresh_qr')
      }
    }
    return { Cmd: new Cmd() }
  })

  /**
   * Every function above by which something leaves, as `Module.function` or
   * `Module.Object.function`.
   */
  bundle.default('sending', () => [
    ...Object.entries(verbs).flatMap(([module, functions]) =>
      Object.keys(functions).map((verb) => `${module}.${verb}`)
    ),
    'WAWebSendMsgChatAction.addAndSendMsgToChat',
    'WAWebSendMessageEditAction.sendMessageEdit',
    'WAWebUpdateUnreadChatAction.sendSeen',
    'WAWebUpdateUnreadChatAction.markUnread',
    'WAWebContactStatusBridge.setMyStatus',
    'WAWebGroupInviteJob.joinGroupViaInvite',
    'WAWebGroupInviteJob.resetGroupInviteCode',
    'WAWebGroupQueryJob.resetGroupInviteCode',
    'WAWebContactProfilePicThumbBridge.sendSetPicture',
    'WAWebContactProfilePicThumbBridge.requestDeletePicture',
    'WAWebNoteAction.noteAddAction',
    'WAWebCollections.Label.addOrRemoveLabels',
    'WAWebStreamModel.Stream.markAvailable',
    'WAWebPresenceChatAction.sendPresenceAvailable',
    'WAWebUploadManager.encryptAndUpload',
    ...[
      'sendRevokeMsgs',
      'sendDeleteMsgs',
      'sendStarMsgs',
      'sendUnstarMsgs',
      'archiveChat',
      'pinChat',
      'muteChat',
      'markChatUnread',
      'openChatAt',
      'openChatBottom',
      'openChatFromUnread'
    ].map((verb) => `WAWebCmd.Cmd.${verb}`)
  ])
}
