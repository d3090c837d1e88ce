import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import {
  readFrom,
  type ReadGroup,
  type Wanted
} from '../../../src/session-manager/journal/backfill.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { group, hour, minute, now, paced, rig, timed } from './backfill-rig.ts'
import { captured, newRecord } from './new-records.ts'

/** A source that remembers since when it was asked, and gives these groups. */
const source = (...groups: NewRecord[][]) => {
  const asked: number[] = []
  const read = async function* ({ since }: Wanted): AsyncGenerator<NewRecord[]> {
    asked.push(since * 1_000)
    yield* groups
  }
  return { asked, read }
}

t.test('from when on is read', async (t) => {
  const { journal } = rig(t, undefined)
  const from = (): number => readFrom(journal, now, 15 * minute, 24 * hour)
  t.equal(from(), now - 24 * hour - 15 * minute, 'nothing known: as far as for the first link')
  journal.setMark('complete_until', now - hour)
  t.equal(
    from(),
    now - hour - 15 * minute,
    'complete until an hour ago: from there, with an overlap'
  )
  journal.setMark('linked_at', now - 5 * minute)
  t.equal(
    from(),
    now - 5 * minute - 24 * hour - 15 * minute,
    'linked for the first time just now: history goes on arriving'
  )
  journal.setMark('link_floor', now - 3 * hour)
  t.equal(
    from(),
    now - 3 * hour - 15 * minute,
    'linked again just now: from what was complete then'
  )
  journal.setMark('linked_at', now - 16 * minute)
  t.equal(from(), now - hour - 15 * minute, 'a while after linking, as always')
})

t.test(
  'a clock that runs ahead, or did, hides nothing that was missed: WhatsApp says when the newest message was written',
  async (t) => {
    const { asked, read } = source([])
    const { backfill, journal, settled, state } = rig(t, read)
    const written = (name: string, at: number): NewRecord => ({
      ...newRecord(name),
      message: { ...newRecord(name).message, timestamp: at / 1_000 }
    })
    journal.append([written('A', now - 2 * minute)], 'live')
    state.now = now + 24 * hour
    journal.setMark('complete_until', state.now)
    backfill.wake()
    await settled()
    t.equal(asked[0], now - 17 * minute, 'a day ahead, after a run that was, too')
    state.now = now + hour
    backfill.wake()
    await settled()
    t.equal(asked[1], now - 17 * minute, 'right again: the mark is in the future')
    journal.append([written('B', now + 3 * hour)], 'live')
    journal.setMark('complete_until', state.now)
    backfill.wake()
    await settled()
    t.equal(asked[2], now + 45 * minute, 'and a message of the future moves nothing on')
  }
)

t.test('a run captures what is new', async (t) => {
  const { asked, read } = source([newRecord('A'), newRecord('B')], [], [newRecord('C')])
  const { backfill, journal, logged, settled } = rig(t, read)
  journal.append([newRecord('B')], 'live')
  backfill.wake()
  t.ok(backfill.running())
  await settled()
  t.same(asked, [now - 24 * hour - 15 * minute])
  t.same(
    captured(journal.read(0, 10)).map(({ source, message }) => [source, message.body]),
    [
      ['live', 'message B'],
      ['backfill', 'message A'],
      ['backfill', 'message C']
    ]
  )
  t.match(logged.of('backfill'), [{ level: 'info', read: 3, new: 2 }])
})

t.test(
  'what the very first run looked for is looked for again, however long this machine was off after it',
  async (t) => {
    const { asked, read } = source([])
    const { backfill, settled, state } = rig(t, read)
    for (const at of [now, now + 48 * hour]) {
      state.now = at
      backfill.wake()
      await settled()
    }
    t.same(asked, [now - 24 * hour - 15 * minute, now - 24 * hour - 15 * minute])
  }
)

t.test('the mark moves to where a run began once another one is done a minute later', async (t) => {
  const { asked, read } = source([])
  const { backfill, journal, passes } = paced(t, read)
  journal.setMark('complete_until', now - hour)
  backfill.wake()
  await passes(0)
  t.equal(
    journal.mark('complete_until'),
    now - hour,
    'what was held for this device may arrive yet'
  )
  await passes(minute - 1)
  t.equal(asked.length, 1)
  await passes(1)
  t.equal(asked.length, 2, 'a minute later')
  t.equal(journal.mark('complete_until'), now)
  await passes(5 * minute)
  t.equal(journal.mark('complete_until'), now + minute, 'then at intervals, one behind')
  t.same(asked, [now - 75 * minute, now - 75 * minute, now - 15 * minute])
})

t.test(
  'a message that arrives late, and that the session is lost upon, is read back by the next READY, though a newer one was told of',
  async (t) => {
    const asked: number[] = []
    const { backfill, journal, passes } = paced(t, async function* ({ since }) {
      asked.push(since * 1_000)
      yield []
    })
    journal.setMark('complete_until', now - 3 * hour)
    journal.append([newRecord('before')], 'live')
    backfill.wake()
    await passes(0)
    // WhatsApp delivers of two hours; the chat with the newest came first, then the browser was
    // killed
    journal.append(
      [
        {
          ...newRecord('newest'),
          message: { ...newRecord('newest').message, timestamp: now / 1_000 }
        }
      ],
      'live'
    )
    await passes(10_000)
    backfill.wake()
    await passes(0)
    t.ok((asked.at(-1) ?? Infinity) <= now - 2 * hour, 'it looks where nothing was found before')
  }
)

t.test(
  'a session that is lost again and again moves the mark on, too: a minute of READY in all is as good',
  async (t) => {
    const { read } = source([])
    const { backfill, journal, passes, state } = paced(t, read)
    journal.setMark('complete_until', now - hour)
    const comesBack = async (): Promise<void> => {
      state.read = read
      backfill.online(true)
      backfill.wake()
      await passes(0)
    }
    await comesBack()
    for (let losses = 1; losses <= 3; losses += 1) {
      await passes(20_000)
      backfill.online(false)
      state.read = undefined
      await passes(10 * minute)
      t.equal(
        journal.mark('complete_until'),
        now - hour,
        `READY for ${losses * 20 - 20} s before it read`
      )
      await comesBack()
    }
    t.equal(journal.mark('complete_until'), now, 'READY for a minute since the first run began')
  }
)

t.test('what could not be decrypted is asked for by its id, whenever it was written', async (t) => {
  const asked: (readonly string[])[] = []
  const { backfill, journal, settled } = rig(t, async function* ({ ids }) {
    asked.push(ids)
    yield ids.length > 0 ? [newRecord('A')] : []
  })
  const { message } = newRecord('A')
  journal.append([newRecord('A', { type: 'ciphertext', timestamp: 1 }, 'ciphertext')], 'live')
  for (let run = 0; run < 2; run += 1) {
    backfill.wake()
    await settled()
  }
  t.same(asked, [[message.id], []], 'until it has come')
  t.same(
    captured(journal.read(0, 10)).map(({ kind }) => kind),
    ['ciphertext', 'message']
  )
})

t.test('a group is on disk before the next is read', async (t) => {
  const order: string[] = []
  const read = async function* (): AsyncGenerator<NewRecord[]> {
    order.push('read A')
    yield [newRecord('A')]
    order.push('read B')
    yield [newRecord('B')]
  }
  const { backfill, settled } = rig(t, read, {
    add: async ([first]) => {
      await turn()
      order.push(`wrote ${first?.message.body.slice(-1)}`)
    }
  })
  backfill.wake()
  await settled()
  t.same(order, ['read A', 'wrote A', 'read B', 'wrote B'])
})

t.test('a run that fails keeps the mark: the next starts where this one did', async (t) => {
  const asked: number[] = []
  const read = async function* ({ since }: Wanted): AsyncGenerator<NewRecord[]> {
    asked.push(since * 1_000)
    yield [newRecord(`A${asked.length}`)]
    if (asked.length === 1) throw new Error('the page is closed')
  }
  const { backfill, journal, logged, passes } = paced(t, read)
  journal.setMark('complete_until', now - hour)
  backfill.wake()
  await passes(0)
  t.equal(journal.mark('complete_until'), now - hour)
  t.match(logged.of('backfill_failed'), [{ level: 'warn', err: { message: 'the page is closed' } }])
  t.equal(journal.lastSeq(), 1, 'what was read is kept')
  await passes(5 * minute)
  t.same(asked, [now - hour - 15 * minute, now - hour - 15 * minute])
  t.equal(journal.mark('complete_until'), now - hour)
})

t.test(
  'a run that was interrupted goes on with the chats that are left; what came to the others meanwhile is read, too',
  async (t) => {
    const asked: Wanted[] = []
    const of = (chat: string, id: string, at: number): NewRecord =>
      newRecord(id, { chat_id: chat, timestamp: at / 1_000 })
    const { backfill, journal, passes } = paced(t, async function* (wanted) {
      asked.push({ ...wanted, reached: new Map(wanted.reached) })
      yield [
        of('a', 'a1', now - 30 * minute),
        of('a', 'a2', now - 20 * minute),
        of('b', 'b1', now - 40 * minute)
      ]
      if (asked.length === 1) throw new Error('the page is closed')
    })
    journal.setMark('complete_until', now - hour)
    backfill.wake()
    await passes(0)
    await passes(5 * minute)
    t.same(
      asked.map(({ reached }) => [...reached]),
      [
        [],
        [
          ['a', now / 1_000 - 1_200],
          ['b', now / 1_000 - 2_400]
        ]
      ]
    )
    await passes(minute)
    t.same(
      asked.map(({ since }) => since * 1_000),
      [now - 75 * minute, now - 75 * minute, now - 75 * minute]
    )
    t.same(
      [...(asked[2] as Wanted).reached],
      [],
      'the next one after it is done looks at all of it once more'
    )
    t.equal(
      journal.mark('complete_until'),
      now,
      'and then all is known to be there that was before the first began'
    )
  }
)

t.test('a device that is linked meanwhile is read from the beginning', async (t) => {
  const asked: number[] = []
  const { backfill, journal, passes } = paced(t, async function* ({ reached }) {
    asked.push(reached.size)
    yield [newRecord('A')]
    throw new Error('the page is closed')
  })
  journal.setMark('complete_until', now - hour)
  backfill.wake()
  await passes(0)
  backfill.linked()
  backfill.wake()
  await passes(0)
  t.same(asked, [0, 0])
})

t.test('the mark is when the run began: what arrives during it is read by the next', async (t) => {
  const { backfill, journal, passes } = paced(t, async function* () {
    mock.timers.setTime(Date.now() + 10 * minute)
    yield []
  })
  backfill.wake()
  await passes(0)
  await passes(minute)
  t.equal(journal.mark('complete_until'), now)
})

t.test('a wake during a run brings one more run at once', async (t) => {
  let runs = 0
  const gate = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  const { backfill } = rig(t, async function* () {
    runs += 1
    if (runs === 2) second.resolve()
    if (runs === 1) await gate.promise
    yield []
  })
  backfill.wake()
  backfill.wake()
  backfill.wake()
  t.equal(runs, 1, 'never two at a time')
  gate.resolve()
  await second.promise
  t.equal(runs, 2)
})

t.test('it runs again by itself after the interval', async (t) => {
  const third = Promise.withResolvers<void>()
  let runs = 0
  const { backfill } = rig(
    t,
    async function* () {
      if ((runs += 1) === 3) third.resolve()
      yield []
    },
    { intervalMs: 5 }
  )
  backfill.wake()
  await third.promise
  backfill.stop()
  t.ok(runs >= 3)
})

t.test(
  'the next run comes when it is due and not before, after one that failed, too',
  async (t) => {
    let error: Error | undefined
    const { backfill, runs, passes, logged } = timed(
      t,
      async () => {
        if (error !== undefined) throw error
      },
      { intervalMs: hour }
    )
    backfill.online(true)
    backfill.wake()
    await passes(59_999)
    t.same(runs, [0])
    await passes(1)
    t.same(runs, [0, minute], 'a minute after a READY it is looked again')
    await passes(hour - 1)
    t.equal(runs.length, 2)
    error = new Error('the page is closed')
    await passes(1)
    t.equal(runs.length, 3)
    t.match(logged.of('backfill_failed'), [
      { level: 'warn', retry_ms: hour, err: { message: 'the page is closed' } }
    ])
    await passes(hour - 1)
    t.equal(runs.length, 3)
    error = undefined
    await passes(1)
    t.equal(runs.length, 4)
    backfill.wake()
    await passes(0)
    t.equal(runs.length, 5, 'a wake does not wait')
    await passes(hour - 1)
    t.equal(runs.length, 5, 'and the wait begins again with it')
    await passes(1)
    t.equal(runs.length, 6)
    backfill.stop()
    await passes(2 * hour)
    t.equal(runs.length, 6)
  }
)

t.test('nothing runs unless the session is READY, nor after stop', async (t) => {
  const { asked, read } = source([])
  const { backfill, state, settled } = rig(t, undefined)
  backfill.wake()
  t.notOk(backfill.running())
  state.read = read
  backfill.wake()
  await settled()
  t.equal(asked.length, 1)
  backfill.stop()
  backfill.wake()
  t.equal(asked.length, 1)
})

t.test('linking remembers when, and what was complete before it', async (t) => {
  const { backfill, journal } = rig(t, undefined)
  backfill.linked()
  t.equal(journal.mark('linked_at'), now)
  t.equal(journal.mark('link_floor'), undefined, 'nothing was complete before the first link')
  journal.setMark('complete_until', now - hour)
  backfill.linked()
  t.equal(journal.mark('link_floor'), now - hour)
})

t.test(
  'what happens while it catches up after a READY waits for it, but not for ever',
  async (t) => {
    const gate = Promise.withResolvers<void>()
    const { backfill, settled, state } = rig(t, async function* () {
      await gate.promise
      yield []
    })
    t.equal(backfill.caughtUp(), undefined, 'nothing to wait for')
    backfill.expect()
    const held = backfill.caughtUp()
    t.ok(held, 'from the moment a READY is to be expected')
    backfill.wake()
    backfill.wake()
    t.equal(backfill.caughtUp(), held, 'the same READY')
    gate.resolve()
    await held
    await settled()
    t.equal(backfill.caughtUp(), undefined)
    state.read = undefined
    backfill.wake()
    t.equal(backfill.caughtUp(), undefined, 'the READY is gone again')
  }
)

t.test('catching up goes on for as long as there is progress, two minutes at most', async (t) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now })
  t.teardown(() => mock.timers.reset())
  let step = Promise.withResolvers<void>()
  const slow = async function* (): AsyncGenerator<NewRecord[]> {
    for (;;) {
      await step.promise
      yield []
    }
  }
  const { backfill, logged, state } = rig(t, slow, { now: Date.now })
  const passes = async (ms: number): Promise<void> => {
    mock.timers.tick(ms)
    step.resolve()
    step = Promise.withResolvers()
    await turn()
  }
  backfill.wake()
  let held = backfill.caughtUp()
  for (const ms of [30_000, 30_000, 30_000, 29_999]) {
    await passes(ms)
    t.equal(backfill.caughtUp(), held, 'what comes meanwhile still waits')
  }
  await passes(1)
  t.equal(backfill.caughtUp(), undefined)
  t.equal(logged.of('catching_up_late').length, 1, 'and it is told')

  backfill.wake()
  held = backfill.caughtUp()
  mock.timers.tick(44_999)
  t.equal(backfill.caughtUp(), held)
  mock.timers.tick(1)
  t.equal(backfill.caughtUp(), undefined, 'without any progress: not for so long')

  backfill.wake()
  backfill.linked()
  mock.timers.tick(10_000)
  t.equal(
    backfill.caughtUp(),
    undefined,
    'nor after a device was linked: there is no earlier order'
  )
  state.read = undefined
})

t.test('catching up that takes too long, fails, or is stopped keeps nothing waiting', async (t) => {
  const slow = rig(
    t,
    async function* () {
      await new Promise(() => undefined)
      yield []
    },
    { stallMs: 5 }
  )
  slow.backfill.wake()
  await slow.backfill.caughtUp()
  t.ok(slow.backfill.running(), 'it goes on reading')
  t.test('fails', async (t) => {
    const { backfill } = rig(t, async function* () {
      yield []
      throw new Error('the page is closed')
    })
    backfill.wake()
    await backfill.caughtUp()
    t.notOk(backfill.running())
  })
  t.test('stopped', async (t) => {
    const { backfill } = rig(t, async function* () {
      await new Promise(() => undefined)
      yield []
    })
    backfill.wake()
    const held = backfill.caughtUp()
    backfill.stop()
    await held
    backfill.expect()
    t.equal(backfill.caughtUp(), undefined)
  })
})

t.test(
  'a chat that cannot be read holds up no other: the mark moves on, and the chat keeps a time of its own',
  async (t) => {
    const asked: Wanted[] = []
    const bad = { chat: 'bad', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }
    let isBad = true
    const told: (string | undefined)[] = []
    const { backfill, journal, passes, logged } = paced(
      t,
      async function* (wanted) {
        asked.push(wanted)
        if (wanted.only !== undefined)
          yield isBad ? group([], { unread: [bad] }) : group([newRecord('B', { chat_id: 'bad' })])
        else yield group([newRecord('A')], { unread: wanted.unread?.has('bad') ? [] : [bad] })
      },
      { onUnread: (reason) => told.push(reason) }
    )
    journal.setMark('complete_until', now - hour)
    backfill.wake()
    await passes(0)
    t.equal(backfill.caughtUp(), undefined, 'nothing waits for it')
    t.equal(backfill.unreadChats(), 1)
    await passes(minute)
    t.equal(journal.mark('complete_until'), now)
    t.equal(journal.unreadChats().get('bad'), now - hour - 15 * minute)
    t.match(told.at(-1), /1 chat cannot be read back/)

    isBad = false
    await passes(5 * minute)
    t.same([...(asked.at(-1)?.only ?? [])], [['bad', (now - hour - 15 * minute) / 1_000]])
    t.equal(backfill.unreadChats(), 0)
    t.equal(told.at(-1), undefined)
    t.equal(logged.of('backfill_unread').length, 1)
    t.match(
      captured(journal.read(0, 10)).map(({ message }) => message.body),
      ['message A', 'message B']
    )
  }
)

t.test(
  'a chat that is to be read and is there no more, as under another id, has all read from its time on',
  async (t) => {
    const asked: Wanted[] = []
    const bad = { chat: 'bad', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }
    const { backfill, journal, passes } = paced(t, async function* (wanted) {
      asked.push(wanted)
      if (wanted.only !== undefined) yield group([], { read: [{ chat: 'bad', newest: -1 }] })
      else yield group([newRecord('A')], { unread: asked.length === 1 ? [bad] : [] })
    })
    journal.setMark('complete_until', now - hour)
    backfill.wake()
    for (let minutes = 0; minutes < 10; minutes += 1) await passes(minute)
    t.equal(backfill.unreadChats(), 0)
    const gone = asked.findIndex(({ only }) => only !== undefined)
    t.ok(
      (asked[gone + 1]?.since ?? Infinity) <= (now - hour - 15 * minute) / 1_000,
      'the next run goes back to it'
    )
    for (let minutes = 0; minutes < 10; minutes += 1) await passes(minute)
    t.ok((journal.mark('complete_until') ?? 0) >= now, 'and the mark moves on after that')
  }
)

t.test('messages that could not be described are counted, and that is said once', async (t) => {
  const { read } = {
    read: async function* (): AsyncGenerator<ReadGroup> {
      yield group([newRecord('A')], { plainMessages: 1, lostMessages: 1 })
    }
  }
  const { backfill, logged, settled } = rig(t, read)
  for (let runs = 0; runs < 2; runs += 1) {
    backfill.wake()
    await settled()
  }
  t.equal(backfill.unreadMessages(), 2)
  t.match(logged.of('backfill_unread_messages'), [{ level: 'warn', messages: 2 }])
  t.equal(logged.of('backfill_unread_messages').length, 1)
})

t.test('from when on is read, at its bounds', async (t) => {
  const { journal } = rig(t, undefined)
  const from = (at = now): number => readFrom(journal, at, minute, hour)
  t.equal(from(), now - hour - minute, 'nothing was ever read')
  journal.setMark('complete_until', now - 10 * minute)
  t.equal(from(), now - 11 * minute)
  journal.append([newRecord('A', { timestamp: Math.round((now - 20 * minute) / 1_000) })], 'live')
  t.equal(
    from(),
    now - 21 * minute,
    'the newest message is older than what is complete by this clock'
  )
  journal.append([newRecord('B', { timestamp: Math.round(now / 1_000) })], 'live')
  t.equal(from(), now - 11 * minute, 'or newer')

  journal.setMark('linked_at', now)
  t.equal(
    from(now + 15 * minute - 1),
    now - hour - minute,
    'after a link its history arrives, for a quarter of an hour'
  )
  t.equal(from(now + 15 * minute), now - 11 * minute)
  journal.setMark('link_floor', now - 2 * hour)
  t.equal(from(now + 1), now - 2 * hour - minute, 'from what was complete before it')
})

t.test(
  'each run is told with what it read, and at info only when something was missed',
  async (t) => {
    let give: NewRecord[] = [newRecord('A'), newRecord('B')]
    const { backfill, journal, logged, passes } = timed(t, async () => undefined)
    const other = rig(
      t,
      async function* () {
        yield give
      },
      { now: () => Date.now(), steady: () => Date.now() }
    )
    other.backfill.wake()
    await passes(0)
    t.match(other.logged.of('backfill'), [
      {
        level: 'info',
        since: new Date(now - 24 * hour - 15 * minute).toISOString(),
        read: 2,
        new: 2,
        ms: 0
      }
    ])
    give = [newRecord('A')]
    other.backfill.wake()
    await passes(0)
    t.match(other.logged.of('backfill').slice(1), [{ level: 'debug', read: 1, new: 0 }])
    backfill.wake()
    await passes(0)
    t.match(logged.of('backfill'), [{ level: 'debug', read: 0, new: 0 }])
    t.equal(journal.lastSeq(), 0)
  }
)

t.test(
  'messages that could not be read in full are counted: the most of one run, told when there are more',
  async (t) => {
    let odd: Partial<ReadGroup> = {}
    const { backfill, logged, passes } = ((): ReturnType<typeof timed> => {
      const it = timed(t, async () => undefined)
      it.state.read = async function* () {
        yield group([], odd)
        yield group([], odd)
      }
      return it
    })()
    const run = async (facts: Partial<ReadGroup>): Promise<number> => {
      odd = facts
      backfill.wake()
      await passes(0)
      return backfill.unreadMessages()
    }
    t.equal(await run({}), 0)
    t.same(logged.of('backfill_unread_messages'), [])
    t.equal(await run({ plainMessages: 1, lostMessages: 2 }), 6)
    t.equal(await run({ plainMessages: 3 }), 6)
    t.equal(await run({ lostMessages: 1 }), 6)
    t.match(logged.of('backfill_unread_messages'), [{ level: 'warn', messages: 6 }])
    t.equal(await run({ lostMessages: 4 }), 8)
    t.match(logged.of('backfill_unread_messages').slice(1), [{ messages: 8 }])
  }
)

t.test(
  'chats that cannot be read are told after each run, tried again when they are due, and told when they can be',
  async (t) => {
    const reasons: (string | undefined)[] = []
    const only: (string[] | undefined)[] = []
    let isBroken = true
    const it = timed(t, async () => undefined, {
      intervalMs: hour,
      onUnread: (reason) => reasons.push(reason)
    })
    it.state.read = async function* (wanted) {
      only.push(wanted.only === undefined ? undefined : [...wanted.only.keys()])
      // Of a chat that could not be read before, the others' turn reads what the page holds.
      if (wanted.unread?.has('a@c.us')) yield group([])
      else if (isBroken)
        yield group([], {
          unread: [
            { chat: 'a@c.us', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }
          ]
        })
      else yield group([newRecord('A', { chat_id: 'a@c.us' })])
    }
    it.backfill.online(true)
    it.backfill.wake()
    await it.passes(0)
    t.same(only, [undefined], 'what has just failed is not tried again immediately')
    t.match(reasons, [/^1 chat cannot be read back \(WhatsApp Web raised an error \(TypeError\)\)/])
    t.equal(it.backfill.unreadChats(), 1)
    t.match(it.logged.of('backfill_unread'), [{ level: 'warn', chats: 1 }])

    const isTriedAlone = (): boolean => only.some((chats) => chats?.join() === 'a@c.us')
    for (let passed = 0; passed < 2 * hour && !isTriedAlone(); passed += 5_000)
      await it.passes(5_000)
    t.ok(isTriedAlone(), 'the chat is tried alone')
    const before = only.length
    it.backfill.online(false)
    it.backfill.online(true)
    isBroken = false
    it.backfill.wake()
    await it.passes(0)
    t.same(only.slice(before).at(-1), ['a@c.us'], 'a new READY tries it at once')
    t.equal(it.backfill.unreadChats(), 0)
    t.equal(reasons.at(-1), undefined)
    t.equal(it.logged.of('backfill_unread_over').length, 1)
    t.ok(only.length < 200, 'with waits')
  }
)

t.test('whoever links a device waits ten seconds at most for what was missed', async (t) => {
  const { backfill, logged, passes } = timed(t, () => new Promise(() => undefined))
  backfill.wake()
  const held = backfill.caughtUp()
  await passes(20_000)
  backfill.linked()
  await passes(9_999)
  t.equal(backfill.caughtUp(), held)
  await passes(1)
  t.equal(backfill.caughtUp(), undefined)
  t.match(logged.of('catching_up_late'), [{ level: 'warn' }])
})

t.test('nothing is waited for after a stop, nor before anything is expected', async (t) => {
  const { backfill, logged, passes, runs } = timed(t, () => new Promise(() => undefined))
  backfill.linked()
  t.equal(backfill.caughtUp(), undefined, 'a link alone starts no wait')
  await passes(hour)
  t.same(logged.of('catching_up_late'), [])
  backfill.expect()
  const held = backfill.caughtUp()
  backfill.stop()
  await held
  t.equal(backfill.caughtUp(), undefined)
  backfill.expect()
  backfill.wake()
  t.equal(backfill.caughtUp(), undefined)
  await passes(hour)
  t.same(runs, [])
  t.same(logged.of('catching_up_late'), [], 'its timer is gone')
})

t.test('the time READY is what the session was READY, not what this process ran', async (t) => {
  const { backfill, journal, passes, runs } = timed(t, async () => undefined, {
    intervalMs: 24 * hour
  })
  const complete = (): number => (journal.mark('complete_until') as number) - now
  backfill.online(true)
  backfill.online(true)
  backfill.wake()
  await passes(0)
  const first = complete()
  t.equal(first, -24 * hour, 'what the first run looked for')
  await passes(30_000)
  backfill.online(false)
  backfill.online(false)
  await passes(10 * minute)
  backfill.online(true)
  backfill.wake()
  await passes(0)
  t.equal(complete(), first, 'it was READY for half a minute only')
  await passes(29_999)
  backfill.wake()
  await passes(0)
  t.equal(complete(), first)
  await passes(1)
  backfill.wake()
  await passes(0)
  t.equal(complete(), 0, 'for a minute: what was written before the first run is complete')
  t.ok(runs.length >= 4)
})

t.test('what is complete goes back for a chat that is gone, never forward', async (t) => {
  for (const [since, expected] of [
    [now - 2 * hour, now - 2 * hour],
    [now - hour, now - hour],
    [now - minute, now - hour]
  ] as const) {
    const { backfill, journal, state, settled } = rig(t, undefined, { intervalMs: hour })
    journal.setMark('complete_until', now - hour)
    journal.setUnreadChat('a@c.us', since)
    state.read = async function* (wanted) {
      if (wanted.only !== undefined) yield group([], { read: [{ chat: 'a@c.us', newest: -1 }] })
    }
    backfill.wake()
    await settled()
    t.equal(journal.mark('complete_until'), expected)
    t.same([...journal.unreadChats()], [], 'and the chat is looked for no more')
  }
  const { backfill, journal, state, settled } = rig(t, undefined)
  journal.setMark('complete_until', now - hour)
  journal.setUnreadChat('a@c.us', now - 2 * hour)
  state.read = async function* (wanted) {
    if (wanted.only !== undefined) yield group([], { read: [{ chat: 'a@c.us', newest: 0 }] })
  }
  backfill.wake()
  await settled()
  t.equal(journal.mark('complete_until'), now - hour, 'a chat that is there and empty is no reason')
})

t.test(
  'a run that goes on knows how far each chat was read, but for empty ones and those that could not be read before',
  async (t) => {
    const wantedThen: Wanted[] = []
    let isFailing = true
    const { backfill, journal, state, settled } = rig(t, undefined)
    journal.setUnreadChat('unread@c.us', now - hour)
    state.read = async function* (wanted) {
      if (wanted.only !== undefined) return
      wantedThen.push({ ...wanted, reached: new Map(wanted.reached) })
      yield group([], {
        read: [
          { chat: 'a@c.us', newest: 50 },
          { chat: 'empty@c.us', newest: 0 },
          { chat: 'gone@c.us', newest: -1 },
          { chat: 'unread@c.us', newest: 70 }
        ]
      })
      yield group([], { read: [{ chat: 'a@c.us', newest: 40 }] })
      if (isFailing) throw new Error('the page is closed')
    }
    backfill.wake()
    await settled()
    isFailing = false
    backfill.wake()
    await settled()
    t.same(
      wantedThen.map(({ reached }) => [...reached]),
      [[], [['a@c.us', 50]]]
    )
    t.match([...(wantedThen[0]?.unread ?? [])], [['unread@c.us', Math.floor((now - hour) / 1_000)]])
    backfill.wake()
    await settled()
    t.same(
      [...(wantedThen[2]?.reached ?? [])],
      [],
      'a run that is done leaves nothing to go on with'
    )
  }
)

t.test('nobody waits for chats that are tried again', async (t) => {
  const gate = Promise.withResolvers<void>()
  const { backfill, journal, state, settled } = rig(t, undefined)
  journal.setUnreadChat('a@c.us', now - hour)
  let isTried = false
  state.read = async function* (wanted) {
    if (wanted.only === undefined) return
    isTried = true
    await gate.promise
    yield group([], { unread: [{ chat: 'a@c.us', why: 'it is busy', isBusy: false }] })
  }
  backfill.wake()
  await backfill.caughtUp()
  while (!isTried) await turn()
  t.ok(backfill.running())
  t.equal(backfill.caughtUp(), undefined)
  gate.resolve()
  await settled()
  t.equal(backfill.unreadChats(), 1)
  isTried = false
  backfill.wake()
  await settled()
  t.equal(isTried, false, 'what failed just now is not due')
})

t.test(
  'more is read at once when more is to be read than the run that was interrupted looked for',
  async (t) => {
    const asked: number[] = []
    let isFailing = true
    const { backfill, journal, state, settled } = rig(t, undefined)
    journal.setMark('complete_until', now - hour)
    state.read = async function* (wanted) {
      asked.push(wanted.since * 1_000)
      yield group([newRecord('A', { chat_id: 'a@c.us', timestamp: Math.round(now / 1_000) })])
      if (isFailing) throw new Error('the page is closed')
    }
    backfill.wake()
    await settled()
    journal.setMark('complete_until', now - 3 * hour)
    isFailing = false
    backfill.wake()
    await settled()
    t.same(asked, [now - hour - 15 * minute, now - 3 * hour - 15 * minute])
  }
)
