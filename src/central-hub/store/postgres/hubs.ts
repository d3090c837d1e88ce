import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import type { Problem } from '../../../contract/problem.ts'
import type { Status } from '../../../contract/session.ts'
import type { Log } from '../../../platform/log.ts'
import type { Ending, Hubs, Job } from '../hubs.ts'
import type { Db } from '../schema.ts'
import { connection, placeOf, settings } from './client.ts'
import { changedChannel, lockKeys, sessionChannel } from './names.ts'

/**
 * What the hubs tell each other, and who does what, over one connection that each keeps: LISTEN, and an advisory lock for
 * each job, which the database takes back when the connection is lost.
 */

/** Locks are asked for, and the connection is tried, this often, ms. A job passes to another hub within about twice this. */
const everyMs = 1_000
/** Whoever does not hear from the database for this long has lost it, ms; that is sooner than the database, by its keepalives, gives the lock to another one. */
const silentMs = 5_000
const [leastDelayMs, mostDelayMs] = [100, 5_000]

interface Work {
  name: string
  begin: () => Ending
  /** While this hub does it. */
  end: Ending | undefined
}

/** What a hub tells of a session, and which one does. */
interface Told {
  hub: string
  now: Status | Problem
}

export interface PostgresHubs extends Hubs {
  close(): Promise<void>
}

export const createHubs = ({ url, db, log }: { url: string; db: Db; log: Log | undefined }): PostgresHubs => {
  const hub = randomUUID()
  const stopping = new AbortController()
  const works = new Set<Work>()
  const changes = new Set<() => void>()
  const listeners = new Set<(now: Status | Problem) => void>()

  const changed = (): void => {
    for (const run of changes) run()
  }
  const hear = ({ channel, payload = '' }: pg.Notification): void => {
    if (channel === changedChannel) return changed()
    const told = JSON.parse(payload) as Told
    if (told.hub !== hub) for (const run of listeners) run(told.now)
  }
  const endOf = async (work: Work): Promise<void> => {
    const { end } = work
    work.end = undefined
    await end?.()
  }

  /** Takes up what no hub does. */
  const takeUp = async (client: pg.Client): Promise<void> => {
    const free = [...works].filter(({ end }) => end === undefined)
    const { rows } = await client.query<{ name: string; held: boolean }>(
      `select name, pg_try_advisory_lock(${lockKeys.jobs}, hashtext(name)) as held from unnest($1::text[]) as name`, [free.map(({ name }) => name)]
    )
    for (const work of free) {
      if (rows.find(({ name }) => name === work.name)?.held !== true) continue
      if (works.has(work)) work.end = work.begin()
      else await client.query(`select pg_advisory_unlock(${lockKeys.jobs}, hashtext($1))`, [work.name])
    }
  }

  /** One connection, for as long as it lasts. */
  const stay = async (onConnected: () => void): Promise<void> => {
    const client = new pg.Client({ ...connection(url), query_timeout: silentMs })
    const lost = new Promise<never>((_, reject) => {
      client.on('error', reject)
      client.on('end', () => reject(new Error('the connection has ended')))
    })
    lost.catch(() => undefined) // also heard of while nobody waits for it
    client.on('notification', hear)
    try {
      await client.connect()
      await client.query(`${settings}; SET application_name = 'leadmaster-central-hub jobs'; LISTEN ${changedChannel}; LISTEN ${sessionChannel}`)
      onConnected()
      // what was told while it was away
      changed()
      while (!stopping.signal.aborted) {
        await takeUp(client)
        await Promise.race([lost, delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined)])
      }
    } finally {
      // the locks go with the connection, which must not outlast the work
      await Promise.all([...works].map(endOf)).finally(() => client.end().catch(() => undefined))
    }
  }

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; failures += 1) {
      try {
        await stay(() => {
          if (failures > 0) log?.info({ event: 'store_mended' }, `the database at ${placeOf(url)} answers again`)
          failures = 0
        })
      } catch (error) {
        const retryMs = Math.round(Math.min(mostDelayMs, leastDelayMs * 2 ** Math.min(failures, 10)) * (0.5 + Math.random() / 2))
        log?.warn({ event: 'store_lost', err: error, retry_ms: retryMs }, `the connection to the database at ${placeOf(url)} was lost: events of other hubs, and the work that one of them does, wait for it`)
        await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }
  const running = run()

  const notify = async (channel: string, payload: string): Promise<void> => void (await sql`select pg_notify(${channel}, ${payload})`.execute(db))
  return {
    onChanged: (run) => void changes.add(run),
    onSession: (run) => void listeners.add(run),
    changed: () => notify(changedChannel, ''),
    session: (now) => notify(sessionChannel, JSON.stringify({ hub, now } satisfies Told)),
    job: (name, begin): Job => {
      const work: Work = { name, begin, end: undefined }
      works.add(work)
      return {
        held: () => work.end !== undefined,
        stop: async () => {
          works.delete(work)
          await endOf(work)
        }
      }
    },
    close: async () => {
      stopping.abort()
      await running
    }
  }
}
