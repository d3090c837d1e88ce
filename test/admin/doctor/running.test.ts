import t from 'tap'
import { fault, note, ok, type Finding } from '../../../src/admin/doctor/finding.ts'
import { checkRunning } from '../../../src/admin/doctor/running.ts'
import { parseEnvFile } from '../../../src/platform/env-file.ts'
import type { Played } from './played-host.ts'
import { ask, hubEnv, installed, managerEnv } from './wired.ts'

/** The file against what the process was started with. */

const hubFile = '/etc/leadmaster/central-hub.env'
const restart = 'systemctl restart leadmaster-central-hub'
const environ = (text: string, more = ''): string =>
  Object.entries(parseEnvFile(text))
    .map(([name, value]) => `${name}=${value}\0`)
    .join('') + more
/** What is found of the hub, by what its process has and what its file says. */
const hubHas = async (
  has: string,
  file = hubEnv(),
  more: Played = {},
  found: Finding[] = []
): Promise<Finding[]> => {
  const files = { [hubFile]: file, '/proc/200/environ': has, ...more.files }
  return (await checkRunning(await ask(installed({ ...more, files }), found))).filter(
    ({ service }) => service === 'central-hub'
  )
}
const stale = (differences: string): Finding[] => [
  fault(
    'running environment',
    'central-hub',
    `restart needed, process 200 has another environment than its file: ${differences}`,
    restart
  )
]

t.test('what is the same, or not ours, is no difference', async (t) => {
  const well = [ok('running environment', 'central-hub', 'process 200 has what the file says')]
  t.same(await hubHas(environ(hubEnv())), well)
  t.same(await hubHas(environ(hubEnv(), 'LANG=C\0INVOCATION_ID=1\0NODE_OPTIONS=x\0FOO=1\0')), well)
})

t.test('each variable that differs is told with both values, a secret without any', async (t) => {
  t.same(
    await hubHas(environ(hubEnv({ PORT: '3013' }))),
    stale('PORT is "3013", in the file "3012"')
  )
  t.same(
    await hubHas(environ(hubEnv(), 'RETENTION=30d\0')),
    stale('RETENTION ("30d") is not in the file')
  )
  t.same(
    await hubHas(environ(hubEnv()), `${hubEnv()}RETENTION=30d\n`),
    stale('RETENTION is not set, in the file "30d"')
  )
  t.same(
    await hubHas(environ(hubEnv({ HUB_API_TOKEN: 'quite-another-token-0123456789-abcdef' }))),
    stale('HUB_API_TOKEN differs')
  )
  t.same(
    await hubHas(environ(hubEnv({ PORT: '3013', HOST: '::1' }))),
    stale('HOST is "::1", in the file "127.0.0.1"; PORT is "3013", in the file "3012"')
  )
  const [was, is] = ['postgres://hub:secret@db/x', 'postgres://hub:secret@other/x']
  t.same(
    await hubHas(environ(hubEnv(), `DATABASE_URL=${was}\0`), `${hubEnv()}DATABASE_URL=${is}\n`),
    stale('DATABASE_URL is "postgres://(hidden)@db/x", in the file "postgres://(hidden)@other/x"')
  )
})

t.test('a fault of the file or of the tokens comes first', async (t) => {
  for (const name of ['env file', 'tokens']) {
    t.same(await hubHas('', hubEnv(), {}, [fault(name, 'central-hub', 'x', 'true')]), [
      note('running environment', 'central-hub', `skipped: mend ${name} first`)
    ])
  }
  t.match(
    await hubHas(environ(hubEnv()), hubEnv(), {}, [fault('unit', 'central-hub', 'x', 'true')]),
    [{ state: 'ok' }]
  )
})

t.test('what cannot be read is said with who may', async (t) => {
  const closed = async (uid: number) =>
    (await checkRunning(await ask(installed({ uid })))).map(
      ({ state, detail }) => `${state} ${detail}`
    )
  t.same(
    await closed(0),
    [100, 200].map(
      (pid) =>
        `note the environment of process ${pid} cannot be read: root of this container may not look into it`
    )
  )
  t.same(
    await closed(1_000),
    [100, 200].map(
      (pid) => `note the environment of process ${pid} cannot be read by you: run doctor as root`
    )
  )
  const stopped = {
    'systemctl show leadmaster-central-hub': { stdout: 'LoadState=loaded\nMainPID=0\n' }
  }
  t.same(
    await hubHas(environ(hubEnv({ PORT: '1' })), hubEnv(), { commands: stopped }),
    [],
    'of a service that does not run nothing is said'
  )
  const none = {
    ...stopped,
    'systemctl show leadmaster-session-manager': { stdout: 'LoadState=loaded\nMainPID=0\n' }
  }
  t.same(await checkRunning(await ask(installed({ commands: none }))), [])
})

t.test('a file that Node read at the start is compared by its age', async (t) => {
  const started = Date.parse('2026-11-24T10:00:00Z')
  const files = {
    '/proc/200/cmdline': `node\0--env-file=${hubFile}\0dist/central-hub/main.js\0`,
    '/proc/stat': `btime ${started / 1_000 - 100}\n`,
    '/proc/200/stat': `200 (x) S ${'0 '.repeat(18)}10000 1`
  }
  const changed = (mtimeMs: number, more: Record<string, string> = files) =>
    hubHas(environ(hubEnv()), hubEnv(), {
      files: more,
      stats: { [hubFile]: { type: 'file', mode: 0o640, gid: 995, mtimeMs } }
    })
  t.same(await changed(started + 1_001), [
    fault(
      'running environment',
      'central-hub',
      `restart needed, ${hubFile} was changed after process 200 was started with it (--env-file)`,
      restart
    )
  ])
  t.match(
    await changed(started + 1_000),
    [{ state: 'ok' }],
    'the time of boot is known by the second'
  )
  t.match(await changed(started - 1), [{ state: 'ok' }])
  t.match(
    await changed(started + 9_000, {
      ...files,
      '/proc/200/cmdline': 'node\0--env-file=/other.env\0dist/central-hub/main.js\0'
    }),
    [{ state: 'ok' }],
    'another file'
  )
  t.match(
    await changed(started + 9_000, { ...files, '/proc/stat': '' }),
    [{ state: 'ok' }],
    'a start that is not known'
  )
  const {
    files: installedFiles,
    stats,
    ...more
  } = installed({ files: { ...files, '/proc/200/environ': 'LANG=C\0' } })
  const without = <T>(all: Record<string, T> = {}): Record<string, T> =>
    Object.fromEntries(Object.entries(all).filter(([path]) => path !== hubFile))
  const gone = await checkRunning(
    await ask({ ...more, files: without(installedFiles), stats: without(stats) })
  )
  t.match(
    gone.filter(({ service }) => service === 'central-hub'),
    [{ state: 'ok' }],
    'a file that is gone'
  )
})

t.test('each service is compared with its own file', async (t) => {
  const files = {
    '/proc/100/environ': environ(managerEnv({ PORT: '3009' })),
    '/proc/200/environ': environ(hubEnv())
  }
  t.match(await checkRunning(await ask(installed({ files }))), [
    {
      service: 'session-manager',
      state: 'fault',
      detail: /process 100 .*PORT is "3009", in the file "3001"$/,
      mend: 'systemctl restart leadmaster-session-manager'
    },
    { service: 'central-hub', state: 'ok' }
  ])
})
