import t from 'tap'
import { fault } from '../../../src/admin/doctor/finding.ts'
import { checkDropIns, checkManager, checkUnits } from '../../../src/admin/doctor/units.ts'
import { ask, hubEnv, installed, lines, unit } from './wired.ts'

const hub = 'systemctl show leadmaster-central-hub'
const shows = (properties: Record<string, string>) =>
  installed({ commands: { [hub]: { stdout: unit(properties) } } })

t.test('units that run are shown with what they say of themselves', async (t) => {
  t.same(lines(await checkUnits(await ask(installed()))), [
    'ok session-manager listening',
    'ok central-hub listening'
  ])
})

for (const [what, properties, detail, mend] of [
  [
    'is not installed',
    { LoadState: 'not-found' },
    /is not installed/,
    '/opt/leadmaster/current/scripts/up'
  ],
  [
    'is masked',
    { LoadState: 'masked' },
    /is masked/,
    'systemctl unmask leadmaster-central-hub && /opt/leadmaster/current/scripts/up'
  ],
  [
    'cannot be loaded',
    { LoadState: 'bad-setting', FragmentPath: '/etc/systemd/system/x.service' },
    /cannot be loaded/,
    /^systemd-analyze verify \/etc\/systemd\/system\/x\.service/
  ],
  [
    'does not start at boot',
    { UnitFileState: 'disabled' },
    /is disabled/,
    'systemctl enable leadmaster-central-hub'
  ],
  [
    'was changed without daemon-reload',
    { NeedDaemonReload: 'yes' },
    /changed since systemd read them/,
    'systemctl daemon-reload && systemctl restart leadmaster-central-hub'
  ],
  [
    'was stopped',
    { ActiveState: 'inactive', SubState: 'dead', MainPID: '0' },
    /not running: it was stopped/,
    'systemctl start leadmaster.target'
  ],
  [
    'was refused its environment before it was mended',
    {
      ActiveState: 'failed',
      SubState: 'failed',
      Result: 'exit-code',
      ExecMainStatus: '78',
      MainPID: '0'
    },
    /refused at its start \(78\)/,
    'systemctl restart leadmaster-central-hub'
  ],
  [
    'failed',
    {
      ActiveState: 'activating',
      SubState: 'auto-restart',
      Result: 'watchdog',
      ExecMainStatus: '6',
      NRestarts: '4',
      MainPID: '0'
    },
    /gave no sign of life for 30 s and was killed, started again 4 times\. systemd starts it again by itself/,
    ''
  ],
  [
    'is killed while it stops',
    { TimeoutStopUSec: '10s' },
    /SHUTDOWN_TIMEOUT is not below TimeoutStopSec= \(10s\)/,
    /SHUTDOWN_TIMEOUT=15s/
  ]
] as const) {
  t.test(`a unit that ${what}`, async (t) => {
    const [first] = (await checkUnits(await ask(shows(properties)))).filter(
      ({ state }) => state === 'fault'
    )
    t.match(first?.detail, detail)
    t.match(first?.mend ?? '', mend)
  })
}

t.test('what it said last that was fatal is told', async (t) => {
  const played = installed({
    commands: {
      [hub]: {
        stdout: unit({
          ActiveState: 'failed',
          Result: 'exit-code',
          ExecMainStatus: '1',
          MainPID: '0'
        })
      },
      'journalctl -u leadmaster-central-hub': {
        stdout:
          'Started.\n{"level":"fatal","msg":"the store is of a newer release"}\n{"level":"info","msg":"stopped"}\n'
      }
    }
  })
  t.match(
    lines(await checkUnits(await ask(played))).at(-1),
    /; it said: the store is of a newer release/
  )
})

t.test(
  'a hub that is down because session-manager is at fault is no fault of its own',
  async (t) => {
    const played = shows({ ActiveState: 'inactive', MainPID: '0' })
    const found = [fault('env file', 'session-manager', 'PORT is missing', 'true')]
    t.same(
      lines(await checkUnits(await ask(played, found))).at(-1),
      'note central-hub skipped: mend session-manager env file first'
    )
  }
)

t.test(
  'a hub that was stopped beside a session-manager with a note is a fault of its own',
  async (t) => {
    const played = installed({
      commands: {
        [hub]: { stdout: unit({ ActiveState: 'inactive', MainPID: '0' }) },
        'systemctl show leadmaster-session-manager': { stdout: unit({ NRestarts: '1' }) }
      }
    })
    t.match(
      lines(await checkUnits(await ask(played))).at(-1),
      /^fault central-hub not running: it was stopped/
    )
  }
)

t.test("what a unit drops of systemd's own environment is no matter", async (t) => {
  const played = installed({
    commands: {
      [hub]: { stdout: unit({ UnsetEnvironment: 'EDITOR' }) },
      'systemctl show leadmaster-session-manager': { stdout: unit({ UnsetEnvironment: 'EDITOR' }) },
      'systemctl show-environment': { stdout: 'EDITOR=vi\n' }
    }
  })
  t.match(lines(await checkManager(await ask(played))), [/^ok host/])
})

t.test('restarts are worth a note', async (t) => {
  t.match(
    lines(await checkUnits(await ask(shows({ NRestarts: '3' })))).at(-1),
    /^note central-hub systemd started it again 3 times/
  )
})

t.test('a target that is masked or disabled starts nothing at boot', async (t) => {
  for (const [stdout, detail] of [
    ['masked\nmasked\n', /is masked/],
    ['loaded\ndisabled\n', /is disabled/]
  ] as const) {
    t.match(
      (
        await checkUnits(
          await ask(installed({ commands: { 'systemctl show leadmaster.target': { stdout } } }))
        )
      )[0]?.detail,
      detail
    )
  }
})

t.test('a variable set by a drop-in is found in its file', async (t) => {
  const played = installed({
    files: {
      '/etc/systemd/system/leadmaster-central-hub.service.d/a.conf': '[Service]\nNice=1\n',
      '/etc/systemd/system/leadmaster-central-hub.service.d/b.conf':
        '[Service]\nEnvironment=UPSTREAM_MAX_DELAY=5m\n'
    },
    commands: {
      [hub]: {
        stdout: unit({
          Environment: 'UPSTREAM_MAX_DELAY=5m NODE_OPTIONS=--trace',
          DropInPaths:
            '/etc/systemd/system/leadmaster-central-hub.service.d/b.conf /etc/systemd/system/leadmaster-central-hub.service.d/a.conf'
        })
      }
    }
  })
  const [first, ...rest] = await checkDropIns(await ask(played))
  t.match(first?.detail, /b\.conf gives it UPSTREAM_MAX_DELAY: it takes effect/)
  t.match(
    first?.mend,
    /^sed -i -E .*UPSTREAM_MAX_DELAY.* \S+b\.conf && systemctl daemon-reload && systemctl restart leadmaster-central-hub$/
  )
  t.same(rest, [], 'what UnsetEnvironment= drops is no matter')
})

t.test('a drop-in may set what is not for the service', async (t) => {
  const dropIn = '/etc/systemd/system/leadmaster-central-hub.service.d/a.conf'
  const played = installed({
    files: { [dropIn]: '[Service]\nEnvironment=LANG=C\n' },
    commands: { [hub]: { stdout: unit({ Environment: 'LANG=C', DropInPaths: dropIn }) } }
  })
  t.same(await checkDropIns(await ask(played)), [])
})

t.test('a file that is refused says nothing of the time to stop', async (t) => {
  const played = installed({
    files: { '/etc/leadmaster/central-hub.env': hubEnv({ PORT: '0' }) },
    commands: { [hub]: { stdout: unit({ TimeoutStopUSec: '1s' }) } }
  })
  t.same(
    (await checkUnits(await ask(played))).filter(({ state }) => state === 'fault'),
    []
  )
})

t.test('units that are not installed have no target to speak of', async (t) => {
  const gone = { stdout: unit({ LoadState: 'not-found' }) }
  const played = installed({
    commands: {
      [hub]: gone,
      'systemctl show leadmaster-session-manager': gone,
      'systemctl show leadmaster.target': { stdout: 'masked\nmasked\n' }
    }
  })
  t.notMatch(lines(await checkUnits(await ask(played))).join('\n'), /target/)
})

t.test("systemd's own environment", async (t) => {
  const holds = async (stdout: string, files = {}) =>
    lines(
      await checkManager(
        await ask(installed({ files, commands: { 'systemctl show-environment': { stdout } } }))
      )
    )
  t.match(await holds('LANG=C\nPATH=/bin\n'), [
    "ok host systemd's own environment has none of our variables"
  ])
  t.match(await holds('EDITOR=vi\n'), [
    /^fault host .* has EDITOR: session-manager, central-hub would refuse it/
  ])
  t.match(
    await holds('UPSTREAM_MAX_DELAY=5m\n', { '/etc/leadmaster/session-manager.env': hubEnv() }),
    [/^fault host .* has UPSTREAM_MAX_DELAY/]
  )
  t.match(await holds('HOST=0.0.0.0\n'), [/^note host .* has HOST, which changes nothing/])
})
