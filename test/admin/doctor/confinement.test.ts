import t from 'tap'
import { checkConfinement, isOwn } from '../../../src/admin/doctor/confinement.ts'
import { note } from '../../../src/admin/doctor/finding.ts'
import { runAsUnit } from '../../../src/admin/doctor/transient.ts'
import { confinement } from '../../../src/admin/installation/unit-rules.ts'
import { checkDropIns } from '../../../src/admin/doctor/units.ts'
import { play, type Played } from './played-host.ts'
import { ask, hubEnv, installed, lines, unit } from './wired.ts'

/** What an operator's drop-ins change of our units. */

const units = { manager: 'leadmaster-session-manager', hub: 'leadmaster-central-hub' }
const dropIn = (which: keyof typeof units): string =>
  `/etc/systemd/system/${units[which]}.service.d/own.conf`
/** @param text of the drop-in; of none when it is undefined */
const played = (
  which: keyof typeof units,
  properties: Record<string, string>,
  text?: string,
  more: Record<string, string> = {}
): Played =>
  installed({
    files: { ...(text === undefined ? {} : { [dropIn(which)]: text }), ...more },
    commands: {
      [`systemctl show ${units[which]}`]: {
        stdout: unit({
          FragmentPath: `/etc/systemd/system/${units[which]}.service`,
          DropInPaths: text === undefined ? '' : dropIn(which),
          ...properties
        })
      }
    }
  })
const found = async (
  which: keyof typeof units,
  properties: Record<string, string>,
  text?: string,
  more: Record<string, string> = {}
) => checkConfinement(await ask(played(which, properties, text, more)))

t.test('a unit as it was shipped has nothing to tell', async (t) => {
  t.same(
    await found('hub', {
      IPAddressDeny: '',
      PrivateNetwork: 'no',
      LimitFSIZE: 'infinity',
      LimitNOFILE: '524288',
      MemoryMax: '536870912',
      TasksMax: '64',
      Type: 'notify',
      RestrictAddressFamilies: 'AF_UNIX AF_INET AF_INET6',
      RestrictNamespaces: 'yes',
      ExecStart: '{ path=/x/node ; argv[]=/x/node /x/dist/central-hub/main.js ; }',
      RuntimeMaxUSec: 'infinity'
    }),
    []
  )
  t.same(
    await found('manager', {
      RestrictNamespaces: 'user pid net',
      RestrictAddressFamilies: 'AF_UNIX AF_INET AF_INET6 AF_NETLINK',
      MemoryMax: '3221225472',
      TasksMax: '512'
    }),
    []
  )
})

for (const [which, properties, text, detail] of [
  [
    'manager',
    { User: 'root' },
    'User=root',
    /sets User=root: it runs as root, where Chromium refuses/
  ],
  ['hub', { User: '' }, 'User=', /it runs as root, which it never needs/],
  ['hub', { User: '0' }, 'User=0', /it runs as root/],
  ['hub', { DynamicUser: 'yes' }, 'DynamicUser=yes', /another user/],
  [
    'hub',
    { ExecStart: '{ path=/bin/sleep ; argv[]=/bin/sleep 9 ; ignore_errors=no }' },
    'ExecStart=/bin/sleep 9',
    /sets ExecStart=\/bin\/sleep 9: it starts another program/
  ],
  ['hub', { Type: 'simple' }, 'Type=simple', /does not learn when it is ready/],
  ['manager', { PrivateNetwork: 'yes' }, 'PrivateNetwork=yes', /reach neither WhatsApp/],
  ['hub', { PrivateNetwork: 'yes' }, 'PrivateNetwork=yes', /neither reach session-manager/],
  [
    'hub',
    { IPAddressDeny: '::/0 0.0.0.0/0' },
    'IPAddressDeny=any',
    /cut off from the other services/
  ],
  ['hub', { IPAddressDeny: '127.0.0.0/8' }, 'IPAddressDeny=localhost', /cut off/],
  ['hub', { IPAddressDeny: '127.0.0.1/32' }, 'IPAddressDeny=127.0.0.1', /cut off/],
  ['hub', { IPAddressDeny: '::/0' }, 'IPAddressDeny=::/0', /cut off/],
  [
    'manager',
    { IPAddressDeny: '0.0.0.0/0', IPAddressAllow: '127.0.0.1/32' },
    'IPAddressDeny=any',
    /cannot reach WhatsApp/
  ],
  [
    'manager',
    { IPAddressDeny: '0.0.0.0/0', IPAddressAllow: '127.0.0.0/8' },
    'IPAddressDeny=any',
    /cannot reach WhatsApp/
  ],
  [
    'hub',
    { RestrictAddressFamilies: 'AF_UNIX' },
    'RestrictAddressFamilies=AF_UNIX',
    /may not use AF_INET$/
  ],
  [
    'manager',
    { RestrictAddressFamilies: '~AF_NETLINK AF_INET' },
    'RestrictAddressFamilies=~AF_NETLINK AF_INET',
    /may not use AF_INET, AF_NETLINK$/
  ],
  [
    'manager',
    { RestrictNamespaces: 'yes' },
    'RestrictNamespaces=yes',
    /may make no namespace \(user, pid, net\)/
  ],
  [
    'manager',
    { RestrictNamespaces: 'user net' },
    'RestrictNamespaces=user net',
    /may make no namespace \(pid\)/
  ],
  ['hub', { MemoryDenyWriteExecute: 'yes' }, 'MemoryDenyWriteExecute=yes', /V8 may not compile/],
  ['hub', { RootDirectory: '/srv' }, 'RootDirectory=/srv', /other files/],
  ['hub', { LimitNOFILE: '1023' }, 'LimitNOFILE=1023', /too few files/],
  ['hub', { LimitFSIZE: '1048576' }, 'LimitFSIZE=1M', /beyond that size/],
  ['hub', { LimitAS: '1' }, 'LimitAS=1', /reserve more addresses/],
  ['hub', { LimitDATA: '1' }, 'LimitDATA=1', /need more memory/],
  ['hub', { LimitCPU: '9' }, 'LimitCPU=9', /time of the processor/],
  ['hub', { LimitNPROC: '63' }, 'LimitNPROC=63', /too few threads/],
  ['manager', { LimitNPROC: '511' }, 'LimitNPROC=511', /too few threads/],
  ['hub', { TasksMax: '23' }, 'TasksMax=23', /too few threads/],
  ['manager', { TasksMax: '199' }, 'TasksMax=199', /too few threads/],
  ['hub', { MemoryMax: '134217727' }, 'MemoryMax=1', /killed for memory/],
  ['manager', { MemoryHigh: '536870911' }, 'MemoryHigh=1', /slowed down for memory/],
  ['manager', { MemoryMax: '536870911' }, 'MemoryMax=1', /killed for memory/],
  ['hub', { RuntimeMaxUSec: '1min' }, 'RuntimeMaxSec=60', /ends it after that time/]
] as const) {
  t.test(`${text} of ${which} is named, and commented out`, async (t) => {
    const faults = await found(which, properties, `[Service]\n${text}\n`)
    t.match(faults, [{ state: 'fault', name: 'drop-in', detail }])
    t.ok(faults[0]?.detail.startsWith(`${dropIn(which)} sets `))
    const setting = text.replace(/=.*/, '')
    t.equal(
      faults[0]?.mend,
      `sed -i -E 's/^\\s*${setting}\\s*=/#&/' ${dropIn(which)} && systemctl daemon-reload && systemctl restart ${units[which]}`
    )
  })
}

t.test('what a service can live with is no fault', async (t) => {
  for (const properties of [
    { User: 'ana' },
    { IPAddressDeny: '0.0.0.0/0', IPAddressAllow: '127.0.0.0/8' },
    { IPAddressDeny: '10.0.0.0/8' },
    { IPAddressDeny: '::/0', IPAddressAllow: '0.0.0.0/0' },
    { LimitNOFILE: '1024' },
    { LimitNPROC: '64' },
    { TasksMax: '24' },
    { MemoryMax: '134217728' },
    { MemoryMax: 'infinity' },
    { RestrictNamespaces: 'yes' },
    { RestrictAddressFamilies: '~AF_BLUETOOTH' },
    { RestrictAddressFamilies: '' },
    { RootDirectory: '/' },
    { Type: '' },
    { ExecStart: '' },
    { RuntimeMaxUSec: '' }
  ])
    t.same(await found('hub', properties), [], JSON.stringify(properties))
  t.same(await found('manager', { RestrictNamespaces: 'no' }), [])
  t.same(await found('manager', { LoadState: 'not-found', User: 'root' }), [])
})

t.test('a change of the shipped unit that breaks nothing is a note', async (t) => {
  const shipped = {
    [`/etc/systemd/system/${units.hub}.service`]:
      '[Service]\nUser=leadmaster\nNice=0\nUnsetEnvironment=X\n'
  }
  const changes = (what: string) =>
    note('drop-in', 'central-hub', `${dropIn('hub')} changes what its unit says: ${what}`)
  t.same(
    await found(
      'hub',
      {},
      '[Service]\n Nice = 5\nUnsetEnvironment=Y\nCPUWeight=9\n#Nice=6\n',
      shipped
    ),
    [changes('Nice=5')]
  )
  t.same(
    (await found('hub', { User: 'root' }, '[Service]\nUser=root\nNice=5\n', shipped)).slice(1),
    [changes('Nice=5')],
    'beside a fault'
  )
  t.same(await found('hub', {}, '[Service]\nNice=5\nUser=ana\n', shipped), [
    changes('Nice=5, User=ana')
  ])
  t.same(
    await found('hub', {}, `[Service]\nNice=${'5'.repeat(300)}\n`, shipped),
    [changes(`Nice=${'5'.repeat(195)}`)],
    'of a long one the beginning'
  )
  const login = {
    [`/etc/systemd/system/${units.hub}.service`]: '[Service]\nSetLoginEnvironment=no\n'
  }
  t.same(
    await found('hub', {}, '[Service]\nSetLoginEnvironment=yes\n', login),
    [changes('SetLoginEnvironment=yes')],
    'what is named alike is another setting'
  )
  t.match(await found('hub', { User: 'root' }, '[Service]\nUser=root\n', shipped), [
    { state: 'fault' }
  ])
  t.same(
    (await found('hub', { User: 'root' }, '[Service]\nUser=root\n', shipped)).length,
    1,
    'what is a fault is not told twice'
  )
})

t.test('a file that is not ours to change is overridden', async (t) => {
  const all = '/etc/systemd/system/service.d/all.conf'
  const faults = await found('hub', { PrivateNetwork: 'yes', DropInPaths: all }, undefined, {
    [all]: '[Service]\nPrivateNetwork=yes\n'
  })
  t.match(faults, [
    {
      detail: new RegExp(`^${all} sets PrivateNetwork=yes`),
      mend: `mkdir -p /etc/systemd/system/${units.hub}.service.d && printf '[Service]\\nPrivateNetwork=\\nPrivateNetwork=no\\n' >>/etc/systemd/system/${units.hub}.service.d/zz-leadmaster-PrivateNetwork.conf && systemctl daemon-reload && systemctl restart ${units.hub}`
    }
  ])
})

t.test('a line that goes on, and a unit file that was edited', async (t) => {
  t.match(
    await found(
      'hub',
      { IPAddressDeny: 'any ::/0 0.0.0.0/0' },
      '[Service]\nIPAddressDeny=10.0.0.0/8 \\\n any\n'
    ),
    [
      {
        mend: `mv ${dropIn('hub')} ${dropIn('hub')}.off && systemctl daemon-reload && systemctl restart ${units.hub}`
      }
    ]
  )
  const again = `/opt/leadmaster/current/scripts/up && systemctl restart ${units.hub}`
  t.match(await found('hub', { PrivateNetwork: 'yes' }), [
    { detail: /^leadmaster-central-hub has PrivateNetwork=yes/, mend: again }
  ])
  const fragment = `/etc/systemd/system/${units.hub}.service`
  t.match(
    await found('hub', { PrivateNetwork: 'yes' }, undefined, {
      [fragment]: '[Service]\nPrivateNetwork=yes\n'
    }),
    [{ detail: new RegExp(`^${fragment} sets PrivateNetwork=yes`), mend: again }]
  )
})

t.test('a unit of the Debian package', async (t) => {
  const mend = async (FragmentPath: string): Promise<string | undefined> =>
    (
      await checkConfinement(
        await ask(played('hub', { PrivateNetwork: 'yes', FragmentPath }), [], '/usr/lib/leadmaster')
      )
    )[0]?.mend
  t.equal(
    await mend(`/lib/systemd/system/${units.hub}.service`),
    `apt-get install --reinstall --yes leadmaster && systemctl restart ${units.hub}`
  )
  const { installation, ...asked } = await ask(
    installed({
      commands: { [`systemctl show ${units.hub}`]: { stdout: unit({ PrivateNetwork: 'yes' }) } }
    }),
    [],
    '/usr/lib/leadmaster'
  )
  t.equal(
    (await checkConfinement({ ...asked, installation }))[0]?.mend,
    `apt-get install --reinstall --yes leadmaster && systemctl restart ${units.hub}`,
    'one of which no file is known'
  )
  t.same(
    await checkConfinement({ ...asked, installation: { ...installation, mode: 'foreground' } }),
    [],
    'a run in the foreground has none'
  )
  t.equal(
    await mend(`/etc/systemd/system/${units.hub}.service`),
    `rm /etc/systemd/system/${units.hub}.service && systemctl daemon-reload && systemctl restart ${units.hub}`,
    'one that hides it'
  )
})

t.test('of a value the beginning is shown, and of a command what it runs', async (t) => {
  const shown = async (properties: Record<string, string>): Promise<string | undefined> =>
    / has (.*):/.exec((await found('hub', properties))[0]?.detail ?? '')?.[1]
  t.equal(await shown({ RootDirectory: `/${'x'.repeat(200)}` }), `RootDirectory=/${'x'.repeat(99)}`)
  t.equal(
    await shown({ ExecStart: '{ path=/bin/sleep ; argv[]=/bin/sleep 9 ; ignore_errors=no }' }),
    'ExecStart=/bin/sleep 9'
  )
  t.equal(
    await shown({ ExecStart: '/bin/sleep 9' }),
    'ExecStart=/bin/sleep 9',
    'also as an older systemd shows it'
  )
})

t.test('a drop-in is of one unit alone by its directory', async (t) => {
  const at = (directory: string, unitName: string): boolean =>
    isOwn(`/etc/systemd/system/${directory}/x.conf`, { unit: unitName } as never)
  t.ok(at('leadmaster-central-hub.service.d', 'leadmaster-central-hub'))
  t.ok(at('leadmaster-session-manager@sales.service.d', 'leadmaster-session-manager@sales'))
  t.ok(at('leadmaster-session-manager@.service.d', 'leadmaster-session-manager@sales'))
  for (const directory of [
    'service.d',
    'leadmaster-.service.d',
    'leadmaster-session-manager.service.d'
  ])
    t.notOk(at(directory, 'leadmaster-session-manager@sales'), directory)
})

t.test('all that is judged is asked of systemd', async (t) => {
  for (const property of [
    'User',
    'DynamicUser',
    'ExecStart',
    'Type',
    'PrivateNetwork',
    'IPAddressDeny',
    'IPAddressAllow',
    'RestrictAddressFamilies',
    'RestrictNamespaces',
    'MemoryDenyWriteExecute',
    'RootDirectory',
    'LimitNOFILE',
    'LimitFSIZE',
    'LimitAS',
    'LimitDATA',
    'LimitCPU',
    'LimitNPROC',
    'TasksMax',
    'MemoryMax',
    'MemoryHigh',
    'RuntimeMaxUSec'
  ])
    t.ok(confinement.includes(property), property)
})

t.test('further files of variables, and variables that are dropped', async (t) => {
  const own = '/etc/leadmaster/central-hub.env'
  const check = async (
    files: string,
    more: Record<string, string> = {},
    properties: Record<string, string> = {},
    text = '[Service]\nEnvironmentFile=/etc/more.env\n'
  ) =>
    checkDropIns(await ask(played('hub', { EnvironmentFiles: files, ...properties }, text, more)))
  const more = '/etc/more.env (ignore_errors=no)'
  const is = `${own} (ignore_errors=no)`
  t.same(await check(is), [])
  t.match(await check(`${is} ${more}`, { '/etc/more.env': 'PORT=3013\nLANG=C\n' }), [
    {
      state: 'fault',
      detail: `${dropIn('hub')} gives it /etc/more.env, whose PORT counts instead of what ${own} says`,
      mend: `sed -i -E 's/^\\s*EnvironmentFile\\s*=\\s*-?\\/etc\\/more\\.env/#&/' ${dropIn('hub')} && systemctl daemon-reload && systemctl restart ${units.hub}`
    }
  ])
  t.same(await check(`${is} ${more}`, { '/etc/more.env': 'PORT=3012\n' }), [], 'the same value')
  t.same(
    await check(`${more} ${is}`, { '/etc/more.env': 'PORT=3013\n' }),
    [],
    'one before, which ours overrides'
  )
  t.match(await check(`${more} ${is}`, { '/etc/more.env': 'RETENTION=30d\n' }), [
    { detail: /RETENTION counts/ }
  ])
  t.match(await check(`${is} ${more}`, { '/etc/more.env': 'FOO=1\n' }), [{ detail: /FOO counts/ }])
  t.same(
    await check(`${is} ${more}`, { '/etc/more.env': 'FOO=1\n' }, { UnsetEnvironment: 'FOO' }),
    []
  )
  t.match(await check(`${is} ${more}`), [
    { detail: /gives it \/etc\/more\.env, which is not there: it cannot start/ }
  ])
  t.same(await check(`${is} /etc/more.env (ignore_errors=yes)`), [])
  t.match(await check(more), [
    { detail: `${dropIn('hub')} does not give it ${own}`, mend: /EnvironmentFile\\s\*=\/#&/ }
  ])
  t.match(
    await check(
      is,
      {},
      { UnsetEnvironment: 'NODE_OPTIONS HUB_API_TOKEN' },
      '[Service]\nUnsetEnvironment=HUB_API_TOKEN\n'
    ),
    [
      {
        detail: `${dropIn('hub')} drops HUB_API_TOKEN, though ${own} has it`,
        mend: /^sed -i -E 's\/\^\\s\*UnsetEnvironment\\s\*=\.\*\\bHUB_API_TOKEN\\b\/#&\/'/
      }
    ]
  )
  t.ok(hubEnv().includes('HUB_API_TOKEN='))
})

t.test('a command is run as the unit would run it', async (t) => {
  const asked = await ask(installed())
  const [manager] = asked.installation.services
  const cat = 'systemctl cat leadmaster-session-manager.service'
  const text =
    '# /x\n[Unit]\nAfter=y\n[Service]\nUser=leadmaster\nExecStart=/x\nType=notify\nEnvironmentFile=/x\nLimitNOFILE=9\nStateDirectory=x\nSystemCallFilter=a \\\n b\n[Install]\nWantedBy=z\n'
  const commands: string[] = []
  const host = {
    ...play({ commands: { [cat]: { stdout: text } } }),
    run: async (command: readonly string[]) => (
      commands.push(command.join(' ')),
      { code: 0, stdout: command.includes('cat') ? text : 'done', stderr: '' }
    )
  }
  const ran = await runAsUnit(host, asked.installation, manager as never, ['sh', '-c', 'x'], 9)
  t.equal(ran?.stdout, 'done')
  t.equal(
    commands.at(-1),
    'systemd-run --quiet --wait --pipe --collect --service-type=exec --property=User=leadmaster --property=LimitNOFILE=9 --property=SystemCallFilter=a   b -- sh -c x'
  )
  t.equal(
    await runAsUnit(play({}), asked.installation, manager as never, ['x'], 9),
    undefined,
    'no unit to ask'
  )
  t.equal(
    await runAsUnit(
      host,
      { ...asked.installation, mode: 'foreground' },
      manager as never,
      ['x'],
      9
    ),
    undefined
  )
  const refusing = {
    ...host,
    run: async (command: readonly string[]) => ({
      code: 1,
      stdout: '',
      stderr: command.includes('cat') ? '' : 'Failed to start transient service unit: x'
    })
  }
  t.equal(
    await runAsUnit(
      {
        ...refusing,
        run: async (command) =>
          command.includes('cat') ? { code: 0, stdout: text, stderr: '' } : refusing.run(command)
      },
      asked.installation,
      manager as never,
      ['x'],
      9
    ),
    undefined
  )
  t.same(lines([]), [])
})
