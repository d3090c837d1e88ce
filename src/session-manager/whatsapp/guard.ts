import type { ModuleHook } from './module-hook.ts'
import type { WireGuard, WireLook } from './wire-guard.ts'
import type { StanzaRules } from './wire-rules.ts'

/**
 * The second fence in the page: every function of WhatsApp Web by which whatsapp-web.js could send
 * anything, mark it as seen or show its owner as present is made to throw, and each attempt is
 * counted. LeadMaster never calls one; this makes sure that nothing does. The first fence,
 * wire-guard.ts, is on the one way by which all stanzas leave.
 */

/**
 * WhatsApp Web's modules and the functions refused, as whatsapp-web.js 1.34.7 uses them. `*` is
 * every function but classes and those after a `!`, which the page itself needs to show what came
 * in and which send nothing.
 */
export const refused: Readonly<Record<string, readonly string[]>> = {
  WAWebSendMsgChatAction: ['*', '!addVoipCallLogMsgToChat'],
  WAWebChatSendMessages: ['*'],
  WAWebSendMessageEditAction: ['*'],
  WAWebSendReactionMsgAction: ['*'],
  WAWebSendPinMessageAction: ['*'],
  WAWebSendEventEditMsgAction: ['*'],
  WAWebSendEventResponseMsgAction: ['*'],
  WAWebSendStatusMsgAction: ['*'],
  WAWebPollsSendVoteMsgAction: ['*'],
  WAWebChatForwardMessage: ['*', '!getForwardedMessageFields'],
  WAWebNewsletterSendMsgAction: ['*'],
  WAWebNewsletterSendMessageJob: ['*'],
  WAWebRevokeStatusAction: ['*'],
  // markSeen and markUnseen write in the page's database what the phone says that its owner has
  // read.
  WAWebUpdateUnreadChatAction: [
    '*',
    '!updateUnreadCountMD',
    '!clearUnreadMentions',
    '!markSeen',
    '!markUnseen'
  ],
  // WhatsApp Web says "unavailable" inside its own change of state, each time that it connects: a
  // throw there goes through WAWebSocketModel and WAComms, which then open a second connection, and
  // whatsapp-web.js does not hear of the sync.
  WAWebPresenceChatAction: [
    '*',
    '!getChatIdentifier',
    '!presenceOnlineChanged',
    '!clearPresence',
    '!sendPresenceUnavailable'
  ],
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
    'Cmd.sendRevokeMsgs',
    'Cmd.sendDeleteMsgs',
    'Cmd.sendStarMsgs',
    'Cmd.sendUnstarMsgs',
    'Cmd.archiveChat',
    'Cmd.pinChat',
    'Cmd.muteChat',
    'Cmd.markChatUnread',
    'Cmd.openChatAt',
    'Cmd.openChatBottom',
    'Cmd.openChatFromUnread'
  ],
  WAWebCollections: ['Label.addOrRemoveLabels'],
  WAWebStreamModel: ['Stream.markAvailable']
}

/**
 * Functions that take a stanza. The page needs them for what it must send, such as acks: they
 * refuse by wire-rules.ts, and only where the fence on the wire is not there to do it.
 */
export const judged: Readonly<Record<string, readonly string[]>> = {
  WADeprecatedSendIq: [
    'deprecatedCastStanza',
    'deprecatedSendIq',
    'deprecatedSendIqErrorParser',
    'deprecatedSendIqIfConnectedWithin',
    'deprecatedSendIqWithoutRetry',
    'deprecatedSendStanzaAndWaitForAck',
    'deprecatedSendStanzaAndReturnAck'
  ],
  WAComms: ['castSmaxStanza', 'sendSmaxStanza', '_sendIq']
}

/** What the guard in the page says of itself. */
export interface GuardLook {
  /** Attempts that the second fence refused since the page loaded. */
  blocked: number
  /** Functions that are refused now. */
  armed: number
  /** Functions that could not be made to refuse, or refuse no more. */
  open: number
  /** Whether all modules are seen as they are made. */
  seesModules: boolean
  /** The first fence; undefined where it is not in the page. */
  wire?: WireLook
}

/**
 * Runs in the page after installModuleHook and before the page's own scripts. Each module is
 * disarmed when it is made, so that the page's own code gets it disarmed, too. It is one function,
 * because the page gets it as one text.
 */
export const installGuard = (
  modules: Record<string, readonly string[]>,
  stanzaFunctions: Record<string, readonly string[]>
): void => {
  type AnyFunction = (...args: unknown[]) => unknown
  type Holder = Record<string, unknown>
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const hook = scope[Symbol.for('leadmaster.modules')] as ModuleHook | undefined
  const rules = scope[Symbol.for('leadmaster.rules')] as StanzaRules | undefined
  const wire = (): WireGuard | undefined =>
    scope[Symbol.for('leadmaster.wire')] as WireGuard | undefined

  let blocked = 0
  /** What was put in the place of each function, and where. */
  const armed: { holder: Holder; verb: string; ours: AnyFunction }[] = []
  const disarmed = new WeakSet<object>()
  const stuck = new Set<string>()

  const refuseCall = (name: string): never => {
    blocked += 1
    wire()?.count({ tag: 'function', type: name, isAllowed: false })
    // The page's logger may upload this text: it names neither this program nor what it refuses.
    throw new Error('not allowed')
  }
  /**
   * Whether the fence on the wire is there to refuse; it comes with WAWap, which may not be made
   * before it is needed.
   */
  const isWireArmed = (): boolean => {
    if (wire() === undefined || wire()?.isArmed() === true) return wire() !== undefined
    try {
      ;(scope['require'] as AnyFunction | undefined)?.('WAWap')
    } catch {
      // Another version of WhatsApp Web: there is no such fence in it.
    }
    return wire()?.isArmed() === true
  }
  const replacementOf = (original: AnyFunction, name: string, isJudged: boolean): AnyFunction => {
    if (!isJudged) return () => refuseCall(name)
    return new Proxy(original, {
      apply: (target, self, args: unknown[]) => {
        const isFree = rules?.judge(args[0]).isAllowed === true || isWireArmed()
        return isFree ? Reflect.apply(target, self, args) : refuseCall(name)
      }
    })
  }
  const replace = (holder: Holder, verb: string, name: string, isJudged: boolean): void => {
    const original = holder[verb]
    if (typeof original !== 'function' || disarmed.has(original)) return
    const ours = replacementOf(original as AnyFunction, name, isJudged)
    disarmed.add(ours)
    // unlike defineProperty on Object, Reflect's tells instead of throwing into the page's own code
    if (
      Reflect.defineProperty(holder, verb, {
        value: ours,
        writable: false,
        configurable: false,
        enumerable: true
      })
    )
      armed.push({ holder, verb, ours })
    else stuck.add(name)
  }
  /**
   * Classes beside the functions of a module, such as errors that the page compares with, send
   * nothing.
   */
  const isClass = (value: unknown): boolean => {
    if (typeof value !== 'function') return false
    const { prototype } = value as { prototype?: unknown }
    if (typeof prototype !== 'object' || prototype === null) return false
    return (
      prototype instanceof Error ||
      Object.getOwnPropertyNames(prototype).some((member) => member !== 'constructor')
    )
  }
  const disarm = (name: string, exported: unknown): void => {
    if (typeof exported !== 'object' || exported === null) return
    const verbs = modules[name] ?? []
    const kept = new Set(verbs.filter((verb) => verb.startsWith('!')).map((verb) => verb.slice(1)))
    const isRefused = (verb: string): boolean =>
      !kept.has(verb) && !isClass((exported as Holder)[verb])
    const named = verbs.includes('*') ? Object.keys(exported).filter(isRefused) : verbs
    for (const verb of named) {
      const path = verb.split('.')
      const last = path.pop() as string
      const holder = path.reduce<unknown>(
        (object, key) => (object as Holder | undefined)?.[key],
        exported
      )
      if (typeof holder === 'object' && holder !== null)
        replace(holder as Holder, last, `${name}.${verb}`, false)
    }
    for (const verb of stanzaFunctions[name] ?? [])
      replace(exported as Holder, verb, `${name}.${verb}`, true)
  }
  const names = [...new Set([...Object.keys(modules), ...Object.keys(stanzaFunctions)])]
  const made = new Map<string, unknown[]>()
  for (const name of names) {
    // Some modules have all that they offer in their default export.
    hook?.onModule(name, (exports, value) => {
      made.set(name, [exports, value])
      disarm(name, exports)
      disarm(name, value)
    })
  }
  const arm = (): GuardLook => {
    // Without their factories modules are seen only as they are asked for.
    for (const name of hook?.sees() === 'require' ? names : []) {
      try {
        ;(scope['require'] as AnyFunction | undefined)?.(name)
      } catch {
        // a module this version of WhatsApp Web does not have cannot send either
      }
    }
    // A module may get further functions after it was made.
    for (const [name, forms] of made) for (const exports of forms) disarm(name, exports)
    const lost = armed.filter(({ holder, verb, ours }) => holder[verb] !== ours).length
    const look: GuardLook = {
      blocked,
      armed: armed.length - lost,
      open: stuck.size + lost,
      seesModules: hook?.sees() === 'define'
    }
    const first = wire()?.look()
    return first === undefined ? look : { ...look, wire: first }
  }

  Object.defineProperty(scope, Symbol.for('leadmaster.guard'), { value: { arm } })
  // a page that is never looked at never tells WhatsApp that its owner is online
  const { document } = globalThis as unknown as { document: object }
  Object.defineProperty(document, 'hasFocus', { value: () => false })
  Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' })
  Object.defineProperty(document, 'hidden', { get: () => true })
}
