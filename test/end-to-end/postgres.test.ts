import t from 'tap'
import { onPostgres } from '../central-hub/store/place.ts'

/** The tests of the whole way once more, with the hub's store on PostgreSQL. */

await onPostgres(t)
for (const file of ['message', 'webhooks', 'nats', 'kill']) await import(`./${file}.test.ts`)
