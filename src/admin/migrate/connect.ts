import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import {
  connection,
  lacksRight,
  noTables,
  placeOf,
  settings
} from '../../central-hub/store/database/postgres/client.ts'
import { lockKeys } from '../../central-hub/store/database/postgres/names.ts'
import { Refused } from './refused.ts'

/** The one connection to the destination, while no other migration and no hub uses it. */

/** The advisory lock of a migration, beside `lockKeys.space`. */
const lockKey = 100
/** How long to wait for the lock of a killed migration, whose last statement may still run, ms. */
const waitMs = 15_000
const everyMs = 100
/** A statement takes about a second. After this time the database counts as gone, ms. */
const answerMs = 600_000
const oldestVersion = 150_000

const lock = async (client: pg.Client): Promise<void> => {
  for (const until = performance.now() + waitMs; ; await delay(everyMs)) {
    const { rows } = await client.query<{ held: boolean }>(
      'SELECT pg_try_advisory_lock($1, $2) AS held',
      [lockKeys.space, lockKey]
    )
    if (rows[0]?.held === true) return
    if (performance.now() > until)
      throw new Refused('another scripts/migrate is at work on this database')
  }
}

/** @throws {Refused} when a hub is connected */
export const checkHubs = async (client: pg.Client, place: string): Promise<void> => {
  const { rows } = await client.query<{ hubs: number }>(
    `SELECT count(*) AS hubs FROM pg_stat_activity
      WHERE datname = current_database() AND application_name LIKE 'leadmaster-central-hub%'`
  )
  if (rows[0]?.hubs !== 0)
    throw new Refused(
      `a hub is connected to ${place}: stop every hub that has this DATABASE_URL (systemctl ` +
        'stop leadmaster-central-hub), then begin again'
    )
}

interface Server {
  version: number
  versionText: string
  encoding: string
  mayCreate: boolean
}

const aboutServer = `
  SELECT current_setting('server_version_num')::int AS version,
    current_setting('server_version') AS "versionText",
    current_setting('server_encoding') AS encoding,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)
      AND has_database_privilege(current_database(), 'CREATE') AS "mayCreate"`

const checkServer = async (client: pg.Client, url: string): Promise<void> => {
  const place = placeOf(url)
  const { rows } = await client.query<Server>(aboutServer)
  const { version, versionText, encoding, mayCreate } = rows[0] as Server
  if (version < oldestVersion)
    throw new Refused(`${place} is PostgreSQL ${versionText}: 15 or later is needed`)
  if (encoding !== 'UTF8')
    throw new Refused(
      `the database ${place} has the encoding ${encoding}, which cannot hold every message: ` +
        'make another one, by createdb --encoding=UTF8 --template=template0'
    )
  if (!mayCreate) throw new Refused(lacksRight(url, noTables))
  await checkHubs(client, place)
}

/** @throws {Refused} when the database cannot be the destination; errors of pg otherwise */
export const connectTarget = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({
    ...connection(url),
    application_name: 'leadmaster-migrate',
    query_timeout: answerMs
  })
  client.on('error', () => undefined) // the next query rejects
  await client.connect()
  try {
    // The planner takes tables that were just empty for small ones, and would read them whole for
    // each reference.
    await client.query(
      `${settings}; SET statement_timeout = 0; SET lock_timeout = 0; SET enable_seqscan = off`
    )
    await checkServer(client, url)
    await lock(client)
    return client
  } catch (error) {
    await client.end().catch(() => undefined) // the first error is thrown
    throw error
  }
}
