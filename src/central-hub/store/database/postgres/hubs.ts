import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import type { Problem } from '../../../../contract/problem.ts'
import type { Status } from '../../../../contract/session.ts'
import { limitConcurrency } from '../../../../platform/async.ts'
import type { Log } from '../../../../platform/log.ts'
import type { Ending, Hubs, Job } from '../hubs.ts'
import type { Db } from '../schema.ts'
import { connection, placeOf, settings } from './client.ts'
import { askedChannel, changedChannel, lockKeys, sessionChannel } from './names.ts'

/**
 * What the hubs tell each other, and who does what, over one connection that each keeps: LISTEN,
 * and an advisory lock for each job, which the database takes back when the connection is lost.
 */

/**
 * Locks are asked for, and the connection is tried, this often, ms. A job passes to another hub
 * within about twice this.
 */
const everyMs = 1_000
/**
 * Whoever does not hear from the database for this long has lost it, ms; that is sooner than the
 * database, by its keepalives, gives the lock to another one.
 */
const silentMs = 5_000
const [leastDelayMs, maxDelayMs] = [100, 5_000]

interface Work {
  name: string
  begin: () => Ending
  /** While this hub does it. */
  end: Ending | undefined
  /** Another one was seen to do it. */
  elsewhere: boolean
}

/** What a hub tells of a session, and which one does. */
interface Told {
  hub: string
  now: Status | Problem
}

/** '' for a problem of the first session-manager's. */
const accountOf = (now: Status | Problem): string => now.account ?? ''

interface PostgresHubs extends Hubs {
  close(): Promise<void>
}

export const createHubs = ({
  url,
  db,
  log
}: {
  url: string
  db: Db
  log: Log | undefined
}): PostgresHubs => {
  const hub = randomUUID()
  const stopping = new AbortController()
  const works = new Set<Work>()
  const changes = new Set<() => void>()
  const listeners = new Set<(now: Status | Problem) => void>()
  /** What this hub told last of each session. */
  const known = new Map<string, Status | Problem>()
  /** The connection that there is. */
  let current: pg.Client | undefined

  const notify = async (channel: string, payload: string): Promise<void> =>
    void (await sql`select pg_notify(${channel}, ${payload})`.execute(db))
  const changed = (): void => {
    for (const run of changes) run()
  }
  /** One after the other: what is told last is what is so. */
  const inTurn = limitConcurrency(1)
  const tell = (told: Told): Promise<void> =>
    inTurn(() => notify(sessionChannel, JSON.stringify(told)))
  const tellAgain = (): void => {
    for (const now of known.values())
      void tell({ hub, now }).catch((error: unknown) =>
        log?.warn(
          { event: 'hubs_untold', err: error },
          'a hub that asked was not told of a session; it is when that changes'
        )
      )
  }
  const hear = ({ channel, payload = '' }: pg.Notification): void => {
    if (channel === changedChannel) return changed()
    if (channel === askedChannel) return payload === hub ? undefined : tellAgain()
    const told = JSON.parse(payload) as Told
    if (told.hub === hub) return
    known.delete(accountOf(told.now)) // it is the other one's to tell
    for (const run of listeners) run(told.now)
  }
  const endOf = async (work: Work): Promise<void> => {
    const { end } = work
    Object.assign(work, { end: undefined, elsewhere: false })
    await end?.()
  }

  const unlock = (client: pg.Client, { name }: Work): Promise<unknown> =>
    client.query(`select pg_advisory_unlock(${lockKeys.jobs}, hashtext($1))`, [name])

  /** Takes up what no hub does. */
  const takeUp = async (client: pg.Client): Promise<void> => {
    const free = [...works].filter(({ end }) => end === undefined)
    const { rows } = await client.query<{ name: string; held: boolean }>(
      `select name, pg_try_advisory_lock(${lockKeys.jobs}, hashtext(name)) as held from unnest($1::text[]) as name`,
      [free.map(({ name }) => name)]
    )
    for (const work of free) {
      const held = rows.find(({ name }) => name === work.name)?.held === true
      work.elsewhere = !held
      if (!held) continue
      if (works.has(work)) work.end = work.begin()
      else await unlock(client, work)
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
    current = client
    client.on('notification', hear)
    try {
      await client.connect()
      await client.query(
        `${settings}; SET application_name = 'leadmaster-central-hub jobs'; LISTEN ${changedChannel}; LISTEN ${sessionChannel}; LISTEN ${askedChannel}; NOTIFY ${askedChannel}, '${hub}'`
      )
      onConnected()
      // what happened while it was away
      changed()
      while (!stopping.signal.aborted) {
        await takeUp(client)
        await Promise.race([
          lost,
          delay(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined)
        ])
      }
    } finally {
      current = undefined
      known.clear()
      // the locks go with the connection, which must not outlast the work
      await Promise.all([...works].map(endOf)).finally(() => client.end().catch(() => undefined))
    }
  }

  const run = async (): Promise<void> => {
    for (let failures = 0; !stopping.signal.aborted; failures += 1) {
      try {
        await stay(() => {
          if (failures > 0)
            log?.info({ event: 'store_mended' }, `the database at ${placeOf(url)} answers again`)
          failures = 0
        })
      } catch (error) {
        const retryMs = Math.round(
          Math.min(maxDelayMs, leastDelayMs * 2 ** Math.min(failures, 10)) *
            (0.5 + Math.random() / 2)
        )
        log?.warn(
          { event: 'store_lost', err: error, retry_ms: retryMs },
          `the connection to the database at ${placeOf(url)} was lost: events of other hubs, and the work that one of them does, wait for it`
        )
        await delay(retryMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      }
    }
  }
  const running = run()

  return {
    onChanged: (run) => void changes.add(run),
    onSession: (run) => void listeners.add(run),
    changed: () => notify(changedChannel, ''),
    session: (now) => {
      known.delete(accountOf(now)) // so that the last of all stands last
      known.set(accountOf(now), now)
      return tell({ hub, now })
    },
    job: (name, begin): Job => {
      const work: Work = { name, begin, end: undefined, elsewhere: false }
      works.add(work)
      return {
        elsewhere: () => work.elsewhere,
        stop: async () => {
          works.delete(work)
          const [client, had] = [current, work.end !== undefined]
          await endOf(work)
          // another hub need not wait for the rest of this one's stop; with the connection the lock
          // is gone anyhow
          if (had) await (client && unlock(client, work).catch(() => undefined))
        }
      }
    },
    close: async () => {
      stopping.abort()
      await running
    }
  }
}
