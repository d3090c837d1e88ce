import type { CapturedMessage } from '../../contract/record.ts'
import { isPersonal } from '../../contract/waiting.ts'
import { inChunks, valuesOf } from './in-chunks.ts'
import type { LeadRow } from './leads.ts'
import { addressOf, identityOf, isBotChat, isPerson, isToSelf } from './message-id.ts'
import { phoneKey } from './phone.ts'
import type { Db } from './schema.ts'
import { earlierSource, sourceOf } from './source.ts'

/**
 * What captured messages make of their leads: the leads of many messages are read at once, follow message by message in
 * memory, and are written at once. All of it runs inside the transaction of the ingest.
 */

/** A chat with one person: not a group, a channel, a status update, Meta AI, or WhatsApp's own 0@c.us. */
const isWithPerson = (chatId: string): boolean => {
  const address = addressOf(chatId)
  return isPerson(address) && !isBotChat(address)
}

/** Whether a message belongs to a lead, if there is one; notes to oneself do not. */
export const hasLead = (message: CapturedMessage): boolean =>
  isWithPerson(message.chat_id) && !isToSelf(message) && (message.phone !== undefined || message.lid !== undefined)

const known = [
  'leads.id', 'leads.account', 'leads.phone', 'leads.lid', 'leads.chat_id', 'leads.name', 'leads.imported_name', 'leads.first_seen', 'leads.last_seen',
  'leads.state', 'leads.waiting_since', 'leads.unanswered_count', 'leads.unread_count', 'leads.handled_at', 'leads.last_pk', 'leads.updated_at',
  'leads.ad', 'leads.ad_id', 'leads.ad_at'
] as const
type Known = (typeof known)[number] extends `leads.${infer Column}` ? Column : never

/** What a message can change in a lead, and the moment of the lead's latest message. */
export type KnownLead = Pick<LeadRow, Known & keyof LeadRow> & { last_timestamp: number | null; last_seq: number | null }

/** A lead while messages of it are taken. */
export interface LeadAtWork {
  /** As it will be; `id` is 0 until it is written. */
  row: KnownLead
  isNew: boolean
  /** Another moment at which it was seen, which most messages bring. */
  seen: boolean
  /** Its wait has another beginning, or an end. */
  waits: boolean
  /** It has an address that was not known before. */
  learnt: boolean
  /** Something else, which few messages bring. */
  changed: boolean
}

/** The leads of some messages. */
export interface LeadsAtWork {
  /**
   * The lead a message belongs to, made or brought up to date. `settle` when the message tells that two leads are one
   * person, or that one's number is another now: that is to be settled first, by itself. `none` when there is no lead
   * and the message makes none: no person wrote it.
   */
  of(message: CapturedMessage): LeadAtWork | 'settle' | 'none'
  /** Whether a message tells that a lead has another number, or another LID, from now on. */
  moves(message: CapturedMessage): boolean
  all(): Iterable<LeadAtWork>
}

const learn = (lead: LeadAtWork, message: CapturedMessage, imported: string | null): void => {
  const { row } = lead
  const latest = message.timestamp >= row.last_seen && isPersonal(message)
  const source = earlierSource(row, sourceOf(message) ?? row)
  const name = message.name ?? null
  const next = {
    // a phone number that WhatsApp gave once is not taken back by a message that does not tell it
    phone: message.phone ?? row.phone,
    lid: message.lid ?? row.lid,
    name: latest ? (name ?? row.name) : (row.name ?? name),
    first_seen: isPersonal(message) ? Math.min(row.first_seen, message.timestamp) : row.first_seen,
    imported_name: row.phone === null && row.imported_name === null ? imported : row.imported_name,
    ...source
  }
  lead.learnt ||= next.phone !== row.phone || next.lid !== row.lid
  lead.changed ||= next.ad !== row.ad || next.ad_at !== row.ad_at || next.phone !== row.phone || next.lid !== row.lid || next.name !== row.name || next.first_seen !== row.first_seen || next.imported_name !== row.imported_name
  lead.seen ||= latest && (message.timestamp !== row.last_seen || message.chat_id !== row.chat_id)
  Object.assign(row, next, latest ? { last_seen: message.timestamp, chat_id: message.chat_id } : {})
}

/** A notice of a changed number belongs to whom it leads to: by its old address it would undo the change. */
const underNewAddress = (message: CapturedMessage): CapturedMessage => {
  const to = identityOf(message.number_change?.to)
  if (to.phone === undefined && to.lid === undefined) return message
  const { phone: _phone, lid: _lid, ...facts } = message
  return { ...facts, ...to }
}

const isOther = (now: string | undefined, before: string | null): boolean => now !== undefined && before !== null && now !== before

const atWork = (account: string, rows: readonly KnownLead[], names: ReadonlyMap<string, string>): LeadsAtWork => {
  const [byPhone, byLid] = [new Map<string, LeadAtWork>(), new Map<string, LeadAtWork>()]
  const all = new Set<LeadAtWork>()
  const enter = (lead: LeadAtWork): void => {
    all.add(lead)
    if (lead.row.phone !== null) byPhone.set(lead.row.phone, lead)
    if (lead.row.lid !== null) byLid.set(lead.row.lid, lead)
  }
  for (const row of rows) enter({ row, isNew: false, seen: false, waits: false, learnt: false, changed: false })
  const made = (message: CapturedMessage, imported_name: string | null): LeadAtWork => {
    const { phone = null, lid = null, name = null, chat_id, timestamp } = message
    const source = sourceOf(message) ?? { ad: null, ad_id: null, ad_at: null }
    const row: KnownLead = {
      id: 0, account, phone, lid, chat_id, name, imported_name, first_seen: timestamp, last_seen: timestamp,
      state: 'new', waiting_since: null, unanswered_count: 0, unread_count: 0, handled_at: null, last_pk: null, updated_at: Date.now(),
      last_timestamp: null, last_seq: null, ...source
    }
    return { row, isNew: true, seen: false, waits: false, learnt: true, changed: false }
  }
  return {
    of: (told) => {
      const message = underNewAddress(told)
      const { phone, lid } = message
      const [first, second] = [phone === undefined ? undefined : byPhone.get(phone), lid === undefined ? undefined : byLid.get(lid)]
      const lead = first ?? second
      const imported = phone === undefined ? null : (names.get(phoneKey(phone)) ?? null)
      if (lead === undefined && !isPersonal(message)) return 'none'
      if (lead === undefined) {
        const fresh = made(message, imported)
        enter(fresh)
        return fresh
      }
      if ((second !== undefined && second !== lead) || isOther(phone, lead.row.phone) || isOther(lid, lead.row.lid)) return 'settle'
      learn(lead, message, imported)
      enter(lead)
      return lead
    },
    moves: ({ number_change, timestamp }) => {
      const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
      const isOfOneKind = (from.phone === undefined) === (to.phone === undefined) && (from.lid === undefined) === (to.lid === undefined)
      if (!isOfOneKind || (from.phone === to.phone && from.lid === to.lid)) return false
      const lead = byPhone.get(from.phone ?? '') ?? byLid.get(from.lid ?? '')
      // who is at an address only since then is somebody else
      return lead !== undefined && lead.row.first_seen <= timestamp
    },
    all: () => all
  }
}

/** Leads of one account by what WhatsApp identifies them by. */
const reading = (by: 'phone' | 'lid') =>
  inChunks<{ account: string; key: string }, KnownLead>(
    (db, keys) =>
      db
        .selectFrom('leads')
        .leftJoin('messages as last', 'last.pk', 'leads.last_pk')
        .select([...known, 'last.timestamp as last_timestamp', 'last.seq as last_seq'])
        .where('leads.account', '=', keys[0]?.account ?? '')
        .where(`leads.${by}`, 'in', keys.map(({ key }) => key)),
    (keys) => [keys[0]?.account, ...keys.map(({ key }) => key)]
  )

/** What every message changes. Not each has the same columns: those that stay as they are would have their indexes written anew. */
const updating = (waits: boolean) =>
  inChunks<KnownLead, unknown>(
    (db, rows) =>
      db
        .insertInto('leads')
        .values(rows.map(frequent))
        .onConflict((on) =>
          on.column('id').doUpdateSet(({ ref }) => ({
            chat_id: ref('excluded.chat_id'), last_seen: ref('excluded.last_seen'), updated_at: ref('excluded.updated_at'), last_pk: ref('excluded.last_pk'),
            unanswered_count: ref('excluded.unanswered_count'), unread_count: ref('excluded.unread_count'),
            ...(waits ? { waiting_since: ref('excluded.waiting_since') } : {})
          }))
        ),
    (rows) => valuesOf(rows.map(frequent))
  )
const frequent = ({ id, account, chat_id, first_seen, last_seen, waiting_since, updated_at, unanswered_count, unread_count, last_pk }: KnownLead) => ({
  id, account, chat_id, state: 'new' as const, note: '', first_seen, last_seen, waiting_since, updated_at, unanswered_count, unread_count, last_pk
})

const identity = ({ account, phone, lid, chat_id, name, imported_name, first_seen, last_seen, updated_at, ad, ad_id, ad_at }: KnownLead) => ({
  account, phone, lid, chat_id, name, imported_name, ad, ad_id, ad_at, state: 'new' as const, note: '', first_seen, last_seen, waiting_since: null, updated_at
})

export interface LeadWriter {
  /** The leads of these messages as they are. */
  read(db: Db, account: string, messages: readonly CapturedMessage[]): Promise<LeadsAtWork>
  /** Gives new leads their ids. */
  insert(db: Db, leads: readonly LeadAtWork[]): Promise<void>
  update(db: Db, leads: readonly LeadAtWork[]): Promise<void>
}

export const createLeadWriter = (): LeadWriter => {
  const [byPhone, byLid] = [reading('phone'), reading('lid')]
  const importedNames = inChunks<string, { phone_key: string; name: string }>((db, keys) => db.selectFrom('names').selectAll().where('phone_key', 'in', keys), (keys) => [...keys])
  const insertAll = inChunks<KnownLead, { id: number; phone: string | null; lid: string | null }>(
    (db, rows) => db.insertInto('leads').values(rows.map(identity)).returning(['id', 'phone', 'lid']),
    (rows) => valuesOf(rows.map(identity))
  )
  const [updateSeen, updateWaiting] = [updating(false), updating(true)]
  return {
    read: async (db, account, messages) => {
      const people = messages.flatMap(({ phone, lid, number_change }) => [{ phone, lid }, identityOf(number_change?.from), identityOf(number_change?.to)])
      const [phones, lids] = [new Set(people.flatMap(({ phone }) => phone ?? [])), new Set(people.flatMap(({ lid }) => lid ?? []))]
      const rows = await byPhone(db, [...phones].map((key) => ({ account, key })))
      for (const { phone, lid } of rows) {
        if (phone !== null) phones.delete(phone)
        if (lid !== null) lids.delete(lid)
      }
      rows.push(...(await byLid(db, [...lids].map((key) => ({ account, key })))))
      const names = await importedNames(db, [...new Set([...phones].map(phoneKey))])
      return atWork(account, rows, new Map(names.map(({ phone_key, name }) => [phone_key, name])))
    },
    insert: async (db, leads) => {
      const keyOf = ({ phone, lid }: Pick<KnownLead, 'phone' | 'lid'>): string => `${phone ?? ''} ${lid ?? ''}`
      const byKey = new Map(leads.map((lead) => [keyOf(lead.row), lead]))
      for (const row of await insertAll(db, leads.map(({ row }) => row))) {
        const lead = byKey.get(keyOf(row))
        if (lead !== undefined) lead.row.id = row.id
      }
    },
    update: async (db, leads) => {
      for (const { row: { id, phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at } } of leads.filter(({ isNew, changed }) => changed && !isNew)) {
        await db.updateTable('leads').set({ phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at }).where('id', '=', id).execute()
      }
      await updateSeen(db, leads.filter(({ waits }) => !waits).map(({ row }) => row))
      await updateWaiting(db, leads.filter(({ waits }) => waits).map(({ row }) => row))
    }
  }
}
