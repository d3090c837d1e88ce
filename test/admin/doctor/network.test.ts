import t from 'tap'
import type { Identity } from '../../../src/central-hub/follow/upstream.ts'
import { checkIdentities, checkWiring, type Answered } from '../../../src/admin/doctor/base-url.ts'
import { fault } from '../../../src/admin/doctor/finding.ts'
import { checkFollowing, checkSessions } from '../../../src/admin/doctor/following.ts'
import { checkListening, checkPorts } from '../../../src/admin/doctor/ports.ts'
import { checkPublicUrl } from '../../../src/admin/doctor/base-url.ts'
import { checkServers } from '../../../src/admin/doctor/servers.ts'
import { listening, type Played } from './played-host.ts'
import { ask, hubEnv, installed, lines, managerEnv, unit } from './wired.ts'

/**
 * What doctor looks at between the processes: ports, URLs, identities, the journal's cursor, the
 * session.
 */

const files = (
  manager: Record<string, string>,
  hub: Record<string, string> = {}
): Record<string, string> => ({
  '/etc/leadmaster/session-manager.env': managerEnv(manager),
  '/etc/leadmaster/central-hub.env': hubEnv(hub)
})
const sales = {
  '/etc/leadmaster/session-manager-sales.env': managerEnv({
    PORT: '3002',
    ACCOUNT: 'sales',
    STATE_DIR: '/var/lib/leadmaster/session-manager-sales'
  })
}
/** A process that holds the socket of PORT. */
const holder = (pid: number, port: number, more: Played = {}): Played => ({
  ...more,
  files: {
    '/proc/net/tcp': listening(port, 77),
    [`/proc/${pid}/comm`]: 'python3\n',
    ...more.files
  },
  links: { [`/proc/${pid}/fd/3`]: 'socket:[77]' }
})

t.test('ports', async (t) => {
  const ports = async (played: Played) => checkPorts(await ask(installed(played)))
  t.same(await ports({}), [], 'nobody is in the way')
  t.same(await ports(holder(100, 3001)), [], 'session-manager itself is not')
  t.match(await ports(holder(55, 3001)), [
    {
      service: 'session-manager',
      detail:
        /^PORT=3001 is taken by process 55 \(python3\): end that, or have session-manager listen elsewhere/,
      mend: /^sed -i 's\|\^PORT=.*PORT=3002/
    }
  ])
  t.match(
    await ports(
      holder(55, 3012, { files: { '/proc/55/cgroup': '0::/system.slice/grafana.service\n' } })
    ),
    [
      {
        service: 'central-hub',
        detail: /process 55 \(python3, grafana\.service\)/,
        mend: /PORT=3013/
      }
    ]
  )
  t.match(await ports({ files: { '/proc/net/tcp': listening(3001, 77, 33) } }), [
    { detail: /by a process of uid 33 at 127\.0\.0\.1/ }
  ])
  t.match(await ports({ files: files({ PORT: '3012' }) }), [
    {
      service: 'central-hub',
      detail: 'PORT=3012 is also that of session-manager: only one can listen there',
      mend: /PORT=3013/
    }
  ])
  t.match(await ports({ files: files({ HOST: '10.9.9.9' }) }), [
    { detail: 'HOST=10.9.9.9 is no address of this machine', mend: /HOST=127\.0\.0\.1/ }
  ])
  t.match(
    await ports({
      files: files({ PORT: '80' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:80' })
    }),
    [{ detail: 'PORT=80 is for root alone (below 1024)' }]
  )
})

t.test('what several machines share', async (t) => {
  const servers = async (played: Played) => checkServers(await ask(installed(played)))
  t.same(await servers({}), [], 'nothing is shared')
  const shared = files(
    { NATS_URL: 'nats://10.0.0.1:4222' },
    { DATABASE_URL: 'postgres://hub:secret@10.0.0.2/leads', NATS_URL: 'nats://10.0.0.1:4222' }
  )
  t.same(lines(await servers({ files: shared })), [
    'ok central-hub the database of DATABASE_URL answers',
    'ok session-manager a server of NATS_URL answers',
    'ok central-hub a server of NATS_URL answers'
  ])
  const amiss = await servers({
    files: shared,
    database: 'the database refuses',
    nats: 'NATS is away'
  })
  t.same(lines(amiss), [
    'fault central-hub the database refuses',
    'fault session-manager NATS is away',
    'fault central-hub NATS is away'
  ])
  t.match(amiss, [
    {
      mend: /^"\$\{EDITOR:-vi\}" \/etc\/leadmaster\/central-hub\.env # correct DATABASE_URL.* systemctl restart leadmaster-central-hub$/
    }
  ])
  t.notMatch(JSON.stringify(amiss), /secret/)
})

t.test('who listens', async (t) => {
  const found = await checkListening(
    await ask(installed(holder(100, 3001)), [fault('unit', 'central-hub', 'not running', 'true')])
  )
  t.same(
    lines(found),
    ['ok session-manager listens on 127.0.0.1:3001'],
    'of a service at fault nothing more is said'
  )
  t.match(await checkListening(await ask(installed())), [
    { state: 'fault', mend: 'systemctl restart leadmaster-session-manager' },
    { state: 'fault' }
  ])
})

t.test('what the files say of one another', async (t) => {
  const installation = async (each: Record<string, string>) =>
    checkWiring(await ask(installed({ files: each })))
  t.same(await installation({}), [])
  t.same(await installation(files({ HOST: '0.0.0.0' })), [])
  t.same(await installation(files({}, { SESSION_MANAGER_BASE_URL: 'http://localhost:3001' })), [])
  t.match(await installation(files({ PORT: '3005' })), [
    {
      service: 'central-hub',
      detail:
        'SESSION_MANAGER_BASE_URL=http://127.0.0.1:3001, but session-manager is to listen on 127.0.0.1:3005',
      mend: "sed -i 's|^SESSION_MANAGER_BASE_URL=.*|SESSION_MANAGER_BASE_URL=http://127.0.0.1:3005|' /etc/leadmaster/central-hub.env && systemctl restart leadmaster-central-hub"
    }
  ])
  t.same(
    await checkWiring(
      await ask(installed({ files: files({ PORT: '3005' }) }), [
        fault('port', 'session-manager', 'taken', 'true')
      ])
    ),
    [],
    'a port that is at fault itself may be moved'
  )
  t.match(await installation(files({ HOST: '192.0.2.1' })), [
    { mend: /SESSION_MANAGER_BASE_URL=http:\/\/192\.0\.2\.1:3001/ }
  ])
  t.match(await installation(files({}, { ENV_FILE: '/srv/hub.env' })), [
    { detail: /^ENV_FILE=\/srv\/hub\.env, but its file is/ }
  ])
})

t.test(
  'a URL leads to a session-manager that listens there and answers to that name',
  async (t) => {
    for (const [HOST, host, wanted] of [
      ['127.0.0.1', '127.0.0.1', undefined],
      ['127.0.0.1', 'localhost', undefined],
      ['127.0.0.1', '[::1]', /is to listen on 127\.0\.0\.1:3001/],
      ['127.0.0.1', '0.0.0.0', /answers only to localhost, 127\.0\.0\.1 as its name/],
      ['127.0.0.1', 'box', /is to listen on/],
      ['0.0.0.0', '127.0.0.1', undefined],
      ['0.0.0.0', 'localhost', undefined],
      ['0.0.0.0', '0.0.0.0', undefined],
      ['0.0.0.0', 'box', /answers only to localhost, 127\.0\.0\.1, 0\.0\.0\.0 as its name/],
      ['0.0.0.0', '192.0.2.1', /answers only to/],
      ['0.0.0.0', '[::1]', /answers only to/],
      ['::', '[::1]', undefined],
      ['::', '127.0.0.1', undefined],
      ['192.0.2.1', '192.0.2.1', undefined],
      ['192.0.2.1', 'localhost', /is to listen on 192\.0\.2\.1:3001/],
      ['localhost', '127.0.0.1', undefined],
      ['localhost', '[::1]', undefined],
      ['::1', 'localhost', undefined],
      ['localhost', 'box', /answers only to/]
    ] as const) {
      const found = await checkWiring(
        await ask(
          installed({ files: files({ HOST }, { SESSION_MANAGER_BASE_URL: `http://${host}:3001` }) })
        )
      )
      if (wanted === undefined) t.same(found, [], `${HOST} ${host}`)
      else t.match(found, [{ state: 'fault', detail: wanted }], `${HOST} ${host}`)
    }
    t.match(
      await checkWiring(
        await ask(
          installed({ files: files({}, { SESSION_MANAGER_BASE_URL: 'https://127.0.0.1:3001' }) })
        )
      ),
      [{ detail: /is to listen on/ }],
      'it speaks no TLS'
    )
    t.same(
      await checkWiring(
        await ask(
          installed({
            files: files({ PORT: '80' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1' })
          })
        )
      ),
      [],
      'the port that http has by itself'
    )
    t.match(
      await checkWiring(
        await ask(
          installed({
            files: files({ PORT: '443' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1' })
          })
        )
      ),
      [{ detail: /is to listen on/ }]
    )
  }
)

t.test('the address of the page is one that the hub answers to', async (t) => {
  const found = async (hub: Record<string, string>) =>
    checkPublicUrl(await ask(installed({ files: files({}, hub) })))
  for (const PUBLIC_URL of ['http://localhost:3012', 'http://127.0.0.1:3012', 'http://[::1]:3012'])
    t.same(await found({ PUBLIC_URL }), [], PUBLIC_URL)
  t.same(await found({}), [], 'there is none')
  t.same(await found({ PUBLIC_URL: 'http://192.0.2.1:3012', HOST: '192.0.2.1' }), [])
  t.same(
    await found({
      PUBLIC_URL: 'https://Hub.example.com',
      ALLOWED_HOSTS: 'crm.example.com,hub.example.com'
    }),
    []
  )
  t.match(
    await found({ PUBLIC_URL: 'https://hub.example.com', ALLOWED_HOSTS: 'crm.example.com' }),
    [
      {
        state: 'fault',
        service: 'central-hub',
        detail:
          /^PUBLIC_URL=https:\/\/hub\.example\.com, but ALLOWED_HOSTS does not have hub\.example\.com/,
        mend: /ALLOWED_HOSTS=crm\.example\.com,hub\.example\.com/
      }
    ]
  )
})

t.test('a port that is held', async (t) => {
  const ports = async (played: Played) => checkPorts(await ask(installed(played)))
  const node = (pid: number, script: string) => ({
    [`/proc/${pid}/cmdline`]: `node\0--max-semi-space-size=1\0${script}\0`
  })
  t.match(
    await ports(holder(55, 3001, { files: node(55, '/other/dist/session-manager/main.js') })),
    [
      {
        detail:
          /^PORT=3001 is taken by process 55 \(session-manager\) of another LeadMaster: end that, or have session-manager listen elsewhere/,
        mend: /PORT=3002.*SESSION_MANAGER_BASE_URL=http:\/\/127\.0\.0\.1:3002.* && systemctl restart leadmaster-session-manager leadmaster-central-hub$/
      }
    ]
  )
  t.notMatch(
    JSON.stringify(await ports(holder(55, 3001))),
    /kill|systemctl stop/,
    'nothing offers to end it'
  )
  t.match(await ports(holder(200, 3001)), [
    {
      service: 'session-manager',
      detail:
        'PORT=3001 is still held by central-hub (process 200), whose file names another port: restart needed',
      mend: 'systemctl restart leadmaster-central-hub leadmaster-session-manager'
    }
  ])
  const both = { '/proc/net/tcp': listening(3001, 77) + listening(3002, 78).split('\n')[1] }
  t.match(
    await ports(holder(55, 3001, { files: both })),
    [{ mend: /PORT=3003/ }],
    'nor is it moved to a port that somebody has'
  )
  t.same(
    await ports({ files: { '/proc/net/tcp': listening(3001, 77) } }),
    [],
    'a process of the service that nobody may look into'
  )
  t.match(
    await ports({
      files: { '/proc/net/tcp': listening(3001, 77) },
      links: { '/proc/100/fd/1': '/dev/null' }
    }),
    [
      {
        detail:
          /by a process of uid 999 at 127\.0\.0\.1, which root can name: ss -ltnp 'sport = :3001'/
      }
    ],
    'one that may be looked into'
  )
  t.same(await ports(holder(55, 3009)), [], 'another port')
  t.same(
    await ports(
      holder(55, 3001, {
        files: {
          ...files({ HOST: '192.0.2.1' }, { SESSION_MANAGER_BASE_URL: 'http://192.0.2.1:3001' })
        }
      })
    ),
    [],
    'another address'
  )
  t.match(
    await ports({
      files: { ...files({ PORT: '1023' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:1023' }) }
    }),
    [{ detail: /for root alone/ }]
  )
  t.same(
    await ports({
      files: { ...files({ PORT: '1024' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:1024' }) }
    }),
    []
  )
  t.same(
    await ports({
      files: {
        '/proc/sys/net/ipv4/ip_unprivileged_port_start': '80\n',
        ...files({ PORT: '80' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:80' })
      }
    }),
    []
  )
  for (const HOST of ['::', '0.0.0.0']) t.same(await ports({ files: files({ HOST }) }), [], HOST)
  t.same(
    await ports({ files: files({ PORT: '30x1' }) }),
    [],
    'of a file that is refused nothing is said'
  )
  t.match(
    await ports({
      files: files({ PORT: '80' }, { SESSION_MANAGER_BASE_URL: 'http://127.0.0.1:80' })
    }),
    [{ name: 'port' }]
  )
})

t.test('who is starting need not listen yet', async (t) => {
  const starting = installed({
    commands: {
      'systemctl show leadmaster-central-hub': {
        stdout: unit({ ActiveState: 'activating', SubState: 'start', MainPID: '200' })
      }
    }
  })
  t.same(
    lines(
      await checkListening(
        await ask({
          ...starting,
          files: { ...starting.files, '/proc/net/tcp': listening(3001, 77) }
        })
      )
    ),
    ['ok session-manager listens on 127.0.0.1:3001']
  )
  t.match(
    lines(
      await checkListening(
        await ask(installed({ files: { '/proc/net/tcp': listening(3001, 77) } }))
      )
    ),
    [
      'ok session-manager listens on 127.0.0.1:3001',
      'fault central-hub nobody listens on 127.0.0.1:3012, though its process runs'
    ]
  )
})

t.test(
  'of a service that does not run, or whose file is refused, nothing is said of its port or its URL',
  async (t) => {
    const stopped = installed({
      commands: {
        'systemctl show leadmaster-central-hub': {
          stdout: unit({ ActiveState: 'inactive', MainPID: '0' })
        },
        'systemctl show leadmaster-session-manager': {
          stdout: unit({ ActiveState: 'inactive', MainPID: '0' })
        }
      }
    })
    t.same(await checkListening(await ask(stopped)), [])
    t.same(
      await checkListening(
        await ask(installed({ files: { ...files({ PORT: '30x1' }, { PORT: '30x2' }) } }))
      ),
      []
    )
    const refused = {
      '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '30x2', ACCOUNT: 'sales' })
    }
    t.same(await checkWiring(await ask(installed({ files: refused }))), [])
    t.same(await checkFollowing(await ask(stopped), []), [])
  }
)

t.test('further accounts', async (t) => {
  const installation = async (named: string | undefined, account = sales) =>
    checkWiring(
      await ask(
        installed({
          files: {
            ...account,
            ...files({}, named === undefined ? {} : { FURTHER_SESSION_MANAGERS: named })
          }
        })
      )
    )
  t.same(await installation('sales=http://127.0.0.1:3002'), [])
  t.match(await installation(undefined), [
    {
      detail: /does not have sales: the hub does not follow session-manager@sales/,
      mend: /FURTHER_SESSION_MANAGERS=sales=http:\/\/127\.0\.0\.1:3002/
    }
  ])
  t.match(await installation('sales=http://127.0.0.1:3009'), [
    {
      detail:
        /has sales=http:\/\/127\.0\.0\.1:3009, but session-manager@sales is to listen on 127\.0\.0\.1:3002/
    }
  ])
  t.match(await installation('sales=http://127.0.0.1:3002,gone=http://127.0.0.1:3003'), [
    {
      detail: /no session-manager here has ACCOUNT=gone/,
      mend: /FURTHER_SESSION_MANAGERS=sales=http:\/\/127\.0\.0\.1:3002\|/
    }
  ])
  t.same(
    await installation('sales=http://127.0.0.1:3002,away=http://192.0.2.9:3003'),
    [],
    'one on another machine is not ours to judge'
  )
  const twin = { '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002' }) }
  t.match(await installation(undefined, twin), [
    {
      service: 'session-manager@sales',
      detail: 'ACCOUNT=main is also that of session-manager',
      mend: /ACCOUNT=sales/
    }
  ])
})

const identity = (status: object = {}): Identity => ({
  account: 'main',
  version: '1',
  status: {
    status: 'READY',
    since: '',
    account: 'main',
    linked: true,
    failures: 0,
    outbound_blocked: 0,
    journal: { id: 'j', last_seq: 5 },
    media: { pending: 0 },
    backfill: { running: false },
    ...status
  }
})

t.test('who answers', async (t) => {
  const answers = async (identify: Played['identify']) =>
    (await checkIdentities(await ask(installed(identify ? { identify } : {})))).findings
  t.match(await answers(async () => identity()), [
    { state: 'ok', detail: 'session-manager of account main answers at http://127.0.0.1:3001' }
  ])
  t.match(await answers(async () => ({ ...identity(), account: 'other' })), [
    { state: 'fault', detail: /is of account other, not main/ }
  ])
  t.match(
    await answers(async () => {
      throw new Error('what answers there is not a session-manager')
    }),
    [
      {
        state: 'fault',
        detail: 'what answers there is not a session-manager',
        mend: 'systemctl restart leadmaster-session-manager'
      }
    ]
  )
  const { findings, answered } = await checkIdentities(
    await ask(installed(), [fault('port', 'session-manager', 'taken', 'true')])
  )
  t.same(
    [lines(findings), answered],
    [['note central-hub skipped: mend session-manager port first'], []]
  )
})

t.test('the journal and its cursor', async (t) => {
  const answered: Answered[] = [{ manager: undefined, identity: identity() }]
  const ready = (ok: boolean, detail: string) => ({
    status: ok ? 200 : 503,
    body: {
      ready: ok,
      checks: [
        { name: 'store', ok: true, detail: 'open' },
        { name: 'following', ok, detail }
      ]
    }
  })
  const following = async (...said: ReturnType<typeof ready>[]) =>
    lines(
      await checkFollowing(
        await ask(installed({ get: async () => (said.length > 1 ? said.shift() : said[0]) })),
        answered
      )
    )
  t.same(await following(ready(true, 'record 5 of 5 taken')), [
    'ok central-hub record 5 of 5 taken, account main'
  ])
  t.same(await following(ready(true, 'record 2 of 5 taken'), ready(true, 'record 4 of 5 taken')), [
    'note central-hub catching up with account main: record 4 of 5 taken'
  ])
  t.same(
    await following(ready(true, 'record 2 of 5 taken')),
    [
      'fault central-hub account main is not followed, its journal is at record 5: record 2 of 5 taken'
    ],
    'one that stands still'
  )
  t.match(await following(ready(false, 'the stream is not open')), [
    /^fault central-hub .*the stream is not open$/
  ])
  for (const body of ['x', null, {}, { checks: 1 }])
    t.match(
      await checkFollowing(
        await ask(installed({ get: async () => ({ status: 200, body }) })),
        answered
      ),
      [{ name: 'following', detail: /does not answer as central-hub does/ }],
      JSON.stringify(body)
    )
  t.match(await following(), [
    /^fault central-hub http:\/\/127\.0\.0\.1:3012\/ready does not answer/
  ])
  const broken = {
    status: 503,
    body: {
      checks: [
        { name: 'store', ok: false, detail: 'the store does not answer' },
        { name: 'following', ok: true, detail: 'record 5 of 5 taken' }
      ]
    }
  }
  t.match(
    lines(await checkFollowing(await ask(installed({ get: async () => broken })), answered)),
    [/^fault central-hub the store does not answer/, /^ok/]
  )
  const other = {
    status: 503,
    body: {
      checks: [
        { name: 'following sales', ok: false, detail: 'away' },
        { name: 'following', ok: true, detail: 'record 5 of 5 taken' }
      ]
    }
  }
  t.match(
    lines(await checkFollowing(await ask(installed({ get: async () => other })), answered)),
    [/^ok/],
    'another check than the store is another matter'
  )
})

t.test('the session with WhatsApp', async (t) => {
  const { installation } = await ask(installed())
  const [manager] = installation.services
  if (manager?.kind !== 'session-manager') return t.fail('the first is a session-manager')
  const session = (status: object) => checkSessions([{ manager, identity: identity(status) }])[0]
  t.match(session({}), { state: 'ok', detail: /^READY/ })
  t.match(session({ status: 'QR_REQUIRED', journal: { id: 'j', last_seq: 0 } }), {
    state: 'note',
    detail: /no phone is linked yet/,
    mend: /\/qr\.txt$/
  })
  t.match(session({ status: 'QR_REQUIRED' }), {
    state: 'fault',
    detail: /no phone is linked any more/
  })
  t.match(
    session({
      status: 'DISCONNECTED',
      reason: 'WhatsApp is unreachable',
      next_attempt_at: '2026-11-24T12:00:05.000Z'
    }),
    {
      state: 'fault',
      detail: 'DISCONNECTED: WhatsApp is unreachable; it tries again at 12:00:05 UTC',
      mend: undefined
    }
  )
  t.match(session({ status: 'DISCONNECTED', reason: 'it was switched off' }), {
    state: 'fault',
    mend: /^curl -s -X POST .*\/connect$/
  })
  t.match(session({ status: 'INIT' }), { state: 'note' })
  t.match(session({ limited: 'reading back is limited', limited_by: ['backfill'] }), {
    name: 'session',
    state: 'note',
    detail: 'READY, but reading back is limited'
  })
  t.match(session({ limited: 'WhatsApp asks for the passkey', limited_by: ['checkpoint'] }), {
    name: 'session',
    state: 'fault'
  })
  const linked = (status: object, backup: string) =>
    checkSessions([
      {
        manager: {
          ...manager,
          config: { ...manager.config, PROFILE_BACKUP: backup } as typeof manager.config
        },
        identity: identity(status)
      }
    ])
  t.match(linked({}, ''), [{ state: 'ok' }, { state: 'note', name: 'linked device' }])
  t.equal(linked({}, 'file:///srv').length, 1)
  t.equal(linked({ linked: false }, '').length, 1)
})

t.test('a restart is offered once: not of a service that was started a moment ago', async (t) => {
  const startedAgo = (seconds: number): Played => ({
    files: {
      '/proc/stat': `btime ${Date.parse('2026-11-24T12:00:00Z') / 1_000 - seconds}\n`,
      '/proc/200/stat': `200 (x) S ${'0 '.repeat(18)}0 1`,
      '/proc/net/tcp': listening(3001, 77)
    }
  })
  const hubOf = async (seconds: number) =>
    (await checkListening(await ask(installed(startedAgo(seconds))))).filter(
      ({ service }) => service === 'central-hub'
    )
  t.match(await hubOf(700), [{ state: 'fault', mend: 'systemctl restart leadmaster-central-hub' }])
  t.match(await hubOf(30), [
    {
      state: 'fault',
      detail:
        /though its process runs\. central-hub was started 30 s ago, so that another restart will hardly help: journalctl -u leadmaster-central-hub may say more$/,
      mend: undefined
    }
  ])
  const answered: Answered[] = [{ manager: undefined, identity: identity() }]
  const following = async (seconds: number, get: Played['get']) =>
    checkFollowing(
      await ask(installed({ ...startedAgo(seconds), ...(get ? { get } : {}) })),
      answered
    )
  t.match(await following(30, async () => undefined), [{ state: 'fault', mend: undefined }])
  const damaged = {
    status: 503,
    body: {
      checks: [
        { name: 'store', ok: false, detail: 'database disk image is malformed' },
        { name: 'following', ok: true, detail: 'record 5 of 5 taken' }
      ]
    }
  }
  t.match(await following(700, async () => damaged), [
    { name: 'store', mend: /hub\.db\*/ },
    { state: 'ok' }
  ])
})
