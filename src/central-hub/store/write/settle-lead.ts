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
 * What a message tells of who is who, where it is more than its lead alone can say: a number that
 * went to somebody else, a person with another number, two leads that turn out to be one person.
 *
 * A LID is a person, for good. A number is of the LID that was seen with it last; whoever was seen
 * with it before keeps the history and loses the number. A person has the number that it was seen
 * with last, unless that number is of somebody else now. Messages that tell a number alone go by
 * formerOwner. So the outcome depends on what was seen when, and not on the order in which messages
 * are taken.
 */

/**
 * Leads whose messages or identity are others now, those that are new, and those that are no more.
 */
interface Settled {
  changed: Set<number>
  made: Set<number>
  merged: Set<number>
}

/** Messages looked at for the name of a lead, the latest first. */
const maxNamesRead = 100

type Seen = Pick<CapturedMessage, 'chat_id' | 'name' | 'timestamp'>

class Settling {
  readonly settled: Settled = { changed: new Set(), made: new Set(), merged: new Set() }
  readonly #db: Db
  readonly #account: string
  /** Numbers that another one has now, or that somebody else was seen with. */
  readonly #affected = new Set<string>()

  constructor(db: Db, account: string) {
    this.#db = db
    this.#account = account
  }

  /** A message that tells a number and a LID. */
  async pair(phone: string, lid: string, seen: Seen): Promise<void> {
    const me = (await this.#by('lid', lid)) ?? (await this.#makeIdentity(lid, seen))
    await this.#claim(me, phone, seen.timestamp)
    await this.#reassign()
  }

  /** A notice that the number of a person is another one now. */
  async phoneChange(from: string, to: string, timestamp: number): Promise<void> {
    const me = await this.#by('phone', from)
    if (me === undefined) return
    const until = Math.max(me.phone_at, me.lid === null ? timestamp : 0)
    await this.#claim({ ...me, phone_at: until }, to, timestamp)
    await this.#reassign()
  }

  /** A notice that a person has another LID now. */
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
    this.settled.changed.add(me.lead_id)
  }

  #by(by: 'phone' | 'lid', key: string): Promise<Identity | undefined> {
    return identityBy(this.#db, this.#account, by, key)
  }

  async #makeIdentity(lid: string, seen: Seen): Promise<Identity> {
    const lead_id = await this.#makeLead(lid, null, seen)
    return { lead_id, merged_id: undefined, lid, phone: null, phone_at: 0 }
  }

  /** `me` was seen with this number, which it has not now. */
  async #claim(me: Identity, phone: string, timestamp: number): Promise<void> {
    this.settled.changed.add(me.lead_id)
    this.#affected.add(phone)
    const before = await this.#claimsOf(me)
    const all = await this.#claimsOn(phone)
    const holder = await this.#by('phone', phone)
    const mine = all.find((claim) => isOf(claim, me))
    const at = Math.max(timestamp, mine?.at ?? 0)
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
    if (mine !== undefined) await this.#dropClaim(mine)
    await this.#takeOver(holder, me, phone, at)
  }

  /** `me` has the number of `holder` from now on. */
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
    // One of them has no LID: they are one person.
    const [named, other] = me.lid === null ? [holder, me] : [me, holder]
    await this.#unify(other, named)
    const now =
      named.lid === null ? await this.#by('phone', phone) : await this.#by('lid', named.lid)
    if (now !== undefined)
      await writeIdentity(this.#db, { ...now, phone, phone_at: now.lid === null ? 0 : at })
  }

  /** `me` has its number no more. */
  async #leave(me: Identity): Promise<void> {
    if (me.phone === null) return
    await this.#addClaim(me.phone, me, me.phone_at)
    this.#affected.add(me.phone)
    this.settled.changed.add(me.lead_id)
    me.phone = null
    await writeIdentity(this.#db, me)
  }

  /** Two identities of one person become one; the first one has no LID. */
  async #unify(other: Identity, named: Identity): Promise<void> {
    if (named.lid === null) {
      // Both are numbers alone: the one that `named` has goes on, the other is a number it had.
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

  /** One lead has both, and `other` has no number any more: `named` is its own if that was. */
  async #dropIdentity(other: Identity, named: Identity): Promise<void> {
    const id = other.merged_id ?? named.merged_id
    if (id !== undefined)
      await this.#db.deleteFrom('merged_identities').where('id', '=', id).execute()
    if (other.merged_id === undefined)
      await writeIdentity(this.#db, { ...named, merged_id: undefined })
  }

  /** Where a lead has no number and LID of its own, those of a merged identity become its own. */
  async #lead(lid: string): Promise<void> {
    const me = await this.#by('lid', lid)
    if (me?.merged_id === undefined) return
    this.settled.changed.add(me.lead_id)
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

  /** @returns leads.id of the one that stays: the older one */
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
    this.settled.merged.add(gone)
    this.settled.changed.delete(gone)
    this.settled.made.delete(gone)
    this.settled.changed.add(kept)
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
    this.settled.made.add(row.id)
    this.settled.changed.add(row.id)
    return row.id
  }

  /** Messages that tell a number alone go to whose number it was when they were written. */
  async #reassign(): Promise<void> {
    for (const phone of this.#affected) await this.#reassignPhone(phone)
    for (const id of this.settled.changed) await this.#writeSeen(id)
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
      for (const id of [lead, message.lead_id]) if (id != null) this.settled.changed.add(id)
    }
    if (holder?.lid === null && latest !== undefined) await this.#dissolve(holder, latest)
  }

  /**
   * A lead that was known by a number alone, and whose messages turned out to be of another one.
   */
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

  /** Messages of these leads that tell this number and no LID. */
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
      const told = JSON.parse(details) as Partial<CapturedMessage>
      if (told.phone !== phone || told.lid !== undefined) return []
      return told.name === undefined ? [row] : [{ ...row, name: told.name }]
    })
  }

  /** What a lead shows of its messages, beside who waits. */
  async #writeSeen(id: number): Promise<void> {
    const of = this.#db.selectFrom('messages').where('lead_id', '=', id).where('personal', '=', 1)
    const last = await of
      .select(['chat_id', 'timestamp'])
      .orderBy('timestamp', 'desc')
      .orderBy('pk', 'desc')
      .limit(1)
      .executeTakeFirst()
    if (last === undefined) return
    const first = await of.select('timestamp').orderBy('timestamp').limit(1).executeTakeFirst()
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

/**
 * Brings up to date who is who, by what one message tells. Counts are to be worked out after it.
 */
export const settleLead = async (
  db: Db,
  account: string,
  message: CapturedMessage
): Promise<Settled> => {
  const { phone, lid, number_change, timestamp } = message
  const settling = new Settling(db, account)
  const [from, to] = [identityOf(number_change?.from), identityOf(number_change?.to)]
  if (from.phone !== undefined && to.phone !== undefined)
    await settling.phoneChange(from.phone, to.phone, timestamp)
  else if (from.lid !== undefined && to.lid !== undefined)
    await settling.lidChange(from.lid, to.lid)
  else if (phone !== undefined && lid !== undefined) await settling.pair(phone, lid, message)
  return settling.settled
}
