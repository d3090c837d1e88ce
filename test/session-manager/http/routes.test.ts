import { join } from 'node:path'
import type { TSchema } from 'typebox'
import t, { type Test } from 'tap'
import { PageReport } from '../../../src/contract/page-report.ts'
import { Problem } from '../../../src/contract/problem.ts'
import { InboundPage, InboundRecord } from '../../../src/contract/record.ts'
import {
  Connect,
  Disconnect,
  Erased,
  Health,
  PairingCode,
  Passkey,
  Qr,
  Status
} from '../../../src/contract/session.ts'
import { bearerCheck } from '../../../src/platform/http/auth.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { PasskeyDesk } from '../../../src/session-manager/session/passkey.ts'
import { addRoutes } from '../../../src/session-manager/http/routes.ts'
import { initialSession, type Session } from '../../../src/session-manager/session/session.ts'
import type { Listener } from '../../../src/session-manager/whatsapp/listener.ts'
import { remapSome } from '../../../src/session-manager/journal/remap.ts'
import { conforms } from '../../platform/conforms.ts'
import { serve } from '../../platform/http/http-server.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { newRecord } from '../journal/new-records.ts'
import { fakeListeners } from '../session/fake-listener.ts'
import { answerTo, passkeyRequest } from '../session/passkey-answers.ts'

const token = 'correct-horse-battery-staple-0123456789'
const bearer = { authorization: `Bearer ${token}` }
const qr = {
  code: '2@abc',
  generatedAt: Date.UTC(2026, 0, 1),
  expiresAt: Date.UTC(2026, 0, 1, 0, 1)
}

/** The routes over a real journal and a session that a test sets. */
const rig = async (t: Test) => {
  const journal = openJournal(join(t.testdir(), 'journal.db'), 'main')
  const state = {
    session: initialSession(0),
    connects: 0,
    disconnects: [] as boolean[],
    linked: false,
    confirmed: true,
    listener: undefined as Listener | undefined
  }
  const watchers = new Set<() => void>()
  const set = (facts: Partial<Session>): void => {
    state.session = { ...state.session, ...facts }
    for (const changed of watchers) changed()
  }
  const status = (): Status => ({
    status: state.session.status,
    since: new Date(state.session.since).toISOString(),
    account: 'main',
    linked: state.linked,
    failures: 0,
    ...(state.session.limited === undefined ? {} : { limited: state.session.limited }),
    outbound_blocked: 0,
    journal: { id: journal.id, last_seq: journal.lastSeq() },
    media: { pending: 0 },
    backfill: { running: false }
  })
  const server = await serve(
    t,
    (http) =>
      addRoutes({
        http,
        journal,
        status,
        health: () => ({
          status: 'ok',
          service: 'session-manager',
          timestamp: new Date().toISOString(),
          version: '1.2.3',
          account: 'main',
          pid: process.pid,
          uptime_s: 1.5
        }),
        session: () => state.session,
        connect: () => {
          state.connects += 1
          set({ running: true, status: 'INIT', off: false })
        },
        disconnect: async (logout) => {
          state.disconnects.push(logout)
          set({ running: false, status: 'DISCONNECTED', off: true })
          return logout && state.confirmed
        },
        remap: (after, isTrial) =>
          remapSome({ journal, remap: () => undefined, version: 2, after, isTrial }),
        passkey: new PasskeyDesk(
          () => state.session,
          () => state.listener
        ),
        pairingCode: async (phone) => {
          if (phone === '+14155550100') throw new Error('rate-overlimit')
          return {
            code: 'ABCD-EFGH',
            generatedAt: Date.UTC(2026, 0, 1),
            expiresAt: Date.UTC(2026, 0, 1, 0, 3)
          }
        },
        pageReport: async () => {
          if (state.session.status !== 'READY') throw new Error('no page is open')
          return {
            whatsapp_web: '2.3000.1',
            chromium: 142,
            checks: [],
            modules: { A: 'missing' },
            messages: { chat: { 'id.$1': 'string' } }
          }
        },
        erase: async (chatIds, messageIds) => {
          if (chatIds.includes('full')) throw new Error('database or disk is full')
          return { records: journal.erase({ chatIds, messageIds }), media_files: 0 }
        },
        onStatus: (changed) => {
          watchers.add(changed)
          return () => watchers.delete(changed)
        },
        metrics: async () => '# HELP a b\na 1\n'
      }),
    {
      authorize: (req) => {
        if (req.path !== '/health' && !bearerCheck(token)(req))
          throw new ProblemError('unauthorized', 'send Authorization: Bearer')
      }
    }
  )
  t.teardown(() => journal.close())
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(server.url + path, {
      ...init,
      headers: { ...bearer, ...(init.headers as Record<string, string>) }
    })
  const body = async <T>(
    t: Test,
    schema: TSchema,
    path: string,
    init?: RequestInit
  ): Promise<T> => {
    const answer = await ask(path, init)
    const value: unknown = await answer.json()
    t.equal(answer.status, 200, path)
    conforms(t, schema, value, `${path} is as the contract has it`)
    return value as T
  }
  const refused = async (
    t: Test,
    path: string,
    field: string,
    init?: RequestInit
  ): Promise<void> => {
    const answer = await ask(path, init)
    const value = (await answer.json()) as Problem
    t.equal(answer.status, 400, path)
    conforms(t, Problem, value, 'a problem document')
    t.equal(value.errors?.[0]?.field, field)
  }
  return { ...server, journal, state, set, watchers, ask, body, refused }
}

t.test('GET /health is open and tells which program answers', async (t) => {
  const { url } = await rig(t)
  const answer = await fetch(`${url}/health`)
  const value: unknown = await answer.json()
  conforms(t, Health, value, 'as the contract has it')
  t.match(value, { status: 'ok', service: 'session-manager', pid: process.pid })
})

t.test('everything else wants the token', async (t) => {
  const { url, state } = await rig(t)
  for (const [method, path] of [
    ['GET', '/status'],
    ['GET', '/qr'],
    ['GET', '/qr.png'],
    ['GET', '/inbound'],
    ['GET', '/inbound/stream'],
    ['GET', '/metrics'],
    ['GET', '/page-report'],
    ['POST', '/connect'],
    ['POST', '/disconnect'],
    ['POST', '/pairing-code'],
    ['POST', '/erase'],
    ['GET', '/nowhere'],
    ['GET', '/health/']
  ] as const) {
    for (const headers of [{}, { authorization: `Bearer ${token}x` }, { authorization: token }]) {
      const answer = await fetch(url + path, { method, headers })
      t.equal(answer.status, 401, `${method} ${path}`)
      t.equal(answer.headers.get('www-authenticate'), 'Bearer')
      conforms(t, Problem, await answer.json(), 'a problem document')
    }
  }
  t.equal(state.connects, 0)
  t.same(state.disconnects, [])
})

t.test('GET /status', async (t) => {
  const { body, set } = await rig(t)
  t.match(await body(t, Status, '/status'), {
    status: 'DISCONNECTED',
    since: '1970-01-01T00:00:00.000Z'
  })
  set({ status: 'READY' })
  t.match(await body(t, Status, '/status'), { status: 'READY', limited: undefined })
  set({ limited: 'WhatsApp Web has changed: media are not fetched' })
  t.match(await body(t, Status, '/status'), {
    status: 'READY',
    limited: 'WhatsApp Web has changed: media are not fetched'
  })
})

t.test('GET /metrics', async (t) => {
  const { ask } = await rig(t)
  const answer = await ask('/metrics')
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  t.equal(await answer.text(), '# HELP a b\na 1\n')
})

t.test('GET /qr', async (t) => {
  const { body, ask, set } = await rig(t)
  t.same(await body(t, Qr, '/qr'), { status: 'NO_QR' })
  for (const path of ['/qr.png', '/qr.svg', '/qr.txt']) {
    const answer = await ask(path)
    t.equal(answer.status, 404)
    t.match(await answer.json(), { detail: 'there is no QR to scan: the session is DISCONNECTED' })
  }
  set({ status: 'QR_REQUIRED', qr, qrAttempt: 3 })
  t.match(await body(t, Qr, '/qr'), {
    status: 'QR_AVAILABLE',
    qr: /^data:image\/png;base64,/,
    generated_at: '2026-01-01T00:00:00.000Z',
    expires_at: '2026-01-01T00:01:00.000Z',
    attempt: 3
  })

  const drawings = {
    png: ['image/png', /^\x89PNG/],
    svg: ['image/svg+xml', /^<svg/],
    txt: ['text/plain; charset=utf-8', /^[█▀▄ \n]+$/]
  } as const
  const isDrawing = async (
    t: Test,
    answer: Response,
    as: keyof typeof drawings,
    what: string
  ): Promise<void> => {
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('content-type'), drawings[as][0], what)
    t.equal(answer.headers.get('cache-control'), 'no-store')
    const bytes = Buffer.from(await answer.arrayBuffer())
    t.match(bytes.toString(as === 'png' ? 'latin1' : 'utf8'), drawings[as][1])
  }
  for (const as of ['png', 'svg', 'txt'] as const)
    await isDrawing(t, await ask(`/qr.${as}`), as, `/qr.${as}`)

  t.test('by Accept', async (t) => {
    for (const [accept, as] of [
      ['image/png', 'png'],
      ['image/*', 'png'],
      ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'png'],
      ['image/svg+xml', 'svg'],
      ['image/svg+xml;q=0.9, image/png;q=0.1', 'svg'],
      ['text/plain', 'txt'],
      ['text/plain;charset=utf-8', 'txt']
    ] as const) {
      await isDrawing(t, await ask('/qr', { headers: { accept } }), as, accept)
    }
    for (const accept of [
      '*/*',
      'application/json',
      'application/json, text/plain, */*',
      'text/html,application/xhtml+xml,image/avif',
      ''
    ]) {
      const answer = await ask('/qr', { headers: { accept } })
      t.match(
        answer.headers.get('content-type'),
        'application/json',
        `${accept || 'nothing'}: JSON, as existing callers expect`
      )
      t.match(answer.headers.get('vary'), /accept/i)
      conforms(t, Qr, await answer.json(), 'as the contract has it')
    }
  })
})

t.test('POST /connect is idempotent', async (t) => {
  const { body, state, refused, ask } = await rig(t)
  t.same(await body(t, Connect, '/connect', { method: 'POST' }), {
    success: true,
    state: 'INIT',
    session: 'main',
    alreadyConnected: false,
    message: 'the session is starting'
  })
  t.same(await body(t, Connect, '/connect', { method: 'POST' }), {
    success: true,
    state: 'INIT',
    session: 'main',
    alreadyConnected: true,
    message: 'the session is running: INIT'
  })
  t.equal(state.connects, 2)
  await body(t, Connect, '/connect', {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' }
  })
  await refused(t, '/connect?force=1', 'force', { method: 'POST' })
  t.equal((await ask('/connect')).status, 405)
})

t.test('POST /disconnect keeps the device, or unlinks it when asked to', async (t) => {
  const { body, state, refused } = await rig(t)
  t.same(await body(t, Disconnect, '/disconnect', { method: 'POST' }), {
    success: true,
    state: 'DISCONNECTED',
    session: 'main',
    alreadyDisconnected: false,
    message:
      'the browser is closed; the linked device is kept. It stays off, also after a restart, until POST /connect (leadmaster connect)'
  })
  t.match(await body(t, Disconnect, '/disconnect?logout=true', { method: 'POST' }), {
    alreadyDisconnected: true,
    message: /unlinked/
  })
  t.match(await body(t, Disconnect, '/disconnect?logout=false', { method: 'POST' }), {
    message: /is kept/
  })
  t.same(state.disconnects, [false, true, false])
  t.match(await body(t, Disconnect, '/disconnect?logout=true', { method: 'POST' }), {
    unlinked: true,
    message: /is unlinked.*To capture messages again, link a phone/
  })
  state.confirmed = false
  t.match(await body(t, Disconnect, '/disconnect?logout=true', { method: 'POST' }), {
    unlinked: false,
    message: /no device was linked/
  })
  state.linked = true
  t.match(await body(t, Disconnect, '/disconnect?logout=true', { method: 'POST' }), {
    unlinked: false,
    message: /could not be told: remove it on the phone/
  })
  state.disconnects.length = 3
  for (const value of ['1', 'yes', 'TRUE', ''])
    await refused(t, `/disconnect?logout=${value}`, 'logout', { method: 'POST' })
  await refused(t, '/disconnect?log_out=true', 'log_out', { method: 'POST' })
  t.equal(state.disconnects.length, 3, 'what is refused does nothing')
})

t.test('GET /inbound pages through the journal', async (t) => {
  const { body, journal, refused } = await rig(t)
  t.same(await body(t, InboundPage, '/inbound'), { records: [], next_after: 0, last_seq: 0 })
  journal.append(
    Array.from({ length: 250 }, (_, index) => newRecord(String(index))),
    'live'
  )
  const seen: number[] = []
  for (let after = 0; ; ) {
    const page = await body<InboundPage>(t, InboundPage, `/inbound?after=${after}&limit=100`)
    t.equal(page.last_seq, 250)
    if (page.records.length === 0) {
      t.equal(page.next_after, after, 'at the end the cursor stays')
      break
    }
    seen.push(...page.records.map(({ seq }) => seq))
    after = page.next_after
  }
  t.same(
    seen,
    Array.from({ length: 250 }, (_, index) => index + 1)
  )
  t.equal((await body<InboundPage>(t, InboundPage, '/inbound')).records.length, 100, 'by default')
  t.equal((await body<InboundPage>(t, InboundPage, '/inbound?limit=1000')).records.length, 250)
  t.equal(
    (await body<InboundPage>(t, InboundPage, '/inbound?after=999999999999999')).next_after,
    999_999_999_999_999
  )
  for (const after of ['-1', 'abc', '1.5', '', '1e3', '0x1', ' 1', '9999999999999999'])
    await refused(t, `/inbound?after=${encodeURIComponent(after)}`, 'after')
  for (const limit of ['0', '1001', '-5', 'all', ''])
    await refused(t, `/inbound?limit=${limit}`, 'limit')
  await refused(t, '/inbound?before=1', 'before')
})

t.test('GET /inbound/stream', async (t) => {
  t.test(
    'begins with the status, then what is stored after the cursor, then what comes',
    async (t) => {
      const { url, journal } = await rig(t)
      journal.append([newRecord('1'), newRecord('2'), newRecord('3')], 'live')
      const client = await openSse(`${url}/inbound/stream?after=1`, bearer)
      await client.until(({ id }) => id === '3')
      journal.append([newRecord('4')], 'backfill')
      await client.until(({ id }) => id === '4')
      t.same(
        client.events.map(({ event, id }) => [event, id]),
        [
          ['status', undefined],
          ['record', '2'],
          ['record', '3'],
          ['record', '4']
        ]
      )
      conforms(
        t,
        Status,
        JSON.parse(client.events[0]?.data as string),
        'the status is as the contract has it'
      )
      for (const { data } of client.events.slice(1))
        conforms(t, InboundRecord, JSON.parse(data), 'and so is each record')
      client.close()
    }
  )
  t.test('resumes by Last-Event-ID, which goes before ?after=', async (t) => {
    const { url, journal } = await rig(t)
    journal.append(
      Array.from({ length: 500 }, (_, index) => newRecord(String(index))),
      'live'
    )
    const client = await openSse(`${url}/inbound/stream?after=1`, {
      ...bearer,
      'last-event-id': '7'
    })
    await client.until(({ id }) => id === '500')
    t.same(
      client.events.filter(({ event }) => event === 'record').map(({ id }) => Number(id)),
      Array.from({ length: 493 }, (_, index) => index + 8)
    )
    client.close()
  })
  t.test('a client that comes back again and again gets each record once', async (t) => {
    const { url, journal } = await rig(t)
    const seen: string[] = []
    for (let round = 1; round <= 10; round += 1) {
      journal.append([newRecord(`${round}a`), newRecord(`${round}b`)], 'live')
      const client = await openSse(`${url}/inbound/stream`, {
        ...bearer,
        'last-event-id': seen.at(-1) ?? '0'
      })
      journal.append([newRecord(`${round}c`)], 'live')
      await client.until(({ id }) => id === String(round * 3))
      seen.push(...client.events.flatMap(({ id }) => id ?? []))
      client.close()
    }
    t.same(
      seen,
      Array.from({ length: 30 }, (_, index) => String(index + 1))
    )
  })
  t.test('tells each change of the status, between the records', async (t) => {
    const { url, set, watchers } = await rig(t)
    const client = await openSse(`${url}/inbound/stream`, bearer)
    await client.until(({ event }) => event === 'status')
    set({ status: 'READY', since: 5 })
    const { data } = await client.until(({ data }) => data.includes('READY'))
    conforms(t, Status, JSON.parse(data), 'as the contract has it')
    client.close()
    while (watchers.size > 0) await new Promise((done) => setImmediate(done))
    t.equal(watchers.size, 0, 'a client that is gone is told no more')
  })
  t.test('refuses a cursor that is none', async (t) => {
    const { refused } = await rig(t)
    await refused(t, '/inbound/stream?after=abc', 'after')
    await refused(t, '/inbound/stream', 'after', { headers: { 'last-event-id': 'abc' } })
    await refused(t, '/inbound/stream?since=1', 'since')
  })
})

const post = (value?: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  ...(value === undefined ? {} : { body: JSON.stringify(value) })
})

t.test('POST /pairing-code: a code for a phone, while a QR is shown', async (t) => {
  const { ask, body, refused, set } = await rig(t)
  for (const status of ['INIT', 'AUTHENTICATED', 'READY', 'DISCONNECTED', 'ERROR'] as const) {
    set({ status })
    const answer = await ask('/pairing-code', post({ phone: '+525512345678' }))
    t.equal(answer.status, 409)
    t.match(await answer.json(), {
      type: 'urn:leadmaster:problem:conflict',
      detail: `a phone can be linked by a code only while a QR is shown: the session is ${status}`
    })
  }
  set({ status: 'QR_REQUIRED', qr, qrAttempt: 1 })
  for (const phone of [
    '+52 55 1234 5678',
    '525512345678',
    '00525512345678',
    '+52 (55) 1234-5678',
    '5215512345678'
  ]) {
    t.same(
      await body(t, PairingCode, '/pairing-code', post({ phone })),
      {
        code: 'ABCD-EFGH',
        phone: '+525512345678',
        generated_at: '2026-01-01T00:00:00.000Z',
        expires_at: '2026-01-01T00:03:00.000Z'
      },
      phone
    )
  }
  for (const phone of [
    '5512345678x',
    'Ana Gómez',
    '+52551',
    '+999123456789',
    '+52 55 1234 5678 ext. 4',
    '++525512345678'
  ])
    await refused(t, '/pairing-code', '/phone', post({ phone }))
  await refused(t, '/pairing-code', 'body', { method: 'POST' })
  await refused(t, '/pairing-code', '/phone', post({}))
  const answer = await ask('/pairing-code', post({ phone: '+14155550100' }))
  t.equal(answer.status, 409)
  t.match(await answer.json(), {
    detail:
      'WhatsApp gives no pairing code (rate-overlimit): scan the QR, or ask again in some minutes'
  })
})

t.test(
  'GET /page-report answers with the report, and with a problem while no page is open',
  async (t) => {
    const { ask, body, refused, set } = await rig(t)
    const without = await ask('/page-report')
    t.equal(without.status, 409)
    t.match(await without.json(), {
      detail:
        /^WhatsApp Web's page cannot be read \(no page is open\); the session is DISCONNECTED: connect it/
    })

    set({ status: 'READY' })
    t.match(await body(t, PageReport, '/page-report'), {
      format: 'leadmaster-page-report/1',
      leadmaster: '1.2.3',
      session: 'READY',
      modules: { A: 'missing' },
      messages: { chat: { 'id.$1': 'string' } }
    })
    await refused(t, '/page-report?all=1', 'all')
  }
)

t.test('GET and POST /passkey lead through linking by the passkey', async (t) => {
  const { ask, body, refused, set, state } = await rig(t)
  const listener = fakeListeners().create(() => undefined)
  state.listener = listener
  const request = passkeyRequest()
  const open = (stage: 'challenge' | 'code' | 'failed'): void =>
    set({
      status: 'PASSKEY_REQUIRED',
      passkey: {
        stage,
        since: 0,
        expiresAt: 1_000,
        ...(stage === 'challenge' ? { request } : {}),
        ...(stage === 'code' ? { code: 'ABCD-EFGH' } : {})
      }
    })
  const conflict = async (path: string, detail: RegExp, init = post()): Promise<void> => {
    const answer = await ask(path, init)
    t.equal(answer.status, 409, path)
    t.match(await answer.json(), { type: 'urn:leadmaster:problem:conflict', detail })
  }

  t.same(await body(t, Passkey, '/passkey'), { status: 'NO_PASSKEY' })
  set({ status: 'QR_REQUIRED', qr, qrAttempt: 1 })
  for (const order of ['confirm', 'restart', 'cancel'])
    await conflict(
      `/passkey/${order}`,
      /asks for no passkey now: the session is QR_REQUIRED; scan the QR again/
    )
  await conflict('/passkey', /asks for no passkey now/, post(answerTo(request)))

  open('challenge')
  const shown = await body<{ script: string }>(t, Passkey, '/passkey')
  t.match(shown, {
    status: 'PASSKEY_REQUIRED',
    stage: 'challenge',
    since: '1970-01-01T00:00:00.000Z',
    expires_at: '1970-01-01T00:00:01.000Z',
    request
  })
  t.notMatch(shown.script, /\n/, 'the script is one line')
  t.equal((await ask('/passkey')).headers.get('cache-control'), 'no-store')
  await conflict('/passkey/confirm', /at the stage challenge, not at code/)
  await refused(t, '/passkey', 'body', { method: 'POST' })
  await refused(
    t,
    '/passkey',
    '/response/signature',
    post({
      ...answerTo(request),
      response: { ...answerTo(request).response, signature: 'not base64!' }
    })
  )
  await refused(
    t,
    '/passkey',
    '/response/clientDataJSON',
    post(answerTo(request, { origin: 'https://example.com' }))
  )
  await refused(t, '/passkey', '/id', post({ ...answerTo(request), id: 'x'.repeat(1_401) }))
  t.same(listener.calls, [], 'nothing that is refused reaches the page')
  await body(t, Passkey, '/passkey', post(answerTo(request)))
  await body(t, Passkey, '/passkey/restart', post())

  open('code')
  t.match(await body(t, Passkey, '/passkey'), { stage: 'code', code: 'ABCD-EFGH' })
  await conflict('/passkey', /at the stage code, not at challenge/, post(answerTo(request)))
  await body(t, Passkey, '/passkey/confirm', post())
  await body(t, Passkey, '/passkey/cancel', post())
  t.same(listener.calls, [
    'passkey answer AQIDBA',
    'passkey restart',
    'passkey confirm',
    'passkey cancel'
  ])
  t.equal((await ask('/passkey', { headers: { authorization: 'Bearer wrong' } })).status, 401)
})

t.test(
  'POST /erase: what is named is gone, and a reader from the start meets tombstones',
  async (t) => {
    const { ask, body, refused, journal } = await rig(t)
    journal.append(
      [newRecord('A'), newRecord('B', { chat_id: 'other', phone: '+5215500000000' })],
      'live'
    )
    t.same(await body(t, Erased, '/erase', post({ chat_ids: ['5215512345678@c.us'] })), {
      records: 1,
      media_files: 0
    })
    t.match(await body(t, InboundPage, '/inbound'), {
      records: [
        { seq: 1, kind: 'erased' },
        { seq: 2, kind: 'message' }
      ],
      last_seq: 2
    })
    t.same(
      await body(
        t,
        Erased,
        '/erase',
        post({ chat_ids: [], message_ids: [newRecord('B').message.id] })
      ),
      { records: 1, media_files: 0 }
    )
    await refused(t, '/erase', 'body', { method: 'POST' })
    await refused(t, '/erase', '/chat_ids', post({}))
    await refused(t, '/erase', '/chat_ids', post({ chat_ids: 'all' }))
    await refused(t, '/erase', '/chat_ids', post({ chat_ids: Array.from({ length: 101 }, String) }))
    await refused(
      t,
      '/erase',
      '/message_ids',
      post({ chat_ids: [], message_ids: Array.from({ length: 501 }, String) })
    )
    await refused(t, '/erase', '/everything', post({ chat_ids: [], everything: true }))
    const full = await ask('/erase', post({ chat_ids: ['full'] }))
    t.equal(full.status, 409)
    t.match(await full.json(), { detail: /^not all is erased yet \(database or disk is full\)/ })
    await refused(t, '/erase?all=true', 'all', post({ chat_ids: [] }))
  }
)
