import t from 'tap'
import type { Static } from 'typebox'
import { watchOnce } from '../../../src/central-hub/alarms/watch.ts'
import { Alarm, AlarmPage, AlarmRule, BusinessHours } from '../../../src/contract/alarm.ts'
import type { Problem } from '../../../src/contract/problem.ts'
import { conforms } from '../../platform/conforms.ts'
import { record } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

/** The routes of alarms, their rules and business hours. */

const rule = { name: 'waits', event: 'lead.waiting', steps: [{ after_minutes: 15 }] }

t.test('a rule is made, changed and removed, and its alarms are listed', async (t) => {
  const { ask, take, db } = await serveApi(t)
  const made = await ask<AlarmRule>('/api/alarm-rules', { method: 'POST', body: rule })
  t.equal(made.status, 201)
  conforms(t, AlarmRule, made.body, 'what was not given has its default')
  t.match(made.body, { ...rule, enabled: true, during: 'always', tags: [] })
  for (const id of ['1', '2', '3'])
    await take(
      record(id, {
        chat_id: `521551234560${id}@c.us`,
        from: `521551234560${id}@c.us`,
        phone: `+521551234560${id}`,
        timestamp: 1_000
      })
    )
  await watchOnce(db, Date.now())

  const first = (await ask<Static<typeof AlarmPage>>('/api/alarms?open=true&limit=2')).body
  conforms(t, AlarmPage, first, 'page')
  t.same(
    first.alarms.map(({ lead_id }) => lead_id),
    [3, 2]
  )
  const rest = await ask<Static<typeof AlarmPage>>(
    `/api/alarms?open=true&limit=2&cursor=${first.next_cursor}`
  )
  t.match(rest.body, { alarms: [{ lead_id: 1, rule_name: 'waits' }], next_cursor: null })
  t.same((await ask<Static<typeof AlarmPage>>('/api/alarms?open=false')).body.alarms, [])

  const noted = await ask<Alarm>('/api/alarms/1/acknowledge', { method: 'POST' })
  conforms(t, Alarm, noted.body, 'alarm')
  t.match(noted.body, { id: 1, acknowledged_by: null })
  t.type(noted.body.acknowledged_at, 'string')
  t.equal((await ask('/api/alarms/9/acknowledge', { method: 'POST' })).status, 404)

  const off = { method: 'PATCH', body: { enabled: false, name: 'waits long' } }
  t.match((await ask('/api/alarm-rules/1', off)).body, { enabled: false, steps: rule.steps })
  t.match((await ask('/api/alarm-rules')).body, { rules: [{ name: 'waits long' }] })
  t.equal((await ask('/api/alarm-rules/9', off)).status, 404)
  t.equal((await ask('/api/alarm-rules/1', { method: 'DELETE' })).status, 204)
  t.equal((await ask('/api/alarm-rules/1', { method: 'DELETE' })).status, 404)
  t.match((await ask('/api/alarms')).body, { alarms: [] })
})

t.test('a rule or hours that cannot be are refused by the name of the field', async (t) => {
  const { ask } = await serveApi(t)
  const open = { from: '09:00', until: '18:00' }
  const weekly = (await ask<BusinessHours>('/api/business-hours')).body.weekly
  conforms(t, BusinessHours, { time_zone: 'UTC', weekly, holidays: [] }, 'always')
  const wrong = [
    ['/steps/1/after_minutes', { ...rule, steps: [{ after_minutes: 15 }, { after_minutes: 15 }] }],
    ['/steps/0/after_minutes', { ...rule, steps: [{ after_minutes: 0 }] }],
    ['/steps', { ...rule, steps: [] }],
    ['/event', { ...rule, event: 'lead.sleeping' }],
    ['/states/0', { ...rule, states: ['asleep'] }]
  ] as const
  for (const [field, body] of wrong) {
    const answer = await ask<Problem>('/api/alarm-rules', { method: 'POST', body })
    t.equal(answer.status, 400, field)
    t.match(answer.body, { errors: [{ field }] })
  }
  const wrongHours = [
    ['/time_zone', { time_zone: 'Mars/Olympus' }],
    [
      '/weekly/monday/1/until',
      { weekly: { ...weekly, monday: [open, { ...open, until: '09:00' }] } }
    ],
    ['/weekly/friday/0/from', { weekly: { ...weekly, friday: [{ ...open, from: '9' }] } }],
    ['/holidays/1', { holidays: ['2026-12-25', '2026-02-30'] }]
  ] as const
  for (const [field, body] of wrongHours) {
    const answer = await ask<Problem>('/api/business-hours', { method: 'PATCH', body })
    t.equal(answer.status, 400, field)
    t.match(answer.body, { errors: [{ field }] })
  }
  const body = { time_zone: 'America/Bogota', weekly: { ...weekly, sunday: [] } }
  t.match((await ask('/api/business-hours', { method: 'PATCH', body })).body, body)
  t.match((await ask('/api/business-hours')).body, { ...body, holidays: [] })

  for (let count = 0; count < 100; count += 1)
    await ask('/api/alarm-rules', { method: 'POST', body: rule })
  const answer = await ask('/api/alarm-rules', { method: 'POST', body: rule })
  t.equal(answer.status, 409, 'as many as there may be')
})
