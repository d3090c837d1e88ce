import type { ModuleHook } from './module-hook.ts'

/**
 * The guard in the page: every function of WhatsApp Web by which anything could be sent, marked as seen or shown as
 * present is made to throw, and each attempt is counted. LeadMaster never calls one; this makes sure that nothing does.
 */

/** WhatsApp Web's modules and the functions refused, as whatsapp-web.js 1.34.7 uses them; `*` is every function. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  WAWebSendMsgChatAction: ['*'],
  WAWebChatSendMessages: ['*'],
  WAWebSendMessageEditAction: ['*'],
  WAWebSendReactionMsgAction: ['*'],
  WAWebSendPinMessageAction: ['*'],
  WAWebSendEventEditMsgAction: ['*'],
  WAWebSendEventResponseMsgAction: ['*'],
  WAWebSendStatusMsgAction: ['*'],
  WAWebPollsSendVoteMsgAction: ['*'],
  WAWebChatForwardMessage: ['*'],
  WAWebNewsletterSendMsgAction: ['*'],
  WAWebNewsletterSendMessageJob: ['*'],
  WAWebRevokeStatusAction: ['*'],
  WAWebUpdateUnreadChatAction: ['*'],
  WAWebPresenceChatAction: ['*'],
  WAWebChatStateBridge: ['*'],
  WAWebContactStatusBridge: ['setMyStatus'],
  WAWebSetPushnameConnAction: ['*'],
  WAWebChatClearBridge: ['*'],
  WAWebDeleteChatAction: ['*'],
  WAWebBlockContactAction: ['*'],
  WAWebSaveContactAction: ['*'],
  WAWebDeleteContactAction: ['*'],
  WAWebExitGroupAction: ['*'],
  WAWebGroupCreateJob: ['*'],
  WAWebGroupModifyInfoJob: ['*'],
  WAWebGroupInviteJob: ['joinGroupViaInvite', 'resetGroupInviteCode'],
  WAWebGroupInviteV4Job: ['joinGroupViaInviteV4'],
  WAWebGroupQueryJob: ['resetGroupInviteCode'],
  WAWebModifyParticipantsGroupAction: ['*'],
  WAWebSetPropertyGroupAction: ['*'],
  WASmaxGroupsAddParticipantsRPC: ['*'],
  WASmaxGroupsMembershipRequestsActionRPC: ['*'],
  WAWebContactProfilePicThumbBridge: ['sendSetPicture', 'requestDeletePicture'],
  WAWebUploadManager: ['encryptAndUpload'],
  WAWebMediaMmsV4Upload: ['*'],
  WAWebGenerateEventCallLink: ['*'],
  WAWebNoteAction: ['noteAddAction'],
  WAWebNewsletterCreateQueryJob: ['*'],
  WAWebNewsletterDeleteAction: ['*'],
  WAWebNewsletterSubscribeAction: ['*'],
  WAWebNewsletterUnsubscribeAction: ['*'],
  WAWebEditNewsletterMetadataAction: ['*'],
  WAWebChangeNewsletterOwnerAction: ['*'],
  WAWebDemoteNewsletterAdminAction: ['*'],
  WAWebNewsletterDemoteAdminJob: ['*'],
  WAWebMexAcceptNewsletterAdminInviteJob: ['*'],
  WAWebMexRevokeNewsletterAdminInviteJob: ['*'],
  WAWebNewsletterUpdateUserSettingJob: ['*'],
  WAWebCmd: [
    'Cmd.sendRevokeMsgs', 'Cmd.sendDeleteMsgs', 'Cmd.sendStarMsgs', 'Cmd.sendUnstarMsgs', 'Cmd.archiveChat', 'Cmd.pinChat',
    'Cmd.muteChat', 'Cmd.markChatUnread', 'Cmd.openChatAt', 'Cmd.openChatBottom', 'Cmd.openChatFromUnread'
  ],
  WAWebCollections: ['Label.addOrRemoveLabels'],
  WAWebStreamModel: ['Stream.markAvailable']
}

/** How the guard stands, read out of the page. */
export interface GuardState {
  /** Attempts refused since the page loaded. */
  blocked: number
  /** Functions that are refused now. */
  armed: number
  /** Functions that could not be made to refuse; anything but 0 is a fault. */
  open: number
}

/**
 * Runs in the page after installModuleHook and before the page's own scripts: each module is disarmed as it is made, so
 * that the page's own code gets it disarmed, too.
 */
export const installGuard = (modules: Record<string, readonly string[]>): void => {
  const state = { blocked: 0, armed: 0, open: 0 }
  const disarmed = new WeakSet<object>()
  const stuck = new Set<string>()
  type Holder = Record<string, unknown>

  const refuse = (holder: Holder, verb: string, name: string): void => {
    if (typeof holder[verb] !== 'function' || disarmed.has(holder[verb])) return
    const refusal = (): never => {
      state.blocked += 1
      throw new Error(`LeadMaster only listens: ${name} is refused`)
    }
    disarmed.add(refusal)
    // unlike defineProperty on Object, Reflect's tells instead of throwing into the page's own code
    if (Reflect.defineProperty(holder, verb, { value: refusal, writable: false, configurable: false, enumerable: true })) state.armed += 1
    else state.open = stuck.add(name).size
  }
  const disarm = (name: string, exported: unknown): void => {
    const verbs = modules[name]
    if (verbs === undefined || typeof exported !== 'object' || exported === null) return
    for (const verb of verbs.includes('*') ? Object.keys(exported) : verbs) {
      const path = verb.split('.')
      const last = path.pop() as string
      const holder = path.reduce<unknown>((object, key) => (object as Holder | undefined)?.[key], exported)
      if (typeof holder === 'object' && holder !== null) refuse(holder as Holder, last, `${name}.${verb}`)
    }
  }
  const hook = (globalThis as unknown as Record<symbol, ModuleHook | undefined>)[Symbol.for('leadmaster.modules')]
  const made = new Map<string, unknown>()
  for (const name of Object.keys(modules)) {
    // Some modules have all that they offer in their default export.
    hook?.onModule(name, (exports, value) => {
      made.set(name, value)
      disarm(name, exports)
      disarm(name, value)
    })
  }
  const arm = (): typeof state => {
    // Without their factories modules are seen only as they are asked for.
    for (const name of hook?.sees() === 'require' ? Object.keys(modules) : []) {
      try {
        ;(globalThis as { require?: (name: string) => unknown }).require?.(name)
      } catch {
        // a module this version of WhatsApp Web does not have cannot send either
      }
    }
    // A module may get further functions after it was made.
    for (const [name, exports] of made) disarm(name, exports)
    return { ...state }
  }

  Object.defineProperty(globalThis, Symbol.for('leadmaster.guard'), { value: { arm } })
  // a page that is never looked at never tells WhatsApp that its owner is online
  const { document } = globalThis as unknown as { document: object }
  Object.defineProperty(document, 'hasFocus', { value: () => false })
  Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })
  Object.defineProperty(document, 'hidden', { get: () => true })
}
