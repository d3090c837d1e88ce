import t from 'tap'
import { fault } from '../../../src/admin/doctor/finding.ts'
import { checkListening, checkPorts } from '../../../src/admin/doctor/ports.ts'
import { listening, type Played } from './played-host.ts'
import { ask, hubEnv, installed, managerEnv, unit } from './wired.ts'

/**
 * What doctor says of HOST and PORT, word by word, with the command that helps. Who holds a port:
 * processes.test.ts.
 */

const [managerFile, hubFile] = [
  '/etc/leadmaster/session-manager.env',
  '/etc/leadmaster/central-hub.env'
]
const [manager, hub] = ['leadmaster-session-manager', 'leadmaster-central-hub']
const files = (
  ofManager: Record<string, string>,
  ofHub: Record<string, string> = {}
): Record<string, string> => ({
  [managerFile]: managerEnv(ofManager),
  [hubFile]: hubEnv(ofHub)
})
/** A process that holds the socket of a port. */
const holder = (pid: number, port: number, more: Played = {}): Played => ({
  ...more,
  files: {
    '/proc/net/tcp': listening(port, 77),
    [`/proc/${pid}/comm`]: 'python3\n',
    ...more.files
  },
  links: { [`/proc/${pid}/fd/3`]: 'socket:[77]' }
})
const ports = async (played: Played) => checkPorts(await ask(installed(played)))
const set = (name: string, value: string, file: string): string =>
  `sed -i 's|^${name}=.*|${name}=${value}|' ${file}`
const bad = (service: string, detail: string, mend: string) => [
  fault('port', service, detail, mend)
]

t.test(
  'a port that two services have is moved for the second, the usual one of its kind first',
  async (t) => {
    t.same(
      await ports({ files: files({ PORT: '3012' }) }),
      bad(
        'central-hub',
        'PORT=3012 is also that of session-manager: only one can listen there',
        `${set('PORT', '3013', hubFile)} && systemctl restart ${hub}`
      )
    )
    t.same(
      await ports({ files: files({ PORT: '3001' }, { PORT: '3001', HOST: '0.0.0.0' }) }),
      bad(
        'central-hub',
        'PORT=3001 is also that of session-manager: only one can listen there',
        `${set('PORT', '3012', hubFile)} && systemctl restart ${hub}`
      )
    )
    t.same(
      await ports({
        files: files(
          { PORT: '3012', HOST: '192.0.2.1' },
          { SESSION_MANAGER_BASE_URL: 'http://192.0.2.1:3012' }
        )
      }),
      [],
      'two addresses of one port'
    )
  }
)

t.test(
  'a session-manager that is moved takes the URL of the hub along, where that leads to it',
  async (t) => {
    const taken =
      'PORT=3001 is taken by process 55 (python3): end that, or have session-manager listen elsewhere'
    const moved = set('PORT', '3002', managerFile)
    t.same(
      await ports(holder(55, 3001)),
      bad(
        'session-manager',
        taken,
        `${moved} && ${set('SESSION_MANAGER_BASE_URL', 'http://127.0.0.1:3002', hubFile)} && systemctl restart ${manager} ${hub}`
      )
    )
    t.same(
      await ports(
        holder(55, 3001, {
          files: files({}, { SESSION_MANAGER_BASE_URL: 'http://192.0.2.7:3001' })
        })
      ),
      bad('session-manager', taken, `${moved} && systemctl restart ${manager}`),
      'a hub that follows another machine'
    )
    t.same(
      await ports(holder(55, 3001, { files: files({}, { PORT: 'x' }) })),
      bad('session-manager', taken, `${moved} && systemctl restart ${manager}`),
      'a hub whose file is refused'
    )
    const far = await ports(
      holder(55, 3001, {
        files: {
          ...files({ HOST: '192.0.2.1' }, { SESSION_MANAGER_BASE_URL: 'http://192.0.2.1:3001' }),
          '/proc/net/tcp': listening(3001, 77).replace('0100007F', '00000000')
        }
      })
    )
    t.match(
      far,
      [{ mend: /SESSION_MANAGER_BASE_URL=http:\/\/192\.0\.2\.1:3002/ }],
      'at its own address'
    )
    const wide = await ports(holder(55, 3001, { files: files({ HOST: '0.0.0.0' }) }))
    t.same(
      wide.map(({ mend }) => mend),
      [
        `${moved} && ${set('SESSION_MANAGER_BASE_URL', 'http://127.0.0.1:3002', hubFile)} && systemctl restart ${manager} ${hub}`
      ]
    )
  }
)

t.test('a further account is moved by itself: the hub names it in another variable', async (t) => {
  const sales = '/etc/leadmaster/session-manager-sales.env'
  const found = await ports({
    files: {
      ...files({}, { FURTHER_SESSION_MANAGERS: 'sales=http://127.0.0.1:3001' }),
      [sales]: managerEnv({ ACCOUNT: 'sales' })
    }
  })
  t.same(
    found,
    bad(
      'session-manager@sales',
      'PORT=3001 is also that of session-manager: only one can listen there',
      `${set('PORT', '3002', sales)} && systemctl restart ${manager}@sales`
    )
  )
})

t.test(
  'an address that the machine does not have is replaced by that of the template',
  async (t) => {
    const found = async (HOST: string) => ports({ files: files({}, { HOST }) })
    t.same(
      await found('10.9.9.9'),
      bad(
        'central-hub',
        'HOST=10.9.9.9 is no address of this machine',
        `${set('HOST', '127.0.0.1', hubFile)} && systemctl restart ${hub}`
      )
    )
    const template = async (text: string): Promise<string | undefined> =>
      (
        await ports({
          files: {
            ...files({}, { HOST: '10.9.9.9' }),
            '/opt/leadmaster/current/deploy/env/central-hub.env': text
          }
        })
      )[0]?.mend
    t.match(await template('HOST=192.0.2.1\n'), /HOST=192\.0\.2\.1/)
    t.match(await template(''), /HOST=127\.0\.0\.1/, 'or by that of every machine')
    t.match(await found('2001:db8::7'), [
      { detail: 'HOST=2001:db8::7 is no address of this machine' }
    ])
    for (const HOST of [
      '127.0.0.1',
      '192.0.2.1',
      '::1',
      '::',
      '0.0.0.0',
      'localhost',
      'box',
      'box7',
      '7box',
      'box7.example'
    ])
      t.same(await found(HOST), [], HOST)
  }
)

t.test('a port for root alone is left, by what the kernel says', async (t) => {
  const low = async (PORT: string, more = {}) =>
    ports({ files: { ...files({}, { PORT }), ...more } })
  const kernel = (first: string) => ({
    '/proc/sys/net/ipv4/ip_unprivileged_port_start': `${first}\n`
  })
  const refused = (lowest: number) =>
    bad(
      'central-hub',
      `PORT=80 is for root alone (below ${lowest})`,
      `${set('PORT', '3012', hubFile)} && systemctl restart ${hub}`
    )
  t.same(await low('80'), refused(1_024))
  t.same(await low('80', kernel('81')), refused(81))
  t.same(await low('80', kernel('80')), [])
})

t.test(
  'of a holder whom nobody may look at, its user and address are told, and how root finds it',
  async (t) => {
    const said =
      "PORT=3012 is taken by a process of uid 33 at 127.0.0.1, which root can name: ss -ltnp 'sport = :3012': end that, or have central-hub listen elsewhere"
    t.same(
      await ports({ files: { '/proc/net/tcp': listening(3012, 77, 33) } }),
      bad('central-hub', said, `${set('PORT', '3013', hubFile)} && systemctl restart ${hub}`)
    )
    const stopped = { [`systemctl show ${hub}`]: { stdout: unit({ MainPID: '0' }) } }
    t.match(
      await ports({ files: { '/proc/net/tcp': listening(3012, 77) }, commands: stopped }),
      [{ detail: /by a process of uid 999/ }],
      'one that cannot be the service, which does not run'
    )
    t.same(
      await ports({ files: { '/proc/net/tcp': listening(3012, 77) } }),
      [],
      'one that may be the service'
    )
    const { commands, ...played } = installed({ files: { '/proc/net/tcp': listening(3012, 77) } })
    const unknown = await checkPorts(
      await ask({
        ...played,
        commands: { ...commands, 'getent passwd leadmaster': { stdout: '' } }
      })
    )
    t.match(unknown, [{ detail: /by a process of uid 999/ }], 'whose user does not exist')
  }
)

t.test('a holder is told with its unit, and whether it is of another LeadMaster', async (t) => {
  const held = async (more: Record<string, string>): Promise<string | undefined> =>
    (await ports(holder(55, 3012, { files: more })))[0]?.detail
  const cmdline = 'node\0/other/dist/central-hub/main.js\0'
  const said = (what: string): string =>
    `PORT=3012 is taken by process 55 (${what}: end that, or have central-hub listen elsewhere`
  t.equal(await held({}), said('python3)'))
  t.equal(
    await held({ '/proc/55/cgroup': '0::/system.slice/grafana.service\n' }),
    said('python3, grafana.service)')
  )
  t.equal(await held({ '/proc/55/cmdline': cmdline }), said('central-hub) of another LeadMaster'))
  t.equal(
    await held({
      '/proc/55/cmdline': cmdline,
      '/proc/55/cgroup': '0::/system.slice/old.service\n'
    }),
    said('central-hub, old.service) of another LeadMaster')
  )
})

t.test('a service whose file was given another port still holds the one it had', async (t) => {
  t.same(
    await ports(holder(200, 3001)),
    bad(
      'session-manager',
      'PORT=3001 is still held by central-hub (process 200), whose file names another port: restart needed',
      `systemctl restart ${hub} ${manager}`
    )
  )
})

t.test('who listens is told, and who does not though it runs', async (t) => {
  const both = listening(3001, 77) + listening(3012, 78).split('\n')[1]
  t.same(await checkListening(await ask(installed({ files: { '/proc/net/tcp': both } }))), [
    { name: 'port', service: 'session-manager', state: 'ok', detail: 'listens on 127.0.0.1:3001' },
    { name: 'port', service: 'central-hub', state: 'ok', detail: 'listens on 127.0.0.1:3012' }
  ])
  t.same(
    (
      await checkListening(
        await ask(installed({ files: { '/proc/net/tcp': listening(3001, 77) } }))
      )
    ).slice(1),
    bad(
      'central-hub',
      'nobody listens on 127.0.0.1:3012, though its process runs',
      `systemctl restart ${hub}`
    )
  )
  const other = await checkListening(
    await ask(
      installed({
        files: { '/proc/net/tcp': listening(3001, 77), ...files({ HOST: '192.0.2.1' }) }
      })
    )
  )
  t.match(
    other[0],
    { state: 'fault', detail: 'nobody listens on 192.0.2.1:3001, though its process runs' },
    'at another address'
  )
})
