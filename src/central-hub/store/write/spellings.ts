import { adoptNotices } from './notices.ts'
import { phoneKey, spellingsOf } from '../database/phone.ts'
import type { Db } from '../database/schema.ts'

/**
 * A person enters +52 55 1234 5678, and WhatsApp knows the same number as +52 1 55 1234 5678. A
 * lead that was entered takes over WhatsApp's spelling with the first message that tells it; from
 * then on it is found as any other lead is.
 */

/** Numbers of one statement. */
const batchSize = 500

/**
 * Leads that were entered under another spelling of these numbers, and of whom WhatsApp has told
 * nothing yet.
 */
const enteredOtherwise = async (db: Db, account: string, phones: readonly string[]) => {
  const others = phones.flatMap((phone) =>
    spellingsOf(phone).filter((spelling) => spelling !== phone)
  )
  const found: { id: number; phone: string | null }[] = []
  for (let start = 0; start < others.length; start += batchSize) {
    const rows = await db
      .selectFrom('leads')
      .select(['id', 'phone'])
      .where('account', '=', account)
      .where('phone', 'in', others.slice(start, start + batchSize))
      .where('entered_at', 'is not', null)
      .where('lid', 'is', null)
      .where('last_pk', 'is', null)
      .execute()
    found.push(...rows)
  }
  return found
}

/** Whether another lead has a number in this very spelling. */
const isTaken = async (db: Db, account: string, phone: string): Promise<boolean> => {
  const own = await db
    .selectFrom('leads')
    .select('id')
    .where('account', '=', account)
    .where('phone', '=', phone)
    .executeTakeFirst()
  if (own !== undefined) return true
  const merged = await db
    .selectFrom('merged_identities')
    .select('id')
    .where('account', '=', account)
    .where('phone', '=', phone)
    .executeTakeFirst()
  return merged !== undefined
}

/**
 * Before messages with these numbers are taken, inside the transaction that takes them.
 * @returns leads.id of those that are shown under another spelling now
 */
export const adoptSpellings = async (
  db: Db,
  account: string,
  phones: Iterable<string>
): Promise<Set<number>> => {
  const adopted = new Set<number>()
  const spellings = new Map([...phones].map((phone) => [phoneKey(phone), phone]))
  for (const { id, phone } of await enteredOtherwise(db, account, [...spellings.values()])) {
    const spelling = spellings.get(phoneKey(phone ?? ''))
    if (spelling === undefined || (await isTaken(db, account, spelling))) continue
    await db
      .updateTable('leads')
      .set({ phone: spelling, chat_id: `${spelling.slice(1)}@c.us` })
      .where('id', '=', id)
      .execute()
    await adoptNotices(db, [{ id, account, phone: spelling, lid: null }])
    adopted.add(id)
  }
  return adopted
}
