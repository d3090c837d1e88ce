import t from 'tap'
import {
  canLookInto,
  commandLine,
  environmentOf,
  envFilesOf,
  findProcess,
  holders,
  listeners,
  meets,
  ourProcesses,
  startedAt,
  type Sought
} from '../../../src/admin/installation/processes.ts'
import { play, type Played } from './played-host.ts'

/**
 * What doctor reads from /proc: programs by their command lines, listeners, and the process of a
 * run in the foreground.
 */

const home = '/home/ana/.leadmaster'
const variables = {
  PORT: '3001',
  ACCOUNT: 'main',
  STATE_DIR: `${home}/real/session-manager`,
  SESSION_MANAGER_TOKEN: 'secret-of-this-run'
}
const sought: Sought = { kind: 'session-manager', home, variables, uid: 999 }

interface Made {
  pid: number
  args: string[]
  env?: Record<string, string> | undefined
  cwd?: string
  exe?: string
  uid?: number
  /** What it has open, by its descriptor. */
  open?: Record<number, string>
}

/** A machine with these processes. */
const machine = (made: readonly Made[], more: Played = {}): Played => {
  const files: Record<string, string> = { ...more.files }
  const links: Record<string, string> = { ...more.links }
  for (const { pid, args, env, cwd, exe, uid = 999, open = {} } of made) {
    files[`/proc/${pid}/cmdline`] = args.map((arg) => `${arg}\0`).join('')
    files[`/proc/${pid}/status`] = `Name:\tMainThread\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`
    files[`/proc/${pid}/comm`] = 'MainThread\n'
    if (env !== undefined)
      files[`/proc/${pid}/environ`] = Object.entries(env)
        .map(([name, value]) => `${name}=${value}\0`)
        .join('')
    if (cwd !== undefined) links[`/proc/${pid}/cwd`] = cwd
    if (exe !== undefined) links[`/proc/${pid}/exe`] = exe
    for (const [fd, path] of Object.entries(open)) links[`/proc/${pid}/fd/${fd}`] = path
  }
  return { ...more, files, links }
}
const find = async (
  made: readonly Made[],
  more: Played = {},
  wanted: Sought = sought
): Promise<number | undefined> => findProcess(play(machine(made, more)), wanted)
/** A row of /proc/net/tcp or tcp6. */
const row = (local: string, state: string, inode: number, uid = 999): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000   ${uid}        0 ${inode} 1 0 100 0 0 10 0`
const table = (...rows: string[]): string =>
  `  sl  local_address rem_address   st\n${rows.join('\n')}\n`

t.test('findProcess finds the script however Node was given it', async (t) => {
  const ways: [string, Partial<Made>, Played?][] = [
    ['by its whole path', { args: ['/usr/bin/node', '/clone/dist/session-manager/main.js'] }],
    [
      'by its path from where it was started',
      { args: ['node', 'dist/session-manager/main.js'], cwd: '/clone' }
    ],
    ['from the source', { args: ['node', '/clone/src/session-manager/main.ts'] }],
    ['without its ending', { args: ['node', '/clone/dist/session-manager/main'] }],
    [
      'after options',
      {
        args: [
          '/usr/bin/nodejs',
          '--max-semi-space-size=1',
          '--enable-source-maps',
          '/clone/dist/session-manager/main.js'
        ]
      }
    ],
    [
      'after an option with a value of its own',
      {
        args: [
          'node',
          '-r',
          './hook.js',
          '--import',
          'x.ts',
          '--env-file',
          'a.env',
          'dist/session-manager/main.js'
        ],
        cwd: '/clone'
      }
    ],
    ['after two dashes', { args: ['node', '--', 'dist/session-manager/main.js'] }],
    ['for the inspector', { args: ['node', 'inspect', 'dist/session-manager/main.js'] }],
    [
      'by a link',
      { args: ['node', '/usr/local/bin/session-manager'] },
      { links: { '/usr/local/bin/session-manager': '/clone/dist/session-manager/main.js' } }
    ],
    [
      'by a link from where it was started',
      { args: ['node', 'bin/sm'], cwd: '/clone' },
      { links: { '/clone/bin/sm': '/clone/dist/session-manager/main.js' } }
    ],
    [
      'under another name of Node',
      {
        args: ['leadmaster', '/clone/dist/session-manager/main.js'],
        exe: '/clone/runtime/bin/node'
      }
    ],
    [
      'with arguments after it',
      { args: ['node', '/clone/dist/session-manager/main.js', '--verbose', 'x'] }
    ]
  ]
  for (const [way, made, more] of ways)
    t.equal(await find([{ pid: 7, args: [], env: variables, ...made }], more), 7, way)
})

t.test('findProcess takes no value of an option for the script', async (t) => {
  for (const option of [
    '-r',
    '--require',
    '--import',
    '--loader',
    '--experimental-loader',
    '-C',
    '--conditions',
    '--env-file',
    '--env-file-if-exists',
    '--title',
    '--input-type',
    '--disable-warning',
    '--icu-data-dir',
    '--openssl-config',
    '--inspect-port',
    '--watch-path',
    '--redirect-warnings',
    '--diagnostic-dir',
    '--experimental-config-file'
  ]) {
    t.equal(
      await find([
        { pid: 7, args: ['node', option, 'value', 'dist/session-manager/main.js'], env: variables }
      ]),
      7,
      option
    )
  }
  for (const option of ['-e', '--eval', '-p', '--print', '-pe', '--run', '-i', '--interactive']) {
    t.equal(
      await find([
        { pid: 7, args: ['node', option, 'dist/session-manager/main.js'], env: variables }
      ]),
      undefined,
      option
    )
  }
})

t.test('findProcess takes no other process for the service', async (t) => {
  const script = '/clone/dist/session-manager/main.js'
  const others: [string, string[]][] = [
    ['the other service', ['node', '/clone/dist/central-hub/main.js']],
    ['an editor with the file open', ['vim', script]],
    ['a shell that runs it', ['bash', '-c', `node ${script}`]],
    ['a pager', ['less', script]],
    ['another script that is given it', ['node', '/usr/bin/prettier', script]],
    ['a program whose name begins alike', ['nodemon', script]],
    ['a program whose name ends alike', ['/usr/bin/ts-node', script]],
    ['code of the command line', ['node', '-e', script]],
    ['code of the command line, printed', ['node', '-p', script]],
    ['a task of npm', ['node', '--run', script]],
    ['the value of an option', ['node', '--require', script, '/x/server.js']],
    ['a program beside it', ['node', '/clone/dist/session-manager/main.js.map']],
    ['a directory that ends alike', ['node', '/clone/dist/my-session-manager/main.js']],
    ['no argument at all', ['node']],
    ['a thread of the kernel', []]
  ]
  for (const [what, args] of others) {
    t.equal(await find([{ pid: 7, args, env: variables }]), undefined, what)
    t.equal(
      await find([{ pid: 7, args, env: variables, cwd: '/clone' }]),
      undefined,
      `${what}, of a directory that is known`
    )
  }
})

const args = ['node', '/clone/dist/session-manager/main.js']
const other = {
  PORT: '4001',
  ACCOUNT: 'other',
  STATE_DIR: '/srv/other/session-manager',
  SESSION_MANAGER_TOKEN: 'secret-of-another-run'
}

t.test(
  'findProcess goes by the lock, the state directory, or the secret and the port',
  async (t) => {
    t.equal(await find([{ pid: 7, args, env: other }]), undefined, 'a run of another home')
    t.equal(
      await find([{ pid: 7, args, env: { ...other, PORT: '3001', ACCOUNT: 'main' } }]),
      undefined,
      'one that has the same port and account'
    )
    t.equal(
      await find([
        { pid: 7, args, env: { ...other, SESSION_MANAGER_TOKEN: variables.SESSION_MANAGER_TOKEN } }
      ]),
      undefined,
      'one that has the same secret'
    )
    t.equal(
      await find([
        {
          pid: 7,
          args,
          env: { ...other, SESSION_MANAGER_TOKEN: variables.SESSION_MANAGER_TOKEN, PORT: '3001' }
        }
      ]),
      7,
      'the secret and the port'
    )
    t.equal(
      await find([{ pid: 7, args, env: other, open: { 8: `${home}/lock` } }]),
      7,
      'the lock of this home'
    )
    t.equal(
      await find([{ pid: 7, args, env: other, open: { 8: '/srv/other/lock' } }]),
      undefined,
      'the lock of another home'
    )
    t.equal(
      await find([
        { pid: 7, args, env: { ...other, STATE_DIR: `${home}/simulated/session-manager` } }
      ]),
      7,
      'a state directory in this home'
    )
    t.equal(
      await find([{ pid: 7, args, env: { ...other, STATE_DIR: `${home}-2/session-manager` } }]),
      undefined,
      'one beside this home'
    )
    t.equal(
      await find(
        [{ pid: 7, args, env: { ...other, STATE_DIR: '/srv/state' } }],
        {},
        { ...sought, variables: { ...variables, STATE_DIR: '/srv/state' } }
      ),
      7,
      'the state directory of the file'
    )
    t.equal(
      await find([{ pid: 7, args, env: {} }], {}, { ...sought, variables: {} }),
      undefined,
      'nothing in common is no likeness'
    )
    t.equal(
      await find(
        [{ pid: 7, args, env: { STATE_DIR: '', SESSION_MANAGER_TOKEN: '', PORT: '' } }],
        {},
        { ...sought, variables: { STATE_DIR: '', SESSION_MANAGER_TOKEN: '', PORT: '' } }
      ),
      undefined,
      'nor are empty values'
    )
  }
)

t.test('findProcess takes the one that fits best', async (t) => {
  const open = { 8: `${home}/lock` }
  const sales = {
    pid: 6,
    args,
    env: {
      ...variables,
      PORT: '3002',
      ACCOUNT: 'sales',
      STATE_DIR: `${home}/real/session-manager-sales`
    },
    open
  }
  const main = { pid: 7, args, env: variables, open }
  t.equal(await find([sales, main]), 7, 'of two accounts')
  t.equal(
    await find([
      { ...main, pid: 5 },
      { ...sales, pid: 1_234 }
    ]),
    5,
    'in any order'
  )
  t.equal(
    await find([
      { ...sales, pid: 5 },
      { ...main, pid: 1_234 }
    ]),
    1_234
  )
  for (const name of ['STATE_DIR', 'PORT', 'ACCOUNT'] as const) {
    const edited = { ...main, env: { ...variables, [name]: 'edited' } }
    t.equal(await find([edited, { ...main, pid: 8 }]), 8, `by ${name} alone`)
  }
  const edited = { ...variables, PORT: '9', STATE_DIR: '/srv/edited' }
  t.equal(
    await find([
      { ...main, env: { ...edited, ACCOUNT: 'sales' } },
      { ...main, pid: 8, env: edited }
    ]),
    8,
    'by the account, where all else was edited'
  )
  const more = {
    files: {
      '/proc/net/tcp': table(row('0100007F:0BB9', '0A', 55), row('0100007F:0016', '0A', 56))
    }
  }
  t.equal(
    await find(
      [
        { pid: 5, args: ['node', '--watch', ...args.slice(1)], env: variables },
        { pid: 6, args, env: variables, open: { 9: 'socket:[55]' } }
      ],
      more
    ),
    6,
    'that which listens, of a watcher and its child'
  )
  t.equal(
    await find(
      [
        { pid: 5, args, env: variables, open: { 9: 'socket:[55]' } },
        { pid: 6, args, env: variables }
      ],
      more
    ),
    5,
    'in any order, too'
  )
  t.equal(
    await find([
      { pid: 5, args, env: undefined, uid: 999 },
      { pid: 6, args, env: variables }
    ]),
    6,
    'that which may be looked into'
  )
})

t.test('findProcess goes by program and user where nobody may look into a process', async (t) => {
  t.equal(await find([{ pid: 7, args, env: undefined, uid: 999 }]), 7)
  t.equal(await find([{ pid: 7, args, env: undefined, uid: 33 }]), undefined, 'another user')
  t.equal(
    await find([{ pid: 7, args, env: undefined }], {}, { ...sought, uid: undefined }),
    undefined,
    'a user that is not known'
  )
  const hidden = { files: { '/proc/7/cmdline': args.map((arg) => `${arg}\0`).join('') } }
  t.equal(
    await findProcess(play(hidden), sought),
    undefined,
    'a process of which nothing else can be read'
  )
})

t.test('the environment of a process holds what Node read by --env-file', async (t) => {
  const files = { '/clone/a.env': 'PORT=1\nHOST="x"\n', '/b.env': 'PORT=2\n' }
  const host = play(
    machine(
      [
        {
          pid: 7,
          args: [
            'node',
            '--env-file=a.env',
            '--env-file',
            '/b.env',
            'main.js',
            '--env-file=/c.env'
          ],
          env: { HOST: 'own', x: '1=2' },
          cwd: '/clone'
        }
      ],
      { files }
    )
  )
  t.same(
    await environmentOf(host, 7),
    { PORT: '2', HOST: 'own', x: '1=2' },
    'the later file counts, and the environment most'
  )
  t.same(await envFilesOf(host, 7), ['/clone/a.env', '/b.env'])
  t.same(
    await envFilesOf(
      play(machine([{ pid: 7, args: ['node', '--env-file-if-exists=/a.env', 'main.js'] }])),
      7
    ),
    ['/a.env']
  )
  const read = (...options: string[]) =>
    envFilesOf(play(machine([{ pid: 7, args: ['node', ...options, 'main.js'] }])), 7)
  t.same(await read('--env-file=a.env'), ['/a.env'], 'of a directory that is not known')
  t.same(
    await read('--title=--env-file=/x', '--title=--env-file', '--env-file=', '--import=y'),
    [],
    'what only looks like it'
  )
  t.equal(await environmentOf(host, 8), undefined, 'of a process that is none')
  t.same(await environmentOf(play({ files: { '/proc/7/environ': 'A=1\0nonsense\0' } }), 7), {
    A: '1'
  })
})

t.test('the command line and the start of a process', async (t) => {
  const stat = `7 (a ) b) S 1 ${Array.from({ length: 17 }, (_, at) => at).join(' ')} 12345 99 98`
  const host = play({
    files: {
      '/proc/7/cmdline': 'a\0b\0',
      '/proc/stat': 'cpu 1\nbtime 1700000000\n',
      '/proc/7/stat': stat
    }
  })
  t.same(await commandLine(host, 7), ['a', 'b'])
  t.same(await commandLine(host, 8), [])
  t.equal(await startedAt(host, 7), 1_700_000_000_000 + 123_450)
  t.equal(await startedAt(host, 8), undefined)
  t.equal(await startedAt(play({ files: { '/proc/7/stat': stat } }), 7), undefined)
})

t.test('listeners are read from both tables, in whatever form of address', async (t) => {
  const host = play({
    files: {
      '/proc/net/tcp': table(
        row('0100007F:0BB9', '0A', 1, 5),
        row('0200007F:0BC4', '01', 2),
        row('00000000:0050', '0A', 3)
      ),
      '/proc/net/tcp6': table(
        row('00000000000000000000000000000000:1F90', '0A', 4),
        row('00000000000000000000000001000000:1F91', '0A', 5),
        row('0000000000000000FFFF00000100007F:1F92', '0A', 6),
        row('B80D0120000000000000000001000000:1F93', '0A', 7),
        row('00000000000000000000000002000000:1F94', '0A', 8),
        row('0000000000000000FF0000000100007F:1F95', '0A', 9),
        row('0000000001000000FFFF00000100007F:1F96', '0A', 10),
        row('01000000000000000000000001000000:1F97', '0A', 11),
        row('000000000000000000FF00000100007F:1F98', '0A', 12)
      )
    }
  })
  t.same(await listeners(host), [
    { address: '127.0.0.1', port: 3001, inode: '1', uid: 5 },
    { address: '0.0.0.0', port: 80, inode: '3', uid: 999 },
    { address: '::', port: 8080, inode: '4', uid: 999 },
    { address: '::1', port: 8081, inode: '5', uid: 999 },
    { address: '127.0.0.1', port: 8082, inode: '6', uid: 999 },
    { address: '2001:0db8:0000:0000:0000:0000:0000:0001', port: 8083, inode: '7', uid: 999 },
    { address: '0000:0000:0000:0000:0000:0000:0000:0002', port: 8084, inode: '8', uid: 999 },
    { address: '0000:0000:0000:0000:0000:00ff:7f00:0001', port: 8085, inode: '9', uid: 999 },
    { address: '0000:0000:0000:0001:0000:ffff:7f00:0001', port: 8086, inode: '10', uid: 999 },
    { address: '0000:0001:0000:0000:0000:0000:0000:0001', port: 8087, inode: '11', uid: 999 },
    { address: '0000:0000:0000:0000:0000:ff00:7f00:0001', port: 8088, inode: '12', uid: 999 }
  ])
  t.same(await listeners(play({})), [])
})

t.test('an address meets HOST when one who listens there is in its way', async (t) => {
  for (const [address, host, wanted] of [
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['0.0.0.0', '10.0.0.1', true],
    ['::', '10.0.0.1', true],
    ['10.0.0.1', '0.0.0.0', true],
    ['10.0.0.1', '::', true],
    ['127.0.0.1', 'localhost', true],
    ['::1', 'localhost', true],
    ['10.0.0.1', 'localhost', false],
    ['localhost', '127.0.0.1', false]
  ] as const)
    t.equal(meets(address, host), wanted, `${address} ${host}`)
})

t.test('a process is named by its program', async (t) => {
  const named = async (made: Partial<Made>, more: Played = {}) => {
    const host = play(machine([{ pid: 7, args: [], open: { 3: 'socket:[9]' }, ...made }], more))
    return (await holders(host, '9'))[0]
  }
  const name = async (...args: string[]): Promise<string | undefined> =>
    (await named({ args }))?.name
  t.match(await named({ args }), {
    pid: 7,
    name: 'session-manager',
    kind: 'session-manager',
    unit: undefined
  })
  t.match(
    await named({ args: ['node', '--max-old-space-size=9', '/x/dist/central-hub/main.js'] }),
    { name: 'central-hub', kind: 'central-hub' }
  )
  t.match(await named({ args: ['/usr/local/bin/node', '/srv/shop/server.js'] }), {
    name: 'node server.js',
    kind: undefined
  })
  t.equal(await name('/usr/sbin/nats-server', '-p', '4222'), 'nats-server')
  t.equal(await name('nginx: master process /usr/sbin/nginx'), 'nginx')
  t.equal(await name('-bash'), 'bash')
  t.equal(await name('node', '-e', 'x'), 'node')
  t.equal(await name(), 'MainThread', 'its thread, where there is no command line')
  t.match(
    await named(
      { args: ['x'] },
      { files: { '/proc/7/cgroup': '0::/system.slice/grafana.service\n' } }
    ),
    { unit: 'grafana.service' }
  )
  t.match(
    await named(
      { args: ['x'] },
      { files: { '/proc/7/cgroup': '0::/user.slice/session-1.scope\n' } }
    ),
    { unit: undefined }
  )
  const app = '0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n'
  t.equal(
    (await named({ args: ['x'] }, { files: { '/proc/7/cgroup': app } }))?.unit,
    undefined,
    'what a person runs is of no unit'
  )
  t.equal(await named({ open: { 3: 'socket:[99]' } }), undefined, 'one that holds another socket')
  const gone = play({ links: { '/proc/7/fd/3': 'socket:[9]' } })
  t.match(await holders(gone, '9'), [{ name: '?' }])
})

t.test('ourProcesses are those of our services, of whatever run', async (t) => {
  const host = play(
    machine([
      { pid: 5, args },
      { pid: 6, args: ['vim', ...args] },
      { pid: 7, args: ['node', 'src/central-hub/main.ts'] }
    ])
  )
  t.match(
    (await ourProcesses(host)).map(({ pid, name }) => [pid, name]),
    [
      [5, 'session-manager'],
      [7, 'central-hub']
    ]
  )
})

t.test('canLookInto says whether what a process has open can be seen', async (t) => {
  t.equal(await canLookInto(play(machine([{ pid: 7, args, open: { 3: '/x' } }])), 7), true)
  t.equal(await canLookInto(play({ files: { '/proc/7/fd/3': '' } }), 7), false)
  t.equal(await canLookInto(play({}), 7), false)
})
