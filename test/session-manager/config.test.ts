import t from 'tap'
import { EnvironmentError } from '../../src/platform/env.ts'
import { readConfig, schema } from '../../src/session-manager/config.ts'
import { goodEnv } from '../platform/env-cases.ts'

/** test/platform/env.test.ts has the faulty environments; here is what stands without being set. */
t.test('what may be left out, and what then stands', async (t) => {
  t.same(readConfig(goodEnv['session-manager']), {
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: 3001,
    ACCOUNT: 'main',
    STATE_DIR: '/var/lib/leadmaster/session-manager',
    SESSION_MANAGER_TOKEN: goodEnv['session-manager'].SESSION_MANAGER_TOKEN,
    ALLOWED_HOSTS: [],
    PROXY_URL: '',
    CHROMIUM_PATH: '/usr/lib/chromium/chromium-headless-shell',
    WEB_VERSION: '',
    GUARD: 'normal',
    MEDIA_MAX_SIZE: 26_214_400,
    MEDIA_TYPES: ['*/*'],
    MEDIA_RETRY_DELAY: 5_000,
    MEDIA_GIVE_UP_AFTER: 1_209_600_000,
    CAPTURE_BROADCASTS: 'no',
    JOURNAL_RETENTION: 0,
    KEEP_RAW: 2_592_000_000,
    START_TIMEOUT: 90_000,
    READY_TIMEOUT: 180_000,
    PROBE_INTERVAL: 5_000,
    RECONNECT_MIN_DELAY: 2_000,
    RECONNECT_MAX_DELAY: 300_000,
    BACKFILL_INTERVAL: 300_000,
    BACKFILL_OVERLAP: 900_000,
    BACKFILL_FIRST_LINK: 86_400_000,
    SHUTDOWN_TIMEOUT: 20_000,
    NATS_URL: [],
    NATS_CREDENTIALS: '',
    NATS_CA: '',
    NATS_REPLICAS: 1,
    NATS_RETENTION: 2_592_000_000,
    LEASE_TTL: 30_000,
    PROFILE_BACKUP: '',
    PROFILE_BACKUP_KEY: '',
    PROFILE_BACKUP_INTERVAL: 3_600_000,
    PROFILE_BACKUP_ENDPOINT: '',
    PROFILE_BACKUP_REGION: 'us-east-1',
    PROFILE_BACKUP_ACCESS_KEY: '',
    PROFILE_BACKUP_SECRET_KEY: ''
  })
})

t.test('what has no default is required, each of it', async (t) => {
  const required = Object.entries(schema)
    .filter(([, spec]) => !('default' in spec))
    .map(([name]) => name)
  t.same(required, [
    'NODE_ENV',
    'LOG_LEVEL',
    'HOST',
    'PORT',
    'SESSION_MANAGER_TOKEN',
    'ACCOUNT',
    'STATE_DIR'
  ])
  for (const name of required) {
    const { [name]: _removed, ...rest } = goodEnv['session-manager']
    t.throws(
      () => readConfig(rest),
      new EnvironmentError([`${name} is missing: ${schema[name as 'PORT'].desc}`])
    )
  }
})

t.test('every default is one that the variable itself accepts', async (t) => {
  const set = {
    START_TIMEOUT: '90s',
    READY_TIMEOUT: '3m',
    PROBE_INTERVAL: '5s',
    RECONNECT_MIN_DELAY: '2s',
    RECONNECT_MAX_DELAY: '5m',
    BACKFILL_INTERVAL: '5m',
    BACKFILL_OVERLAP: '15m',
    BACKFILL_FIRST_LINK: '1d',
    SHUTDOWN_TIMEOUT: '20s',
    MEDIA_MAX_SIZE: '25MiB',
    MEDIA_TYPES: '*/*',
    MEDIA_RETRY_DELAY: '5s',
    MEDIA_GIVE_UP_AFTER: '14d',
    CAPTURE_BROADCASTS: 'no',
    JOURNAL_RETENTION: '0s',
    KEEP_RAW: '30d',
    CHROMIUM_PATH: '/usr/lib/chromium/chromium-headless-shell'
  }
  t.same(
    readConfig({ ...goodEnv['session-manager'], ...set }),
    readConfig(goodEnv['session-manager'])
  )
})

t.test('MEDIA_TYPES: types, whole or all of a kind', async (t) => {
  t.same(
    readConfig({
      ...goodEnv['session-manager'],
      MEDIA_TYPES: 'image/*, audio/ogg,application/vnd.ms-excel'
    }).MEDIA_TYPES,
    ['image/*', 'audio/ogg', 'application/vnd.ms-excel']
  )
  for (const MEDIA_TYPES of ['image', 'image/', '*/png', '*', 'image/*;q=1', 'image/*,']) {
    t.throws(
      () => readConfig({ ...goodEnv['session-manager'], MEDIA_TYPES }),
      { message: /MEDIA_TYPES/ },
      MEDIA_TYPES
    )
  }
})

t.test('PROFILE_BACKUP: a directory or a bucket, and what each needs', async (t) => {
  const PROFILE_BACKUP_KEY = 'a-key-for-backups-0123456789-abcdefghijkl'
  const read = (change: Record<string, string>) =>
    readConfig({ ...goodEnv['session-manager'], ...change })
  t.equal(
    read({ PROFILE_BACKUP: 'file:///mnt/backups/', PROFILE_BACKUP_KEY }).PROFILE_BACKUP,
    'file:///mnt/backups'
  )
  t.throws(
    () => read({ PROFILE_BACKUP: 'file:///mnt/backups' }),
    new EnvironmentError(['PROFILE_BACKUP_KEY is missing: PROFILE_BACKUP needs it'])
  )
  t.throws(
    () => read({ PROFILE_BACKUP: 's3://bucket/leadmaster', PROFILE_BACKUP_KEY }),
    new EnvironmentError([
      'PROFILE_BACKUP_ACCESS_KEY is missing: PROFILE_BACKUP needs it',
      'PROFILE_BACKUP_SECRET_KEY is missing: PROFILE_BACKUP needs it'
    ])
  )
  read({
    PROFILE_BACKUP: 's3://bucket',
    PROFILE_BACKUP_KEY,
    PROFILE_BACKUP_ACCESS_KEY: 'AKID',
    PROFILE_BACKUP_SECRET_KEY: 'secret'
  })
  for (const PROFILE_BACKUP of [
    '/mnt/backups',
    'file://mnt/backups',
    'file:///',
    's3://',
    's3://B',
    'https://bucket',
    's3://bucket/a b'
  ]) {
    t.throws(
      () => read({ PROFILE_BACKUP, PROFILE_BACKUP_KEY }),
      { message: /PROFILE_BACKUP=.* is refused: expected file/ },
      PROFILE_BACKUP
    )
  }
})
