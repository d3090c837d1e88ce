import t from 'tap'
import { Stats } from '../../../src/contract/lead.ts'
import { conforms } from '../../platform/conforms.ts'
import { record, reply } from '../store/open-store.ts'
import { serveApi } from './rig.ts'

const hour = 3_600

t.test(
  'GET /api/stats: messages and new leads by day, how fast was answered, who waits',
  async (t) => {
    const { ask, take } = await serveApi(t)
    const now = Math.floor(Date.now() / 1_000)
    // noon, so that a minute later is the same day
    const yesterday = now - (now % (24 * hour)) - 12 * hour
    const other = {
      chat_id: '5215511111111@c.us',
      from: '5215511111111@c.us',
      phone: '+5215511111111'
    }
    await take(
      record('1', { timestamp: yesterday }),
      reply('2', { timestamp: yesterday + 60 }),
      record('3', { timestamp: yesterday + 100 }),
      reply('4', { timestamp: yesterday + 120 }),
      record('5', { ...other, id: '5', timestamp: yesterday + 300 }),
      record('6', { ...other, id: '6', chat_id: '120363025246125486@g.us', timestamp: yesterday })
    )
    const { status, body } = await ask<Stats>('/api/stats?days=3')
    t.equal(status, 200)
    conforms(t, Stats, body, '/api/stats')
    const date = (seconds: number): string => new Date(seconds * 1_000).toISOString().slice(0, 10)
    const days = body.days.map((day) => day.date)
    t.ok(days.includes(date(yesterday)))
    t.match(
      body.days.find((day) => day.date === date(yesterday)),
      { inbound: 3, outbound: 2, new_leads: 2, first_response_s: 40 },
      'those of leads alone'
    )
    t.match(body, {
      first_response: { answered: 2, median_s: 40 },
      waiting: { now: 1, longest_since: new Date((yesterday + 300) * 1_000).toISOString() },
      states: { new: 2, open: 0, won: 0, lost: 0, ignored: 0 }
    })
    t.match((await ask<Stats>('/api/stats?account=other')).body, {
      first_response: { answered: 0, median_s: null, p90_s: null },
      waiting: { now: 0, longest_since: null }
    })
    t.equal((await ask<Stats>('/api/stats')).body.days.length, 30)
  }
)

t.test('GET /api/stats refuses a time zone that there is not', async (t) => {
  const { ask } = await serveApi(t)
  for (const tz of ['Mars/Base', '', '%2B05:00'])
    t.match(
      await ask(`/api/stats?tz=${tz}`),
      { status: 400, body: { errors: [{ field: 'tz' }] } },
      tz
    )
  t.equal((await ask('/api/stats?tz=America/Mexico_City')).status, 200)
  t.equal((await ask('/api/stats?days=367')).status, 400)
})
