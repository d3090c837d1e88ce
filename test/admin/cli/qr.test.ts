import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import type { PasskeyState } from '../../../src/session-manager/whatsapp/passkey-state.ts'
import { passkeyScript } from '../../../src/session-manager/session/passkey-script.ts'
import { qrText } from '../../../src/session-manager/http/qr.ts'
import { answerTo, passkeyRequest } from '../../session-manager/session/passkey-answers.ts'
import { run, start, startHub, startOnTerminal, startTyped } from './terminal.ts'

const shown = (code: string) => ({
  status: 'QR_REQUIRED' as const,
  running: true,
  qr: { code, generatedAt: Date.now(), expiresAt: Date.now() + 60_000 }
})

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
  t.match(await run(t, ['qr', '--once'], env), {
    code: 1,
    err: /no QR code now: the session is INIT/
  })
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

t.test(
  'qr leads through linking by the passkey: the line to paste, the answer, the code',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { env } = await startHub(t, upstream.url)
    const request = passkeyRequest()
    const stage = (passkey: Partial<PasskeyState> & { stage: PasskeyState['stage'] }): void =>
      upstream.set({
        status: 'PASSKEY_REQUIRED',
        running: true,
        passkey: { since: Date.now(), expiresAt: Date.now() + 60_000, ...passkey }
      })
    const asked = async (order: string): Promise<void> => {
      while (upstream.asked.at(-1) !== order) await delay(10)
    }
    upstream.set(shown('first'))
    const qr = startTyped(t, ['qr'], env)
    await qr.seen(/Scan it with WhatsApp/)

    stage({ stage: 'starting' })
    await qr.seen(/Its challenge is on its way/)
    stage({ stage: 'challenge', request })
    await qr.seen(/The answer, then Enter: /)
    t.match(qr.out(), /There are (59|60|1 min) ?s? left/)
    t.ok(
      qr.out().includes(`-----\n${passkeyScript(request)}\n-----`),
      'the script is one line of its own'
    )
    qr.type('{"id":')
    await qr.seen(/That is not the whole answer/)
    qr.type(JSON.stringify(answerTo(request, { challenge: 'b3RoZXI' })))
    await qr.seen(/it answers another challenge/)
    t.same(upstream.asked, [])
    qr.type(JSON.stringify(answerTo(request)))
    await asked('passkey answer')
    stage({ stage: 'waiting-for-phone' })
    await qr.seen(/Open WhatsApp on the phone/)

    stage({ stage: 'code', code: 'ABCD-EFGH' })
    await qr.seen(/Does the phone show the same code\? y\/N /)
    t.match(qr.out(), /\nABCD-EFGH\n/)
    qr.type('no')
    await asked('passkey restart')
    stage({ stage: 'failed', failure: 'nobody answered in time' })
    await qr.seen(/Start again \(Enter\), or go back/)
    t.match(qr.out(), /Linking by the passkey failed: nobody answered in time/)
    qr.type('')
    while (upstream.asked.length < 3) await delay(10)
    stage({ stage: 'code', code: 'WXYZ-1234' })
    await qr.seen(/WXYZ-1234/)
    qr.type('y')
    await asked('passkey confirm')
    stage({ stage: 'finishing' })
    await qr.seen(/WhatsApp links the device/)
    upstream.set({ status: 'READY' })

    t.equal(await qr.ended, 0)
    t.match(qr.out(), /A phone is linked/)
    t.same(upstream.asked, [
      'passkey answer',
      'passkey restart',
      'passkey restart',
      'passkey confirm'
    ])
  }
)

t.test('qr without anybody who types says where the passkey can be answered', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  upstream.set({
    status: 'PASSKEY_REQUIRED',
    running: true,
    passkey: { stage: 'challenge', since: Date.now(), request: passkeyRequest() }
  })
  const qr = start(t, ['qr'], env)
  await qr.seen(
    /Nothing can be typed in here: run leadmaster qr in a terminal, or use the operator page/
  )
  upstream.set({ status: 'READY' })
  t.equal(await qr.ended, 0)
  upstream.set({ status: 'PASSKEY_REQUIRED' })
  t.match(await run(t, ['qr', '--once'], env), {
    code: 1,
    err: /no QR code now: the session is PASSKEY_REQUIRED, WhatsApp asks for the passkey/
  })
})

t.test(
  'a session that was turned off: qr says what turns it on, and connect does it',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { env } = await startHub(t, upstream.url)
    upstream.set({
      status: 'DISCONNECTED',
      reason: 'disconnected on request',
      off: true,
      running: false
    })

    for (const args of [['qr'], ['qr', '--once']]) {
      t.match(await run(t, args, env), {
        code: 1,
        err: /turned off on request: leadmaster connect turns it on/
      })
    }
    t.match(await run(t, ['status'], env), { out: /leadmaster connect turns it on/ })
    t.match(await run(t, ['connect'], env), { code: 0, out: /the session/ })
  }
)
