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

/** How long a server of NATS is tried. */
const natsMs = 6_000

/** The exit code of a program; undefined when it could not be run or took too long. */
const exitCodeOf = (error: ExecFileException | null): Ran['code'] => {
  if (error === null) return 0
  return typeof error.code === 'number' ? error.code : undefined
}

const typeOf = (found: Stats): Stat['type'] => {
  if (found.isFile()) return 'file'
  return found.isDirectory() ? 'directory' : 'other'
}

/** The machine that doctor runs on. */
export const realHost = (): Host => ({
  uid: process.getuid?.() ?? 0,
  now: Date.now,
  run: ([program = '', ...args], timeoutMs = 10_000) =>
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
    }),
  readFile: (path) => readFile(path, 'utf8').catch(none),
  stat: (path) =>
    stat(path).then(
      (found) => ({
        type: typeOf(found),
        mode: found.mode & 0o7777,
        uid: found.uid,
        gid: found.gid,
        mtimeMs: found.mtimeMs,
        ctimeMs: found.ctimeMs
      }),
      none
    ),
  isClosed: (path) =>
    stat(path).then(
      () => false,
      (error: NodeJS.ErrnoException) => error.code === 'EACCES'
    ),
  readdir: (path) => readdir(path).catch(() => []),
  readlink: (path) => readlink(path).catch(none),
  realpath: (path) => realpath(path).catch(none),
  statfs: (path) =>
    statfs(path).then(
      (found) => ({
        freeBytes: found.bavail * found.bsize,
        bytes: found.blocks * found.bsize,
        freeInodes: found.ffree,
        inodes: found.files
      }),
      none
    ),
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address)
    ),
  identify: (options) => createUpstream(options).verify(),
  get: async (url, token) => {
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
  },
  outside: async (url, proxyUrl) => (await import('./reach.ts')).whyUnreachable(url, proxyUrl),
  // an installation that uses neither PostgreSQL nor NATS need not load their clients
  database: async (url) =>
    (await import('../../central-hub/store/database/postgres/client.ts')).faultOf(url),
  nats: async (options) => {
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
      const reached = await withTimeout(nats.connected, natsMs).then(
        () => undefined,
        (error: unknown) => nats.fault() ?? reasonOf(error)
      )
      await nats.close()
      return reached
    } catch (error) {
      return reasonOf(error)
    }
  },
  delay: (ms) => delay(ms)
})
