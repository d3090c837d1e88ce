import type { Identity, UpstreamOptions } from '../../central-hub/follow/upstream.ts'
import type { NatsOptions } from '../../platform/nats/nats.ts'

/**
 * What doctor asks the machine. Tests have an implementation of their own. A function that fails
 * returns undefined and never throws.
 */
export interface Host {
  /** The user that doctor runs as. */
  uid: number
  now(): number
  /** Runs a program with a clean environment and a timeout. */
  run(command: readonly string[], timeoutMs?: number): Promise<Ran>
  readFile(path: string): Promise<string | undefined>
  /** Follows links. It is undefined too when this user may not see the path: see `isClosed`. */
  stat(path: string): Promise<Stat | undefined>
  /** Whether a directory above a path is closed to this user, so that the path may exist or not. */
  isClosed(path: string): Promise<boolean>
  readdir(path: string): Promise<readonly string[]>
  readlink(path: string): Promise<string | undefined>
  /** A path with all links resolved. */
  realpath(path: string): Promise<string | undefined>
  statfs(path: string): Promise<Space | undefined>
  /** The addresses of this machine's network interfaces. */
  addresses(): readonly string[]
  /** Who answers at the URL of a session-manager. @throws {ProblemError} when another one does */
  identify(options: UpstreamOptions): Promise<Identity>
  /** GET with a bearer token; undefined when nothing answers JSON there. */
  get(url: string, token: string): Promise<{ status: number; body: unknown } | undefined>
  /** Why a hub cannot use the database of this URL, in plain words; undefined when it can. */
  database(url: string): Promise<string | undefined>
  /** Why a service cannot use NATS, in plain words; undefined when it can. */
  nats(options: Pick<NatsOptions, 'servers' | 'credentials' | 'ca'>): Promise<string | undefined>
  /**
   * Why this machine cannot reach a page on the internet, in plain words; undefined when it can.
   * @param proxyUrl empty: without a proxy
   */
  outside(url: string, proxyUrl: string): Promise<string | undefined>
  delay(ms: number): Promise<void>
}

export interface Ran {
  /** The exit code; undefined when the program could not be run or took too long. */
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
  /** The time of the inode: a file that was moved here keeps its mtime. */
  ctimeMs: number
}

export interface Space {
  freeBytes: number
  bytes: number
  freeInodes: number
  inodes: number
}
