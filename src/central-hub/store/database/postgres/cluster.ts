import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import type { Problem } from '../../../../contract/problem.ts'
import type { Status } from '../../../../contract/session.ts'
import { limitConcurrency } from '../../../../platform/async.ts'
import type { Log } from '../../../../platform/log.ts'
import type { Cluster, Leadership, StopWork } from '../cluster.ts'
import type { Db } from '../schema.ts'
import { connection, placeOf, settings } from './client.ts'
import { askedChannel, changedChannel, lockKeys, sessionChannel } from './names.ts'

/**
 * Each hub keeps one connection for what hubs share. LISTEN hears the notifications of the others.
 * An advisory lock for each kind of work says who leads it, and the database takes the lock back
 * when the connection is lost.
 */

/**
 * How often locks are asked for and the connection is tried, ms. Work passes to another hub within
 * about twice this.
 */
const pollMs = 1_000
/**
 * A connection without an answer for this long is lost, ms. The database gives the lock to another
 * hub later than that, by its keepalives.
 */
const silentMs = 5_000
const [minDelayMs, maxDelayMs] = [100, 5_000]

interface Work {
  name: string
  begin: () => StopWork
  /** Set while this hub leads the work. */
  stop: StopWork | undefined
  /** Another hub was seen to lead it. */
  hasOtherLeader: boolean
}

/** What a hub says of a session, as other hubs hear it. */
interface SessionNotice {
  /** The id of the hub that says it. */
  hub: string
  now: Status | Problem
}

/** '' for a problem of the first session-manager. */
const accountOf = (now: Status | Problem): string => now.account ?? ''

const stopWork = async (work: Work): Promise<void> => {
  const { stop } = work
  Object.assign(work, { stop: undefined, hasOtherLeader: false })
  await stop?.()
}

const unlock = (client: pg.Client, { name }: Work): Promise<unknown> =>
  client.query(`select pg_advisory_unlock(${lockKeys.jobs}, hashtext($1))`, [name])

/** @returns by name, whether this connection has the lock now */
const tryLock = async (client: pg.Client, names: string[]): Promise<Map<string, boolean>> => {
  const { rows } = await client.query<{ name: string; held: boolean }>(
    `select name, pg_try_advisory_lock(${lockKeys.jobs}, hashtext(name)) as held ` +
      'from unnest($1::text[]) as name',
    [names]
  )
  return new Map(rows.map(({ name, held }) => [name, held]))
}

interface PostgresClusterOptions {
  url: string
  db: Db
  log: Log | undefined
}

/** The hubs that share a PostgreSQL database. */
export class PostgresCluster implements Cluster {
  readonly #options: PostgresClusterOptions
  readonly #hub = randomUUID()
  readonly #stopping = new AbortController()
  readonly #works = new Set<Work>()
  readonly #changeListeners = new Set<() => void>()
  readonly #sessionListeners = new Set<(now: Status | Problem) => void>()
  /** What this hub said last of each session. */
  readonly #sessions = new Map<string, Status | Problem>()
  /** Sends one notification at a time, so that the newest one is sent last. */
  readonly #inTurn = limitConcurrency(1)
  #client: pg.Client | undefined
  #failures = 0
  readonly #running: Promise<void>

  constructor(options: PostgresClusterOptions) {
    this.#options = options
    this.#running = this.#run()
  }

  onChanged(run: () => void): void {
    this.#changeListeners.add(run)
  }

  onSession(run: (now: Status | Problem) => void): void {
    this.#sessionListeners.add(run)
  }

  notifyChanged(): Promise<void> {
    return this.#notify(changedChannel, '')
  }

  notifySession(now: Status | Problem): Promise<void> {
    // Deleted first, so that the newest of all is the last one in the map.
    this.#sessions.delete(accountOf(now))
    this.#sessions.set(accountOf(now), now)
    return this.#sendSession(now)
  }

  runAsLeader(name: string, begin: () => StopWork): Leadership {
    const work: Work = { name, begin, stop: undefined, hasOtherLeader: false }
    this.#works.add(work)
    return {
      hasOtherLeader: () => work.hasOtherLeader,
      stop: () => this.#stopLeading(work)
    }
  }

  async close(): Promise<void> {
    this.#stopping.abort()
    await this.#running
  }

  async #stopLeading(work: Work): Promise<void> {
    this.#works.delete(work)
    const [client, wasLeader] = [this.#client, work.stop !== undefined]
    await stopWork(work)
    // Unlocking spares another hub the wait for the rest of this hub's stop. Without a connection
    // there is no lock.
    if (wasLeader) await (client && unlock(client, work).catch(() => undefined))
  }

  async #notify(channel: string, payload: string): Promise<void> {
    await sql`select pg_notify(${channel}, ${payload})`.execute(this.#options.db)
  }

  #sendSession(now: Status | Problem): Promise<void> {
    const notice: SessionNotice = { hub: this.#hub, now }
    return this.#inTurn(() => this.#notify(sessionChannel, JSON.stringify(notice)))
  }

  #sendSessionsAgain(): void {
    for (const now of this.#sessions.values())
      void this.#sendSession(now).catch((error: unknown) =>
        this.#options.log?.warn(
          { event: 'hubs_untold', err: error },
          'a hub that asked was not told of a session; it is when that changes'
        )
      )
  }

  #emitChanged(): void {
    for (const run of this.#changeListeners) run()
  }

  #onNotification({ channel, payload = '' }: pg.Notification): void {
    if (channel === changedChannel) return this.#emitChanged()
    if (channel === askedChannel)
      return payload === this.#hub ? undefined : this.#sendSessionsAgain()
    const { hub, now } = JSON.parse(payload) as SessionNotice
    if (hub === this.#hub) return
    // From here on the other hub answers for this session.
    this.#sessions.delete(accountOf(now))
    for (const run of this.#sessionListeners) run(now)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    for (; !signal.aborted; this.#failures += 1) {
      try {
        await this.#stayConnected()
      } catch (error) {
        const retryMs = this.#retryDelayMs()
        this.#logLost(error, retryMs)
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  #retryDelayMs(): number {
    const backoffMs = minDelayMs * 2 ** Math.min(this.#failures, 10)
    return Math.round(Math.min(maxDelayMs, backoffMs) * (0.5 + Math.random() / 2))
  }

  /** Uses one connection, for as long as it lasts. */
  async #stayConnected(): Promise<void> {
    const client = new pg.Client({ ...connection(this.#options.url), query_timeout: silentMs })
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject)
      client.on('end', () => reject(new Error('the connection has ended')))
    })
    // Without a handler, a loss while nobody waits for it would end the process.
    lost.catch(() => undefined)
    this.#client = client
    client.on('notification', (notification) => this.#onNotification(notification))
    try {
      await client.connect()
      await this.#listen(client)
      this.#logConnected()
      // The hub heard nothing while the connection was away.
      this.#emitChanged()
      await this.#leadWhatIsFree(client, lost)
    } finally {
      this.#client = undefined
      this.#sessions.clear()
      // The locks end with the connection, which must not outlast the work.
      await Promise.all([...this.#works].map(stopWork)).finally(() =>
        client.end().catch(() => undefined)
      )
    }
  }

  async #listen(client: pg.Client): Promise<void> {
    const statements = [
      settings,
      "SET application_name = 'leadmaster-central-hub jobs'",
      `LISTEN ${changedChannel}`,
      `LISTEN ${sessionChannel}`,
      `LISTEN ${askedChannel}`,
      `NOTIFY ${askedChannel}, '${this.#hub}'`
    ]
    await client.query(statements.join('; '))
  }

  async #leadWhatIsFree(client: pg.Client, lost: Promise<never>): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      await this.#tryLeading(client)
      await Promise.race([lost, delay(pollMs, undefined, { signal }).catch(() => undefined)])
    }
  }

  /** Begins the work that no hub leads. */
  async #tryLeading(client: pg.Client): Promise<void> {
    const free = [...this.#works].filter(({ stop }) => stop === undefined)
    const locks = await tryLock(
      client,
      free.map(({ name }) => name)
    )
    for (const work of free) {
      const isLeader = locks.get(work.name) === true
      work.hasOtherLeader = !isLeader
      if (!isLeader) continue
      if (this.#works.has(work)) work.stop = work.begin()
      else await unlock(client, work)
    }
  }

  #logConnected(): void {
    const { log, url } = this.#options
    if (this.#failures > 0)
      log?.info({ event: 'store_mended' }, `the database at ${placeOf(url)} answers again`)
    this.#failures = 0
  }

  #logLost(error: unknown, retryMs: number): void {
    const { log, url } = this.#options
    log?.warn(
      { event: 'store_lost', err: error, retry_ms: retryMs },
      `the connection to the database at ${placeOf(url)} was lost: events of other hubs, ` +
        'and the work that one of them does, wait for it'
    )
  }
}
