import type { Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Http, Request } from '../../platform/http/http.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'
import { createEventFeed } from '../../platform/http/event-feed.ts'
import { encode, resumePoint, type ServerSentEvent, type Stream } from '../../platform/http/sse.ts'
import type { Live } from '../store/outbox/live.ts'
import { eventRange, maxEvents, readEvents, type StoredEvent } from '../store/outbox/events.ts'
import type { Store } from '../store/open.ts'
import type { Account } from '../follow/accounts.ts'

const pageSize = 100

/** How events are named: as from the first release on, or in full, as webhooks name them. */
type Naming = 'short' | 'full'

/**
 * Those who ask while an answer is on its way share it: a thousand clients that come back at once
 * are one question.
 */
const together = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let asked: Promise<T> | undefined
  return () => (asked ??= ask().finally(() => (asked = undefined)))
}

/** An event of the store as it is sent; undefined when what it is about is there no more. */
const toEvent = (stored: StoredEvent, id: string, naming: Naming): ServerSentEvent | undefined => {
  // A lead that was merged into another since has an event of its own.
  if (stored.data === undefined) return undefined
  const { type, data } = stored
  if (type === 'lead_removed') return { id, event: naming === 'full' ? 'lead.removed' : type, data }
  const { change } = stored
  return { id, event: naming === 'full' ? `${type}.${change}` : type, data: { ...data, change } }
}

const nameOfSession = (naming: Naming): string =>
  naming === 'full' ? 'session.changed' : 'session'

/** What an id looks like, of this hub or of another one. */
const idForm = /^[\w.]{1,40}-\d{1,20}$/

/**
 * The id that a client resumes from. A header that cannot be read is no reason to refuse it: an
 * EventSource that is answered with an error never connects again.
 * @throws {ProblemError} invalid-parameters for an `after` that can be no id
 */
const givenId = (req: Request, after: string | undefined): string | undefined => {
  const given = resumePoint(req, after)
  const isOfUrl = given !== undefined && given === after && !req.headers['last-event-id']
  if (isOfUrl && after !== '0' && !idForm.test(after)) {
    throw invalid({ in: 'query', field: 'after', message: 'expected the id of an event, or 0' })
  }
  return given
}

/** Where a stream begins, and whether events before that are not kept. */
interface Start {
  after: number
  isMissed: boolean
}

const startOf = (
  given: string | undefined,
  storeId: string,
  { first, last }: { first: number; last: number }
): Start => {
  if (given === undefined) return { after: last, isMissed: false }
  if (given === '0') return { after: first - 1, isMissed: false }
  const [, of, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(given) ?? []
  if (of !== storeId || Number(digits) > last) return { after: last, isMissed: true }
  const asked = Number(digits)
  // An event that is there no more may have gone with its lead; only what is older than all that
  // are kept was dropped.
  const isDropped = asked < first - 1 && asked < last - maxEvents
  return isDropped ? { after: last, isMissed: true } : { after: asked, isMissed: false }
}

/**
 * `GET /api/events`: server-sent events `message`, `lead` and `session`. A client that gives the
 * last id it saw, by `Last-Event-ID` or `?after=`, gets what it missed (0: all that is kept); one
 * that was away for longer than events are kept, or whose id is of another store, gets `reset`
 * first, and should read the lists again. `session` carries what `GET /api/whatsapp/status` would
 * answer, a problem included: of each account now, and on each change.
 */
export const addEventRoutes = ({
  http,
  store,
  live,
  accounts
}: {
  http: Http
  store: Store
  live: Live
  accounts: readonly Account[]
}): void => {
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
  const feedOf = (naming: Naming) =>
    createEventFeed<StoredEvent>({
      read: (position) => readEvents(db, position, pageSize),
      position: ({ id }) => id,
      toEvent: (stored) => toEvent(stored, toId(stored.id), naming),
      subscribe: live.onChanged
    })
  const feeds = { short: feedOf('short'), full: feedOf('full') }
  const streams = { short: new Set<Stream>(), full: new Set<Stream>() }
  live.onSession((now) => {
    for (const naming of ['short', 'full'] as const) {
      const bytes = encode([{ event: nameOfSession(naming), data: now }])
      for (const stream of streams[naming]) void stream.write(bytes)
    }
  })

  http.route('GET', '/api/events', async (req, res) => {
    const params = query(req, 'after', 'names')
    const naming = params.get('names') ?? 'short'
    if (naming !== 'short' && naming !== 'full')
      throw invalid({ in: 'query', field: 'names', message: 'expected one of short, full' })
    const { after, isMissed } = startOf(
      givenId(req, params.get('after') ?? undefined),
      store.id,
      await eventRange(db)
    )
    const stream = http.stream(req, res)
    if (isMissed)
      await stream.send([
        {
          event: 'reset',
          id: toId(after),
          data: { reason: 'events since then are not kept: read the lists again' }
        }
      ])
    streams[naming].add(stream)
    stream.onClose(() => streams[naming].delete(stream))
    const sessions = await sessionsNow()
    // with the id it starts from, a client that sees nothing else before it is cut off can resume
    // too
    await stream.send(
      sessions.map((data) => ({ event: nameOfSession(naming), id: toId(after), data }))
    )
    await feeds[naming].follow(stream, after)
  })
}
