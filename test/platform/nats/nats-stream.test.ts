import { writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import t from 'tap'
import { openStream } from '../../../src/platform/nats/nats-stream.ts'
import { freePort } from '../../end-to-end/daemon.ts'
import { connectionTo, natsFor, natsServer } from '../../nats/nats-server.ts'
import { ownDirectory } from '../own-directory.ts'

/** Against a real nats-server. */

const settings = { name: 'TEST', subjects: ['test.*'], replicas: 1, keepMs: 3_600_000 }

t.test('the stream is made by whoever comes first, and then it is left as it is', async (t) => {
  const server = await natsServer(t)
  const connections = await Promise.all([connectionTo(t, server), connectionTo(t, server)])
  const [first] = await Promise.all(
    connections.map((connection) => openStream(connection, settings))
  )
  await first?.streams.update('TEST', { max_bytes: 1_000_000 })
  const manager = await openStream(connections[1] as (typeof connections)[0], {
    ...settings,
    keepMs: 7_200_000
  })
  const { config } = await manager.streams.info('TEST')
  t.match(config, {
    subjects: ['test.*'],
    storage: 'file',
    discard: 'new',
    num_replicas: 1,
    max_age: 3_600_000 * 1e6,
    max_bytes: 1_000_000
  })
})

t.test('as many replicas as there are no servers: the variable is named', async (t) => {
  const server = await natsServer(t)
  const connection = await connectionTo(t, server)
  await t.rejects(openStream(connection, { ...settings, replicas: 3 }), {
    message: /^the stream TEST cannot be made with NATS_REPLICAS=3: /
  })
})

t.test('a server without JetStream: what to turn on', async (t) => {
  const port = await freePort()
  const file = join(ownDirectory(t), 'plain.conf')
  writeFileSync(file, `listen: "127.0.0.1:${port}"\n`)
  const server = spawn('nats-server', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(async () => {
    server.kill('SIGKILL')
    await once(server, 'exit')
  })
  for await (const line of createInterface(server.stderr))
    if (line.includes('Server is ready')) break
  const connection = await natsFor(t, `nats://127.0.0.1:${port}`).connected
  await t.rejects(openStream(connection, settings), {
    message: /^JetStream of NATS does not answer .*turn it on in nats-server's configuration/
  })
})
