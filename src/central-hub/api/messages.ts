import { omitUndefined } from '../../platform/omit-undefined.ts'
import { listMessages, messageOrders, type MessageFilter } from '../store/read/messages.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Db } from '../store/database/schema.ts'
import type { Query } from '../../contract/api/operations.ts'
import type { Serve } from './serve.ts'

/** The filters that a request gives. An empty search is left out. */
export const messageFilter = ({
  account,
  q,
  chat_id,
  from_me
}: Omit<Query<'listMessages'>, 'limit' | 'cursor' | 'fields'>): MessageFilter => {
  const words = q?.trim() ?? ''
  return omitUndefined({
    account,
    q: words === '' ? undefined : words,
    chatId: chat_id,
    fromMe: from_me
  })
}

/** `GET /api/messages`; src/contract/api/messages.ts describes it. */
export const addMessageRoutes = ({ serve, db }: { serve: Serve; db: Db }): void => {
  serve.read('listMessages', async ({ query }) => {
    const { items, next } = await listMessages(
      db,
      messageFilter(query),
      query.limit,
      fromCursor(query.cursor, ...messageOrders)
    )
    return { messages: items, next_cursor: toCursor(next) }
  })
}
