import t from 'tap'
import { faultOf, placeOf } from '../../../../src/central-hub/store/database/postgres/client.ts'
import { openStore } from '../../../../src/central-hub/store/open.ts'
import { startPostgres } from '../../../platform/postgres-server.ts'

/** What is said of a database that cannot be used, to whoever starts a hub or asks doctor. */

const postgres = await startPostgres()
t.teardown(() => postgres.remove())
await postgres.run('CREATE ROLE guest LOGIN')
await postgres.run('CREATE DATABASE leads')
const as = (user: string, database: string): string =>
  postgres.url(database).replace('//leadmaster@', `//${user}:a-secret@`)

t.test('one that can be used', async (t) => {
  t.equal(await faultOf(postgres.url('leads')), undefined)
})

t.test('one that cannot: what it is, where, and what to change; never the password', async (t) => {
  const nowhere = 'postgres://leadmaster:a-secret@127.0.0.1:9/leads'
  for (const [url, words] of [
    [
      as('leadmaster', 'nothing'),
      /^there is no such database as postgres:.*\/nothing: make it, by createdb --owner=leadmaster/
    ],
    [
      as('nobody', 'leads'),
      /does not let the user nobody in \(.*\): correct user and password in DATABASE_URL/
    ],
    [
      as('guest', 'leads'),
      /the user guest lacks a right at .* \(it may not make tables there\): it must own the database/
    ],
    [nowhere, /does not answer .*ECONNREFUSED.* DATABASE_URL/]
  ] as const) {
    const fault = (await faultOf(url)) ?? ''
    t.match(fault, words)
    t.match(fault, placeOf(url))
    t.notMatch(fault, /a-secret/)
  }
})

t.test('a hub whose database refuses it says so at once', async (t) => {
  await t.rejects(openStore(as('leadmaster', 'nothing')), {
    message:
      /^there is no such database as .*: make it, by createdb --owner=leadmaster, or correct DATABASE_URL$/
  })
  await t.rejects(openStore(as('nobody', 'leads')), { message: /does not let the user nobody in/ })
})
