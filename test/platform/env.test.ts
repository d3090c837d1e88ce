import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  EnvironmentError,
  masked,
  processEnv,
  systemdEnv,
  withCredentials
} from '../../src/platform/env.ts'
import { readConfig as readCentralHub } from '../../src/central-hub/config.ts'
import { readConfig as readSessionManager } from '../../src/session-manager/config.ts'
import { changed, faultyCases, goodEnv, readers, secret, type Service } from './env-cases.ts'
import { withExactly } from './exact-env.ts'

const thrown = (run: () => unknown): EnvironmentError => {
  try {
    run()
  } catch (error) {
    if (error instanceof EnvironmentError) return error
    throw error
  }
  throw new Error('it was accepted')
}

const runMain = (
  service: Service,
  env: Record<string, string>
): { status: number | null; lines: string[] } => {
  const main = fileURLToPath(new URL(`../../src/${service}/main.ts`, import.meta.url))
  const [program, args] = withExactly(env, process.execPath, main)
  const { status, stdout } = spawnSync(program, args, { encoding: 'utf8', timeout: 30_000 })
  return { status, lines: stdout.split('\n').filter((line) => line !== '') }
}

for (const service of ['session-manager', 'central-hub'] as const) {
  t.test(
    `${service} refuses each of ${faultyCases[service].length} faulty environments, naming exactly the faults`,
    async (t) => {
      for (const { what, change, faults } of faultyCases[service]) {
        t.test(what, async (t) => {
          const error = thrown(() => readers[service](changed(service, change)))
          t.type(error, EnvironmentError)
          t.equal(error.faults.length, faults.length, error.message)
          for (const fault of faults)
            t.ok(
              error.faults.some((text) => fault.test(text)),
              `${fault} in: ${error.message}`
            )
          for (const text of error.faults)
            t.ok(error.message.includes(text), 'the message has every fault')
          t.notMatch(error.message, secret, 'no secret is shown')
        })
      }
    }
  )

  t.test(
    `${service} accepts what systemd, a shell and Node set around its own variables`,
    async (t) => {
      const around = {
        NOTIFY_SOCKET: '/run/systemd/notify',
        WATCHDOG_USEC: '30000000',
        WATCHDOG_PID: '1',
        INVOCATION_ID: 'x',
        JOURNAL_STREAM: '8:1',
        SYSTEMD_EXEC_PID: '1',
        STATE_DIRECTORY: '/var/lib/x',
        CREDENTIALS_DIRECTORY: '/run/x',
        MEMORY_PRESSURE_WATCH: '/x',
        MEMORY_PRESSURE_WRITE: 'x',
        LOG_NAMESPACE: 'x',
        USER: 'u',
        LOGNAME: 'u',
        HOME: '/',
        SHELL: '/bin/sh',
        PATH: '/bin',
        LANG: 'C.UTF-8',
        LC_ALL: 'C',
        LC_TIME: 'C',
        TERM: 'linux',
        TZ: 'UTC',
        PWD: '/',
        OLDPWD: '/',
        SHLVL: '1',
        _: '/usr/bin/node',
        HOSTNAME: 'h',
        TMPDIR: '/tmp',
        NODE_OPTIONS: '--enable-source-maps',
        NODE_EXTRA_CA_CERTS: '/x',
        XDG_RUNTIME_DIR: '/run/user/1'
      }
      t.same(
        readers[service]({ ...around, ...goodEnv[service] }),
        readers[service](goodEnv[service])
      )
    }
  )
}

/**
 * A NUL can come by a credential, the rest by a file of another system's, or by a paste; DEL and
 * U+009B are among those that JSON does not escape.
 */
t.test(
  'a control character anywhere in DATABASE_URL or NATS_URL is refused; neither it nor the password is in the message',
  async (t) => {
    const password = 'hunter2'
    const variables: { service: Service; name: string; url: string }[] = [
      {
        service: 'central-hub',
        name: 'DATABASE_URL',
        url: `postgres://hub:${password}@db.example.com:5432/leadmaster?sslmode=require`
      },
      {
        service: 'central-hub',
        name: 'NATS_URL',
        url: `tls://hub:${password}@nats.example.com:4222`
      },
      {
        service: 'session-manager',
        name: 'NATS_URL',
        url: `nats://a.example.com:4222, nats://main:${password}@b.example.com:4222`
      }
    ]
    const controls = {
      NUL: '\0',
      newline: '\n',
      'carriage return': '\r',
      tab: '\t',
      'CR and LF': '\r\n',
      ESC: '\x1b',
      DEL: '\x7f',
      CSI: '\x9b'
    }
    for (const { service, name, url } of variables) {
      t.same(
        Object.keys(readers[service](changed(service, { [name]: url }))).includes(name),
        true,
        'without one it is taken'
      )
      for (const [what, control] of Object.entries(controls)) {
        t.test(`${name} of ${service}: ${what}`, async (t) => {
          for (let at = 0; at <= url.length; at += 1) {
            const { message, faults } = thrown(() =>
              readers[service](
                changed(service, { [name]: url.slice(0, at) + control + url.slice(at) })
              )
            )
            const fits =
              faults.length === 1 &&
              faults[0]?.startsWith(`${name}=`) &&
              !message.includes(password) &&
              !/\p{Cc}/u.test(message)
            if (!fits) t.fail(`after ${at} characters: ${JSON.stringify(message)}`)
          }
          const { message } = thrown(() =>
            readers[service](
              changed(service, { [name]: url.replace(password, `hun${control}ter2`) })
            )
          )
          t.notMatch(message, /hun|ter2/, 'nor is a part of it')
        })
      }
    }
    t.test('one line in the log of the real hub', async (t) => {
      const { status, lines } = runMain(
        'central-hub',
        changed('central-hub', { DATABASE_URL: `postgres://hub:${password}@db:5432/leadmaster\n` })
      )
      t.equal(status, 78)
      t.equal(lines.length, 1)
      t.match(JSON.parse(lines[0] as string), {
        event: 'environment_refused',
        faults: [/^DATABASE_URL="postgres:\/\/\(hidden\)@db:5432\/leadmaster\\n" is refused/]
      })
      t.notMatch(lines[0], password)
    })
  }
)

t.test('values come out typed and in base units, defaults filled in', async (t) => {
  const config = readSessionManager({
    ...goodEnv['session-manager'],
    PORT: '65535',
    MEDIA_MAX_SIZE: '512KiB',
    READY_TIMEOUT: '90s',
    BACKFILL_FIRST_LINK: '90d',
    PROBE_INTERVAL: '500ms'
  })
  t.match(config, {
    PORT: 65_535,
    MEDIA_MAX_SIZE: 512 * 1024,
    READY_TIMEOUT: 90_000,
    BACKFILL_FIRST_LINK: 90 * 86_400_000,
    PROBE_INTERVAL: 500,
    CHROMIUM_PATH: '/usr/lib/chromium/chromium-headless-shell',
    SHUTDOWN_TIMEOUT: 20_000,
    SESSION_MANAGER_TOKEN: secret
  })
  t.equal(
    readSessionManager({ ...goodEnv['session-manager'], MEDIA_MAX_SIZE: '1GiB' }).MEDIA_MAX_SIZE,
    1024 ** 3
  )
  const hub = readCentralHub({
    ...goodEnv['central-hub'],
    SESSION_MANAGER_BASE_URL: 'HTTP://LocalHost:3001/',
    ALLOWED_HOSTS: 'hub.example.com, crm.example.com',
    CORS_ORIGINS: 'https://crm.example.com,http://127.0.0.1:8080'
  })
  t.equal(
    hub.SESSION_MANAGER_BASE_URL,
    'http://localhost:3001',
    'normalised, without the trailing slash'
  )
  t.same(hub.ALLOWED_HOSTS, ['hub.example.com', 'crm.example.com'])
  t.same(hub.CORS_ORIGINS, ['https://crm.example.com', 'http://127.0.0.1:8080'])
  t.equal(
    readCentralHub({ ...goodEnv['central-hub'], SESSION_MANAGER_BASE_URL: 'https://[::1]:3001' })
      .SESSION_MANAGER_BASE_URL,
    'https://[::1]:3001'
  )
})

t.test('one fault is told in the singular, several in the plural', async (t) => {
  t.match(
    thrown(() => readSessionManager(changed('session-manager', { PORT: '0' }))).message,
    /^1 fault in the environment: PORT/
  )
  t.match(
    thrown(() => readSessionManager(changed('session-manager', { PORT: '0', HOST: '' }))).message,
    /^2 faults in the environment: .*; /
  )
})

t.test('the configuration is logged with its secrets masked', async (t) => {
  const shown = masked(readCentralHub(goodEnv['central-hub']))
  t.match(shown, { SESSION_MANAGER_TOKEN: '(set)', HUB_API_TOKEN: '(set)', PORT: 3012 })
  t.notMatch(JSON.stringify(shown), secret)
  t.match(
    masked(readSessionManager(goodEnv['session-manager'])),
    { SESSION_MANAGER_TOKEN: '(set)', PROFILE_BACKUP_KEY: '', PROFILE_BACKUP_SECRET_KEY: '' },
    'what is not set is not shown as set'
  )
  t.match(
    masked(
      readSessionManager(
        changed('session-manager', { PROXY_URL: 'http://lead:hunter2@10.0.0.1:3128' })
      )
    ),
    { PROXY_URL: 'http://(hidden)@10.0.0.1:3128' }
  )
  t.match(masked({ NATS_URL: ['tls://hub:hunter2@10.0.0.1:4222', 'tls://10.0.0.2'] }), {
    NATS_URL: ['tls://(hidden)@10.0.0.1:4222', 'tls://10.0.0.2']
  })
})

t.test('what systemd gives is read from the environment', async (t) => {
  t.same(systemdEnv({}), { notifySocket: undefined, underJournal: false })
  t.same(systemdEnv({ NOTIFY_SOCKET: '/run/n', JOURNAL_STREAM: '8:1' }), {
    notifySocket: '/run/n',
    underJournal: true
  })
  t.equal(processEnv, process.env)
})

t.test(
  'the real session-manager exits 78, naming every fault in one line of its log',
  async (t) => {
    const names = [
      'several faults at once',
      'port 0',
      'a token one character too short',
      'a variable is missing',
      'a near miss instead of the right one',
      'a duration without a unit'
    ]
    for (const name of names) {
      const found = faultyCases['session-manager'].find(({ what }) => what === name)
      t.test(name, async (t) => {
        const { change, faults } = found as NonNullable<typeof found>
        const { status, lines } = runMain('session-manager', changed('session-manager', change))
        t.equal(status, 78)
        t.equal(lines.length, 1, 'one line')
        const line = JSON.parse(lines[0] as string) as {
          level: string
          event: string
          faults: string[]
          msg: string
        }
        t.match(line, {
          level: 'fatal',
          event: 'environment_refused',
          service: 'session-manager',
          msg: /^session-manager cannot start: /
        })
        t.equal(line.faults.length, faults.length)
        for (const fault of line.faults) {
          t.ok(
            faults.some((expected) => expected.test(fault)),
            fault
          )
          t.ok(line.msg.includes(fault))
        }
        t.notMatch(lines[0], secret)
      })
    }
    t.test('under journald the line has the priority of a critical message', async (t) => {
      const { status, lines } = runMain(
        'session-manager',
        changed('session-manager', { PORT: '0', JOURNAL_STREAM: '8:1' })
      )
      t.equal(status, 78)
      t.match(lines[0], /^<2>\{"level":"fatal"/)
    })
  }
)

t.test(
  'a credential of systemd takes the place of a variable that is missing or empty, and of no other',
  async (t) => {
    const directory = t.testdir({ SESSION_MANAGER_TOKEN: `${secret}\n` })
    const { SESSION_MANAGER_TOKEN: _token, ...without } = goodEnv['session-manager']
    for (const source of [without, { ...without, SESSION_MANAGER_TOKEN: '' }]) {
      t.match(
        readSessionManager(withCredentials({ ...source, CREDENTIALS_DIRECTORY: directory })),
        { SESSION_MANAGER_TOKEN: secret }
      )
    }
    const both = thrown(() =>
      withCredentials({ ...goodEnv['session-manager'], CREDENTIALS_DIRECTORY: directory })
    )
    t.match(both.faults, [/^SESSION_MANAGER_TOKEN is given twice/])
    const near = thrown(() =>
      readSessionManager(
        withCredentials({
          ...goodEnv['session-manager'],
          CREDENTIALS_DIRECTORY: t.testdir({ SESSION_MANAGER_TOKNE: 'x' })
        })
      )
    )
    t.match(near.faults, [/^SESSION_MANAGER_TOKNE is unknown: did you mean SESSION_MANAGER_TOKEN/])
    t.equal(withCredentials(goodEnv['session-manager']), goodEnv['session-manager'])
  }
)
