import t from 'tap'
import { onPostgres } from '../central-hub/store/place.ts'

/** The tests of the whole way once more, with the hub's store on PostgreSQL. */

// they mostly wait: for browsers, restarts, and the time until a webhook is tried again
t.jobs = 2
await onPostgres(t)
for (const file of ['message', 'webhooks', 'nats', 'kill']) await import(`./${file}.test.ts`)
