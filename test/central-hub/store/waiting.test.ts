import fc from 'fast-check'
import t from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { propertyRuns } from '../../property-runs.ts'
import { record, reply, testStore } from './open-store.ts'
import { isOnPostgres } from './place.ts'
import { plan } from './waiting-history.ts'
import { WaitingWorld } from './waiting-world.ts'

/**
 * Who waits, by the rule of deploy/systemd/README.md. How to play more histories:
 * test/central-hub/store/waiting-many.ts.
 */

t.test(
  'store, lists, figures, metrics and webhooks agree on who waits with what the handbook says, in any order of arrival',
  { timeout: 900_000 },
  async (t) => {
    const { db } = await testStore(t)
    const world = new WaitingWorld(db)
    await world.begin()

    await fc.assert(
      fc.asyncProperty(plan, (history) => world.play(history)),
      propertyRuns(t, isOnPostgres() ? 60 : 300)
    )
  }
)

t.test(
  'an automatic message is none of a person, also when its deletion on this phone came before its text',
  async (t) => {
    const { db } = await testStore(t)
    const ingest = createIngest({
      db,
      onTaken: () => undefined,
      automaticReplies: ['Gracias por escribirnos']
    })
    const greeting = reply('2', { timestamp: 110, body: 'Gracias por escribirnos, Ana' })
    const deletion = {
      ...greeting,
      kind: 'revoke' as const,
      message: { ...greeting.message, body: '', revoked: { by: 'me' as const } }
    }
    await ingest.take('main', 'j', [record('1', { timestamp: 100 }), deletion])
    await ingest.take('main', 'j', [greeting])
    t.match((await listLeads(db, {}, 10)).items, [
      { unanswered_count: 1, waiting_since: new Date(100_000).toISOString() }
    ])
  }
)

t.test(
  'a message that this account reacted to ends the wait, also once it turns out to be a notice of WhatsApp',
  async (t) => {
    const { db, take } = await testStore(t)
    const secret = record('2', { timestamp: 120, type: 'ciphertext', body: '' })
    const reaction = record('R', {
      timestamp: 130,
      type: 'reaction',
      body: '👍',
      from_me: true,
      reaction: { message_id: secret.message.id, emoji: '👍', sender: '5215587654321@c.us' }
    })
    await take(
      record('1', { timestamp: 100 }),
      { ...secret, kind: 'ciphertext' },
      { ...reaction, kind: 'reaction' },
      { ...secret, message: { ...secret.message, type: 'protocol' } }
    )
    t.match((await listLeads(db, {}, 10)).items, [{ waiting_since: null }])
    await take(record('3', { timestamp: 110 }))
    t.match((await listLeads(db, {}, 10)).items, [{ waiting_since: null, unanswered_count: 0 }])
    await take(record('4', { timestamp: 121 }))
    t.match((await listLeads(db, {}, 10)).items, [
      { waiting_since: new Date(121_000).toISOString(), unanswered_count: 1 }
    ])
  }
)

t.test(
  'a time of 0 is when the record was captured, and one in ms is told in seconds',
  async (t) => {
    const { db, take } = await testStore(t)
    await take(record('1', { timestamp: 0 }))
    const captured = '2026-11-24T12:00:00.000Z'
    t.match((await listLeads(db, {}, 10)).items, [
      { waiting_since: captured, first_seen_at: captured }
    ])
    await take(record('2', { timestamp: 1_700_000_000_123 }))
    t.match((await listLeads(db, {}, 10)).items, [
      { waiting_since: new Date(1_700_000_000_000).toISOString(), unanswered_count: 2 }
    ])
  }
)
