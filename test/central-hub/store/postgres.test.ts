import t from 'tap'
import { onPostgres } from './place.ts'

/** The tests of the store, and of what is told of it, once more: on PostgreSQL. */

await onPostgres(t)
for (const file of ['changes', 'conversation', 'deliveries', 'find', 'lists', 'one-message', 'outbox', 'pages', 'prune-deliveries', 'search', 'waiting', 'waiting-table', 'webhooks', 'who']) await import(`./${file}.test.ts`)
for (const file of ['ingest', 'retention']) await import(`../${file}.test.ts`)
for (const file of ['deletions', 'events', 'exports', 'imports', 'leads', 'messages', 'serve', 'stats', 'webhooks']) await import(`../api/${file}.test.ts`)
