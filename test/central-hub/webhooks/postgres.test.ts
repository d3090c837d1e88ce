import t from 'tap'
import { onPostgres } from '../store/place.ts'

/** The tests of the order of deliveries once more: on PostgreSQL. */

await onPostgres(t)
await import('./by-lead.test.ts')
