import type { InboundRecord, JournalRecord } from '../contract/record.ts'
import { writeCursor } from './store/cursors.ts'
import { addEvents } from './store/events.ts'
import type { Db } from './store/schema.ts'
import { writeWaiting, type NewInLead } from './store/waiting.ts'
import { hasLead, writeLead, type WrittenLead } from './store/write-lead.ts'
import { writeMessage, writeResponse } from './store/write-message.ts'

/** From the journal to the store: records, what follows from them, and the cursor, in one transaction. */
export interface Ingest {
  /**
   * Takes records in the journal's order. They are in the store, with the cursor, when this resolves, or none is.
   * Taking a record again changes nothing.
   */
  take(account: string, journalId: string, records: readonly JournalRecord[]): Promise<void>
}

/** What a batch made new or changed, by messages.pk and leads.id. */
interface Batch {
  messages: Set<number>
  newMessages: Set<number>
  leads: Map<number, NewInLead>
  newLeads: Set<number>
  removed: number[]
}

const newsOf = ({ leads }: Batch, id: number): NewInLead => {
  const news = leads.get(id) ?? { fresh: [], whole: false }
  leads.set(id, news)
  return news
}

const noteLead = (batch: Batch, { id, isNew, merged }: WrittenLead): void => {
  if (isNew) batch.newLeads.add(id)
  if (merged === undefined) return
  batch.leads.delete(merged)
  batch.newLeads.delete(merged)
  batch.removed.push(merged)
  newsOf(batch, id).whole = true
}

const takeOne = async (trx: Db, record: InboundRecord, batch: Batch): Promise<void> => {
  if (record.kind === 'reaction' || record.kind === 'vote') {
    const of = await writeResponse(trx, record)
    if (of !== undefined) batch.messages.add(of)
    return
  }
  const lead = hasLead(record.message) ? await writeLead(trx, record.account, record.message) : undefined
  if (lead !== undefined) noteLead(batch, lead)
  const written = await writeMessage(trx, record, lead?.id ?? null)
  if (written === undefined) return
  batch.messages.add(written.pk)
  if (written.isNew) batch.newMessages.add(written.pk)
  if (lead === undefined) return
  const news = newsOf(batch, lead.id)
  if (written.isNew) news.fresh.push(written.pk)
  // what was decrypted may turn out to be of no person
  else if (record.kind === 'message') news.whole = true
}

/** @param onTaken called after each commit that changed something */
export const createIngest = ({ db, onTaken }: { db: Db; onTaken: () => void }): Ingest => ({
  take: async (account, journalId, records) => {
    const last = records.at(-1)
    if (last === undefined) return
    const changed = await db.transaction().execute(async (trx) => {
      const batch: Batch = { messages: new Set(), newMessages: new Set(), leads: new Map(), newLeads: new Set(), removed: [] }
      for (const record of records) if (record.kind !== 'erased') await takeOne(trx, record, batch)
      for (const [lead, news] of batch.leads) await writeWaiting(trx, lead, news)
      await addEvents(trx, 'message', [...batch.messages], batch.newMessages)
      await addEvents(trx, 'lead_removed', batch.removed)
      await addEvents(trx, 'lead', [...batch.leads.keys()], batch.newLeads)
      await writeCursor(trx, { account, journalId, seq: last.seq })
      return batch.messages.size + batch.removed.length > 0
    })
    if (changed) onTaken()
  }
})
