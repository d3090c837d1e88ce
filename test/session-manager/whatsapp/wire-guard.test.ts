import t from 'tap'
import type { GuardLook } from '../../../src/session-manager/whatsapp/guard.ts'
import { installGuard, judged, refused } from '../../../src/session-manager/whatsapp/guard.ts'
import {
  judgeGuard,
  readCounts,
  refusalText,
  refusesSettings,
  withSettingsRefused
} from '../../../src/session-manager/whatsapp/guards.ts'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import { installSocketWatch } from '../../../src/session-manager/whatsapp/socket-watch.ts'
import {
  installWireGuard,
  type StanzaCount
} from '../../../src/session-manager/whatsapp/wire-guard.ts'
import { installStanzaRules, wireRules } from '../../../src/session-manager/whatsapp/wire-rules.ts'
import { inPage, type InPage } from './in-page.ts'
import { loader, stub } from './page-loader.ts'

/**
 * WhatsApp Web's way to the wire, in its own form: what encodes, what sends, and who waits for
 * answers.
 */
const comms = `
  __d('WAWap', [], function (a, b, c, d, e, f, g) {
    g.S_WHATSAPP_NET = { toString: function () { return 's.whatsapp.net' } }
    g.makeWapNode = function (tag, attrs) { return { tag: tag, attrs: attrs, content: Array.prototype.slice.call(arguments, 2) } }
    g.encodeStanza = function (stanza) { encoded.push(stanza.tag + ' ' + stanza.attrs.type); return new Uint8Array(20) }
  }, 98);
  __d('WAComms', ['WAWap'], function (a, b, c, importNamespace, e, f, g) {
    var pending = []
    var comms = {
      socketId: 1,
      castStanza: function (stanza) {
        try {
          var bytes = importNamespace('WAWap').encodeStanza(stanza)
          socket.send(new Uint8Array([0, 0, bytes.length + 16].concat(Array(bytes.length + 16).fill(1))))
        } catch (error) {
          logged.push(String(error))
        }
        return Promise.resolve()
      },
      filterPending: function (test) { return pending.filter(test) },
      handleStanza: function (answer) {
        var at = pending.findIndex(function (one) { return one.stanza.attrs.id === answer.attrs.id })
        if (at >= 0) pending.splice(at, 1)[0].resolve(answer)
      },
      removeHandler: function (one, reason) { removed.push(reason) }
    }
    g.getComms = function () { return comms }
    g.castSmaxStanza = function (stanza) { comms.castStanza(stanza) }
    g.sendSmaxStanza = function (stanza) {
      return new Promise(function (resolve) { pending.push({ stanza: stanza, resolve: resolve }); comms.castStanza(stanza) })
    }
    g._sendIq = g.sendSmaxStanza
    g.cancelDeadSocketTimer = function () { removed.push('timer') }
  }, 98);
  __d('WAWebUpdateUnreadChatAction', [], function (a, b, c, d, e, f, g) { g.sendSeen = function () {}; g.updateUnreadCountMD = function () { return 'counted' } }, 98)`

interface Rig extends InPage {
  encoded: string[]
  logged: string[]
  removed: string[]
  counts: StanzaCount[]
  look(): GuardLook
}
/**
 * @param before what the page's scripts do before its modules are made, such as a hole in the fence
 */
const rig = (before = '', { withWire = true } = {}): Rig => {
  const encoded: string[] = []
  const logged: string[] = []
  const removed: string[] = []
  const counts: StanzaCount[] = []
  class WebSocket {
    url = 'wss://web.whatsapp.com/ws/chat'
    send(): void {}
  }
  const it = inPage({
    encoded,
    logged,
    removed,
    WebSocket,
    setTimeout,
    socket: new WebSocket(),
    'leadmaster.counts': (all: StanzaCount[]) => counts.push(...all)
  })
  it.run(installModuleHook as never)
  it.run(installStanzaRules as never, wireRules)
  it.run(installSocketWatch as never)
  if (withWire) it.run(installWireGuard as never, 'leadmaster.counts')
  it.run(installGuard as never, refused, judged)
  for (const script of [
    stub,
    comms,
    before,
    loader,
    `require('WAComms'); require('WAWebUpdateUnreadChatAction')`
  ])
    it.script(script)
  const look = (): GuardLook =>
    (
      it.world[Symbol.for('leadmaster.guard') as unknown as string] as { arm: () => GuardLook }
    ).arm()
  return { ...it, encoded, logged, removed, counts, look }
}
const cast = (stanza: object): string =>
  `require('WAComms').castSmaxStanza(${JSON.stringify(stanza)})`

t.test(
  'what is allowed is encoded, what is refused is not, each is counted, and the page goes on',
  async (t) => {
    const it = rig()
    it.script(cast({ tag: 'ack', attrs: {} }))
    it.script(cast({ tag: 'presence', attrs: { type: 'available' } }))
    it.script(cast({ tag: 'presence', attrs: { type: 'available' } }))
    it.script(cast({ tag: 'receipt', attrs: { type: 'read' } }))
    it.script(cast({ tag: 'ack', attrs: {} }))

    t.match(it.look(), { wire: { state: 'in_force' }, seesModules: true, open: 0 })
    t.same(it.encoded, ['ack undefined', 'ack undefined'], 'neither what is refused nor a trial')
    const sum = (tag: string): number =>
      it.counts.filter((one) => one.tag === tag).reduce((all, { count }) => all + count, 0)
    t.same([sum('ack'), sum('presence'), sum('receipt')], [2, 2, 1], 'trials are not counted')
    t.ok(
      it.logged.every((line) => line === 'Error: not allowed') && it.logged.length === 3,
      'castStanza caught it'
    )
  }
)

t.test('a question that is refused is answered, so that the page does not repeat it', async (t) => {
  const it = rig()
  const answers = await Promise.all([
    it.script(
      `require('WAComms')._sendIq({ tag: 'iq', attrs: { id: '7', type: 'set', xmlns: 'privacy' } })`
    ) as Promise<{
      tag: string
      attrs: Record<string, string>
      content: { attrs: { code: string } }[]
    }>,
    it.script(
      `require('WAComms').sendSmaxStanza({ tag: 'message', attrs: { id: '8', type: 'text', to: '1@g.us', participant: '2' } })`
    ) as Promise<{ attrs: object }>
  ])
  t.match(answers[0], {
    tag: 'iq',
    attrs: { id: '7', type: 'error' },
    content: [{ tag: 'error', attrs: { code: '503' } }]
  })
  t.notOk(
    ['400', '404', '405', '406'].includes(answers[0].content[0]?.attrs.code ?? ''),
    'no code after which WhatsApp Web unlinks the device'
  )
  t.match(answers[1], {
    tag: 'ack',
    attrs: { id: '8', class: 'message', from: '1@g.us', participant: '2', error: '503' }
  })
  t.same(it.removed, ['timer'], 'once nobody waits for the server')
})

t.test(
  'what nobody waits for is not answered; the first stanza of all is refused though WAWap is made for it',
  async (t) => {
    const it = rig()
    it.script(cast({ tag: 'chatstate', attrs: {} }))
    t.match(it.logged, [/not allowed/])
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.same(it.removed, [])
  }
)

t.test(
  'a change of settings that the page wants to write is counted, kept nowhere and found nowhere',
  async (t) => {
    const it = rig(`
    rows = ['kept before']
    __d('WAWebSyncdDb', [], function (a, b, c, d, e, f, g) {
      g.getAllPendingMutationsRows = g.getPendingMutationsRows = function () { return Promise.resolve(rows) }
      g.getCollectionsWithPendingMutations = function () { return Promise.resolve(new Set(rows)) }
      g.appendPendingMutationsRows = function (more) { rows = rows.concat(more); return Promise.resolve() }
      g.getSyncAction = function () { return Promise.resolve('read') }
    }, 98)`)

    const seen = await it.script(`(async function () {
    var db = require('WAWebSyncdDb')
    await db.appendPendingMutationsRows(['new'])
    return [(await db.getAllPendingMutationsRows()).length, (await db.getPendingMutationsRows(['collection'], 'regular_low')).length, (await db.getCollectionsWithPendingMutations()).size, await db.getSyncAction(), rows.length].join()
  })()`)

    t.equal(seen, '0,0,0,read,1')
    t.match(it.counts, [
      {
        tag: 'function',
        type: 'WAWebSyncdDb.appendPendingMutationsRows',
        isAllowed: false,
        count: 1
      }
    ])
  }
)

t.test(
  'where a change of settings is kept by another name, it is refused on the wire and no collection expires',
  async (t) => {
    const it = rig(`
    __d('WAWebSyncdCollectionsStateMachine', [], function (a, b, c, d, e, f, g) {
      function States() {}
      States.getExpiredCollections = function () { return ['regular'] }
      States.getCollectionsInStateRetry = function () { return ['regular'] }
      g.default = States
    }, 98)`)

    const patch = {
      tag: 'collection',
      attrs: { name: 'regular' },
      content: [{ tag: 'patch', attrs: {}, content: null }]
    }
    it.script(
      cast({
        tag: 'iq',
        attrs: { id: '9', type: 'set', xmlns: 'w:sync:app:state' },
        content: [{ tag: 'sync', attrs: {}, content: [patch] }]
      })
    )

    t.same(it.encoded, [])
    t.ok(refusesSettings(readCounts(it.counts)), 'the counts say so')
    t.same(
      [
        ...(it.script(
          `require('WAWebSyncdCollectionsStateMachine').getExpiredCollections()`
        ) as string[])
      ],
      []
    )
    t.same(
      [
        ...(it.script(
          `require('WAWebSyncdCollectionsStateMachine').getCollectionsInStateRetry()`
        ) as string[])
      ],
      ['regular']
    )
  }
)

t.test(
  'a change of settings that is read, or refused as another stanza, is no refused write',
  async (t) => {
    const it = rig()
    it.script(
      cast({
        tag: 'iq',
        attrs: { type: 'set', xmlns: 'w:sync:app:state' },
        content: [{ tag: 'sync', attrs: {}, content: [] }]
      })
    )
    it.script(cast({ tag: 'iq', attrs: { type: 'set', xmlns: 'privacy' } }))
    it.look()

    t.equal(it.counts.length, 2)
    t.notOk(refusesSettings(it.counts))
  }
)

t.test('a refused change of settings limits the session, beside what else does', async (t) => {
  const states = { wire: 'in_force', modules: 'in_force' } as const
  t.match(withSettingsRefused(states), {
    ...states,
    limited:
      /^WhatsApp Web wants to write the account's settings .* may unlink this device within two days/
  })
  t.match(
    withSettingsRefused({ ...states, limited: 'A fence is gone.' }).limited,
    /^A fence is gone\. WhatsApp Web wants/
  )
  t.equal(withSettingsRefused({ ...states, unsafe: 'no' }).unsafe, 'no')
})

t.test('a hole is seen, by reference and by behaviour', async (t) => {
  const holes: [string, string, RegExp][] = [
    [
      'exports that cannot be changed',
      `__d('WAWap', [], function (a, b, c, d, e, f, g) { g.encodeStanza = function () { return new Uint8Array(1) }; Object.freeze(g) }, 98)`,
      /could not be replaced/
    ],
    [
      'a function that only looks like ours',
      `__d('WAWap', [], function () { return new Proxy({ encodeStanza: function () { return new Uint8Array(1) } }, { get: function (target, key) { return target[key] }, defineProperty: function () { return true } }) }, 98)`,
      /could not be replaced/
    ]
  ]
  for (const [name, script, reason] of holes) {
    // The stub's queue keeps the first definition of a module.
    const it = rig(
      `__d_stub = __d_stub.filter(function (one) { return one[0] !== 'WAWap' }); ${script}`
    )
    it.script(`require('WAWap')`)
    t.match(it.look().wire, { state: 'open', reason }, name)
    t.match(judgeGuard(it.look(), false).unsafe, /fence on the wire is open/)
  }
  const it = rig()
  it.script(cast({ tag: 'ack', attrs: {} }))
  t.equal(it.look().wire?.state, 'in_force')
  it.script(`socket.send(new Uint8Array([0, 0, 90].concat(Array(90).fill(1))))`)
  t.match(
    it.look().wire,
    { state: 'open', reason: /frames left that did not pass/ },
    'what was sent past it'
  )
})

t.test('a page that makes the module again gets the fence again', async (t) => {
  const it = rig()
  it.script(`__d('Again', [], function () {}, 2)`)
  it.script(
    `(function () { var make = null; __d = function (name, deps, factory) { make = factory }; __d('WAWap', [], function (a, b, c, d, e, f, g) { g.encodeStanza = function () { return new Uint8Array(1) } }); var module = { exports: {} }; make(null, null, null, null, null, module, module.exports); again = module.exports })()`
  )
  t.throws(
    () => it.script(`again.encodeStanza({ tag: 'presence', attrs: { type: 'available' } })`),
    { message: refusalText }
  )
  t.equal(it.look().wire?.state, 'in_force')
})

t.test('without it, and where WhatsApp Web lacks what it is put on, it is absent', async (t) => {
  t.equal(rig('', { withWire: false }).look().wire, undefined)
  const renamed = rig(
    `__d_stub = __d_stub.filter(function (one) { return one[0] !== 'WAWap' }); __d('WAWap', [], function (a, b, c, d, e, f, g) { g.encode = function () {} }, 98)`
  )
  t.match(renamed.look().wire, { state: 'absent', reason: /no module WAWap/ })
  renamed.script(`require('WAWap')`)
  t.match(renamed.look().wire, { state: 'absent', reason: /no encodeStanza/ })
  const it = rig(
    `__d('WAWebSocketModel', [], function (a, b, c, d, e, f, g) { g.Socket = { state: 'CONNECTED' } }, 98)`
  )
  it.script(`require('WAWap'); require('WAWebSocketModel')`)
  t.match(it.look().wire, { state: 'absent', reason: /not in the window/ })
})

t.test('without it the functions that take a stanza go by the same rules', async (t) => {
  const it = rig('', { withWire: false })
  it.script(cast({ tag: 'ack', attrs: {} }))
  t.throws(() => it.script(cast({ tag: 'presence', attrs: { type: 'available' } })), {
    message: refusalText
  })
  t.same(it.encoded, ['ack undefined'])
  t.match(it.look(), { blocked: 1 })
})

t.test('a function is refused and counted; one that the page needs works', async (t) => {
  const it = rig()
  t.throws(() => it.script(`require('WAWebUpdateUnreadChatAction').sendSeen()`), {
    message: refusalText
  })
  t.equal(it.script(`require('WAWebUpdateUnreadChatAction').updateUnreadCountMD()`), 'counted')
  t.same(it.counts, [
    { tag: 'function', type: 'WAWebUpdateUnreadChatAction.sendSeen', isAllowed: false, count: 1 }
  ])
})

t.test('what the states mean', async (t) => {
  const holds = {
    blocked: 0,
    armed: 9,
    open: 0,
    seesModules: true,
    wire: { state: 'in_force', reason: '' }
  } as const
  const absent = { state: 'absent', reason: 'it has made no module WAWap' } as const
  const open = { state: 'open', reason: 'x' } as const

  t.same(judgeGuard(holds, true), { wire: 'in_force', modules: 'in_force' })
  t.match(judgeGuard(undefined, false), { unsafe: /send guard is not in the page/ })
  t.match(judgeGuard({ ...holds, wire: absent, armed: 0 }, false), {
    wire: 'absent',
    modules: 'absent',
    unsafe: /does not hold/
  })
  t.match(judgeGuard({ ...holds, wire: open }, false), { unsafe: /fence on the wire is open/ })
  t.match(judgeGuard({ ...holds, open: 1 }, false), { modules: 'open', unsafe: /1 functions/ })
  t.match(judgeGuard({ ...holds, seesModules: false }, false), {
    modules: 'open',
    unsafe: /loader/
  })
  for (const look of [
    { ...holds, wire: absent },
    { ...holds, armed: 0 }
  ]) {
    t.match(judgeGuard(look, false), { limited: /one of the two fences/, unsafe: undefined })
    t.match(judgeGuard(look, true), { unsafe: /GUARD=strict/ })
  }
})

t.test('counts that the page made up do no harm', async (t) => {
  t.same(readCounts('x'), [])
  t.same(
    readCounts([
      null,
      5,
      {},
      { tag: 'a', type: 'b', isAllowed: 1, count: 1 },
      { tag: 'a', type: 'b', isAllowed: true, count: -1 },
      { tag: 'a', type: 'b', isAllowed: true, count: 1e9 }
    ]),
    []
  )
  t.same(
    readCounts([{ tag: '5215512345678', type: { toString: 'x' }, isAllowed: true, count: 2 }]),
    [{ tag: 'other', type: 'other', isAllowed: true, count: 2 }]
  )
})
