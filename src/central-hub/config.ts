import type { NatsConfig } from '../platform/nats/nats.ts'
import type { CountryCode } from 'libphonenumber-js'
import { readEnv, type Schema, type Source } from '../platform/env.ts'
import {
  baseUrl,
  beginnings,
  country,
  databaseUrl,
  duration,
  host,
  list,
  namedUrls,
  natsServers,
  networks,
  oneOf,
  path,
  port,
  proxyUrl,
  publicUrl,
  token,
  whole
} from '../platform/env-values.ts'

/**
 * central-hub's environment; deploy/env/central-hub.env explains each variable. Durations in ms.
 */
export interface Config extends NatsConfig {
  NODE_ENV: 'production' | 'development' | 'test'
  LOG_LEVEL: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  HOST: string
  PORT: number
  SESSION_MANAGER_BASE_URL: string
  /** By account: further ones that the hub follows. */
  FURTHER_SESSION_MANAGERS: Record<string, string>
  SESSION_MANAGER_TOKEN: string
  HUB_API_TOKEN: string
  STATE_DIR: string
  /** Where this environment is kept: messages that say what to change name it. */
  ENV_FILE: string
  ALLOWED_HOSTS: string[]
  CORS_ORIGINS: string[]
  /** Requests a minute of one address; 0: any number. */
  RATE_LIMIT: number
  /** Of phone numbers written without one; empty: they are refused. */
  DEFAULT_COUNTRY: CountryCode | ''
  /** How long messages are kept; 0: for good. */
  RETENTION: number
  /** How long the list of who did what is kept; 0: for good. */
  AUDIT_RETENTION: number
  /** What automatic messages of WhatsApp Business begin with. */
  AUTOMATIC_REPLIES: string[]
  /** Networks that webhooks may reach although they are not public. */
  WEBHOOK_PRIVATE_ADDRESSES: string[]
  /** Where people reach the operator page, for links to it; empty: there are no links. */
  PUBLIC_URL: string
  /** By which webhooks reach the outside; empty: directly. */
  PROXY_URL: string
  UPSTREAM_CHECK_INTERVAL: number
  UPSTREAM_MAX_DELAY: number
  SHUTDOWN_TIMEOUT: number
  /** A database that hubs share; empty: the store is a file in STATE_DIR. */
  DATABASE_URL: string
}

export const schema: Schema<Config> = {
  NODE_ENV: oneOf('production', 'development', 'test')({ desc: 'production on a server' }),
  LOG_LEVEL: oneOf(
    'fatal',
    'error',
    'warn',
    'info',
    'debug',
    'trace'
  )({ desc: 'info on a server' }),
  HOST: host({ desc: 'the address to listen on, 127.0.0.1 unless a proxy is elsewhere' }),
  PORT: port({ desc: 'the port to listen on, 3012 by custom' }),
  SESSION_MANAGER_BASE_URL: baseUrl({
    desc: 'where session-manager listens, such as http://127.0.0.1:3001'
  }),
  SESSION_MANAGER_TOKEN: token({ desc: 'the same secret as in session-manager.env' }),
  HUB_API_TOKEN: token({ desc: 'the secret that frontends send, 32 characters or more' }),
  STATE_DIR: path({ desc: 'the directory of the database' }),
  ENV_FILE: path({ default: '/etc/leadmaster/central-hub.env' }),
  FURTHER_SESSION_MANAGERS: namedUrls({ default: {} }),
  ALLOWED_HOSTS: list(
    'host names, separated by commas, such as hub.example.com',
    /^[a-z0-9.-]{1,253}$/
  )({ default: [] }),
  CORS_ORIGINS: list(
    'origins, separated by commas, such as https://crm.example.com',
    /^https?:\/\/[a-z0-9.-]+(:\d{1,5})?$/
  )({ default: [] }),
  RATE_LIMIT: whole(0, 1_000_000)({ default: 6_000 }),
  DEFAULT_COUNTRY: country({ default: '' }),
  RETENTION: duration('0s', '36500d')({ default: 0 }),
  AUDIT_RETENTION: duration('0s', '36500d')({ default: 31_536_000_000 }),
  AUTOMATIC_REPLIES: beginnings({ default: [] }),
  WEBHOOK_PRIVATE_ADDRESSES: networks({ default: [] }),
  PUBLIC_URL: publicUrl({ default: '' }),
  PROXY_URL: proxyUrl({ default: '' }),
  UPSTREAM_CHECK_INTERVAL: duration('100ms', '1h')({ default: 30_000 }),
  UPSTREAM_MAX_DELAY: duration('10ms', '10m')({ default: 10_000 }),
  SHUTDOWN_TIMEOUT: duration('1s', '5m')({ default: 15_000 }),
  DATABASE_URL: databaseUrl({ default: '' }),
  NATS_URL: natsServers({ default: [] }),
  NATS_CREDENTIALS: path({ default: '' }),
  NATS_CA: path({ default: '' }),
  NATS_REPLICAS: whole(1, 5)({ default: 1 }),
  NATS_RETENTION: duration('1h', '3650d')({ default: 2_592_000_000 })
}

/** @throws {EnvironmentError} naming every fault */
export const readConfig = (source: Source): Config => readEnv(source, schema)
