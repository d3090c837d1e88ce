import t from 'tap'
import type { LeadState } from '../../src/contract/lead.ts'
import {
  automaticBy,
  isAfter,
  isClosing,
  isPersonal,
  mayWait,
  noWait,
  turnOf,
  waitOf,
  writtenAt,
  type Said,
  type Turn,
  type Unanswered
} from '../../src/contract/waiting.ts'

/**
 * The rule of who waits, message by message. Whole conversations:
 * test/central-hub/store/waiting.test.ts.
 */

const theirs: Said = { type: 'chat', from_me: false }
const ours: Said = { type: 'chat', from_me: true }
const call = (outcome: NonNullable<Said['call']>['outcome']): Pick<Said, 'type' | 'call'> => ({
  type: 'call_log',
  call: { outcome, video: false }
})

t.test('each message asks, answers, or does nothing', async (t) => {
  const rows: [string, Partial<Said>, Turn, Turn][] = [
    // what it is, its facts, what it does from them, what it does from us
    ['a text', {}, 1, 2],
    ['a photo', { type: 'image' }, 1, 2],
    ['one that is not decrypted', { type: 'ciphertext' }, 1, 2],
    ['one of a type that nobody knows yet', { type: 'hologram' }, 1, 2],
    ['one of which WhatsApp Web cannot tell what it is', { type: 'unknown' }, 1, 0],
    ['one that never left', { unsent: true }, 1, 0],
    ['one that left', { unsent: false }, 1, 2],
    ['a notice of WhatsApp', { type: 'e2e_notification' }, 0, 0],
    ['a message of a bot', { bot: true }, 0, 0],
    ['one of no bot', { bot: false }, 1, 2],
    ['an automatic reply', { automatic: true }, 0, 0],
    ['one that is not automatic', { automatic: false }, 1, 2],
    ['a deleted one, as WhatsApp Web shows it', { type: 'revoked' }, 0, 0],
    ['one that its sender deleted', { revoked_by: 'sender' }, 0, 0],
    ['one that this account deleted for itself', { revoked_by: 'me' }, 1, 2],
    ['one that nobody deleted', { revoked_by: null }, 1, 2],
    ['a call that was taken', call('answered'), 2, 2],
    ['a call that was missed', call('missed'), 1, 0],
    ['a call that was rejected', call('rejected'), 1, 0],
    ['a call that was given up', call('canceled'), 1, 0],
    ['a call of which the end is not known', call('unknown'), 1, 0],
    ['a call without a word of its end', { type: 'call_log' }, 1, 0],
    ['a call that its sender deleted', { ...call('answered'), revoked_by: 'sender' }, 0, 0]
  ]
  for (const [what, facts, fromThem, fromUs] of rows) {
    t.equal(turnOf({ ...theirs, ...facts }), fromThem, `${what}, theirs`)
    t.equal(turnOf({ ...ours, ...facts }), fromUs, `${what}, ours`)
  }
})

t.test('a person ends a wait at any message, whatever it is', async (t) => {
  const messages: Said[] = [
    theirs,
    ours,
    { ...theirs, type: 'e2e_notification' },
    { ...theirs, revoked_by: 'sender' }
  ]
  for (const message of messages) {
    const otherwise = turnOf(message)
    for (const end of ['isHandled', 'isClosed', 'isAcknowledged'] as const) {
      t.equal(turnOf({ ...message, ends: { [end]: true } }), 3, end)
      t.equal(turnOf({ ...message, ends: { [end]: false } }), otherwise, `not ${end}`)
    }
    t.equal(turnOf({ ...message, ends: {} }), otherwise)
  }
})

t.test(
  'a person wrote what is of no bot, not automatic, and of a type that persons write',
  async (t) => {
    t.equal(isPersonal({ type: 'chat' }), true)
    t.equal(isPersonal({ type: 'chat', bot: true }), false)
    t.equal(isPersonal({ type: 'chat', automatic: true }), false)
    t.equal(isPersonal({ type: 'protocol' }), false)
  }
)

t.test(
  'a moment is after another by its second, and within one second by the journal',
  async (t) => {
    const at = (timestamp: number, seq: number) => ({ timestamp, seq })
    t.equal(isAfter(at(2, 1), at(1, 9)), true)
    t.equal(isAfter(at(1, 9), at(2, 1)), false)
    t.equal(isAfter(at(1, 2), at(1, 1)), true)
    t.equal(isAfter(at(1, 1), at(1, 2)), false)
    t.equal(isAfter(at(1, 1), at(1, 1)), false)
  }
)

t.test('all leads may wait but those that are ignored, and those won and lost stop', async (t) => {
  const rows: [LeadState, boolean, boolean][] = [
    ['new', true, false],
    ['open', true, false],
    ['won', true, true],
    ['lost', true, true],
    ['ignored', false, false]
  ]
  for (const [state, may, closes] of rows)
    t.same([mayWait(state), isClosing(state)], [may, closes], state)
})

t.test(
  'a lead waits since the first message that asks; parts of one thing count once',
  async (t) => {
    const asks = (timestamp: number, thing: string, isRead: boolean): Unanswered => ({
      timestamp,
      thing,
      isRead
    })
    const unanswered = [
      asks(30, 'C', false),
      asks(10, 'A', true),
      asks(20, 'B', false),
      asks(21, 'B', false),
      asks(11, 'A', true)
    ]
    t.same(waitOf('open', unanswered), { waiting_since: 10, unanswered_count: 3, unread_count: 2 })
    t.same(waitOf('won', [asks(7, 'A', true)]), {
      waiting_since: 7,
      unanswered_count: 1,
      unread_count: 0
    })
    t.same(waitOf('ignored', unanswered), {
      waiting_since: null,
      unanswered_count: 0,
      unread_count: 0
    })
    t.same(waitOf('open', []), { waiting_since: null, unanswered_count: 0, unread_count: 0 })
    t.same(noWait, waitOf('new', []))
  }
)

t.test(
  'a time is one in seconds, whichever unit it is told in, or when the message was captured',
  async (t) => {
    const captured = '2026-11-24T12:00:00.900Z'
    const rows: [number, number][] = [
      [1_700_000_000, 1_700_000_000],
      [99_999_999_999, 99_999_999_999],
      [100_000_000_000, 100_000_000],
      [1_700_000_000_499, 1_700_000_000],
      [1_700_000_000_500, 1_700_000_001],
      [8_640_000_000_000_000, 8_640_000_000_000],
      [8_640_000_000_000_001, 1_795_521_600],
      [1, 1],
      [0, 1_795_521_600],
      [-1, 1_795_521_600]
    ]
    for (const [told, wanted] of rows)
      t.equal(writtenAt({ timestamp: told }, captured), wanted, `${told}`)
    t.equal(
      writtenAt({ timestamp: null as unknown as number }, captured),
      null,
      'what is no number is refused by the store'
    )
  }
)

t.test(
  'an automatic message begins with a given text, whatever its case and white space',
  async (t) => {
    const isAutomatic = automaticBy(['  Gracias por  escribirnos ', '', 'We are away', ' \n'])
    const rows: [string, boolean][] = [
      ['Gracias por escribirnos', true],
      ['GRACIAS\tpor\nescribirnos, Ana', true],
      ['  gracias por escribirnos', true],
      ['we are away until Monday', true],
      ['Muchas gracias por escribirnos', false],
      ['Graciasporescribirnos', false],
      ['Gracias', false],
      ['', false]
    ]
    for (const [body, wanted] of rows) {
      t.equal(isAutomatic({ from_me: true, body }), wanted, JSON.stringify(body))
      t.equal(isAutomatic({ from_me: false, body }), false, `theirs: ${JSON.stringify(body)}`)
    }
    for (const none of [[], [''], [' ']])
      t.equal(automaticBy(none)({ from_me: true, body: 'Gracias' }), false)
  }
)
