import t from 'tap'
import { fault, note, ok, type Finding } from '../../../src/admin/doctor/finding.ts'
import { checkDropIns, checkManager } from '../../../src/admin/doctor/units.ts'
import { ask, hubEnv, installed, managerEnv, unit } from './wired.ts'

/**
 * Variables that a service has from elsewhere than its env file, word by word, with the command
 * that helps.
 */

const hub = 'leadmaster-central-hub'
const hubFile = '/etc/leadmaster/central-hub.env'
const fragment = `/etc/systemd/system/${hub}.service`
const [a, b] = ['a', 'b'].map((name) => `${fragment}.d/${name}.conf`) as [string, string]
const reload = `systemctl daemon-reload && systemctl restart ${hub}`

/** What is found of the hub, by what systemd shows of it and by what is in these files. */
const found = async (
  properties: Record<string, string>,
  files: Record<string, string> = {}
): Promise<Finding[]> => {
  const shown = unit({ FragmentPath: fragment, ...properties })
  return checkDropIns(
    await ask(installed({ files, commands: { [`systemctl show ${hub}`]: { stdout: shown } } }))
  )
}
const gives = (file: string, variable: string, effect: string): Finding =>
  fault(
    'drop-in',
    'central-hub',
    `${file} gives it ${variable}: ${effect}`,
    `sed -i -E '/^\\s*(Pass)?Environment=.*\\b${variable}\\b/d' ${file} && ${reload}`
  )
const [overridden, refused, effective] = [
  'the env file overrides it',
  'the service refuses it',
  'it takes effect though the env file does not say so'
]

t.test('a variable that a unit sets is told with what comes of it', async (t) => {
  const own = { DropInPaths: a }
  const file = (line: string) => ({ [a]: `[Service]\n${line}\n` })
  t.same(await found({ Environment: 'PORT=3013', ...own }, file('Environment=PORT=3013')), [
    gives(a, 'PORT', overridden)
  ])
  t.same(await found({ Environment: 'EDITOR=vi', ...own }, file('Environment="EDITOR=vi"')), [
    gives(a, 'EDITOR', refused)
  ])
  t.same(
    await found({ Environment: 'RETENTION=30d', ...own }, file(' Environment=A=1 RETENTION=30d')),
    [gives(a, 'RETENTION', effective)]
  )
  t.same(await found({ PassEnvironment: 'RETENTION', ...own }, file('PassEnvironment=RETENTION')), [
    gives(a, 'RETENTION', effective)
  ])
  t.same(
    await found({ Environment: 'LANG=C HOME=/x PATH=/bin', ...own }, file('Environment=LANG=C')),
    [],
    'what is for the system'
  )
  t.same(
    await found(
      { Environment: 'RETENTION=30d', UnsetEnvironment: 'X RETENTION', ...own },
      file('Environment=RETENTION=30d')
    ),
    [],
    'what is dropped again'
  )
  t.same(await found({}), [])
})

t.test('each of several variables is told once, with the last file that has it', async (t) => {
  const files = {
    [a]: '[Service]\nEnvironment=RETENTION=1d\nEnvironment=EDITOR=vi\n',
    [b]: '[Service]\n# RETENTION\nNice=1\nEnvironment=RETENTION=30d\n'
  }
  const both = await found(
    {
      Environment: `RETENTION=30d 'EDITOR=vi' "PORT=1"`,
      PassEnvironment: 'RETENTION',
      DropInPaths: `${a} ${b}`
    },
    files
  )
  t.same(both, [
    gives(b, 'RETENTION', effective),
    gives(a, 'EDITOR', refused),
    gives(b, 'PORT', overridden)
  ])
  t.same(
    await found(
      { Environment: 'EDITOR=vi', DropInPaths: `${a} ${b}` },
      { [a]: '', [b]: 'X=EDITOR\nMyEnvironment=EDITOR\n' }
    ),
    [gives(b, 'EDITOR', refused)],
    'where none has it, the last one'
  )
  t.same(
    await found({ Environment: 'EDITOR=vi' }, { [fragment]: 'Environment=EDITOR=vi\n' }),
    [gives(fragment, 'EDITOR', refused)],
    'the unit itself'
  )
  t.same(await found({ Environment: 'EDITOR=vi' }, { [fragment]: 'Environment=EDITORS=vi\n' }), [
    gives(fragment, 'EDITOR', refused)
  ])
  for (const other of [
    'XEnvironment=EDITOR=vi\n',
    'Environment=LANG=C\n',
    '# Environment=EDITOR=vi\n'
  ]) {
    const seen = await found(
      { Environment: 'EDITOR=vi', DropInPaths: `${a}  ${b}` },
      { [a]: ' Environment=EDITOR=vi\n', [b]: other }
    )
    t.same(seen, [gives(a, 'EDITOR', refused)], other)
  }
  t.same(
    await found({ Environment: 'EDITOR=vi', FragmentPath: '' }),
    [
      fault(
        'drop-in',
        'central-hub',
        `${hub} gives it EDITOR: ${refused}`,
        `/opt/leadmaster/current/scripts/up && systemctl restart ${hub}`
      )
    ],
    'where no file has it'
  )
})

t.test('an env file that the unit does not read, and files that count more', async (t) => {
  const is = `${hubFile} (ignore_errors=no)`
  const other = '/etc/my.more-env'
  const comment = (path: string, line: string): string =>
    `sed -i -E 's/^\\s*${line}/#&/' ${path} && ${reload}`
  const otherLine = 'EnvironmentFile\\s*=\\s*-?\\/etc\\/my\\.more-env'
  const own = { DropInPaths: a }
  const again = `/opt/leadmaster/current/scripts/up && systemctl restart ${hub}`
  const text = { [a]: '[Service]\nEnvironmentFile=x\n' }
  const more = (lines: string) => ({ ...text, [other]: lines })
  const bad = (detail: string, mend: string): Finding[] => [
    fault('drop-in', 'central-hub', detail, mend)
  ]

  t.same(await found({ EnvironmentFiles: is, ...own }, text), [])
  t.same(
    await found({ EnvironmentFiles: `${other} (ignore_errors=yes)`, ...own }, more('PORT=1\n')),
    bad(`${a} does not give it ${hubFile}`, comment(a, 'EnvironmentFile\\s*='))
  )
  t.same(
    await found({ EnvironmentFiles: `${is} ${other} (ignore_errors=no)`, ...own }, text),
    bad(`${a} gives it ${other}, which is not there: it cannot start`, comment(a, otherLine))
  )
  t.same(await found({ EnvironmentFiles: `${is} ${other} (ignore_errors=yes)`, ...own }, text), [])
  const counts = (names: string): Finding[] =>
    bad(
      `${a} gives it ${other}, whose ${names} counts instead of what ${hubFile} says`,
      comment(a, otherLine)
    )
  const after = async (lines: string, properties = {}) =>
    found(
      { EnvironmentFiles: `${is} ${other} (ignore_errors=no)`, ...own, ...properties },
      more(lines)
    )
  t.same(
    await after('PORT=3013\nRETENTION=30d\nEDITOR=vi\nLANG=C\nHOST=127.0.0.1\n'),
    counts('PORT, RETENTION, EDITOR')
  )
  t.same(await after('RETENTION=30d\nEDITOR=vi\n', { UnsetEnvironment: 'EDITOR RETENTION' }), [])
  t.same(await after(''), [])
  const before = async (lines: string) =>
    found({ EnvironmentFiles: `${other} (ignore_errors=no) ${is}`, ...own }, more(lines))
  t.same(await before('PORT=3013\n'), [], 'ours overrides it')
  t.same(await before('RETENTION=30d\n'), counts('RETENTION'))
  t.same(
    await found({ EnvironmentFiles: `${other} (ignore_errors=yes)` }),
    bad(`${hub} does not give it ${hubFile}`, again),
    'where no file says it'
  )
})

t.test('a variable of the file that a unit drops', async (t) => {
  const dropped = async (names: string): Promise<Finding[]> =>
    found(
      { UnsetEnvironment: names, DropInPaths: a },
      { [a]: `[Service]\nUnsetEnvironment=${names}\n` }
    )
  t.same(
    await dropped('X HUB_API_TOKEN PORT'),
    ['HUB_API_TOKEN', 'PORT'].map((name) =>
      fault(
        'drop-in',
        'central-hub',
        `${a} drops ${name}, though ${hubFile} has it`,
        `sed -i -E 's/^\\s*UnsetEnvironment\\s*=.*\\b${name}\\b/#&/' ${a} && ${reload}`
      )
    )
  )
  t.same(await dropped('RETENTION NODE_OPTIONS LANG'), [], 'what the file does not have')
  t.same(
    await found(
      { UnsetEnvironment: 'FOO', DropInPaths: a },
      { [a]: 'UnsetEnvironment=FOO\n', [hubFile]: `${hubEnv()}FOO=1\n` }
    ),
    [],
    'nor what is no variable of ours'
  )
  t.same(
    await found({ UnsetEnvironment: 'PORT' }),
    [
      fault(
        'drop-in',
        'central-hub',
        `${hub} drops PORT, though ${hubFile} has it`,
        `/opt/leadmaster/current/scripts/up && systemctl restart ${hub}`
      )
    ],
    'where no file says it'
  )
})

t.test("systemd's own environment", async (t) => {
  const holds = async (
    stdout: string,
    files: Record<string, string> = {},
    properties: Record<string, string> = {}
  ): Promise<Finding[]> => {
    const commands = {
      'systemctl show-environment': { stdout },
      [`systemctl show ${hub}`]: { stdout: unit(properties) },
      'systemctl show leadmaster-session-manager': { stdout: unit(properties) }
    }
    return checkManager(await ask(installed({ files, commands })))
  }
  const none = [ok('manager', 'host', "systemd's own environment has none of our variables")]
  const bad = (variable: string, detail: string, ...units: string[]): Finding =>
    fault(
      'manager',
      'host',
      `systemd's own environment has ${variable}: ${detail}`,
      `systemctl unset-environment ${variable} && systemctl restart ${units.join(' ')}`
    )
  t.same(await holds('LANG=C\nPATH=/bin\n'), none)
  t.same(await holds(''), none)
  t.same(await holds('LANG=PORT=9\n'), none)
  t.same(
    await holds('RETENTION=1d\n', {}, { UnsetEnvironment: 'RETENTION' }),
    [
      note(
        'manager',
        'host',
        "systemd's own environment has RETENTION, which changes nothing: the env files override it",
        'systemctl unset-environment RETENTION'
      )
    ],
    'what one of them knows and both drop'
  )
  t.same(await holds('EDITOR=vi\n'), [
    bad(
      'EDITOR',
      'session-manager, central-hub would refuse it at the next start',
      'leadmaster-session-manager',
      hub
    )
  ])
  t.same(await holds('EDITOR=vi\n', {}, { UnsetEnvironment: 'X EDITOR' }), none)
  t.same(await holds('JOURNAL_RETENTION=30d\n'), [
    bad(
      'JOURNAL_RETENTION',
      'session-manager would take it, though no env file says so; central-hub would refuse it at the next start',
      'leadmaster-session-manager',
      hub
    )
  ])
  t.same(
    await holds('PORT=9\nLANG=C\nHOST=x\n'),
    ['PORT', 'HOST'].map((variable) =>
      note(
        'manager',
        'host',
        `systemd's own environment has ${variable}, which changes nothing: the env files override it`,
        `systemctl unset-environment ${variable}`
      )
    )
  )
  t.match(
    await holds('PORT=9\n', {
      '/etc/leadmaster/session-manager.env': managerEnv().replace(/^PORT=.*\n/m, '')
    }),
    [{ detail: /^systemd's own environment has PORT: session-manager would take it/ }]
  )
  t.match(
    await holds('RETENTION=1d\n', { [hubFile]: `${hubEnv()}RETENTION=30d\n` }),
    [{ state: 'fault', detail: /session-manager would refuse it/ }],
    'what one has and the other does not know'
  )
  const asked = await ask(
    installed({ commands: { 'systemctl show-environment': { stdout: 'EDITOR=vi\n' } } })
  )
  t.same(
    await checkManager({ ...asked, installation: { ...asked.installation, mode: 'foreground' } }),
    [],
    'is none of a run in the foreground'
  )
})
