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
import type { LatestOfWait } from './waiting.ts'

/**
 * Makes and changes the leads of captured messages. The leads of many messages are read together,
 * follow message by message in memory, and are written together. It runs inside the transaction of
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

/** Whether a message belongs to a lead, if there is one. Notes to oneself do not. */
export const hasLead = (message: CapturedMessage): boolean =>
  isWithPerson(message.chat_id) &&
  !isToSelf(message) &&
  (message.phone !== undefined || message.lid !== undefined)

const knownColumns = [
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
  'leads.remind_at',
  'leads.last_pk',
  'leads.updated_at',
  'leads.entered_at',
  'leads.ad',
  'leads.ad_id',
  'leads.ad_at'
] as const
type Known = (typeof knownColumns)[number] extends `leads.${infer Column}` ? Column : never

/** What a message can change in a lead, and what followWait needs of its messages. */
type KnownLead = Pick<LeadRow, Known & keyof LeadRow> & LatestOfWait

/** What identifies a lead: a phone number, a LID, and when a message last had both. */
interface PendingIdentity {
  lead: PendingLead
  /** The lead's own row, or a row of merged_identities, which `merged_id` names. */
  row: Pick<KnownLead, 'phone' | 'lid' | 'phone_at'>
  merged_id: number | undefined
  isChanged: boolean
}

/** A lead while its messages are applied. */
export interface PendingLead {
  /** The row as it will be. `id` is 0 until it is written. */
  row: KnownLead
  isNew: boolean
  /** Its wait has another beginning, or has ended. */
  waits: boolean
  /** It has an address that was not known before. */
  learnt: boolean
  /** A person entered it, and no message has come yet: `last_seen` is not of a message. */
  isSilent: boolean
  /** Its identities, as far as they are read. */
  identities: PendingIdentity[]
  changed: boolean
  /**
   * Of what was changed, a column that few messages change: not `last_seen` or `chat_id`. A
   * statement for this lead alone writes it.
   */
  isDetailChanged: boolean
}

/**
 * Applies a message to its lead.
 * @param identity of the person who is named by the message
 * @param pair the number and LID of the message, if it has both
 * @param imported the name that was imported for the number
 */
const learn = (
  identity: PendingIdentity,
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
  lead.isDetailChanged ||=
    next.ad !== row.ad ||
    next.ad_at !== row.ad_at ||
    next.name !== row.name ||
    next.first_seen !== row.first_seen ||
    next.imported_name !== row.imported_name
  lead.changed ||=
    lead.isDetailChanged || next.last_seen !== row.last_seen || next.chat_id !== row.chat_id
  Object.assign(row, next)
}

/** A number and a LID that a message has together, and its time. */
type Pair = Required<Pick<CapturedMessage, 'phone' | 'lid' | 'timestamp'>>

/** Adds the number or the LID that was missing, or confirms both. */
const learnIdentity = (identity: PendingIdentity, { phone, lid, timestamp }: Pair): void => {
  const { lead, row } = identity
  const isNew = row.phone === null || row.lid === null
  lead.learnt ||= isNew
  lead.isDetailChanged ||= isNew
  lead.changed ||= isNew
  identity.isChanged ||= isNew || timestamp > row.phone_at
  Object.assign(row, { phone, lid, phone_at: Math.max(row.phone_at, timestamp) })
}

/**
 * Puts a notice of a changed number under the new address. Under the old address it would undo the
 * change.
 */
const underNewAddress = (message: CapturedMessage): CapturedMessage => {
  const to = identityOf(message.number_change?.to)
  if (to.phone === undefined && to.lid === undefined) return message
  const { phone: _phone, lid: _lid, ...facts } = message
  return { ...facts, ...to }
}

/** The person of a message, and the number and LID that the message has, if they are new. */
interface Owner {
  identity: PendingIdentity
  pair: Pair | undefined
}

/** All that is known of the persons who some messages may be of. */
class PendingIdentities {
  readonly #byPhone = new Map<string, PendingIdentity>()
  readonly #byLid = new Map<string, PendingIdentity>()
  readonly #claims: readonly Claim[]
  readonly leads = new Map<number, PendingLead>()

  constructor(claims: readonly Claim[]) {
    this.#claims = claims
  }

  add(identity: PendingIdentity): void {
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
  }): PendingIdentity | undefined {
    return this.#byPhone.get(phone ?? '') ?? this.#byLid.get(lid ?? '')
  }

  /** Whether nobody had the number before. */
  isFirst(phone: string | undefined): boolean {
    return this.#claimsOn(phone).length === 0
  }

  /** @returns undefined when no known person is the owner */
  ownerOf(message: CapturedMessage, isResolved: boolean): Owner | 'resolve-first' | undefined {
    const { phone, lid, timestamp } = message
    const [holder, known] = [this.#byPhone.get(phone ?? ''), this.#byLid.get(lid ?? '')]
    if (lid === undefined) return this.#ofNumber(message, holder)
    if (phone === undefined) return known && { identity: known, pair: undefined }
    const pair = { phone, lid, timestamp }
    const owner =
      known === undefined ? this.#ofNewLid(pair, holder) : this.#ofPair(pair, known, holder)
    if (owner !== 'resolve-first') return owner
    if (isPersonal(message) && !isResolved) return owner
    // WhatsApp's own notices resolve nothing. They go by their LID, or by their chat.
    const identity = known ?? this.by(identityOf(message.chat_id))
    return identity && { identity, pair: undefined }
  }

  #claimsOn(phone: string | undefined): Claim[] {
    return this.#claims.filter((claim) => claim.phone === phone)
  }

  #ofNumber(
    { phone, timestamp }: CapturedMessage,
    holder: PendingIdentity | undefined
  ): Owner | undefined {
    const former = formerOwner(this.#claimsOn(phone), timestamp)
    const lead = former && this.leads.get(former.lead_id)
    const identity =
      lead?.identities.find(({ row }) => row.lid === former?.lid) ?? lead?.identities[0] ?? holder
    return identity && { identity, pair: undefined }
  }

  #ofNewLid(pair: Pair, holder: PendingIdentity | undefined): Owner | 'resolve-first' | undefined {
    if (this.#claimsOn(pair.phone).some(({ at }) => at >= pair.timestamp)) return 'resolve-first'
    if (holder === undefined) return undefined
    return holder.row.lid === null ? { identity: holder, pair } : 'resolve-first'
  }

  #ofPair(
    pair: Pair,
    known: PendingIdentity,
    holder: PendingIdentity | undefined
  ): Owner | 'resolve-first' {
    const { phone, lid, timestamp } = pair
    if (known.row.phone === phone) return { identity: known, pair }
    const claims = this.#claimsOn(phone)
    if (claims.some((claim) => claim.lid === lid && claim.at >= timestamp))
      return { identity: known, pair: undefined }
    const isFree = holder === undefined && claims.length === 0
    const hadNone = known.row.phone === null && !this.#claims.some((claim) => claim.lid === lid)
    return isFree && hadNone ? { identity: known, pair } : 'resolve-first'
  }
}

const newLead = (
  account: string,
  message: CapturedMessage,
  imported_name: string | null
): PendingLead => {
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
    remind_at: null,
    last_pk: null,
    updated_at: Date.now(),
    entered_at: null,
    last_timestamp: null,
    last_seq: null,
    marked_timestamp: null,
    ...source
  }
  return {
    row,
    isNew: true,
    waits: false,
    learnt: true,
    changed: false,
    isDetailChanged: false,
    isSilent: false,
    identities: []
  }
}

/** What the store has of the persons who some messages may be of. */
interface KnownIdentities {
  rows: readonly KnownLead[]
  /** leads.id of the leads whose number was just changed to WhatsApp's spelling. */
  adopted: ReadonlySet<number>
  merged: readonly MergedIdentity[]
  claims: readonly Claim[]
}

type MergedIdentity = Pick<KnownLead, 'phone' | 'lid' | 'phone_at'> & {
  id: number
  lead_id: number
}

/** The leads of some messages, while the messages are applied. */
export class PendingLeads {
  readonly #account: string
  readonly #identities: PendingIdentities
  /** Imported names, by phoneKey. */
  readonly #names: ReadonlyMap<string, string>
  readonly #all = new Set<PendingLead>()

  constructor(
    account: string,
    { rows, adopted, merged, claims }: KnownIdentities,
    names: ReadonlyMap<string, string>
  ) {
    this.#account = account
    this.#identities = new PendingIdentities(claims)
    this.#names = names
    for (const row of rows) {
      const isSilent = row.entered_at !== null && row.last_pk === null
      // The message itself may be of another lead, which has its LID.
      const changed = adopted.has(row.id)
      const flags = { isNew: false, waits: false, learnt: false, isDetailChanged: false, isSilent }
      this.#add({ row, ...flags, changed, identities: [] })
    }
    for (const { id, lead_id, ...row } of merged) {
      const lead = this.#identities.leads.get(lead_id)
      if (lead !== undefined) this.#identities.add({ lead, row, merged_id: id, isChanged: false })
    }
  }

  /**
   * Applies a message to its lead, and makes the lead if it is missing.
   * @param isResolved whether the message was resolved: it says nothing more than what is known
   * @returns `resolve-first` when the message says that two leads are one person, or that a person
   * has another number now, which must be resolved before; `none` without a lead when the message
   * makes none, because no person wrote it
   */
  leadOf(captured: CapturedMessage, isResolved: boolean): PendingLead | 'resolve-first' | 'none' {
    const message = underNewAddress(captured)
    const owner = this.#identities.ownerOf(message, isResolved)
    if (owner === 'resolve-first') return 'resolve-first'
    const imported = this.#importedName(message)
    if (owner !== undefined) {
      const { identity, pair } = owner
      learn(identity, message, pair, imported)
      this.#identities.add(identity)
      return identity.lead
    }
    if (!isPersonal(message)) return 'none'
    const lead = newLead(this.#account, message, imported)
    this.#add(lead)
    return lead
  }

  /** The lead of the person that a message names, if there is one. It stays as it is. */
  find({ phone, lid }: CapturedMessage): PendingLead | undefined {
    return this.#identities.by({ phone, lid })?.lead
  }

  /** Whether a message says that a lead has another number, or another LID, from now on. */
  changesAddress({ number_change, timestamp }: CapturedMessage): boolean {
    const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
    const isOfOneKind =
      (from.phone === undefined) === (to.phone === undefined) &&
      (from.lid === undefined) === (to.lid === undefined)
    if (!isOfOneKind || (from.phone === to.phone && from.lid === to.lid)) return false
    const lead = this.#identities.by(from)?.lead
    // A lead that has the address only since then is another person.
    return lead !== undefined && lead.row.first_seen <= timestamp
  }

  all(): Iterable<PendingLead> {
    return this.#all
  }

  #add(lead: PendingLead): void {
    this.#all.add(lead)
    this.#identities.add({ lead, row: lead.row, merged_id: undefined, isChanged: false })
  }

  /** The name that was imported for a number is of the person who had it then. */
  #importedName({ phone }: CapturedMessage): string | null {
    if (phone === undefined || !this.#identities.isFirst(phone)) return null
    return this.#names.get(phoneKey(phone)) ?? null
  }
}

/** Reads leads of one account by their number, their LID or their id. */
const readingLeads = (by: 'phone' | 'lid' | 'id') =>
  batched<{ account: string; key: string }, KnownLead>(
    (db, keys) =>
      db
        .selectFrom('leads')
        .leftJoin('messages as last', 'last.pk', 'leads.last_pk')
        .select([...knownColumns, 'last.timestamp as last_timestamp', 'last.seq as last_seq'])
        .select((lead) =>
          lead
            .selectFrom('messages as marked')
            .select('marked.timestamp')
            .whereRef('marked.lead_id', '=', 'leads.id')
            .where('marked.turn', '=', sql.lit(3))
            .orderBy('marked.timestamp', 'desc')
            .orderBy('marked.seq', 'desc')
            .limit(sql.lit(1))
            .as('marked_timestamp')
        )
        .where('leads.account', '=', keys[0]?.account ?? '')
        .where(
          by === 'id' ? sql`leads.id` : sql`${sql.ref(`leads.${by}`)}`,
          'in',
          keys.map(({ key }) => key)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ key }) => (by === 'id' ? Number(key) : key))]
  )

/** Reads who had which number before, by the number or by the LID. */
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

/** Keeps each identity once. It may be found both by its number and by its LID. */
const unique = (identities: readonly MergedIdentity[]): MergedIdentity[] => [
  ...new Map(identities.map((each) => [each.id, each])).values()
]

/**
 * Writes the columns that every message changes. It sets `waiting_since` only where needed, because
 * a column that is set is written into its indexes again, even with the same value.
 */
const updating = (waits: boolean) =>
  batched<KnownLead, unknown>(
    (db, rows) =>
      db
        .insertInto('leads')
        .values(rows.map(updatedColumns))
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
    (rows) => valuesOf(rows.map(updatedColumns))
  )
const updatedColumns = ({
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

const insertedColumns = ({
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

const keyOf = ({ phone, lid }: Pick<KnownLead, 'phone' | 'lid'>): string =>
  `${phone ?? ''} ${lid ?? ''}`

/** Numbers and LIDs that are still to be looked up. */
class Addresses {
  readonly phones: Set<string>
  readonly lids: Set<string>
  readonly #account: string

  constructor(account: string, messages: readonly CapturedMessage[]) {
    const people = messages.flatMap(({ phone, lid, number_change }) => [
      { phone, lid },
      identityOf(number_change?.from),
      identityOf(number_change?.to)
    ])
    this.#account = account
    this.phones = new Set(people.flatMap(({ phone }) => phone ?? []))
    this.lids = new Set(people.flatMap(({ lid }) => lid ?? []))
  }

  keys(addresses: Iterable<string>): { account: string; key: string }[] {
    return [...addresses].map((key) => ({ account: this.#account, key }))
  }

  /** Leads that were found need no further search. */
  remove(rows: readonly KnownLead[]): void {
    for (const { phone, lid } of rows) {
      if (phone !== null) this.phones.delete(phone)
      if (lid !== null) this.lids.delete(lid)
    }
  }
}

export class LeadWriter {
  readonly #byPhone = readingLeads('phone')
  readonly #byLid = readingLeads('lid')
  readonly #byId = readingLeads('id')
  readonly #claimsByPhone = readingClaims('phone')
  readonly #claimsByLid = readingClaims('lid')
  readonly #mergedByPhone = readingMerged('phone')
  readonly #mergedByLid = readingMerged('lid')
  readonly #importedNames = batched<string, { phone_key: string; name: string }>(
    (db, keys) => db.selectFrom('names').selectAll().where('phone_key', 'in', keys),
    (keys) => [...keys]
  )
  readonly #insertAll = batched<
    KnownLead,
    { id: number; phone: string | null; lid: string | null }
  >(
    (db, rows) =>
      db.insertInto('leads').values(rows.map(insertedColumns)).returning(['id', 'phone', 'lid']),
    (rows) => valuesOf(rows.map(insertedColumns))
  )
  readonly #updateSeen = updating(false)
  readonly #updateWaiting = updating(true)

  /** Reads the leads that these messages may be of. */
  async read(db: Db, account: string, messages: readonly CapturedMessage[]): Promise<PendingLeads> {
    const addresses = new Addresses(account, messages)
    const { phones, lids } = addresses
    const keys = (all: Iterable<string>) => addresses.keys(all)
    const adopted = await adoptSpellings(db, account, phones)
    const claims = [
      ...(await this.#claimsByPhone(db, keys(phones))),
      ...(await this.#claimsByLid(db, keys(lids)))
    ]
    const rows = await this.#byPhone(db, keys(phones))
    addresses.remove(rows)
    rows.push(...(await this.#byLid(db, keys(lids))))
    addresses.remove(rows)
    const merged = [
      ...(await this.#mergedByPhone(db, keys(phones))),
      ...(await this.#mergedByLid(db, keys(lids)))
    ]
    const ids = new Set([...claims, ...merged].map(({ lead_id }) => lead_id))
    for (const { id } of rows) ids.delete(id)
    rows.push(...(await this.#byId(db, keys([...ids].map(String)))))
    const names = await this.#importedNames(db, [...new Set([...phones].map(phoneKey))])
    return new PendingLeads(
      account,
      { rows, adopted, merged: unique(merged), claims },
      new Map(names.map(({ phone_key, name }) => [phone_key, name]))
    )
  }

  /** Writes new leads, and gives each its id. */
  async insert(db: Db, leads: readonly PendingLead[]): Promise<void> {
    const byKey = new Map(leads.map((lead) => [keyOf(lead.row), lead]))
    const rows = leads.map(({ row }) => row)
    for (const row of await this.#insertAll(db, rows)) {
      const lead = byKey.get(keyOf(row))
      if (lead !== undefined) lead.row.id = row.id
    }
  }

  async update(db: Db, leads: readonly PendingLead[]): Promise<void> {
    for (const { row, merged_id } of leads
      .flatMap(({ identities }) => identities)
      .filter(({ isChanged }) => isChanged)) {
      if (merged_id !== undefined)
        await db.updateTable('merged_identities').set(row).where('id', '=', merged_id).execute()
    }
    for (const {
      row: { id, phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at }
    } of leads.filter(({ isNew, isDetailChanged }) => isDetailChanged && !isNew)) {
      await db
        .updateTable('leads')
        .set({ phone, lid, name, first_seen, imported_name, ad, ad_id, ad_at })
        .where('id', '=', id)
        .execute()
    }
    await this.#updateSeen(
      db,
      leads.filter(({ waits }) => !waits).map(({ row }) => row)
    )
    await this.#updateWaiting(
      db,
      leads.filter(({ waits }) => waits).map(({ row }) => row)
    )
  }
}
