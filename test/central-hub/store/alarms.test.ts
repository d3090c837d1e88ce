import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { watchAlarms, watchOnce } from '../../../src/central-hub/alarms/watch.ts'
import { acknowledgeAlarm, pruneAlarms } from '../../../src/central-hub/store/write/alarms.ts'
import {
  createRule,
  deleteRule,
  patchRule,
  writeBusinessHours
} from '../../../src/central-hub/store/write/alarm-rules.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { changeLeads } from '../../../src/central-hub/store/database/transaction.ts'
import { addSessionEvent } from '../../../src/central-hub/store/outbox/outbox.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { listAlarms } from '../../../src/central-hub/store/read/alarms.ts'
import { leadRow } from '../../../src/central-hub/store/read/leads.ts'
import { patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { eraseLeadAlone } from '../../../src/central-hub/store/write/erase.ts'
import { mergeLeads } from '../../../src/central-hub/store/write/merge-lead.ts'
import { writeWaiting } from '../../../src/central-hub/store/write/waiting.ts'
import type { AlarmRuleCreate } from '../../../src/contract/alarm.ts'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import type { Status } from '../../../src/contract/session.ts'
import { record, reply, testStore } from './open-store.ts'

/** Alarms of leads that wait and of sessions that are down, by rules. */

/** A Wednesday, in ms. */
const noon = Date.parse('2026-11-25T12:00:00Z')
const minute = 60_000
const seconds = (ms: number): number => ms / 1_000

const phoneOf = (person: number): string => `521551234567${person}`
const asks = (person: number, id: string, at: number, facts: Partial<CapturedMessage> = {}) => {
  const chat = `${phoneOf(person)}@c.us`
  return record(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    phone: `+${phoneOf(person)}`,
    timestamp: seconds(at),
    ...facts
  })
}
const answers = (person: number, id: string, at: number) => {
  const chat = `${phoneOf(person)}@c.us`
  return reply(id, {
    id: `true_${chat}_${id}`,
    chat_id: chat,
    to: chat,
    phone: `+${phoneOf(person)}`,
    timestamp: seconds(at)
  })
}

const waits = (
  minutes: readonly number[],
  more: Partial<AlarmRuleCreate> = {}
): AlarmRuleCreate => ({
  name: 'waits',
  event: 'lead.waiting',
  steps: minutes.map((after_minutes) => ({ after_minutes })),
  ...more
})

/** Alarms by their lead, or account, and step, in the order in which they were raised. */
const raised = async (db: Db, open?: boolean): Promise<string[]> =>
  (await listAlarms(db, open, 200)).items
    .map(({ lead_id, account, step }) => `${lead_id ?? account}.${step}`)
    .toReversed()

/** What webhooks are told of alarms, with the id under which. */
const told = async (db: Db): Promise<{ type: string; id: string; alarm: number }[]> => {
  const rows = await db
    .selectFrom('outbox')
    .select(['type', 'message_id', 'body'])
    .where('type', 'in', ['lead.waiting', 'session.down', 'session.up'])
    .orderBy('id')
    .execute()
  return rows.map(({ type, message_id, body }) => ({
    type,
    id: message_id,
    alarm: (JSON.parse(body) as { data: { alarm: { id: number } } }).data.alarm.id
  }))
}

const openStore = async (t: Test, ...rules: AlarmRuleCreate[]) => {
  const store = await testStore(t)
  await createWebhook(store.db, {
    url: 'https://crm.example.com/',
    events: ['lead.waiting', 'session.down', 'session.up']
  })
  for (const rule of rules) await createRule(store.db, rule)
  return store
}

t.test(
  'each step comes once, until an answer ends the wait; then another one begins',
  async (t) => {
    const { db, take } = await openStore(t, waits([15, 60]))
    await take(asks(1, 'a', noon))
    const at = (minutes: number) => watchOnce(db, noon + minutes * minute)

    t.equal(await at(14.9), 0)
    t.equal(await at(15), 1)
    t.equal(await at(15), 0, 'again')
    await take(asks(1, 'b', noon + 20 * minute))
    t.equal(await at(40), 0, 'a further question is the same wait')
    await take(asks(1, 'c', noon - 40 * minute))
    t.equal(await at(41), 1, 'an older one that comes late makes it longer, and is the same wait')
    t.same(await raised(db), ['1.1', '1.2'])
    t.equal(await at(600), 0)

    await take(answers(1, 'd', noon + 601 * minute))
    t.equal(await at(602), 2, 'both are over')
    t.same(await raised(db, true), [])
    await take(asks(1, 'e', noon + 610 * minute))
    t.equal(await at(624), 0)
    t.equal(await at(625), 1)
    t.same(await raised(db), ['1.1', '1.2', '1.1'])
    const all = await told(db)
    t.equal(new Set(all.map(({ id }) => id)).size, 3)
    t.same(
      all.map(({ type, alarm }) => [type, alarm]),
      [
        ['lead.waiting', 1],
        ['lead.waiting', 2],
        ['lead.waiting', 3]
      ]
    )
  }
)

t.test('an answer and a question between two looks are another wait', async (t) => {
  const { db, take } = await openStore(t, waits([15]))
  await take(asks(1, 'a', noon))
  await watchOnce(db, noon + 15 * minute)
  await take(answers(1, 'b', noon + 16 * minute), asks(1, 'c', noon + 17 * minute))
  t.equal(await watchOnce(db, noon + 18 * minute), 1, 'the first is over')
  t.equal(await watchOnce(db, noon + 32 * minute), 1)
  t.same(await raised(db), ['1.1', '1.1'])
})

t.test('a rule is of leads in its accounts, states, tags and with its assignees', async (t) => {
  const { db, take } = await openStore(
    t,
    waits([1], { name: 'of main', accounts: ['main'] }),
    waits([1], { name: 'won', states: ['open'] }),
    waits([1], { name: 'vip', tags: ['vip', 'big'] }),
    waits([1], { name: 'nobody', assignees: [''] }),
    waits([1], { name: 'Ana', assignees: ['Ana'] }),
    waits([1], { name: 'off', enabled: false })
  )
  await take(asks(1, 'a', noon), { ...asks(2, 'b', noon), account: 'other' })
  await patchLead(db, 1, { tags: ['big'], assignee: 'Ana', state: 'open' })
  await watchOnce(db, noon + minute)
  const names = (await listAlarms(db, true, 200)).items.map(
    ({ lead_id, rule_name }) => `${lead_id} ${rule_name}`
  )
  t.same(names.toSorted(), ['1 Ana', '1 of main', '1 vip', '1 won', '2 nobody'])
})

t.test(
  'an alarm that is acknowledged keeps back the further steps of its wait alone',
  async (t) => {
    const { db, take } = await openStore(t, waits([15, 30]), waits([30]))
    await take(asks(1, 'a', noon))
    await watchOnce(db, noon + 15 * minute)
    t.match(await acknowledgeAlarm(db, 1, 'Ana'), { acknowledged_by: 'Ana', step: 1 })
    t.match(await acknowledgeAlarm(db, 1, 'Luis'), { acknowledged_by: 'Ana' }, 'the first stays')
    t.equal(await acknowledgeAlarm(db, 99, 'Ana'), undefined)
    await watchOnce(db, noon + 30 * minute)
    t.match((await listAlarms(db, true, 200)).items, [{ rule_id: 2 }, { rule_id: 1, step: 1 }])
    await take(answers(1, 'b', noon + 31 * minute), asks(1, 'c', noon + 32 * minute))
    await watchOnce(db, noon + 100 * minute)
    t.equal((await listAlarms(db, true, 200)).items.length, 3, 'the next wait has all')
  }
)

t.test(
  'a weekend and a change to summer time do not count, in one hub and in another',
  async (t) => {
    const { db, take } = await openStore(t, waits([15], { during: 'business_hours' }))
    const open = [{ from: '09:00', until: '18:00' }]
    await writeBusinessHours(db, {
      time_zone: 'Europe/Madrid',
      weekly: {
        monday: open,
        tuesday: open,
        wednesday: open,
        thursday: open,
        friday: open,
        saturday: [],
        sunday: []
      },
      holidays: []
    })
    // Summer time begins on Sunday, 29 March 2026.
    await take(asks(1, 'a', Date.parse('2026-03-27T16:55:00Z')))
    let first: number | undefined
    const end = Date.parse('2026-03-30T12:00:00Z')
    for (let now = Date.parse('2026-03-27T16:55:00Z'); now < end; now += 5 * minute) {
      const changed = (await Promise.all([watchOnce(db, now), watchOnce(db, now)])).reduce(
        (a, b) => a + b
      )
      if (changed > 0) first ??= now
    }
    t.equal(new Date(first ?? 0).toISOString(), '2026-03-30T07:10:00.000Z')
    t.same(await raised(db), ['1.1'])
    t.equal((await told(db)).length, 1)
  }
)

t.test('what is deleted goes with its alarms, and a lead that is merged brings them', async (t) => {
  const { db, take } = await openStore(t, waits([15]))
  await take(asks(1, 'a', noon), asks(2, 'b', noon), asks(3, 'c', noon))
  await watchOnce(db, noon + 15 * minute)
  await take(answers(1, 'd', noon + 16 * minute))
  await watchOnce(db, noon + 17 * minute)
  await changeLeads(db, async (trx) => {
    const [kept, other] = [await leadRow(trx, 1), await leadRow(trx, 2)]
    if (kept === undefined || other === undefined) throw new Error('both are there')
    await mergeLeads(trx, kept, other)
    await writeWaiting(trx, 1, { fresh: [], whole: true, albums: false })
  })
  t.same(await raised(db, false), ['1.1'])
  t.same(await raised(db, true), ['1.1', '3.1'])
  await watchOnce(db, noon + 20 * minute)
  t.same((await raised(db)).length, 3, 'nothing comes twice')

  const third = await leadRow(db, 3)
  if (third === undefined) throw new Error('it is there')
  await db.updateTable('messages').set({ lead_id: null }).where('lead_id', '=', 3).execute()
  await changeLeads(db, (trx) => eraseLeadAlone(trx, third))
  t.same(await raised(db), ['1.1', '1.1'])
  t.notOk((await told(db)).some(({ alarm }) => alarm === 3))

  t.equal(await deleteRule(db, 1), true)
  t.equal(await deleteRule(db, 1), false)
  t.same(await raised(db), [])
  t.equal(await watchOnce(db, noon + 60 * minute), 0)
})

const session = (status: Status['status']) =>
  ({ status, account: 'main', journal: {}, failures: 0 }) as unknown as Status

t.test('a session that is down has its alarm once, and is told of when it is READY', async (t) => {
  mock.timers.enable({ apis: ['Date'], now: noon })
  t.teardown(() => mock.timers.reset())
  const rule = { ...waits([5, 10]), event: 'session.down' as const }
  const { db } = await openStore(t, rule, { ...rule, accounts: ['other'] })
  const at = async (minutes: number, status: Status['status']) => {
    mock.timers.setTime(noon + minutes * minute)
    await addSessionEvent(db, '', session(status))
    return watchOnce(db, noon + minutes * minute)
  }

  t.equal(await at(0, 'READY'), 0)
  t.equal(await at(1, 'DISCONNECTED'), 0)
  t.equal(await at(5, 'QR_REQUIRED'), 0, 'another status goes on')
  t.equal(await at(6, 'QR_REQUIRED'), 1)
  t.equal(await at(7, 'INIT'), 0)
  t.equal(await at(11, 'INIT'), 1)
  t.equal(await at(12, 'READY'), 2)
  t.equal(await at(13, 'DISCONNECTED'), 0)
  t.equal(await at(18, 'DISCONNECTED'), 1, 'once more')
  t.same(
    (await told(db)).map(({ type }) => type),
    ['session.down', 'session.down', 'session.up', 'session.down']
  )
  t.match((await listAlarms(db, true, 1)).items, [
    { account: 'main', lead_id: null, since: new Date(noon + 13 * minute).toISOString() }
  ])
})

t.test(
  'a session that went down and up and down between two looks is told of as three',
  async (t) => {
    mock.timers.enable({ apis: ['Date'], now: noon })
    t.teardown(() => mock.timers.reset())
    const { db } = await openStore(t, { ...waits([1]), event: 'session.down' as const })
    await addSessionEvent(db, '', session('QR_REQUIRED'))
    await watchOnce(db, noon + minute)
    mock.timers.setTime(noon + 2 * minute)
    await addSessionEvent(db, '', session('READY'))
    await addSessionEvent(db, '', session('QR_REQUIRED'))
    t.equal(await watchOnce(db, noon + 2.1 * minute), 1)
    t.equal(await watchOnce(db, noon + 3 * minute), 1)
    t.same(
      (await told(db)).map(({ type }) => type),
      ['session.down', 'session.up', 'session.down']
    )
  }
)

t.test('a rule that is changed goes for what is not raised yet', async (t) => {
  const { db, take } = await openStore(t, waits([15]))
  await take(asks(1, 'a', noon))
  await patchRule(db, 1, { enabled: false })
  t.equal(await watchOnce(db, noon + 60 * minute), 0)
  await patchRule(db, 1, { enabled: true, steps: [{ after_minutes: 90 }] })
  t.equal(await watchOnce(db, noon + 60 * minute), 0)
  t.equal(await watchOnce(db, noon + 90 * minute), 1)
})

t.test('alarms that were over long ago are deleted, open ones are not', async (t) => {
  const { db, take } = await openStore(t, waits([15]))
  await take(asks(1, 'a', noon), asks(2, 'b', noon))
  await watchOnce(db, noon + 15 * minute)
  await take(answers(1, 'c', noon + 16 * minute))
  await watchOnce(db, noon + 17 * minute)
  await pruneAlarms(db, noon + 17 * minute)
  t.equal((await raised(db)).length, 2)
  await pruneAlarms(db, noon + 18 * minute)
  t.same(await raised(db), ['2.1'])
})

t.test('the watch says what it could not do, and goes on', async (t) => {
  const { db, take } = await openStore(t, waits([1]))
  await take(asks(1, 'a', Math.floor(Date.now() / 1_000) * 1_000 - 5 * minute))
  const { promise, resolve } = Promise.withResolvers<void>()
  const stop = watchAlarms({
    db,
    isCurrent: () => true,
    onChanged: resolve,
    log: { error: () => void t.fail('nothing fails') }
  })
  await promise
  await stop()
  t.same(await raised(db), ['1.1'])

  const lines: unknown[] = []
  await db.schema.dropTable('alarms').execute()
  const failed = Promise.withResolvers<void>()
  const error = (line: unknown): void => {
    lines.push(line)
    failed.resolve()
  }
  const stopFailing = watchAlarms({ db, isCurrent: () => true, onChanged: t.fail, log: { error } })
  await failed.promise
  await stopFailing()
  t.match(lines, [{ event: 'alarms_failed' }])
})
