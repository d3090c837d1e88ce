import { sql } from 'kysely'
import { createIngest, type Ingest } from '../../../src/central-hub/follow/ingest.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { CapturedMessage, InboundRecord, RecordKind } from '../../../src/contract/record.ts'
import { message } from '../../session-manager/journal/new-records.ts'
import type { Scope } from '../../platform/scope.ts'
import { isOnPostgres, ownPlace } from './place.ts'

/** A store of a test's own, and records to put in it. */
export interface TestStore {
  db: Db
  ingest: Ingest
  /** How often something was taken that changed the store. */
  taken(): number
  /** Takes messages as the next records of the journal `j`. */
  take(...records: Partial<InboundRecord>[]): Promise<void>
}

let lastSeq = 0

/** A record; what is not given is a text from a lead. */
export const record = (
  id: string,
  facts: Partial<CapturedMessage> = {},
  kind: RecordKind = 'message',
  more: Partial<InboundRecord> = {}
): InboundRecord => ({
  seq: (lastSeq += 1),
  kind,
  captured_at: '2026-11-24T12:00:00.000Z',
  source: 'live',
  account: 'main',
  message: message(id, facts),
  ...more
})

/** A reply of the operator's. */
export const reply = (
  id: string,
  facts: Partial<CapturedMessage> = {},
  more: Partial<InboundRecord> = {}
): InboundRecord =>
  record(
    id,
    {
      id: `true_5215512345678@c.us_${id}`,
      from_me: true,
      from: '5215587654321@c.us',
      to: '5215512345678@c.us',
      ...facts
    },
    'message',
    more
  )

/** Spares the disk, for a test that fills its store thousands of times. */
export const hurry = async (db: Db): Promise<void> => {
  if (isOnPostgres()) await sql`set synchronous_commit = off`.execute(db)
  else await sql`PRAGMA synchronous = OFF`.execute(db)
}

/**
 * Takes all leads and messages out, and what is known of them, for a test that plays many
 * histories.
 */
export const emptied = async (db: Db): Promise<void> => {
  const tables = [
    'answers',
    'message_counts',
    'reactions',
    'votes',
    'messages',
    'events',
    'merged_leads',
    'leads',
    'cursors',
    'names'
  ] as const
  for (const table of tables) await db.deleteFrom(table).execute()
  await db.updateTable('store').set({ updated_until: 0 }).execute()
}

/** @param place where it is; one of its own if none is given */
export const testStore = async (t: Scope, place?: string): Promise<TestStore> => {
  const store = await openStore(place ?? (await ownPlace(t)))
  t.teardown(() => store.close())
  let taken = 0
  const ingest = createIngest({ db: store.db, onTaken: () => (taken += 1) })
  return {
    db: store.db,
    ingest,
    taken: () => taken,
    take: (...records) => ingest.take('main', 'j', records as InboundRecord[])
  }
}
