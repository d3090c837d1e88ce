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
import { resolveIdentities } from './resolve-identities.ts'
import { followWait, writeWaiting, type FreshMessage } from './waiting.ts'
import { hasLead, LeadWriter, type PendingLead, type PendingLeads } from './write-lead.ts'
import { MessageWriter, type PendingMessage, type PendingMessages } from './write-message.ts'

/**
 * Applies many records of one account together. It reads what they are about, goes through them in
 * memory in the journal's order, and writes the result. How many come together makes no difference
 * to the outcome.
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
 * The most records that are applied together after one that said who a lead is. Others of the kind
 * may follow, and each has everything read again.
 */
const batchAfterResolving = 32

/** What has been applied in memory and is not written yet. */
interface Work {
  leads: PendingLeads
  messages: PendingMessages
  /** Each new message, with the lead that its record names. */
  newMessages: { message: PendingMessage; lead: PendingLead | undefined }[]
  /** Records whose lead was resolved: once each, so that the work always goes on. */
  resolved: ReadonlySet<InboundRecord>
  changedMessages: Set<PendingMessage>
  /** Messages that are new or changed, and responses to such, in the order of their events. */
  notified: Set<PendingMessage | InboundRecord>
  /** Leads with messages that are new or changed, each with its new ones. */
  newByLead: Map<PendingLead, PendingMessage[]>
  /** leads.id of the leads whose wait is worked out again from all messages. */
  recount: Set<number>
}

const newMessagesOf = ({ newByLead }: Work, lead: PendingLead): PendingMessage[] => {
  const messages = newByLead.get(lead) ?? []
  newByLead.set(lead, messages)
  return messages
}

/** Whether a change of a message may change who waits. */
const mayChangeWait = (
  { kind, message }: InboundRecord,
  pending: PendingMessage,
  isMoved: boolean
): boolean => {
  if (kind === 'message' || kind === 'revoke') return true
  if (kind !== 'update') return false
  // What was decrypted may turn out to be of no person. The lead of the message need not be the one
  // that this record names.
  const mayAsk = turnOf(message) === 1 && message.type !== 'call_log'
  return pending.inAlbum || pending.lead !== undefined || isMoved || !mayAsk
}

/** @returns `resolve-first` when the lead of the record must be resolved before the record */
const applyRecord = (work: Work, record: InboundRecord): 'applied' | 'resolve-first' => {
  const { kind, message } = record
  if (kind === 'reaction' || kind === 'vote') {
    work.notified.add(record)
    return 'applied'
  }
  // A message that is not in the store was erased there, or is older than this hub. An update does
  // not bring it back.
  if (kind === 'update' && work.messages.find(message.id, work.leads.find(message)) === undefined)
    return 'applied'
  const isResolved = work.resolved.has(record)
  if (
    !isResolved &&
    work.leads.changesAddress(message) &&
    work.messages.find(message.id, undefined) === undefined
  )
    return 'resolve-first'
  const lead = hasLead(message) ? work.leads.leadOf(message, isResolved) : 'none'
  if (lead === 'resolve-first') return 'resolve-first'
  applyToMessage(work, record, lead === 'none' ? undefined : lead)
  return 'applied'
}

const applyToMessage = (work: Work, record: InboundRecord, lead: PendingLead | undefined): void => {
  const change = work.messages.apply(record, lead)
  if (change === undefined) return
  const { message, isNew, isMoved } = change
  work.notified.add(message)
  if (isNew) work.newMessages.push({ message, lead })
  else if (message.content === undefined) {
    work.changedMessages.add(message)
    const { lead_id } = message.row
    if (lead_id !== null && mayChangeWait(record, message, isMoved)) work.recount.add(lead_id)
  }
  if (lead === undefined) return
  const newMessages = newMessagesOf(work, lead)
  if (isNew) newMessages.push(message)
}

const recount = (work: Work, leads: Iterable<number>): void => {
  for (const id of leads) work.recount.add(id)
}

/** Gives each message that turned out to be of a person the lead of that person. */
const joinLeads = ({ changedMessages, newMessages, recount }: Work): void => {
  for (const { row, changes, lead } of changedMessages) {
    if (lead === undefined || row.lead_id !== null) continue
    row.lead_id = lead.row.id
    changes.lead_id = lead.row.id
    recount.add(lead.row.id)
  }
  for (const { message, lead } of newMessages)
    if (message.lead !== undefined && message.lead !== lead) recount.add(message.lead.row.id)
}

const freshOf = (messages: readonly PendingMessage[]): FreshMessage[] =>
  messages.flatMap(({ row: { pk }, content, turn, inAlbum }) => {
    if (content?.personal !== 1) return []
    const { account, timestamp, seq } = content
    return [{ pk, account, turn, inAlbum, timestamp, seq }]
  })

/** Messages from the contact, whose wait a response by the team may end. */
const acknowledgeable = ({ newMessages }: Work): { pk: number; stanza: string }[] =>
  newMessages.flatMap(({ message: { row, content } }) =>
    content?.from_me === 0 ? [{ pk: row.pk, stanza: stanzaOf(row.id) }] : []
  )

/** Says which leads this changed, once all is written. */
const noteLeads = (work: Work, newLeads: readonly PendingLead[], taken: Taken): void => {
  for (const { row } of newLeads) {
    taken.newLeads.add(row.id)
    // Also a lead whose message is in another one.
    taken.leads.add(row.id)
  }
  for (const { row } of work.newByLead.keys()) taken.leads.add(row.id)
  for (const id of work.recount) taken.leads.add(id)
  // A lead shows its latest message, also when the record itself names no lead, or another one.
  for (const { row } of work.changedMessages) if (row.lead_id !== null) taken.leads.add(row.lead_id)
}

/** Applies records within the transaction of its caller. */
export class RecordApplier {
  /** What nothing was applied to yet. */
  static nothingTaken(): Taken {
    return {
      messages: new Set(),
      newMessages: new Set(),
      leads: new Set(),
      newLeads: new Set(),
      removed: []
    }
  }

  readonly #leadWriter = new LeadWriter()
  readonly #messageWriter = new MessageWriter()
  readonly #addAnswers = batched<Insertable<Database['answers']>, unknown>(
    (db, rows) => db.insertInto('answers').values(rows),
    valuesOf
  )

  /** @param taken gets what the records did */
  async apply(
    db: Db,
    account: string,
    records: readonly InboundRecord[],
    taken: Taken
  ): Promise<void> {
    const resolved = new Set<InboundRecord>()
    for (let start = 0, size = records.length; start < records.length; ) {
      const batch = records.slice(start, start + size)
      const count = await this.#applyBatch(db, account, batch, taken, resolved)
      start += count
      const next = batch[count]
      if (next !== undefined) {
        resolved.add(next)
        await this.#resolve(db, account, next, taken)
      }
      size = next === undefined ? records.length : batchAfterResolving
    }
  }

  /** @returns how many were applied: those before the next one whose lead must be resolved */
  async #applyBatch(
    db: Db,
    account: string,
    records: readonly InboundRecord[],
    taken: Taken,
    resolved: ReadonlySet<InboundRecord>
  ): Promise<number> {
    const messages = records
      .filter(({ kind }) => kind !== 'reaction' && kind !== 'vote')
      .map(({ message }) => message)
    const ofLeads = messages.filter(
      (message) => hasLead(message) || message.number_change !== undefined
    )
    const ids = new Set(messages.map(({ id }) => id))
    const work: Work = {
      leads: await this.#leadWriter.read(db, account, ofLeads),
      messages: await this.#messageWriter.read(db, account, ids),
      resolved,
      newMessages: [],
      changedMessages: new Set(),
      notified: new Set(),
      newByLead: new Map(),
      recount: new Set()
    }
    const stop = records.findIndex((record) => applyRecord(work, record) === 'resolve-first')
    await this.#write(db, account, work, taken)
    return stop === -1 ? records.length : stop
  }

  async #write(db: Db, account: string, work: Work, taken: Taken): Promise<void> {
    const leads = [...work.leads.all()]
    const newLeads = leads.filter(({ isNew }) => isNew)
    await this.#leadWriter.insert(db, newLeads)
    joinLeads(work)
    await this.#writeMessages(db, work)
    await adoptNotices(
      db,
      leads.filter(({ learnt }) => learnt).map(({ row }) => row)
    )
    for (const { message } of work.newMessages) taken.newMessages.add(message.row.pk)
    await this.#writeResponses(db, work, taken)
    recount(work, await acknowledgeNew(db, account, acknowledgeable(work)))
    for (const { row, learnt, changed, isNew } of leads) {
      if (learnt && !isNew) work.recount.add(row.id)
      // A record may say something new of its lead and nothing new of its message.
      if (changed) taken.leads.add(row.id)
    }
    await this.#writeLeads(db, work)
    noteLeads(work, newLeads, taken)
  }

  async #writeMessages(db: Db, { newMessages, changedMessages }: Work): Promise<void> {
    await this.#messageWriter.insert(
      db,
      newMessages.map(({ message }) => ({ message, leadId: message.lead?.row.id ?? null }))
    )
    await this.#messageWriter.update(db, changedMessages)
  }

  /** Writes reactions and votes, and notes all messages that have events, in their order. */
  async #writeResponses(db: Db, work: Work, taken: Taken): Promise<void> {
    for (const item of work.notified) {
      const pk = 'row' in item ? item.row.pk : await writeResponse(db, item)
      if (pk === undefined) continue
      taken.messages.add(pk)
      if (!('row' in item) && item.message.from_me) recount(work, await acknowledge(db, pk))
    }
  }

  async #writeLeads(db: Db, work: Work): Promise<void> {
    const answers: Insertable<Database['answers']>[] = []
    const unclear: [number, PendingMessage[]][] = []
    for (const [lead, messages] of work.newByLead) {
      if (work.recount.has(lead.row.id)) continue
      const followed = followWait(lead.row, freshOf(messages))
      if (followed === undefined) unclear.push([lead.row.id, messages])
      else {
        lead.waits = followed.wait.waiting_since !== lead.row.waiting_since
        Object.assign(lead.row, followed.wait)
        answers.push(...followed.answers)
      }
    }
    const changedLeads = [...work.leads.all()].filter(
      (lead) =>
        lead.changed ||
        work.newByLead.has(lead) ||
        lead.identities.some(({ isChanged }) => isChanged)
    )
    await this.#leadWriter.update(db, changedLeads)
    await this.#addAnswers(db, answers)
    for (const [id, messages] of unclear) {
      await writeWaiting(db, id, {
        fresh: messages.map(({ row }) => row.pk),
        whole: false,
        albums: messages.some(({ inAlbum }) => inAlbum)
      })
    }
    for (const id of work.recount)
      await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
  }

  /** Applies what a record says of who its lead is. */
  async #resolve(db: Db, account: string, record: InboundRecord, taken: Taken): Promise<void> {
    const { changed, made, merged } = await resolveIdentities(db, account, record.message)
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
}
