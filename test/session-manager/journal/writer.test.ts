import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { JournalWriter } from '../../../src/session-manager/journal/writer.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord, lidOf } from './new-records.ts'
import { propertyRuns } from '../../property-runs.ts'

/** A writer over a journal that only remembers its groups, and fails while `broken` says so. */
const rig = (
  phones: (lids: readonly string[]) => Promise<Map<string, string>> = async () => new Map()
) => {
  const groups: { bodies: string[]; newRecords: NewRecord[]; source: string }[] = []
  const logged = logLines()
  const state = { broken: undefined as string | undefined, tries: 0, now: 0, tookMs: 0 }
  const failures: (string | undefined)[] = []
  const journal = {
    append: (newRecords: NewRecord[], source: string) => {
      state.tries += 1
      state.now += state.tookMs
      if (state.broken) throw new Error(state.broken)
      groups.push({
        bodies: newRecords.map(({ message }) => message.body),
        newRecords: [...newRecords],
        source
      })
      return []
    },
    phone: () => undefined
  } as unknown as Journal
  const writer = new JournalWriter({
    journal,
    log: logged.log,
    phones,
    whyUnwritable: (error) => `${(error as Error).message}, in plain words`,
    onFailureChanged: () => failures.push(writer.failure()?.reason),
    steady: () => state.now
  })
  return {
    writer,
    failures,
    groups,
    logged,
    state,
    bodies: () => groups.flatMap((group) => group.bodies)
  }
}
const body = (text: string): NewRecord => newRecord(text, { body: text })

/** The timers of the writer, its waits included, are the test's. */
const turnClock = (t: Test): ((ms: number) => Promise<void>) => {
  mock.timers.enable({ apis: ['setTimeout'] })
  // The same for what is imported from node:timers/promises.
  syncBuiltinESMExports()
  t.teardown(() => {
    mock.timers.reset()
    syncBuiltinESMExports()
  })
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 5; turns += 1) await turn()
  }
  return async (ms) => {
    await settle()
    mock.timers.tick(ms)
    await settle()
  }
}

t.test(
  'what arrives together is written as one group, in order, and each is told once it is written',
  async (t) => {
    const { writer, groups } = rig()
    const order: string[] = []
    const adds = ['a', 'b', 'c'].map((text) =>
      writer.add([body(text)], 'live').then(() => order.push(`${text} after ${groups.length}`))
    )
    t.equal(groups.length, 0, 'nothing is written in the turn in which it arrives')
    await Promise.all(adds)
    t.same(
      groups.map(({ bodies }) => bodies),
      [['a', 'b', 'c']]
    )
    t.same(order, ['a after 1', 'b after 1', 'c after 1'])
    await writer.add([body('d')], 'live')
    t.same(groups.at(-1)?.bodies, ['d'])
  }
)

t.test('nothing to add is done at once', async (t) => {
  const { writer, state } = rig()
  await writer.add([], 'live')
  await writer.stop()
  t.equal(state.tries, 0)
})

t.test('a disk that is slow is told of, once a minute', async (t) => {
  const { writer, logged, state } = rig()
  const add = async (tookMs: number): Promise<void> => {
    state.tookMs = tookMs
    await writer.add([body(String(state.tries))], 'live')
  }
  await add(999)
  t.same(logged.of('journal_slow'), [])
  await add(1_500)
  await add(1_500)
  t.match(logged.of('journal_slow'), [
    { level: 'warn', ms: 1_500, msg: /^the disk is slow: the journal took 1500 ms/ }
  ])
  state.now += 60_000
  await add(2_000)
  t.equal(logged.of('journal_slow').length, 2)
})

t.test('live and read back are never in one group', async (t) => {
  const { writer, groups } = rig()
  await Promise.all([
    writer.add([body('a')], 'live'),
    writer.add([body('b')], 'backfill'),
    writer.add([body('c')], 'backfill'),
    writer.add([body('d')], 'live')
  ])
  t.same(
    groups.map(({ bodies, source }) => [source, ...bodies]),
    [
      ['live', 'a'],
      ['backfill', 'b', 'c'],
      ['live', 'd']
    ]
  )
})

t.test('a group has at most 500 drafts, but what was added as one is written as one', async (t) => {
  const { writer, groups } = rig()
  const many = (name: string, count: number): NewRecord[] =>
    Array.from({ length: count }, (_, index) => body(`${name}${index}`))
  await Promise.all([
    writer.add(many('a', 300), 'live'),
    writer.add(many('b', 300), 'live'),
    writer.add(many('c', 1_200), 'live'),
    writer.add(many('d', 1), 'live')
  ])
  t.same(
    groups.map(({ bodies }) => bodies.length),
    [300, 300, 1_200, 1]
  )
  await Promise.all([
    writer.add(many('e', 250), 'live'),
    writer.add(many('f', 250), 'live'),
    writer.add(many('g', 1), 'live')
  ])
  t.same(
    groups.slice(4).map(({ bodies }) => bodies.length),
    [500, 1]
  )
})

t.test(
  'order of arrival is kept, whatever the groups, the sources and the time a lookup takes',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: 5 }), fc.boolean(), fc.boolean(), fc.boolean()), {
          maxLength: 30
        }),
        async (adds) => {
          const { writer, bodies } = rig(async () => {
            await turn()
            return new Map()
          })
          const expected: string[] = []
          const done: Promise<void>[] = []
          let count = 0
          for (const [size, back, unknown, pause] of adds) {
            const newRecords = Array.from({ length: size }, () => {
              const text = String((count += 1))
              expected.push(text)
              const { phone: _phone, ...message } = body(text).message
              return unknown
                ? { ...body(text), message: { ...message, lid: lidOf(count) } }
                : body(text)
            })
            done.push(writer.add(newRecords, back ? 'backfill' : 'live'))
            if (pause) await turn()
          }
          await Promise.all(done)
          if (bodies().join() !== expected.join())
            throw new Error(`${bodies().join()} instead of ${expected.join()}`)
        }
      ),
      propertyRuns(t, 100)
    )
    t.pass('held for 100 sequences')
  }
)

const ofLid = (text: string, lid: string): NewRecord => {
  const { phone: _phone, ...message } = body(text).message
  return { ...body(text), message: { ...message, lid } }
}

t.test('a LID becomes a phone number where WhatsApp knows it; it is asked once', async (t) => {
  const asked: string[][] = []
  const { writer, groups } = rig(async (lids) => {
    asked.push([...lids])
    return new Map([[lidOf(1), '+5215500000001']])
  })
  await writer.add(
    [ofLid('a', lidOf(1)), ofLid('b', lidOf(1)), ofLid('c', lidOf(2)), body('d')],
    'live'
  )
  await writer.add([ofLid('e', lidOf(1))], 'live')
  await writer.add([ofLid('f', lidOf(2))], 'live')
  t.same(
    groups.flatMap(({ newRecords }) => newRecords.map(({ message }) => message.phone)),
    ['+5215500000001', '+5215500000001', undefined, '+5215512345678', '+5215500000001', undefined]
  )
  t.same(
    asked,
    [[lidOf(1), lidOf(2)], [lidOf(2)]],
    'what was known is kept, what was not is asked again'
  )
})

t.test('a lookup that fails costs the number, not the message', async (t) => {
  const { writer, bodies, logged } = rig(async () => {
    throw new Error('the page is closed')
  })
  await writer.add([ofLid('a', lidOf(1))], 'live')
  t.same(bodies(), ['a'])
  t.match(logged.of('lid_lookup_failed'), [{ level: 'warn', lids: 1 }])
})

t.test('a lookup that hangs is not waited for long', async (t) => {
  const alive = setInterval(() => undefined, 1_000)
  t.teardown(() => clearInterval(alive))
  const passes = turnClock(t)
  const { writer, bodies, logged } = rig(() => new Promise(() => undefined))
  const added = writer.add([ofLid('a', lidOf(1))], 'live')
  await passes(1_999)
  t.same(bodies(), [])
  await passes(1)
  await added
  t.same(bodies(), ['a'])
  t.match(logged.of('lid_lookup_failed'), [{ err: { message: 'no answer within 2000 ms' } }])
})

t.test(
  'a journal that cannot be written is tried again until it can; nothing is lost and order is kept',
  async (t) => {
    const { writer, failures, bodies, state, logged } = rig()
    state.broken = 'disk full'
    let done = false
    const added = Promise.all([
      writer.add([body('a')], 'live'),
      writer.add([body('b')], 'live')
    ]).then(() => (done = true))
    while (state.tries < 2) await turn()
    t.notOk(done, 'nobody is told that it is on disk')
    const since = writer.failure()?.since
    t.match(writer.failure(), { reason: 'disk full, in plain words' })
    const later = writer.add([body('c')], 'live')
    state.broken = undefined
    await Promise.all([added, later])
    t.same(bodies(), ['a', 'b', 'c'])
    t.equal(writer.failure(), undefined)
    t.same(failures, ['disk full, in plain words', undefined], 'told when it begins and ends')
    t.ok((since ?? Infinity) <= Date.now())
    t.match(
      logged.of('journal_unwritable').map(({ retry_ms }) => retry_ms),
      [100, 200],
      'with a growing delay'
    )
    t.match(logged.of('journal_unwritable')[0], {
      msg: 'the journal cannot be written: disk full, in plain words',
      err: { message: 'disk full' }
    })
    t.equal(logged.of('journal_writable').length, 1)
  }
)

t.test('how long it has been failing counts from the first failure', async (t) => {
  const { writer, state } = rig()
  state.broken = 'disk full'
  void writer.add([body('a')], 'live')
  while (state.tries < 1) await turn()
  const first = writer.failure()?.since
  while (state.tries < 3) await turn()
  t.equal(writer.failure()?.since, first)
  await writer.stop()
})

t.test('stop', async (t) => {
  t.test('waits until all is written', async (t) => {
    const { writer, bodies } = rig()
    for (let count = 0; count < 1_200; count += 1) void writer.add([body(String(count))], 'live')
    await writer.stop()
    t.equal(bodies().length, 1_200)
  })
  t.test(
    'gives up at once when the journal cannot be written, and tells nobody that it was',
    async (t) => {
      const { writer, state } = rig()
      state.broken = 'disk full'
      let told = false
      void writer.add([body('a')], 'live').then(() => (told = true))
      while (state.tries < 4) await turn()
      const started = performance.now()
      await writer.stop()
      t.ok(performance.now() - started < 300, 'not after the next delay, which is 800 ms')
      t.notOk(told)
    }
  )
  t.test('gives up, too, when the journal fails only while it stops', async (t) => {
    const { writer, state } = rig()
    void writer.add([body('a')], 'live')
    state.broken = 'disk full'
    await writer.stop()
    t.equal(state.tries, 1)
    t.match(writer.failure(), { reason: 'disk full, in plain words' })
  })
})

t.test(
  'past 100,000 waiting drafts, live ones are dropped and said to be: they are read back later',
  async (t) => {
    const { writer, state, logged, bodies } = rig()
    state.broken = 'disk full'
    const big = Array.from({ length: 100_000 }, (_, index) => body(String(index)))
    const first = writer.add(big, 'live')
    await writer.add([body('dropped')], 'live')
    let isWritten = false
    const outcome = writer
      .add([newRecord('outcome', { body: 'outcome' }, 'media')], 'live')
      .then(() => (isWritten = true))
    const back = writer.add([body('read back')], 'backfill')
    await turn()
    t.equal(
      isWritten,
      false,
      'the outcome of media waits for the disk: else its file would be fetched again'
    )
    t.match(logged.of('capture_overflow'), [{ level: 'error', dropped: 1 }])
    state.broken = undefined
    await Promise.all([first, outcome, back])
    t.equal(bodies().length, 100_002)
    t.equal(bodies().at(-2), 'outcome')
    t.equal(
      bodies().at(-1),
      'read back',
      'what is read back waits for its turn and is never dropped'
    )
    await writer.add([body('room again')], 'live')
    t.equal(bodies().at(-1), 'room again')
  }
)

t.test(
  'a record that can never be written is left out, and keeps no other from the journal',
  async (t) => {
    const journal = openJournal(join(t.testdir(), 'journal.db'), 'main')
    t.teardown(() => journal.close())
    const logged = logLines()
    const writer = new JournalWriter({
      journal,
      log: logged.log,
      phones: async () => new Map(),
      whyUnwritable: String
    })
    // A number that JSON does not have.
    const bad = newRecord('bad', { timestamp: 1n as unknown as number })
    await Promise.all([
      writer.add([body('a'), bad, body('b')], 'live'),
      writer.add([body('c')], 'live')
    ])
    t.same(
      journal.read(0, 10).map((record) => (record.kind === 'erased' ? '' : record.message.body)),
      ['a', 'b', 'c']
    )
    t.match(logged.of('capture_refused'), [{ level: 'error', kind: 'message', error: 'TypeError' }])
    t.equal(writer.failure(), undefined)
    t.equal(logged.of('journal_unwritable').length, 0)
  }
)

t.test('after somebody changed the number, the number of a LID is looked up again', async (t) => {
  let phone = '+5215500000001'
  const { writer, groups } = rig(async (lids) => new Map(lids.map((lid) => [lid, phone])))
  const from = (id: string, facts: Partial<NewRecord['message']> = {}): NewRecord =>
    newRecord(id, { phone: undefined, lid: lidOf(1), ...facts } as Partial<NewRecord['message']>)
  await writer.add([from('a')], 'live')
  phone = '+5215500000002'
  await writer.add([from('b')], 'live')
  await writer.add(
    [from('c', { number_change: { from: '5215500000001@c.us', to: '5215500000002@c.us' } })],
    'live'
  )
  await writer.add([from('d')], 'live')
  phone = '+5215500000003'
  await writer.add(
    [
      from('e'),
      from('f', { number_change: { from: '5215500000002@c.us', to: '5215500000003@c.us' } }),
      from('g')
    ],
    'live'
  )
  const phones = groups.flatMap(({ newRecords }) => newRecords.map(({ message }) => message.phone))
  t.same(phones, [
    '+5215500000001',
    '+5215500000001',
    '+5215500000002',
    '+5215500000002',
    '+5215500000003',
    '+5215500000003',
    '+5215500000003'
  ])
})

t.test(
  'the waits for a journal that cannot be written are kept, and doubled up to half a minute',
  async (t) => {
    const passes = turnClock(t)
    const { writer, state, logged, bodies } = rig()
    state.broken = 'disk full'
    const added = writer.add([body('a')], 'live')
    await passes(0)
    const waits = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]
    for (const [index, wait] of waits.entries()) {
      t.equal(state.tries, index + 1)
      await passes(wait - 1)
      t.equal(state.tries, index + 1, `not before ${wait} ms`)
      await passes(1)
    }
    t.same(
      logged
        .of('journal_unwritable')
        .slice(0, waits.length)
        .map(({ retry_ms, level, waiting }) => [retry_ms, level, waiting]),
      waits.map((wait) => [wait, 'error', 1])
    )
    state.broken = undefined
    await passes(30_000)
    await added
    t.same(bodies(), ['a'])
    state.broken = 'disk full'
    void writer.add([body('b')], 'live')
    await passes(0)
    t.equal(
      logged.of('journal_unwritable').at(-1)?.['retry_ms'],
      100,
      'after a success they begin small'
    )
    t.match(logged.of('journal_writable'), [{ level: 'info' }])
    await writer.stop()
  }
)

t.test(
  'a group that takes a second to write is slow; that is told once a minute, with what waits',
  async (t) => {
    const { writer, logged, state } = rig()
    const add = async (tookMs: number, count = 1): Promise<void> => {
      state.tookMs = tookMs
      await Promise.all(
        Array.from({ length: count }, (_, n) => writer.add([body(`${state.tries} ${n}`)], 'live'))
      )
    }
    await add(999)
    t.same(logged.of('journal_slow'), [])
    await add(1_000, 3)
    t.match(logged.of('journal_slow'), [{ level: 'warn', ms: 1_000, waiting: 3 }])
    state.tookMs = 0
    state.now += 60_000 - 2_001
    await add(2_000)
    t.equal(logged.of('journal_slow').length, 1)
    state.now += 1
    await add(1_000.4)
    t.match(logged.of('journal_slow').slice(1), [{ ms: 1_000, waiting: 1 }])
    t.match(logged.of('journal_writable'), [], 'it was never told that it could not be written')
  }
)

t.test('a number that the journal has is not asked for in the page', async (t) => {
  const asked: string[][] = []
  const inJournal: string[] = []
  const groups: NewRecord[] = []
  const journal = {
    append: (newRecords: NewRecord[]) => (groups.push(...newRecords), []),
    phone: (lid: string) => (inJournal.push(lid), lid === lidOf(1) ? '+5215500000001' : undefined)
  } as unknown as Journal
  const writer = new JournalWriter({
    journal,
    log: logLines().log,
    whyUnwritable: String,
    phones: async (lids) => {
      asked.push([...lids])
      return new Map(lids.map((lid) => [lid, `+${lid}`]))
    }
  })
  await writer.add([ofLid('a', lidOf(1)), ofLid('b', lidOf(1))], 'live')
  await writer.add([ofLid('c', lidOf(1)), ofLid('d', lidOf(2))], 'live')
  await writer.add(
    [ofLid('e', lidOf(2)), { ...body('f'), message: { ...body('f').message, lid: lidOf(3) } }],
    'live'
  )
  t.same(
    groups.map(({ message }) => message.phone),
    [
      '+5215500000001',
      '+5215500000001',
      '+5215500000001',
      `+${lidOf(2)}`,
      `+${lidOf(2)}`,
      '+5215512345678'
    ]
  )
  t.same(asked, [[lidOf(2)]], 'nor is one of a message that has its number')
  t.same(inJournal, [lidOf(1), lidOf(2)], 'and what is known is not looked for again')
})

t.test('the numbers that are kept are bounded: past 50,000 all are asked for again', async (t) => {
  let asked = 0
  const { writer } = rig(async (lids) => {
    asked += lids.length
    return new Map(lids.map((lid) => [lid, `+${lid}`]))
  })
  await writer.add(
    Array.from({ length: 50_000 }, (_, n) => ofLid(`${n}`, lidOf(n))),
    'live'
  )
  await writer.add([ofLid('one more', lidOf(50_000))], 'live')
  await writer.add([ofLid('a', lidOf(5))], 'live')
  t.equal(asked, 50_001, 'so many are kept')
  await writer.add([ofLid('b', lidOf(60_000))], 'live')
  await writer.add([ofLid('c', lidOf(5)), ofLid('d', lidOf(60_000))], 'live')
  t.equal(asked, 50_003, 'one of before is asked for again, the one since is not')
})

t.test(
  'of a group that cannot be written for its content each record is tried alone, and the disk may fail meanwhile',
  async (t) => {
    const passes = turnClock(t)
    const logged = logLines()
    const written: string[] = []
    let isFull = false
    const refusals: Record<string, () => Error> = {
      type: () => new TypeError('no such type'),
      range: () => new RangeError('too long'),
      big: () => Object.assign(new Error('string or blob too big'), { errcode: 18 }),
      mismatch: () => Object.assign(new Error('datatype mismatch'), { errcode: 20 }),
      extended: () => Object.assign(new Error('datatype mismatch'), { errcode: 20 + 256 })
    }
    const journal = {
      append: (newRecords: readonly NewRecord[]) => {
        if (isFull) throw Object.assign(new Error('disk full'), { errcode: 13 })
        for (const { message } of newRecords) {
          const refuse = refusals[message.body ?? '']
          if (refuse !== undefined) throw refuse()
        }
        written.push(...newRecords.map(({ message }) => message.body ?? ''))
        if (written.at(-1) === 'then full') isFull = true
        return []
      },
      phone: () => undefined
    } as unknown as Journal
    const writer = new JournalWriter({
      journal,
      log: logged.log,
      phones: async () => new Map(),
      whyUnwritable: () => 'the disk is full'
    })
    let isDone = false
    const added = writer
      .add([...Object.keys(refusals).map(body), body('then full'), body('last')], 'live')
      .then(() => (isDone = true))
    await passes(0)
    t.same(written, ['then full'])
    t.equal(logged.of('capture_refused').length, 5)
    t.same(
      logged.of('capture_refused').map(({ error }) => error),
      ['TypeError', 'RangeError', 'Error', 'Error', 'Error']
    )
    t.match(writer.failure(), { reason: 'the disk is full' })
    t.notOk(isDone)

    isFull = false
    await passes(100)
    await added
    t.same(written, ['then full', 'last'])

    let isTold = false
    void writer
      .add([body('type'), body('then full'), body('never')], 'live')
      .then(() => (isTold = true))
    await passes(0)
    await writer.stop()
    await passes(0)
    t.notOk(isTold, 'a group of which one record is not on disk is told as written to nobody')
  }
)

t.test(
  'what waits is bounded by its number, and counted down again as it is written',
  async (t) => {
    const { writer, state, logged, bodies } = rig()
    state.broken = 'disk full'
    const big = Array.from({ length: 99_999 }, (_, index) => body(String(index)))
    const first = writer.add(big, 'live')
    const fits = writer.add([body('fits')], 'live')
    await writer.add([body('one'), body('two')], 'live')
    t.match(logged.of('capture_overflow'), [{ level: 'error', dropped: 2 }])
    const mixed = writer.add(
      [body('beside'), newRecord('outcome', { body: 'an outcome' }, 'media')],
      'live'
    )
    state.broken = undefined
    await Promise.all([first, fits, mixed])
    t.same(
      bodies().slice(-3),
      ['fits', 'beside', 'an outcome'],
      'what comes with an outcome is kept with it'
    )
    await writer.add(
      Array.from({ length: 100_000 }, (_, index) => body(`again ${index}`)),
      'live'
    )
    t.equal(bodies().at(-1), 'again 99999', 'all of it counts as written')
    t.equal(logged.of('capture_overflow').length, 1)
  }
)
