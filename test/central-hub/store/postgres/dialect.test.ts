import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { Kysely, sql } from 'kysely'
import t from 'tap'
import { postgresDialect } from '../../../../src/central-hub/store/database/postgres/dialect.ts'

/**
 * AuthenticationOk and ReadyForQuery,
 * https://www.postgresql.org/docs/15/protocol-message-formats.html
 */
const welcome = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])

t.test('connections that are lost as they are made leave their places', async (t) => {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    // a database that lets in, and goes away at the first question
    socket
      .on('error', () => undefined)
      .once('data', () => socket.write(welcome, () => socket.once('data', () => socket.destroy())))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const db = new Kysely({
    dialect: postgresDialect(
      `postgres://hub@127.0.0.1:${(server.address() as AddressInfo).port}/store`,
      () => undefined
    )
  })
  t.teardown(() => db.destroy())
  // more than there are places
  for (let tries = 1; tries <= 25; tries += 1) {
    await t.rejects(sql`select 1`.execute(db), {
      message: /^the database at postgres:.* does not answer/
    })
    t.equal(connections, tries, 'each is a connection of its own')
  }
})
