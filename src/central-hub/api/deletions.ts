import { sendJson } from '../../platform/http.ts'
import { ProblemError } from '../../platform/problem.ts'
import { accountName, type Account } from '../accounts.ts'
import { addDeletion, listDeletions } from '../store/deletions.ts'
import { eraseLead, erasureOf } from '../store/erase.ts'
import type { Store } from '../store/open.ts'
import { fromCursor, toCursor } from '../store/page.ts'
import type { Upstream } from '../upstream.ts'
import { ofLead } from './leads.ts'
import type { Serve } from './serve.ts'

/**
 * `DELETE /api/leads/:id` and `GET /api/deletions`. session-manager goes first: when it cannot erase, nothing is changed
 * here, and the same request is made again; when the hub fails after it, too.
 * @param onChanged called after a lead was deleted
 */
export const addDeletionRoutes = ({ serve, store, accounts, onChanged }: { serve: Serve; store: Store; accounts: readonly Account[]; onChanged: () => void }): void => {
  const { db } = store

  /** @throws {ProblemError} session-manager-unreachable */
  const upstreamOf = (account: string): Upstream => {
    const found = accounts.find((each) => accountName(each) === account)
    if (found) return found.upstream
    throw new ProblemError('session-manager-unreachable', `the session-manager of account ${account} is not followed now, and what it captured must be erased too: start it, or name it in FURTHER_SESSION_MANAGERS again`, undefined, account)
  }

  serve.raw('deleteLead', async ({ params: { id }, req: { requestId }, res }) => {
    const { lead, chatIds } = await ofLead(id, erasureOf(db, id))
    const { media_files } = await upstreamOf(lead.account).erase({ chat_ids: chatIds, requestId })
    const deletion = await eraseLead(db, lead, (trx, messages) => addDeletion(trx, { reason: 'request', request_id: requestId, leads: 1, messages, media_files }))
    onChanged()
    await store.scrub()
    sendJson(res, deletion)
  })

  serve.read('listDeletions', async ({ query }) => {
    const { items, next } = await listDeletions(db, query.limit, fromCursor(query.cursor, 'deletions'))
    return { deletions: items, next_cursor: toCursor(next) }
  })
}
