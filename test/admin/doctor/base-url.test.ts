import t from 'tap'
import type { Identity } from '../../../src/central-hub/follow/upstream.ts'
import { checkIdentities, checkWiring } from '../../../src/admin/doctor/base-url.ts'
import { fault, note, ok, type Finding } from '../../../src/admin/doctor/finding.ts'
import { ask, hubEnv, installed, managerEnv, token } from './wired.ts'

/**
 * The hub's URLs, word by word, with the command that helps. Which addresses lead where:
 * network.test.ts.
 */

const [managerFile, hubFile, salesFile] = [
  'session-manager',
  'central-hub',
  'session-manager-sales'
].map((name) => `/etc/leadmaster/${name}.env`) as [string, string, string]
const [manager, hub] = ['leadmaster-session-manager', 'leadmaster-central-hub']
const restart = `systemctl restart ${hub}`
const bad = (detail: string, mend: string, service = 'central-hub'): Finding =>
  fault('base URL', service, detail, mend)
const set = (name: string, value: string, file = hubFile): string =>
  `sed -i 's|^${name}=.*|${name}=${value}|' ${file}`
const sales = (values: Record<string, string> = {}): Record<string, string> => ({
  [salesFile]: managerEnv({ PORT: '3002', ACCOUNT: 'sales', ...values })
})
const files = (
  ofHub: Record<string, string>,
  ofManager: Record<string, string> = {},
  more: Record<string, string> = {}
): Record<string, string> => ({
  [managerFile]: managerEnv(ofManager),
  [hubFile]: hubEnv(ofHub),
  ...more
})
const installation = async (each: Record<string, string>, found: Finding[] = []) =>
  checkWiring(await ask(installed({ files: each }), found))

t.test('a URL that leads nowhere is given its session-manager’s own', async (t) => {
  const of = (ofManager: Record<string, string>, url = 'http://127.0.0.1:3001') =>
    installation(files({ SESSION_MANAGER_BASE_URL: url }, ofManager))
  const changed = (url: string): string => `${set('SESSION_MANAGER_BASE_URL', url)} && ${restart}`
  t.same(await of({ PORT: '3005' }), [
    bad(
      'SESSION_MANAGER_BASE_URL=http://127.0.0.1:3001, but session-manager is to listen on 127.0.0.1:3005',
      changed('http://127.0.0.1:3005')
    )
  ])
  t.same(await of({ HOST: '::1' }), [
    bad(
      'SESSION_MANAGER_BASE_URL=http://127.0.0.1:3001, but session-manager is to listen on ::1:3001',
      changed('"http://[::1]:3001"')
    )
  ])
  t.same(await of({}, 'http://0.0.0.0:3001'), [
    bad(
      'SESSION_MANAGER_BASE_URL=http://0.0.0.0:3001, but session-manager answers only to localhost, 127.0.0.1 as its name (to others HTTP 421)',
      changed('http://127.0.0.1:3001')
    )
  ])
  t.same(await of({ HOST: '0.0.0.0' }, 'http://box:3001'), [
    bad(
      'SESSION_MANAGER_BASE_URL=http://box:3001, but session-manager answers only to localhost, 127.0.0.1, 0.0.0.0 as its name (to others HTTP 421)',
      changed('http://127.0.0.1:3001')
    )
  ])
  t.same(
    await of({ HOST: '0.0.0.0', ALLOWED_HOSTS: 'box' }, 'http://box:3001'),
    [],
    'a name that it was given'
  )
  t.same(await of({ HOST: '::' }, 'http://[::1]:3001'), [])
  t.same(await of({ PORT: '443' }, 'http://127.0.0.1:443'), [])
  t.match(await of({ PORT: '443' }, 'https://127.0.0.1'), [{ detail: /is to listen on/ }])
})

t.test('a hub that names another file as its own', async (t) => {
  t.same(await installation(files({ ENV_FILE: '/srv/hub.env' })), [
    bad(
      `ENV_FILE=/srv/hub.env, but its file is ${hubFile}: its messages name the wrong one`,
      `${set('ENV_FILE', hubFile)} && ${restart}`
    )
  ])
})

t.test(
  'further accounts: each is followed at its own URL, and none that is not there',
  async (t) => {
    const of = (named: string | undefined, more = sales()) =>
      installation(files(named === undefined ? {} : { FURTHER_SESSION_MANAGERS: named }, {}, more))
    const follow = `${set('FURTHER_SESSION_MANAGERS', 'sales=http://127.0.0.1:3002')} && ${restart}`
    const [missing] = await of(undefined)
    t.equal(
      missing?.detail,
      'FURTHER_SESSION_MANAGERS does not have sales: the hub does not follow session-manager@sales'
    )
    t.match(
      missing?.mend,
      /FURTHER_SESSION_MANAGERS=sales=http:\/\/127\.0\.0\.1:3002\b.* && systemctl restart leadmaster-central-hub$/
    )
    t.same(await of('sales=http://127.0.0.1:3009'), [
      bad(
        'FURTHER_SESSION_MANAGERS has sales=http://127.0.0.1:3009, but session-manager@sales is to listen on 127.0.0.1:3002',
        follow
      )
    ])
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) {
      t.same(
        await of(`sales=http://127.0.0.1:3002,gone=http://${host}:3003`),
        [
          bad(
            `FURTHER_SESSION_MANAGERS has gone=http://${host}:3003, but no session-manager here has ACCOUNT=gone`,
            follow
          )
        ],
        host
      )
    }
    t.same(
      await of('sales=http://127.0.0.1:3002,away=http://192.0.2.9:3003'),
      [],
      'one of another machine'
    )
    t.same(
      await installation(files({ FURTHER_SESSION_MANAGERS: 'gone=http://127.0.0.1:3003' })),
      [
        bad(
          'FURTHER_SESSION_MANAGERS has gone=http://127.0.0.1:3003, but no session-manager here has ACCOUNT=gone',
          `sed -i '/^FURTHER_SESSION_MANAGERS=/d' ${hubFile} && ${restart}`
        )
      ],
      'the only one'
    )
    t.same(
      await of('sales=http://127.0.0.1:3002,other=http://127.0.0.1:3003', sales({ PORT: 'x' })),
      [],
      'one may be that whose file is refused'
    )
    const both = await of('sales=http://127.0.0.1:3002,other=http://127.0.0.1:3009', {
      ...sales(),
      '/etc/leadmaster/session-manager-other.env': managerEnv({ PORT: '3003', ACCOUNT: 'other' })
    })
    t.same(
      both.map(({ mend }) => mend),
      [
        `${set('FURTHER_SESSION_MANAGERS', 'sales=http://127.0.0.1:3002,other=http://127.0.0.1:3003')} && ${restart}`
      ],
      'the others stay'
    )
  }
)

t.test('two session-managers of one account: the second is given its own name', async (t) => {
  const mend = `${set('ACCOUNT', 'sales', salesFile)} && systemctl restart ${manager}@sales`
  t.same(await installation(files({}, {}, sales({ ACCOUNT: 'main' }))), [
    bad('ACCOUNT=main is also that of session-manager', mend, 'session-manager@sales')
  ])
})

t.test('a port that is at fault may be moved: nothing is said of the URL then', async (t) => {
  const each = files({}, { PORT: '3005' })
  t.same(await installation(each, [fault('port', 'session-manager', 'taken', 'true')]), [])
  t.equal((await installation(each, [fault('unit', 'session-manager', 'x', 'true')])).length, 1)
  t.same(
    await installation({ ...each, [hubFile]: hubEnv({ PORT: 'x' }) }),
    [],
    'nor where the hub’s file is refused'
  )
})

/** Who is asked, and what is found, by the account that answers at each URL. */
const identities = async (
  answers: Record<string, string | Error>,
  each: Record<string, string>,
  found: Finding[] = []
) => {
  const asked = await ask(installed({ files: each }), found)
  const questions: object[] = []
  const identify = async (question: { baseUrl: string }): Promise<Identity> => {
    questions.push(question)
    const account = answers[question.baseUrl]
    if (account === undefined || account instanceof Error)
      throw account ?? new Error('nobody is there')
    return { account, version: '1', status: { journal: { id: 'j', last_seq: 5 } } } as Identity
  }
  const { findings, answered } = await checkIdentities({
    ...asked,
    host: { ...asked.host, identify } as typeof asked.host
  })
  return {
    findings,
    questions,
    answered: answered.map(({ manager: by, identity }) => [by?.name, identity.account])
  }
}

t.test('who answers at each URL is asked with the hub’s token, and told', async (t) => {
  const each = files(
    { FURTHER_SESSION_MANAGERS: 'sales=http://127.0.0.1:3002,away=http://192.0.2.9:3003' },
    {},
    sales()
  )
  const { findings, questions, answered } = await identities(
    {
      'http://127.0.0.1:3001': 'main',
      'http://127.0.0.1:3002': 'sales',
      'http://192.0.2.9:3003': 'away'
    },
    each
  )
  t.same(findings, [
    ok(
      'base URL',
      'central-hub',
      'session-manager of account main answers at http://127.0.0.1:3001'
    ),
    ok(
      'base URL',
      'central-hub',
      'session-manager of account sales answers at http://127.0.0.1:3002'
    ),
    ok(
      'base URL',
      'central-hub',
      'session-manager of account away answers at http://192.0.2.9:3003'
    )
  ])
  const with_ = { token, envFile: hubFile }
  t.same(questions, [
    { ...with_, baseUrl: 'http://127.0.0.1:3001', others: ['sales', 'away'] },
    { ...with_, baseUrl: 'http://127.0.0.1:3002', account: 'sales' },
    { ...with_, baseUrl: 'http://192.0.2.9:3003', account: 'away' }
  ])
  t.same(answered, [
    ['session-manager', 'main'],
    ['session-manager@sales', 'sales'],
    [undefined, 'away']
  ])
})

t.test('one that is of another account than its file says is to be started again', async (t) => {
  const { findings, answered } = await identities({ 'http://127.0.0.1:3001': 'old' }, files({}))
  t.same(findings, [
    bad(
      `session-manager at http://127.0.0.1:3001 is of account old, not main as ${managerFile} says`,
      `systemctl restart ${manager}`
    )
  ])
  t.same(answered, [])
})

t.test(
  'where nobody answers, a session-manager of this machine is started again; of another machine it is a note',
  async (t) => {
    const each = files({ FURTHER_SESSION_MANAGERS: 'away=http://192.0.2.9:3003' })
    const { findings, answered } = await identities(
      { 'http://127.0.0.1:3001': new Error('it speaks no HTTP') },
      each
    )
    t.same(findings, [
      bad('it speaks no HTTP', `systemctl restart ${manager}`),
      note('base URL', 'central-hub', 'nobody is there')
    ])
    t.same(answered, [])
  }
)

t.test('nobody is asked where an earlier fault explains what would be answered', async (t) => {
  const skip = (words: string): Finding =>
    note('base URL', 'central-hub', `skipped: mend ${words} first`)
  for (const [found, words] of [
    [fault('unit', 'session-manager', 'x', 'true'), 'session-manager unit'],
    [fault('env file', 'central-hub', 'x', 'true'), 'env file'],
    [fault('port', 'central-hub', 'x', 'true'), 'port'],
    [fault('base URL', 'central-hub', 'x', 'true'), 'base URL']
  ] as const) {
    const { findings, questions } = await identities({}, files({}), [found])
    t.same([findings, questions], [[skip(words)], []], words)
  }
  t.equal(
    (await identities({}, files({}), [fault('unit', 'central-hub', 'x', 'true')])).questions.length,
    1,
    'a hub that does not run asks nobody: doctor does'
  )
  t.same(
    (await identities({}, { ...files({}), [hubFile]: hubEnv({ PORT: 'x' }) })).findings,
    [],
    'nor where the hub’s file is refused'
  )
})

t.test(
  'a session-manager whose file is refused is compared with nothing, and the others with what they should be',
  async (t) => {
    const refused = { PORT: 'x' }
    const followed = { FURTHER_SESSION_MANAGERS: 'sales=http://127.0.0.1:3002' }
    t.same(await installation(files(followed, refused, sales())), [])
    t.match(await installation(files({}, refused, sales())), [
      {
        detail:
          'FURTHER_SESSION_MANAGERS does not have sales: the hub does not follow session-manager@sales'
      }
    ])
    const { findings, answered } = await identities(
      { 'http://127.0.0.1:3001': 'whichever', 'http://127.0.0.1:3002': 'sales' },
      files(followed, refused, sales())
    )
    t.same(findings, [
      ok(
        'base URL',
        'central-hub',
        'session-manager of account whichever answers at http://127.0.0.1:3001'
      ),
      ok(
        'base URL',
        'central-hub',
        'session-manager of account sales answers at http://127.0.0.1:3002'
      )
    ])
    t.same(answered, [
      ['session-manager', 'whichever'],
      ['session-manager@sales', 'sales']
    ])
  }
)
