import t from 'tap'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import {
  installStanzaRules,
  wireRules,
  type StanzaRules,
  type Verdict
} from '../../../src/session-manager/whatsapp/wire-rules.ts'
import { inPage, type InPage } from './in-page.ts'
import { loader } from './page-loader.ts'

const withRules = (): InPage & { judge: (stanza: unknown) => Verdict } => {
  const it = inPage()
  it.run(installModuleHook as never)
  it.run(installStanzaRules as never, wireRules)
  return {
    ...it,
    judge: (stanza) =>
      (it.world[Symbol.for('leadmaster.rules') as unknown as string] as StanzaRules).judge(stanza)
  }
}
type Attributes = Record<string, unknown>
const node = (tag: string, attrs: Attributes = {}, content: unknown = null): object => ({
  tag,
  attrs,
  content
})
/** An address as WhatsApp Web has it, which is no text. */
const jid = (text: string): object => ({ toString: () => text })
const dropped = { sentinel: 'DROP_ATTR' }

const allowed: readonly [string, object, string][] = [
  ['a ping', node('iq', { type: 'get', xmlns: 'w:p' }), 'get w:p'],
  ['who has WhatsApp', node('iq', { type: 'get', xmlns: 'usync' }), 'get usync'],
  ['an answer to the server', node('iq', { type: 'result', to: jid('s.whatsapp.net') }), 'result'],
  ['keys', node('iq', { type: 'set', xmlns: 'encrypt' }), 'set encrypt'],
  [
    'to be sent what waits',
    node('iq', { type: 'set', xmlns: 'passive' }, [node('active')]),
    'set passive'
  ],
  ['where media are', node('iq', { type: 'set', xmlns: 'w:m' }, [node('media_conn')]), 'set w:m'],
  [
    'push',
    node('iq', { type: 'set', xmlns: 'urn:xmpp:whatsapp:push' }),
    'set urn:xmpp:whatsapp:push'
  ],
  ['statistics', node('iq', { type: 'set', xmlns: 'w:stats' }), 'set w:stats'],
  [
    'dirty bits',
    node('iq', { type: 'set', xmlns: 'urn:xmpp:whatsapp:dirty' }),
    'set urn:xmpp:whatsapp:dirty'
  ],
  [
    'reading app state',
    node('iq', { type: 'set', xmlns: 'w:sync:app:state' }, [
      node('sync', {}, [node('collection', { name: 'regular', version: '3' })])
    ]),
    'set w:sync:app:state'
  ],
  [
    'linking by a code',
    node('iq', { type: 'set', xmlns: 'md' }, [node('link_code_companion_reg')]),
    'set md'
  ],
  [
    'unlinking this device',
    node('iq', { type: 'set', xmlns: 'md' }, [node('remove-companion-device')]),
    'set md'
  ],
  ['an ack', node('ack', { class: 'message', to: jid('5215512345678@s.whatsapp.net') }), 'none'],
  ['an ack of a read receipt', node('ack', { class: 'receipt', type: 'read' }), 'read'],
  ['a delivery receipt', node('receipt', { to: jid('5215512345678@s.whatsapp.net') }), 'none'],
  ['a delivery receipt whose type is left out', node('receipt', { type: dropped }), 'none'],
  ['a retry receipt', node('receipt', { type: 'retry' }), 'retry'],
  ['media that are asked for again', node('receipt', { type: 'server-error' }), 'server-error'],
  ['history that was read', node('receipt', { type: 'hist_sync' }), 'hist_sync'],
  ['not being online', node('presence', { type: 'unavailable' }), 'unavailable'],
  ['what the server waits for', node('ib', {}, [node('offline_batch', { count: '30' })]), 'none'],
  ['what the call engine reads', node('offer', { 'call-id': 'X' }), 'none']
]
const refused: readonly [string, unknown, Partial<Verdict>][] = [
  [
    'being online',
    node('presence', { type: 'available', name: 'Ana' }),
    { tag: 'presence', type: 'available' }
  ],
  ['being online by no type', node('presence'), { tag: 'presence', type: 'none' }],
  [
    "watching somebody's presence",
    node('presence', { type: 'subscribe', to: jid('5215512345678@s.whatsapp.net') }),
    { tag: 'presence', type: 'subscribe' }
  ],
  [
    'typing',
    node('chatstate', { to: jid('5215512345678@s.whatsapp.net') }, [node('composing')]),
    { tag: 'chatstate', type: 'none' }
  ],
  [
    'a message',
    node('message', { type: 'text', to: jid('5215512345678@s.whatsapp.net') }),
    { tag: 'message', type: 'text' }
  ],
  [
    'a peer message while the own addresses are unknown',
    node('message', { category: 'peer', type: 'text', to: jid('5215512345678@s.whatsapp.net') }),
    { tag: 'message', type: 'peer' }
  ],
  [
    'a message of another category',
    node('message', { category: 'high', type: 'media' }),
    { tag: 'message', type: 'media' }
  ],
  ['a read receipt', node('receipt', { type: 'read' }), { tag: 'receipt', type: 'read' }],
  [
    'a read receipt among the own devices',
    node('receipt', { type: 'read-self' }),
    { tag: 'receipt', type: 'read-self' }
  ],
  ['a played receipt', node('receipt', { type: 'played' }), { tag: 'receipt', type: 'played' }],
  ["a status' view", node('receipt', { type: 'view' }), { tag: 'receipt', type: 'view' }],
  [
    'a call',
    node('call', { to: jid('5215512345678@s.whatsapp.net') }, [node('reject')]),
    { tag: 'call' }
  ],
  [
    'writing app state',
    node('iq', { type: 'set', xmlns: 'w:sync:app:state' }, [
      node('sync', {}, [
        node('collection', { name: 'regular' }, [node('patch', {}, new Uint8Array(3))])
      ])
    ]),
    { type: 'set w:sync:app:state patch' }
  ],
  [
    'writing app state by another type',
    node('iq', { type: 'get', xmlns: 'w:sync:app:state' }, [node('sync', {}, [node('patch')])]),
    { tag: 'iq' }
  ],
  ['privacy settings', node('iq', { type: 'set', xmlns: 'privacy' }), { type: 'set privacy' }],
  [
    'the own picture',
    node('iq', { type: 'set', xmlns: 'w:profile:picture' }),
    { type: 'set w:profile:picture' }
  ],
  ['the own text', node('iq', { type: 'set', xmlns: 'status' }), { type: 'set status' }],
  ['a group', node('iq', { type: 'set', xmlns: 'w:g2' }), { type: 'set w:g2' }],
  ['blocking', node('iq', { type: 'set', xmlns: 'blocklist' }), { type: 'set blocklist' }],
  ['reporting', node('iq', { type: 'set', xmlns: 'spam' }), { type: 'set spam' }],
  ['accepting terms', node('iq', { type: 'set', xmlns: 'tos' }), { type: 'set tos' }],
  ['an unknown namespace', node('iq', { type: 'set', xmlns: 'w:new' }), { type: 'set w:new' }],
  ['no namespace', node('iq', { type: 'set' }), { type: 'set none' }],
  ['no type', node('iq', { xmlns: 'w:p' }), { type: 'none w:p' }],
  [
    "a copy of the account's data",
    node('iq', { type: 'get', xmlns: 'urn:xmpp:whatsapp:account' }, [
      node('gdpr', { action: 'request' })
    ]),
    { tag: 'iq' }
  ],
  [
    'GraphQL of which nothing is known',
    node('iq', { type: 'get', xmlns: 'w:mex' }, [node('query', { query_id: '123' })]),
    { type: 'get w:mex' }
  ],
  ['an unknown stanza', node('broadcast5215512345678'), { tag: 'other' }],
  ['nothing', undefined, { tag: 'other' }],
  ['a text', 'presence', { tag: 'other' }],
  [
    'what throws',
    {
      get tag() {
        throw new Error('no')
      }
    },
    { tag: 'other', type: 'unreadable' }
  ]
]

t.test('what a listening page must send is allowed', async (t) => {
  const { judge } = withRules()
  for (const [name, stanza, type] of allowed)
    t.match(judge(stanza), { isAllowed: true, type, tag: (stanza as { tag: string }).tag }, name)
})

t.test('all else is refused', async (t) => {
  const { judge } = withRules()
  for (const [name, stanza, label] of refused)
    t.match(judge(stanza), { ...label, isAllowed: false }, name)
})

t.test('a label never holds content', async (t) => {
  const { judge } = withRules()
  for (const text of ['5215512345678', 'Hola, ¿cómo estás?', 'a'.repeat(41), '', '<x>']) {
    for (const stanza of [
      node('message', { type: text }),
      node('iq', { type: 'set', xmlns: text }),
      node(text || 'x', { type: text })
    ]) {
      const { tag, type } = judge(stanza)
      t.notOk(`${tag} ${type}`.includes(text) && text !== '', `${tag} ${type}`)
    }
  }
})

t.test('GraphQL is allowed where the page said before that it reads', async (t) => {
  const it = withRules()
  it.script(loader)
  it.script(
    `__d('WAWebMexRelayEnvironment', [], function (a, b, c, d, e, f, g) { g.fetchFunc = function (operation, variables) { return 'asked ' + operation.id } }, 98)`
  )
  const ask = (id: string, operationKind: string, name: string): unknown =>
    it.script(
      `require('WAWebMexRelayEnvironment').fetchFunc({ id: '${id}', operationKind: '${operationKind}', name: '${name}' }, {})`
    )
  const query = (id: string): object =>
    node('iq', { type: 'get', xmlns: 'w:mex' }, [node('query', { query_id: id })])

  t.equal(
    ask('1', 'query', 'WAWebMexFetchGroupInfoJobQuery'),
    'asked 1',
    "the page's function works"
  )
  ask('2', 'mutation', 'WAWebMexJoinNewsletterJobMutation')
  ask('3', 'mutation', 'WAWebMexIntegrityChallengeResponseMutation')

  t.match(
    ['1', '2', '3', '4'].map((id) => it.judge(query(id)).isAllowed),
    [true, false, true, false]
  )
})

t.test('a peer message goes to the own devices alone, by number and by LID', async (t) => {
  const it = withRules()
  it.script(loader)
  it.script(`me = {}; __d('WAWebUserPrefsMeUser', [], function (a, b, c, d, e, f, g) {
    g.getMaybeMePnUser = function () { return me.number }
    g.getMaybeMeLidUser = function () { if (me.lid === undefined) throw new Error('no'); return me.lid }
  }, 98)`)
  it.script(`require('WAWebUserPrefsMeUser')`)
  const isAllowed = (to?: string): boolean =>
    it.judge(
      node('message', {
        category: 'peer',
        type: 'text',
        to: to === undefined ? undefined : jid(to)
      })
    ).isAllowed
  const own = [
    '5215512345678@s.whatsapp.net',
    '5215512345678:3@s.whatsapp.net',
    '5215512345678:99@hosted',
    '5215512345678@c.us'
  ]
  const ownLids = ['77001@lid', '77001:3@lid', '77001:99@hosted.lid']
  const others = [
    undefined,
    '',
    '5215599999999@s.whatsapp.net',
    '55215512345678@s.whatsapp.net',
    '77001@s.whatsapp.net',
    '5215512345678@lid',
    '5215512345678@g.us',
    '1-5215512345678:1@interop',
    's.whatsapp.net',
    'undefined'
  ]

  t.same(
    [...own, ...ownLids, ...others].filter(isAllowed),
    [],
    'nobody, before the account is known'
  )
  it.script(`me.number = { toString: function () { return '5215512345678@c.us' } }`)
  t.same([...own, ...ownLids, ...others].filter(isAllowed), own, 'the number')
  it.script(`me.lid = { toString: function () { return '77001@lid' } }`)
  t.same([...own, ...ownLids, ...others].filter(isAllowed), [...own, ...ownLids], 'and the LID')
})
