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
import { RecordApplier, type Taken } from '../store/write/apply-records.ts'
import { takeJournal } from '../store/database/transaction.ts'

/** Takes records of a journal into the store. */
export interface Ingest {
  /**
   * Takes records in the journal's order, in one transaction: the records, what follows from them,
   * and the cursor. Once this resolves, everything is stored; after an error, nothing is. Taking a
   * record again changes nothing.
   * @param expected the cursor that the store must have: null, none yet; undefined, any
   * @throws {ReadTooEarly} when something was deleted since the cursor was read; {Error} when the
   * store has another cursor, because another hub takes the journal
   */
  take(
    account: string,
    journalId: string,
    records: readonly JournalRecord[],
    expected?: Cursor | null
  ): Promise<void>
}

const isCaptured = (record: JournalRecord): record is InboundRecord => record.kind !== 'erased'

/**
 * The record as the store will give it back. An early session-manager left text in it that a store
 * cannot keep. An id in another form than the stored one would not be found. Its message
 * would be inserted again, and UNIQUE (account, id) would refuse the batch each time.
 */
const asStored = (record: InboundRecord): InboundRecord => {
  const text = JSON.stringify(record)
  if (!/\\u(?:d[89a-f]|0000)/.test(text)) return record
  return JSON.parse(text, (_key, value: unknown) => replaceUnstorable(value)) as InboundRecord
}

/**
 * The record with what this release knows better: the time of a message of an early release, and
 * whether a person wrote it.
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

const checkCursor = async (db: Db, account: string, expected: Cursor | null): Promise<void> => {
  const cursor = await readCursor(db, account)
  if (epochOf(expected) !== epochOf(cursor)) throw new ReadTooEarly(account)
  if (isSame(expected, cursor)) return
  throw new PlainError(
    `another hub takes the journal of account ${account}, too: this one goes on from where that is`
  )
}

const addTakenEvents = async (db: Db, taken: Taken): Promise<void> => {
  const { newLeads, newMessages, removed } = taken
  const leads = [...taken.leads]
  // A client hears of a lead before it hears of its messages.
  const createdLeads = leads.filter((id) => newLeads.has(id))
  await addEvents(db, 'lead', createdLeads, newLeads)
  await addEvents(db, 'message', [...taken.messages], newMessages)
  await addEvents(db, 'lead_removed', removed)
  const changedLeads = leads.filter((id) => !newLeads.has(id))
  await addEvents(db, 'lead', changedLeads)
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
  const applier = new RecordApplier()
  const isAutomatic = automaticBy(automaticReplies)
  const prepare = (record: InboundRecord): InboundRecord => corrected(asStored(record), isAutomatic)

  const applyAll = async (trx: Db, records: readonly JournalRecord[]): Promise<Taken> => {
    const taken = RecordApplier.nothingTaken()
    const captured = records.filter(isCaptured).map(prepare)
    for (const [account, itsRecords] of Map.groupBy(captured, (record) => record.account))
      await applier.apply(trx, account, itsRecords, taken)
    return taken
  }

  return {
    take: async (account, journalId, records, expected) => {
      const last = records.at(-1)
      if (last === undefined) return
      const { isChanged, conversed } = await takeJournal(db, account, async (trx) => {
        if (expected !== undefined) await checkCursor(trx, account, expected)
        const taken = await applyAll(trx, records)
        await addTakenEvents(trx, taken)
        await writeCursor(trx, { account, journalId, seq: last.seq })
        return {
          isChanged: taken.messages.size + taken.leads.size + taken.removed.length > 0,
          conversed:
            onConversed === undefined ? [] : await readConversed(trx, [...taken.newMessages])
        }
      })
      onConversed?.(conversed)
      if (isChanged) onTaken()
    }
  }
}
