import { sql, type Selectable } from 'kysely'
import type { Message } from '../../contract/lead.ts'
import type { Media } from '../../contract/record.ts'
import { toPage, type Page, type Position } from './page.ts'
import type { Db, MessageTable } from './schema.ts'

/** Messages as the API reads them, with their reactions and votes. */

type Row = Selectable<MessageTable>

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

const toMessage = (row: Row): Message => {
  const { pk: _pk, personal: _personal, from_me, media, details, captured_at, edited_at, revoked_at, ...same } = row
  return {
    ...(JSON.parse(details) as Pick<Message, 'from' | 'to'>),
    ...same,
    from_me: from_me === 1,
    captured_at: new Date(captured_at).toISOString(),
    edited_at: iso(edited_at),
    revoked_at: iso(revoked_at),
    media: media === null ? null : (JSON.parse(media) as Media),
    reactions: [],
    votes: []
  }
}

const keyOf = (account: string, id: string): string => `${account} ${id}`

/** The rows as messages, with what was reacted and voted. */
const complete = async (db: Db, rows: readonly Row[]): Promise<Message[]> => {
  const messages = new Map(rows.map((row) => [keyOf(row.account, row.id), toMessage(row)]))
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return []
  const reactions = await db.selectFrom('reactions').selectAll().where('message_id', 'in', ids).where('emoji', '<>', '').orderBy('timestamp').execute()
  for (const { account, message_id, sender, emoji } of reactions) messages.get(keyOf(account, message_id))?.reactions.push({ sender, emoji })
  const votes = await db.selectFrom('votes').selectAll().where('message_id', 'in', ids).orderBy('timestamp').execute()
  for (const { account, message_id, voter, options } of votes) {
    messages.get(keyOf(account, message_id))?.votes.push({ voter, options: JSON.parse(options) as string[] })
  }
  return [...messages.values()]
}

export interface MessageFilter {
  account?: string
  leadId?: number
  chatId?: string
  fromMe?: boolean
  /** Words that all occur in the text, the last one perhaps not to its end; case and accents do not count. */
  q?: string
}

/** A search as FTS5 has it: each word quoted, so that nothing in it is an operator, https://sqlite.org/fts5.html#full_text_query_syntax */
const toMatch = (q: string): string =>
  q
    .split(/[^\p{L}\p{N}\p{M}]+/u)
    .filter((word) => word !== '')
    .map((word) => `"${word}"`)
    .join(' ') + '*'

/** Newest first. */
export const listMessages = async (db: Db, filter: MessageFilter, limit: number, after?: Position): Promise<Page<Message>> => {
  let query = db.selectFrom('messages').selectAll()
  if (filter.account !== undefined) query = query.where('account', '=', filter.account)
  if (filter.leadId !== undefined) query = query.where('lead_id', '=', filter.leadId)
  if (filter.chatId !== undefined) query = query.where('chat_id', '=', filter.chatId)
  if (filter.fromMe !== undefined) query = query.where('from_me', '=', filter.fromMe ? 1 : 0)
  if (filter.q !== undefined) {
    const match = toMatch(filter.q)
    // a text without a single letter or digit is in no message's words
    if (match === '*') return { items: [], next: undefined }
    query = query.where(sql<boolean>`pk in (select rowid from message_text where message_text match ${match})`)
  }
  if (after) query = query.where(sql<boolean>`(timestamp, pk) < (${after.key}, ${after.id})`)
  const rows = await query.orderBy('timestamp', 'desc').orderBy('pk', 'desc').limit(limit + 1).execute()
  const page = toPage(rows, limit, ({ timestamp, pk }) => ({ order: 'newest', key: timestamp, id: pk }))
  return { ...page, items: await complete(db, page.items) }
}

/** Messages by the number the store gives them. */
export const getMessages = async (db: Db, pks: readonly number[]): Promise<Map<number, Message>> => {
  const rows = pks.length === 0 ? [] : await db.selectFrom('messages').selectAll().where('pk', 'in', pks).execute()
  const messages = await complete(db, rows)
  return new Map(rows.flatMap(({ pk }, index) => (messages[index] ? [[pk, messages[index]] as const] : [])))
}
