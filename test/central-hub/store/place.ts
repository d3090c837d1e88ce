import { rmSync } from 'node:fs'
import { copyFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { startPostgres, type PostgresServer } from '../../platform/postgres-server.ts'
import type { Scope } from '../../platform/scope.ts'
import { Databases } from './databases.ts'

/**
 * Where the stores of tests are: in directories, or, after `onPostgres`, in databases of one
 * server.
 */

/** A store with the schema made: to make it costs a hundred times what a copy does. */
const makeFile = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'leadmaster-store-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  await (await openStore(directory)).close()
  return join(directory, 'hub.db')
}
let made: Promise<string> | undefined

const copied = async (t: Scope): Promise<string> => {
  const directory = ownDirectory(t)
  await copyFile(await (made ??= makeFile()), join(directory, 'hub.db'))
  return directory
}

let places: (t: Scope) => Promise<string> = copied

/** Where a store of the test's own is to be, or of one case of a property; it goes with that. */
export const ownPlace = (t: Scope): Promise<string> => places(t)

/** Whether stores are in databases of PostgreSQL's. */
export const isOnPostgres = (): boolean => places !== copied

/** From now on stores are on a server that goes with this test, with the schema made once. */
export const onPostgres = async (t: Test): Promise<PostgresServer> => {
  const server = await startPostgres()
  t.teardown(() => server.remove())
  const url = await server.create()
  const store = await openStore(url)
  await store.close()
  const databases = await Databases.copiesOf(server, url)
  places = (scope) => databases.take(scope)
  return server
}

/**
 * Where a hub's store of the test's own is, as its environment says it: in its STATE_DIR, unless
 * stores are on a server.
 */
export const storeEnv = async (t: Test): Promise<Record<string, string>> =>
  isOnPostgres() ? { DATABASE_URL: await ownPlace(t) } : {}
