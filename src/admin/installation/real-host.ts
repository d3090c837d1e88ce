import { execFile, type ExecFileException } from 'node:child_process'
import type { Stats } from 'node:fs'
import { readdir, readFile, readlink, realpath, stat, statfs } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { createUpstream } from '../../central-hub/follow/upstream.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { withTimeout } from '../../platform/async.ts'
import type { Host, Ran, Stat } from './host.ts'

const none = (): undefined => undefined
const environment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  SYSTEMD_COLORS: '0',
  SYSTEMD_PAGER: ''
}

/** The time for a connection to NATS, ms. */
const natsMs = 6_000

const exitCodeOf = (error: ExecFileException | null): Ran['code'] => {
  if (error === null) return 0
  return typeof error.code === 'number' ? error.code : undefined
}

const typeOf = (stats: Stats): Stat['type'] => {
  if (stats.isFile()) return 'file'
  return stats.isDirectory() ? 'directory' : 'other'
}

const run: Host['run'] = ([program = '', ...args], timeoutMs = 10_000) =>
  new Promise<Ran>((resolve) => {
    const options = {
      env: environment,
      cwd: '/',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 16 * 1024 ** 2
    } as const
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ code: exitCodeOf(error), stdout, stderr })
    })
  })

const readStat: Host['stat'] = (path) =>
  stat(path).then(
    (stats) => ({
      type: typeOf(stats),
      mode: stats.mode & 0o7777,
      uid: stats.uid,
      gid: stats.gid,
      mtimeMs: stats.mtimeMs,
      ctimeMs: stats.ctimeMs
    }),
    none
  )

const isClosed: Host['isClosed'] = (path) =>
  stat(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'EACCES'
  )

const readSpace: Host['statfs'] = (path) =>
  statfs(path).then(
    (space) => ({
      freeBytes: space.bavail * space.bsize,
      bytes: space.blocks * space.bsize,
      freeInodes: space.ffree,
      inodes: space.files
    }),
    none
  )

const addresses: Host['addresses'] = () =>
  Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address))

const get: Host['get'] = async (url, token) => {
  try {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: AbortSignal.timeout(5_000)
    })
    return { status: answer.status, body: await answer.json() }
  } catch {
    return undefined
  }
}

const tryNats: Host['nats'] = async (options) => {
  const [{ connectNats }, { default: pino }] = await Promise.all([
    import('../../platform/nats/nats.ts'),
    import('pino')
  ])
  try {
    const nats = connectNats({
      ...options,
      name: 'leadmaster-doctor',
      log: pino({ enabled: false })
    })
    const error = await withTimeout(nats.connected, natsMs).then(
      () => undefined,
      (reason: unknown) => nats.fault() ?? reasonOf(reason)
    )
    await nats.close()
    return error
  } catch (error) {
    return reasonOf(error)
  }
}

/** The machine that doctor runs on. The clients of PostgreSQL and NATS are loaded on first use. */
export const realHost = (): Host => ({
  uid: process.getuid?.() ?? 0,
  now: Date.now,
  run,
  readFile: (path) => readFile(path, 'utf8').catch(none),
  stat: readStat,
  isClosed,
  readdir: (path) => readdir(path).catch(() => []),
  readlink: (path) => readlink(path).catch(none),
  realpath: (path) => realpath(path).catch(none),
  statfs: readSpace,
  addresses,
  identify: (options) => createUpstream(options).verify(),
  get,
  outside: async (url, proxyUrl) => (await import('./reach.ts')).whyUnreachable(url, proxyUrl),
  database: async (url) =>
    (await import('../../central-hub/store/database/postgres/client.ts')).faultOf(url),
  nats: tryNats,
  delay: (ms) => delay(ms)
})
