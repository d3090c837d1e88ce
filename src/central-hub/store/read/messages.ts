import { sql, type Selectable } from 'kysely'
import type { Message } from '../../../contract/lead.ts'
import { kindOf } from '../../../contract/message-types.ts'
import type { Media } from '../../../contract/record.ts'
import { sentAt } from './last-message.ts'
import { toPage, type Page, type Position } from './page.ts'
import { dialectOf, type MessageMatch } from '../database/dialect-queries.ts'
import { resolveQuotes } from './quotes.ts'
import { readResponses } from './responses.ts'
import type { Db, MessageTable } from '../database/schema.ts'
import { matchingMessages, messageMatch, wholeOf } from './search.ts'

/** Messages as the API reads them, with their reactions and votes. */

type Row = Selectable<MessageTable>

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

const toMessage = (row: Row): Message => {
  const {
    pk: _pk,
    terms: _terms,
    text_event: _event,
    stanza: _stanza,
    turn: _turn,
    handled_at: _handled,
    closed_at: _closed,
    acknowledged: _acknowledged,
    personal,
    from_me,
    media,
    details,
    captured_at,
    edited_at,
    revoked_at,
    ...same
  } = row
  return {
    ...(JSON.parse(details) as Pick<Message, 'from' | 'to'>),
    ...same,
    kind: kindOf(same.type),
    sent_at: sentAt(same.timestamp),
    from_me: from_me === 1,
    personal: personal === 1,
    captured_at: new Date(captured_at).toISOString(),
    edited_at: iso(edited_at),
    revoked_at: iso(revoked_at),
    media: media === null ? null : (JSON.parse(media) as Media),
    reactions: [],
    votes: []
  }
}

/** The rows as messages, with what was reacted and voted, and quotes by the ids that are kept. */
const complete = async (db: Db, rows: readonly Row[]): Promise<Message[]> => {
  const messages = rows.map(toMessage)
  const responses = await readResponses(db, rows)
  const quoted = await resolveQuotes(db, messages)
  for (const [index, message] of messages.entries()) {
    Object.assign(message, responses[index])
    const id = quoted(message)
    if (id !== undefined) message.quoted_id = id
  }
  return messages
}

export interface MessageFilter {
  account?: string
  leadId?: number
  chatId?: string
  fromMe?: boolean
  /**
   * Words that all occur in the text, the last one perhaps not to its end; case and accents do not
   * count.
   */
  q?: string
}

/**
 * Orders of a list of messages, as its cursors name them: by time, or, of words that very many
 * have, as they were captured.
 */
export const messageOrders = ['newest', 'captured'] as const

/**
 * Matches of a search that are put in order of time; of more than that, the latest captured come
 * first.
 */
const maxSorted = 1_000
/** Matches looked at for one page: it may hold fewer messages than asked for. */
const maxPerPage = 5_000

const selectMessages = (db: Db, { account, leadId, chatId, fromMe }: MessageFilter) => {
  let query = db.selectFrom('messages').selectAll()
  if (account !== undefined) query = query.where('account', '=', account)
  if (leadId !== undefined) query = query.where('lead_id', '=', leadId)
  if (chatId !== undefined) query = query.where('chat_id', '=', chatId)
  // written out, for messages_sent is the index of our own
  if (fromMe !== undefined) query = query.where('from_me', '=', sql.lit(fromMe ? 1 : 0))
  return query
}

/** A page of a search for common words. */
const listCaptured = async (
  db: Db,
  filter: MessageFilter,
  match: MessageMatch,
  limit: number,
  after?: Position
): Promise<Page<Message>> => {
  const rows: Row[] = []
  let before = after?.id
  for (let read = 0; read < maxPerPage && rows.length <= limit; read += maxSorted) {
    const hits = await matchingMessages(db, match, maxSorted, before)
    if (hits.length > 0)
      rows.push(
        ...(await selectMessages(db, filter)
          .where('pk', 'in', hits)
          .orderBy('pk', 'desc')
          .limit(limit + 1 - rows.length)
          .execute())
      )
    before = hits.length < maxSorted ? undefined : hits.at(-1)
    if (before === undefined) break
  }
  const position = (pk: number): Position => ({
    order: 'captured',
    key: 0,
    id: pk,
    since: 0,
    whole: wholeOf(match)
  })
  const page = toPage(rows, limit, ({ pk }) => position(pk))
  const more = page.next ?? (before === undefined ? undefined : position(before))
  return { next: more, items: await complete(db, page.items) }
}

/** Newest first. */
export const listMessages = async (
  db: Db,
  filter: MessageFilter,
  limit: number,
  after?: Position
): Promise<Page<Message>> => {
  let query = selectMessages(db, filter)
  let whole: 0 | 1 | undefined
  if (filter.q !== undefined) {
    const match = await messageMatch(db, filter.q, after?.whole)
    whole = match && wholeOf(match)
    if (match === undefined) return { items: [], next: undefined }
    const hits = after?.order === 'captured' ? [] : await matchingMessages(db, match, maxSorted + 1)
    const common = hits.length > maxSorted
    const ofOneChat = filter.leadId !== undefined || filter.chatId !== undefined
    if (after?.order === 'captured' || (common && after === undefined && !ofOneChat))
      return listCaptured(db, filter, match, limit, after)
    if (hits.length === 0) return { items: [], next: undefined }
    query = query.where(
      'pk',
      'in',
      common
        ? sql<number>`(select rowid from message_text where ${dialectOf(db).messageHas(match)})`
        : hits
    )
  }
  if (after) query = query.where(sql<boolean>`(timestamp, pk) < (${after.key}, ${after.id})`)
  const rows = await query
    .orderBy('timestamp', 'desc')
    .orderBy('pk', 'desc')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ timestamp, pk }) =>
    whole === undefined
      ? { order: 'newest', key: timestamp, id: pk }
      : { order: 'newest', key: timestamp, id: pk, since: 0, whole }
  )
  return { ...page, items: await complete(db, page.items) }
}

/** The messages of a lead, oldest first. @param withMedia only those that have a file, or had */
export const listConversation = async (
  db: Db,
  { leadId, withMedia }: { leadId: number; withMedia: boolean },
  limit: number,
  after?: Position
): Promise<Page<Message>> => {
  let query = selectMessages(db, { leadId })
  if (withMedia) query = query.where('media', 'is not', null)
  if (after) query = query.where(sql<boolean>`(timestamp, pk) > (${after.key}, ${after.id})`)
  const rows = await query
    .orderBy('timestamp')
    .orderBy('pk')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ timestamp, pk }) => ({
    order: 'oldest',
    key: timestamp,
    id: pk
  }))
  return { ...page, items: await complete(db, page.items) }
}

/** Messages by the number the store gives them. */
export const getMessages = async (
  db: Db,
  pks: readonly number[]
): Promise<Map<number, Message>> => {
  const rows =
    pks.length === 0
      ? []
      : await db.selectFrom('messages').selectAll().where('pk', 'in', pks).execute()
  const messages = await complete(db, rows)
  return new Map(
    rows.flatMap(({ pk }, index) => (messages[index] ? [[pk, messages[index]] as const] : []))
  )
}
