import t from 'tap'
import {
  checkInPage,
  isQrText,
  socketStates
} from '../../../src/session-manager/whatsapp/page-checks.ts'
import { inPage } from './in-page.ts'

const key = 'A'.repeat(44)
const ref = `2@${'B'.repeat(60)}`

t.test('the text of a QR is known in both its forms, and nothing else', async (t) => {
  for (const good of [
    `${ref},${key},${key},${key},1`,
    `https://wa.me/settings/linked_devices#${ref},${key},${key},${key},CHROME`
  ])
    t.ok(isQrText(good))
  for (const odd of [
    `${ref},${key},${key},[object Promise],1`,
    `${ref},${key},${key},${key},undefined`,
    `undefined,${key},${key},${key},1`,
    ''
  ])
    t.notOk(isQrText(odd), odd)
})

interface Facts {
  text?: string
  carried?: string
  model?: object
  found?: boolean
  messages?: boolean
  isNewMsg?: boolean
  state?: string
  ear?: object
}
/**
 * What the checks find on a page with one chat and one message, given as its own code would have
 * it.
 */
const found = ({
  text = 'false_1@c.us_A',
  carried = text,
  model,
  found = true,
  messages = true,
  isNewMsg = true,
  state = 'CONNECTED',
  ear
}: Facts): { check: string; detail?: string }[] => {
  const message = {
    id: { _serialized: carried, remote: '1@c.us', toString: () => text },
    t: 5,
    type: 'chat',
    from: '1@c.us',
    ...(isNewMsg ? { isNewMsg: false } : {})
  }
  const wid = (id: string) => ({
    _serialized: id,
    user: '0',
    server: 'c.us',
    toString: () => id,
    toJSON: () => id
  })
  const modules: Record<string, unknown> = {
    WAWebCollections: {
      Msg: { get: () => (found ? message : undefined) },
      Chat: {
        getModelsArray: () => [
          { t: 5, msgs: { getModelsArray: () => (messages ? [message] : []) } }
        ]
      }
    },
    WAWebSocketModel: { Socket: { state } },
    WAWebWidFactory: { createWid: wid }
  }
  const { world, run } = inPage({
    require: (name: string) => modules[name],
    WWebJS: { getMessageModel: () => model ?? message }
  })
  const all = { messages: true, reactions: true, votes: true, libraryListeners: 1, ...ear }
  Object.defineProperty(world, Symbol.for('leadmaster.ear'), { value: { check: () => all } })
  return run(checkInPage as never, socketStates)
}
const names = (facts: Facts): string[] => found(facts).map(({ check }) => check)

t.test('a page that does what it should passes all checks', async (t) => {
  t.same(names({}), [])
})

t.test('each thing that it does otherwise is found', async (t) => {
  t.same(names({ carried: 'something else' }), ['message key'])
  t.same(names({ found: false }), ['lookup by id'])
  t.match(found({ model: { id: { _serialized: 'x', remote: '1@c.us' }, t: 5 } }), [
    { check: 'message model', detail: 'no from, type' }
  ])
  t.match(found({ isNewMsg: false }), [{ check: 'message model', detail: 'no isNewMsg' }])
  t.same(
    names({ messages: false }),
    ['readable messages'],
    'chats without messages: blind, not "nothing new"'
  )
  t.same(names({ state: 'RETIRED' }), ['socket state'])
  for (const state of ['PROXYBLOCK', 'SCREEN_LOCKED']) t.same(names({ state }), [])
  t.same(names({ ear: { messages: false } }), ['own listeners'])
  t.same(names({ ear: { votes: false, reactions: false } }), ['reaction hook', 'vote hook'])
  t.same(names({ ear: { libraryListeners: 0 } }), ['library listeners'])
})

t.test('what is found names fields, and no value of a message', async (t) => {
  t.match(found({ carried: 'secret' }), [
    { check: 'message key', detail: 'its fields: _serialized, remote, toString' }
  ])
})
