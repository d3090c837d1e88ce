import type { Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Http, Request } from '../../platform/http/http.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query } from '../../platform/http/query.ts'
import { createEventFeed } from '../../platform/http/event-feed.ts'
import { encode, resumePoint, type ServerSentEvent, type Stream } from '../../platform/http/sse.ts'
import type { ChangeNotifier } from '../store/outbox/change-notifier.ts'
import { eventRange, maxEvents, readEvents, type StoredEvent } from '../store/outbox/events.ts'
import type { Store } from '../store/open.ts'
import type { Account } from '../follow/accounts.ts'

const pageSize = 100

/** How events are named: as from the first release on, or in full, as webhooks name them. */
type Naming = 'short' | 'full'

/**
 * Callers that ask while an answer is pending share it: a thousand clients that reconnect together
 * cause one request.
 */
const shareWhilePending = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
  let pending: Promise<T> | undefined
  return () => (pending ??= ask().finally(() => (pending = undefined)))
}

/** A stored event as it is sent; undefined if its message or lead no longer exists. */
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

const missedReason = 'events since then are not kept: read the lists again'

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
  const [, idOfStore, digits] = /^([0-9a-f]{8})-(\d{1,15})$/.exec(given) ?? []
  if (idOfStore !== storeId || Number(digits) > last) return { after: last, isMissed: true }
  const asked = Number(digits)
  // An event that no longer exists may have been deleted with its lead. Only events older than all
  // kept events were dropped.
  const isDropped = asked < first - 1 && asked < last - maxEvents
  return isDropped ? { after: last, isMissed: true } : { after: asked, isMissed: false }
}

/** What session-manager says of the session now, or the problem that keeps it from being asked. */
const sessionNow = async ({ upstream }: Account): Promise<Status | Problem> => {
  try {
    return (await upstream.verify()).status
  } catch (error) {
    if (error instanceof ProblemError) return error.problem
    throw error
  }
}

/** @throws {ProblemError} invalid-parameters */
const namingOf = (names: string | null): Naming => {
  const naming = names ?? 'short'
  if (naming === 'short' || naming === 'full') return naming
  throw invalid({ in: 'query', field: 'names', message: 'expected one of short, full' })
}

const feedOf = (naming: Naming, { db, id }: Store, live: ChangeNotifier) =>
  createEventFeed<StoredEvent>({
    read: (position) => readEvents(db, position, pageSize),
    position: (stored) => stored.id,
    toEvent: (stored) => toEvent(stored, `${id}-${stored.id}`, naming),
    subscribe: (run) => live.onChanged(run)
  })

interface EventRoutes {
  http: Http
  store: Store
  live: ChangeNotifier
  accounts: readonly Account[]
}

/** The open event streams of the hub, by how they name events. */
class EventStreams {
  readonly #store: Store
  readonly #feeds: Record<Naming, ReturnType<typeof feedOf>>
  readonly #open = { short: new Set<Stream>(), full: new Set<Stream>() }
  readonly #sessionsNow: () => Promise<(Status | Problem)[]>

  constructor({ store, live, accounts }: Omit<EventRoutes, 'http'>) {
    this.#store = store
    this.#feeds = { short: feedOf('short', store, live), full: feedOf('full', store, live) }
    this.#sessionsNow = shareWhilePending(() => Promise.all(accounts.map(sessionNow)))
    live.onSession((now) => this.#sendSession(now))
  }

  /** Where a client starts that gives this id. */
  async startOf(given: string | undefined): Promise<Start> {
    return startOf(given, this.#store.id, await eventRange(this.#store.db))
  }

  /** Sends the sessions of all accounts, then events for as long as the client stays. */
  async run(stream: Stream, naming: Naming, { after, isMissed }: Start): Promise<void> {
    const id = `${this.#store.id}-${after}`
    if (isMissed) await stream.send([{ event: 'reset', id, data: { reason: missedReason } }])
    this.#open[naming].add(stream)
    stream.onClose(() => this.#open[naming].delete(stream))
    const sessions = await this.#sessionsNow()
    // The sessions carry the start id, so that a client that receives nothing else can resume too.
    await stream.send(sessions.map((data) => ({ event: nameOfSession(naming), id, data })))
    await this.#feeds[naming].follow(stream, after)
  }

  #sendSession(now: Status | Problem): void {
    for (const naming of ['short', 'full'] as const) {
      const bytes = encode([{ event: nameOfSession(naming), data: now }])
      for (const stream of this.#open[naming]) void stream.write(bytes)
    }
  }
}

/**
 * `GET /api/events`: server-sent events `message`, `lead` and `session`. A client gives the last id
 * it saw, by `Last-Event-ID` or `?after=`, and gets what it missed (0: all events that are kept).
 * If events after that id are no longer kept, or the id is of another store, the client first gets
 * `reset` and should read the lists again. `session` carries what `GET /api/whatsapp/status` would
 * answer, a problem included: for each account at the start, and on each change.
 */
export const addEventRoutes = ({ http, ...parts }: EventRoutes): void => {
  const streams = new EventStreams(parts)
  http.route('GET', '/api/events', async (req, res) => {
    const params = query(req, 'after', 'names')
    const naming = namingOf(params.get('names'))
    const start = await streams.startOf(givenId(req, params.get('after') ?? undefined))
    await streams.run(http.stream(req, res), naming, start)
  })
}
