import type { CapturedMessage } from '../../../contract/record.ts'
import {
  formerOwner,
  identityBy,
  writeIdentity,
  type Claim,
  type Identity
} from '../read/identities.ts'
import { mergeLeads } from './merge-lead.ts'
import { identityOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'

/**
 * Applies what a message says about who is who, where its lead alone is not enough: a number that
 * went to another person, a person with another number, two leads that turn out to be one person.
 *
 * A LID is one person, for good. A number belongs to the LID that was seen with it last. A person
 * who was seen with it before keeps the history and loses the number. A person has the number that
 * it was seen with last, unless that number belongs to another person now. Messages with a number
 * alone go by formerOwner. So the outcome depends on what was seen when, and not on the order in
 * which messages are taken.
 */

/** leads.id of the leads that the message changed, made or merged into others. */
interface Resolved {
  /** They have other messages or another identity now. */
  changed: Set<number>
  made: Set<number>
  merged: Set<number>
}

/** Messages looked at for the name of a lead, the latest first. */
const maxNamesRead = 100

type Seen = Pick<CapturedMessage, 'chat_id' | 'name' | 'timestamp'>

class Resolution {
  readonly resolved: Resolved = { changed: new Set(), made: new Set(), merged: new Set() }
  readonly #db: Db
  readonly #account: string
  /** Numbers that another person has now, or that another person was seen with. */
  readonly #affected = new Set<string>()

  constructor(db: Db, account: string) {
    this.#db = db
    this.#account = account
  }

  /** Applies a message with a number and a LID. */
  async pair(phone: string, lid: string, seen: Seen): Promise<void> {
    const me = (await this.#by('lid', lid)) ?? (await this.#makeIdentity(lid, seen))
    await this.#claim(me, phone, seen.timestamp)
    await this.#reassign()
  }

  /** Applies a notice that a person has another number now. */
  async phoneChange(from: string, to: string, timestamp: number): Promise<void> {
    const me = await this.#by('phone', from)
    if (me === undefined) return
    const until = Math.max(me.phone_at, me.lid === null ? timestamp : 0)
    await this.#claim({ ...me, phone_at: until }, to, timestamp)
    await this.#reassign()
  }

  /** Applies a notice that a person has another LID now. */
  async lidChange(from: string, to: string): Promise<void> {
    const [me, other] = [await this.#by('lid', from), await this.#by('lid', to)]
    if (me === undefined) return
    if (other !== undefined) {
      if (other.lead_id !== me.lead_id) await this.#merge(me.lead_id, other.lead_id)
      return this.#lead(to)
    }
    await this.#renameLid(from, to)
    await writeIdentity(this.#db, { ...me, lid: to })
    await this.#addIdentity(me.lead_id, from)
    this.resolved.changed.add(me.lead_id)
  }

  #by(by: 'phone' | 'lid', key: string): Promise<Identity | undefined> {
    return identityBy(this.#db, this.#account, by, key)
  }

  async #makeIdentity(lid: string, seen: Seen): Promise<Identity> {
    const lead_id = await this.#makeLead(lid, null, seen)
    return { lead_id, merged_id: undefined, lid, phone: null, phone_at: 0 }
  }

  /** The person `me` was seen with this number, and has another one or none now. */
  async #claim(me: Identity, phone: string, timestamp: number): Promise<void> {
    this.resolved.changed.add(me.lead_id)
    this.#affected.add(phone)
    const before = await this.#claimsOf(me)
    const all = await this.#claimsOn(phone)
    const holder = await this.#by('phone', phone)
    const ownClaim = all.find((claim) => isOf(claim, me))
    const at = Math.max(timestamp, ownClaim?.at ?? 0)
    const latest = Math.max(me.phone_at, ...before.map((claim) => claim.at))
    const rival = Math.max(
      holder?.lid == null ? 0 : holder.phone_at,
      ...all.map((claim) => claim.at)
    )
    const isLatest = at >= latest
    if (isLatest) await this.#leave(me)
    if (!isLatest || at < rival) {
      await this.#addClaim(phone, me, at)
      // Somebody else was seen with it later, and went on to another number.
      if (holder !== undefined && holder.lid !== null && at > holder.phone_at)
        await this.#leave(holder)
      return
    }
    if (ownClaim !== undefined) await this.#dropClaim(ownClaim)
    await this.#takeOver(holder, me, phone, at)
  }

  /** Gives the number of `holder` to `me`. */
  async #takeOver(
    holder: Identity | undefined,
    me: Identity,
    phone: string,
    at: number
  ): Promise<void> {
    if (holder === undefined) return writeIdentity(this.#db, { ...me, phone, phone_at: at })
    if (holder.lid !== null && me.lid !== null) {
      await this.#leave(holder)
      return writeIdentity(this.#db, { ...me, phone, phone_at: at })
    }
    // One identity has no LID: both are one person.
    const [named, other] = me.lid === null ? [holder, me] : [me, holder]
    await this.#unify(other, named)
    const now =
      named.lid === null ? await this.#by('phone', phone) : await this.#by('lid', named.lid)
    if (now !== undefined)
      await writeIdentity(this.#db, { ...now, phone, phone_at: now.lid === null ? 0 : at })
  }

  /** Takes its number from `me`. */
  async #leave(me: Identity): Promise<void> {
    if (me.phone === null) return
    await this.#addClaim(me.phone, me, me.phone_at)
    this.#affected.add(me.phone)
    this.resolved.changed.add(me.lead_id)
    me.phone = null
    await writeIdentity(this.#db, me)
  }

  /** Makes one identity of two of one person. The first one has no LID. */
  async #unify(other: Identity, named: Identity): Promise<void> {
    if (named.lid === null) {
      // Both are numbers alone. The number of `named` goes on, the other is a former number.
      if (other.lead_id !== named.lead_id) await this.#merge(other.lead_id, named.lead_id)
      else await this.#dropIdentity(other, named)
      return
    }
    await writeIdentity(this.#db, { ...other, phone: null })
    if (other.merged_id !== undefined)
      await this.#db.deleteFrom('merged_identities').where('id', '=', other.merged_id).execute()
    const lead =
      other.lead_id === named.lead_id
        ? named.lead_id
        : await this.#merge(other.lead_id, named.lead_id)
    await this.#renameLid('', named.lid, lead)
    if (other.merged_id === undefined) await this.#lead(named.lid)
  }

  /** Drops `other` of a lead that has both. `named` becomes the lead's own if `other` was. */
  async #dropIdentity(other: Identity, named: Identity): Promise<void> {
    const id = other.merged_id ?? named.merged_id
    if (id !== undefined)
      await this.#db.deleteFrom('merged_identities').where('id', '=', id).execute()
    if (other.merged_id === undefined)
      await writeIdentity(this.#db, { ...named, merged_id: undefined })
  }

  /** Makes the merged identity of a LID the lead's own, and its own one a merged identity. */
  async #lead(lid: string): Promise<void> {
    const me = await this.#by('lid', lid)
    if (me?.merged_id === undefined) return
    this.resolved.changed.add(me.lead_id)
    const own = await this.#db
      .selectFrom('leads')
      .select(['phone', 'lid', 'phone_at'])
      .where('id', '=', me.lead_id)
      .executeTakeFirstOrThrow()
    await this.#db.deleteFrom('merged_identities').where('id', '=', me.merged_id).execute()
    await writeIdentity(this.#db, { ...me, merged_id: undefined })
    if (own.phone === null && own.lid === null) return
    await this.#db
      .insertInto('merged_identities')
      .values({ account: this.#account, lead_id: me.lead_id, ...own })
      .execute()
  }

  /** Keeps the older lead. @returns its leads.id */
  async #merge(a: number, b: number): Promise<number> {
    const [kept, gone] = a < b ? [a, b] : [b, a]
    const rows = await this.#db
      .selectFrom('leads')
      .selectAll()
      .where('id', 'in', [kept, gone])
      .orderBy('id')
      .execute()
    const [first, second] = rows
    if (first === undefined || second === undefined)
      throw new Error(`there are no leads ${kept} and ${gone} to merge`)
    await mergeLeads(this.#db, first, second)
    this.resolved.merged.add(gone)
    this.resolved.changed.delete(gone)
    this.resolved.made.delete(gone)
    this.resolved.changed.add(kept)
    return kept
  }

  async #addIdentity(lead_id: number, lid: string): Promise<void> {
    await this.#db
      .insertInto('merged_identities')
      .values({ account: this.#account, lead_id, phone: null, lid, phone_at: 0 })
      .execute()
  }

  #claimsOn(phone: string): Promise<Claim[]> {
    return this.#claims().where('phone', '=', phone).execute()
  }

  #claimsOf({ lid, lead_id }: Identity): Promise<Claim[]> {
    const claims = this.#claims().where('lid', '=', lid ?? '')
    return (lid === null ? claims.where('lead_id', '=', lead_id) : claims).execute()
  }

  #claims() {
    return this.#db
      .selectFrom('former_phones')
      .select(['phone', 'lid', 'lead_id', 'at'])
      .where('account', '=', this.#account)
  }

  async #addClaim(phone: string, { lid, lead_id }: Identity, at: number): Promise<void> {
    await this.#db
      .insertInto('former_phones')
      .values({ account: this.#account, phone, lid: lid ?? '', lead_id, at })
      .onConflict((on) => on.columns(['account', 'phone', 'lid', 'lead_id']).doUpdateSet({ at }))
      .execute()
  }

  async #dropClaim({ phone, lid, lead_id }: Claim): Promise<void> {
    await this.#db
      .deleteFrom('former_phones')
      .where('account', '=', this.#account)
      .where('phone', '=', phone)
      .where('lid', '=', lid)
      .where('lead_id', '=', lead_id)
      .execute()
  }

  async #renameLid(from: string, to: string, leadId?: number): Promise<void> {
    let claims = this.#db
      .updateTable('former_phones')
      .set({ lid: to })
      .where('account', '=', this.#account)
      .where('lid', '=', from)
    if (leadId !== undefined) claims = claims.where('lead_id', '=', leadId)
    await claims.execute()
  }

  async #makeLead(
    lid: string | null,
    phone: string | null,
    { chat_id, name, timestamp }: Seen
  ): Promise<number> {
    const row = await this.#db
      .insertInto('leads')
      .values({
        account: this.#account,
        lid,
        phone,
        chat_id,
        name: name ?? null,
        state: 'new',
        note: '',
        first_seen: timestamp,
        last_seen: timestamp,
        waiting_since: null,
        updated_at: Date.now()
      })
      .returning('id')
      .executeTakeFirstOrThrow()
    this.resolved.made.add(row.id)
    this.resolved.changed.add(row.id)
    return row.id
  }

  /** Gives messages with a number alone to the person who had the number when they were written. */
  async #reassign(): Promise<void> {
    for (const phone of this.#affected) await this.#reassignPhone(phone)
    for (const id of this.resolved.changed) await this.#writeSeen(id)
  }

  async #reassignPhone(phone: string): Promise<void> {
    const claims = await this.#claimsOn(phone)
    const holder = await this.#by('phone', phone)
    const leads = [
      ...new Set([
        ...claims.map(({ lead_id }) => lead_id),
        ...(holder === undefined ? [] : [holder.lead_id])
      ])
    ]
    if (leads.length === 0) return
    let now = holder?.lead_id
    let latest: number | undefined
    for (const message of await this.#messagesOfNumber(phone, leads)) {
      let lead = formerOwner(claims, message.timestamp)?.lead_id ?? now
      if (lead === undefined && message.personal === 1)
        now = lead = await this.#makeLead(null, phone, message)
      if (lead === message.lead_id) continue
      if (message.lead_id === holder?.lead_id) latest = lead
      await this.#db
        .updateTable('messages')
        .set({ lead_id: lead ?? null })
        .where('pk', '=', message.pk)
        .execute()
      for (const id of [lead, message.lead_id]) if (id != null) this.resolved.changed.add(id)
    }
    if (holder?.lid === null && latest !== undefined) await this.#dissolve(holder, latest)
  }

  /** Merges a lead that has a number alone, and whose messages turned out to be of another lead. */
  async #dissolve(holder: Identity, owner: number): Promise<void> {
    const left = await this.#db
      .selectFrom('messages')
      .select('pk')
      .where('lead_id', '=', holder.lead_id)
      .where('personal', '=', 1)
      .limit(1)
      .executeTakeFirst()
    if (left !== undefined || holder.merged_id !== undefined) return
    await writeIdentity(this.#db, { ...holder, phone: null })
    await this.#merge(holder.lead_id, owner)
  }

  /** Messages of these leads with this number and no LID. */
  async #messagesOfNumber(phone: string, leads: readonly number[]) {
    const rows = await this.#db
      .selectFrom('messages')
      .select(['pk', 'lead_id', 'timestamp', 'personal', 'chat_id', 'details'])
      .where('lead_id', 'in', leads)
      .where('details', 'like', `%"phone":"${phone}"%`)
      .orderBy('timestamp')
      .orderBy('seq')
      .execute()
    return rows.flatMap(({ details, ...row }) => {
      const message = JSON.parse(details) as Partial<CapturedMessage>
      if (message.phone !== phone || message.lid !== undefined) return []
      return message.name === undefined ? [row] : [{ ...row, name: message.name }]
    })
  }

  /** Writes what a lead shows of its messages, beside who waits. */
  async #writeSeen(id: number): Promise<void> {
    const messages = this.#db
      .selectFrom('messages')
      .where('lead_id', '=', id)
      .where('personal', '=', 1)
    const last = await messages
      .select(['chat_id', 'timestamp'])
      .orderBy('timestamp', 'desc')
      .orderBy('pk', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (last === undefined) return
    const first = await messages
      .select('timestamp')
      .orderBy('timestamp')
      .limit(1)
      .executeTakeFirst()
    const seen = {
      chat_id: last.chat_id,
      last_seen: last.timestamp,
      first_seen: first?.timestamp ?? last.timestamp
    }
    await this.#db.updateTable('leads').set(seen).where('id', '=', id).execute()
    const name = await this.#latestName(id)
    if (name !== undefined)
      await this.#db.updateTable('leads').set({ name }).where('id', '=', id).execute()
  }

  async #latestName(id: number): Promise<string | undefined> {
    const rows = await this.#db
      .selectFrom('messages')
      .select('details')
      .where('lead_id', '=', id)
      .where('personal', '=', 1)
      .where('details', 'like', '%"name":%')
      .orderBy('timestamp', 'desc')
      .orderBy('pk', 'desc')
      .limit(maxNamesRead)
      .execute()
    return rows
      .map(({ details }) => (JSON.parse(details) as Partial<CapturedMessage>).name)
      .find((name) => name !== undefined)
  }
}

const isOf = (claim: Claim, { lid, lead_id }: Identity): boolean =>
  lid === null ? claim.lid === '' && claim.lead_id === lead_id : claim.lid === lid

/** Brings who is who up to date by one message. The caller then counts the messages again. */
export const resolveIdentities = async (
  db: Db,
  account: string,
  message: CapturedMessage
): Promise<Resolved> => {
  const { phone, lid, number_change, timestamp } = message
  const resolution = new Resolution(db, account)
  const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
  if (from.phone !== undefined && to.phone !== undefined)
    await resolution.phoneChange(from.phone, to.phone, timestamp)
  else if (from.lid !== undefined && to.lid !== undefined)
    await resolution.lidChange(from.lid, to.lid)
  else if (phone !== undefined && lid !== undefined) await resolution.pair(phone, lid, message)
  return resolution.resolved
}
