import t, { type Test } from 'tap'
import type { Message } from '../../src/contract/lead.ts'
import { isOfAPerson } from '../../src/contract/message-types.ts'
import type { MessageKey } from '../whatsapp-web/models.ts'
import { fixtures, type Fixture } from '../session-manager/whatsapp/fixtures.ts'
import { worldOf, type World } from './eras.ts'
import { withStack, type Stack, type StackOptions } from './stack.ts'

/** Every fixture on its way: the page of today, whatsapp-web.js, the journal, the hub, REST. */

t.setTimeout(900_000)

/** Rows of tables, not messages: the simulated phone reacts and votes instead. */
const rows = new Set(['reaction-table', 'poll-vote-legacy'])
const own = { phone: '5215500000001@c.us', lid: '100000000000001@lid' }

interface Placed extends Fixture {
  /** Its serialized id in REST. */
  id: string
}

/** The fixture with an id of its own and the ids of the account that the simulation has. */
const place = (one: Fixture, index: number, me: { id: string; lid: string }): Placed => {
  const { id: stanza } = one.raw['id'] as MessageKey
  const unique = `3A${index.toString().padStart(4, '0')}${stanza.slice(-14)}`
  const text = JSON.stringify({ raw: one.raw, expect: one.expect })
    .replaceAll(stanza, unique)
    .replaceAll(own.phone, me.id)
    .replaceAll(own.lid, me.lid)
  const { raw, expect } = JSON.parse(text) as Pick<Fixture, 'raw' | 'expect'>
  const { fromMe, remote, id, participant } = raw['id'] as MessageKey
  const key = { fromMe, remote, id, ...(participant === undefined ? {} : { participant }) }
  return {
    name: one.name,
    // A call is heard while it is new by its time.
    raw: {
      ...raw,
      id: key,
      ...(raw['type'] === 'call_log' ? { t: Math.floor(Date.now() / 1_000) } : {})
    },
    expect,
    id: [fromMe, remote, id, ...(participant === undefined ? [] : [participant])].join('_')
  }
}

type Check = (t: Test, message: Message, expected: unknown, raw: Fixture['raw']) => void

/** What an `expect` says that is not simply a field of the message in REST. */
const checks: Readonly<Record<string, Check>> = {
  notice: (t, { type, personal }) => {
    t.notOk(isOfAPerson(type), `${type} is of no person`)
    t.notOk(personal, 'nobody waits for an answer to it')
  },
  ciphertext: (t, { decryption, phone_only }, expected) => {
    const isAwaited = expected === true
    t.match(decryption, isAwaited ? /pending|failed/ : 'failed')
    t.equal(phone_only === undefined, isAwaited, 'told whether it is for the phone only')
  },
  media: (t, { media }, expected) => {
    const { state: _state, ...facts } = (expected ?? {}) as Record<string, unknown>
    if (expected === null) t.equal(media, null)
    else t.match(media, facts)
  },
  has_media: (t, { media }, expected) => t.equal(media !== null, expected),
  contacts: (t, { contacts }, expected, raw) =>
    t.same(contacts, raw['type'] === 'vcard' ? [raw['body']] : expected),
  // More may be known of a person than the message tells.
  lid: (t, { lid }, expected) => t.equal(lid, expected ?? lid),
  revoked: (t, { revoked_by }, expected) => t.equal(revoked_by, (expected as { by: string }).by),
  note: () => undefined,
  effect: () => undefined
}

const checkFixture = (t: Test, { id, raw, expect }: Placed, message: Message | undefined): void => {
  const isHidden = expect['ignore'] === true || raw['viewMode'] === 'HIDDEN'
  if (isHidden) return void t.equal(message, undefined, 'it is not captured')
  if (message === undefined) return void t.fail(`message ${id} is not in REST`)
  for (const [field, expected] of Object.entries(expect)) {
    const check = checks[field]
    if (check !== undefined) check(t, message, expected, raw)
    else t.match((message as Record<string, unknown>)[field], expected, field)
  }
  t.notMatch(JSON.stringify(message), '/9j/', 'no thumbnail is in it')
}

const sendAll = ({ web }: Stack): Placed[] => {
  const { me, raw } = web.phone
  web.phone.lid({ lid: '200000000000002@lid', phone: '5215500000002' })
  const messages = fixtures.filter(({ name }) => !rows.has(name))
  const placed = messages.map((one, index) => place(one, index, me))
  for (const { raw: facts } of placed) {
    const { remote } = facts['id'] as MessageKey
    raw({ from: remote, type: String(facts['type']), facts })
  }
  return placed
}

/** The rows of reactions and votes: the phone makes them as the fixtures have them. */
const checkRows = async (t: Test, { web, message }: World): Promise<void> => {
  const ana = '200000000000002@lid'
  const text = web.phone.text({ to: ana, text: 'how about Monday?' })
  const poll = web.phone.poll({ to: ana, question: 'When?', options: ['Yes', 'No'] })
  await message(text.id)
  await message(poll.id)
  web.phone.react({ from: ana, message: text.id, emoji: '👍' })
  web.phone.vote({ from: ana, poll: poll.id, options: ['Yes'] })
  const { reactions } = await message(text.id, ({ reactions: all }) => all.length > 0)
  t.match(reactions, [{ emoji: '👍', sender: /^(200000000000002@lid|5215500000002@c\.us)$/ }])
  const { votes } = await message(poll.id, ({ votes: all }) => all.length > 0)
  t.match(votes, [{ options: ['Yes'], voter: /^(200000000000002@lid|5215500000002@c\.us)$/ }])
}

const options: StackOptions = {
  scenario: { web: '2026-07' },
  sessionManagerEnv: { CAPTURE_BROADCASTS: 'yes' }
}

t.test('every fixture of the real page is in REST as it should be', (t) =>
  withStack(t, options, async (stack) => {
    const { web, hub, sessionManager, messages } = stack
    await hub.listening()
    const world = worldOf(stack, { ms: 0, codes: 0 })
    await web.scan()
    await sessionManager.daemon.seen('backfill')

    const placed = sendAll(stack)
    await world.message(web.phone.text({ from: '+5215512345678', text: 'the last one' }).id)
    const viewOnce = placed.find(({ name }) => name === 'view-once-phone-only')
    await world.message(viewOnce?.id ?? '', ({ decryption }) => decryption === 'failed')
    const inRest = new Map((await messages()).map((message) => [message.id, message]))

    t.ok(placed.length > 50, `${placed.length} fixtures`)
    for (const one of placed) {
      await t.test(`fixture ${one.name}`, async (t) => checkFixture(t, one, inRest.get(one.id)))
    }
    await t.test('fixtures reaction-table and poll-vote-legacy', (t) => checkRows(t, world))
  })
)
