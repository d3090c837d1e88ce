import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import pg from 'pg'

/**
 * A PostgreSQL of a test's own: on a port of its own on loopback, with its data in a temporary
 * folder, as an unprivileged user.
 */
export interface PostgresServer {
  port: number
  /** Of the process that starts all its others. */
  pid(): number
  /** The URL of one of its databases. */
  url(database: string): string
  /** Makes a database, as a copy of another one if that is given. @returns its URL */
  create(template?: string): Promise<string>
  /** Runs SQL as its owner, in one of its databases. */
  run(sql: string, database?: string): Promise<pg.QueryResult>
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again, on the same port. */
  start(): Promise<void>
  /** Ends it and takes its data away. */
  remove(): Promise<void>
}

const programs = '/usr/lib/postgresql/15/bin'
/** PostgreSQL refuses to run as root: `nobody` does. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
/**
 * What is in it is gone with the test, but outlives `kill`; its shared memory is in its folder, for
 * a machine that boots beside it empties /dev/shm.
 */
const careless = [
  'dynamic_shared_memory_type=mmap',
  'fsync=off',
  'full_page_writes=off',
  'max_connections=200',
  'shared_buffers=64MB',
  'log_min_messages=warning'
]

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** What differs from one that keeps its data: nothing, but for many connections and some memory. */
export const durable = ['max_connections=200', 'shared_buffers=512MB', 'log_min_messages=warning']

/** Starts one. Whoever does removes it. */
export const startPostgres = async (
  configured: readonly string[] = careless
): Promise<PostgresServer> => {
  const directory = mkdtempSync(join(tmpdir(), 'leadmaster-postgres-'))
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid)
  const data = join(directory, 'data')
  const env = { PATH: process.env['PATH'], LANG: 'C.UTF-8' }
  await promisify(execFile)(
    join(programs, 'initdb'),
    ['-D', data, '-U', 'leadmaster', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { ...user, env, cwd: directory }
  )
  const port = await freePort()
  const url = (database: string): string => `postgres://leadmaster@127.0.0.1:${port}/${database}`
  let child: ChildProcess | undefined
  let databases = 0

  const start = async (): Promise<void> => {
    const settings = [
      `port=${port}`,
      'listen_addresses=127.0.0.1',
      `unix_socket_directories=${directory}`,
      ...configured
    ].flatMap((setting) => ['-c', setting])
    const server = spawn(
      'setpriv',
      ['--pdeathsig', 'QUIT', '--', join(programs, 'postgres'), '-D', data, ...settings],
      { ...user, env, cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] }
    )
    child = server
    const lines: string[] = []
    for await (const line of createInterface({ input: server.stderr })) {
      lines.push(line)
      if (line.includes('ready to accept connections')) break
    }
    if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${lines.join('\n')}`)
    server.stderr.resume()
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ending = child
    child = undefined
    if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return
    const gone = once(ending, 'exit')
    ending.kill(signal)
    await gone
  }
  const run = async (sql: string, database = 'postgres'): Promise<pg.QueryResult> => {
    const client = new pg.Client(url(database))
    await client.connect()
    try {
      return await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await start()
  return {
    port,
    url,
    run,
    start,
    pid: () => child?.pid as number,
    create: async (template = 'template1') => {
      const database = `test_${(databases += 1)}`
      await run(`CREATE DATABASE ${database} TEMPLATE ${template}`)
      return url(database)
    },
    // immediate: the next start recovers from its log
    kill: () => end('SIGQUIT'),
    remove: async () => {
      await end('SIGQUIT')
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}
