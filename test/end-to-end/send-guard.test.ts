import t, { type Test } from 'tap'
import { refused } from '../../src/session-manager/whatsapp/guard.ts'
import { token } from './daemon.ts'
import { withSession, type Session } from './session.ts'

/**
 * The send guard in the real chain, against a page that sends by itself, through none of the
 * functions we ask for.
 */

t.setTimeout(900_000)

/** Each round is one attempt of each kind. */
const kinds = [
  'presence available',
  'receipt read',
  'chatstate none',
  'message text',
  'iq set w:sync:app:state patch'
]

/**
 * A page that tries to send in `rounds` rounds: before it is connected, as it connects, once it is
 * linked, and after a reload of its own. Rounds without a connection send nothing in any case, and
 * are not counted.
 */
const sendingPage = (rounds: number): string => `
bundle('sender', (use) => {
  const round = (isConnected) => {
    const { wap, generateId, JID, S_WHATSAPP_NET } = use('WAWap')
    const comms = use('WAComms')
    const to = JID('5215512345678@s.whatsapp.net')
    const stanzas = [
      wap('presence', { type: 'available', name: 'Ana' }),
      wap('receipt', { type: 'read', id: generateId(), to }),
      wap('chatstate', { to }, wap('composing', null)),
      wap('message', { type: 'text', id: generateId(), to }, wap('enc', { v: '2' }, 'x')),
      wap('iq', { type: 'set', xmlns: 'w:sync:app:state', id: generateId(), to: S_WHATSAPP_NET }, wap('sync', null, wap('collection', { name: 'regular' }, wap('patch', null, 'x'))))
    ]
    for (const stanza of stanzas) {
      // What waits for an answer is kept until there is a connection: it would be an attempt more later.
      if (!isConnected && (stanza.tag === 'iq' || stanza.tag === 'message')) continue
      try {
        if (stanza.tag === 'iq') comms._sendIq(stanza, false).catch(() => undefined)
        else if (stanza.tag === 'message') comms.sendSmaxStanza(stanza).catch(() => undefined)
        else comms.castSmaxStanza(stanza)
      } catch {
        // Refused, or there is no connection yet.
      }
    }
  }
  let left = ${rounds}
  const isConnected = () => {
    try {
      return use('WAComms').getComms()?.socket != null
    } catch {
      return false
    }
  }
  const attempt = () => {
    const isOpen = isConnected()
    if (isOpen) left -= 1
    round(isOpen)
    if (left > 0) return void setTimeout(attempt, 20)
    if (use('WAWebSocketModel').Socket.state !== 'CONNECTED') return void setTimeout(attempt, 100)
    if (localStorage.getItem('reloaded') !== null) return
    localStorage.setItem('reloaded', 'yes')
    setTimeout(() => location.reload(), 3_000)
  }
  return { attempt }
})
requireLazy(['sender', 'WAWap', 'WAComms', 'WAWebSocketModel'], ({ attempt }) => attempt())
`

/**
 * A page that does at each connection and load what WhatsApp Web does: it says `unavailable` within
 * its own change of state, keeps a change of settings, and sends what it kept. After the third
 * refusal the collection has expired, and it unlinks this device.
 * @param database the module that keeps the changes
 */
const settingsPage = (database: string): string => `
bundle('${database}', () => {
  const rows = () => JSON.parse(localStorage.getItem('rows') ?? '[]')
  return {
    appendPendingMutationsRows: async (more) => localStorage.setItem('rows', JSON.stringify([...rows(), ...more])),
    getAllPendingMutationsRows: async () => rows()
  }
})
bundle.default('WAWebSyncdCollectionsStateMachine', () => {
  class States {
    static getExpiredCollections() {
      return Number(localStorage.getItem('refusals') ?? 0) >= 3 ? ['regular'] : []
    }
  }
  return States
})
bundle('settings', (use) => {
  const { Socket } = use('WAWebSocketModel')
  const send = async () => {
    const { wap, generateId, S_WHATSAPP_NET } = use('WAWap')
    const patch = wap('sync', null, wap('collection', { name: 'regular' }, wap('patch', null, 'x')))
    const stanza = wap('iq', { type: 'set', xmlns: 'w:sync:app:state', id: generateId(), to: S_WHATSAPP_NET }, patch)
    const answer = await use('WAComms')._sendIq(stanza, false).catch(() => undefined)
    if (answer?.attrs?.type !== 'result') localStorage.setItem('refusals', String(Number(localStorage.getItem('refusals') ?? 0) + 1))
  }
  const sync = async () => {
    if (Socket.state !== 'CONNECTED') return
    if ((await use('${database}').getAllPendingMutationsRows()).length > 0) await send()
    if (use('WAWebSyncdCollectionsStateMachine').getExpiredCollections().length > 0) await Socket.logout('SyncdFailure')
  }
  const start = async () => {
    Socket.on('change:state', (_socket, state) => state === 'CONNECTED' && use('WAWebPresenceChatAction').sendPresenceUnavailable())
    await use('${database}').appendPendingMutationsRows(['device_capabilities'])
    for (;;) {
      await sync()
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  return { start }
})
requireLazy(['settings', '${database}', 'WAWebSyncdCollectionsStateMachine', 'WAWebPresenceChatAction', 'WAWebSocketModel', 'WAWap', 'WAComms'], ({ start }) => start())
`

/** A page that, so long after it is connected, does something by which a fence no longer holds. */
const holedPage = (afterMs: number, deed: string): string => `
bundle('hole', (use) => ({
  make: () => {
    if (use('WAWebSocketModel').Socket.state !== 'CONNECTED') return void setTimeout(use('hole').make, 20)
    setTimeout(() => { ${deed} }, ${afterMs})
  }
}))
requireLazy(['hole', 'WAComms', 'WAWebSocketModel'], ({ make }) => make())
`
const pastTheFence = `use('WAComms').getComms().socket.sendFrame(new Uint8Array(333))`
/**
 * The page's own module of that name is renamed, and this one, which nothing can be put on, comes
 * in its place.
 */
const frozen = `
__d('WAWebNote' + 'Action', [], function (a, b, c, d, e, f, g) {
  g.noteAddAction = () => 'sent'
  Object.freeze(g)
}, 98)`

const names = (list: readonly string[]): Record<string, string> =>
  Object.fromEntries(list.map((name) => [name, `${name}Renamed`]))
/** A version of WhatsApp Web that has nothing of what the fences are put on. */
const withoutWire = names(['encodeStanza'])
const withoutModules = names([
  ...Object.keys(refused).filter(
    (name) => !['WAWebCmd', 'WAWebCollections', 'WAWebStreamModel'].includes(name)
  ),
  ...Object.values(refused)
    .flat()
    .filter((name) => /^(Cmd|Label|Stream)\./.test(name))
    .map((name) => name.split('.')[1] as string),
  'castSmaxStanza',
  'sendSmaxStanza',
  '_sendIq',
  'deprecatedCastStanza',
  'deprecatedSendIq',
  'deprecatedSendStanzaAndWaitForAck',
  'deprecatedSendIqErrorParser',
  'deprecatedSendIqIfConnectedWithin',
  'deprecatedSendIqWithoutRetry',
  'deprecatedSendStanzaAndReturnAck'
])

const metrics = async ({ daemon }: Session): Promise<string> =>
  (await fetch(`${daemon.url}/metrics`, { headers: { authorization: `Bearer ${token}` } })).text()
const metric = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')
      .at(-1) ?? Number.NaN
  )
/** What has left that a listener must not send. */
const forbidden = ({ web }: Session): string[] =>
  web.stanzas().flatMap((stanza) => {
    const isWrite = stanza.children.some((path) => path.includes('patch'))
    const kind = [stanza.tag, stanza.category ?? stanza.type ?? ''].join(' ')
    return isWrite ||
      /^(presence (?!unavailable)|chatstate|call|receipt (read|played)|message (?!peer))/.test(kind)
      ? [kind]
      : []
  })
const capturesText = async (t: Test, session: Session, name: string): Promise<void> => {
  const { id } = session.web.phone.text({ from: '+5215512345678', text: 'Hola' })
  t.match(
    await session.record((record) => record.kind === 'message' && record.message.id === id),
    { message: { id } },
    name
  )
}
const neverReady = async (t: Test, session: Session, reason: RegExp): Promise<void> => {
  await session.web.scan()
  const failed = await session.daemon.seen('session', ({ status }) => status === 'ERROR', 60_000)
  t.match(failed['reason'], reason)
  session.web.phone.text({ from: '+5215512345678', text: 'Hola' })
  await session.daemon.seen(
    'session',
    (line) =>
      line['status'] === 'ERROR' &&
      session.daemon.lines.indexOf(line) > session.daemon.lines.indexOf(failed),
    60_000
  )
  t.notOk(
    session.daemon.lines.some(({ event, status }) => event === 'session' && status === 'READY'),
    'it is never READY'
  )
  t.same(await session.records(), [], 'nothing is captured')
}

t.test(
  'a page that sends by itself, at any time: nothing leaves, all is counted, and the session works',
  (t) => {
    const rounds = 15
    return withSession(
      t,
      { scenario: { own: sendingPage(rounds) }, env: { PROBE_INTERVAL: '300ms' } },
      async (session) => {
        const { web, daemon } = session
        await web.scan()
        await session.ready()
        await daemon.seen('backfill')
        const total = async (): Promise<number> => (await session.status()).outbound_blocked
        const until = Date.now() + 40_000
        let before = -1
        while (
          ((await total()) < 2 * rounds * kinds.length || before !== (await total())) &&
          Date.now() < until
        ) {
          before = await total()
          await new Promise((resolve) => setTimeout(resolve, 1_000))
        }
        await session.ready()

        const text = await metrics(session)
        const documents = metric(text, 'outbound_blocked') / kinds.length / rounds
        t.ok(
          Number.isInteger(documents) && documents >= 2,
          `${documents} documents, each with ${rounds} rounds`
        )
        for (const kind of kinds) {
          const [tag, ...type] = kind.split(' ')
          t.equal(
            metric(text, `outbound_refused_total{tag="${tag}",type="${type.join(' ')}"}`),
            documents * rounds,
            `${kind}: refused and counted, in each document`
          )
        }
        t.same(forbidden(session), [], 'the server got nothing of it')
        const named = daemon.lines
          .filter(({ event }) => event === 'outbound_refused')
          .map(({ tag, type }) => `${tag} ${type}`)
        t.same(named.sort(), [...kinds].sort(), 'each kind is named once in the log')
        t.match(await session.status(), {
          status: 'READY',
          guard: { wire: 'in_force', modules: 'in_force' }
        })
        t.match(
          (await session.status()).limited,
          /^WhatsApp Web wants to write the account's settings .* within two days/,
          'the refused settings limit it'
        )
        t.equal(
          daemon.lines.filter(({ event, level }) => event === 'guard_limited' && level === 'error')
            .length,
          1,
          'one alert'
        )
        t.equal(metric(text, 'guard_fence{fence="wire"}'), 1)
        t.equal(metric(text, 'guard_fence{fence="modules"}'), 1)
        await capturesText(t, session, 'messages are captured')
        const isSeen = (kind: string): boolean =>
          Object.keys(web.stanzaCounts()).some((one) => one.startsWith(kind))
        t.ok(
          isSeen('receipt') && isSeen('iq set'),
          `what a linked device must send leaves: ${Object.keys(web.stanzaCounts()).join()}`
        )
        await new Promise((resolve) => setTimeout(resolve, 2_000))
        t.ok(
          /outbound_allowed_total\{tag="receipt",type="\w+"\} [1-9]/.test(await metrics(session)),
          'and is counted'
        )
      }
    )
  }
)

t.test('a page that writes settings at each load stays linked', async (t) => {
  const linkedFor = async (session: Session, ms: number): Promise<void> => {
    await session.web.scan()
    await session.ready()
    await new Promise((resolve) => setTimeout(resolve, ms))
    t.match(await session.status(), {
      status: 'READY',
      guard: { wire: 'in_force', modules: 'in_force' }
    })
    t.same(forbidden(session), [], 'the server got nothing of it')
    await capturesText(t, session, 'messages are captured')
  }
  await t.test('the change is not kept, so none is refused on the wire', (t) =>
    withSession(
      t,
      { scenario: { own: settingsPage('WAWebSyncdDb') }, env: { PROBE_INTERVAL: '300ms' } },
      async (session) => {
        await linkedFor(session, 3_000)
        const text = await metrics(session)
        t.ok(
          metric(
            text,
            'outbound_refused_total{tag="function",type="WAWebSyncdDb.appendPendingMutationsRows"}'
          ) >= 1
        )
        t.notMatch(text, /outbound_refused_total\{tag="iq"/)
        t.equal((await session.status()).limited, undefined)
        t.ok(
          Object.keys(session.web.stanzaCounts()).includes('presence unavailable'),
          'the page says that it is unavailable'
        )
      }
    )
  )
  await t.test('kept by another name, it is refused on the wire, and limits the session', (t) =>
    withSession(
      t,
      { scenario: { own: settingsPage('KeptElsewhere') }, env: { PROBE_INTERVAL: '300ms' } },
      async (session) => {
        await linkedFor(session, 3_000)
        t.ok(
          metric(
            await metrics(session),
            'outbound_refused_total{tag="iq",type="set w:sync:app:state patch"}'
          ) >= 3
        )
        t.match((await session.status()).limited, /settings .* within two days/)
      }
    )
  )
})

t.test(
  'without the fence on the wire: captured and limited, with an alert; nothing leaves by the list',
  (t) =>
    withSession(
      t,
      { scenario: { own: sendingPage(5), renamed: withoutWire }, env: { PROBE_INTERVAL: '300ms' } },
      async (session) => {
        await session.web.scan()
        await session.ready()
        await session.daemon.seen('guard_limited')
        t.match(await session.status(), {
          status: 'READY',
          guard: { wire: 'absent', modules: 'in_force' },
          limited: /fence on the wire is absent/
        })
        t.equal(
          session.daemon.lines.filter(
            ({ event, level }) => event === 'guard_limited' && level === 'error'
          ).length,
          1
        )
        await capturesText(t, session, 'messages are captured')
        t.same(forbidden(session), [])
        t.ok((await session.status()).outbound_blocked > 0)
      }
    )
)

t.test('GUARD=strict refuses a page that has one fence only', (t) =>
  withSession(
    t,
    {
      scenario: { renamed: withoutWire },
      env: { GUARD: 'strict', PROBE_INTERVAL: '300ms', RECONNECT_MAX_DELAY: '1s' }
    },
    (session) =>
      neverReady(t, session, /GUARD=strict asks for both fences.*fence on the wire is absent/)
  )
)

t.test(
  'with neither fence, or a hole in one, the session is never READY and says why',
  async (t) => {
    const cases: [string, object, RegExp][] = [
      [
        'neither',
        { renamed: { ...withoutWire, ...withoutModules } },
        /send guard does not hold.*wire is absent.*functions is absent/
      ],
      ['a hole in the wire', { own: holedPage(0, pastTheFence) }, /fence on the wire is open/],
      [
        'a hole in the list',
        {
          own: `${frozen}\nrequireLazy(['WAWebNote' + 'Action'], () => undefined)`,
          renamed: names(['WAWebNoteAction'])
        },
        /fence on functions is open/
      ]
    ]
    for (const [name, scenario, reason] of cases) {
      await t.test(name, (t) =>
        withSession(
          t,
          { scenario, env: { PROBE_INTERVAL: '300ms', RECONNECT_MAX_DELAY: '1s' } },
          (session) => neverReady(t, session, reason)
        )
      )
    }
  }
)

t.test('a fence that is lost while READY loses the session', (t) =>
  withSession(
    t,
    {
      scenario: { own: holedPage(4_000, pastTheFence) },
      env: { PROBE_INTERVAL: '300ms', RECONNECT_MIN_DELAY: '10s', RECONNECT_MAX_DELAY: '20s' }
    },
    async (session) => {
      await session.web.scan()
      await session.ready()
      const lost = await session.daemon.seen('session', ({ status }) => status === 'ERROR', 30_000)
      t.match(lost['reason'], /1 frames left that did not pass/)
      t.match(
        await session.status(),
        { status: 'ERROR', reason: /1 frames left that did not pass/ },
        '/status says why'
      )
      t.match(
        session.daemon.lines.find(({ event }) => event === 'guard_open'),
        { level: 'error', wire: 'open' }
      )
    }
  )
)
