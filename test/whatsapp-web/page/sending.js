/**
 * Every module by which WhatsApp Web sends something, marks something as seen, shows its owner as present or changes
 * what others see. Each call is told to the server, which keeps the list that tests look at, and then plausibly answered.
 */
__d('outbound', (use) => ({
  /** @param name the module and function of WhatsApp Web, or the frame that would leave */
  outbound: (name, ...about) => {
    const detail = about.map((value) => value?.id?._serialized ?? value?._serialized ?? value?.toString?.() ?? '').join(' ')
    use('wire').tell({ t: 'outbound', name, detail })
  }
}))

{
  const ok = async () => ({ status: 200, messageSendResult: 'OK', success: true })
  const verbs = {
    WAWebChatSendMessages: { sendGroupInviteMessage: ok, sendTextMsgToChat: ok },
    WAWebSendReactionMsgAction: { sendReactionToMsg: ok },
    WAWebSendPinMessageAction: { sendPinInChatMsg: ok },
    WAWebSendEventEditMsgAction: { sendEventEditMessage: ok },
    WAWebSendEventResponseMsgAction: { sendEventResponseMsg: ok },
    WAWebSendStatusMsgAction: { sendStatusTextMsgAction: ok, sendStatusMediaMsgAction: ok },
    WAWebRevokeStatusAction: { sendStatusRevokeMsgAction: ok },
    WAWebPollsSendVoteMsgAction: { sendVote: ok },
    WAWebChatForwardMessage: { forwardMessages: ok },
    WAWebNewsletterSendMsgAction: { sendNewsletterAdminInviteMessage: ok },
    WAWebNewsletterSendMessageJob: { sendNewsletterMessageJob: async () => ({ success: true, ack: { t: Math.floor(Date.now() / 1000) }, serverId: 1 }) },
    WAWebPresenceChatAction: { sendPresenceAvailable: ok, sendPresenceUnavailable: ok },
    WAWebChatStateBridge: { sendChatStateComposing: ok, sendChatStateRecording: ok, sendChatStatePaused: ok },
    WAWebChatClearBridge: { sendClear: ok },
    WAWebDeleteChatAction: { sendDelete: ok },
    WAWebBlockContactAction: { blockContact: ok, unblockContact: ok },
    WAWebSaveContactAction: { saveContactAction: ok },
    WAWebDeleteContactAction: { deleteContactAction: ok },
    WAWebSetPushnameConnAction: { setPushname: ok },
    WAWebExitGroupAction: { sendExitGroup: ok },
    WAWebGroupCreateJob: { createGroup: async ({ title }, participants) => ({ wid: '120363000000000000@g.us', subject: title, participants }) },
    WAWebGroupModifyInfoJob: { setGroupDescription: ok, setGroupSubject: ok },
    WAWebGroupInviteV4Job: { joinGroupViaInviteV4: ok },
    WAWebModifyParticipantsGroupAction: { addParticipants: ok, removeParticipants: ok, promoteParticipants: ok, demoteParticipants: ok },
    WAWebSetPropertyGroupAction: { setGroupProperty: ok },
    WASmaxGroupsAddParticipantsRPC: { sendAddParticipantsRPC: async () => ({ name: 'AddParticipantsResponseServerError', value: { errorServerErrors: { value: { code: 500 } } } }) },
    WASmaxGroupsMembershipRequestsActionRPC: { sendMembershipRequestsActionRPC: async () => ({ name: 'MembershipRequestsActionResponseServerError' }) },
    WADeprecatedSendIq: { deprecatedCastStanza: ok },
    WAWebUploadManager: { encryptAndUpload: async ({ blob }) => ({ url: '/media/uploaded', directPath: '/media/uploaded', encFilehash: '', mediaKey: '', size: blob.size }) },
    WAWebMediaMmsV4Upload: {
      uploadMedia: async () => ({ mediaEntry: { mmsUrl: '/media/uploaded', directPath: '/media/uploaded', mediaKey: '', encFilehash: '', uploadHash: '' } }),
      uploadUnencryptedMedia: async () => ({ mediaEntry: { mmsUrl: '/media/uploaded', directPath: '/media/uploaded', handle: 'h' } })
    },
    WAWebGenerateEventCallLink: { createEventCallLink: async () => 'https://call.whatsapp.com/video/simulated' },
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
  for (const [module, functions] of Object.entries(verbs)) __d(module, (use) => recorded(use, module, functions))

  __d('WAWebSendMsgChatAction', (use) => ({
    /** @returns promises: of the message in the chat, and of its being sent */
    addAndSendMsgToChat: (chat, facts) => {
      use('outbound').outbound('WAWebSendMsgChatAction.addAndSendMsgToChat', chat, facts.body)
      const message = use('WAWebCollections').Msg.add(facts)
      chat.msgs.add(message)
      chat.set({ t: facts.t, lastReceivedKey: facts.id })
      const sent = use('wire').query('sent', { message: { ...facts, id: { ...facts.id, remote: String(facts.id.remote) }, from: String(facts.from), to: String(facts.to) } })
      return [Promise.resolve(message), sent.then(() => ({ messageSendResult: 'OK', t: facts.t }))]
    }
  }))
  __d('WAWebSendMessageEditAction', (use) => ({
    sendMessageEdit: async (message, text) => {
      use('outbound').outbound('WAWebSendMessageEditAction.sendMessageEdit', message, text)
      message.set({ body: text, latestEditSenderTimestampMs: Date.now() })
    }
  }))
  __d('WAWebUpdateUnreadChatAction', (use) => ({
    ...recorded(use, 'WAWebUpdateUnreadChatAction', { markUnread: ok, markConversationSeen: ok }),
    sendSeen: async ({ chat }) => {
      use('outbound').outbound('WAWebUpdateUnreadChatAction.sendSeen', chat)
      chat.unreadCount = 0
    }
  }))
  // these modules also read
  __d('WAWebContactStatusBridge', (use) => ({ ...recorded(use, 'WAWebContactStatusBridge', { setMyStatus: ok }), getStatus: async () => ({ status: '' }) }))
  __d('WAWebGroupInviteJob', (use) => ({
    ...recorded(use, 'WAWebGroupInviteJob', { joinGroupViaInvite: async () => ({ gid: { _serialized: '120363000000000000@g.us' } }), resetGroupInviteCode: async () => ({ code: 'code' }) }),
    queryGroupInvite: async () => undefined
  }))
  __d('WAWebGroupQueryJob', (use) => ({
    ...recorded(use, 'WAWebGroupQueryJob', { resetGroupInviteCode: async () => ({ code: 'code' }) }),
    queryAndUpdateGroupMetadataById: async () => undefined,
    queryGroupInvite: async () => undefined
  }))
  __d('WAWebContactProfilePicThumbBridge', (use) => ({
    ...recorded(use, 'WAWebContactProfilePicThumbBridge', { sendSetPicture: ok, requestDeletePicture: ok }),
    requestProfilePicFromServer: async () => undefined
  }))
  __d('WAWebNoteAction', (use) => ({ ...recorded(use, 'WAWebNoteAction', { noteAddAction: ok }), retrieveOnlyNoteForChatJid: async () => undefined }))

  /** What the parts of WhatsApp Web tell each other to do; each of these ends in something being sent. */
  __d('WAWebCmd', (use) => {
    const acting = ['sendRevokeMsgs', 'sendDeleteMsgs', 'sendStarMsgs', 'sendUnstarMsgs', 'archiveChat', 'pinChat', 'muteChat', 'markChatUnread']
    class Cmd extends use('events').Events {
      refreshQR() {
        this.trigger('refresh_qr')
      }
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
    return { Cmd: new Cmd() }
  })

  /** Every function above by which something leaves, as `Module.function` or `Module.Object.function`. */
  __d('sending', () => [
    ...Object.entries(verbs).flatMap(([module, functions]) => Object.keys(functions).map((verb) => `${module}.${verb}`)),
    'WAWebSendMsgChatAction.addAndSendMsgToChat', 'WAWebSendMessageEditAction.sendMessageEdit',
    'WAWebUpdateUnreadChatAction.sendSeen', 'WAWebUpdateUnreadChatAction.markUnread', 'WAWebUpdateUnreadChatAction.markConversationSeen',
    'WAWebContactStatusBridge.setMyStatus', 'WAWebGroupInviteJob.joinGroupViaInvite', 'WAWebGroupInviteJob.resetGroupInviteCode',
    'WAWebGroupQueryJob.resetGroupInviteCode', 'WAWebContactProfilePicThumbBridge.sendSetPicture',
    'WAWebContactProfilePicThumbBridge.requestDeletePicture', 'WAWebNoteAction.noteAddAction', 'WAWebCollections.Label.addOrRemoveLabels',
    'WAWebStreamModel.Stream.markAvailable',
    ...['sendRevokeMsgs', 'sendDeleteMsgs', 'sendStarMsgs', 'sendUnstarMsgs', 'archiveChat', 'pinChat', 'muteChat', 'markChatUnread', 'openChatAt', 'openChatBottom', 'openChatFromUnread'].map((verb) => `WAWebCmd.Cmd.${verb}`)
  ])
}
