import t from 'tap'
import type { Connection } from '../whatsapp-web/connections.ts'
import { takeovers } from './owners.ts'
import type { Sent } from './traffic.ts'
import { count, delivery } from './verdict.ts'

/** A verdict that could not find a fault would be none. */

const write = (...keys: [chat: string, id: string, at: number][]): Map<string, Sent> =>
  new Map(keys.map(([chat, id, at]) => [`north ${id}`, { account: 'north', chat, at }]))

t.test(
  'messages that are lost, there twice, strange, or before an earlier one of their chat are counted',
  async (t) => {
    const sent = write(['a', '1', 0], ['b', '2', 0], ['a', '3', 0], ['b', '4', 0])
    t.same(count(sent, ['north 1', 'north 2', 'north 3', 'north 4']), {
      expected: 4,
      held: 4,
      lost: 0,
      twice: 0,
      strange: 0,
      out_of_order: 0,
      such_as: []
    })
    t.match(
      count(sent, ['north 2', 'north 1', 'north 4', 'north 3']),
      { lost: 0, out_of_order: 0 },
      'between chats there is no order'
    )
    t.match(count(sent, ['north 3', 'north 2', 'north 1', 'north 4']), { lost: 0, out_of_order: 1 })
    t.match(count(sent, ['north 1', 'north 1', 'north 3', 'north 4']), { lost: 1, twice: 1 })
    t.match(count(sent, ['north 1', 'south 2', 'north 3']), {
      lost: 2,
      strange: 1,
      such_as: [
        'strange  south 2',
        'lost 1970-01-01T00:00:00.000Z north 2',
        'lost 1970-01-01T00:00:00.000Z north 4'
      ]
    })
  }
)

t.test('how late and how silent it became is measured within a time', async (t) => {
  const sent = write(['a', '1', 0], ['a', '2', 1_000], ['a', '3', 2_000], ['a', '4', 9_000])
  const arrived = new Map([
    ['north 1', 100],
    ['north 2', 7_000],
    ['north 3', 7_100],
    ['north 4', 9_100]
  ])
  t.same(delivery(sent, arrived, 500, 8_000), { silence_s: 6.9, delay_s: 6 })
  t.match(delivery(sent, arrived, 8_000, 10_000), { delay_s: 0.1 })
})

t.test('who had the account open while another came in is found', async (t) => {
  const open = (
    from: string,
    openedAt: number,
    heardAt: number,
    more: Partial<Connection> = {}
  ): Connection => ({ from, openedAt, enteredAt: openedAt, heardAt, ...more })
  const gaps = (...connections: Connection[]): number[] =>
    takeovers('north', connections, (from) => from, 60_000).map(({ gap_s }) => gap_s)
  t.same(
    gaps(open('one', 0, 9_900, { closedAt: 10_000 }), open('two', 15_000, 60_000)),
    [5],
    'closed, and 5 s later another'
  )
  t.same(
    gaps(open('one', 0, 10_000, { displaced: true }), open('two', 15_000, 60_000)),
    [4],
    'cut off: it may have been there for as long as a ping takes'
  )
  t.same(
    gaps(open('one', 0, 14_500, { displaced: true }), open('two', 15_000, 60_000)),
    [-0.5],
    'it was there until the other came'
  )
  t.same(
    gaps(open('one', 0, 5_000, { closedAt: 5_000 }), open('one', 6_000, 60_000)),
    [],
    'the same host again is no other'
  )
  t.same(
    gaps(open('one', 0, 20_000, { closedAt: 20_000 }), open('two', 15_000, 60_000)),
    [-5],
    'both at a time'
  )
})
