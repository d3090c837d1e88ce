import t from 'tap'
import { fault, note, ok, type Finding } from '../../../src/admin/doctor/finding.ts'
import { checkUnits, times } from '../../../src/admin/doctor/units.ts'
import { readInstallation } from '../../../src/admin/installation/installation.ts'
import { play, type Played } from './played-host.ts'
import { ask, hubEnv, installed, managerEnv, unit } from './wired.ts'

// systemd shows times in UTC to doctor, wherever the machine is
process.env['TZ'] = 'America/Mexico_City'

/**
 * What doctor says of the state of each unit, word by word, with the command that helps. Why one
 * fails: failure.test.ts.
 */

const [manager, hub] = ['leadmaster-session-manager', 'leadmaster-central-hub']
const showHub = `systemctl show ${hub}`
const showManager = `systemctl show ${manager}`
const running = unit({ StateDirectory: 'leadmaster/session-manager' })
const debian = '/usr/lib/leadmaster'
const up = '/opt/leadmaster/current/scripts/up'

const unitsOf = async (
  played: Played,
  found: Finding[] = [],
  release?: string
): Promise<Finding[]> => checkUnits(await ask(played, found, release))
/** What is found of the hub, by what systemd shows of it. */
const hubIs = async (
  properties: Record<string, string>,
  more: Played = {},
  release?: string
): Promise<Finding[]> => {
  const played = installed({
    ...more,
    commands: {
      [showHub]: { stdout: unit({ MainPID: '200', ...properties }) },
      [showManager]: { stdout: running },
      ...more.commands
    }
  })
  return (await unitsOf(played, [], release)).filter(({ service }) => service === 'central-hub')
}
const bad = (detail: string, mend: string): Finding[] => [
  fault('unit', 'central-hub', detail, mend)
]
const well = ok('unit', 'central-hub', 'listening')

t.test('a unit that runs is told with its own words, or its process', async (t) => {
  t.same(await hubIs({}), [well])
  t.same(await hubIs({ StatusText: '' }), [ok('unit', 'central-hub', 'running as process 200')])
})

t.test('a unit that cannot be started is told with what makes it startable', async (t) => {
  t.same(
    await hubIs({ LoadState: 'masked' }),
    bad(`${hub} is masked: it cannot be started`, `systemctl unmask ${hub} && ${up}`)
  )
  t.same(
    await hubIs({ LoadState: 'masked' }, {}, debian),
    bad(
      `${hub} is masked: it cannot be started`,
      `systemctl unmask ${hub} && systemctl enable --now ${hub}`
    )
  )
  t.same(await hubIs({ LoadState: 'not-found' }), bad(`${hub} is not installed`, up))
  t.same(await hubIs({ LoadState: '' }), bad(`${hub} is not installed`, up))
  t.same(
    await hubIs({ LoadState: 'not-found' }, {}, debian),
    bad(`${hub} is not installed`, 'apt-get install --reinstall --yes leadmaster')
  )
  t.same(
    await hubIs({ LoadState: 'bad-setting', FragmentPath: '/etc/systemd/system/x.service' }),
    bad(
      `${hub} cannot be loaded (bad-setting)`,
      `systemd-analyze verify /etc/systemd/system/x.service; ${up}`
    )
  )
  t.same(
    await hubIs({ LoadState: 'error' }),
    bad(`${hub} cannot be loaded (error)`, `systemd-analyze verify ${hub}.service; ${up}`)
  )
})

t.test('a unit that was stopped is started, the first ones with all others', async (t) => {
  const stopped = { ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }
  t.same(
    await hubIs(stopped),
    bad('not running: it was stopped, or never started', 'systemctl start leadmaster.target')
  )
  const sales = '/etc/leadmaster/session-manager-sales.env'
  const found = await unitsOf(
    installed({
      files: { [sales]: managerEnv({ PORT: '3002', ACCOUNT: 'sales' }) },
      commands: { [`${showManager}@sales`]: { stdout: unit(stopped) } }
    })
  )
  t.same(
    found.filter(({ service }) => service === 'session-manager@sales').map(({ mend }) => mend),
    [`systemctl enable --now ${manager}@sales`],
    'a further account by itself'
  )
})

t.test('restarts are worth a note, and a loop of them is a fault', async (t) => {
  const restarted = (count: string): Finding =>
    note(
      'unit',
      'central-hub',
      `systemd started it again ${count}: journalctl -u ${hub} -p warning says why`
    )
  t.same(await hubIs({ NRestarts: '1' }), [well, restarted('once')])
  t.same(await hubIs({ NRestarts: '7' }), [well, restarted('7 times')])
  t.same(await hubIs({ NRestarts: '' }), [well])
  const since = (second: string) => ({ ActiveEnterTimestamp: `Tue 2026-11-24 11:59:${second} UTC` })
  t.match(await hubIs({ NRestarts: '3', ...since('01') }), [
    { state: 'fault', detail: /^it does not stay up/ }
  ])
  t.same(
    await hubIs({ NRestarts: '3', ...since('00') }),
    [well, restarted('3 times')],
    'one that is up for a minute'
  )
  const asked = {
    commands: { [`journalctl -u ${hub} --since`]: { stdout: 'Started central-hub' } }
  }
  t.same(
    await hubIs({ NRestarts: '3', ...since('59') }, asked),
    [well, restarted('3 times')],
    'one that has not ended since its files were changed'
  )
  t.same(await hubIs({ NRestarts: '2', ...since('59') }), [well, restarted('2 times')])
  t.same([times(1), times(2)], ['once', '2 times'])
})

t.test('a unit that starts for the first time has its time', async (t) => {
  const starting = { ActiveState: 'activating', SubState: 'start' }
  t.same(await hubIs({ ...starting, StatusText: 'opening the store' }), [
    note('unit', 'central-hub', 'starting: opening the store')
  ])
  t.same(await hubIs({ ...starting, StatusText: '' }), [
    note('unit', 'central-hub', 'starting: not ready yet')
  ])
  t.match(await hubIs({ ...starting, NRestarts: '1' }), [
    { state: 'fault', detail: /^not running: activating \(start\)/ }
  ])
  t.match(await hubIs({ ...starting, SubState: 'auto-restart' }), [
    { state: 'fault', detail: /^not running: activating \(auto-restart\)/ }
  ])
  t.match(await hubIs({ ActiveState: 'failed', SubState: 'failed' }), [
    { state: 'fault', detail: /^not running: failed \(failed\)/ }
  ])
})

t.test('a hub waits for its session-manager, and is at fault only where that is not', async (t) => {
  const stopped = unit({ ActiveState: 'inactive', SubState: 'dead', MainPID: '0' })
  const found = async (
    ofManager: Record<string, string>,
    earlier: Finding[] = []
  ): Promise<Finding | undefined> =>
    (
      await unitsOf(
        installed({
          commands: { [showHub]: { stdout: stopped }, [showManager]: { stdout: unit(ofManager) } }
        }),
        earlier
      )
    ).at(-1)
  t.same(
    await found({ ActiveState: 'activating', SubState: 'start' }),
    note('unit', 'central-hub', 'waits until session-manager is ready')
  )
  t.same(
    await found({ ActiveState: 'inactive', MainPID: '0' }),
    note('unit', 'central-hub', 'skipped: mend session-manager unit first')
  )
  t.same(
    await found({}),
    fault(
      'unit',
      'central-hub',
      'not running: it was stopped, or never started',
      'systemctl start leadmaster.target'
    )
  )
  t.same(
    await found({}, [fault('env file', 'central-hub', 'x', 'true')]),
    note('unit', 'central-hub', 'skipped: mend env file first')
  )
  t.same(
    await found({}, [fault('port', 'session-manager', 'x', 'true')]),
    note('unit', 'central-hub', 'skipped: mend session-manager port first')
  )
})

t.test(
  'while a session-manager starts it says so itself, and a hub that is up is well',
  async (t) => {
    const starting = unit({
      ActiveState: 'activating',
      SubState: 'start',
      StatusText: 'opening the journal'
    })
    t.same(await unitsOf(installed({ commands: { [showManager]: { stdout: starting } } })), [
      note('unit', 'session-manager', 'starting: opening the journal'),
      well
    ])
  }
)

t.test('a session-manager that is down is no fault of the hub’s', async (t) => {
  const played = installed({
    commands: {
      [showManager]: { stdout: unit({ ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }) }
    }
  })
  t.same(await unitsOf(played, [fault('env file', 'central-hub', 'x', 'true')]), [
    fault(
      'unit',
      'session-manager',
      'not running: it was stopped, or never started',
      'systemctl start leadmaster.target'
    ),
    well
  ])
})

t.test(
  'a further account that is down is at fault by itself, whatever the first one or the target is',
  async (t) => {
    const stopped = { stdout: unit({ ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }) }
    const sales = {
      '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002', ACCOUNT: 'sales' })
    }
    const { commands, ...played } = installed({
      files: sales,
      commands: { [showManager]: stopped }
    })
    const found = await unitsOf({
      ...played,
      commands: { [`${showManager}@sales`]: stopped, ...commands }
    })
    t.match(
      found.map(({ service, state, detail }) => `${service} ${state} ${detail}`),
      [
        /^session-manager fault not running/,
        /^session-manager@sales fault not running/,
        /^central-hub ok/
      ]
    )
    const masked = installed({
      commands: {
        [showManager]: stopped,
        'systemctl show leadmaster.target': { stdout: 'masked\n' }
      }
    })
    t.match(await unitsOf(masked), [
      { service: 'target' },
      { service: 'session-manager', state: 'fault' },
      { service: 'central-hub', state: 'ok' }
    ])
  }
)

t.test('a hub that is down and disabled waits for its session-manager all the same', async (t) => {
  const stopped = { ActiveState: 'inactive', SubState: 'dead', MainPID: '0' }
  const found = await unitsOf(
    installed({
      commands: {
        [showManager]: { stdout: unit(stopped) },
        [showHub]: { stdout: unit({ ...stopped, UnitFileState: 'disabled' }) }
      }
    })
  )
  t.same(found.slice(1), [note('unit', 'central-hub', 'skipped: mend session-manager unit first')])
})

t.test('systemd is asked for what is judged', async (t) => {
  const asked = await ask(installed())
  const commands: string[] = []
  const run: typeof asked.host.run = async (command) => {
    commands.push(command.join(' '))
    return asked.host.run(command)
  }
  await checkUnits({ ...asked, host: { ...asked.host, run } })
  t.same(commands, ['systemctl show leadmaster.target --property LoadState,UnitFileState --value'])
})

t.test('what is wrong with the files of a unit is told though it runs', async (t) => {
  t.same(await hubIs({ NeedDaemonReload: 'yes' }), [
    ...bad(
      'its unit files were changed since systemd read them',
      `systemctl daemon-reload && systemctl restart ${hub}`
    ),
    well
  ])
  t.same(await hubIs({ UnitFileState: 'disabled' }), [
    ...bad(`${hub} is disabled: it does not start at boot`, `systemctl enable ${hub}`),
    well
  ])
  for (const state of ['enabled', 'static', 'generated', ''])
    t.same(await hubIs({ UnitFileState: state, NeedDaemonReload: '' }), [well], state)
})

t.test(
  'a service has more time to stop than it takes, in whatever unit systemd shows it',
  async (t) => {
    const file = '/etc/leadmaster/central-hub.env'
    const stops = (TimeoutStopUSec: string, SHUTDOWN_TIMEOUT = '15s') =>
      hubIs({ TimeoutStopUSec }, { files: { [file]: hubEnv({ SHUTDOWN_TIMEOUT }) } })
    const late = (shown: string, mend: string) => [
      ...bad(
        `SHUTDOWN_TIMEOUT is not below TimeoutStopSec= (${shown}): systemd kills it while it stops`,
        mend
      ),
      well
    ]
    const set = `sed -i 's|^SHUTDOWN_TIMEOUT=.*|SHUTDOWN_TIMEOUT=15s|' ${file} && systemctl restart ${hub}`
    for (const shown of ['15s', '10s', '500ms', '1us', '14s 999ms'])
      t.same(await stops(shown), late(shown, set), shown)
    for (const shown of ['16s', '1min', '1min 30s', '1h', '1d', '15s 1ms', 'infinity', ''])
      t.same(await stops(shown), [well], shown)
    t.same(await stops('1min 30s', '90s'), late('1min 30s', set), 'parts are added up')
    t.same(await stops('1min 31s', '90s'), [well])
    t.same(
      await hubIs({ TimeoutStopUSec: '1s' }, { files: { [file]: hubEnv({ PORT: 'x' }) } }),
      [well],
      'of a file that is refused nothing is said'
    )
    const template = (text: string) => ({
      [file]: hubEnv(),
      '/opt/leadmaster/current/deploy/env/central-hub.env': text
    })
    const proposed = async (text: string): Promise<string | undefined> =>
      (await hubIs({ TimeoutStopUSec: '10s' }, { files: template(text) }))[0]?.mend
    t.match(
      await proposed('SHUTDOWN_TIMEOUT=7s\n'),
      /SHUTDOWN_TIMEOUT=7s/,
      'that of the template is proposed'
    )
    t.match(await proposed(''), /SHUTDOWN_TIMEOUT=15s/, 'or one that fits the shipped unit')
  }
)

t.test('a target that starts nothing at boot is told, where there are units', async (t) => {
  const target = async (stdout: string, release?: string): Promise<Finding[]> =>
    (
      await unitsOf(
        installed({ commands: { 'systemctl show leadmaster.target': { stdout } } }),
        [],
        release
      )
    ).filter(({ service }) => service === 'target')
  const bad = (detail: string, mend: string): Finding[] => [fault('unit', 'target', detail, mend)]
  t.same(
    await target('masked\nmasked\n'),
    bad(
      'leadmaster.target is masked: nothing starts at boot',
      `systemctl unmask leadmaster.target && ${up}`
    )
  )
  t.same(
    await target('masked\nmasked\n', debian),
    bad(
      'leadmaster.target is masked: nothing starts at boot',
      'systemctl unmask leadmaster.target && systemctl enable --now leadmaster.target'
    )
  )
  t.same(
    await target('loaded\ndisabled\n'),
    bad(
      'leadmaster.target is disabled: nothing starts at boot',
      'systemctl enable leadmaster.target'
    )
  )
  for (const shown of ['loaded\nenabled\n', 'loaded\nstatic\n', ''])
    t.same(await target(shown), [], shown)
  const one = installed({
    commands: {
      'systemctl show leadmaster.target': { stdout: 'masked\nmasked\n' },
      [showManager]: { stdout: unit({ LoadState: 'not-found' }) }
    }
  })
  t.equal((await unitsOf(one))[0]?.service, 'target', 'also where one of them is missing')
})

t.test('in the foreground it is the processes that are told', async (t) => {
  const home = '/home/ana/.leadmaster'
  const at = (name: string): string => `${home}/${name}.env`
  const foreground = async (
    more: Record<string, string>,
    earlier?: Finding
  ): Promise<Finding[]> => {
    const { files, ...rest } = installed()
    const played = {
      ...rest,
      stats: { [home]: { uid: 1_000 } },
      files: {
        ...files,
        [at('session-manager')]: managerEnv(),
        [at('central-hub')]: hubEnv(),
        ...more
      }
    }
    const host = play(played)
    const installation = await readInstallation(host, '/clone', home)
    if (installation === undefined) throw new Error('there is no run')
    return checkUnits({
      host,
      installation,
      cause: (service) => (earlier?.service === service ? earlier : undefined)
    })
  }
  const none = await foreground({})
  t.match(none, [
    { name: 'process', service: 'session-manager', state: 'fault', detail: 'not running' },
    {
      name: 'process',
      service: 'central-hub',
      state: 'note',
      detail: 'skipped: mend session-manager process first'
    }
  ])
  t.match(
    await foreground({}, fault('env file', 'central-hub', 'x', 'true')),
    [
      {
        name: 'process',
        service: 'session-manager',
        state: 'note',
        detail: 'skipped: mend central-hub env file first'
      },
      { detail: 'skipped: mend env file first' }
    ],
    'nothing starts before all files are right'
  )
  const process = (pid: number, kind: string, env: string): Record<string, string> => ({
    [`/proc/${pid}/cmdline`]: `node\0/clone/dist/${kind}/main.js\0`,
    [`/proc/${pid}/environ`]: env
      .split('\n')
      .filter((line) => /^[A-Z]/.test(line))
      .map((line) => `${line}\0`)
      .join('')
  })
  const both = await foreground({
    ...process(7, 'session-manager', managerEnv()),
    ...process(8, 'central-hub', hubEnv())
  })
  t.same(both, [
    ok('process', 'session-manager', 'runs as process 7'),
    ok('process', 'central-hub', 'runs as process 8')
  ])
})
