import t from 'tap'
import { fakeSessionManager } from '../central-hub/fake-session-manager.ts'
import { qrText } from '../../src/session-manager/qr.ts'
import { run, start, startHub, startOnTerminal } from './terminal.ts'

const shown = (code: string) => ({ status: 'QR_REQUIRED' as const, running: true, qr: { code, generatedAt: Date.now(), expiresAt: Date.now() + 60_000 } })

t.test('the code, a new one when it changes, until a phone is linked', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  upstream.set({ status: 'INIT', running: true })
  const qr = start(t, ['qr'], env)
  await qr.seen(/The session is INIT: Chromium is starting/)
  upstream.set(shown('first'))
  await qr.seen(/Scan it with WhatsApp/)
  t.ok(qr.out().startsWith(await qrText('first')))
  upstream.set(shown('second'))
  await qr.seen(/Scan it[^]*Scan it/)
  t.ok(qr.out().includes(await qrText('second')))
  upstream.set({ status: 'AUTHENTICATED' })
  await qr.seen(/A phone is linked/)
  t.equal(await qr.ended, 0)
  t.notMatch(qr.out(), '\x1b', 'nothing is drawn over: it is no terminal')
  t.match(await run(t, ['qr'], env), { code: 0, out: /^A phone is linked/ })
})

t.test('--once draws it once; when there is none, why', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  upstream.set({ status: 'INIT', running: true })
  t.match(await run(t, ['qr', '--once'], env), { code: 1, err: /no QR code now: the session is INIT/ })
  upstream.set(shown('first'))
  const { code, out } = await run(t, ['qr', '--once'], env)
  t.equal(code, 0)
  t.ok(out.startsWith(await qrText('first')))
  t.match(await run(t, ['qr', '--once', '--account', 'other'], env), { code: 1, err: /other/ })
})

t.test('session-manager is away: what to mend', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  await upstream.close()
  t.match(await run(t, ['qr'], env), { code: 1, err: /SESSION_MANAGER_BASE_URL/ })
})

t.test('--pair gives a code to type in, and waits for the phone too', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set(shown('first'))
  const { env } = await startHub(t, upstream.url)
  const qr = start(t, ['qr', '--pair', '+52 55 1234 5678'], env)
  await qr.seen(/ABCD-EFGH/)
  t.match(upstream.asked, ['pairing-code +525512345678'])
  t.match(qr.out(), /On the phone \+525512345678: .*Link with phone number/)
  t.notMatch(qr.out(), '█', 'no QR beside it')
  upstream.set({ status: 'READY' })
  t.equal(await qr.ended, 0)
  t.match(qr.out(), /A phone is linked/)
  upstream.set({ status: 'QR_REQUIRED' })
  t.match(await run(t, ['qr', '--pair', '12', '--once'], env), { code: 1, err: /phone/ })
})

t.test('on a terminal a new code is drawn over the one before', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set(shown('first'))
  const { env } = await startHub(t, upstream.url)
  const qr = startOnTerminal(t, ['qr'], env)
  await qr.seen(/Scan it/)
  upstream.set(shown('second'))
  await qr.seen(/Scan it[^]*Scan it/)
  t.equal(qr.out().split('\x1b[H\x1b[2J').length - 1, 2)
  upstream.set({ status: 'READY' })
  t.equal(await qr.ended, 0)
})
