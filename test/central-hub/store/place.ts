import { rmSync } from 'node:fs'
import { copyFile, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { startPostgres, type PostgresServer } from '../../platform/postgres-server.ts'

/** Where the stores of tests are: in directories, or, after `onPostgres`, in databases of one server. */

/** A store with the schema made: to make it costs a hundred times what a copy does. */
const makeFile = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'leadmaster-store-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  await (await openStore(directory)).close()
  return join(directory, 'hub.db')
}
let made: Promise<string> | undefined

const copied = async (t: Test): Promise<string> => {
  const directory = ownDirectory(t)
  await copyFile(await (made ??= makeFile()), join(directory, 'hub.db'))
  return directory
}

let places: (t: Test) => Promise<string> = copied

/** Where a store of the test's own is to be; it goes with the test. */
export const ownPlace = (t: Test): Promise<string> => places(t)

/** Whether stores are in databases of PostgreSQL's. */
export const isOnPostgres = (): boolean => places !== copied

const template = 'leadmaster'

/** From now on stores are on a server that goes with this test, with the schema made once. */
export const onPostgres = async (t: Test): Promise<PostgresServer> => {
  const server = await startPostgres()
  t.teardown(() => server.remove())
  await server.run(`CREATE DATABASE ${template}`)
  const store = await openStore(server.url(template))
  await store.close()
  places = () => server.create(template)
  return server
}

/** Where a hub's store of the test's own is, as its environment says it: in its STATE_DIR, unless stores are on a server. */
export const storeEnv = async (t: Test): Promise<Record<string, string>> => (isOnPostgres() ? { DATABASE_URL: await ownPlace(t) } : {})
