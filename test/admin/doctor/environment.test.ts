import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { checkEnvFiles, checkTokens } from '../../../src/admin/doctor/environment.ts'
import { fault } from '../../../src/admin/doctor/finding.ts'
import { checkRunning } from '../../../src/admin/doctor/running.ts'
import { printSecret } from '../../../src/admin/installation/shell.ts'
import { parseEnvFile } from '../../../src/platform/env-file.ts'
import { ask, hubEnv, installed, lines, managerEnv, token, unit } from './wired.ts'

const manager = '/etc/leadmaster/session-manager.env'
const hub = '/etc/leadmaster/central-hub.env'
const faultsWith = async (files: Record<string, string>) =>
  (await checkEnvFiles(await ask(installed({ files })))).filter(({ state }) => state !== 'ok')

t.test('env files that are accepted', async (t) => {
  t.same(lines(await checkEnvFiles(await ask(installed()))), [
    `ok session-manager ${manager} is accepted`,
    `ok central-hub ${hub} is accepted`
  ])
})

t.test(
  'a file that is missing is made of the template, with what fits to the others',
  async (t) => {
    const played = installed()
    delete played.files?.[hub]
    delete played.stats?.[hub]
    const [first] = (await checkEnvFiles(await ask(played))).filter(
      ({ state }) => state === 'fault'
    )
    t.equal(first?.detail, `${hub} is missing`)
    t.match(
      first?.mend,
      /^install -m 0640 -o root -g leadmaster \/opt\/leadmaster\/current\/deploy\/env\/central-hub\.env \/etc\/leadmaster\/central-hub\.env && line=\$\(grep/
    )
    t.match(first?.mend, /HUB_API_TOKEN=\$\(od .* && systemctl restart leadmaster-central-hub$/)
  }
)

t.test('every fault of a file is named, in one go', async (t) => {
  const found = await faultsWith({
    [hub]: hubEnv({ PORT: '0', LOG_LEVEL: 'loud', UPSTREAM_MAX_DELAY: '10' }) + 'FOO=1\n'
  })
  t.match(
    found.map(({ detail }) => detail),
    [/^FOO is unknown/, /^LOG_LEVEL="loud"/, /^PORT="0"/, /^UPSTREAM_MAX_DELAY="10"/]
  )
  t.match(
    found.map(({ mend }) => mend),
    [/^sed -i '\/\^FOO=\/d'/, /LOG_LEVEL=info/, /PORT=3012/, /UPSTREAM_MAX_DELAY=10s/]
  )
})

t.test(
  'a near miss that cannot be renamed, for the right one stands there too, is removed',
  async (t) => {
    t.match(await faultsWith({ [hub]: `${hubEnv()}LOGLEVEL=debug\n` }), [
      { mend: /^sed -i '\/\^LOGLEVEL=\/d'/ }
    ])
  }
)

t.test('a variable that stands twice is worth a note', async (t) => {
  t.match(await faultsWith({ [hub]: `${hubEnv()}PORT=3013\n` }), [
    { state: 'note', detail: /^PORT stands in lines \d+, \d+: the last one holds$/ }
  ])
})

t.test('a byte order mark', async (t) => {
  t.match((await faultsWith({ [hub]: `\uFEFF${hubEnv()}` }))[0], {
    detail: /byte order mark/,
    mend: /^sed -i '1s/
  })
})

t.test('who may read it', async (t) => {
  const with_ = async (stat: object) =>
    (
      await checkEnvFiles(await ask(installed({ stats: { [hub]: { type: 'file', ...stat } } })))
    ).filter(({ state }) => state === 'fault')
  t.match(await with_({ mode: 0o644, gid: 995 }), [
    {
      detail: /\(mode 0644\) is open to every user/,
      mend: `chown root:leadmaster ${hub} && chmod 0640 ${hub}`
    }
  ])
  t.match(await with_({ mode: 0o660, gid: 995 }), [{ detail: /can be changed by its group/ }])
  t.match(await with_({ mode: 0o640, gid: 33 }), [{ detail: /can be read by group 33/ }])
  t.match(await with_({ mode: 0o600, uid: 999 }), [{ detail: /belongs to uid 999/ }])
  t.same(await with_({ mode: 0o600 }), [])
})

t.test('tokens are compared, and never shown', async (t) => {
  const files = {
    [hub]: hubEnv({ SESSION_MANAGER_TOKEN: 'quite-another-token-0123456789-abcdef' })
  }
  const found = await checkTokens(await ask(installed({ files })))
  t.match(found, [
    {
      state: 'fault',
      service: 'session-manager',
      detail: /is not the one in/,
      mend: /^line=\$\(grep .* && systemctl restart leadmaster-central-hub$/
    }
  ])
  t.notMatch(JSON.stringify(found), /quite-another|a-token-for-tests/)
  t.match(await checkTokens(await ask(installed())), [{ state: 'ok' }])
})

t.test('a further account has the same token', async (t) => {
  const sales = '/etc/leadmaster/session-manager-sales.env'
  const files = {
    [sales]: managerEnv({
      SESSION_MANAGER_TOKEN: 'quite-another-token-0123456789-abcdef',
      PORT: '3002',
      ACCOUNT: 'sales'
    })
  }
  const found = await checkTokens(await ask(installed({ files })))
  t.match(found, [
    { state: 'ok', service: 'session-manager' },
    {
      state: 'fault',
      service: 'session-manager@sales',
      mend: /systemctl restart leadmaster-session-manager@sales$/
    }
  ])
})

t.test('the running process against its file', async (t) => {
  const environ = (text: string): string =>
    Object.entries(parseEnvFile(text))
      .map(([name, value]) => `${name}=${value}\0`)
      .join('')
  const running = async (was: string) =>
    (
      await checkRunning(
        await ask(installed({ files: { '/proc/200/environ': `${was}INVOCATION_ID=1\0` } }))
      )
    ).filter(({ service }) => service === 'central-hub')
  t.match(await running(environ(hubEnv())), [
    { state: 'ok', detail: 'process 200 has what the file says' }
  ])
  t.match(
    await running(
      environ(hubEnv({ PORT: '3013', HUB_API_TOKEN: `${token}-old` })) + 'UPSTREAM_MAX_DELAY=5m\0'
    ),
    [
      {
        state: 'fault',
        detail:
          'restart needed, process 200 has another environment than its file: PORT is "3013", in the file "3012"; HUB_API_TOKEN differs; UPSTREAM_MAX_DELAY ("5m") is not in the file',
        mend: 'systemctl restart leadmaster-central-hub'
      }
    ]
  )
  const spoilt = await ask(
    installed({ files: { '/proc/200/environ': environ(hubEnv({ PORT: '3013' })) } }),
    [fault('env file', 'central-hub', 'PORT is refused', 'true')]
  )
  t.match(
    (await checkRunning(spoilt)).filter(({ service }) => service === 'central-hub'),
    [{ state: 'note', detail: 'skipped: mend env file first' }]
  )
  const differing = await ask(installed({ files: { '/proc/200/environ': environ(hubEnv()) } }), [
    fault('tokens', 'central-hub', 'they differ', 'true')
  ])
  t.match(
    (await checkRunning(differing)).filter(({ service }) => service === 'central-hub'),
    [{ state: 'note', detail: 'skipped: mend tokens first' }]
  )
})

t.test(
  'a value that is lost is taken from the process, unless the process has it from elsewhere',
  async (t) => {
    const lost = (held: string, properties: Record<string, string> = {}) =>
      installed({
        files: { [hub]: hubEnv().replace(/^PORT=.*\n/m, ''), '/proc/200/environ': 'PORT=4012\0' },
        commands: {
          'systemctl show-environment': { stdout: held },
          'systemctl show leadmaster-central-hub': {
            stdout: unit({ MainPID: '200', ...properties })
          }
        }
      })
    const mend = async (...given: Parameters<typeof lost>) =>
      (await checkEnvFiles(await ask(lost(...given)))).find(({ state }) => state === 'fault')?.mend
    t.match(await mend('LANG=C\n'), /PORT=4012/)
    t.match(
      await mend('LANG=C\nPORT=4012\n'),
      /PORT=3012/,
      "what systemd's own environment holds is stale"
    )
    t.match(
      await mend('', { Environment: 'A=1 PORT=4012' }),
      /PORT=3012/,
      'and so is what a drop-in sets'
    )
  }
)

t.test('an env file that is closed to this user is not called missing', async (t) => {
  const played = installed({ closed: [hub] })
  delete played.files?.[hub]
  delete played.stats?.[hub]
  const [first] = (await checkEnvFiles(await ask(played))).filter(({ state }) => state === 'fault')
  t.match(first, {
    detail: `${hub} may not be looked at by you`,
    mend: 'sudo /opt/leadmaster/current/scripts/doctor'
  })
})

t.test(
  'a process that cannot be looked into, and one that was started with an env file of Node',
  async (t) => {
    const found = async (files: Record<string, string>, stats = {}, uid = 0) =>
      (await checkRunning(await ask(installed({ uid, files, stats })))).filter(
        ({ service }) => service === 'central-hub'
      )
    t.match(await found({}), [
      {
        state: 'note',
        detail:
          'the environment of process 200 cannot be read: root of this container may not look into it'
      }
    ])
    t.match(await found({}, {}, 999), [
      {
        state: 'note',
        detail: 'the environment of process 200 cannot be read by you: run doctor as root'
      }
    ])
    const at = (startedAt: number) => ({
      '/proc/200/environ': 'HOME=/\0',
      '/proc/200/cmdline': `node\0--env-file=${hub}\0dist/central-hub/main.js\0`,
      '/proc/stat': `btime ${startedAt}\n`,
      '/proc/200/stat': `200 (x) S ${'0 '.repeat(18)}0 1`
    })
    const changed = { [hub]: { type: 'file', mode: 0o640, gid: 995, mtimeMs: 1_700_000_100_000 } }
    t.match(await found(at(1_700_000_000), changed), [
      {
        state: 'fault',
        detail: `restart needed, ${hub} was changed after process 200 was started with it (--env-file)`
      }
    ])
    t.match(await found(at(1_700_000_200), changed), [{ state: 'ok' }])
  }
)

t.test('a secret is printed as the service reads it', async (t) => {
  const path = `${t.testdir()}/hub.env`
  for (const text of [
    'T=secret\n',
    'T="secret"\n',
    "T='secret'\n",
    'T=secret\r\n',
    ' T = secret\n',
    'T=old\nT=secret\n'
  ]) {
    writeFileSync(path, text)
    t.equal(
      execFileSync('sh', ['-c', printSecret('T', { path, text })], { encoding: 'utf8' }).trim(),
      'secret',
      JSON.stringify(text)
    )
  }
})

t.test('a token that comes as a credential', async (t) => {
  const dropIn = '/etc/systemd/system/leadmaster-central-hub.service.d/token.conf'
  const with_ = (secret: string | undefined, more = {}) =>
    ask(
      installed({
        files: {
          [hub]: hubEnv({ SESSION_MANAGER_TOKEN: '' }),
          [dropIn]: '[Service]\nLoadCredential=SESSION_MANAGER_TOKEN:/srv/token\n',
          ...(secret === undefined ? {} : { '/srv/token': `${secret}\n` }),
          ...more
        },
        commands: {
          'systemctl show leadmaster-central-hub': { stdout: unit({ DropInPaths: dropIn }) }
        }
      })
    )
  t.match(lines(await checkEnvFiles(await with_(token))), [/^ok/, /^ok/], 'is not missing')
  t.match(await checkTokens(await with_(token)), [{ state: 'ok' }])
  t.match(await checkTokens(await with_('quite-another-token-0123456789-abcdef')), [
    { state: 'fault', mend: /LoadCredential # where one of them comes from/ }
  ])
  t.same(await checkTokens(await with_(undefined)), [], 'what cannot be read is not compared')
  t.match((await checkEnvFiles(await with_(token, { [hub]: hubEnv() })))[1], {
    state: 'fault',
    detail: /^SESSION_MANAGER_TOKEN is given twice/,
    mend: /^sed -i '\/\^SESSION_MANAGER_TOKEN=\/d'/
  })
})
