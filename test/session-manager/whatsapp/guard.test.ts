import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  installGuard,
  judged,
  refused,
  type GuardLook
} from '../../../src/session-manager/whatsapp/guard.ts'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import { inPage, type InPage } from './in-page.ts'

type Functions = Record<string, (...args: unknown[]) => unknown>
interface Guarded extends InPage {
  arm(): GuardLook
  require: (name: string) => Functions
}

/** A page with the guard in it, and then these modules of WhatsApp Web behind its `require`. */
const guarded = (
  modules: Record<string, unknown>,
  table: Record<string, readonly string[]> = refused
): Guarded => {
  const it = inPage()
  it.run(installModuleHook as never)
  it.run(installGuard as never, table, {})
  it.world['require'] = (name: string): unknown => {
    if (!(name in modules)) throw new Error(`Requiring unknown module "${name}"`)
    return modules[name]
  }
  const arm = (): GuardLook =>
    it.run((() =>
      (globalThis as unknown as Record<symbol, { arm: () => GuardLook }>)[
        Symbol.for('leadmaster.guard')
      ]?.arm()) as never) as unknown as GuardLook
  return {
    ...it,
    arm,
    require: (name) => (it.world['require'] as (name: string) => Functions)(name)
  }
}

/**
 * A module with every function the table refuses in it (`*`: two of any name), and one it does not
 * know.
 */
const moduleOf = (verbs: readonly string[]): Record<string, unknown> => {
  const module: Record<string, unknown> = verbs.includes('*') ? {} : { untouched: () => 'works' }
  for (const verb of verbs.includes('*') ? ['first', 'second'] : verbs) {
    const path = verb.split('.')
    const last = path.pop() as string
    const holder = path.reduce<Record<string, unknown>>(
      (object, key) => (object[key] ??= { untouched: () => 'works' }) as Record<string, unknown>,
      module
    )
    holder[last] = () => 'sent'
  }
  return module
}
const reach = (module: unknown, verb: string): ((...args: unknown[]) => unknown) => {
  const path = verb.split('.')
  const last = path.pop() as string
  const holder = path.reduce<unknown>(
    (object, key) => (object as Record<string, unknown>)[key],
    module
  ) as Functions
  return (...args) => holder[last]?.(...args)
}

t.test('every function of the table throws, and is counted', async (t) => {
  const it = guarded(
    Object.fromEntries(Object.entries(refused).map(([name, verbs]) => [name, moduleOf(verbs)]))
  )
  let attempts = 0
  for (const [name, verbs] of Object.entries(refused)) {
    const module = it.require(name)
    for (const verb of verbs.includes('*') ? ['first', 'second'] : verbs) {
      t.throws(reach(module, verb), { message: 'not allowed' }, `${name}.${verb}`)
      attempts += 1
    }
  }
  t.match(it.arm(), { blocked: attempts, armed: attempts, open: 0 })
})

t.test('what the table does not name works', async (t) => {
  const it = guarded({
    WAWebCmd: moduleOf(refused['WAWebCmd'] as string[]),
    WAWebCollections: { Msg: { get: () => 'a message' } },
    WALinkify: { findLinks: () => [] }
  })
  t.equal(
    (it.require('WAWebCmd') as unknown as { Cmd: Functions })['Cmd']['untouched']?.(),
    'works'
  )
  t.equal(
    (it.require('WAWebCollections') as unknown as { Msg: Functions })['Msg']['get']?.(),
    'a message'
  )
  t.same(it.require('WALinkify')['findLinks']?.(), [])
  t.equal(it.arm().blocked, 0)
})

t.test(
  'the page says that it is unavailable as it connects, and is never kept from it',
  async (t) => {
    const it = guarded({
      WAWebPresenceChatAction: {
        sendPresenceAvailable: () => 'sent',
        sendPresenceUnavailable: () => 'said'
      }
    })
    const { sendPresenceAvailable, sendPresenceUnavailable } = it.require('WAWebPresenceChatAction')
    t.throws(() => sendPresenceAvailable?.(), { message: 'not allowed' })
    t.equal(sendPresenceUnavailable?.(), 'said')
  }
)

t.test('the page writes down what was read on the phone, and sends no read receipt', async (t) => {
  const it = guarded({
    WAWebUpdateUnreadChatAction: {
      sendSeen: () => 'sent',
      markSeen: () => 'seen',
      markUnseen: () => 'unseen'
    }
  })
  const { sendSeen, markSeen, markUnseen } = it.require('WAWebUpdateUnreadChatAction')
  t.throws(() => sendSeen?.(), { message: 'not allowed' })
  t.same([markSeen?.(), markUnseen?.()], ['seen', 'unseen'])
  t.equal(it.arm().blocked, 1)
})

t.test(
  'arm reaches the modules that nobody required through window.require, and that the page itself holds',
  async (t) => {
    const seen = { sendSeen: () => 'sent' }
    const it = guarded({ WAWebUpdateUnreadChatAction: seen })
    t.equal(seen.sendSeen(), 'sent', 'before')
    t.match(it.arm(), { blocked: 0, armed: 1, open: 0 })
    t.throws(() => seen.sendSeen(), { message: 'not allowed' })
    t.match(it.arm(), { blocked: 1, armed: 1, open: 0 }, 'arming again arms nothing twice')
  }
)

t.test('a function added to a module later is refused from the next look on', async (t) => {
  const module: Record<string, unknown> = { first: () => 'sent' }
  const it = guarded({ WAWebSendMsgChatAction: module })
  it.arm()
  module['second'] = () => 'sent'
  it.arm()
  t.throws(module['second'] as () => void, { message: 'not allowed' })
})

t.test('a refusal cannot be undone by the page', async (t) => {
  const module: Record<string, () => unknown> = { first: () => 'sent' }
  const it = guarded({ WAWebSendMsgChatAction: module })
  it.arm()
  t.throws(() => {
    module['first'] = () => 'sent'
  }, TypeError)
  t.throws(() => Object.defineProperty(module, 'first', { value: () => 'sent' }), TypeError)
  t.throws(() => module['first']?.(), { message: 'not allowed' })
})

t.test(
  'window.require may be set late, set again, or be looked at while it is not there',
  async (t) => {
    const it = inPage()
    it.run(installModuleHook as never)
    it.run(installGuard as never, refused, {})
    const arm = (): GuardLook =>
      it.run((() =>
        (globalThis as unknown as Record<symbol, { arm: () => GuardLook }>)[
          Symbol.for('leadmaster.guard')
        ]?.arm()) as never) as unknown as GuardLook
    t.equal(
      it.run((() => typeof (globalThis as { require?: unknown }).require) as never),
      'undefined'
    )
    t.match(arm(), { blocked: 0, armed: 0, open: 0 })
    for (const round of [1, 2]) {
      const module = { first: () => 'sent' }
      it.world['require'] = () => module
      const held = (it.world['require'] as (name: string) => typeof module)(
        'WAWebSendMsgChatAction'
      )
      t.throws(() => held.first(), { message: 'not allowed' }, `as set for the ${round}. time`)
    }
  }
)

t.test("the page's require keeps what else it has and what it throws", async (t) => {
  const it = guarded({})
  t.throws(() => it.require('WAWebNothing'), { message: 'Requiring unknown module "WAWebNothing"' })
  const original = Object.assign(() => ({}), { resolve: 'kept' })
  it.world['require'] = original
  t.equal((it.world['require'] as unknown as typeof original).resolve, 'kept')
})

t.test('a function that cannot be made to refuse is counted as open, once', async (t) => {
  const stubborn = Object.freeze({ first: () => 'sent' })
  const it = guarded({ WAWebSendMsgChatAction: stubborn })
  t.match(it.arm(), { blocked: 0, armed: 0, open: 1 })
  t.match(it.arm(), { blocked: 0, armed: 0, open: 1 })
})

t.test('exports that are getters, as bundlers make them, are refused too', async (t) => {
  const module = {}
  Object.defineProperty(module, 'sendSeen', {
    get: () => () => 'sent',
    enumerable: true,
    configurable: true
  })
  const it = guarded({ WAWebUpdateUnreadChatAction: module })
  it.arm()
  t.throws(() => (module as { sendSeen: () => void }).sendSeen(), { message: 'not allowed' })
})

t.test('a class beside the functions stays as it is, by `*`', async (t) => {
  const it = guarded({})
  const module = it.script(`(function () {
    function Base() {}
    Base.prototype.name = function () { return 'named' }
    function Failure() { Error.call(this) }
    Failure.prototype = Object.create(Error.prototype)
    Failure.prototype.constructor = Failure
    return { Base: Base, Failure: Failure, Modern: class { run() { return 'ran' } }, plain: function () { return 'sent' }, *steps() { yield 'sent' }, arrow: () => 'sent' }
  })()`) as Record<'Base' | 'Failure' | 'Modern', new () => { name(): string; run(): string }> &
    Functions
  it.world['require'] = () => module
  ;(it.world['require'] as (name: string) => unknown)('WAWebSendMsgChatAction')

  t.equal(new module.Base().name(), 'named')
  t.equal(new module.Modern().run(), 'ran')
  t.ok(new module.Failure() instanceof module.Failure)
  for (const verb of ['plain', 'steps', 'arrow'])
    t.throws(() => module[verb]?.(), { message: 'not allowed' }, verb)
  t.equal(it.arm().open, 0)
})

t.test('strange modules do no harm', async (t) => {
  const it = guarded({
    WAWebSendMsgChatAction: null,
    WAWebChatSendMessages: undefined,
    WAWebCmd: {},
    WAWebStreamModel: { Stream: null },
    WAWebUploadManager: 5,
    WAWebCollections: { Label: 'text' }
  })
  t.match(it.arm(), { blocked: 0, armed: 0, open: 0 })
})

t.test(
  'the page looks hidden and without focus, so that it never shows its owner online',
  async (t) => {
    const { world } = guarded({})
    const document = world['document'] as Document
    t.equal(document.hasFocus(), false)
    t.equal(document.visibilityState, 'hidden')
    t.equal(document.hidden, true)
  }
)

/** As much of a DOM document as is looked at. */
interface Document {
  hasFocus(): boolean
  visibilityState: string
  hidden: boolean
}

t.test('the table covers every way by which the installed whatsapp-web.js sends', async (t) => {
  const root = fileURLToPath(new URL('../../../node_modules/whatsapp-web.js/src/', import.meta.url))
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => readFileSync(join(root, file), 'utf8'))
  const source = sources.join('\n')
  const [, version] =
    /"version": "([^"]+)"/.exec(readFileSync(join(root, '../package.json'), 'utf8')) ?? []

  /** Every module of WhatsApp Web it asks for, with the members it uses right there. */
  const used = new Map<string, Set<string>>()
  const note = (module: string, member: string): void =>
    void used.set(module, (used.get(module) ?? new Set()).add(member))
  for (const [, module, members] of source.matchAll(
    /require\(\s*['"](WA\w+)['"],?\s*\)((?:\s*\??\.\s*\w+)*)/g
  )) {
    note(module as string, (members as string).replace(/[\s?]/g, '').slice(1))
  }
  for (const [, names, module] of source.matchAll(
    /(?:const|let|var)\s*\{([^}]*)\}\s*=\s*(?:await\s*)?\(?\s*window\s*\.\s*require\(\s*['"](WA\w+)['"]/g
  )) {
    for (const name of (names as string).split(','))
      note(module as string, name.split(':')[0]?.trim() ?? '')
  }
  t.ok(used.size > 100, `whatsapp-web.js ${version} uses ${used.size} modules`)

  /** Module names and member names that change something outside this browser. */
  const sendingModule =
    /Send|Forward|Revoke|Presence|ChatState(?!.*Getters)|UpdateUnread|Delete(?!d)|Clear|Create(?!.*Gating)|Modify|SetProperty|SetPushname|Block.*Action|Exit|Subscribe(?!r)|Unsubscribe|Demote|Promote|Invite.*(?:Job|RPC)|AddParticipants|MembershipRequestsAction|Upload(?!Qpl)|EditNewsletter|ChangeNewsletter|UpdateUserSetting|SaveContact|NoteAction|GenerateEventCallLink/
  const sendingMember =
    /^(?:.*\.)?(?:send|forward|revoke|reply|mark|pin|archive|mute|clear|delete|block|unblock|exit|leave|join|accept|decline|reset|promote|demote|remove|create(?!Wid)|subscribe|unsubscribe|setMyStatus|setPushname|setGroup|addOrRemove|requestDelete|noteAdd|encryptAndUpload|upload|openChat)\w*$/i
  /** Looked at one by one: they match by their name alone. */
  const harmless: Record<string, string> = {
    'WAWebSendNonMessageDataRequest.sendPeerDataOperationRequest':
      "asks this account's own phone for history; nobody else sees it, and WhatsApp Web itself needs it",
    'WAWebMexFetchGroupInviteCodeJob.fetchMexGroupInviteCode': 'reads',
    'WAWebStreamModel.Stream.markUnavailable': 'the opposite of showing presence',
    'WAWebPresenceChatAction.sendPresenceUnavailable':
      'the same; the page says it each time that it connects',
    'WAWebNoteAction.retrieveOnlyNoteForChatJid': 'reads',
    'WAWebNewsletterModelUtils.MUTED_STATE': 'a constant'
  }
  const covers = (module: string, member: string): boolean => {
    const verbs = refused[module] ?? []
    if (judged[module]?.includes(member)) return true
    return (
      (verbs.includes('*') && !verbs.includes(`!${member}`)) ||
      (member === '' ? verbs.length > 0 : verbs.includes(member))
    )
  }
  const sending = [...used].flatMap(([module, members]) =>
    [...members]
      // the whole module in a variable: its members are seen by the name of the module
      .filter((member) =>
        member === '' || !member.includes('.')
          ? sendingModule.test(module) || sendingMember.test(member)
          : sendingMember.test(member)
      )
      .map((member) => ({ module, member, name: member === '' ? module : `${module}.${member}` }))
  )
  t.ok(sending.length >= 45, `${sending.length} of them send`)
  for (const { module, member, name } of sending) {
    if (!(name in harmless)) t.ok(covers(module, member), `${name} is refused`)
  }
  for (const name of Object.keys(harmless))
    t.ok(
      sending.some((found) => found.name === name),
      `${name} is still there, for its place in the list`
    )
  for (const name of [
    'WAWebSendMsgChatAction.addAndSendMsgToChat',
    'WAWebUpdateUnreadChatAction.sendSeen',
    'WAWebStreamModel.Stream.markAvailable',
    'WAWebCmd.Cmd.archiveChat',
    'WAWebGroupInviteJob.joinGroupViaInvite'
  ]) {
    t.ok(
      sending.some((found) => found.name === name),
      `the search itself finds ${name}`
    )
  }

  t.test('and by every sending command of Cmd, which it reaches by a variable', async (t) => {
    const commands = new Set(
      [...source.matchAll(/\bCmd\s*\.\s*(\w+)/g)]
        .map(([, command]) => command as string)
        .filter((command) => sendingMember.test(command))
    )
    t.ok(commands.size >= 5, [...commands].join())
    for (const command of commands)
      t.ok(refused['WAWebCmd']?.includes(`Cmd.${command}`), `Cmd.${command} is refused`)
  })
})

/**
 * The guard beside stand-ins of the hook, the rules and the fence on the wire, each as a test says.
 */
const beside = (
  parts: {
    sees?: string
    rules?: (stanza: unknown) => boolean
    wire?: { isArmed: boolean; comesWith?: string }
  },
  modules: Record<string, unknown> = {}
) => {
  const it = inPage()
  const counted: unknown[] = []
  const asked: string[] = []
  const uses = new Map<string, (exports: unknown, value: unknown) => void>()
  const put = (name: string, value: unknown): void =>
    void Object.assign(it.world, { [Symbol.for(`leadmaster.${name}`)]: value })
  const { sees, rules, wire } = parts
  if (sees !== undefined)
    put('modules', {
      onModule: (name: string, use: (exports: unknown, value: unknown) => void) =>
        void uses.set(name, use),
      sees: () => sees
    })
  if (rules !== undefined)
    put('rules', { judge: (stanza: unknown) => ({ isAllowed: rules(stanza) }) })
  if (wire !== undefined)
    put('wire', {
      isArmed: () => wire.isArmed,
      count: (verdict: unknown) => counted.push(verdict),
      look: () => ({ armed: wire.isArmed })
    })
  it.world['require'] = (name: string): unknown => {
    asked.push(name)
    if (wire?.comesWith === name) wire.isArmed = true
    if (!(name in modules)) throw new Error('no such module')
    return modules[name]
  }
  it.run(installGuard as never, refused, judged)
  const arm = (): GuardLook =>
    it.run((() =>
      (globalThis as unknown as Record<symbol, { arm: () => GuardLook }>)[
        Symbol.for('leadmaster.guard')
      ]?.arm()) as never) as unknown as GuardLook
  /** What the page's loader does when it makes a module. */
  const make = <M extends object>(name: string, exports: M, value: unknown = exports): M => {
    uses.get(name)?.(exports, value)
    return exports
  }
  return { ...it, arm, make, counted, asked, names: () => [...uses.keys()] }
}

t.test(
  'what the page needs to show what came in stays as it is, beside functions that are refused',
  async (t) => {
    const needed: Record<string, string[]> = {
      WAWebSendMsgChatAction: ['addVoipCallLogMsgToChat'],
      WAWebChatForwardMessage: ['getForwardedMessageFields'],
      WAWebUpdateUnreadChatAction: [
        'updateUnreadCountMD',
        'clearUnreadMentions',
        'markSeen',
        'markUnseen'
      ],
      WAWebPresenceChatAction: [
        'getChatIdentifier',
        'presenceOnlineChanged',
        'clearPresence',
        'sendPresenceUnavailable'
      ]
    }
    const { make } = beside({ sees: 'define' })
    for (const [name, verbs] of Object.entries(needed)) {
      const module = make(
        name,
        Object.fromEntries([...verbs, 'sendAnything'].map((verb) => [verb, () => 'works']))
      ) as Functions
      for (const verb of verbs) t.equal(module[verb]?.(), 'works', `${name}.${verb}`)
      t.throws(() => module['sendAnything']?.(), { message: 'not allowed' }, name)
    }
  }
)

t.test('ways to send that whatsapp-web.js does not use today are refused, too', async (t) => {
  const { make } = beside({ sees: 'define' })
  for (const [name, path] of [
    ['WAWebSendStatusMsgAction', 'sendStatus'],
    ['WAWebChatStateBridge', 'sendChatStateComposing'],
    ['WAWebGroupInviteJob', 'resetGroupInviteCode'],
    ['WAWebCmd', 'Cmd.muteChat'],
    ['WAWebCmd', 'Cmd.openChatFromUnread'],
    ['WAWebCmd', 'Cmd.openChatAt'],
    ['WAWebCmd', 'Cmd.markChatUnread']
  ] as const) {
    const module = make(name, moduleOf([path]))
    t.throws(reach(module, path), { message: 'not allowed' }, `${name}.${path}`)
  }
})

t.test(
  'a function that takes a stanza works for an allowed stanza, and for any where the fence on the wire judges',
  async (t) => {
    const all = Object.entries(judged).flatMap(([name, verbs]) =>
      verbs.map((verb) => [name, verb] as const)
    )
    t.same(
      all.map(([, verb]) => verb),
      [
        'deprecatedCastStanza',
        'deprecatedSendIq',
        'deprecatedSendIqErrorParser',
        'deprecatedSendIqIfConnectedWithin',
        'deprecatedSendIqWithoutRetry',
        'deprecatedSendStanzaAndWaitForAck',
        'deprecatedSendStanzaAndReturnAck',
        'castSmaxStanza',
        'sendSmaxStanza',
        '_sendIq'
      ],
      'all by which a stanza leaves'
    )
    const rules = (stanza: unknown): boolean => stanza === 'ack'
    for (const [name, verb] of all) {
      const calls = (
        parts: Parameters<typeof beside>[0],
        stanza: string
      ): { result: unknown; it: ReturnType<typeof beside> } => {
        const it = beside(parts)
        const module = it.make(name, {
          own: 'self',
          [verb]: function (this: { own: string }, ...args: unknown[]) {
            return [this.own, ...args]
          }
        }) as unknown as Functions
        let result: unknown
        try {
          result = module[verb]?.(stanza, 'more')
        } catch (error) {
          result = (error as Error).message
        }
        return { result, it }
      }
      const passed = (stanza: string): unknown[] => ['self', stanza, 'more']
      t.same(calls({ sees: 'define', rules }, 'ack').result, passed('ack'), verb)
      const without = calls({ sees: 'define', rules }, 'message')
      t.same(
        [without.result, without.it.asked],
        ['not allowed', []],
        'without the fence on the wire nothing else is asked for'
      )
      t.equal(
        calls({ sees: 'define' }, 'ack').result,
        'not allowed',
        'without rules nothing is known to be allowed'
      )
      t.same(
        calls({ sees: 'define', rules, wire: { isArmed: true } }, 'message').result,
        passed('message'),
        'the fence on the wire refuses it'
      )
      t.same(
        calls({ sees: 'define', wire: { isArmed: false, comesWith: 'WAWap' } }, 'message').result,
        passed('message'),
        'it comes with WAWap'
      )
      const refused = calls({ sees: 'define', rules, wire: { isArmed: false } }, 'message')
      t.equal(refused.result, 'not allowed')
      t.same(refused.it.asked, ['WAWap'])
      t.same(refused.it.counted, [{ tag: 'function', type: `${name}.${verb}`, isAllowed: false }])
      t.match(refused.it.arm(), { blocked: 1, armed: 1, open: 0, wire: { armed: false } })
      t.same(
        calls({ sees: 'define', wire: { isArmed: true } }, 'message').it.asked,
        [],
        'a fence that is there is not asked for'
      )
    }
  }
)

t.test(
  'a judged function where the page has no require yet is refused and does no other harm',
  async (t) => {
    const it = beside({ sees: 'define', wire: { isArmed: false } })
    it.world['require'] = undefined
    const { castSmaxStanza } = it.make('WAComms', { castSmaxStanza: () => 'sent' })
    t.throws(() => castSmaxStanza(), { message: 'not allowed' })
  }
)

t.test(
  'each refusal is counted by the name of the function, and the first fence is part of the look',
  async (t) => {
    const it = beside({ sees: 'define', wire: { isArmed: true } })
    const module = it.make('WAWebCmd', moduleOf(['Cmd.archiveChat']))
    const other = it.make('WAWebSendMsgChatAction', { send: () => 'sent' })
    t.throws(reach(module, 'Cmd.archiveChat'), { message: 'not allowed' })
    t.throws(() => other.send(), { message: 'not allowed' })
    t.same(it.counted, [
      { tag: 'function', type: 'WAWebCmd.Cmd.archiveChat', isAllowed: false },
      { tag: 'function', type: 'WAWebSendMsgChatAction.send', isAllowed: false }
    ])
    t.same(it.arm(), { blocked: 2, armed: 2, open: 0, seesModules: true, wire: { armed: true } })
  }
)

t.test(
  'with a hook that sees all modules none is asked for; with one that sees require each is',
  async (t) => {
    const define = beside({ sees: 'define' })
    t.same(define.arm(), { blocked: 0, armed: 0, open: 0, seesModules: true })
    t.same(define.asked, [])
    const require = beside({ sees: 'require' })
    t.same(require.arm(), { blocked: 0, armed: 0, open: 0, seesModules: false })
    t.same(require.asked, [...new Set([...Object.keys(refused), ...Object.keys(judged)])])
    t.same(define.names(), require.asked, 'and is watched')
    const nothing = beside({ sees: 'nothing' })
    t.same(nothing.arm(), { blocked: 0, armed: 0, open: 0, seesModules: false })
    t.same(nothing.asked, [])
    const none = beside({})
    t.same(
      none.arm(),
      { blocked: 0, armed: 0, open: 0, seesModules: false },
      'and without a hook the page still loads'
    )
    const early = beside({ sees: 'require' })
    early.world['require'] = undefined
    t.same(early.arm(), { blocked: 0, armed: 0, open: 0, seesModules: false })
  }
)

t.test('the default export of a module is refused as well as the module', async (t) => {
  const it = beside({ sees: 'define' })
  const [exports, value] = [{ send: () => 'sent' }, { sendMore: () => 'sent' }]
  it.make('WAWebSendMsgChatAction', exports, value)
  t.throws(() => exports.send(), { message: 'not allowed' })
  t.throws(() => value.sendMore(), { message: 'not allowed' })
  Object.assign(value, { later: () => 'sent' })
  it.arm()
  t.throws(() => (value as unknown as Functions)['later']?.(), { message: 'not allowed' })
})

t.test('whatever else a module offers, its functions are refused and stay listed', async (t) => {
  const { make, arm } = beside({ sees: 'define' })
  for (const odd of [null, undefined, 5, 'text', true])
    t.doesNotThrow(() => make('WAWebSendMsgChatAction', odd as unknown as object), String(odd))
  const bare = function (): string {
    return 'sent'
  }
  bare.prototype = null
  const module = make('WAWebSendMsgChatAction', {
    nothing: null,
    none: undefined,
    number: 5,
    list: [],
    bare,
    send: () => 'sent'
  })
  t.throws(() => module.send(), { message: 'not allowed' })
  t.throws(() => module.bare(), { message: 'not allowed' })
  t.same(Object.keys(module), ['nothing', 'none', 'number', 'list', 'bare', 'send'])
  t.match(arm(), { armed: 2, open: 0 })
})
