import type { Deletion } from '../../contract/lead.ts'
import { sendJson } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { accountName, type Account } from '../follow/accounts.ts'
import { addDeletion, listDeletions } from '../store/write/deletions.ts'
import { chatsOfPerson, erasePerson, erasureOf } from '../store/write/erase.ts'
import type { Store } from '../store/open.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Upstream } from '../follow/upstream.ts'
import { ofLead } from './leads.ts'
import type { Serve } from './serve.ts'

interface DeletionRouteOptions {
  serve: Serve
  store: Store
  accounts: readonly Account[]
  /** Runs one deletion at a time: what other hubs deleted is deleted here, too. */
  inTurn?: <T>(run: () => Promise<T>) => Promise<T>
  /** Called after a lead was deleted. */
  onChanged: () => void
  log: Log
}

/**
 * The session-manager of an account; undefined when the account is followed no more.
 * @throws {ProblemError} session-manager-unreachable while it is not known whose the followed ones
 * are
 */
const upstreamOf = (accounts: readonly Account[], account: string): Upstream | undefined => {
  const found = accounts.find((each) => accountName(each) === account)
  if (found !== undefined) return found.upstream
  if (accounts.length > 0 && accounts.every((each) => accountName(each) !== undefined))
    return undefined
  const detail =
    `the session-manager of account ${account} is not followed now, and what it captured must ` +
    'be erased too: start it, or name it in FURTHER_SESSION_MANAGERS again'
  throw new ProblemError('session-manager-unreachable', detail, undefined, account)
}

/**
 * `DELETE /api/leads/:id` and `GET /api/deletions`. session-manager goes first: when it cannot
 * erase, nothing is changed here, and the same request is made again; when the hub fails after it,
 * too.
 */
export const addDeletionRoutes = ({
  serve,
  store,
  accounts,
  inTurn = (run) => run(),
  onChanged,
  log
}: DeletionRouteOptions): void => {
  const { db } = store

  const deleteLead = async (id: number, requestId: string): Promise<Deletion> => {
    const { lead, chatIds } = await ofLead(id, erasureOf(db, id))
    const upstream = upstreamOf(accounts, lead.account)
    if (upstream === undefined) {
      log.warn(
        { event: 'erased_here_alone', account: lead.account },
        `account ${lead.account} is followed no more: a lead of it is deleted here, but not ` +
          'from the journal of its session-manager'
      )
    }
    const chats = new Set<string>()
    let media_files = 0
    // Each answer of session-manager may name an address that leads to a further lead of the
    // person, with chats of its own.
    for (let found = chatIds; found.length > 0; ) {
      for (const chat of found) chats.add(chat)
      const erased = await upstream?.erase({ chat_ids: found, requestId })
      for (const chat of erased?.chat_ids ?? []) chats.add(chat)
      media_files += erased?.media_files ?? 0
      found = (await chatsOfPerson(db, lead, [...chats])).filter((chat) => !chats.has(chat))
    }
    const deletion = await erasePerson(db, lead, [...chats], (trx, erased) =>
      addDeletion(trx, { reason: 'request', request_id: requestId, ...erased, media_files })
    )
    onChanged()
    await store.scrub()
    return deletion
  }
  serve.raw('deleteLead', async ({ params: { id }, req: { requestId }, res }) => {
    sendJson(res, await inTurn(() => deleteLead(id, requestId)))
  })

  serve.read('listDeletions', async ({ query }) => {
    const { items, next } = await listDeletions(
      db,
      query.limit,
      fromCursor(query.cursor, 'deletions')
    )
    return { deletions: items, next_cursor: toCursor(next) }
  })
}
