import type { Test } from 'tap'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { startPostgres, type PostgresServer } from '../../platform/postgres-server.ts'

/** Where the stores of tests are: in directories, or, after `onPostgres`, in databases of one server. */

let places: (t: Test) => string | Promise<string> = ownDirectory

/** Where a store of the test's own is to be; it goes with the test. */
export const ownPlace = (t: Test): string | Promise<string> => places(t)

/** Whether stores are in databases of PostgreSQL's. */
export const isOnPostgres = (): boolean => places !== ownDirectory

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
