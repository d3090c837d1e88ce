import type { Identity, UpstreamOptions } from '../../central-hub/follow/upstream.ts'
import type { NatsOptions } from '../../platform/nats/nats.ts'

/**
 * The few things doctor asks of the machine, so that a test can play one. What cannot be had is
 * undefined, never thrown.
 */
export interface Host {
  /** The user doctor runs as. */
  uid: number
  now(): number
  /**
   * Runs a program, bounded in time, with a clean environment; `code` is undefined when it could
   * not be run or took too long.
   */
  run(command: readonly string[], timeoutMs?: number): Promise<Ran>
  readFile(path: string): Promise<string | undefined>
  /** Follows links. A path that this user may not look at is undefined too: `isClosed` tells. */
  stat(path: string): Promise<Stat | undefined>
  /**
   * Whether a directory on the way to a path is closed to this user, so that it may be there or
   * not.
   */
  isClosed(path: string): Promise<boolean>
  readdir(path: string): Promise<readonly string[]>
  readlink(path: string): Promise<string | undefined>
  /** A path with all of its links resolved. */
  realpath(path: string): Promise<string | undefined>
  statfs(path: string): Promise<Space | undefined>
  /** The addresses of this machine's network interfaces. */
  addresses(): readonly string[]
  /** Who answers at the URL of a session-manager. @throws {ProblemError} saying who does instead */
  identify(options: UpstreamOptions): Promise<Identity>
  /** GET with a bearer token; undefined when nothing answers JSON there. */
  get(url: string, token: string): Promise<{ status: number; body: unknown } | undefined>
  /**
   * What keeps a hub from using the database of this URL, in plain words; undefined when nothing
   * does.
   */
  database(url: string): Promise<string | undefined>
  /** Likewise of NATS. */
  nats(options: Pick<NatsOptions, 'servers' | 'credentials' | 'ca'>): Promise<string | undefined>
  /**
   * What keeps this machine from a page outside, by a proxy unless its URL is empty, in plain
   * words; undefined when nothing does.
   */
  outside(url: string, proxyUrl: string): Promise<string | undefined>
  delay(ms: number): Promise<void>
}

export interface Ran {
  code: number | undefined
  stdout: string
  stderr: string
}

export interface Stat {
  type: 'file' | 'directory' | 'other'
  /** The permission bits. */
  mode: number
  uid: number
  gid: number
  mtimeMs: number
  /** Of the inode: a file that was moved here keeps its mtime. */
  ctimeMs: number
}

export interface Space {
  freeBytes: number
  bytes: number
  freeInodes: number
  inodes: number
}
