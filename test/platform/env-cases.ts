import { readConfig as readCentralHub } from '../../src/central-hub/config.ts'
import type { Source } from '../../src/platform/env.ts'
import { readConfig as readSessionManager } from '../../src/session-manager/config.ts'

/** Environments, good and faulty, of both daemons. */

export const secret = 'correct-horse-battery-staple-0123456789'

export const goodEnv: Record<'session-manager' | 'central-hub', Record<string, string>> = {
  'session-manager': {
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: '3001',
    SESSION_MANAGER_TOKEN: secret,
    ACCOUNT: 'main',
    STATE_DIR: '/var/lib/leadmaster/session-manager'
  },
  'central-hub': {
    NODE_ENV: 'test',
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    PORT: '3012',
    SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:3001',
    SESSION_MANAGER_TOKEN: secret,
    HUB_API_TOKEN: secret,
    STATE_DIR: '/var/lib/leadmaster/central-hub'
  }
}

export type Service = keyof typeof goodEnv

export const readers: Record<Service, (source: Source) => object> = {
  'session-manager': readSessionManager,
  'central-hub': readCentralHub
}

export interface FaultyCase {
  what: string
  /** What is changed in the good environment; undefined removes the variable. */
  change: Record<string, string | undefined>
  /** One for each fault, in any order. */
  faults: RegExp[]
}

const bothFaults: FaultyCase[] = [
  {
    what: 'a proxy without a scheme',
    change: { PROXY_URL: 'proxy.example.com:3128' },
    faults: [/^PROXY_URL="proxy.example.com:3128" is refused: expected a URL such as http:/]
  },
  {
    what: 'a proxy of another kind',
    change: { PROXY_URL: 'socks5://127.0.0.1:1080' },
    faults: [/^PROXY_URL="socks5:\/\/127.0.0.1:1080" is refused/]
  },
  {
    what: 'a proxy with a path',
    change: { PROXY_URL: 'http://127.0.0.1:3128/pac' },
    faults: [/^PROXY_URL=.* is refused/]
  },
  {
    what: 'a proxy with a user and no password',
    change: { PROXY_URL: 'http://lead@127.0.0.1:3128' },
    faults: [/^PROXY_URL="http:\/\/\(hidden\)@127.0.0.1:3128" is refused/]
  },
  {
    what: 'a proxy whose password is not encoded',
    change: { PROXY_URL: 'http://lead:p@ss@127.0.0.1:3128' },
    faults: [/^PROXY_URL="http:\/\/\(hidden\)@127.0.0.1:3128" is refused/]
  },
  {
    what: 'a proxy whose password has a % for itself',
    change: { PROXY_URL: 'http://lead:100%@127.0.0.1:3128' },
    faults: [/^PROXY_URL="http:\/\/\(hidden\)@127.0.0.1:3128" is refused/]
  },
  {
    what: 'proxy variables of others',
    change: { HTTPS_PROXY: 'http://127.0.0.1:3128' },
    faults: [/^HTTPS_PROXY is unknown: PROXY_URL sets the proxy$/]
  },
  {
    what: 'a variable is missing',
    change: { PORT: undefined },
    faults: [/^PORT is missing: the port to listen on/]
  },
  {
    what: 'a variable is empty',
    change: { PORT: '' },
    faults: [/^PORT is empty: expected a port/]
  },
  {
    what: 'port 0',
    change: { PORT: '0' },
    faults: [/^PORT="0" is refused: expected a port, a whole number from 1 to 65535$/]
  },
  { what: 'port 70000', change: { PORT: '70000' }, faults: [/^PORT="70000" is refused/] },
  {
    what: 'port 65536, one too many',
    change: { PORT: '65536' },
    faults: [/^PORT="65536" is refused/]
  },
  { what: 'a port in words', change: { PORT: 'http' }, faults: [/^PORT="http" is refused/] },
  {
    what: 'a port that only begins as a number',
    change: { PORT: '12abc' },
    faults: [/^PORT="12abc" is refused/]
  },
  { what: 'a hexadecimal port', change: { PORT: '0x1f' }, faults: [/^PORT="0x1f" is refused/] },
  { what: 'a port after a space', change: { PORT: ' 3001' }, faults: [/^PORT=" 3001" is refused/] },
  {
    what: 'a port with a leading zero',
    change: { PORT: '03001' },
    faults: [/^PORT="03001" is refused/]
  },
  { what: 'a negative port', change: { PORT: '-3001' }, faults: [/^PORT="-3001" is refused/] },
  { what: 'a fractional port', change: { PORT: '3001.5' }, faults: [/^PORT="3001.5" is refused/] },
  { what: 'a port in exponent form', change: { PORT: '3e3' }, faults: [/^PORT="3e3" is refused/] },
  {
    what: 'an unknown name',
    change: { DATABASE_PASSWORD: 'x' },
    faults: [/^DATABASE_PASSWORD is unknown: remove it$/]
  },
  {
    what: 'a name of another program',
    change: { npm_config_cache: '/x' },
    faults: [/^npm_config_cache is unknown: remove it$/]
  },
  {
    what: 'a near miss beside the right one',
    change: { LOG_LEVLE: 'info' },
    faults: [/^LOG_LEVLE is unknown: did you mean LOG_LEVEL\?$/]
  },
  {
    what: 'a near miss instead of the right one',
    change: { STATE_DIR: undefined, STATE_DIRS: '/x' },
    faults: [/^STATE_DIRS is unknown: did you mean STATE_DIR\?$/, /^STATE_DIR is missing/]
  },
  {
    what: 'a name in lower case',
    change: { PORT: undefined, port: '3001' },
    faults: [/^port is unknown: did you mean PORT\?$/, /^PORT is missing/]
  },
  {
    what: 'a token one character too short',
    change: { SESSION_MANAGER_TOKEN: 'x'.repeat(31) },
    faults: [/^SESSION_MANAGER_TOKEN=\(hidden\) is refused: expected 32 to 512/]
  },
  {
    what: 'a token that is too long',
    change: { SESSION_MANAGER_TOKEN: 'x'.repeat(513) },
    faults: [/^SESSION_MANAGER_TOKEN=\(hidden\) is refused/]
  },
  {
    what: 'a token with a space',
    change: { SESSION_MANAGER_TOKEN: `${secret} ${secret}` },
    faults: [/^SESSION_MANAGER_TOKEN=\(hidden\)/]
  },
  {
    what: 'a token with a newline at its end',
    change: { SESSION_MANAGER_TOKEN: `${secret}\n` },
    faults: [/^SESSION_MANAGER_TOKEN=\(hidden\)/]
  },
  {
    what: 'a token in quotes',
    change: { SESSION_MANAGER_TOKEN: `"${secret}"` },
    faults: [/^SESSION_MANAGER_TOKEN=\(hidden\)/]
  },
  {
    what: 'an empty token',
    change: { SESSION_MANAGER_TOKEN: '' },
    faults: [/^SESSION_MANAGER_TOKEN is empty/]
  },
  {
    what: 'a duration without a unit',
    change: { SHUTDOWN_TIMEOUT: '20' },
    faults: [/^SHUTDOWN_TIMEOUT="20" is refused: expected a duration from 1s to 5m/]
  },
  {
    what: 'a duration with an unknown unit',
    change: { SHUTDOWN_TIMEOUT: '2w' },
    faults: [/^SHUTDOWN_TIMEOUT="2w"/]
  },
  {
    what: 'a duration with a space',
    change: { SHUTDOWN_TIMEOUT: '20 s' },
    faults: [/^SHUTDOWN_TIMEOUT="20 s"/]
  },
  {
    what: 'a duration below its range',
    change: { SHUTDOWN_TIMEOUT: '999ms' },
    faults: [/^SHUTDOWN_TIMEOUT="999ms"/]
  },
  {
    what: 'a duration above its range',
    change: { SHUTDOWN_TIMEOUT: '6m' },
    faults: [/^SHUTDOWN_TIMEOUT="6m"/]
  },
  {
    what: 'a fractional duration',
    change: { SHUTDOWN_TIMEOUT: '1.5s' },
    faults: [/^SHUTDOWN_TIMEOUT="1.5s"/]
  },
  {
    what: 'an unknown NODE_ENV',
    change: { NODE_ENV: 'prod' },
    faults: [/^NODE_ENV="prod" is refused: expected one of production, development, test$/]
  },
  {
    what: 'a word in the wrong case',
    change: { LOG_LEVEL: 'INFO' },
    faults: [/^LOG_LEVEL="INFO" is refused: expected one of fatal/]
  },
  {
    what: 'a relative directory',
    change: { STATE_DIR: 'var/lib' },
    faults: [/^STATE_DIR="var\/lib" is refused: expected an absolute path/]
  },
  {
    what: 'a directory with ~',
    change: { STATE_DIR: '~/state' },
    faults: [/^STATE_DIR="~\/state" is refused/]
  },
  {
    what: 'a host that is a URL',
    change: { HOST: 'http://127.0.0.1' },
    faults: [/^HOST="http:\/\/127.0.0.1" is refused/]
  },
  { what: 'an empty host', change: { HOST: '' }, faults: [/^HOST is empty/] },
  {
    what: 'a NATS server without its scheme',
    change: { NATS_URL: '10.0.0.1:4222' },
    faults: [
      /^NATS_URL="10.0.0.1:4222" is refused: expected nats:\/\/HOST:PORT or tls:\/\/HOST:PORT/
    ]
  },
  {
    what: 'a NATS server of another scheme',
    change: { NATS_URL: 'nats://a:4222,ws://u:p@b:80' },
    faults: [/^NATS_URL="nats:\/\/\(hidden\)@b:80" is refused/]
  },
  {
    what: 'a NATS server with a password, without its scheme',
    change: { NATS_URL: `hub:${secret}@10.0.0.1:4222` },
    faults: [/^NATS_URL="\(hidden\)@10.0.0.1:4222" is refused/]
  },
  {
    what: 'a NATS server with a password, with one slash',
    change: { NATS_URL: `nats:/hub:${secret}@10.0.0.1:4222` },
    faults: [/^NATS_URL="\(hidden\)@10.0.0.1:4222" is refused/]
  },
  {
    what: 'a directory with a NUL, and an @ that is no login',
    change: { STATE_DIR: '/srv/a@b\0' },
    faults: [/^STATE_DIR="\/srv\/a@b\\u0000" is refused/]
  },
  {
    what: 'more copies in NATS than it can keep',
    change: { NATS_REPLICAS: '6' },
    faults: [/^NATS_REPLICAS="6" is refused: expected a whole number from 1 to 5$/]
  },
  {
    what: 'several faults at once',
    change: {
      PORT: '0',
      HOST: undefined,
      LOG_LEVEL: '',
      SESSION_MANAGER_TOKEN: 'short',
      EXTRA: '1',
      NODE_ENVV: 'test'
    },
    faults: [
      /^PORT="0"/,
      /^HOST is missing/,
      /^LOG_LEVEL is empty/,
      /^SESSION_MANAGER_TOKEN=\(hidden\)/,
      /^EXTRA is unknown/,
      /^NODE_ENVV is unknown: did you mean NODE_ENV\?/
    ]
  }
]

const urlFault = (what: string, value: string, shown = JSON.stringify(value)): FaultyCase => ({
  what,
  change: { SESSION_MANAGER_BASE_URL: value },
  faults: [
    new RegExp(
      `^SESSION_MANAGER_BASE_URL=${shown.replace(/[?()*.]/g, '\\$&')} is refused: expected a URL of scheme, host and port`
    )
  ]
})

export const faultyCases: Record<Service, FaultyCase[]> = {
  'session-manager': [
    ...bothFaults,
    {
      what: 'a size without a unit',
      change: { MEDIA_MAX_SIZE: '25' },
      faults: [/^MEDIA_MAX_SIZE="25" is refused: expected a size/]
    },
    {
      what: 'a size with an unknown unit',
      change: { MEDIA_MAX_SIZE: '25MB' },
      faults: [/^MEDIA_MAX_SIZE="25MB"/]
    },
    {
      what: 'a size above its range',
      change: { MEDIA_MAX_SIZE: '3GiB' },
      faults: [/^MEDIA_MAX_SIZE="3GiB"/]
    },
    {
      what: 'an account name with a slash',
      change: { ACCOUNT: '../other' },
      faults: [/^ACCOUNT="..\/other" is refused/]
    },
    {
      what: 'an account name that is too long',
      change: { ACCOUNT: 'a'.repeat(33) },
      faults: [/^ACCOUNT=/]
    },
    {
      what: 'a version that is a path',
      change: { WEB_VERSION: '../2.3000.1' },
      faults: [/^WEB_VERSION="..\/2.3000.1" is refused: expected a version of WhatsApp Web/]
    },
    {
      what: 'a relative program',
      change: { CHROMIUM_PATH: 'chromium' },
      faults: [/^CHROMIUM_PATH="chromium" is refused/]
    },
    {
      what: 'a near miss that is nearer to one name than to another like it',
      change: { RECONNECT_MAX_DELY: '5m' },
      faults: [/^RECONNECT_MAX_DELY is unknown: did you mean RECONNECT_MAX_DELAY\?$/]
    },
    {
      what: "the other daemon's variable",
      change: { HUB_API_TOKEN: secret },
      faults: [/^HUB_API_TOKEN is unknown: remove it$/]
    }
  ],
  'central-hub': [
    ...bothFaults,
    urlFault('a URL without a scheme', '127.0.0.1:3001'),
    urlFault('a host name without a scheme', 'localhost:3001'),
    urlFault('a URL of another scheme', 'ftp://127.0.0.1:3001'),
    urlFault('a URL with a path', 'http://127.0.0.1:3001/api'),
    urlFault('a URL with a query', 'http://127.0.0.1:3001/?a=1'),
    urlFault('a URL with a fragment', 'http://127.0.0.1:3001/#a'),
    urlFault('a URL with port 0', 'http://127.0.0.1:0'),
    urlFault('a URL with port 70000', 'http://127.0.0.1:70000'),
    urlFault('a URL after a space', ' http://127.0.0.1:3001'),
    urlFault('a URL with one slash', 'http:/127.0.0.1:3001'),
    urlFault('a URL without a host', 'http://'),
    urlFault(
      'a control character at the end, which a parser of URLs would drop',
      'http://127.0.0.1:3001\u000f',
      '"http://127.0.0.1:3001\\\\u000f"'
    ),
    urlFault(
      'a URL with a user and a password',
      `http://admin:${secret}@127.0.0.1:3001`,
      '"http://(hidden)@127.0.0.1:3001"'
    ),
    {
      what: 'a database of another scheme',
      change: { DATABASE_URL: `mysql://hub:${secret}@db:3306/leadmaster` },
      faults: [
        /^DATABASE_URL="mysql:\/\/\(hidden\)@db:3306\/leadmaster" is refused: expected a URL such as postgres:/
      ]
    },
    {
      what: 'a database without its scheme',
      change: { DATABASE_URL: `hub:${secret}@db:5432/leadmaster` },
      faults: [/^DATABASE_URL="\(hidden\)@db:5432\/leadmaster" is refused/]
    },
    {
      what: 'a database with its password in the query',
      change: {
        DATABASE_URL: `postgres://hub@db:5432/leadmaster?password=${secret}&sslmode=require`
      },
      faults: [
        /^DATABASE_URL="postgres:\/\/\(hidden\)@db:5432\/leadmaster\?password=\(hidden\)&sslmode=require" is refused/
      ]
    },
    {
      what: "a database in libpq's other notation",
      change: { DATABASE_URL: `host=db user=hub password = '${secret}'` },
      faults: [/^DATABASE_URL="host=db user=hub password =\(hidden\)" is refused/]
    },
    {
      what: 'an empty host in a list',
      change: { ALLOWED_HOSTS: 'hub.example.com,,' },
      faults: [/^ALLOWED_HOSTS="hub.example.com,," is refused/]
    },
    {
      what: 'an origin without a scheme',
      change: { CORS_ORIGINS: 'crm.example.com' },
      faults: [/^CORS_ORIGINS="crm.example.com" is refused/]
    },
    {
      what: 'a rate of requests that is no whole number',
      change: { RATE_LIMIT: '1e3' },
      faults: [/^RATE_LIMIT="1e3" is refused/]
    },
    {
      what: 'a country that is none',
      change: { DEFAULT_COUNTRY: 'mx' },
      faults: [
        /^DEFAULT_COUNTRY="mx" is refused: expected the two letters of a country, such as MX$/
      ]
    },
    {
      what: 'a network without its length',
      change: { WEBHOOK_PRIVATE_ADDRESSES: '10.0.0.0/8, 127.0.0.1' },
      faults: [/^WEBHOOK_PRIVATE_ADDRESSES="10.0.0.0\/8, 127.0.0.1" is refused: expected networks/]
    },
    {
      what: 'a network of three parts',
      change: { WEBHOOK_PRIVATE_ADDRESSES: '10.0.0/8' },
      faults: [/^WEBHOOK_PRIVATE_ADDRESSES=/]
    },
    {
      what: 'an address of the page with a path',
      change: { PUBLIC_URL: 'https://hub.example.com/leads' },
      faults: [
        /^PUBLIC_URL="https:\/\/hub\.example\.com\/leads" is refused: expected a URL of scheme and host without a path, such as https:\/\/hub\.example\.com$/
      ]
    },
    {
      what: 'an address of the page without its scheme',
      change: { PUBLIC_URL: 'hub.example.com' },
      faults: [/^PUBLIC_URL="hub\.example\.com" is refused/]
    },
    {
      what: 'a retention without a unit',
      change: { RETENTION: '365' },
      faults: [/^RETENTION="365" is refused: expected a duration/]
    },
    {
      what: 'any origin',
      change: { CORS_ORIGINS: '*' },
      faults: [/^CORS_ORIGINS="\*" is refused/]
    },
    {
      what: "the other daemon's variable",
      change: { CHROMIUM_PATH: '/usr/bin/chromium' },
      faults: [/^CHROMIUM_PATH is unknown: remove it$/]
    }
  ]
}

/** The good environment of a daemon with the change of a case. */
export const changed = (
  service: Service,
  change: Record<string, string | undefined>
): Record<string, string> =>
  Object.fromEntries(
    Object.entries({ ...goodEnv[service], ...change }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined
    )
  )
