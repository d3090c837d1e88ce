import t from 'tap'
import { pageContract, type Need } from '../../../src/session-manager/whatsapp/page-contract.ts'
import {
  lookInPage,
  verdicts,
  whatIsLimited,
  whyNotReady,
  type PageLook
} from '../../../src/session-manager/whatsapp/page-look.ts'

const scope = globalThis as unknown as Record<string, unknown>
const needs: Need[] = [
  { module: 'A', members: ['x.y', 'f'], part: 'link' },
  { module: 'B', members: [], part: 'media' }
]

t.test(
  'a look names what is missing, calls nothing, and takes a field without a value for there',
  async (t) => {
    const before = scope['require']
    t.teardown(() => {
      scope['require'] = before
      delete scope['Debug']
      delete scope['document']
    })
    scope['Debug'] = { VERSION: '2.3000.1' }
    const f = (): never => t.fail('called') as never
    scope['require'] = (name: string): unknown => {
      if (name === 'A') return { x: { y: null }, f }
      throw new Error(`Requiring unknown module "${name}"`)
    }
    t.same(lookInPage(needs), { shown: true, version: '2.3000.1', missing: [[], ['']] })
    scope['require'] = (name: string): unknown => (name === 'A' ? { x: null } : {})
    t.same(lookInPage(needs), { shown: true, version: '2.3000.1', missing: [['x.y', 'f'], []] })
    scope['document'] = { readyState: 'loading' }
    t.match(lookInPage(needs), { shown: false }, 'while it is being read')
    scope['document'] = { readyState: 'interactive' }
    t.match(lookInPage(needs), { shown: true })
    delete scope['Debug']
    scope['require'] = undefined
    t.match(lookInPage(needs), { shown: false, version: null })
  }
)

t.test('what is missing is not told of where another place has it', async (t) => {
  const before = scope['require']
  t.teardown(() => void (scope['require'] = before))
  const either: Need[] = [{ module: 'A', members: ['f'], or: ['B.Bus.f', 'C.Cmd.f'], part: 'qr' }]
  const modules: Record<string, unknown> = {}
  scope['require'] = (name: string): unknown => {
    if (name in modules) return modules[name]
    throw new Error(`Requiring unknown module "${name}"`)
  }
  const missing = (): string[][] => lookInPage(either).missing

  t.same(missing(), [['']])
  modules['B'] = { Bus: {} }
  t.same(missing(), [['']])
  modules['C'] = { Cmd: { f: () => undefined } }
  t.same(missing(), [[]])
  modules['A'] = { f: () => undefined }
  t.same(missing(), [[]])
})

const look = (
  missing: PageLook['missing'],
  failed: PageLook['failed'] = [],
  version: string | null = '2.3000.1'
): PageLook => ({ version, missing, failed })

t.test('what is missing, in words', async (t) => {
  const both = look([
    { name: 'WAWebSocketModel.Socket.on', part: 'link' },
    { name: 'WABase64', part: 'link' },
    { name: 'WABase64', part: 'qr' }
  ])
  t.equal(
    whyNotReady(both, 'linked'),
    'WhatsApp Web 2.3000.1 has changed: WAWebSocketModel has no Socket.on; its module WABase64 is missing'
  )
  t.equal(whyNotReady(both, 'ready'), undefined, 'what READY shows to be there is not asked again')
  const qr = look([{ name: 'WAWebConnModel.Conn.ref', part: 'qr' }])
  t.equal(whyNotReady(qr, 'linked'), undefined)
  t.equal(
    whyNotReady(qr, 'unlinked'),
    'WhatsApp Web 2.3000.1 has changed: WAWebConnModel has no Conn.ref'
  )
  t.equal(
    whatIsLimited(qr),
    'WhatsApp Web 2.3000.1 has changed: WAWebConnModel has no Conn.ref: no phone can be linked anew'
  )
  t.equal(
    whyNotReady(look([], [], null), 'linked'),
    'WhatsApp Web has changed: its page has no window.Debug.VERSION'
  )
  t.same([whyNotReady(look([]), 'unlinked'), whatIsLimited(look([]))], [undefined, undefined])
  t.ok(pageContract.length > 30)
})

t.test(
  'a check that fails is told in words; without our own listeners the session may not be READY',
  async (t) => {
    const deaf = look([], [{ check: 'own listeners' }])
    t.equal(
      whyNotReady(deaf, 'ready'),
      'WhatsApp Web 2.3000.1 has changed: LeadMaster cannot listen to its messages'
    )
    t.equal(
      whyNotReady(deaf, 'linked'),
      undefined,
      'the page may not have made its collections yet'
    )

    const odd = look(
      [],
      [{ check: 'message key', detail: 'its fields: $1, fromMe' }, { check: 'vote hook' }]
    )
    t.equal(whyNotReady(odd, 'ready'), undefined)
    t.equal(
      whatIsLimited(odd),
      'WhatsApp Web 2.3000.1 has changed: the ids of messages have another form (its fields: $1, fromMe); votes in polls are not captured'
    )
    t.match(verdicts(odd), {
      'message key': /another form/,
      'vote hook': /votes/,
      'contact id': 'ok',
      'own listeners': 'ok'
    })

    const library = look(
      [{ name: 'WAWebCollections.Msg.on', part: 'library' }],
      [{ check: 'library listeners' }]
    )
    t.equal(whatIsLimited(library)?.match(/does not hear/g)?.length, 1, 'one cause is told once')
  }
)
