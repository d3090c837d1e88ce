import type { InboundRecord, JournalRecord } from '../../contract/record.ts'
import { automaticBy, writtenAt } from '../../contract/waiting.ts'
import { PlainError } from '../../platform/harmless.ts'
import { replaceUnstorable } from '../../platform/replace-unstorable.ts'
import { readConversed, type Conversed } from '../store/read/conversed.ts'
import {
  epochOf,
  readCursor,
  ReadTooEarly,
  writeCursor,
  type Cursor
} from '../store/write/cursors.ts'
import { addEvents } from '../store/outbox/events.ts'
import type { Db } from '../store/database/schema.ts'
import { createRecordApplier, type Taken } from '../store/write/apply-records.ts'
import { takeJournal } from '../store/database/transaction.ts'

/**
 * From the journal to the store: records, what follows from them, and the cursor, in one
 * transaction.
 */
export interface Ingest {
  /**
   * Takes records in the journal's order. They are in the store, with the cursor, when this
   * resolves, or none is. Taking a record again changes nothing.
   * @param stands where the cursor is to be before, null: nowhere yet; not given, it may be
   * anywhere
   * @throws {ReadTooEarly} when something was deleted since the cursor was read, {Error} when it is
   * elsewhere: another hub takes the journal
   */
  take(
    account: string,
    journalId: string,
    records: readonly JournalRecord[],
    stands?: Cursor | null
  ): Promise<void>
}

const isCaptured = (record: JournalRecord): record is InboundRecord => record.kind !== 'erased'

/**
 * The record as the store will give it back, also one from before session-manager saw to that. What
 * is looked for by an id that the store keeps as another would not be found, and written a second
 * time, which it refuses each time the record comes.
 */
const asStored = (record: InboundRecord): InboundRecord => {
  const text = JSON.stringify(record)
  if (!/\\u(?:d[89a-f]|0000)/.test(text)) return record
  return JSON.parse(text, (_key, value: unknown) => replaceUnstorable(value)) as InboundRecord
}

/**
 * The record with what this release knows better: the time of one of an early release, and whether
 * a person wrote it.
 */
const corrected = (
  record: InboundRecord,
  isAutomatic: ReturnType<typeof automaticBy>
): InboundRecord => {
  const { message, captured_at } = record
  const timestamp = writtenAt(message, captured_at)
  const isMarked = isAutomatic(message)
  if (timestamp === message.timestamp && !isMarked) return record
  return {
    ...record,
    message: isMarked ? { ...message, timestamp, automatic: true } : { ...message, timestamp }
  }
}

const isSame = (a: Cursor | null, b: Cursor | undefined): boolean =>
  a?.journalId === b?.journalId && a?.seq === b?.seq

const check = async (db: Db, account: string, stands: Cursor | null): Promise<void> => {
  const cursor = await readCursor(db, account)
  if (epochOf(stands) !== epochOf(cursor)) throw new ReadTooEarly(account)
  if (isSame(stands, cursor)) return
  throw new PlainError(
    `another hub takes the journal of account ${account}, too: this one goes on from where that is`
  )
}

interface IngestOptions {
  db: Db
  /** Called after each commit that changed something. */
  onTaken: () => void
  /** Called after a commit with the new messages, for metrics. */
  onConversed?: (conversed: readonly Conversed[]) => void
  /** What automatic messages of WhatsApp Business begin with. */
  automaticReplies?: readonly string[]
}

export const createIngest = ({
  db,
  onTaken,
  onConversed,
  automaticReplies = []
}: IngestOptions): Ingest => {
  const takeRecords = createRecordApplier()
  const isAutomatic = automaticBy(automaticReplies)
  const prepared = (record: InboundRecord): InboundRecord =>
    corrected(asStored(record), isAutomatic)
  return {
    take: async (account, journalId, records, stands) => {
      const last = records.at(-1)
      if (last === undefined) return
      const { isChanged, conversed } = await takeJournal(db, account, async (trx) => {
        if (stands !== undefined) await check(trx, account, stands)
        const taken: Taken = {
          messages: new Set(),
          newMessages: new Set(),
          leads: new Set(),
          newLeads: new Set(),
          removed: []
        }
        for (const [of, captured] of Map.groupBy(
          records.filter(isCaptured).map(prepared),
          (record) => record.account
        ))
          await takeRecords(trx, of, captured, taken)
        // A lead is known to whoever is notified before its messages are.
        const leads = [...taken.leads]
        await addEvents(
          trx,
          'lead',
          leads.filter((id) => taken.newLeads.has(id)),
          taken.newLeads
        )
        await addEvents(trx, 'message', [...taken.messages], taken.newMessages)
        await addEvents(trx, 'lead_removed', taken.removed)
        await addEvents(
          trx,
          'lead',
          leads.filter((id) => !taken.newLeads.has(id))
        )
        await writeCursor(trx, { account, journalId, seq: last.seq })
        const conversed =
          onConversed === undefined ? [] : await readConversed(trx, [...taken.newMessages])
        return {
          isChanged: taken.messages.size + leads.length + taken.removed.length > 0,
          conversed
        }
      })
      onConversed?.(conversed)
      if (isChanged) onTaken()
    }
  }
}
