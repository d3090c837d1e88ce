import { execFile, execFileSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/admin/doctor/finding.ts'
import { fillEnvFile } from '../../src/platform/env-file.ts'
import { fakeChromium } from '../admin/doctor/foreground.ts'
import { clone, withSimulation } from './installed.ts'
import { bootMachine } from './machine.ts'
import { root, startUp, type Up } from './running-up.ts'

/**
 * doctor beside what a user starts: a healthy system is "all is wired right", however it was
 * started.
 */

t.setTimeout(1_800_000)
const ready = /^up: Ctrl-C stops it/
const services = ['session-manager', 'central-hub'] as const

interface Diagnosis {
  ok: boolean
  checks: Finding[]
}

/** A machine that no systemd runs, whichever this is. */
const withoutSystemd = `unshare --mount sh -c 'mount -t tmpfs tmpfs /run && exec "$@"' sh`

const diagnose = async (
  t: Test,
  what: string,
  up: Up,
  home: string,
  before = ''
): Promise<Diagnosis> => {
  const output = await up.shell(
    `${before} env -i PATH=/usr/bin:/bin LEADMASTER_HOME=${home} ${root}/scripts/doctor --json || true`
  )
  const found = JSON.parse(output) as Diagnosis
  const faults = found.checks
    .filter(({ state }) => state === 'fault')
    .map(({ service, name, detail }) => `${service} ${name}: ${detail}`)
  const count = (state: string): number =>
    found.checks.filter((each) => each.state === state).length
  t.comment(
    `${what}: ${JSON.stringify({ ok: found.ok, checks: { ok: count('ok'), note: count('note'), fault: count('fault') } })}`
  )
  t.same(faults, [], `${what}: no fault`)
  t.equal(found.ok, true, `${what}: all is wired right`)
  return found
}

const processes = ({ checks }: Diagnosis): string[] =>
  checks
    .filter(({ name }) => name === 'process')
    .map(({ service, detail }) => `${service} ${detail.replace(/\d+/, 'N')}`)
const bothRun = services.map((service) => `${service} runs as process N`)
/**
 * A home in which scripts/up finds an env file that an operator has made: of a Chromium that shows
 * nothing.
 */
const homeOf = (t: Test): string => {
  const directory = mkdtempSync(join(tmpdir(), 'leadmaster-beside-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  chmodSync(directory, 0o755)
  return join(directory, 'home')
}
const prepare = (home: string): void => {
  mkdirSync(home, { mode: 0o755 })
  const chromium = join(home, '../chromium')
  writeFileSync(chromium, fakeChromium, { mode: 0o755 })
  const template = readFileSync(join(root, 'deploy/env/session-manager.env'), 'utf8')
  const text = fillEnvFile(template, {
    SESSION_MANAGER_TOKEN: '0123456789abcdef'.repeat(4),
    STATE_DIR: join(home, 'real/session-manager'),
    CHROMIUM_PATH: chromium
  })
  writeFileSync(join(home, 'session-manager.env'), text, { mode: 0o640 })
}

const stop = async (up: Up): Promise<void> => {
  up.kill('SIGTERM')
  await up.ended
}

t.test('scripts/up as root', async (t) => {
  const home = homeOf(t)
  prepare(home)
  const up = startUp(t, { home })
  await up.seen(ready)
  t.same(processes(await diagnose(t, 'scripts/up as root', up, home)), bothRun)
  t.same(
    processes(await diagnose(t, 'in a container without systemd', up, home, withoutSystemd)),
    bothRun
  )
  t.same(
    processes(
      await diagnose(
        t,
        'in a container where root may not look into processes',
        up,
        home,
        `${withoutSystemd} setpriv --bounding-set=-sys_ptrace`
      )
    ),
    bothRun
  )
  await stop(up)
})

t.test('scripts/up by another user', async (t) => {
  const theirs = join(homeOf(t), '../theirs')
  execFileSync(join(root, 'scripts/unprivileged'), ['true']) // makes the user if need be
  prepare(theirs)
  execFileSync('chown', ['-R', 'leadmaster:leadmaster', theirs])
  const as = [join(root, 'scripts/unprivileged'), '--own', theirs, `LEADMASTER_HOME=${theirs}`]

  const up = startUp(t, { home: theirs, as })
  await up.seen(ready)

  const user = 'setpriv --reuid=leadmaster --regid=leadmaster --init-groups'
  const seen = await diagnose(t, 'scripts/up without root', up, theirs, user)
  t.same(processes(seen), bothRun)
  t.same(processes(await diagnose(t, 'the same, looked at by root', up, theirs)), bothRun)
  await stop(up)
})

t.test('scripts/up --simulated as root, and by another user', async (t) => {
  const home = homeOf(t)
  const up = startUp(t, { home, args: ['--simulated'] })
  await up.seen(ready)
  await up.seen(/"status":"QR_REQUIRED"/)
  t.same(processes(await diagnose(t, 'scripts/up --simulated as root', up, home)), bothRun)
  await stop(up)

  const theirs = join(home, '../theirs')
  const as = [join(root, 'scripts/unprivileged'), '--own', theirs, `LEADMASTER_HOME=${theirs}`]
  const without = startUp(t, { home: theirs, args: ['--simulated'], as })
  await without.seen(ready)
  await without.seen(/"status":"QR_REQUIRED"/)
  const user = 'setpriv --reuid=leadmaster --regid=leadmaster --init-groups'
  t.same(
    processes(await diagnose(t, 'scripts/up --simulated without root', without, theirs, user)),
    bothRun
  )
  t.same(processes(await diagnose(t, 'the same, looked at by root', without, theirs)), bothRun)
  await stop(without)
})

t.test('installed by scripts/up, and by the Debian package', async (t) => {
  const machine = await bootMachine(t)
  const { up, simulate, session } = await withSimulation(machine)
  const diagnoseInstalled = async (what: string): Promise<void> => {
    const found = JSON.parse((await machine.run('leadmaster-doctor --json')).stdout) as Diagnosis
    t.comment(
      `${what}: ${JSON.stringify({ ok: found.ok, checks: Object.fromEntries(['ok', 'note', 'fault'].map((state) => [state, found.checks.filter((each) => each.state === state).length])) })}`
    )
    t.same(
      found.checks
        .filter(({ state }) => state === 'fault')
        .map(({ service, name, detail }) => `${service} ${name}: ${detail}`),
      [],
      what
    )
    t.match(
      found.checks.find(({ name }) => name === 'sandbox'),
      { state: 'ok', detail: /as leadmaster and confined by its unit$/ },
      'Chromium is tried as the unit runs it'
    )
  }
  t.equal((await up()).code, 0)
  await session('QR_REQUIRED')
  await simulate('scan')
  await session('READY')
  await diagnoseInstalled('installed by scripts/up')
  // what a restore on a fresh machine leaves: the units show the services an empty directory in its
  // place
  await machine.must('chmod 0700 /var/lib/leadmaster && chown root:root /var/lib/leadmaster')
  await diagnoseInstalled('installed, with the directory of all state closed')

  const work = mkdtempSync(join(tmpdir(), 'leadmaster-beside-deb-'))
  t.teardown(() => rmSync(work, { recursive: true, force: true }))
  const { stdout } = await promisify(execFile)(
    'scripts/deb',
    ['--output', work, '--compress', 'gzip:1'],
    { cwd: root, maxBuffer: 100 << 20 }
  )
  cpSync(stdout.trim(), machine.path('/root/made.deb'))
  // what keeps a container image from starting services
  await machine.must(
    `rm -f /usr/sbin/policy-rc.d && ${clone}/scripts/uninstall && DEBIAN_FRONTEND=noninteractive dpkg -i /root/made.deb`,
    { ms: 180_000 }
  )
  await session('READY')
  await diagnoseInstalled('installed by the Debian package')
})
