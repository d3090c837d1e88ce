import type { Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Http } from '../../platform/http.ts'
import { ProblemError } from '../../platform/problem.ts'
import { query, whole } from '../../platform/query.ts'
import { follow, resumePoint } from '../../platform/sse.ts'
import type { Live } from '../live.ts'
import { eventRange, readEvents, type StoredEvent } from '../store/events.ts'
import type { Db } from '../store/schema.ts'
import type { Account } from '../accounts.ts'

const pageSize = 100

/**
 * `GET /api/events`: server-sent events `message` and `lead`, with an id, and `session`, without. A client that gives
 * `Last-Event-ID` or `?after=` gets what it missed; one that was away for longer than events are kept gets `reset`
 * first, and should read the lists again. `session` carries what `GET /api/whatsapp/status` would answer, a problem
 * included: of each account now, and on each change.
 */
export const addEventRoutes = ({ http, db, live, accounts }: { http: Http; db: Db; live: Live; accounts: readonly Account[] }): void => {
  const sessionNow = async ({ upstream }: Account): Promise<Status | Problem> => {
    try {
      return (await upstream.verify()).status
    } catch (error) {
      if (error instanceof ProblemError) return error.problem
      throw error
    }
  }

  http.route('GET', '/api/events', async (req, res) => {
    const given = resumePoint(req, query(req, 'after').get('after') ?? undefined)
    const { first, last } = await eventRange(db)
    const asked = whole(given ?? null, 'after', 0, Number.MAX_SAFE_INTEGER, last)
    const missed = asked < first - 1 || asked > last
    const stream = http.stream(req, res)
    if (missed) await stream.send([{ event: 'reset', id: last, data: { reason: 'events since then are not kept: read the lists again' } }])
    stream.onClose(live.onSession((now) => void stream.send([{ event: 'session', data: now }])))
    const sessions = await Promise.all(accounts.map(sessionNow))
    await stream.send(sessions.map((data) => ({ event: 'session', data })))
    await follow<StoredEvent>(stream, {
      after: missed ? last : asked,
      read: (after) => readEvents(db, after, pageSize),
      position: ({ id }) => id,
      // a lead that was merged into another since is told of by that one's own event
      toEvent: ({ id, type, data }) => (data === undefined ? undefined : { id, event: type, data }),
      subscribe: live.onChanged
    })
  })
}
