import { setTimeout as rest } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { startHousekeeping } from '../../../src/central-hub/follow/housekeeping.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { bringBackReminded } from '../../../src/central-hub/store/write/reminders.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import { writeWaiting } from '../../../src/central-hub/store/write/waiting.ts'
import { getLead, leadRow, listLeads } from '../../../src/central-hub/store/read/leads.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { Store } from '../../../src/central-hub/store/open.ts'
import { record, testStore } from './open-store.ts'

/** Leads that come back at the time of their reminders. */

const iso = (seconds: number): string => new Date(seconds * 1_000).toISOString()

/** Records of as many leads, each of whom asked at 1,000 s. */
const leads = (count: number) =>
  Array.from({ length: count }, (_, n) => {
    const phone = `52155${String(n).padStart(8, '0')}`
    const chat = `${phone}@c.us`
    return record(`m${n}`, {
      id: `false_${chat}_m${n}`,
      chat_id: chat,
      from: chat,
      phone: `+${phone}`,
      timestamp: 1_000
    })
  })

const leadEvents = async (db: Db): Promise<number> =>
  (await db.selectFrom('events').select('id').where('type', '=', 'lead').execute()).length

t.test('each of many leads comes back once, at its time, with an event', async (t) => {
  const { db, take } = await testStore(t)
  const count = 450
  await take(...leads(count))
  for (let id = 1; id <= count; id += 1)
    await patchLead(db, id, { remind_at: iso(2_000 + (id % 2)) }, 1_500_000)
  const before = await leadEvents(db)

  t.equal(await bringBackReminded(db, 1_999_999), 0)
  t.equal(await bringBackReminded(db, 2_000_000), count / 2)
  t.equal(await leadEvents(db), before + count / 2)
  const both = [bringBackReminded(db, 2_001_000), bringBackReminded(db, 2_001_000)]
  const [one = 0, other = 0] = await Promise.all(both)
  t.equal(one + other, count / 2, 'two hubs bring none back twice')
  t.equal(await leadEvents(db), before + count)
  t.equal((await listLeads(db, { waiting: true }, 1_000)).items.length, count)
  t.equal(await bringBackReminded(db, 9_000_000), 0, 'a clock that jumps brings none back again')
})

t.test('housekeeping brings back what was due while no hub ran', async (t) => {
  const { db, take } = await testStore(t)
  await take(...leads(1))
  await patchLead(db, 1, { remind_at: iso(2_000) }, 1_500_000)
  t.match(await getLead(db, 1), { waiting_since: null })
  let changes = 0

  const stop = startHousekeeping({
    store: { db, scrub: async () => undefined } as unknown as Store,
    accounts: [],
    keepMs: 0,
    keepAuditMs: 0,
    onChanged: () => (changes += 1),
    log: pino({ level: 'silent' })
  })
  t.teardown(stop)
  for (let tries = 0; changes === 0 && tries < 500; tries += 1) await rest(10)

  t.equal(changes, 1)
  t.match(await getLead(db, 1), { waiting_since: iso(1_000), unanswered_count: 1 })
})

t.test('of two leads that become one, the earlier reminder stays', async (t) => {
  for (const [first, second, kept] of [
    [3_000, 2_000, 2_000],
    [2_000, 3_000, 2_000],
    [undefined, 3_000, 3_000],
    [2_000, undefined, 2_000]
  ] as const) {
    const { db, take } = await testStore(t)
    await take(...leads(2))
    for (const [at, id] of [
      [first, 1],
      [second, 2]
    ] as const)
      if (at !== undefined) await patchLead(db, id, { remind_at: iso(at) }, 1_500_000)
    const [one, two] = [await leadRow(db, 1), await leadRow(db, 2)]
    if (one === undefined || two === undefined) throw new Error('there are two leads')

    await mergeLeads(db, one, two)
    await writeWaiting(db, 1, { fresh: [], whole: true, albums: false })

    t.match(await getLead(db, 1), { remind_at: iso(kept), waiting_since: null })
  }
})

t.test('the same time again, after it has come, is a change: the clock was set back', async (t) => {
  const { db, take } = await testStore(t)
  await take(...leads(1))
  await patchLead(db, 1, { remind_at: iso(2_000) }, 1_500_000)
  t.match(await patchLead(db, 1, { remind_at: iso(2_000) }, 1_600_000), { changed: false })
  await bringBackReminded(db, 2_000_000)
  t.match(await patchLead(db, 1, { remind_at: iso(2_000) }, 1_700_000), {
    changed: true,
    lead: { waiting_since: null }
  })
})
