import type { ImportedLead } from '../../../contract/import.ts'
import type { InboundRecord } from '../../../contract/record.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import type { Db } from '../database/schema.ts'
import { phoneKey } from '../database/phone.ts'
import { addEvents } from '../outbox/events.ts'
import { leadsOfPhone } from '../read/identities.ts'
import { getLead, getLeads } from '../read/leads.ts'
import { RecordApplier } from './apply-records.ts'
import { patchLead } from './change-lead.ts'
import { createLead } from './create-lead.ts'
import { latestLine, unansweredOf, writeWaiting } from './waiting.ts'
import { MessageWriter } from './write-message.ts'

/** Adds leads and messages that were not captured here. It runs inside changeLeads. */

/** What an import did. */
interface Imported {
  leads: { created: number; changed: number; unchanged: number }
  messages: { created: number; unchanged: number }
  /** The number, or else the LID, of each lead that was created. */
  newLeads: string[]
}

const applier = new RecordApplier()
const messageWriter = new MessageWriter()

/** Enters a lead, or changes the one that has the number. */
const importLead = async (
  db: Db,
  account: string,
  given: ImportedLead
): Promise<'created' | 'changed' | 'unchanged'> => {
  const { phone, name, whatsapp_name, state, note, tags, assignee } = given
  const [id] = await leadsOfPhone(db, phone, account)
  const lead = id === undefined ? undefined : await getLead(db, id)
  if (lead === undefined) {
    const given = { account, phone, name: name ?? undefined, state, note, tags, assignee }
    await createLead(db, omitUndefined(given))
    return 'created'
  }
  // What WhatsApp shows is not a name that a person gave.
  const isGiven = name != null && name !== whatsapp_name
  const patch = omitUndefined({ state, note, tags, assignee, name: isGiven ? name : undefined })
  const done = await patchLead(db, lead.id, patch)
  if (done?.changed !== true) return 'unchanged'
  await addEvents(db, 'lead', [lead.id])
  return 'changed'
}

/**
 * Marks as handled what would make the lead wait only because it was imported. What waited before
 * goes on waiting.
 * @param isNew whether a message was just imported, by messages.pk
 */
const endImportedWait = async (
  db: Db,
  leadId: number,
  isNew: (pk: number) => boolean
): Promise<void> => {
  const line = await latestLine(db, leadId)
  const asking = await unansweredOf(db, leadId, line)
    .select('pk')
    .orderBy('timestamp')
    .orderBy('seq')
    .execute()
  const firstOthers = asking.findIndex(({ pk }) => !isNew(pk))
  const imported = firstOthers === -1 ? asking : asking.slice(0, firstOthers)
  const last = imported.at(-1)
  if (last !== undefined)
    await db
      .updateTable('messages')
      .set({ handled_at: Date.now() })
      .where('pk', '=', last.pk)
      .execute()
  await writeWaiting(db, leadId, { fresh: [], whole: true, albums: false })
}

/** Records of messages that are not stored under their id. */
const unknownOnly = async (
  db: Db,
  account: string,
  messages: readonly InboundRecord[][]
): Promise<InboundRecord[][]> => {
  const ids = messages.flatMap(([record]) => record?.message.id ?? [])
  const stored = await messageWriter.read(db, account, ids)
  const seen = new Set<string>()
  return messages.filter(([record]) => {
    const id = record?.message.id ?? ''
    if (seen.has(id) || stored.find(id, undefined) !== undefined) return false
    seen.add(id)
    return true
  })
}

/** The records with the numbers of leads as these leads have them. */
const asKnown = async (
  db: Db,
  account: string,
  records: readonly InboundRecord[]
): Promise<InboundRecord[]> => {
  const known = new Map<string, string>()
  for (const phone of new Set(records.flatMap(({ message }) => message.phone ?? []))) {
    const [id] = await leadsOfPhone(db, phone, account)
    const lead = id === undefined ? undefined : await getLead(db, id)
    // One that was entered takes over the spelling of its first message.
    if (lead === undefined || lead.phone === null || lead.last_message === null) continue
    if (phoneKey(lead.phone) === phoneKey(phone)) known.set(phone, lead.phone)
  }
  return records.map((record) => {
    const phone = known.get(record.message.phone ?? '')
    return phone === undefined ? record : { ...record, message: { ...record.message, phone } }
  })
}

/**
 * Adds messages that are not there. There is no event of a message, so nobody is notified.
 * @param messages the records of each
 */
const importMessages = async (
  db: Db,
  account: string,
  messages: readonly InboundRecord[][]
): Promise<{ created: number; newLeads: string[] }> => {
  const unknown = await unknownOnly(db, account, messages)
  const records = await asKnown(db, account, unknown.flat())
  const taken = RecordApplier.nothingTaken()
  await applier.apply(db, account, records, taken)
  for (const id of taken.leads) await endImportedWait(db, id, (pk) => taken.newMessages.has(pk))
  await addEvents(db, 'lead_removed', taken.removed)
  await addEvents(db, 'lead', [...taken.leads])
  const leads = await getLeads(db, [...taken.newLeads])
  const newLeads = [...leads.values()].map(({ id, phone, lid }) => phone ?? lid ?? String(id))
  return { created: taken.newMessages.size, newLeads }
}

/** Imports leads, then messages. Doing it again changes nothing. */
export const importInto = async (
  db: Db,
  account: string,
  leads: readonly ImportedLead[],
  messages: readonly InboundRecord[][]
): Promise<Imported> => {
  const counts = { created: 0, changed: 0, unchanged: 0 }
  const newLeads: string[] = []
  for (const lead of leads) {
    const outcome = await importLead(db, account, lead)
    counts[outcome] += 1
    if (outcome === 'created') newLeads.push(lead.phone)
  }
  const done = await importMessages(db, account, messages)
  counts.created += done.newLeads.length
  return {
    leads: counts,
    messages: { created: done.created, unchanged: messages.length - done.created },
    newLeads: [...newLeads, ...done.newLeads]
  }
}
