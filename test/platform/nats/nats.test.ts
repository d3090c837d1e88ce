import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../../end-to-end/daemon.ts'
import { withCertificate, withCredentialsFile } from '../../nats/logins.ts'
import { natsFor, natsServer } from '../../nats/nats-server.ts'
import { ownDirectory } from '../own-directory.ts'

/** Against a real nats-server. */

t.test('it connects, under its name', async (t) => {
  const server = await natsServer(t)
  const nats = natsFor(t, server.url)
  const connection = await nats.connected
  t.match(connection.info, { port: server.port, jetstream: true })
  t.match(nats.lines.of('nats_connected'), [{ level: 'info', server: `127.0.0.1:${server.port}` }])
  t.equal(nats.fault(), undefined)
})

t.test(
  'it waits for a server that is not there yet, and for one that goes away, and says so each time',
  async (t) => {
    const port = await freePort()
    const server = await natsServer(t)
    await server.end()
    const nats = natsFor(t, [server.url, `nats://127.0.0.1:${port}`])
    await nats.lines.count('nats_fault', 3)
    t.match(
      nats.fault(),
      /^NATS at nats:\/\/127\.0\.0\.1:\d+,nats:\/\/127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\): start it, or correct NATS_URL$/
    )
    t.match(nats.lines.of('nats_fault')[0], { level: 'warn', attempt: 1, retry_ms: Number })
    await server.start()
    const connection = await nats.connected
    t.equal(nats.fault(), undefined)
    await server.end()
    const faults = nats.lines.of('nats_fault').length
    await nats.lines.count('nats_fault', faults + 2)
    t.match(nats.fault(), /cannot be reached/)
    await server.start()
    await nats.lines.count('nats_connected', 2)
    await connection.flush()
    t.equal(nats.fault(), undefined)
  }
)

t.test('closing it ends the attempts', async (t) => {
  const nats = natsFor(t, `nats://127.0.0.1:${await freePort()}`)
  await nats.lines.count('nats_fault', 1)
  await nats.close()
  await t.rejects(nats.connected, { message: 'the connection to NATS was closed' })
})

t.test(
  'a user and a password in the URL: the right ones are let in, others are told what to change, and no line has them',
  async (t) => {
    const server = await natsServer(t, 'authorization { user: "leadmaster", password: "p@ss:1" }')
    const nats = natsFor(t, `nats://leadmaster:p%40ss%3A1@127.0.0.1:${server.port}`)
    await nats.connected
    t.notMatch(JSON.stringify(nats.lines.lines), /p@ss|p%40ss/)
    const stranger = natsFor(t, `nats://leadmaster:secret@127.0.0.1:${server.port}`)
    await stranger.lines.count('nats_fault', 3)
    t.match(
      stranger.fault(),
      `NATS at nats://127.0.0.1:${server.port} refuses who we are: correct user and password in NATS_URL, or name a file in NATS_CREDENTIALS`
    )
    t.notMatch(JSON.stringify(stranger.lines.lines), /secret/)
  }
)

t.test('a credentials file', async (t) => {
  const directory = ownDirectory(t)
  const { configuration, credentials } = withCredentialsFile(directory)
  const server = await natsServer(t, configuration)
  await natsFor(t, server.url, { credentials }).connected
  const without = natsFor(t, server.url)
  await without.lines.count('nats_fault', 1)
  t.match(without.fault(), /refuses who we are/)
  t.throws(() => natsFor(t, server.url, { credentials: join(directory, 'none.creds') }), {
    message: /^NATS_CREDENTIALS=.*none\.creds cannot be read: ENOENT/
  })
})

t.test(
  'TLS: a certificate that signs itself is trusted once NATS_CA names it, and not before',
  async (t) => {
    const { configuration, ca } = withCertificate(ownDirectory(t))
    const server = await natsServer(t, configuration)
    const nats = natsFor(t, `tls://127.0.0.1:${server.port}`, { ca })
    t.match((await nats.connected).info, { tls_required: true })
    const without = natsFor(t, `tls://127.0.0.1:${server.port}`)
    await without.lines.count('nats_fault', 1)
    t.match(
      without.fault(),
      /^the certificate of NATS at tls:\/\/127\.0\.0\.1:\d+ is not trusted \(\w+\): name the one it is signed by in NATS_CA$/
    )
  }
)

t.test('TLS: a certificate for another name is refused', async (t) => {
  const { configuration, ca } = withCertificate(ownDirectory(t))
  const server = await natsServer(t, configuration)
  const nats = natsFor(t, `tls://localhost:${server.port}`, { ca })
  await nats.lines.count('nats_fault', 1)
  t.match(nats.fault(), /^the certificate of NATS at tls:\/\/localhost:\d+ is for another name/)
})

t.test('tls:// is not answered in the clear', async (t) => {
  const server = await natsServer(t)
  const nats = natsFor(t, `tls://127.0.0.1:${server.port}`)
  await nats.lines.count('nats_fault', 1)
  t.match(nats.fault(), /server does not support 'tls'/)
})
