import { sql } from 'kysely'
import type { CapturedMessage } from '../../../contract/record.ts'
import { isPersonal } from '../../../contract/waiting.ts'
import { formerOwner, type Claim } from '../read/identities.ts'
import { batched, valuesOf } from '../database/batched.ts'
import type { LeadRow } from '../read/leads.ts'
import { addressOf, identityOf, isBotChat, isPerson, isToSelf } from '../database/message-id.ts'
import { phoneKey } from '../database/phone.ts'
import type { Db } from '../database/schema.ts'
import { earlierSource, sourceOf } from '../read/source.ts'
import { adoptSpellings } from './spellings.ts'

/**
 * What captured messages make of their leads: the leads of many messages are read at once, follow
 * message by message in memory, and are written at once. All of it runs inside the transaction of
 * the ingest.
 */

/**
 * A chat with one person: not a group, a channel, a status update, Meta AI, or WhatsApp's own
 * 0@c.us.
 */
const isWithPerson = (chatId: string): boolean => {
  const address = addressOf(chatId)
  return isPerson(address) && !isBotChat(address)
}

/** Whether a message belongs to a lead, if there is one; notes to oneself do not. */
export const hasLead = (message: CapturedMessage): boolean =>
  isWithPerson(message.chat_id) &&
  !isToSelf(message) &&
  (message.phone !== undefined || message.lid !== undefined)

const known = [
  'leads.id',
  'leads.account',
  'leads.phone',
  'leads.lid',
  'leads.phone_at',
  'leads.chat_id',
  'leads.name',
  'leads.imported_name',
  'leads.first_seen',
  'leads.last_seen',
  'leads.state',
  'leads.waiting_since',
  'leads.unanswered_count',
  'leads.unread_count',
  'leads.handled_at',
  'leads.last_pk',
  'leads.updated_at',
  'leads.entered_at',
  'leads.ad',
  'leads.ad_id',
  'leads.ad_at'
] as const
type Known = (typeof known)[number] extends `leads.${infer Column}` ? Column : never

/** What a message can change in a lead, and the moment of the lead's latest message. */
type KnownLead = Pick<LeadRow, Known & keyof LeadRow> & {
  last_timestamp: number | null
  last_seq: number | null
}

/** What a lead is known by: a phone number, a LID, and when a message told both together last. */
interface IdentityAtWork {
  lead: LeadAtWork
  /** The lead's own row; or a row of merged_identities, with its id. */
  row: Pick<KnownLead, 'phone' | 'lid' | 'phone_at'>
  merged_id: number | undefined
  isChanged: boolean
}

/** A lead while messages of it are taken. */
export interface LeadAtWork {
  /** As it will be; `id` is 0 until it is written. */
  row: KnownLead
  isNew: boolean
  /** Its wait has another beginning, or an end. */
  waits: boolean
  /** It has an address that was not known before. */
  learnt: boolean
  /**
   * A person entered it, and no message of it has come yet: what it was last seen by is no message.
   */
  isSilent: boolean
  /** Those of its identities that are known here. */
  identities: IdentityAtWork[]
  /** Something else, which few messages bring. */
  changed: boolean
}

/** The leads of some messages. */
export interface LeadsAtWork {
  /**
   * The lead a message belongs to, made or brought up to date. `settle` when the message tells that
   * two leads are one person, or that one's number is another now: that is to be settled first, by
   * itself. `none` when there is no lead and the message makes none: no person wrote it.
   * @param isSettled the message was settled before: what is known now is all that it tells
   */
  of(message: CapturedMessage, isSettled: boolean): LeadAtWork | 'settle' | 'none'
  /** The lead of whoever a message names, if there is one; it stays as it is. */
  known(message: CapturedMessage): LeadAtWork | undefined
  /** Whether a message tells that a lead has another number, or another LID, from now on. */
  moves(message: CapturedMessage): boolean
  all(): Iterable<LeadAtWork>
}

/**
 * @param identity the one that the message is of
 * @param pair what it tells of that identity, if anything
 */
const learn = (
  identity: IdentityAtWork,
  message: CapturedMessage,
  pair: Pair | undefined,
  imported: string | null
): void => {
  const { lead } = identity
  const isNamed = pair !== undefined && identity.row.phone === null
  if (pair !== undefined) learnIdentity(identity, pair)
  const { row } = lead
  const latest = isPersonal(message) && (lead.isSilent || message.timestamp >= row.last_seen)
  if (isPersonal(message)) lead.isSilent = false
  const source = earlierSource(row, sourceOf(message) ?? row)
  const name = message.name ?? null
  const next = {
    name: latest ? (name ?? row.name) : (row.name ?? name),
    first_seen: isPersonal(message) ? Math.min(row.first_seen, message.timestamp) : row.first_seen,
    imported_name: row.imported_name ?? (isNamed ? imported : null),
    last_seen: latest ? message.timestamp : row.last_seen,
    chat_id: latest ? message.chat_id : row.chat_id,
    ...source
  }
  lead.changed ||=
    next.ad !== row.ad ||
    next.ad_at !== row.ad_at ||
    next.name !== row.name ||
    next.first_seen !== row.first_seen ||
    next.imported_name !== row.imported_name ||
    next.last_seen !== row.last_seen ||
    next.chat_id !== row.chat_id
  Object.assign(row, next)
}

/** A number and a LID that a message tells together, and when. */
type Pair = Required<Pick<CapturedMessage, 'phone' | 'lid' | 'timestamp'>>

/** A message tells the number or the LID that was missing, or both again. */
const learnIdentity = (identity: IdentityAtWork, { phone, lid, timestamp }: Pair): void => {
  const { lead, row } = identity
  const isNew = row.phone === null || row.lid === null
  lead.learnt ||= isNew
  lead.changed ||= isNew
  identity.isChanged ||= isNew || timestamp > row.phone_at
  Object.assign(row, { phone, lid, phone_at: Math.max(row.phone_at, timestamp) })
}

/**
 * A notice of a changed number belongs to whom it leads to: by its old address it would undo the
 * change.
 */
const underNewAddress = (message: CapturedMessage): CapturedMessage => {
  const to = identityOf(message.number_change?.to)
  if (to.phone === undefined && to.lid === undefined) return message
  const { phone: _phone, lid: _lid, ...facts } = message
  return { ...facts, ...to }
}

/** Who a message is of, and the number and LID that it tells of them; undefined: nothing new. */
interface Whose {
  identity: IdentityAtWork
  pair: Pair | undefined
}

/** All that is known of the persons that some messages may be of. */
class IdentitiesAtWork {
  readonly #byPhone = new Map<string, IdentityAtWork>()
  readonly #byLid = new Map<string, IdentityAtWork>()
  readonly #claims: readonly Claim[]
  readonly leads = new Map<number, LeadAtWork>()

  constructor(claims: readonly Claim[]) {
    this.#claims = claims
  }

  add(identity: IdentityAtWork): void {
    const { lead, row } = identity
    if (lead.row.id !== 0) this.leads.set(lead.row.id, lead)
    if (!lead.identities.includes(identity)) lead.identities.push(identity)
    if (row.phone !== null) this.#byPhone.set(row.phone, identity)
    if (row.lid !== null) this.#byLid.set(row.lid, identity)
  }

  by({
    phone,
    lid
  }: {
    phone?: string | undefined
    lid?: string | undefined
  }): IdentityAtWork | undefined {
    return this.#byPhone.get(phone ?? '') ?? this.#byLid.get(lid ?? '')
  }

  /** Whether nobody had the number before. */
  isFirst(phone: string | undefined): boolean {
    return this.#claimsOn(phone).length === 0
  }

  /** undefined: nobody's who is known. */
  whose(message: CapturedMessage, isSettled: boolean): Whose | 'settle' | undefined {
    const { phone, lid, timestamp } = message
    const [holder, me] = [this.#byPhone.get(phone ?? ''), this.#byLid.get(lid ?? '')]
    if (lid === undefined) return this.#ofNumber(message, holder)
    if (phone === undefined) return me && { identity: me, pair: undefined }
    const pair = { phone, lid, timestamp }
    const found = me === undefined ? this.#ofNewLid(pair, holder) : this.#ofPair(pair, me, holder)
    if (found !== 'settle') return found
    if (isPersonal(message) && !isSettled) return found
    // WhatsApp's own notices settle nothing: they go by their LID, or by their chat.
    const identity = me ?? this.by(identityOf(message.chat_id))
    return identity && { identity, pair: undefined }
  }

  #claimsOn(phone: string | undefined): Claim[] {
    return this.#claims.filter((claim) => claim.phone === phone)
  }

  #ofNumber(
    { phone, timestamp }: CapturedMessage,
    holder: IdentityAtWork | undefined
  ): Whose | undefined {
    const former = formerOwner(this.#claimsOn(phone), timestamp)
    const lead = former && this.leads.get(former.lead_id)
    const identity =
      lead?.identities.find(({ row }) => row.lid === former?.lid) ?? lead?.identities[0] ?? holder
    return identity && { identity, pair: undefined }
  }

  #ofNewLid(pair: Pair, holder: IdentityAtWork | undefined): Whose | 'settle' | undefined {
    if (this.#claimsOn(pair.phone).some(({ at }) => at >= pair.timestamp)) return 'settle'
    if (holder === undefined) return undefined
    return holder.row.lid === null ? { identity: holder, pair } : 'settle'
  }

  #ofPair(pair: Pair, me: IdentityAtWork, holder: IdentityAtWork | undefined): Whose | 'settle' {
    const { phone, lid, timestamp } = pair
    if (me.row.phone === phone) return { identity: me, pair }
    const claims = this.#claimsOn(phone)
    if (claims.some((claim) => claim.lid === lid && claim.at >= timestamp))
      return { identity: me, pair: undefined }
    const isFree = holder === undefined && claims.length === 0
    const hadNone = me.row.phone === null && !this.#claims.some((claim) => claim.lid === lid)
    return isFree && hadNone ? { identity: me, pair } : 'settle'
  }
}

const newLead = (
  account: string,
  message: CapturedMessage,
  imported_name: string | null
): LeadAtWork => {
  const { phone = null, lid = null, name = null, chat_id, timestamp } = message
  const source = sourceOf(message) ?? { ad: null, ad_id: null, ad_at: null }
  const row: KnownLead = {
    id: 0,
    account,
    phone,
    lid,
    phone_at: phone !== null && lid !== null ? timestamp : 0,
    chat_id,
    name,
    imported_name,
    first_seen: timestamp,
    last_seen: timestamp,
    state: 'new',
    waiting_since: null,
    unanswered_count: 0,
    unread_count: 0,
    handled_at: null,
    last_pk: null,
    updated_at: Date.now(),
    entered_at: null,
    last_timestamp: null,
    last_seq: null,
    ...source
  }
  return {
    row,
    isNew: true,
    waits: false,
    learnt: true,
    changed: false,
    isSilent: false,
    identities: []
  }
}

/** What the store has of the persons that some messages may be of. */
interface KnownIdentities {
  rows: readonly KnownLead[]
  /** leads.id of those whose number was just spelt as WhatsApp does. */
  adopted: ReadonlySet<number>
  merged: readonly MergedIdentity[]
  claims: readonly Claim[]
}

type MergedIdentity = Pick<KnownLead, 'phone' | 'lid' | 'phone_at'> & {
  id: number
  lead_id: number
}

const atWork = (
  account: string,
  { rows, adopted, merged, claims }: KnownIdentities,
  names: ReadonlyMap<string, string>
): LeadsAtWork => {
  const identities = new IdentitiesAtWork(claims)
  const all = new Set<LeadAtWork>()
  const enter = (lead: LeadAtWork): void => {
    all.add(lead)
    identities.add({ lead, row: lead.row, merged_id: undefined, isChanged: false })
  }
  for (const row of rows) {
    const isSilent = row.entered_at !== null && row.last_pk === null
    // The message itself may be of another lead, the one that has its LID.
    const changed = adopted.has(row.id)
    enter({ row, isNew: false, waits: false, learnt: false, changed, isSilent, identities: [] })
  }
  for (const { id, lead_id, ...row } of merged) {
    const lead = identities.leads.get(lead_id)
    if (lead !== undefined) identities.add({ lead, row, merged_id: id, isChanged: false })
  }
  return {
    of: (told, isSettled) => {
      const message = underNewAddress(told)
      const { phone } = message
      const found = identities.whose(message, isSettled)
      if (found === 'settle') return 'settle'
      // The name that was imported for a number is of who had it then.
      const imported =
        phone === undefined || !identities.isFirst(phone)
          ? null
          : (names.get(phoneKey(phone)) ?? null)
      if (found !== undefined) {
        const { identity, pair } = found
        learn(identity, message, pair, imported)
        identities.add(identity)
        return identity.lead
      }
      if (!isPersonal(message)) return 'none'
      const fresh = newLead(account, message, imported)
      enter(fresh)
      return fresh
    },
    known: ({ phone, lid }) => identities.by({ phone, lid })?.lead,
    moves: ({ number_change, timestamp }) => {
      const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
      const isOfOneKind =
        (from.phone === undefined) === (to.phone === undefined) &&
        (from.lid === undefined) === (to.lid === undefined)
      if (!isOfOneKind || (from.phone === to.phone && from.lid === to.lid)) return false
      const lead = identities.by(from)?.lead
      // who is at an address only since then is somebody else
      return lead !== undefined && lead.row.first_seen <= timestamp
    },
    all: () => all
  }
}

/** Leads of one account by what WhatsApp identifies them by. */
const reading = (by: 'phone' | 'lid' | 'id') =>
  batched<{ account: string; key: string }, KnownLead>(
    (db, keys) =>
      db
        .selectFrom('leads')
        .leftJoin('messages as last', 'last.pk', 'leads.last_pk')
        .select([...known, 'last.timestamp as last_timestamp', 'last.seq as last_seq'])
        .where('leads.account', '=', keys[0]?.account ?? '')
        .where(
          by === 'id' ? sql`leads.id` : sql`${sql.ref(`leads.${by}`)}`,
          'in',
          keys.map(({ key }) => key)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ key }) => (by === 'id' ? Number(key) : key))]
  )

/** Who had a number before, by the number or by who had it. */
const readingClaims = (by: 'phone' | 'lid') =>
  batched<{ account: string; key: string }, Claim>(
    (db, keys) =>
      db
        .selectFrom('former_phones')
        .select(['phone', 'lid', 'lead_id', 'at'])
        .where('account', '=', keys[0]?.account ?? '')
        .where(
          by,
          'in',
          keys.map(({ key }) => key)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ key }) => key)]
  )

const readingMerged = (by: 'phone' | 'lid') =>
  batched<{ account: string; key: string }, MergedIdentity>(
    (db, keys) =>
      db
        .selectFrom('merged_identities')
        .select(['id', 'lead_id', 'phone', 'lid', 'phone_at'])
        .where('account', '=', keys[0]?.account ?? '')
        .where(
          by,
          'in',
          keys.map(({ key }) => key)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ key }) => key)]
  )

/** Each identity once, though it was found by its number and by its LID. */
const unique = (identities: readonly MergedIdentity[]): MergedIdentity[] => [
  ...new Map(identities.map((each) => [each.id, each])).values()
]

/**
 * What every message changes. Not each has the same columns: a column that is set is written into
 * its indexes again, also if it stays as it is.
 */
const updating = (waits: boolean) =>
  batched<KnownLead, unknown>(
    (db, rows) =>
      db
        .insertInto('leads')
        .values(rows.map(frequent))
        .onConflict((on) =>
          on.column('id').doUpdateSet(({ ref }) => {
            const columns = {
              chat_id: ref('excluded.chat_id'),
              last_seen: ref('excluded.last_seen'),
              last_pk: ref('excluded.last_pk'),
              phone_at: ref('excluded.phone_at'),
              unanswered_count: ref('excluded.unanswered_count'),
              unread_count: ref('excluded.unread_count')
            }
            return waits ? { ...columns, waiting_since: ref('excluded.waiting_since') } : columns
          })
        ),
    (rows) => valuesOf(rows.map(frequent))
  )
const frequent = ({
  id,
  account,
  phone_at,
  chat_id,
  first_seen,
  last_seen,
  waiting_since,
  updated_at,
  unanswered_count,
  unread_count,
  last_pk
}: KnownLead) => ({
  id,
  account,
  phone_at,
  chat_id,
  state: 'new' as const,
  note: '',
  first_seen,
  last_seen,
  waiting_since,
  updated_at,
  unanswered_count,
  unread_count,
  last_pk
})

const identity = ({
  account,
  phone,
  lid,
  phone_at,
  chat_id,
  name,
  imported_name,
  first_seen,
  last_seen,
  updated_at,
  ad,
  ad_id,
  ad_at
}: KnownLead) => ({
  account,
  phone,
  lid,
  phone_at,
  chat_id,
  name,
  imported_name,
  ad,
  ad_id,
  ad_at,
  state: 'new' as const,
  note: '',
  first_seen,
  last_seen,
  waiting_since: null,
  updated_at
})

interface LeadWriter {
  /** The leads of these messages as they are. */
  read(db: Db, account: string, messages: readonly CapturedMessage[]): Promise<LeadsAtWork>
  /** Gives new leads their ids. */
  insert(db: Db, leads: readonly LeadAtWork[]): Promise<void>
  update(db: Db, leads: readonly LeadAtWork[]): Promise<void>
}

export const createLeadWriter = (): LeadWriter => {
  const [byPhone, byLid, byId] = [reading('phone'), reading('lid'), reading('id')]
  const [claimsByPhone, claimsByLid] = [readingClaims('phone'), readingClaims('lid')]
  const [mergedByPhone, mergedByLid] = [readingMerged('phone'), readingMerged('lid')]
  const importedNames = batched<string, { phone_key: string; name: string }>(
    (db, keys) => db.selectFrom('names').selectAll().where('phone_key', 'in', keys),
    (keys) => [...keys]
  )
  const insertAll = batched<KnownLead, { id: number; phone: string | null; lid: string | null }>(
    (db, rows) =>
      db.insertInto('leads').values(rows.map(identity)).returning(['id', 'phone', 'lid']),
    (rows) => valuesOf(rows.map(identity))
  )
  const [updateSeen, updateWaiting] = [updating(false), updating(true)]
  return {
    read: async (db, account, messages) => {
      const people = messages.flatMap(({ phone, lid, number_change }) => [
        { phone, lid },
        identityOf(number_change?.from),
        identityOf(number_change?.to)
      ])
      const [phones, lids] = [
        new Set(people.flatMap(({ phone }) => phone ?? [])),
        new Set(people.flatMap(({ lid }) => lid ?? []))
      ]
      const keys = (all: Iterable<string>) => [...all].map((key) => ({ account, key }))
      const adopted = await adoptSpellings(db, account, phones)
      const claims = [
        ...(await claimsByPhone(db, keys(phones))),
        ...(await claimsByLid(db, keys(lids)))
      ]
      const rows = await byPhone(db, keys(phones))
      for (const { phone, lid } of rows) {
        if (phone !== null) phones.delete(phone)
        if (lid !== null) lids.delete(lid)
      }
      rows.push(...(await byLid(db, keys(lids))))
      for (const { phone, lid } of rows) {
        if (phone !== null) phones.delete(phone)
        if (lid !== null) lids.delete(lid)
      }
      const merged = [
        ...(await mergedByPhone(db, keys(phones))),
        ...(await mergedByLid(db, keys(lids)))
      ]
      const ids = new Set([...claims, ...merged].map(({ lead_id }) => lead_id))
      for (const { id } of rows) ids.delete(id)
      rows.push(...(await byId(db, keys([...ids].map(String)))))
      const names = await importedNames(db, [...new Set([...phones].map(phoneKey))])
      return atWork(
        account,
        { rows, adopted, merged: unique(merged), claims },
        new Map(names.map(({ phone_key, name }) => [phone_key, name]))
      )
    },
    insert: async (db, leads) => {
      const keyOf = ({ phone, lid }: Pick<KnownLead, 'phone' | 'lid'>): string =>
        `${phone ?? ''} ${lid ?? ''}`
      const byKey = new Map(leads.map((lead) => [keyOf(lead.row), lead]))
      for (const row of await insertAll(
        db,
        leads.map(({ row }) => row)
      )) {
        const lead = byKey.get(keyOf(row))
        if (lead !== undefined) lead.row.id = row.id
      }
    },
    update: async (db, leads) => {
      for (const { row, merged_id } of leads
        .flatMap(({ identities }) => identities)
        .filter(({ isChanged }) => isChanged)) {
        if (merged_id !== undefined)
          await db.updateTable('merged_identities').set(row).where('id', '=', merged_id).execute()
      }
      for (const {
        row: { id, phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at }
      } of leads.filter(({ isNew, changed }) => changed && !isNew)) {
        await db
          .updateTable('leads')
          .set({ phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at })
          .where('id', '=', id)
          .execute()
      }
      await updateSeen(
        db,
        leads.filter(({ waits }) => !waits).map(({ row }) => row)
      )
      await updateWaiting(
        db,
        leads.filter(({ waits }) => waits).map(({ row }) => row)
      )
    }
  }
}
