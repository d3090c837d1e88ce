import type { Lead, LeadState } from '../../../contract/lead.ts'
import { addEvents } from '../outbox/events.ts'
import { leadsOfPhone } from '../read/identities.ts'
import { getLead } from '../read/leads.ts'
import { adoptNotices } from './notices.ts'
import { phoneKey } from '../database/phone.ts'
import type { Db } from '../database/schema.ts'
import { writeTags } from '../read/tags.ts'

/** A lead that a person enters, before the one it is about has written. */
export interface NewLead {
  account: string
  /** E.164. */
  phone: string
  name?: string
  state?: LeadState
  note?: string
  tags?: readonly string[]
  assignee?: string | null
}

/** The name that was imported for a number, unless somebody else had the number before. */
const importedName = async (db: Db, { account, phone }: NewLead): Promise<string | null> => {
  const former = await db
    .selectFrom('former_phones')
    .select('phone')
    .where('account', '=', account)
    .where('phone', '=', phone)
    .limit(1)
    .executeTakeFirst()
  if (former !== undefined) return null
  const known = await db
    .selectFrom('names')
    .select('name')
    .where('phone_key', '=', phoneKey(phone))
    .executeTakeFirst()
  return known?.name ?? null
}

/**
 * Enters a lead, inside a transaction that changes leads alone. It does not wait: nobody wrote.
 * What the person writes later finds it as it finds any lead of that number, see spellings.ts.
 * @returns the id of the lead that has the number already, in whichever spelling
 */
export const createLead = async (
  db: Db,
  given: NewLead
): Promise<{ created: Lead } | { existing: number }> => {
  const [existing] = await leadsOfPhone(db, given.phone, given.account)
  if (existing !== undefined) return { existing }
  const {
    account,
    phone,
    name = null,
    state = 'new',
    note = '',
    tags = [],
    assignee = null
  } = given
  const now = Date.now()
  const seconds = Math.floor(now / 1_000)
  const row = await db
    .insertInto('leads')
    .values({
      account,
      phone,
      lid: null,
      chat_id: `${phone.slice(1)}@c.us`,
      name: null,
      given_name: name,
      imported_name: await importedName(db, given),
      state,
      note,
      assignee,
      first_seen: seconds,
      last_seen: seconds,
      waiting_since: null,
      updated_at: now,
      entered_at: now
    })
    .returning(['id', 'account', 'phone', 'lid'])
    .executeTakeFirstOrThrow()
  await writeTags(db, row.id, [...new Set(tags)])
  await adoptNotices(db, [row])
  await addEvents(db, 'lead', [row.id], new Set([row.id]))
  const created = await getLead(db, row.id)
  if (created === undefined) throw new Error('the lead that was just entered is not there')
  return { created }
}
