import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fillEnvFile, parseEnvFile } from '../../src/platform/env-file.ts'
import { root, startUp, type Up } from './running-up.ts'

/**
 * scripts/up as root, as README tells it: the real services and Chromium as the unprivileged user.
 */

const ready = /^up: Ctrl-C stops it/
const uid = Number(execFileSync('id', ['-u', 'leadmaster'], { encoding: 'utf8' }))
const gid = Number(execFileSync('id', ['-g', 'leadmaster'], { encoding: 'utf8' }))
/** What the shell that starts it may hold; none of it may count. */
const stale = {
  SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:3011',
  PORT: '3011',
  LOG_LEVEL: 'debug',
  NODE_OPTIONS: '--no-warnings',
  LEFTOVER: 'x'
}
const services = ['session-manager', 'central-hub'] as const
type Service = (typeof services)[number]

const newHome = (t: Test): string => {
  const directory = mkdtempSync(join(tmpdir(), 'leadmaster-up-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'home')
}
const text = (home: string, service: Service): string =>
  readFileSync(join(home, `${service}.env`), 'utf8')
const env = (home: string, service: Service): Record<string, string> =>
  parseEnvFile(text(home, service))
const edit = (home: string, service: Service, values: Record<string, string>): void =>
  writeFileSync(join(home, `${service}.env`), fillEnvFile(text(home, service), values))
const running = (up: Up, service: Service): number =>
  up.others().find(({ command }) => command.endsWith(`dist/${service}/main.js`))?.pid as number
const environ = (pid: number): Record<string, string> =>
  Object.fromEntries(
    readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter(Boolean)
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)])
  )
/** The command that is printed after a label. */
const printed = (up: Up, label: string): string =>
  up.lines
    .map((line) => line.slice(4))
    .find((line) => line.trim().startsWith(label))
    ?.trim()
    .slice(label.length)
    .trim() as string
const leads = async (up: Up): Promise<{ phone: string; account: string }[]> =>
  (JSON.parse(await up.shell(`${printed(up, 'leads')} --silent`)) as { leads: [] }).leads

/** Whatever was started is gone, Chromium included; the kernel may take a moment. */
const nothingLeft = async (t: Test, up: Up, home: string): Promise<void> => {
  const left = (): string[] => [
    ...up.others().map(({ command }) => command),
    ...execFileSync('ps', ['-eo', 'args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(`${home}/`))
  ]
  for (let tries = 0; tries < 50 && left().length > 0; tries += 1) await pause(100)
  t.same(left(), [], 'no process is left')
}

t.test('from nothing to a lead by the commands that it prints, and again', async (t) => {
  const home = newHome(t)
  const up = startUp(t, { home, args: ['--simulated'], env: stale })
  await up.seen(ready)

  await t.test(
    'the env files: made from the templates, for root and the services alone, with tokens of their own',
    async (t) => {
      for (const service of services) {
        const { mode, uid: owner, gid: group } = statSync(join(home, `${service}.env`))
        t.same([mode & 0o777, owner, group], [0o640, 0, gid], service)
      }
      const [manager, hub] = [env(home, 'session-manager'), env(home, 'central-hub')]
      t.match(manager, {
        PORT: '3001',
        HOST: '127.0.0.1',
        ACCOUNT: 'simulated',
        SESSION_MANAGER_TOKEN: /^[0-9a-f]{64}$/
      })
      t.match(hub, {
        PORT: '3012',
        HOST: '127.0.0.1',
        SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:3001',
        HUB_API_TOKEN: /^[0-9a-f]{64}$/,
        ENV_FILE: join(home, 'central-hub.env')
      })
      t.equal(hub['SESSION_MANAGER_TOKEN'], manager['SESSION_MANAGER_TOKEN'])
      t.not(hub['HUB_API_TOKEN'], manager['SESSION_MANAGER_TOKEN'])
      for (const dir of [manager['STATE_DIR'], hub['STATE_DIR']] as string[]) {
        t.ok(dir.startsWith(`${home}/simulated/`))
        t.same([statSync(dir).mode & 0o777, statSync(dir).uid], [0o700, uid], dir)
      }
      t.notMatch(
        up.lines.join('\n'),
        manager['SESSION_MANAGER_TOKEN'] as string,
        'no token is printed'
      )
      t.notMatch(up.lines.join('\n'), hub['HUB_API_TOKEN'] as string)
    }
  )

  await t.test(
    'the services have the environment of their files and nothing of the calling shell',
    async (t) => {
      for (const service of services) {
        const { PATH, HOME, LANG, ...rest } = environ(running(up, service))
        t.same(rest, env(home, service), service)
      }
    }
  )

  await t.test(
    'everything but scripts/up itself runs as the unprivileged user, Chromium in its sandbox',
    async (t) => {
      await up.seen(/"status":"QR_REQUIRED"/)
      const all = up.others()
      t.same(
        all.filter((one) => one.uid !== uid),
        []
      )
      t.ok(all.some(({ command }) => command.includes('chromium')))
      t.notOk(all.some(({ command }) => command.includes('--no-sandbox')))
    }
  )

  await t.test('the QR code, the scan, the message, the lead and its event', async (t) => {
    t.match(await up.shell(`${printed(up, 'QR code')} --silent`), /[▀▄█]/)
    await up.shell(
      up.lines
        .find((line) => line.includes('simulate scan &&'))
        ?.slice(4)
        .trim() as string
    )
    await up.seen(/"status":"READY"/)
    while ((await leads(up)).length === 0) await pause(100)
    t.match(await leads(up), [{ phone: '+5215512345678', account: 'simulated' }])
    t.match(
      await up.shell(`timeout 2 ${printed(up, 'events')} --silent -H 'Last-Event-ID: 0' || true`),
      /^event: session$/m
    )
    t.match(
      await up.shell(
        `curl --silent --output /dev/null --write-out '%{http_code}' ${printed(up, 'page')}`
      ),
      '200'
    )
  })

  await t.test('a second one beside it is refused', async (t) => {
    const second = startUp(t, { home, args: ['--simulated'], within: up })
    t.equal((await second.ended).code, 1)
    t.match(
      second.lines.at(-1),
      `up: LeadMaster runs already with ${home}, as process ${up.pid}: end it first (kill ${up.pid})`
    )
  })

  await t.test('a port that is taken is said in plain words', async (t) => {
    const other = startUp(t, { home: newHome(t), within: up })
    t.equal((await other.ended).code, 1)
    t.match(
      other.lines.find((line) => line.startsWith('up: session-manager ended')),
      /^up: session-manager ended with exit code 1: .*PORT=3001 is taken by another program: end it, or change PORT in session-manager.env/
    )
  })

  await t.test(
    'SIGTERM: the hub, session-manager and the simulation stop in this order, exit 0, nothing is left',
    async (t) => {
      up.kill('SIGTERM')
      t.same(await up.ended, { code: 0, signal: null })
      const order = up.lines.flatMap((line) => /^up: stopping (.+)$/.exec(line)?.[1] ?? [])
      t.same(order, ['central-hub', 'session-manager', 'whatsapp-web'])
      await nothingLeft(t, up, home)
    }
  )

  await t.test(
    'the second run is up in a moment, with the same files and the lead still there',
    async (t) => {
      const before = services.map((service) => text(home, service))
      const started = performance.now()
      const again = startUp(t, { home, args: ['--simulated'] })
      await again.seen(ready)
      const ms = performance.now() - started
      t.comment(`up again in ${Math.round(ms)} ms`)
      // somebody edits src while this test runs
      const rebuilt = again.lines.includes('setup: building dist')
      t.ok(rebuilt || ms < 10_000)
      t.same(
        services.map((service) => text(home, service)),
        before
      )
      await again.seen(/"status":"READY"/)
      t.equal((await leads(again)).length, 1)
      t.notOk(
        again.lines.some((line) => line.includes('simulate scan')),
        'the phone is linked already'
      )
      await again.shell(
        again.lines
          .find((line) => line.includes('simulate message'))
          ?.slice(4)
          .trim() as string
      )
      again.kill('SIGINT')
      t.same(await again.ended, { code: 0, signal: null })
      await nothingLeft(t, again, home)
    }
  )
})

t.test(
  'a real account and the simulation are kept apart, and each finds its own again',
  async (t) => {
    const home = newHome(t)
    const once = async (args: string[]): Promise<string[]> => {
      const up = startUp(t, { home, args })
      await up.seen(ready)
      const files = services.map((service) => text(home, service))
      for (const service of services)
        t.same(
          (({ PATH, HOME, LANG, ...rest }) => rest)(environ(running(up, service))),
          env(home, service),
          `${service} has what its file says`
        )
      up.kill('SIGTERM')
      t.equal((await up.ended).code, 0)
      return files
    }
    const real = await once([])
    t.match(real[0], /^ACCOUNT=main$/m)
    t.notMatch(real[0], /^CHROMIUM_PATH=/m)
    const simulated = await once(['--simulated'])
    t.match(simulated[0], /^ACCOUNT=simulated$/m)
    t.match(simulated[0], new RegExp(`^CHROMIUM_PATH=${home}/whatsapp-web/`, 'm'))
    t.same(await once([]), real)
    t.same(await once(['--simulated']), simulated)
  }
)

t.test('what an operator edited counts', async (t) => {
  const home = newHome(t)
  const first = startUp(t, { home })
  await first.seen(ready)
  first.kill('SIGTERM')
  await first.ended

  await t.test('other ports', async (t) => {
    edit(home, 'session-manager', { PORT: '4001' })
    edit(home, 'central-hub', { PORT: '4012', SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:4001' })
    const up = startUp(t, { home, env: stale })
    await up.seen(ready)
    await up.seen(/"event":"following".*127\.0\.0\.1:4001/)
    t.match(printed(up, 'page'), 'http://127.0.0.1:4012/')
    t.same(await leads(up), [])
    up.kill('SIGTERM')
    t.equal((await up.ended).code, 0)
  })

  await t.test('a file that was lost is made anew to fit the other', async (t) => {
    const token = env(home, 'session-manager')['SESSION_MANAGER_TOKEN']
    rmSync(join(home, 'central-hub.env'))
    const up = startUp(t, { home })
    await up.seen(ready)
    t.match(env(home, 'central-hub'), {
      SESSION_MANAGER_TOKEN: token,
      SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:4001'
    })
    up.kill('SIGTERM')
    t.equal((await up.ended).code, 0)
  })

  await t.test(
    'a bad environment: every fault of both files, exit 78, and nothing was started',
    async (t) => {
      edit(home, 'session-manager', { PORT: '0' })
      writeFileSync(
        join(home, 'central-hub.env'),
        `${fillEnvFile(text(home, 'central-hub'), { SESSION_MANAGER_BASE_URL: '127.0.0.1:4001' })}\nHUB_API_TOKN=x\n`
      )
      const up = startUp(t, { home })
      t.equal((await up.ended).code, 78)
      for (const fault of [
        /^up: .*session-manager.env: PORT="0" is refused/,
        /^up: .*central-hub.env: SESSION_MANAGER_BASE_URL="127.0.0.1:4001" is refused/,
        /^up: .*central-hub.env: HUB_API_TOKN is unknown: did you mean HUB_API_TOKEN\?/
      ]) {
        t.ok(
          up.lines.some((line) => fault.test(line)),
          String(fault)
        )
      }
      t.notOk(up.lines.some((line) => line.includes('starting session-manager')))
    }
  )
})

t.test('when one of them dies it is named, and all is stopped', async (t) => {
  const home = newHome(t)
  for (const service of services) {
    const up = startUp(t, { home })
    await up.seen(ready)
    process.kill(running(up, service), 'SIGKILL')
    t.equal((await up.ended).code, 1)
    t.ok(up.lines.includes(`up: ${service} was ended by SIGKILL`))
    await nothingLeft(t, up, home)
  }
})

t.test('a run that was killed leaves nothing running and nothing in the way', async (t) => {
  const home = newHome(t)
  const killed = startUp(t, { home, args: ['--simulated'] })
  await killed.seen(/"status":"QR_REQUIRED"/)
  await killed.seen(ready)
  killed.kill('SIGKILL')
  const next = startUp(t, { home, args: ['--simulated'] })
  await next.seen(ready)
  await nothingLeft(t, killed, join(home, 'nothing of the new one'))
  await next.seen(/"status":"QR_REQUIRED"/)
  next.kill('SIGTERM')
  t.equal((await next.ended).code, 0)
})

t.test('started by another user than root it runs as that user', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'leadmaster-up-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  const home = join(directory, 'home')
  const up = startUp(t, {
    home,
    args: ['--simulated'],
    as: [join(root, 'scripts/unprivileged'), '--own', home, `LEADMASTER_HOME=${home}`]
  })
  await up.seen(ready)
  t.same(
    [
      statSync(join(home, 'session-manager.env')).mode & 0o777,
      statSync(join(home, 'session-manager.env')).uid
    ],
    [0o640, uid]
  )
  await up.seen(/"status":"QR_REQUIRED"/)
  up.kill('SIGTERM')
  t.equal((await up.ended).code, 0)
  await nothingLeft(t, up, home)
})

t.test('what it does not know it refuses', async (t) => {
  const up = startUp(t, { home: newHome(t), args: ['--simulate'] })
  t.equal((await up.ended).code, 2)
  t.match(up.lines[0], /^usage: scripts\/up/)
  const era = startUp(t, { home: newHome(t), args: ['--simulated', '--web', '2025-01'] })
  t.equal((await era.ended).code, 2, 'there is no such WhatsApp Web')
})
