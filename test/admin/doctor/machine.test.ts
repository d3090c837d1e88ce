import t from 'tap'
import { checkChromium } from '../../../src/admin/doctor/chromium.ts'
import { checkClock } from '../../../src/admin/doctor/clock.ts'
import { checkDirectories, checkDisk } from '../../../src/admin/doctor/directories.ts'
import { runChecks } from '../../../src/admin/doctor/run-checks.ts'
import { ask, hubEnv, installed, lines, managerEnv, unit } from './wired.ts'
import type { Played } from './played-host.ts'

/** What doctor looks at on the machine: directories, disk, clock, Chromium. */

const dir = '/var/lib/leadmaster/central-hub'
const faults = async (played: Played) =>
  (await checkDirectories(await ask(installed(played)))).filter(({ state }) => state === 'fault')

t.test('state directories as they should be', async (t) => {
  t.match(lines(await checkDirectories(await ask(installed()))), [
    /^ok session-manager .* is leadmaster's alone$/,
    /^ok central-hub/
  ])
})

const own = { mode: 0o700, uid: 999, gid: 995 }
for (const [what, played, detail, mend] of [
  [
    'of another user',
    { stats: { [dir]: { mode: 0o700, uid: 0 } } },
    /belongs to uid 0/,
    /^chown -R leadmaster: \/var\/lib\/leadmaster\/central-hub && systemctl restart leadmaster-central-hub$/
  ],
  [
    'open to others',
    { stats: { [dir]: { ...own, mode: 0o755 } } },
    /entered by other users \(mode 0755\)/,
    /^chmod 0700 /
  ],
  [
    'closed to its own user',
    { stats: { [dir]: { ...own, mode: 0o500 } } },
    /closed to its own user/,
    /^chmod 0700 /
  ],
  [
    'with a file of another user',
    { stats: { [`${dir}/hub.db`]: { type: 'file', uid: 0 } } },
    /has hub\.db, which belongs to uid 0/,
    /^chown -R/
  ],
  [
    'with a file that may not be written',
    { stats: { [`${dir}/hub.db`]: { type: 'file', uid: 999, mode: 0o400 } } },
    /has hub\.db, which leadmaster may not write/,
    /^chmod u\+rw \/var/
  ],
  [
    'below a closed directory',
    { stats: { '/var/lib/leadmaster': { mode: 0o700 } } },
    /\/var\/lib\/leadmaster is closed to it/,
    /^chmod o\+x \/var\/lib\/leadmaster /
  ],
  ['that is a file', { stats: { [dir]: { ...own, type: 'file' } } }, /is no directory/, /^mv /],
  [
    'on a file system mounted read-only',
    {
      files: { '/proc/mounts': '/dev/sda / ext4 rw 0 0\n/dev/sdb /var/lib ext4 ro,noatime 0 0\n' }
    },
    /mounted read-only \(\/var\/lib\)/,
    /^mount -o remount,rw \/var\/lib /
  ],
  [
    'outside of what the unit may write',
    { files: { '/etc/leadmaster/central-hub.env': hubEnv({ STATE_DIR: '/srv/hub' }) } },
    /^\/srv\/hub is closed to the unit/,
    /STATE_DIR=\/var\/lib\/leadmaster\/central-hub/
  ]
] as [string, Played, RegExp, RegExp][]) {
  t.test(`a state directory ${what}`, async (t) => {
    const found = (await faults(played)).filter(({ service }) => service === 'central-hub')
    t.match(found[0]?.detail, detail)
    t.match(found[0]?.mend, mend)
    t.equal(found.length, 1)
  })
}

t.test(
  "a closed directory that the unit replaces by an empty one is in nobody's way",
  async (t) => {
    const show = (properties: Record<string, string>): Played => ({
      stats: { '/var/lib/leadmaster': { mode: 0o700 } },
      commands: {
        'systemctl show leadmaster-central-hub': {
          stdout: unit({ StateDirectory: 'leadmaster/central-hub', ...properties })
        }
      }
    })
    const found = async (properties: Record<string, string>) =>
      (await faults(show(properties))).filter(({ service }) => service === 'central-hub')
    t.same(await found({ TemporaryFileSystem: '/var/lib/leadmaster:ro' }), [])
    t.match(await found({ TemporaryFileSystem: '/var/lib:ro' }), [{ detail: /is closed to it/ }])
    const written = async (within: string, code: number) =>
      (
        await faults({
          ...show({ TemporaryFileSystem: '/var/lib/leadmaster:ro' }),
          commands: {
            ...show({ TemporaryFileSystem: '/var/lib/leadmaster:ro' }).commands,
            [within]: { code },
            'systemctl cat leadmaster-central-hub.service': {
              stdout: '[Service]\nUser=leadmaster\n'
            }
          }
        })
      ).filter(({ service }) => service === 'central-hub')
    t.same(
      await written('setpriv --reuid=999', 1),
      [],
      'what is so outside of the unit is no matter'
    )
    t.match(await written('systemd-run', 1), [{ detail: /cannot be written by leadmaster/ }])
    t.same(await written('systemd-run', 0), [])
    const hidden = show({
      TemporaryFileSystem: '/var/lib/leadmaster:ro',
      DropInPaths: '/etc/systemd/system/leadmaster-central-hub.service.d/x.conf'
    })
    const commands = {
      ...hidden.commands,
      'systemd-run': { code: 1 },
      'systemctl cat leadmaster-central-hub.service': { stdout: '[Service]\nUser=leadmaster\n' }
    }
    t.same(
      (await faults({ ...hidden, commands })).filter(({ service }) => service === 'central-hub'),
      [],
      'a drop-in is named by the check of units'
    )
  }
)

t.test('each service has a user of its own', async (t) => {
  const played = {
    commands: {
      'systemctl show leadmaster-session-manager': {
        stdout: unit({ User: 'ana', StateDirectory: 'leadmaster/session-manager' })
      },
      'getent passwd ana': { stdout: 'ana:x:1001:1001::/:/bin/sh\n' }
    }
  }
  t.match(await faults(played), [
    {
      service: 'session-manager',
      detail: /belongs to uid 999, not to ana/,
      mend: /^chown -R ana: \/var\/lib\/leadmaster\/session-manager && systemctl restart leadmaster-session-manager$/
    }
  ])
})

t.test('no room', async (t) => {
  const space = async (free: object) =>
    lines(await checkDisk(await ask(installed({ space: free }))))
  t.match(
    await space({}),
    [/^ok session-manager 47683 MiB \(50 %\) are free/],
    'one file system is told once'
  )
  t.match(await space({ freeBytes: 100e6 }), [/^fault session-manager only 95 MiB/])
  t.match(await space({ freeBytes: 1e9 }), [/^fault session-manager only 953 MiB/], 'below 2 %')
  t.match(await space({ freeInodes: 3 }), [/^fault session-manager only 0 % of the inodes/])
  t.match(await space({ freeInodes: 0, inodes: 0 }), [/^ok/], 'a file system that counts no inodes')
})

t.test('the clock', async (t) => {
  const release = {
    '/opt/leadmaster/current/package.json': {
      type: 'file' as const,
      mtimeMs: Date.parse('2026-11-24T00:00:00Z')
    }
  }
  const clock = async (now: string, stdout?: string) =>
    lines(
      await checkClock(
        await ask(
          installed({
            now: Date.parse(now),
            stats: release,
            commands: stdout === undefined ? {} : { 'timedatectl show': { stdout } }
          })
        )
      )
    )
  t.match(await clock('2026-11-25T00:00:00Z', 'yes\n'), ['ok host synchronized'])
  t.match(await clock('2026-11-25T00:00:00Z', 'no\n'), [/^note host not synchronized/])
  t.match(await clock('2026-11-25T00:00:00Z'), [/^note host nothing here tells/])
  t.match(await clock('1970-01-01T00:10:00Z'), [
    /^fault host it says 1970-01-01 00:10 UTC, but this release was made at 2026-11-24 00:00/
  ])
})

t.test('Chromium', async (t) => {
  const as = 'setpriv --reuid=999 --regid=995 --init-groups --'
  const program = {
    '/usr/lib/chromium/chromium-headless-shell': { type: 'file' as const, mode: 0o755 }
  }
  const version = {
    [`${as} /usr/lib/chromium/chromium-headless-shell --version`]: {
      stdout: 'Chromium 140.0.7339.80'
    }
  }
  const chromium = async (played: Played) => checkChromium(await ask(installed(played)))

  const page = { [`${as} sh -c`]: { stdout: '<html><head></head></html>' } }
  t.match(lines(await chromium({ stats: program, commands: { ...version, ...page } })), [
    'ok session-manager /usr/lib/chromium/chromium-headless-shell is Chromium 140.0.7339.80',
    /^ok session-manager Chromium runs with its sandbox on, as leadmaster/
  ])

  t.match(await chromium({}), [
    {
      detail: 'CHROMIUM_PATH=/usr/lib/chromium/chromium-headless-shell does not exist',
      mend: /^apt-get install .* chromium-headless-shell && systemctl restart leadmaster-session-manager$/
    }
  ])
  t.match(
    await chromium({
      stats: { '/usr/lib/chromium/chromium-headless-shell': { type: 'file', mode: 0o644 } }
    }),
    [{ detail: /may not be executed/, mend: /^chmod \+x/ }]
  )
  t.match(await chromium({ stats: program }), [
    { detail: /prints no version/, mend: /^apt-get install --reinstall/ }
  ])
  const elsewhere = {
    '/etc/leadmaster/session-manager.env': managerEnv({ CHROMIUM_PATH: '/opt/chrome' })
  }
  t.match(await chromium({ files: elsewhere }), [
    { detail: 'CHROMIUM_PATH=/opt/chrome does not exist', mend: /^sed -i '\/\^CHROMIUM_PATH=\/d'/ }
  ])

  for (const [setting, value] of [
    ['kernel/unprivileged_userns_clone', '0'],
    ['user/max_user_namespaces', '0'],
    ['kernel/apparmor_restrict_unprivileged_userns', '1']
  ] as const) {
    const [, sandbox] = await chromium({
      stats: program,
      commands: { ...version, [`${as} sh -c`]: { code: 133 } },
      files: { [`/proc/sys/${setting}`]: `${value}\n` }
    })
    t.match(sandbox, {
      state: 'fault',
      detail: new RegExp(
        `^${setting.replaceAll('/', '.')} is ${value}: user namespaces are closed`
      ),
      mend: /^echo .* >\/etc\/sysctl\.d\/60-leadmaster\.conf && sysctl -p/
    })
  }
  const [, failed] = await chromium({
    stats: program,
    commands: {
      ...version,
      [`${as} sh -c`]: { code: 1, stderr: '[1:2:FATAL:zygote.cc] No usable sandbox!\n' }
    }
  })
  t.match(failed, { state: 'fault', detail: /as leadmaster: No usable sandbox!$/ })
})

t.test('a user that does not exist', async (t) => {
  const asked = await ask(
    installed({
      commands: {
        'systemctl show leadmaster-session-manager': { stdout: unit({ User: 'nobody-here' }) }
      }
    })
  )
  t.match((await checkDirectories(asked))[0], {
    state: 'fault',
    detail: 'there is no user nobody-here, whom the service runs as',
    mend: /^useradd --system .* nobody-here && systemctl restart/
  })
})

t.test('who is not root is told so, and nothing else', async (t) => {
  const { host, installation } = await ask(installed({ uid: 1000 }))
  t.match(await runChecks(host, installation), [
    { state: 'fault', name: 'rights', mend: 'sudo /opt/leadmaster/current/scripts/doctor' }
  ])
})

t.test(
  'all checks, causes first: what only follows from a refused env file is skipped',
  async (t) => {
    const { host, installation } = await ask(
      installed({ files: { '/etc/leadmaster/session-manager.env': managerEnv({ PORT: '30x1' }) } })
    )
    const found = await runChecks(host, installation)
    const faults = found.filter(
      ({ state, service }) => state === 'fault' && service !== 'central-hub'
    )
    t.match(faults[0], {
      name: 'env file',
      service: 'session-manager',
      detail: /^PORT="30x1" is refused/
    })
    t.match(
      found.filter(({ name }) => name === 'base URL'),
      [{ state: 'note', detail: 'skipped: mend session-manager env file first' }]
    )
  }
)
