import t from 'tap'
import { readFrom } from '../../../src/session-manager/journal/backfill.ts'
import { newRecord } from './new-records.ts'
import { group, hour, minute, now, paced, rig, timed, until } from './backfill-rig.ts'

/** When runs follow each other, and what waits for them. */

const bad = { chat: 'bad@c.us', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }

t.test(
  'messages that arrive wait for the run that a second READY asked for, not only for the one in progress',
  async (t) => {
    for (const isFailing of [false, true]) {
      t.test(isFailing ? 'which fails' : 'which is done', async (t) => {
        const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        let runs = 0
        const { backfill, settled } = rig(t, async function* () {
          runs += 1
          await gates[runs - 1]?.promise
          yield []
          if (isFailing && runs === 1) throw new Error('the page is closed')
        })
        backfill.wake()
        backfill.wake()
        const held = backfill.caughtUp()
        t.ok(held)

        gates[0]?.resolve()
        await until(() => runs === 2)
        t.equal(backfill.caughtUp(), held)

        gates[1]?.resolve()
        await settled()
        t.equal(backfill.caughtUp(), undefined)
      })
    }
  }
)

t.test(
  'messages wait two minutes at most, however often the session becomes READY in that time',
  async (t) => {
    const it = timed(t, async () => undefined)
    it.state.read = async function* () {
      for (;;) yield await new Promise((done) => setTimeout(() => done(group([])), 10_000))
    }
    it.backfill.wake()
    for (let seconds = 10; seconds < 120; seconds += 10) {
      await it.passes(10_000)
      it.backfill.wake()
      t.ok(it.backfill.caughtUp(), `${seconds} s`)
    }

    await it.passes(10_000)
    t.equal(it.backfill.caughtUp(), undefined)
    t.match(it.logged.of('catching_up_late'), [{ level: 'warn' }])
  }
)

t.test(
  'messages wait no longer once reading back has failed, is done, or has no session',
  async (t) => {
    const cases = {
      failed: async function* () {
        yield []
        throw new Error('the page is closed')
      },
      done: async function* () {
        yield []
      },
      'no session': undefined
    }
    for (const [name, read] of Object.entries(cases)) {
      t.test(name, async (t) => {
        const { backfill, logged, passes, state } = timed(t, async () => undefined)
        state.read = read
        backfill.wake()
        await passes(0)
        t.equal(backfill.caughtUp(), undefined)
        await passes(hour)
        t.same(logged.of('catching_up_late'), [], 'nothing was late')
      })
    }
  }
)

t.test(
  'a stop leaves no timer and nothing that waits, whether it comes between two runs or during one',
  async (t) => {
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const before = timers()
    const between = rig(t, async function* () {
      yield []
    })
    for (let runs = 0; runs < 2; runs += 1) {
      between.backfill.wake()
      await between.settled()
    }
    between.backfill.stop()
    t.equal(timers(), before)

    t.test('during one', async (t) => {
      const gate = Promise.withResolvers<void>()
      const { backfill, settled } = rig(t, async function* () {
        await gate.promise
        yield []
      })
      backfill.wake()
      backfill.stop()
      t.equal(backfill.caughtUp(), undefined)
      gate.resolve()
      await settled()
      t.equal(timers(), before)
    })
  }
)

t.test(
  'a session that is READY for ten seconds at a time moves the mark on after six of them',
  async (t) => {
    const { backfill, journal, passes } = paced(
      t,
      async function* () {
        yield []
      },
      { intervalMs: hour }
    )
    journal.setMark('complete_until', now - hour)
    backfill.wake()
    await passes(0)
    for (let seconds = 10; seconds <= 90; seconds += 10) {
      await passes(10_000)
      backfill.online(false)
      backfill.online(true)
      backfill.wake()
      await passes(0)
      t.equal(
        journal.mark('complete_until'),
        seconds < 60 ? now - hour : now + (seconds - 60) * 1_000,
        `after ${seconds} s`
      )
    }
  }
)

t.test('a READY that is said twice is one: its time counts from the first', async (t) => {
  const { backfill, journal, passes } = paced(
    t,
    async function* () {
      yield []
    },
    { intervalMs: hour }
  )
  backfill.wake()
  await passes(0)
  await passes(30_000)
  backfill.online(true)
  await passes(30_000)
  t.equal(journal.mark('complete_until'), now)
})

t.test('without a clock given, the time READY is measured by one that only goes on', async (t) => {
  const { backfill, journal } = rig(
    t,
    async function* () {
      yield []
    },
    { intervalMs: 5 }
  )
  backfill.online(true)
  backfill.wake()
  await t.resolves(until(() => journal.mark('complete_until') === now))
})

t.test('before the first run is done, an old message does not take it further back', async (t) => {
  const { journal } = rig(t, undefined)
  journal.append([newRecord('A', { timestamp: (now - 72 * hour) / 1_000 })], 'live')
  t.equal(readFrom(journal, now, minute, hour), now - hour - minute)
})

t.test('quiet chats move no mark: what was complete is complete', async (t) => {
  const asked: number[] = []
  const { backfill, journal, settled } = rig(t, async function* ({ since }) {
    asked.push(since * 1_000)
    yield []
  })
  journal.setMark('complete_until', now - hour)
  journal.append([newRecord('A', { timestamp: (now - 3 * hour) / 1_000 })], 'live')
  backfill.wake()
  await settled()
  t.equal(journal.mark('complete_until'), now - hour)

  journal.append([newRecord('B', { timestamp: now / 1_000 })], 'live')
  backfill.wake()
  await settled()
  t.same(asked, [now - 3 * hour - 15 * minute, now - hour - 15 * minute])
})

t.test(
  'a chat that is gone and was missing only since what is complete holds up nothing',
  async (t) => {
    const { backfill, journal, passes } = paced(t, async function* (wanted) {
      if (wanted.only !== undefined) yield group([], { read: [{ chat: bad.chat, newest: -1 }] })
    })
    journal.setMark('complete_until', now - hour)
    journal.setUnreadChat(bad.chat, now - hour)
    backfill.wake()
    await passes(0)
    t.equal(backfill.unreadChats(), 0)
    await passes(minute)
    t.equal(journal.mark('complete_until'), now)
  }
)

t.test(
  'a chat that is tried again is asked for alone: with its time, and without the messages that wait for their content',
  async (t) => {
    const { backfill, journal, state, settled } = rig(t, undefined)
    journal.append([newRecord('A', { type: 'ciphertext' }, 'ciphertext')], 'live')
    journal.setUnreadChat(bad.chat, now - hour)
    const asked: unknown[] = []
    state.read = async function* ({ since, reached, ids, only }) {
      asked.push(only === undefined ? ids : { since, reached: [...reached], ids, only: [...only] })
      yield []
    }
    backfill.wake()
    await settled()
    t.same(asked, [
      [newRecord('A').message.id],
      { since: 0, reached: [], ids: [], only: [[bad.chat, (now - hour) / 1_000]] }
    ])
  }
)

t.test(
  'a chat that cannot be read is tried again when it is due, before the next run of all chats would be',
  async (t) => {
    for (const isBusy of [true, false]) {
      t.test(isBusy ? 'it is busy' : 'it failed', async (t) => {
        const it = timed(t, async () => undefined, { intervalMs: hour })
        const triedAt: number[] = []
        it.state.read = async function* (wanted) {
          if (wanted.only !== undefined) triedAt.push(Date.now())
          if (wanted.only !== undefined || wanted.unread?.size === 0)
            yield group([], { unread: [{ ...bad, isBusy }] })
        }
        const started = Date.now()
        it.backfill.wake()
        for (let passed = 0; triedAt.length === 0 && passed < 2 * hour; passed += 1_000)
          await it.passes(1_000)

        const waited = (triedAt[0] ?? Infinity) - started
        const [least, most] = isBusy ? [5_000, 11_000] : [30_000, minute + 1_000]
        t.ok(waited >= least && waited <= most, `${waited} ms`)
      })
    }
  }
)

t.test(
  'a chat that is due and not answered for is asked for again once a second at most',
  async (t) => {
    const it = timed(t, async () => undefined, { intervalMs: hour })
    it.journal.setUnreadChat(bad.chat, 1)
    let tries = 0
    it.state.read = async function* (wanted) {
      if (wanted.only !== undefined) tries += 1
    }
    it.backfill.wake()
    await it.passes(999)
    t.equal(tries, 1)
    await it.passes(1)
    t.equal(tries, 2)
  }
)
