import { existsSync } from 'node:fs'
import { join } from 'node:path'
import QRCode from 'qrcode'
import t from 'tap'
import { PairingCode, Qr, Status } from '../../src/contract/session.ts'
import { conforms } from '../platform/conforms.ts'
import { ask, token } from './daemon.ts'
import { withSession, type Session } from './session.ts'

/** Linking, unlinking, and staying linked: the real session-manager in the real Chromium. */

t.setTimeout(900_000)

const drawn = async ({ daemon }: Session, path: string, accept = '*/*'): Promise<Buffer> => {
  const answer = await fetch(`${daemon.url}${path}`, {
    headers: { authorization: `Bearer ${token}`, accept }
  })
  return Buffer.from(await answer.arrayBuffer())
}
/** The rows of a QR drawn in half blocks, as true for dark; without the border. */
const modules = (text: string): string => {
  const dark: Record<string, string> = { '█': '##', '▀': '# ', '▄': ' #', ' ': '  ' }
  const rows = text
    .trimEnd()
    .split('\n')
    .flatMap((line) =>
      [0, 1].map((half) => [...line].map((char) => dark[char]?.[half] ?? '?').join(''))
    )
  const ink = rows.filter((row) => row.includes('#'))
  const left = Math.min(...ink.map((row) => row.indexOf('#')))
  return ink.map((row) => row.slice(left).trimEnd()).join('\n')
}

t.test(
  'the QR: shown, drawn in every form, rotated, gone idle and asked for anew; then scanned',
  (t) =>
    withSession(t, { scenario: { qrMs: 1_000, qrCodes: 3 } }, async (session) => {
      const { web } = session
      t.same(await session.post('/connect'), {
        success: true,
        state: (await session.status()).status,
        session: 'main',
        alreadyConnected: true,
        message: `the session is running: ${(await session.status()).status}`
      })
      const first = await web.qr()
      await session.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')
      const qr = await session.qr()
      conforms(t, Qr, qr, '/qr')
      t.match(qr, { status: 'QR_AVAILABLE', attempt: 1 })
      const size = { margin: 2 }
      t.equal(
        qr.status === 'QR_AVAILABLE' && qr.qr,
        await QRCode.toDataURL(first, { ...size, width: 360 }),
        'the image for a page holds the code on the page'
      )
      t.ok(
        (await drawn(session, '/qr.png')).equals(
          await QRCode.toBuffer(first, { ...size, width: 512 })
        ),
        'PNG'
      )
      t.ok(
        (await drawn(session, '/qr', 'image/png')).equals(await drawn(session, '/qr.png')),
        'by Accept, too'
      )
      t.ok(
        String(await drawn(session, '/qr.svg')) ===
          (await QRCode.toString(first, { ...size, type: 'svg' })),
        'SVG'
      )
      const { data, size: side } = QRCode.create(first, {}).modules
      const matrix = Array.from({ length: side }, (_, row) =>
        Array.from({ length: side }, (_, column) => (data[row * side + column] ? '#' : ' '))
          .join('')
          .trimEnd()
      ).join('\n')
      t.equal(
        modules(String(await drawn(session, '/qr.txt'))),
        matrix,
        'the drawing for a terminal is the code, module by module'
      )

      const idle = session.next('qr_refresh')
      web.rotate()
      const second = await web.qr(first)
      t.not(second, first, 'rotated')
      await t.rejects(
        web.scan(first),
        /not the code shown now/,
        'a code that has gone cannot be scanned'
      )
      await idle
      t.equal((await session.status()).status, 'QR_REQUIRED', 'nobody scanned, and it waits on')
      const fresh = await web.qr()
      t.notOk([first, second].includes(fresh), 'there is a code again')
      const again = await session.qr()
      t.ok(
        again.status === 'QR_AVAILABLE' && again.attempt >= 3,
        'attempts go on counting: the fresh code may only be on its way'
      )
      const errors = session.daemon.lines.filter(({ event }) => event === 'page_error')
      t.same(errors, [], 'asking for codes is no error of the page')

      await web.scan()
      await session.ready()
      conforms(t, Status, await session.status(), '/status')
      t.match(await session.status(), {
        status: 'READY',
        linked: true,
        me: { id: web.phone.me.id, phone: '+5215587654321', name: web.phone.me.pushname },
        whatsapp_web_version: web.scenario.version,
        outbound_blocked: 0,
        failures: 0
      })
      t.same(await session.qr(), { status: 'NO_QR' })
      t.ok(
        session.daemon.lines.some(
          ({ event, status }) => event === 'session' && status === 'AUTHENTICATED'
        ),
        'syncing was seen'
      )
    })
)

t.test(
  'a pairing code instead of the QR: asked for while one is shown, valid while it rotates and goes idle, typed in on the phone',
  (t) =>
    withSession(
      t,
      { scenario: { qrMs: 500, firstQrMs: 500, qrCodes: 2 }, env: { LOG_LEVEL: 'info' } },
      async (session) => {
        const { web } = session
        const phone = '+525587654321'
        const askFor = (): Promise<{ status: number; body: PairingCode }> =>
          ask<PairingCode>(`${session.daemon.url}/pairing-code`, token, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ phone })
          })
        await session.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')

        const first = await askFor()
        t.equal(first.status, 200)
        conforms(t, PairingCode, first.body, '/pairing-code')
        t.match(first.body, { phone, code: /^[1-9A-Z]{4}-[1-9A-Z]{4}$/ })
        t.same(web.pairingCode(), { code: first.body.code.replace('-', ''), phone: '525587654321' })

        await session.post('/connect')
        await web.until('the code to be void', () => web.pairingCode() === undefined)
        t.equal((await session.status()).status, 'QR_REQUIRED', 'back to the QR')
        await web.qr()
        await t.rejects(web.enterPairingCode(first.body.code), /not a code that is valid now/)

        const { body } = await askFor()
        await web.until('the codes to scan to end', () => web.shownQr() === undefined)
        t.equal((await session.status()).status, 'QR_REQUIRED')
        await web.enterPairingCode(body.code)
        await session.ready()
        t.match(await session.status(), {
          status: 'READY',
          linked: true,
          failures: 0,
          outbound_blocked: 0
        })
        t.equal(web.linkedDevices(), 1)
        t.equal((await askFor()).status, 409, 'there is nothing to link any more')
        const logged = JSON.stringify(session.daemon.lines)
        for (const secret of [phone.slice(1), body.code, body.code.replace('-', '')])
          t.notOk(logged.includes(secret), 'neither code nor number is in the log')
      }
    )
)

t.test(
  'a linked device stays linked: over a restart, a kill, and disconnect and connect, with no QR',
  (t) =>
    withSession(t, { linked: true }, async (session) => {
      const { web } = session
      const noQr = (): void =>
        void t.notOk(
          session.daemon.lines.some(({ status }) => status === 'QR_REQUIRED'),
          'no QR'
        )
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await session.daemon.end(signal)
        await session.start()
        await session.ready()
        noQr()
      }
      const before = session.daemon.lines.length
      t.match(await session.post('/disconnect'), {
        success: true,
        state: 'DISCONNECTED',
        alreadyDisconnected: false
      })
      await web.disconnected()
      t.same(await web.chromium(), [], 'Chromium is closed')
      t.match(await session.post('/disconnect'), { alreadyDisconnected: true })
      t.match(await session.status(), {
        status: 'DISCONNECTED',
        reason: 'disconnected on request',
        linked: true
      })
      t.match(await session.post('/connect'), {
        success: true,
        state: 'INIT',
        alreadyConnected: false
      })
      await session.ready(before)
      noQr()
      t.equal(web.linkedDevices(), 1)
    })
)

t.test('unlinked: from the phone, from the phone while this is down, and by request', (t) =>
  withSession(t, { linked: true }, async (session) => {
    const { web } = session
    const relink = async (before: number): Promise<void> => {
      await session.daemon.seen(
        'session',
        (line) => line['status'] === 'QR_REQUIRED' && session.daemon.lines.indexOf(line) >= before
      )
      t.match(await session.status(), { status: 'QR_REQUIRED', linked: false })
      t.notOk('me' in (await session.status()))
      await web.scan()
      await session.ready(before)
    }
    let before = session.daemon.lines.length
    web.logout()
    const lost = await session.daemon.seen(
      'session',
      (line) => line['status'] === 'DISCONNECTED' && session.daemon.lines.indexOf(line) >= before
    )
    t.match(lost, { reason: 'the phone unlinked this device' })
    await relink(before)

    await session.daemon.end()
    web.logout()
    await session.start()
    await relink(0)

    before = session.daemon.lines.length
    t.match(await session.post('/disconnect?logout=true'), {
      success: true,
      state: 'DISCONNECTED',
      unlinked: true,
      message: /this device is unlinked/
    })
    t.equal(web.linkedDevices(), 0, 'the phone knows')
    t.notOk(existsSync(join(session.stateDir, 'profile')), 'the profile is gone')
    t.match(await session.status(), { status: 'DISCONNECTED', linked: false })
    await session.post('/connect')
    await relink(before)
  })
)
