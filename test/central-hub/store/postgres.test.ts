import t from 'tap'
import { onPostgres } from './place.ts'

/** The tests of the store once more: on PostgreSQL. */

await onPostgres(t)
for (const file of [
  'alarms',
  'changes',
  'conversation',
  'deliveries',
  'delivery-queues',
  'find',
  'lists',
  'one-message',
  'outbox',
  'pages',
  'prune-deliveries',
  'reminders',
  'search',
  'team',
  'waiting',
  'waiting-table',
  'webhooks',
  'who'
])
  await import(`./${file}.test.ts`)
