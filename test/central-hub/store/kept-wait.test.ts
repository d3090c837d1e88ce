import fc from 'fast-check'
import t from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import {
  handleLead,
  patchLead,
  readLead
} from '../../../src/central-hub/store/write/change-lead.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { writeUncounted, writeWaiting } from '../../../src/central-hub/store/write/waiting.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import { propertyRuns } from '../../property-runs.ts'
import { emptied, hurry, record, reply, testStore } from './open-store.ts'
import { automaticReplies, plan, stepsOf } from './waiting-history.ts'

/**
 * A lead's wait is kept with it, message by message: it is what counting all of its messages gives.
 */

const shown = [
  'waiting_since',
  'unanswered_count',
  'unread_count',
  'handled_at',
  'last_pk'
] as const

const keptIn = async (db: Db): Promise<unknown> => ({
  leads: await db
    .selectFrom('leads')
    .select(['id', ...shown])
    .orderBy('id')
    .execute(),
  answers: await db.selectFrom('answers').selectAll().orderBy('reply_pk').execute()
})

const countedAnew = async (db: Db): Promise<unknown> => {
  for (const { id } of await db.selectFrom('leads').select('id').execute())
    await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
  return keptIn(db)
}

t.test(
  'what is kept of a wait is what counting gives, whatever comes and in whatever order',
  { timeout: 0 },
  async (t) => {
    const { db } = await testStore(t)
    await hurry(db)
    const ingest = createIngest({ db, onTaken: () => undefined, automaticReplies })
    await fc.assert(
      fc.asyncProperty(plan, async (history) => {
        await emptied(db)
        let batch: InboundRecord[] = []
        for (const step of stepsOf({ ...history, acts: [] }, 1, 'main')) {
          if ('record' in step) batch.push(step.record)
          if (!step.cut) continue
          await ingest.take('main', 'j', batch)
          batch = []
        }
        if (batch.length > 0) await ingest.take('main', 'j', batch)
        const [kept, counted] = [
          JSON.stringify(await keptIn(db)),
          JSON.stringify(await countedAnew(db))
        ]
        if (kept !== counted) throw new Error(`kept ${kept} instead of ${counted}`)
      }),
      propertyRuns(t, 150)
    )
  }
)

t.test(
  'a lead waits, is answered and waits again, one message at a time and all at once',
  async (t) => {
    const { db, take } = await testStore(t)
    const records = [
      record('1', { timestamp: 100 }),
      record('2', { timestamp: 110 }),
      reply('3', { timestamp: 160 }),
      reply('4', { timestamp: 170 }),
      record('5', { timestamp: 200 }),
      record('N', { timestamp: 210, type: 'e2e_notification', body: '' }),
      reply('6', { timestamp: 230 }),
      record('7', { timestamp: 300 })
    ]
    for (const size of [1, 3, records.length]) {
      await emptied(db)
      for (let start = 0; start < records.length; start += size)
        await take(...records.slice(start, start + size))
      const [lead] = await db
        .selectFrom('leads')
        .innerJoin('messages', 'messages.pk', 'leads.last_pk')
        .select([...shown.map((column) => `leads.${column}` as const), 'messages.id'])
        .execute()
      t.match(
        lead,
        {
          waiting_since: 300,
          unanswered_count: 1,
          unread_count: 1,
          handled_at: null,
          id: record('7').message.id
        },
        `${size} at once`
      )
      const answers = await db
        .selectFrom('answers')
        .select(['account', 'answered_at', 'seconds'])
        .orderBy('answered_at')
        .execute()
      t.same(
        answers,
        [
          { account: 'main', answered_at: 160, seconds: 60 },
          { account: 'main', answered_at: 230, seconds: 30 }
        ],
        `${size} at once`
      )
    }
  }
)

t.test(
  'within one second the order of the journal decides, also of what comes together',
  async (t) => {
    const { db, take } = await testStore(t)
    const waits = async (): Promise<unknown> =>
      (await db.selectFrom('leads').select(['waiting_since', 'unanswered_count']).execute())[0]
    const [first, second, third] = [
      record('1', { timestamp: 100 }),
      reply('2', { timestamp: 100 }),
      record('3', { timestamp: 100 })
    ]
    for (const [records, wanted] of [
      [[first, second], { waiting_since: null, unanswered_count: 0 }],
      [[second, first], { waiting_since: null, unanswered_count: 0 }],
      [[first, second, third], { waiting_since: 100, unanswered_count: 1 }],
      [[third, second, first], { waiting_since: 100, unanswered_count: 1 }],
      [[second, third], { waiting_since: 100, unanswered_count: 1 }]
    ] as const) {
      for (const size of [1, records.length]) {
        await emptied(db)
        for (let start = 0; start < records.length; start += size)
          await take(...records.slice(start, start + size))
        t.same(
          await waits(),
          wanted,
          `${records.map(({ message }) => message.id.at(-1)).join()} by ${size}`
        )
      }
    }
  }
)

t.test('a lead that is ignored or was handled is not counted up', async (t) => {
  const { db, take } = await testStore(t)
  const lead = async (): Promise<unknown> => {
    const [found] = await db
      .selectFrom('leads')
      .select(['waiting_since', 'unanswered_count', 'unread_count', 'handled_at'])
      .execute()
    return found && { ...found, handled_at: found.handled_at !== null }
  }
  const none = { waiting_since: null, unanswered_count: 0, unread_count: 0 }
  await take(record('1', { timestamp: 100 }))
  await patchLead(db, 1, { state: 'ignored' })
  await take(record('2', { timestamp: 200 }))
  t.same(await lead(), { ...none, handled_at: false })
  await patchLead(db, 1, { state: 'open' })
  t.same(await lead(), {
    waiting_since: 100,
    unanswered_count: 2,
    unread_count: 2,
    handled_at: false
  })
  await handleLead(db, 1)
  t.same(await lead(), { ...none, handled_at: true })
  await take(record('3', { timestamp: 300 }), record('4', { timestamp: 310 }))
  t.same(await lead(), {
    waiting_since: 300,
    unanswered_count: 2,
    unread_count: 2,
    handled_at: false
  })
})

t.test('messages that are read back late move what is answered, and by which reply', async (t) => {
  const { db, take } = await testStore(t)
  const waits = async (): Promise<unknown> =>
    (await db.selectFrom('leads').select(['waiting_since', 'unanswered_count']).execute())[0]
  const answers = (): Promise<unknown> =>
    db.selectFrom('answers').select(['answered_at', 'seconds']).orderBy('answered_at').execute()
  await take(record('1', { timestamp: 50 }))
  await take(reply('2', { timestamp: 300 }))
  t.same(await answers(), [{ answered_at: 300, seconds: 250 }])
  await take(reply('3', { timestamp: 100 }), reply('4', { timestamp: 200 }))
  t.same(await answers(), [{ answered_at: 100, seconds: 50 }])
  await take(
    reply('5', {
      timestamp: 210,
      type: 'call_log',
      body: '',
      call: { outcome: 'missed', video: false }
    })
  )
  t.same(
    await waits(),
    { waiting_since: null, unanswered_count: 0 },
    'a call in vain changes nothing'
  )
  await take(record('6', { timestamp: 400 }))
  await take(record('7', { timestamp: 350 }), record('8', { timestamp: 360 }))
  t.same(await waits(), { waiting_since: 350, unanswered_count: 3 })
})

t.test('what was read stays so when all is counted again', async (t) => {
  const { db, take } = await testStore(t)
  const counts = async (): Promise<unknown> =>
    (await db.selectFrom('leads').select(['unanswered_count', 'unread_count']).execute())[0]
  await take(record('1', { timestamp: 100 }), record('2', { timestamp: 110 }))
  await readLead(db, 1)
  t.same(await counts(), { unanswered_count: 2, unread_count: 0 })
  await take(record('3', { timestamp: 120 }))
  t.same(await counts(), { unanswered_count: 3, unread_count: 1 })
  await countedAnew(db)
  t.same(await counts(), { unanswered_count: 3, unread_count: 1 })
})

t.test(
  'a wait that a person ended without a reply begins again with the next message, also when all is counted',
  async (t) => {
    const { db, take } = await testStore(t)
    const answers = (): Promise<unknown> =>
      db.selectFrom('answers').select(['answered_at', 'seconds']).execute()
    const both = async (): Promise<unknown> => {
      const kept = await answers()
      await countedAnew(db)
      return { kept, counted: await answers() }
    }
    const asked = [record('1', { timestamp: 100 }), record('2', { timestamp: 110 })]
    const later = [record('3', { timestamp: 300 }), reply('4', { timestamp: 340 })]
    const own = '5215587654321@c.us'
    const reaction = record(
      'r',
      {
        from_me: true,
        from: own,
        timestamp: 200,
        reaction: { message_id: record('2').message.id, emoji: '👍', sender: own }
      },
      'reaction'
    )
    const ends: Record<string, () => Promise<unknown>> = {
      handled: async () =>
        handleLead(db, (await db.selectFrom('leads').select('id').executeTakeFirstOrThrow()).id),
      'reacted to': () => take(reaction)
    }
    for (const [what, end] of Object.entries(ends)) {
      await emptied(db)
      await take(...asked)
      await end()
      await take(...later)
      const wanted = [{ answered_at: 340, seconds: 40 }]
      t.same(await both(), { kept: wanted, counted: wanted }, what)

      await emptied(db)
      await take(...asked)
      await end()
      await take(reply('5', { timestamp: 400 }))
      t.same(await both(), { kept: [], counted: [] }, `${what}, and nothing was asked since`)
    }
  }
)

t.test(
  'leads that a release before left uncounted are counted at the start, and no others',
  async (t) => {
    const { db, take } = await testStore(t)
    const count = 401
    await take(
      ...Array.from({ length: count }, (_, n) => {
        const chat = `52155${String(n).padStart(8, '0')}@c.us`
        return record(`${n}`, {
          id: `false_${chat}_${n}`,
          chat_id: chat,
          from: chat,
          phone: `+${chat.slice(0, -5)}`,
          timestamp: 1_000 + n
        })
      })
    )
    const wrong = async (): Promise<number> =>
      (await db.selectFrom('leads').select('id').where('unanswered_count', '=', 9).execute()).length
    await db.updateTable('leads').set({ unanswered_count: 9 }).execute()
    let steps = 0
    await writeUncounted(db, () => (steps += 1))
    t.same([await wrong(), steps], [count, 0], 'a change of a lead is younger than its messages')
    await db.updateTable('leads').set({ updated_at: 1_000 }).where('id', '<>', 1).execute()
    await writeUncounted(db, () => (steps += 1))
    t.same([await wrong(), steps], [1, 2], 'two hundred in one transaction')
    await db.updateTable('leads').set({ updated_at: 1_000_000 }).where('id', '=', 1).execute()
    await writeUncounted(db)
    t.equal(await wrong(), 1, 'one that was changed in the second of its message')
  }
)
