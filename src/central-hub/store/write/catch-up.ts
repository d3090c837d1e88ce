import { sql } from 'kysely'
import type { CapturedMessage, Media } from '../../../contract/record.ts'
import { mergeDuplicates, type Whose } from './merge-duplicates.ts'
import type { Db } from '../database/schema.ts'
import { termsOf } from '../database/terms.ts'
import { changeLeads } from '../database/transaction.ts'
import { markUpdated } from '../read/updated.ts'
import { writeWaiting } from './waiting.ts'

/**
 * What messages of a release before lack, and more than SQL can give them. It is done once, at the
 * start.
 */

/** Messages, leads or chats of one transaction. */
const batchSize = 200

/**
 * Writes titles, places, names and file names for the search.
 * @returns the last message that was looked at, undefined after the last of all
 */
const writeTerms = async (db: Db, after: number): Promise<number | undefined> => {
  const rows = await db
    .selectFrom('messages')
    .select(['pk', 'media', 'details', 'terms'])
    .where('pk', '>', after)
    .where((row) =>
      row.or([
        row.and([row('terms', '=', ''), row('media', 'like', '%"filename"%')]),
        ...['location', 'poll'].map((part) =>
          row.and([row('terms', '=', ''), row('details', 'like', `%"${part}":%`)])
        ),
        // a release before had no numbers of contact cards among them
        row('details', 'like', '%"contacts":%')
      ])
    )
    .orderBy('pk')
    .limit(batchSize)
    .execute()
  for (const { pk, media, details, terms: before } of rows) {
    const parts = JSON.parse(details) as Partial<CapturedMessage>
    const terms = termsOf(media === null ? parts : { ...parts, media: JSON.parse(media) as Media })
    if (terms !== before)
      await db.updateTable('messages').set({ terms }).where('pk', '=', pk).execute()
  }
  return rows.at(-1)?.pk
}

/** Leads and groups with a message that is kept under two addresses. */
const withDuplicates = async (db: Db): Promise<Whose[]> => {
  const leads = await db
    .selectFrom('messages')
    .select('lead_id')
    .where('lead_id', 'is not', null)
    .groupBy(['lead_id', 'from_me', 'stanza'])
    .having(sql<boolean>`count(*) > 1`)
    .execute()
  const groups = await db
    .selectFrom('messages')
    .select(['account', 'chat_id'])
    .where('lead_id', 'is', null)
    .where('chat_id', 'like', '%@g.us')
    .groupBy(['account', 'chat_id', 'from_me', 'stanza'])
    .having(sql<boolean>`count(*) > 1`)
    .execute()
  const chats = new Map(groups.map((group) => [`${group.account} ${group.chat_id}`, group]))
  return [...new Set(leads.flatMap(({ lead_id }) => lead_id ?? [])), ...chats.values()]
}

const mergeIn = async (db: Db, whose: Whose): Promise<void> => {
  await mergeDuplicates(db, whose)
  if (typeof whose !== 'number') return
  await writeWaiting(db, whose, { fresh: [], whole: true, albums: false })
  await markUpdated(db, [whose])
}

/**
 * Does what is due. A start that is cut off leaves the rest to the next one. @param onProgress
 * called before each transaction
 */
export const catchUp = async (db: Db, onProgress: () => void = () => undefined): Promise<void> => {
  const { catch_up_due } = await db
    .selectFrom('store')
    .select('catch_up_due')
    .executeTakeFirstOrThrow()
  if (catch_up_due === 0) return
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after
    onProgress()
    after = await changeLeads(db, (trx) => writeTerms(trx, from))
  }
  const twice = await withDuplicates(db)
  for (let start = 0; start < twice.length; start += batchSize) {
    onProgress()
    await changeLeads(db, async (trx) => {
      for (const whose of twice.slice(start, start + batchSize)) await mergeIn(trx, whose)
    })
  }
  await db.updateTable('store').set({ catch_up_due: 0 }).execute()
}
