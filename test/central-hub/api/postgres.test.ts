import t from 'tap'
import { onPostgres } from '../store/place.ts'

/** The tests of what fills the store and of the routes once more: on PostgreSQL. */

await onPostgres(t)
for (const file of ['housekeeping', 'ingest', 'retention'])
  await import(`../follow/${file}.test.ts`)
for (const file of [
  'alarms',
  'audit',
  'bundle',
  'message-import',
  'create-lead',
  'deletions',
  'events',
  'exports',
  'imports',
  'leads',
  'media-urls',
  'messages',
  'serve',
  'stats',
  'team',
  'updated-since',
  'webhooks'
])
  await import(`./${file}.test.ts`)
