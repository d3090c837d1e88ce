import t from 'tap'
import { PageReport } from '../../../src/contract/page-report.ts'
import { PairingCode, Status } from '../../../src/contract/session.ts'
import { conforms } from '../../platform/conforms.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { bearer, serveApi } from './rig.ts'

const qr = {
  code: '2@abc',
  generatedAt: Date.UTC(2026, 0, 1),
  expiresAt: Date.UTC(2026, 0, 1, 0, 1)
}

t.test('status and QR are passed on as session-manager gives them, in every form', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { url, ask } = await serveApi(t, { sessionManager: upstream.url })
  const { body } = await ask<Status>('/api/whatsapp/status')
  conforms(t, Status, body, 'status')
  t.same((await ask('/api/whatsapp/qr')).body, { status: 'NO_QR' })
  upstream.set({ status: 'QR_REQUIRED', qr, qrAttempt: 2, running: true })
  t.match((await ask('/api/whatsapp/qr')).body, {
    status: 'QR_AVAILABLE',
    qr: /^data:image\/png;base64,/,
    attempt: 2
  })
  for (const [path, accept, type] of [
    ['/qr.png', '*/*', 'image/png'],
    ['/qr.svg', '*/*', 'image/svg+xml'],
    ['/qr.txt', '*/*', 'text/plain; charset=utf-8'],
    ['/qr', 'image/svg+xml', 'image/svg+xml']
  ] as const) {
    const [ours, theirs] = await Promise.all([
      fetch(`${url}/api/whatsapp${path}`, { headers: { ...bearer, accept } }),
      fetch(upstream.url + path, {
        headers: { authorization: 'Bearer a-token-for-tests-0123456789-abcdefgh', accept }
      })
    ])
    t.equal(ours.headers.get('content-type'), type)
    t.same(Buffer.from(await ours.arrayBuffer()), Buffer.from(await theirs.arrayBuffer()), path)
  }
})

t.test('connect and disconnect reach the session; a problem is passed on too', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { ask } = await serveApi(t, { sessionManager: upstream.url })
  t.match(await ask('/api/whatsapp/connect', { method: 'POST' }), {
    status: 200,
    body: { success: true, state: 'INIT' }
  })
  t.match(await ask('/api/whatsapp/disconnect', { method: 'POST' }), {
    status: 200,
    body: { success: true }
  })
  t.match(await ask('/api/whatsapp/disconnect?logout=true', { method: 'POST' }), { status: 200 })
  t.same(upstream.asked, ['connect', 'disconnect', 'logout'])
  t.match(await ask('/api/whatsapp/disconnect?logout=perhaps', { method: 'POST' }), {
    status: 400,
    body: { errors: [{ field: 'logout' }] }
  })
  t.match(await ask('/api/whatsapp/connect'), { status: 405 })
})

t.test('a pairing code: the number is passed on, and what comes back, a problem too', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { ask } = await serveApi(t, { sessionManager: upstream.url })
  const post = (body?: unknown, path = '/api/whatsapp/pairing-code'): ReturnType<typeof ask> =>
    ask(path, { method: 'POST', ...(body === undefined ? {} : { body }) })
  t.match(await post({ phone: '+525512345678' }), {
    status: 409,
    body: { type: 'urn:leadmaster:problem:conflict' }
  })
  upstream.set({ status: 'QR_REQUIRED', qr, qrAttempt: 1, running: true })
  for (const path of ['/api/whatsapp/pairing-code', '/api/whatsapp/accounts/main/pairing-code']) {
    const { status, body } = await post({ phone: '+52 55 1234 5678' }, path)
    t.equal(status, 200)
    conforms(t, PairingCode, body, 'as the contract has it')
  }
  t.same(upstream.asked, ['pairing-code +525512345678', 'pairing-code +525512345678'])
  t.match(await post({ phone: 'x'.repeat(5) }), {
    status: 400,
    body: { errors: [{ field: '/phone' }] }
  })
  t.match(await post(), { status: 400, body: { errors: [{ field: 'body' }] } })
  t.match(await post({ phone: 'x'.repeat(70_000) }), { status: 413 })
})

t.test(
  'a page report is passed on for the first account and by name, and so is why there is none',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { ask } = await serveApi(t, { sessionManager: upstream.url })
    t.match(await ask('/api/whatsapp/page-report'), {
      status: 409,
      body: { detail: /no page is open/ }
    })

    upstream.set({ status: 'READY', running: true })
    for (const path of ['/api/whatsapp/page-report', '/api/whatsapp/accounts/main/page-report']) {
      const { status, body } = await ask(path)
      t.equal(status, 200)
      conforms(t, PageReport, body, path)
    }
    t.match(await ask('/api/whatsapp/accounts/other/page-report'), { status: 404 })
  }
)

t.test('a request keeps its id across both services', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { ask } = await serveApi(t, { sessionManager: upstream.url })
  t.equal(
    (await ask('/api/whatsapp/status', { headers: { 'x-request-id': 'abc-1' } })).headers.get(
      'x-request-id'
    ),
    'abc-1'
  )
})

t.test('session-manager away: 503, with the URL and the variable it came from', async (t) => {
  const { ask } = await serveApi(t)
  for (const [method, path] of [
    ['GET', 'status'],
    ['GET', 'qr'],
    ['POST', 'connect']
  ] as const) {
    t.match(await ask(`/api/whatsapp/${path}`, { method }), {
      status: 503,
      body: {
        type: 'urn:leadmaster:problem:session-manager-unreachable',
        detail:
          /http:\/\/127\.0\.0\.1:9: .*SESSION_MANAGER_BASE_URL in \/etc\/leadmaster\/central-hub\.env/
      }
    })
  }
})
