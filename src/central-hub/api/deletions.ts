import type { Deletion } from '../../contract/lead.ts'
import { sendJson, type Request } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { accountName, type Account } from '../follow/accounts.ts'
import { addDeletion, listDeletions } from '../store/write/deletions.ts'
import { chatsOfPerson, erasePerson, erasureOf } from '../store/write/erase.ts'
import type { Db } from '../store/database/schema.ts'
import type { Store } from '../store/open.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Upstream } from '../follow/upstream.ts'
import { recordAudit } from './record-audit.ts'
import { ofLead } from './leads.ts'
import type { Serve } from './serve.ts'

interface DeletionRouteOptions {
  serve: Serve
  store: Store
  accounts: readonly Account[]
  /** Runs one deletion at a time, together with the deletions that other hubs made. */
  inTurn?: <T>(run: () => Promise<T>) => Promise<T>
  /** Called after a lead was deleted. */
  onChanged: () => void
  log: Log
}

/**
 * The session-manager of an account; undefined when the account is no longer followed.
 * @throws {ProblemError} session-manager-unreachable while the account of a followed
 * session-manager is unknown
 */
const upstreamOf = (accounts: readonly Account[], account: string): Upstream | undefined => {
  const followed = accounts.find((each) => accountName(each) === account)
  if (followed !== undefined) return followed.upstream
  if (accounts.length > 0 && accounts.every((each) => accountName(each) !== undefined))
    return undefined
  const detail =
    `the session-manager of account ${account} is not followed now, and what it captured must ` +
    'be erased too: start it, or name it in FURTHER_SESSION_MANAGERS again'
  throw new ProblemError('session-manager-unreachable', detail, undefined, account)
}

type Erasure = NonNullable<Awaited<ReturnType<typeof erasureOf>>>

interface ErasedChats {
  chats: string[]
  mediaFiles: number
}

/** Has session-manager erase all chats of the person. */
const eraseUpstream = async (
  db: Db,
  upstream: Upstream | undefined,
  { lead, chatIds }: Erasure,
  requestId: string
): Promise<ErasedChats> => {
  const chats = new Set<string>()
  let mediaFiles = 0
  // Each answer of session-manager may name an address that leads to another lead of the person,
  // with chats of its own.
  for (let pending = chatIds; pending.length > 0; ) {
    for (const chat of pending) chats.add(chat)
    const erased = await upstream?.erase({ chat_ids: pending, requestId })
    for (const chat of erased?.chat_ids ?? []) chats.add(chat)
    mediaFiles += erased?.media_files ?? 0
    pending = (await chatsOfPerson(db, lead, [...chats])).filter((chat) => !chats.has(chat))
  }
  return { chats: [...chats], mediaFiles }
}

type DeleteOptions = Pick<DeletionRouteOptions, 'store' | 'accounts' | 'onChanged' | 'log'>

const deleteLead = async (
  { store, accounts, onChanged, log }: DeleteOptions,
  id: number,
  req: Request
): Promise<Deletion> => {
  const { requestId } = req
  const { db } = store
  const erasure = await ofLead(id, erasureOf(db, id))
  const { lead } = erasure
  const upstream = upstreamOf(accounts, lead.account)
  if (upstream === undefined) {
    log.warn(
      { event: 'erased_here_alone', account: lead.account },
      `account ${lead.account} is followed no more: a lead of it is deleted here, but not ` +
        'from the journal of its session-manager'
    )
  }
  const { chats, mediaFiles } = await eraseUpstream(db, upstream, erasure, requestId)
  const deletion = await erasePerson(db, lead, chats, async (trx, erased) => {
    await recordAudit(trx, 'deleteLead', { req, params: { id } })
    return addDeletion(trx, {
      reason: 'request',
      request_id: requestId,
      ...erased,
      media_files: mediaFiles
    })
  })
  onChanged()
  await store.scrub()
  return deletion
}

/**
 * `DELETE /api/leads/:id` and `GET /api/deletions`. session-manager erases first: if it fails,
 * nothing is changed here, and the caller can repeat the request. The same holds if the hub fails
 * afterwards.
 */
export const addDeletionRoutes = ({
  serve,
  inTurn = (run) => run(),
  ...options
}: DeletionRouteOptions): void => {
  const { db } = options.store

  serve.raw('deleteLead', async ({ params: { id }, req, res }) => {
    sendJson(res, await inTurn(() => deleteLead(options, id, req)))
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
