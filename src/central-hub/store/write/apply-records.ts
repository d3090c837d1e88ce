import type { Insertable } from 'kysely'
import type { InboundRecord } from '../../../contract/record.ts'
import { turnOf } from '../../../contract/waiting.ts'
import { acknowledge, acknowledgeNew } from './acknowledge.ts'
import { batched, valuesOf } from '../database/batched.ts'
import { mergeDuplicates } from './merge-duplicates.ts'
import { stanzaOf } from '../database/message-id.ts'
import { adoptNotices } from './notices.ts'
import { writeResponse } from '../read/responses.ts'
import type { Database, Db } from '../database/schema.ts'
import { settleLead } from './settle-lead.ts'
import { followWait, writeWaiting, type FreshMessage } from './waiting.ts'
import { createLeadWriter, hasLead, type LeadAtWork, type LeadsAtWork } from './write-lead.ts'
import { createMessageWriter, type MessageAtWork, type MessagesAtWork } from './write-message.ts'

/**
 * Records of one account, many at once: what they are about is read, they are gone through in the
 * journal's order in memory, and what came of it is written. How many come at once makes no
 * difference to the outcome.
 */

/** What records made new or changed, by messages.pk and leads.id. */
export interface Taken {
  messages: Set<number>
  newMessages: Set<number>
  leads: Set<number>
  newLeads: Set<number>
  removed: number[]
}

/**
 * Records taken at once after one that told who a lead is: others of the kind may follow, and each
 * has all read anew.
 */
const afterSettling = 32

/** What has been gone through and is not written yet. */
interface Work {
  leads: LeadsAtWork
  messages: MessagesAtWork
  /** Lead of each new message. */
  fresh: { message: MessageAtWork; lead: LeadAtWork | undefined }[]
  /** Records whose lead was settled: once each, so that taking always goes on. */
  settled: ReadonlySet<InboundRecord>
  changed: Set<MessageAtWork>
  /**
   * Messages that are new or changed, and responses to such, in the order in which that is told.
   */
  told: Set<MessageAtWork | InboundRecord>
  /** Leads with messages that are new or changed, and the new ones. */
  news: Map<LeadAtWork, MessageAtWork[]>
  /** leads.id of those whose wait is to be worked out anew. */
  recount: Set<number>
}

const newsOf = ({ news }: Work, lead: LeadAtWork): MessageAtWork[] => {
  const found = news.get(lead) ?? []
  news.set(lead, found)
  return found
}

/** @returns false when the lead of the record is to be settled first */
const applyRecord = (work: Work, record: InboundRecord): boolean => {
  if (record.kind === 'reaction' || record.kind === 'vote') {
    work.told.add(record)
    return true
  }
  const { message: told } = record
  // A message that is not here was erased here, or is older than this hub: an update does not bring
  // it.
  if (record.kind === 'update' && work.messages.find(told.id, work.leads.known(told)) === undefined)
    return true
  if (
    !work.settled.has(record) &&
    work.leads.moves(told) &&
    work.messages.find(told.id, undefined) === undefined
  )
    return false
  const belongs = hasLead(told)
  const found = belongs ? work.leads.of(record.message, work.settled.has(record)) : 'none'
  if (found === 'settle') return false
  const lead = found === 'none' ? undefined : found
  const taken = work.messages.take(record, lead)
  if (taken === undefined) return true
  const { message, isNew } = taken
  work.told.add(message)
  if (isNew) work.fresh.push({ message, lead })
  else if (message.content === undefined) {
    work.changed.add(message)
    // what was decrypted may turn out to be of no person; and the lead it is in need not be the one
    // this record tells of
    const mayAsk = turnOf(record.message) === 1 && record.message.type !== 'call_log'
    const isUpdate =
      record.kind === 'update' &&
      (message.inAlbum || message.lead !== undefined || taken.isMoved || !mayAsk)
    const mayTurn = record.kind === 'message' || record.kind === 'revoke' || isUpdate
    if (mayTurn && message.row.lead_id !== null) work.recount.add(message.row.lead_id)
  }
  if (lead === undefined) return true
  const news = newsOf(work, lead)
  if (isNew) news.push(message)
  return true
}

const recount = (work: Work, leads: Iterable<number>): void => {
  for (const id of leads) work.recount.add(id)
}

/** What turned out to be of a person is of that person's lead from now on. */
const joinLeads = ({ changed, fresh, recount }: Work): void => {
  for (const { row, changes, lead } of changed) {
    if (lead === undefined || row.lead_id !== null) continue
    row.lead_id = lead.row.id
    changes.lead_id = lead.row.id
    recount.add(lead.row.id)
  }
  for (const { message, lead } of fresh)
    if (message.lead !== undefined && message.lead !== lead) recount.add(message.lead.row.id)
}

const freshOf = (news: readonly MessageAtWork[]): FreshMessage[] =>
  news.flatMap(({ row: { pk }, content, turn, inAlbum }) => {
    if (content?.personal !== 1) return []
    const { account, timestamp, seq } = content
    return [{ pk, account, turn, inAlbum, timestamp, seq }]
  })

/**
 * @returns takes records of one account within the caller's transaction, and notes what they did
 */
export const createRecordApplier = (): ((
  db: Db,
  account: string,
  records: readonly InboundRecord[],
  taken: Taken
) => Promise<void>) => {
  const [leadWriter, messageWriter] = [createLeadWriter(), createMessageWriter()]
  const addAnswers = batched<Insertable<Database['answers']>, unknown>(
    (db, rows) => db.insertInto('answers').values(rows),
    valuesOf
  )

  const writeLeads = async (db: Db, work: Work): Promise<void> => {
    const answers: Insertable<Database['answers']>[] = []
    const unclear: [number, MessageAtWork[]][] = []
    for (const [lead, news] of work.news) {
      if (work.recount.has(lead.row.id)) continue
      const followed = followWait(lead.row, freshOf(news))
      if (followed === undefined) unclear.push([lead.row.id, news])
      else {
        lead.waits = followed.wait.waiting_since !== lead.row.waiting_since
        Object.assign(lead.row, followed.wait)
        answers.push(...followed.answers)
      }
    }
    await leadWriter.update(
      db,
      [...work.leads.all()].filter(
        (lead) =>
          lead.changed || work.news.has(lead) || lead.identities.some(({ isChanged }) => isChanged)
      )
    )
    await addAnswers(db, answers)
    for (const [id, news] of unclear) {
      await writeWaiting(db, id, {
        fresh: news.map(({ row }) => row.pk),
        whole: false,
        albums: news.some(({ inAlbum }) => inAlbum)
      })
    }
    for (const id of work.recount)
      await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
  }

  const write = async (db: Db, account: string, work: Work, taken: Taken): Promise<void> => {
    const newLeads = [...work.leads.all()].filter(({ isNew }) => isNew)
    await leadWriter.insert(db, newLeads)
    joinLeads(work)
    await messageWriter.insert(
      db,
      work.fresh.map(({ message }) => ({ message, leadId: message.lead?.row.id ?? null }))
    )
    await messageWriter.update(db, work.changed)
    await adoptNotices(
      db,
      [...work.leads.all()].filter(({ learnt }) => learnt).map(({ row }) => row)
    )
    for (const { message } of work.fresh) taken.newMessages.add(message.row.pk)
    for (const one of work.told) {
      const pk = 'row' in one ? one.row.pk : await writeResponse(db, one)
      if (pk === undefined) continue
      taken.messages.add(pk)
      if (!('row' in one) && one.message.from_me) recount(work, await acknowledge(db, pk))
    }
    recount(
      work,
      await acknowledgeNew(
        db,
        account,
        work.fresh.flatMap(({ message: { row, content } }) =>
          content?.from_me === 0 ? [{ pk: row.pk, stanza: stanzaOf(row.id) }] : []
        )
      )
    )
    for (const { row, learnt, changed, isNew } of work.leads.all()) {
      if (learnt && !isNew) work.recount.add(row.id)
      // A record that tells nothing new of its message may tell something of its lead.
      if (changed) taken.leads.add(row.id)
    }
    await writeLeads(db, work)
    for (const { row } of newLeads) {
      taken.newLeads.add(row.id)
      // Also one whose message is in another lead.
      taken.leads.add(row.id)
    }
    for (const { row } of work.news.keys()) taken.leads.add(row.id)
    for (const id of work.recount) taken.leads.add(id)
    // A lead shows its latest message, also when the record itself names no lead, or another one.
    for (const { row } of work.changed) if (row.lead_id !== null) taken.leads.add(row.lead_id)
  }

  /** A record that tells who its lead is. */
  const settle = async (
    db: Db,
    account: string,
    record: InboundRecord,
    taken: Taken
  ): Promise<void> => {
    const { changed, made, merged } = await settleLead(db, account, record.message)
    for (const id of merged) {
      taken.leads.delete(id)
      taken.newLeads.delete(id)
      taken.removed.push(id)
    }
    for (const id of made) taken.newLeads.add(id)
    for (const id of changed) {
      taken.leads.add(id)
      const duplicates = await mergeDuplicates(db, id)
      for (const pk of duplicates.removed) {
        taken.messages.delete(pk)
        taken.newMessages.delete(pk)
      }
      for (const pk of duplicates.kept) taken.messages.add(pk)
      await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
    }
  }

  /** @returns how many were taken: those before the next one whose lead is to be settled */
  const takeSome = async (
    db: Db,
    account: string,
    records: readonly InboundRecord[],
    taken: Taken,
    settled: ReadonlySet<InboundRecord>
  ): Promise<number> => {
    const messages = records
      .filter(({ kind }) => kind !== 'reaction' && kind !== 'vote')
      .map(({ message }) => message)
    const ofLeads = messages.filter(
      (message) => hasLead(message) || message.number_change !== undefined
    )
    const work: Work = {
      leads: await leadWriter.read(db, account, ofLeads),
      messages: await messageWriter.read(db, account, new Set(messages.map(({ id }) => id))),
      settled,
      fresh: [],
      changed: new Set(),
      told: new Set(),
      news: new Map(),
      recount: new Set()
    }
    const stop = records.findIndex((record) => !applyRecord(work, record))
    await write(db, account, work, taken)
    return stop === -1 ? records.length : stop
  }

  return async (db, account, records, taken) => {
    const settled = new Set<InboundRecord>()
    for (let start = 0, size = records.length; start < records.length; ) {
      const part = records.slice(start, start + size)
      const count = await takeSome(db, account, part, taken, settled)
      start += count
      const next = part[count]
      if (next !== undefined) {
        settled.add(next)
        await settle(db, account, next, taken)
      }
      size = next === undefined ? records.length : afterSettling
    }
  }
}
