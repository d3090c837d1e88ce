import t from 'tap'
import { describeEnd, lastEnd, whyItFails, type Ended } from '../../../src/admin/doctor/failure.ts'
import { fault, type Finding } from '../../../src/admin/doctor/finding.ts'
import { checkUnits } from '../../../src/admin/doctor/units.ts'
import type { Service } from '../../../src/admin/installation/installation.ts'
import type { Played } from './played-host.ts'
import { ask, installed, lines, managerEnv, unit } from './wired.ts'

// systemd shows times in UTC to doctor, wherever the machine is
process.env['TZ'] = 'America/Mexico_City'

/**
 * Why a unit fails: from systemd's exit codes and the journal, with a command only where one helps.
 */

const hub = 'leadmaster-central-hub'
const failing = {
  ActiveState: 'activating',
  SubState: 'auto-restart',
  Result: 'exit-code',
  ExecMainCode: '1',
  ExecMainStatus: '1',
  NRestarts: '2',
  MainPID: '0',
  StateDirectory: 'leadmaster/central-hub'
}
const played = (
  properties: Record<string, string>,
  journal: string[] = [],
  more: Played = {}
): Played =>
  installed({
    ...more,
    commands: {
      [`systemctl show ${hub}`]: { stdout: unit({ ...failing, ...properties }) },
      [`journalctl -u ${hub}`]: { stdout: journal.join('\n') },
      ...more.commands
    }
  })
const why = async (
  properties: Record<string, string>,
  journal: string[] = [],
  more: Played = {}
): Promise<Finding> => {
  const asked = await ask(played(properties, journal, more))
  return whyItFails(asked, asked.installation.services[1] as never)
}
const end = async (journal: string[], properties: Record<string, string> = {}): Promise<Ended> => {
  const asked = await ask(played(properties, journal))
  return lastEnd(asked.host, asked.installation.services[1] as never)
}
const fatal = (msg: string): string => JSON.stringify({ level: 'fatal', msg })

t.test('the last end is that of the journal, else what systemctl shows', async (t) => {
  t.match(await end([]), { status: 1, isSignal: false, result: 'exit-code', words: undefined })
  t.match(await end([], { ExecMainCode: '2', ExecMainStatus: '9' }), { status: 9, isSignal: true })
  t.match(await end([], { ExecMainCode: '3', ExecMainStatus: '6' }), { status: 6, isSignal: true })
  t.match(await end([], { ExecMainStatus: '0' }), { status: undefined })
  t.match(
    await end([
      `${hub}.service: Main process exited, code=exited, status=1/FAILURE`,
      `${hub}.service: Main process exited, code=dumped, status=5/TRAP`,
      `${hub}.service: Failed with result 'core-dump'.`
    ]),
    { status: 5, isSignal: true, result: 'core-dump', words: undefined }
  )
  t.match(
    await end([`${hub}.service: Main process exited, code=exited, status=238/STATE_DIRECTORY`]),
    { status: 238, isSignal: false }
  )
  const { host, installation } = await ask(played({}))
  const commands: string[] = []
  const run: typeof host.run = async (command) => {
    commands.push(command.join(' '))
    return host.run(command)
  }
  await lastEnd({ ...host, run }, installation.services[1] as never)
  t.same(commands, [`journalctl -u ${hub} -n 200 -o cat --no-pager`])
})

t.test(
  'its last words are those of the program, Node, Chromium or systemd, the last of them',
  async (t) => {
    const words = async (...journal: string[]): Promise<string | undefined> =>
      (await end(journal)).words
    t.equal(
      await words(fatal('first'), fatal('PORT=3012 is taken'), '{"level":"info","msg":"stopped"}'),
      'PORT=3012 is taken'
    )
    t.equal(
      await words('Error: Cannot find module /x', '    at y', 'Node.js v24'),
      'Error: Cannot find module /x'
    )
    t.equal(
      await words('Error [ERR_MODULE_NOT_FOUND]: Cannot find package'),
      'Error [ERR_MODULE_NOT_FOUND]: Cannot find package'
    )
    t.equal(
      await words('[1:2:1130/1.2:FATAL:zygote.cc(1)] No usable sandbox!'),
      '[1:2:1130/1.2:FATAL:zygote.cc(1)] No usable sandbox!'
    )
    t.equal(await words('FATAL ERROR: Reached heap limit'), 'FATAL ERROR: Reached heap limit')
    t.equal(
      await words(
        `${hub}.service: Failed to set up mount namespacing: /x: No such file`,
        `${hub}.service: Failed at step NAMESPACE spawning node`,
        `${hub}.service: Failed with result 'exit-code'.`
      ),
      'Failed to set up mount namespacing: /x: No such file'
    )
    t.equal(
      await words(
        'leadmaster-other.service: Failed to load',
        `${hub.replace('hub', 'bub')}.service: Failed to load`,
        'an Error: in the middle',
        'null',
        '{"level":"fatal"}'
      ),
      undefined
    )
  }
)

t.test('how it ended is told in plain words', async (t) => {
  const told = (status: number | undefined, isSignal = false, result = 'exit-code'): string =>
    describeEnd({ status, isSignal, result, words: undefined })
  t.equal(told(undefined), 'it ended by itself')
  t.equal(told(1), 'it ended by itself with exit status 1')
  t.equal(told(200), 'its working directory cannot be entered (exit status 200 of systemd)')
  t.equal(told(203), 'its program cannot be started (exit status 203 of systemd)')
  t.equal(
    told(238),
    'its state directory cannot be made or given to its user (exit status 238 of systemd)'
  )
  const ofSystemd = Array.from({ length: 46 }, (_, at) => 200 + at).filter(
    (status) => status !== 223
  )
  for (const status of ofSystemd)
    t.match(told(status), new RegExp(`^[a-z][^.]{19,} \\(exit status ${status} of systemd\\)$`))
  t.equal(
    new Set(ofSystemd.map((status) => told(status).replace(/ \(exit.*/, ''))).size,
    45,
    'each in its own words'
  )
  t.equal(told(223), 'it ended by itself with exit status 223')
  for (const [status, name] of [
    [4, 'ILL'],
    [5, 'TRAP'],
    [6, 'ABRT'],
    [7, 'BUS'],
    [9, 'KILL'],
    [11, 'SEGV'],
    [15, 'TERM'],
    [24, 'XCPU'],
    [25, 'XFSZ'],
    [31, 'SYS']
  ] as const) {
    t.match(told(status, true), new RegExp(`^(it|a file) .*\\(SIG${name}\\b`))
  }
  for (const [result, words] of [
    ['timeout', /in time$/],
    ['watchdog', /no sign of life for 30 s and was killed$/],
    ['oom-kill', /killed for memory$/],
    ['resources', /could not start it$/],
    ['start-limit-hit', /failed too often$/],
    ['protocol', /without telling systemd that it was ready$/]
  ] as const)
    t.match(told(undefined, false, result), words)
  t.match(told(5, true), /^it crashed \(SIGTRAP\)/)
  t.match(told(31, true), /SystemCallFilter=/)
  t.equal(told(40, true), 'a signal (40) ended it')
  t.match(told(9, true, 'oom-kill'), /killed for memory/, 'the result says more than the signal')
})

t.test('a start again is offered only where systemd does not do it by itself', async (t) => {
  t.match(await why({}), {
    state: 'fault',
    detail:
      'not running: activating (auto-restart), it ended by itself with exit status 1, started again 2 times. systemd starts it again by itself; journalctl -u leadmaster-central-hub has all that it said',
    mend: undefined
  })
  t.match(await why({ NRestarts: '1' }), { detail: /, started again once\./ })
  t.same(
    await why({ NRestarts: '0', ActiveState: 'failed', SubState: 'failed' }),
    fault(
      'unit',
      'central-hub',
      'not running: failed (failed), it ended by itself with exit status 1',
      `systemctl restart ${hub}`
    )
  )
  t.ok(
    (
      await why({ ActiveState: 'failed', SubState: 'failed' }, [fatal('x'.repeat(400))])
    ).detail.endsWith(`; it said: ${'x'.repeat(300)}`),
    'of long words the beginning'
  )
  t.match(await why({ ActiveState: 'active', SubState: 'running' }), {
    detail: /^it does not stay up: active \(running\)/
  })
  t.match(await why({}, [fatal('the disk is full')]), {
    detail: /; it said: the disk is full\. systemd starts/
  })
})

t.test('drop-ins are set aside, but for those that are not of this unit', async (t) => {
  const dropIn = `/etc/systemd/system/${hub}.service.d/a.conf`
  t.match(
    await why({
      DropInPaths: `/etc/systemd/system/leadmaster-.service.d/rising-delay.conf ${dropIn} /etc/systemd/system/service.d/x.conf`
    }),
    {
      detail: new RegExp(`It has drop-ins that may be why: ${dropIn}$`),
      mend: `mv ${dropIn} ${dropIn}.off && systemctl daemon-reload && systemctl restart ${hub}`
    }
  )
  t.match(
    await why({ DropInPaths: '/etc/systemd/system/leadmaster-.service.d/rising-delay.conf' }),
    { mend: undefined }
  )
  const manager = 'leadmaster-session-manager'
  const [own, ofAll, ofFirst] = [`${manager}@sales`, `${manager}@`, manager].map(
    (of) => `/etc/systemd/system/${of}.service.d/a.conf`
  ) as [string, string, string]
  const asked = await ask(
    installed({
      files: {
        '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002', ACCOUNT: 'sales' })
      }
    })
  )
  const sales = asked.installation.services.find(({ instance }) => instance === 'sales') as Service
  t.match(
    await whyItFails(asked, {
      ...sales,
      properties: { ...failing, DropInPaths: `${own} ${ofFirst} ${ofAll}` }
    }),
    {
      detail: new RegExp(`that may be why: ${own}, ${ofAll}$`),
      mend: `mv ${own} ${own}.off && mv ${ofAll} ${ofAll}.off && systemctl daemon-reload && systemctl restart ${manager}@sales`
    },
    'a further account has its own, and those of all further ones'
  )
})

t.test('a release with missing files is installed again', async (t) => {
  const again = `/opt/leadmaster/current/scripts/up && systemctl restart ${hub}`
  for (const status of [200, 203, 216, 217, 226])
    t.match(await why({ ExecMainStatus: String(status) }), { mend: again }, String(status))
  t.match(await why({ ExecMainStatus: '204' }), { mend: undefined })
  t.match(
    await why({ ExecMainStatus: '200', ExecMainCode: '2' }),
    { mend: undefined },
    'a signal of that number'
  )
  t.match(await why({}, ['Error [ERR_MODULE_NOT_FOUND]: Cannot find package']), { mend: again })
  for (const words of [
    'SyntaxError: Unexpected token',
    'Error: Cannot find module /x',
    'Error: ERR_DLOPEN_FAILED x.node',
    'Error: Cannot find package x'
  ]) {
    t.match(await why({}, [words]), { mend: again }, words)
  }
  t.match(await why({}, ['Error: cannot find the way']), { mend: undefined })
})

t.test('a damaged database leads to restore', async (t) => {
  const words = [fatal('central-hub cannot start: database disk image is malformed')]
  const env = {
    files: {
      '/etc/leadmaster/backup.env': 'BACKUP_TO=/srv/backups\n',
      '/srv/backups/leadmaster-20261123T120000Z/manifest.json': '{}',
      '/srv/backups/leadmaster-20261122T120000Z/manifest.json': '{}'
    }
  }
  t.match(await why({}, words, env), {
    mend: "systemctl stop 'leadmaster-*'; /opt/leadmaster/current/scripts/restore /srv/backups/leadmaster-20261123T120000Z --replace && systemctl start leadmaster.target"
  })
  t.match(await why({}, words), {
    mend: /for file in \/var\/lib\/leadmaster\/central-hub\/hub\.db\*; do mv "\$file" "\$file\.damaged"; done && systemctl start leadmaster\.target$/
  })
  t.match(await why({}, [fatal('file is not a database')]), { mend: /hub\.db\*/ })
})

t.test('a refused environment: a start again only after the file was changed', async (t) => {
  const at = 'Tue 2026-11-24 11:00:00 UTC'
  const file = '/etc/leadmaster/central-hub.env'
  const changed = (time: string): Played => ({
    stats: { [file]: { type: 'file', mode: 0o640, gid: 995, ctimeMs: Date.parse(time) } }
  })
  const refused = { ExecMainStatus: '78', ActiveState: 'failed', ExecMainExitTimestamp: at }
  const was = 'not running: its environment was refused at its start (78)'
  t.same(
    await why(refused, [], changed('2026-11-24T11:00:01Z')),
    fault('unit', 'central-hub', `${was}, though the file is right now`, `systemctl restart ${hub}`)
  )
  const { files, stats, ...more } = played(refused)
  const without = <T>(all: Record<string, T> = {}): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([path]) => path !== file))
  const asked = await ask({ ...more, files: without(files), stats: without(stats) })
  t.match(
    await whyItFails(asked, asked.installation.services[1] as never),
    { detail: `${was}, and its file was not changed since`, mend: undefined },
    'nor where there is no file any more'
  )
  t.match(
    await why(refused, [], changed('2026-11-24T11:00:00Z')),
    { mend: `systemctl restart ${hub}` },
    'within the same second'
  )
  t.match(await why(refused, [fatal('FOO is unknown')], changed('2026-11-24T10:59:59Z')), {
    detail: /and its file was not changed since; it said: FOO is unknown$/,
    mend: undefined
  })
  t.match(await why({ ...refused, ExecMainCode: '2' }), { detail: /a signal \(78\) ended it/ })
})

t.test('units during a loop of restarts', async (t) => {
  const manager = 'systemctl show leadmaster-session-manager'
  const loop = unit({ ...failing, StateDirectory: 'leadmaster/session-manager' })
  const looping = (shown: string): Played =>
    installed({
      commands: {
        [manager]: { stdout: shown },
        [`systemctl show ${hub}`]: {
          stdout: unit({ ActiveState: 'inactive', SubState: 'dead', MainPID: '0' })
        }
      }
    })
  const found = async (shown: string): Promise<string[]> =>
    lines(await checkUnits(await ask(looping(shown))))
  t.match(await found(loop), [
    /^fault session-manager not running: activating \(auto-restart\)/,
    /^note central-hub skipped: mend session-manager unit first/
  ])
  t.match(
    await found(loop.replace('auto-restart', 'start')),
    [/^fault session-manager not running: activating \(start\)/, /^note central-hub skipped/],
    'also while it is being started once more'
  )
  t.match(
    await found(
      unit({ ActiveState: 'activating', SubState: 'start', StatusText: 'opening the journal' })
    ),
    [
      'note session-manager starting: opening the journal',
      'note central-hub waits until session-manager is ready'
    ]
  )
  t.match(
    await found(unit({ ActiveState: 'activating', SubState: 'auto-restart', ExecMainStatus: '1' })),
    [/^fault session-manager/, /^note/]
  )
  const up = async (NRestarts: string, ActiveEnterTimestamp: string): Promise<string[]> =>
    lines(
      await checkUnits(
        await ask(
          installed({
            commands: {
              [`systemctl show ${hub}`]: { stdout: unit({ NRestarts, ActiveEnterTimestamp }) }
            }
          })
        )
      )
    )
  t.match(await up('3', 'Tue 2026-11-24 11:59:30 UTC'), [
    /^ok/,
    /^fault central-hub it does not stay up/
  ])
  t.match(await up('2', 'Tue 2026-11-24 11:59:30 UTC'), [
    /^ok/,
    /^ok/,
    /^note central-hub systemd started it again 2 times/
  ])
  t.match(await up('3', 'Tue 2026-11-24 11:50:00 UTC'), [/^ok/, /^ok/, /^note/])
  t.match(await up('1', ''), [/^ok/, /^ok/, /^note central-hub systemd started it again once/])
})
