import t from 'tap'
import { pageContract, type Need } from '../../../src/session-manager/whatsapp/page-contract.ts'
import { lookInPage, whatIsLimited, whyNotReady, type PageLook } from '../../../src/session-manager/whatsapp/page-look.ts'

const scope = globalThis as unknown as Record<string, unknown>
const needs: Need[] = [
  { module: 'A', members: ['x.y', 'f'], part: 'link' },
  { module: 'B', members: [], part: 'media' }
]

t.test('a look names what is missing, calls nothing, and takes a field without a value for there', async (t) => {
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
})

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

t.test('what is missing, in words', async (t) => {
  const look = (missing: PageLook['missing'], version: string | null = '2.3000.1'): PageLook => ({ version, missing })
  const both = look([{ name: 'WAWebCollections.Msg.on', part: 'link' }, { name: 'WALinkify', part: 'capture' }, { name: 'WALinkify', part: 'capture' }])
  t.equal(whyNotReady(both, 'linked'), 'WhatsApp Web 2.3000.1 has changed: WAWebCollections has no Msg.on; its module WALinkify is missing')
  t.equal(whyNotReady(both, 'ready'), 'WhatsApp Web 2.3000.1 has changed: its module WALinkify is missing', 'what READY shows to be there is not asked again')
  const qr = look([{ name: 'WAWebConnModel.Conn.ref', part: 'qr' }])
  t.equal(whyNotReady(qr, 'linked'), undefined)
  t.equal(whyNotReady(qr, 'unlinked'), 'WhatsApp Web 2.3000.1 has changed: WAWebConnModel has no Conn.ref')
  t.equal(whatIsLimited(qr), 'WhatsApp Web 2.3000.1 has changed: WAWebConnModel has no Conn.ref: no phone can be linked anew')
  t.equal(whyNotReady(look([], null), 'linked'), 'WhatsApp Web has changed: its page has no window.Debug.VERSION')
  t.same([whyNotReady(look([]), 'unlinked'), whatIsLimited(look([]))], [undefined, undefined])
  t.ok(pageContract.length > 30)
})
