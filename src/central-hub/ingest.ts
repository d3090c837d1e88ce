import type { InboundRecord, JournalRecord } from '../contract/record.ts'
import { writeCursor } from './store/cursors.ts'
import { addEvents } from './store/events.ts'
import type { Db } from './store/schema.ts'
import { hasLead, writeLead, writeWaiting } from './store/write-lead.ts'
import { writeMessage, writeResponse } from './store/write-message.ts'

/** From the journal to the store: records, what follows from them, and the cursor, in one transaction. */
export interface Ingest {
  /**
   * Takes records in the journal's order. They are in the store, with the cursor, when this resolves, or none is.
   * Taking a record again changes nothing.
   */
  take(account: string, journalId: string, records: readonly JournalRecord[]): Promise<void>
}

/** @param onTaken called after each commit that changed something */
export const createIngest = ({ db, onTaken }: { db: Db; onTaken: () => void }): Ingest => {
  const takeOne = async (trx: Db, record: InboundRecord, messages: Set<number>, leads: Set<number>): Promise<void> => {
    if (record.kind === 'reaction' || record.kind === 'vote') {
      const of = await writeResponse(trx, record)
      if (of !== undefined) messages.add(of)
      return
    }
    const lead = hasLead(record.message) ? await writeLead(trx, record.account, record.message) : null
    const pk = await writeMessage(trx, record, lead)
    if (pk !== undefined) messages.add(pk)
    if (pk !== undefined && lead !== null) leads.add(lead)
  }

  return {
    take: async (account, journalId, records) => {
      const last = records.at(-1)
      if (last === undefined) return
      const changed = await db.transaction().execute(async (trx) => {
        const messages = new Set<number>()
        const leads = new Set<number>()
        for (const record of records) if (record.kind !== 'erased') await takeOne(trx, record, messages, leads)
        for (const lead of leads) await writeWaiting(trx, lead)
        await addEvents(trx, 'message', [...messages])
        await addEvents(trx, 'lead', [...leads])
        await writeCursor(trx, { account, journalId, seq: last.seq })
        return messages.size > 0
      })
      if (changed) onTaken()
    }
  }
}
