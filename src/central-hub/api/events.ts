import type { Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Http } from '../../platform/http.ts'
import { invalid, ProblemError } from '../../platform/problem.ts'
import { query } from '../../platform/query.ts'
import { createFeed } from '../../platform/feed.ts'
import { encode, resumePoint, type Stream } from '../../platform/sse.ts'
import type { Live } from '../live.ts'
import { eventRange, mostEvents, readEvents, type StoredEvent } from '../store/events.ts'
import type { Store } from '../store/open.ts'
import type { Account } from '../accounts.ts'

const pageSize = 100

/** Those who ask while an answer is on its way share it: a thousand clients that come back at once are one question. */
const together = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let asked: Promise<T> | undefined
  return () => (asked ??= ask().finally(() => (asked = undefined)))
}

/**
 * `GET /api/events`: server-sent events `message`, `lead` and `session`. A client that gives the last id it saw, by
 * `Last-Event-ID` or `?after=`, gets what it missed (0: all that is kept); one that was away for longer than events are
 * kept, or whose id is of another store, gets `reset` first, and should read the lists again. `session` carries what `GET /api/whatsapp/status` would answer, a problem
 * included: of each account now, and on each change.
 */
export const addEventRoutes = ({ http, store, live, accounts }: { http: Http; store: Store; live: Live; accounts: readonly Account[] }): void => {
  const { db } = store
  const toId = (position: number): string => `${store.id}-${position}`
  const sessionNow = async ({ upstream }: Account): Promise<Status | Problem> => {
    try {
      return (await upstream.verify()).status
    } catch (error) {
      if (error instanceof ProblemError) return error.problem
      throw error
    }
  }

  const sessionsNow = together(() => Promise.all(accounts.map(sessionNow)))
  const feed = createFeed<StoredEvent>({
    read: (position) => readEvents(db, position, pageSize),
    position: ({ id }) => id,
    // a lead that was merged into another since is told of by that one's own event
    toEvent: ({ id, type, data }) => (data === undefined ? undefined : { id: toId(id), event: type, data }),
    subscribe: live.onChanged
  })
  const streams = new Set<Stream>()
  live.onSession((now) => {
    const bytes = encode([{ event: 'session', data: now }])
    for (const stream of streams) void stream.write(bytes)
  })

  http.route('GET', '/api/events', async (req, res) => {
    const given = resumePoint(req, query(req, 'after').get('after') ?? undefined)
    const { first, last } = await eventRange(db)
    const [, of, digits] = /^(?:([0-9a-f]{8})-)?(\d{1,15})$/.exec(given ?? toId(last)) ?? []
    if (digits === undefined || (of === undefined && digits !== '0')) throw invalid({ in: 'query', field: 'after', message: 'expected the id of an event, or 0' })
    const asked = of === undefined ? first - 1 : Number(digits)
    // An event that is there no more may have gone with its lead; only what is older than all that are kept was dropped.
    const isDropped = asked < first - 1 && asked < last - mostEvents
    const missed = isDropped || asked > last || (of !== undefined && of !== store.id)
    const after = missed ? last : asked
    const stream = http.stream(req, res)
    if (missed) await stream.send([{ event: 'reset', id: toId(last), data: { reason: 'events since then are not kept: read the lists again' } }])
    streams.add(stream)
    stream.onClose(() => streams.delete(stream))
    const sessions = await sessionsNow()
    // with the id it starts from, a client that sees nothing else before it is cut off can resume too
    await stream.send(sessions.map((data) => ({ event: 'session', id: toId(after), data })))
    await feed.follow(stream, after)
  })
}
