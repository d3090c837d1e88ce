import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectNats, type Nats } from '../../src/platform/nats/nats.ts'
import { freePort } from '../end-to-end/daemon.ts'
import { logLines, type LogLines } from '../platform/log-lines.ts'
import { ownDirectory } from '../platform/own-directory.ts'

/** A real nats-server with JetStream, on a port and with a directory of the test's own. */
export interface NatsServer {
  port: number
  /** Where it keeps its streams. */
  directory: string
  url: string
  /** Starts it again where it was; resolves once it takes connections. */
  start(): Promise<void>
  /** Ends it, SIGKILL by default. */
  end(signal?: NodeJS.Signals): Promise<void>
}

/** @param more what its configuration has besides */
export const natsServer = async (t: Test, more = ''): Promise<NatsServer> => {
  const directory = ownDirectory(t)
  const port = await freePort()
  const file = join(directory, 'server.conf')
  writeFileSync(
    file,
    `listen: "127.0.0.1:${port}"\nserver_name: "test-${port}"\njetstream { store_dir: "${directory}" }\n${more}\n`
  )
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    const server = (child = spawn('nats-server', ['-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: '/usr/sbin:/usr/bin:/usr/local/bin' }
    }))
    const said: string[] = []
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.once('exit', () => reject(new Error(said.join('\n'))))
      createInterface(server.stderr as NodeJS.ReadableStream).on('line', (line) => {
        said.push(line)
        if (line.includes('Server is ready')) resolve()
      })
    })
  }
  const end = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null) return
    ending.kill(signal)
    await once(ending, 'exit')
  }
  t.teardown(() => end())
  await start()
  return { port, directory, url: `nats://127.0.0.1:${port}`, start, end }
}

/** What a daemon has: a connection that is kept up. */
export const natsFor = (
  t: Test,
  servers: string | readonly string[],
  files: { credentials?: string; ca?: string } = {}
): Nats & { lines: LogLines } => {
  const lines = logLines()
  const nats = connectNats({
    servers: [servers].flat(),
    credentials: '',
    ca: '',
    ...files,
    name: 'test',
    log: lines.log,
    maxDelayMs: 200
  })
  t.teardown(nats.close)
  return { ...nats, lines }
}

/** A connection that the test itself looks with. */
export const connectionTo = (t: Test, server: NatsServer): Promise<NatsConnection> =>
  natsFor(t, server.url).connected
