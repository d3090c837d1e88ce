import t from 'tap'
import { installEar, type Ear } from '../../../src/session-manager/whatsapp/ear.ts'
import { installIdShim } from '../../../src/session-manager/whatsapp/id-shim.ts'
import { installModuleHook } from '../../../src/session-manager/whatsapp/module-hook.ts'
import { inPage } from './in-page.ts'

/**
 * A page with our own listeners and hooks in it. Its votes are stored by a function that the test
 * gives.
 */
const pageOf = (store: (rows: unknown[]) => unknown) => {
  const told: unknown[][] = []
  const differences: string[] = []
  const it = inPage({
    setTimeout,
    queueMicrotask,
    told: (...args: unknown[]) => void told.push(args),
    difference: (kind: string) => void differences.push(kind)
  })
  it.run(installModuleHook as never)
  it.run(installIdShim as never)
  it.run(installEar as never, { report: 'told', difference: 'difference' })
  const listeners: Record<string, ((...args: unknown[]) => void)[]> = {}
  const Msg = {
    on: (name: string, listener: (...args: unknown[]) => void) =>
      void (listeners[name] ??= []).push(listener),
    get: (id: string) =>
      id === 'true_1@c.us_P'
        ? {
            pollOptions: [
              { localId: 0, name: 'Monday' },
              { localId: 1, name: 'Friday' }
            ]
          }
        : undefined,
    getMessagesById: async () => ({ messages: [] })
  }
  const votes = { upsertVotesDb: store }
  const modules: Record<string, unknown> = {
    WAWebCollections: { Msg },
    WAWebDBPollsUpsertVotes: votes
  }
  it.world['require'] = (name: string) => modules[name]
  const require = it.world['require'] as (name: string) => unknown
  for (const name of Object.keys(modules)) require(name)
  const ear = it.run(
    (() => (globalThis as unknown as Record<symbol, Ear>)[Symbol.for('leadmaster.ear')]) as never
  ) as unknown as Ear
  const happens = (name: string, ...args: unknown[]): void => {
    for (const listener of listeners[name] ?? []) listener(...args)
  }
  return { ear, told, differences, votes, happens, Msg }
}
const message = (id: string, facts: object = {}) => ({
  id: { toString: () => id },
  type: 'chat',
  isNewMsg: true,
  body: 'Hola',
  ...facts
})
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))
const vote = (facts: object = {}) => ({
  msgKey: 'false_1@c.us_V',
  parentMsgKey: 'true_1@c.us_P',
  sender: '1@c.us',
  selectedOptionLocalIds: [1],
  senderTimestampMs: 5,
  ...facts
})

t.test(
  'what the library tells in the same turn is not told twice; what it does not tell is, and counted',
  async (t) => {
    const { ear, told, differences, happens } = pageOf(() => undefined)
    ear.begin()

    happens('add', message('false_1@c.us_A'))
    ear.heardByLibrary('onAddMessageEvent', [{ id: { _serialized: 'false_1@c.us_A' } }])
    await turn()
    t.same([told, differences], [[], []])

    happens('add', message('false_1@c.us_B'))
    await turn()
    t.match(told, [['message', { body: 'Hola', id: { _serialized: 'false_1@c.us_B' } }]])
    t.same(differences, ['library_missed_message'])

    ear.heardByLibrary('onAddMessageEvent', [{ id: { _serialized: 'false_1@c.us_C' } }])
    await turn()
    t.same(differences.slice(1), ['ear_missed_message'])
  }
)

t.test(
  'what was there before anybody listened is not new, and the library has its own say about edits of what was deleted',
  async (t) => {
    const { ear, told, differences, happens } = pageOf(() => undefined)
    happens('add', message('false_1@c.us_A'))
    ear.begin()
    happens('add', message('false_1@c.us_B', { isNewMsg: false }))
    happens('change:body', message('false_1@c.us_C', { type: 'revoked' }))
    ear.heardByLibrary('onEditMessageEvent', [
      { id: { _serialized: 'false_1@c.us_C' }, type: 'revoked' }
    ])
    await turn()
    t.same([told, differences], [[], []])
  }
)

t.test(
  'a call is heard although the page does not say that it is new, and again when it ends',
  async (t) => {
    const { ear, told, differences, happens } = pageOf(() => undefined)
    ear.begin()
    const now = Date.now() / 1_000
    const call = message('false_1@c.us_A', {
      type: 'call_log',
      isNewMsg: undefined,
      callOutcome: 'Ongoing',
      t: now
    })
    const old = message('false_1@c.us_B', {
      type: 'call_log',
      isNewMsg: undefined,
      callOutcome: 'Missed',
      t: now - 86_400
    })

    happens('add', call)
    happens('add', old)
    await turn()
    t.match(told, [['message', { type: 'call_log', id: { _serialized: 'false_1@c.us_A' } }]])

    Object.assign(call, { finalCallOutcome: 'Completed', callDuration: 61 })
    happens('change:finalCallOutcome', call, 'Completed')
    happens('change:callDuration', call, 61)
    happens('change:callDuration', message('false_1@c.us_C', { t: now }), 61)
    await turn()
    t.match(told.slice(1), [
      ['message', { type: 'call_log', id: { _serialized: 'false_1@c.us_A' } }]
    ])
    t.equal(told.length, 2, 'once for all that changed in one turn')
    t.same(differences, [], 'the library tells of no call, on any page')
  }
)

t.test(
  'a message that has just come is heard where the page no longer says that it is new',
  async (t) => {
    const { ear, told, happens } = pageOf(() => undefined)
    ear.begin()
    const { isNewMsg: _isNewMsg, ...unmarked } = message('false_1@c.us_A')
    happens('add', { ...unmarked, t: Date.now() / 1_000 })
    happens('add', { ...unmarked, id: { toString: () => 'false_1@c.us_B' }, t: 5 })
    await turn()
    t.match(told, [['message', { id: { _serialized: 'false_1@c.us_A' } }]])
    t.equal(told.length, 1, 'an old one is of the history')
  }
)

t.test(
  'the page stores each vote itself: its function is called first, and its result and its error are its own',
  async (t) => {
    const calls: unknown[][] = []
    const result = Promise.resolve('stored')
    const { ear, told, votes } = pageOf((rows) => (calls.push(rows), result))
    ear.begin()
    const rows = [vote()]

    t.equal(votes.upsertVotesDb(rows), result, 'the very promise')
    t.equal(calls[0], rows, 'the very rows, before anything was awaited')
    t.match(told, [
      [
        'vote',
        {
          parentMsgKey: 'true_1@c.us_P',
          voter: '1@c.us',
          interractedAtTs: 5,
          selectedOptions: [{ localId: 1, name: 'Friday' }]
        }
      ]
    ])

    const failing = pageOf(() => {
      throw new Error('the database is full')
    })
    failing.ear.begin()
    t.throws(() => failing.votes.upsertVotesDb([vote(), null, 5, {}]), {
      message: 'the database is full'
    })
    t.equal(
      failing.told.length,
      1,
      'the vote is told all the same, and rows that are none do no harm'
    )
  }
)

t.test(
  'options of a poll that is not to be found are told by their places; what is put over our hook is left out',
  async (t) => {
    const { ear, told, votes } = pageOf(() => undefined)
    ear.begin()
    votes.upsertVotesDb = () => t.fail('the library awaits before it calls the original')

    votes.upsertVotesDb([vote({ parentMsgKey: 'true_1@c.us_X' })])
    await turn()

    t.match(told, [['vote', { selectedOptions: [{ name: '#2' }] }]])
    t.match(ear.check(), { messages: true, votes: true })
  }
)

t.test('only listeners that the library puts on while it attaches count as its own', async (t) => {
  const { ear, Msg } = pageOf(() => undefined)
  t.equal(ear.check().libraryListeners, 0, 'ours do not count')
  ear.attaching(true)
  Msg.on('remove', () => undefined)
  ear.attaching(false)
  Msg.on('add', () => undefined)
  t.equal(
    ear.check().libraryListeners,
    0,
    'a module of the page that loads late hides no deaf library'
  )

  ear.attaching(true)
  Msg.on('add', () => undefined)
  ear.attaching(false)
  t.equal(ear.check().libraryListeners, 1)
})
