import type { MessagePage } from '../../contract/lead.ts'
import { sendJson, type Http } from '../../platform/http.ts'
import { query, trueOrFalse, whole } from '../../platform/query.ts'
import { listMessages, type MessageFilter } from '../store/messages.ts'
import { fromCursor, toCursor } from '../store/page.ts'
import type { Db } from '../store/schema.ts'
import { searchText } from './parameters.ts'

/** `GET /api/messages`: all messages, groups and channels too, newest first; `q` searches their text. */
export const addMessageRoutes = ({ http, db }: { http: Http; db: Db }): void => {
  http.route('GET', '/api/messages', async (req, res) => {
    const params = query(req, 'account', 'q', 'chat_id', 'from_me', 'limit', 'cursor')
    const [account, q, chatId, fromMe] = [params.get('account'), searchText(params), params.get('chat_id'), trueOrFalse(params.get('from_me'), 'from_me')]
    const filter: MessageFilter = { ...(account === null ? {} : { account }), ...(q ? { q } : {}), ...(chatId ? { chatId } : {}), ...(fromMe === undefined ? {} : { fromMe }) }
    const { items, next } = await listMessages(db, filter, whole(params.get('limit'), 'limit', 1, 200, 50), fromCursor(params.get('cursor'), 'newest'))
    const page: MessagePage = { messages: items, next_cursor: toCursor(next) }
    sendJson(res, page)
  })
}
