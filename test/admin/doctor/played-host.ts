import type { Identity } from '../../../src/central-hub/follow/upstream.ts'
import type { Host, Ran, Space, Stat } from '../../../src/admin/installation/host.ts'

/** A machine for a check to ask: what is not said does not exist there. */
export interface Played {
  uid?: number
  now?: number
  files?: Record<string, string>
  /** Beside those of `files`, which are root's and 0644. */
  stats?: Record<string, Partial<Stat>>
  links?: Record<string, string>
  /** What a directory above it hides from this user. */
  closed?: string[]
  /** By how the command line begins. */
  commands?: Record<string, Partial<Ran>>
  space?: Partial<Space>
  identify?: () => Promise<Identity>
  get?: () => Promise<{ status: number; body: unknown } | undefined>
  /** What keeps them from being used. */
  database?: string
  nats?: string
  outside?: (proxyUrl: string) => string | undefined
}

export const play = (played: Played): Host => {
  const { files = {}, stats = {}, links = {}, commands = {} } = played
  const entries = [...Object.keys(files), ...Object.keys(stats), ...Object.keys(links)]
  return {
    uid: played.uid ?? 0,
    now: () => played.now ?? Date.parse('2026-11-24T12:00:00Z'),
    run: async (command) => {
      const line = command.join(' ')
      const [, ran] = Object.entries(commands).find(([begin]) => line.startsWith(begin)) ?? []
      return { code: ran ? 0 : undefined, stdout: '', stderr: '', ...ran }
    },
    readFile: async (path) => files[path],
    stat: async (path) => {
      const found = stats[path] ?? (path in files ? {} : undefined)
      return (
        found && {
          type: path in files ? 'file' : 'directory',
          mode: path in files ? 0o644 : 0o755,
          uid: 0,
          gid: 0,
          mtimeMs: 0,
          ctimeMs: 0,
          ...found
        }
      )
    },
    readdir: async (path) => [
      ...new Set(
        entries
          .filter((entry) => entry.startsWith(`${path}/`))
          .map((entry) => entry.slice(path.length + 1).split('/')[0] ?? '')
      )
    ],
    readlink: async (path) => links[path],
    realpath: async (path) => links[path] ?? (path in files ? path : undefined),
    isClosed: async (path) => played.closed?.includes(path) ?? false,
    statfs: async () => ({
      freeBytes: 50e9,
      bytes: 100e9,
      freeInodes: 900,
      inodes: 1_000,
      ...played.space
    }),
    addresses: () => ['127.0.0.1', '::1', '192.0.2.1'],
    identify: played.identify ?? (() => Promise.reject(new Error('nobody was to be asked'))),
    get: played.get ?? (async () => undefined),
    database: async () => played.database,
    nats: async () => played.nats,
    outside: async (_url, proxyUrl) => played.outside?.(proxyUrl),
    delay: async () => undefined
  }
}

/** A row of /proc/net/tcp: someone listens on 127.0.0.1. */
export const listening = (port: number, inode: number, uid = 999): string =>
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A 00000000:00000000 00:00000000 00000000   ${uid}        0 ${inode} 1 0 100 0 0 10 0\n`
