import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { checkServerIdentity, type ConnectionOptions } from 'node:tls'
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions
} from '@nats-io/transport-node'
import { PlainError, reasonOf } from '../harmless.ts'
import type { Log } from '../log.ts'
import { withTimeout } from '../async.ts'

/** A connection to NATS for as long as the daemon runs. Only what needs NATS imports this. */
export interface Nats {
  /**
   * The connection, once there is one. From then on the client reconnects by itself.
   * @throws when it was closed before
   */
  readonly connected: Promise<NatsConnection>
  /**
   * How many times it has connected so far. Each time it may be another server, or a server that
   * has lost something.
   */
  connections(): number
  /** Why NATS cannot be reached now and how to fix that, in plain words. */
  fault(): string | undefined
  close(): Promise<void>
}

/** The variables of NATS, the same for each daemon; durations in ms. */
export interface NatsConfig {
  /** Servers; none: NATS is not used. */
  NATS_URL: string[]
  NATS_CREDENTIALS: string
  NATS_CA: string
  NATS_REPLICAS: number
  NATS_RETENTION: number
}

export interface NatsOptions {
  /**
   * NATS_URL: `nats://` or `tls://`, with user and password before an `@` where the servers want
   * them.
   */
  servers: readonly string[]
  /** NATS_CREDENTIALS: the path of a credentials file; empty: none. */
  credentials: string
  /**
   * NATS_CA: the path of the certificate, PEM, that the servers' ones are signed by; empty: those
   * that Node knows.
   */
  ca: string
  /** What the servers call this client. */
  name: string
  log: Log
  /** The longest wait between two attempts, ms. */
  maxDelayMs?: number
  onChange?: () => void
}

const minDelayMs = 250
const attemptMs = 5_000
const farewellMs = 1_000
/** A server that does not answer two of these is given up for another, ms. */
const pingMs = 5_000

/** A URL without what may be secret in it. */
const withoutLogin = (url: string): string => url.replace(/\/\/.*@/s, '//')

/** Who logs in by the URL: the first that names somebody. */
const login = (servers: readonly string[]): { user?: string; pass?: string } => {
  const url = servers.map((server) => new URL(server)).find(({ username }) => username !== '')
  return url === undefined
    ? {}
    : { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) }
}

/** @throws {Error} naming the variable and its file */
const readNamed = (variable: string, path: string): Buffer => {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new PlainError(`${variable}=${path} cannot be read: ${reasonOf(error)}`, { cause: error })
  }
}

/**
 * How the servers prove who they are. For one that is named by its address the client would ask for
 * `localhost`.
 */
const security = (servers: readonly string[], trusted: string | undefined): ConnectionOptions => {
  const addresses = servers
    .map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ''))
    .filter((host) => isIP(host) !== 0)
  const options: ConnectionOptions = {
    checkServerIdentity: (host, certificate) =>
      addresses.some((address) => checkServerIdentity(address, certificate) === undefined)
        ? undefined
        : checkServerIdentity(host, certificate)
  }
  if (trusted !== undefined) options.ca = trusted
  return options
}

/** Why it failed and what to change, from what the client, Node or the server said. */
const explain = (error: unknown, at: string, { credentials, ca }: NatsOptions): string => {
  const { code } = error as NodeJS.ErrnoException
  const inner = (error as { cause?: NodeJS.ErrnoException }).cause?.code
  if (error instanceof PlainError) return error.message
  if (/authorization|authentication/i.test((error as Error).message))
    return (
      `NATS at ${at} refuses who we are: correct ` +
      (credentials === ''
        ? 'user and password in NATS_URL, or name a file in NATS_CREDENTIALS'
        : `NATS_CREDENTIALS=${credentials}`)
    )
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return (
      `the certificate of NATS at ${at} is for another name: ` +
      'name the servers in NATS_URL as it does'
    )
  if (/CERT|SELF_SIGNED|ISSUER|LEAF/.test(code ?? ''))
    return (
      `the certificate of NATS at ${at} is not trusted (${code}): ` +
      `name the one it is signed by in NATS_CA${ca === '' ? '' : ` instead of ${ca}`}`
    )
  if (/does not support 'tls'/.test((error as Error).message))
    return (
      `NATS at ${at} cannot be reached (the server does not support 'tls'): ` +
      'set TLS up there, or write nats:// in NATS_URL'
    )
  const reason = inner ?? code ?? reasonOf(error)
  return `NATS at ${at} cannot be reached (${reason}): start it, or correct NATS_URL`
}

/**
 * Connects, and goes on trying for as long as it takes: with a growing wait and a line of log each
 * time.
 * @throws {Error} immediately when a file that the options name cannot be read
 */
export const connectNats = (options: NatsOptions): Nats => {
  const {
    servers,
    credentials,
    ca,
    name,
    log,
    maxDelayMs = 15_000,
    onChange = () => undefined
  } = options
  const at = servers.map(withoutLogin).join(',')
  if (credentials !== '') readNamed('NATS_CREDENTIALS', credentials)
  const trusted = ca === '' ? undefined : readNamed('NATS_CA', ca).toString()
  const closing = new AbortController()
  let failures = 0
  let connections = 0
  let fault: string | undefined

  const retryMs = (): number =>
    Math.round(
      Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures, 20)) * (0.5 + Math.random() / 2)
    )
  const failed = (error: unknown, wait?: number): void => {
    fault = explain(error, at, options)
    // The log leaves out a member that is undefined.
    log.warn({ event: 'nats_fault', attempt: failures, retry_ms: wait }, fault)
    onChange()
  }
  const mended = (server: string): void => {
    failures = 0
    connections += 1
    fault = undefined
    log.info({ event: 'nats_connected', server }, `connected to NATS at ${server}`)
    onChange()
  }

  const settings = (): NodeConnectionOptions => {
    const secure = trusted !== undefined || servers.some((server) => server.startsWith('tls:'))
    const chosen: NodeConnectionOptions = {
      servers: servers.map((server) => new URL(server).host),
      name,
      timeout: attemptMs,
      pingInterval: pingMs,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      reconnectDelayHandler: retryMs
    }
    if (secure) chosen.tls = security(servers, trusted) as NonNullable<NodeConnectionOptions['tls']>
    if (credentials === '') return { ...chosen, ...login(servers) }
    // The file is read again each time, because it may have been renewed.
    chosen.authenticator = credsAuthenticator(() => readNamed('NATS_CREDENTIALS', credentials))
    return chosen
  }

  /** Reports what the client does by itself from then on. */
  const watch = async (connection: NatsConnection): Promise<void> => {
    let last: unknown = new Error('the connection was lost')
    for await (const status of connection.status()) {
      if (status.type === 'reconnect') mended(status.server)
      else if (status.type === 'error') last = status.error
      else if (status.type === 'disconnect') failed(last)
      else if (status.type === 'reconnecting') {
        if (failures > 0) failed(last, retryMs())
        failures += 1
      }
    }
  }

  const connectAtLast = async (): Promise<NatsConnection> => {
    const chosen = settings()
    for (;;) {
      closing.signal.throwIfAborted()
      try {
        const connection = await connect(chosen)
        mended(connection.getServer())
        void watch(connection)
        return connection
      } catch (error) {
        failures += 1
        const wait = retryMs()
        failed(error, wait)
        await delay(wait, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }

  const connected = connectAtLast()
  // Those who await it get the error; without them it would count as unhandled.
  connected.catch(() => undefined)
  return {
    connected,
    connections: () => connections,
    fault: () => fault,
    close: async () => {
      closing.abort(new Error('the connection to NATS was closed'))
      const connection = await connected.catch(() => undefined)
      if (connection === undefined) return
      // what was said last, such as acknowledgements, is still heard where there is somebody
      await withTimeout(connection.flush(), farewellMs).catch(() => undefined)
      await connection.close()
    }
  }
}
