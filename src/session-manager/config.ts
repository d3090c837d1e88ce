import { join } from 'node:path'
import type { ClusterConfig } from './cluster/account-owner.ts'
import type { MediaLimits } from './journal/media-limits.ts'
import { EnvironmentError, readEnv, type Schema, type Source } from '../platform/env.ts'
import {
  baseUrl,
  duration,
  host,
  list,
  name,
  natsServers,
  oneOf,
  path,
  port,
  proxyUrl,
  size,
  storeUrl,
  text,
  token,
  webVersion,
  whole
} from '../platform/env-values.ts'

/**
 * session-manager's environment; deploy/env/session-manager.env explains each variable. Durations
 * in ms, sizes in bytes.
 */
export interface Config extends ClusterConfig {
  NODE_ENV: 'production' | 'development' | 'test'
  LOG_LEVEL: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
  HOST: string
  PORT: number
  SESSION_MANAGER_TOKEN: string
  ACCOUNT: string
  STATE_DIR: string
  /** Further names that it answers to, besides HOST and those of the loopback interface. */
  ALLOWED_HOSTS: string[]
  /** The proxy by which Chromium reaches WhatsApp; empty: none. */
  PROXY_URL: string
  CHROMIUM_PATH: string
  /** The version of WhatsApp Web to show; empty: the version that WhatsApp serves. */
  WEB_VERSION: string
  /** strict: nothing is captured unless both fences of the send guard hold. */
  GUARD: 'normal' | 'strict'
  MEDIA_MAX_SIZE: number
  MEDIA_TYPES: string[]
  /** Between the first failed attempt to fetch media and the second attempt. */
  MEDIA_RETRY_DELAY: number
  MEDIA_GIVE_UP_AFTER: number
  /** Whether channels and status updates are captured. */
  CAPTURE_BROADCASTS: 'no' | 'yes'
  JOURNAL_RETENTION: number
  /** How long raw models are kept beside their records; 0: not at all. */
  KEEP_RAW: number
  START_TIMEOUT: number
  READY_TIMEOUT: number
  PROBE_INTERVAL: number
  RECONNECT_MIN_DELAY: number
  RECONNECT_MAX_DELAY: number
  BACKFILL_INTERVAL: number
  BACKFILL_OVERLAP: number
  BACKFILL_FIRST_LINK: number
  SHUTDOWN_TIMEOUT: number
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
  HOST: host({ desc: 'the address to listen on, 127.0.0.1 unless the hub is elsewhere' }),
  PORT: port({ desc: 'the port to listen on, 3001 by custom' }),
  SESSION_MANAGER_TOKEN: token({
    desc: 'the secret that central-hub sends, 32 characters or more'
  }),
  ACCOUNT: name({ desc: 'a short name for this WhatsApp account, such as main' }),
  STATE_DIR: path({ desc: 'the directory of the journal, the media and the browser profile' }),
  ALLOWED_HOSTS: list(
    'host names, separated by commas, such as sessions.example.com',
    /^[a-z0-9.-]{1,253}$/
  )({ default: [] }),
  PROXY_URL: proxyUrl({ default: '' }),
  CHROMIUM_PATH: path({ default: '/usr/lib/chromium/chromium-headless-shell' }),
  WEB_VERSION: webVersion({ default: '' }),
  GUARD: oneOf('normal', 'strict')({ default: 'normal' }),
  MEDIA_MAX_SIZE: size({ default: 25 * 1024 ** 2 }),
  MEDIA_TYPES: list(
    'media types separated by commas, such as image/*,audio/*,application/pdf',
    /^(\*\/\*|[\w.+-]+\/([\w.+-]+|\*))$/
  )({ default: ['*/*'] }),
  MEDIA_RETRY_DELAY: duration('100ms', '1h')({ default: 5_000 }),
  MEDIA_GIVE_UP_AFTER: duration('1h', '365d')({ default: 1_209_600_000 }),
  CAPTURE_BROADCASTS: oneOf('no', 'yes')({ default: 'no' }),
  JOURNAL_RETENTION: duration('0s', '3650d')({ default: 0 }),
  KEEP_RAW: duration('0s', '3650d')({ default: 30 * 86_400_000 }),
  START_TIMEOUT: duration('1s', '10m')({ default: 90_000 }),
  READY_TIMEOUT: duration('1s', '1h')({ default: 180_000 }),
  PROBE_INTERVAL: duration('100ms', '10m')({ default: 5_000 }),
  RECONNECT_MIN_DELAY: duration('10ms', '10m')({ default: 2_000 }),
  RECONNECT_MAX_DELAY: duration('10ms', '1d')({ default: 300_000 }),
  BACKFILL_INTERVAL: duration('1s', '1d')({ default: 300_000 }),
  BACKFILL_OVERLAP: duration('0s', '7d')({ default: 900_000 }),
  BACKFILL_FIRST_LINK: duration('0s', '90d')({ default: 86_400_000 }),
  SHUTDOWN_TIMEOUT: duration('1s', '5m')({ default: 20_000 }),
  NATS_URL: natsServers({ default: [] }),
  NATS_CREDENTIALS: path({ default: '' }),
  NATS_CA: path({ default: '' }),
  NATS_REPLICAS: whole(1, 5)({ default: 1 }),
  NATS_RETENTION: duration('1h', '3650d')({ default: 2_592_000_000 }),
  LEASE_TTL: duration('3s', '10m')({ default: 30_000 }),
  PROFILE_BACKUP: storeUrl({ default: '' }),
  PROFILE_BACKUP_KEY: token({ default: '' }),
  PROFILE_BACKUP_INTERVAL: duration('1s', '7d')({ default: 3_600_000 }),
  PROFILE_BACKUP_ENDPOINT: baseUrl({ default: '' }),
  PROFILE_BACKUP_REGION: name({ default: 'us-east-1' }),
  PROFILE_BACKUP_ACCESS_KEY: text({ default: '' }),
  PROFILE_BACKUP_SECRET_KEY: text({ default: '' })
}

/** Errors for variables that PROFILE_BACKUP needs. */
const missingForBackup = (config: Config): string[] => {
  const needed: (keyof Config)[] = []
  if (config.PROFILE_BACKUP !== '') needed.push('PROFILE_BACKUP_KEY')
  if (config.PROFILE_BACKUP.startsWith('s3:'))
    needed.push('PROFILE_BACKUP_ACCESS_KEY', 'PROFILE_BACKUP_SECRET_KEY')
  return needed
    .filter((variable) => config[variable] === '')
    .map((variable) => `${variable} is missing: PROFILE_BACKUP needs it`)
}

/** @throws {EnvironmentError} that names every error */
export const readConfig = (source: Source): Config => {
  const config = readEnv(source, schema)
  const errors = missingForBackup(config)
  if (errors.length > 0) throw new EnvironmentError(errors)
  return config
}

/** The directories below STATE_DIR. */
export const directoriesIn = (stateDir: string): { profile: string; media: string } => ({
  profile: join(stateDir, 'profile'),
  media: join(stateDir, 'media')
})

export const mediaLimitsOf = (config: Config): MediaLimits => ({
  maxBytes: config.MEDIA_MAX_SIZE,
  types: config.MEDIA_TYPES
})
