import t from 'tap'
import type { Identity } from '../../../src/central-hub/follow/upstream.ts'
import type { Answered } from '../../../src/admin/doctor/base-url.ts'
import { fault, ok } from '../../../src/admin/doctor/finding.ts'
import { checkFollowing, checkSessions } from '../../../src/admin/doctor/following.ts'
import type { Manager } from '../../../src/admin/installation/installation.ts'
import { ask, hubEnv, installed, managerEnv, token, unit } from './wired.ts'

/** What doctor says of a hub at work, word by word, and what it asks for that. */

const identity = (account: string, status: object = {}): Identity => ({
  account,
  version: '1',
  status: {
    status: 'READY',
    since: '',
    account,
    linked: false,
    failures: 0,
    outbound_blocked: 0,
    journal: { id: 'j', last_seq: 5 },
    media: { pending: 0 },
    backfill: { running: false },
    ...status
  }
})
const sales = {
  '/etc/leadmaster/session-manager-sales.env': managerEnv({ PORT: '3002', ACCOUNT: 'sales' }),
  '/etc/leadmaster/central-hub.env': hubEnv({
    FURTHER_SESSION_MANAGERS: 'sales=http://127.0.0.1:3002'
  })
}

interface Said {
  name: string
  ok: boolean
  detail: string
}
const following = (detail: string, isOk = true, name = 'following'): Said => ({
  name,
  ok: isOk,
  detail
})

/**
 * What is found by what the hub answers, one answer after the other; with what was asked, and for
 * how long it waited.
 */
const look = async (
  answers: (Said[] | undefined)[],
  accounts = ['main'],
  files: Record<string, string> = {},
  lastSeq = 5
) => {
  const asked = await ask(installed({ files }))
  const answered: Answered[] = accounts.map((account) => ({
    manager: asked.installation.services.find(
      ({ config }) => config !== undefined && 'ACCOUNT' in config && config.ACCOUNT === account
    ) as Manager,
    identity: identity(account, { journal: { id: 'j', last_seq: lastSeq } })
  }))
  const urls: unknown[] = []
  let waited = 0
  const host = {
    ...asked.host,
    get: async (...args: unknown[]) => {
      urls.push(args)
      return { status: 200, body: { checks: answers.length > 1 ? answers.shift() : answers[0] } }
    },
    delay: async (ms: number) => void (waited += ms)
  }
  return { findings: await checkFollowing({ ...asked, host }, answered), urls, waited }
}

t.test(
  'a hub that has taken all there is, is well, and is asked once, with its token',
  async (t) => {
    const { findings, urls, waited } = await look([[following('record 5 of 5 taken')]])
    t.same(findings, [ok('following', 'central-hub', 'record 5 of 5 taken, account main')])
    t.same(urls, [['http://127.0.0.1:3012/ready', `${token}-hub`]])
    t.equal(waited, 0)
    t.match((await look([[following('record 12 of 12 taken')]])).findings, [{ state: 'ok' }])
    t.same((await look([[following('record 6 of 6 taken')]])).findings, [
      ok('following', 'central-hub', 'record 6 of 6 taken, account main')
    ])
  }
)

t.test('a hub that lags, or does not follow, is looked at once more a moment later', async (t) => {
  const lost = (detail: string) => [
    fault(
      'following',
      'central-hub',
      `account main is not followed, its journal is at record 5: ${detail}`,
      'systemctl restart leadmaster-central-hub'
    )
  ]
  const rows: [(Said[] | undefined)[], unknown][] = [
    [[[following('record 5 of 5 taken', false)], undefined], lost('the hub does not know it')],
    [
      [[following('record 4 of 5 taken')], [following('record 5 of 5 taken')]],
      [ok('following', 'central-hub', 'record 5 of 5 taken, account main')]
    ],
    [
      [[following('away', false)], [following('record 5 of 5 taken')]],
      [ok('following', 'central-hub', 'record 5 of 5 taken, account main')]
    ],
    [
      [[], [following('record 5 of 5 taken')]],
      [ok('following', 'central-hub', 'record 5 of 5 taken, account main')]
    ],
    [
      [[following('record 2 of 5 taken')], [following('record 3 of 5 taken')]],
      [
        {
          name: 'following',
          service: 'central-hub',
          state: 'note',
          detail: 'catching up with account main: record 3 of 5 taken'
        }
      ]
    ],
    [[[following('record 2 of 5 taken')]], lost('record 2 of 5 taken')],
    [
      [[following('record 2 of 5 taken')], [following('record 3 of 5 taken', false)]],
      lost('record 3 of 5 taken')
    ],
    [[[following('record 5 of 5 taken', false)]], lost('record 5 of 5 taken')],
    [[[following('away', false)]], lost('away')],
    [[[]], lost('the hub does not know it')],
    [
      [[following('record 5 of 5 taken', true, 'following sales')]],
      lost('the hub does not know it')
    ]
  ]
  t.match((await look([[following('record 10 of 12 taken')]], ['main'], {}, 12)).findings, [
    { state: 'fault', detail: /journal is at record 12: record 10 of 12 taken$/ }
  ])
  for (const [answers, wanted] of rows) {
    const what = JSON.stringify(answers)
    const { findings, urls, waited } = await look(answers)
    t.same(findings, wanted, what)
    t.equal(urls.length, 2, what)
    t.ok(waited >= 1_000 && waited <= 5_000, `${waited} ms: ${what}`)
  }
})

t.test('a hub beside which another one of the same database follows is well', async (t) => {
  const { findings, urls } = await look([[following('another hub of the same database follows')]])
  t.same(findings, [
    ok('following', 'central-hub', 'another hub of the same database follows, account main')
  ])
  t.equal(urls.length, 1)
})

t.test('each further account is followed by its name', async (t) => {
  const said = [
    following('record 5 of 5 taken'),
    following('record 7 of 7 taken', true, 'following sales')
  ]
  t.same((await look([said], ['main', 'sales'], sales)).findings, [
    ok('following', 'central-hub', 'record 5 of 5 taken, account main'),
    ok('following', 'central-hub', 'record 7 of 7 taken, account sales')
  ])
  t.match((await look([[following('record 5 of 5 taken')]], ['sales'], sales)).findings, [
    { state: 'fault', detail: /^account sales is not followed.*the hub does not know it$/ }
  ])
})

t.test('a store that does not work is a fault of the hub, whatever else it says', async (t) => {
  const store = (detail: string, isOk = false): Said => ({ name: 'store', ok: isOk, detail })
  const well = following('record 5 of 5 taken')
  t.same((await look([[store('it does not answer'), well]])).findings, [
    fault('store', 'central-hub', 'it does not answer', 'systemctl restart leadmaster-central-hub'),
    ok('following', 'central-hub', 'record 5 of 5 taken, account main')
  ])
  t.equal((await look([[store('open', true), well]])).findings.length, 1)
  t.match((await look([[store('database disk image is malformed'), well]])).findings[0], {
    name: 'store',
    service: 'central-hub',
    detail: 'database disk image is malformed',
    mend: /^systemctl stop 'leadmaster-\*'; .*hub\.db.* && systemctl start leadmaster\.target$/
  })
})

t.test(
  'of a hub that does not run, is at fault, or whose file is refused, nothing is asked',
  async (t) => {
    const asked = await ask(installed(), [fault('unit', 'central-hub', 'x', 'true')])
    t.same(await checkFollowing(asked, [{ manager: undefined, identity: identity('main') }]), [])
    const other = await ask(installed({ get: async () => undefined }), [
      fault('unit', 'session-manager', 'x', 'true')
    ])
    t.match(await checkFollowing(other, []), [
      {
        name: 'following',
        detail: 'http://127.0.0.1:3012/ready does not answer as central-hub does',
        mend: 'systemctl restart leadmaster-central-hub'
      }
    ])
    const stopped = { 'systemctl show leadmaster-central-hub': { stdout: unit({ MainPID: '0' }) } }
    t.same(await checkFollowing(await ask(installed({ commands: stopped })), []), [])
    t.same(
      await checkFollowing(
        await ask(
          installed({ files: { '/etc/leadmaster/central-hub.env': hubEnv({ PORT: 'x' }) } })
        ),
        []
      ),
      []
    )
  }
)

t.test('each status of a session is told in words, with what a person can do', async (t) => {
  const { installation } = await ask(installed())
  const manager = installation.services.find(({ kind }) => kind === 'session-manager') as Manager
  const session = (status: object) =>
    checkSessions([{ manager, identity: identity('main', status) }])
  const curl = (method: string, path: string): string =>
    `curl -s ${method}-H "Authorization: Bearer $(sed -n 's/^SESSION_MANAGER_TOKEN=//p' /etc/leadmaster/session-manager.env | tail -n 1 | tr -d "\\"' \\r")" http://127.0.0.1:3001${path}`
  const none = { id: 'j', last_seq: 0 }
  const note = (detail: string, mend?: string) => ({
    name: 'session',
    service: 'session-manager',
    state: 'note',
    detail,
    ...(mend === undefined ? {} : { mend })
  })
  const bad = (detail: string, mend?: string) => ({
    name: 'session',
    service: 'session-manager',
    state: 'fault',
    detail,
    ...(mend === undefined ? {} : { mend })
  })
  const rows: [object, object][] = [
    [{}, ok('session', 'session-manager', 'READY: messages are being captured')],
    [
      { limited: 'reading back is limited', limited_by: ['backfill'] },
      note('READY, but reading back is limited')
    ],
    [
      { limited: 'WhatsApp asks for the passkey', limited_by: ['backfill', 'checkpoint'] },
      bad('READY, but WhatsApp asks for the passkey', 'leadmaster status')
    ],
    [
      { reason: 'the journal cannot be written: the disk is full', limited: 'votes are missing' },
      bad('READY, but the journal cannot be written: the disk is full', 'leadmaster status')
    ],
    [
      { status: 'QR_REQUIRED', journal: none },
      note(
        'QR_REQUIRED: no phone is linked yet, scan the code: WhatsApp, Settings, Linked devices',
        curl('', '/qr.txt')
      )
    ],
    [
      { status: 'QR_REQUIRED', journal: { id: 'j', last_seq: 1 } },
      bad(
        'QR_REQUIRED: no phone is linked any more, nothing is captured until the code is scanned',
        curl('', '/qr.txt')
      )
    ],
    [
      { status: 'PASSKEY_REQUIRED', reason: 'WhatsApp asks' },
      bad(
        'PASSKEY_REQUIRED: WhatsApp asks. Nothing is captured until a person has answered with the passkey',
        'leadmaster qr'
      )
    ],
    [
      { status: 'DISCONNECTED', reason: 'off' },
      bad('DISCONNECTED: off', curl('-X POST ', '/connect'))
    ],
    [{ status: 'ERROR' }, bad('ERROR: no reason given', curl('-X POST ', '/connect'))],
    [
      { status: 'ERROR', reason: 'x', next_attempt_at: '2026-11-24T12:00:05.000Z' },
      bad('ERROR: x; it tries again at 12:00:05 UTC')
    ],
    [{ status: 'INIT' }, note('INIT: on its way to READY')],
    [{ status: 'AUTHENTICATING' }, note('AUTHENTICATING: on its way to READY')]
  ]
  for (const [status, wanted] of rows) t.same(session(status), [wanted], JSON.stringify(status))
})

t.test(
  'a linked device that nobody backs up is worth a note, once messages are captured',
  async (t) => {
    const { installation } = await ask(installed())
    const manager = installation.services.find(({ kind }) => kind === 'session-manager') as Manager
    const notes = (status: object, backup: string): string[] => {
      const config = { ...manager.config, PROFILE_BACKUP: backup } as Manager['config']
      return checkSessions([
        { manager: { ...manager, config } as Manager, identity: identity('main', status) }
      ])
        .slice(1)
        .map(({ name, state, detail }) => `${state} ${name} ${detail}`)
    }
    t.match(notes({ linked: true }, ''), [
      /^note linked device there is no backup of the linked device by itself: set PROFILE_BACKUP\. Without it .* linking again/
    ])
    t.same(notes({ linked: true }, 'file:///srv'), [])
    t.same(notes({ linked: false }, ''), [])
    t.same(notes({ linked: true, status: 'INIT' }, ''), [])
  }
)

t.test(
  'of a session-manager of another machine, or whose file is refused, nothing is said',
  async (t) => {
    const { installation } = await ask(
      installed({ files: { '/etc/leadmaster/session-manager.env': managerEnv({ PORT: 'x' }) } })
    )
    const manager = installation.services.find(({ kind }) => kind === 'session-manager') as Manager
    t.same(
      checkSessions([
        { manager: undefined, identity: identity('main') },
        { manager, identity: identity('main') }
      ]),
      []
    )
  }
)
