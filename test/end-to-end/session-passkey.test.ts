import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { Passkey } from '../../src/contract/session.ts'
import { conforms } from '../platform/conforms.ts'
import { ask, token } from './daemon.ts'
import { openOperatorBrowser } from './operator-browser.ts'
import { withSession, type Session } from './session.ts'

/**
 * Linking by the account's passkey, and the integrity checkpoint: session-manager, the page, and
 * the operator's own browser.
 */

t.setTimeout(900_000)

type Open = Extract<Passkey, { status: 'PASSKEY_REQUIRED' }>
const options = { scenario: { web: '2026-07', passkey: true } } as const

const post = async (
  session: Session,
  path: string,
  body?: string
): Promise<{ status: number; body: Record<string, unknown> }> =>
  ask<Record<string, unknown>>(`${session.daemon.url}${path}`, token, {
    method: 'POST',
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body })
  })
const passkeyOf = async (session: Session): Promise<Passkey> =>
  (await ask<Passkey>(`${session.daemon.url}/passkey`, token)).body

/** Resolves once linking is at that stage. */
const reach = async (
  session: Session,
  stage: Open['stage'],
  fits: (open: Open) => boolean = () => true
): Promise<Open> => {
  const end = Date.now() + 60_000
  for (;;) {
    const now = await passkeyOf(session)
    if (now.status === 'PASSKEY_REQUIRED' && now.stage === stage && fits(now)) return now
    if (Date.now() > end) throw new Error(`it stays at ${JSON.stringify(now)}`)
    await delay(100)
  }
}
/** The phone scans, and the page asks for the passkey. */
const scanned = async (session: Session): Promise<Open> => {
  await session.web.scanWithPasskey()
  return reach(session, 'challenge')
}
const stages = ({ daemon }: Session): unknown[] =>
  daemon.lines.filter(({ event }) => event === 'session').map(({ status }) => status)

t.test(
  'a passkey link from the scan to READY, with a second Chromium as the operator’s browser',
  (t) =>
    withSession(t, options, async (session) => {
      const { web, daemon } = session
      await daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')
      t.same(await passkeyOf(session), { status: 'NO_PASSKEY' })

      const open = await scanned(session)
      conforms(t, Passkey, open, '/passkey')
      const status = await session.status()
      t.match(status, {
        status: 'PASSKEY_REQUIRED',
        linked: false,
        reason: /asks for the account's passkey/
      })
      t.match(open.request, {
        rpId: 'whatsapp.com',
        userVerification: 'required',
        allowCredentials: [{ type: 'public-key', id: web.passkey.credentialId }]
      })
      const browser = await openOperatorBrowser(t, web)
      const answer = await browser.answer(open.script ?? '')
      t.match(await post(session, '/passkey', answer), {
        status: 200,
        body: { status: 'PASSKEY_REQUIRED', stage: 'waiting-for-phone' }
      })

      const { code } = await reach(session, 'code')
      t.match(code, /^[1-9A-Z]{4}-[1-9A-Z]{4}$/)
      t.equal(code, web.verificationCode(), 'the phone shows the same')
      t.equal(web.linkedDevices(), 0, 'nothing is linked before the codes are compared')
      t.match(await post(session, '/passkey/confirm'), { status: 200 })
      await session.ready()

      t.equal(web.linkedDevices(), 1)
      t.same(web.passkeyFaults(), [])
      t.same(await passkeyOf(session), { status: 'NO_PASSKEY' })
      t.match(await session.status(), { status: 'READY', linked: true })
      t.ok(stages(session).includes('PASSKEY_REQUIRED'))
      const logged = JSON.stringify(
        daemon.lines.filter(({ level }) => level !== 'debug' && level !== 'trace')
      )
      const { signature } = (JSON.parse(answer) as { response: { signature: string } }).response
      for (const secret of [open.request?.challenge, code, signature])
        t.notOk(logged.includes(String(secret)), 'no secret is in the log')
    })
)

t.test(
  'what is wrong with an answer is named, and another one may follow; then start again, the page loaded again, and back to the QR',
  (t) =>
    withSession(t, options, async (session) => {
      const { web } = session
      const browser = await openOperatorBrowser(t, web)
      const first = await scanned(session)

      await browser.goTo('https://web.whatsapp.com/another')
      const answer = await browser.answer(first.script ?? '')
      const changed = (change: (clientData: Record<string, unknown>) => void): string => {
        const value = JSON.parse(answer) as { response: { clientDataJSON: string } }
        const clientData = JSON.parse(
          Buffer.from(value.response.clientDataJSON, 'base64url').toString()
        ) as Record<string, unknown>
        change(clientData)
        value.response.clientDataJSON = Buffer.from(JSON.stringify(clientData)).toString(
          'base64url'
        )
        return JSON.stringify(value)
      }
      t.match(
        await post(
          session,
          '/passkey',
          changed((data) => (data['origin'] = 'https://evil.example'))
        ),
        {
          status: 400,
          body: {
            errors: [
              {
                field: '/response/clientDataJSON',
                message: /another site than https:\/\/web\.whatsapp\.com/
              }
            ]
          }
        }
      )
      t.match(
        await post(
          session,
          '/passkey',
          changed((data) => (data['challenge'] = 'AAAA'))
        ),
        { status: 400, body: { errors: [{ message: /another challenge/ }] } }
      )
      t.match(await post(session, '/passkey/confirm'), {
        status: 409,
        body: { detail: /at the stage challenge, not at code/ }
      })
      t.same(web.passkeyFaults(), [], 'none of it reached WhatsApp')

      // A signature that only WhatsApp can find wrong.
      t.match(
        await post(
          session,
          '/passkey',
          changed((data) => (data['extra'] = 'forged'))
        ),
        { status: 200 }
      )
      const failed = await reach(session, 'failed')
      t.match(failed.reason, /start again/)
      t.same(web.passkeyFaults(), ['the signature is wrong'])

      t.match(await post(session, '/passkey/restart'), { status: 200 })
      const second = await reach(session, 'challenge')
      t.not(second.request?.challenge, first.request?.challenge, 'another challenge')
      t.match(
        await post(session, '/passkey', answer),
        { status: 400, body: { errors: [{ message: /another challenge/ }] } },
        'the answer to the first is void'
      )

      t.match(await post(session, '/passkey/cancel'), { status: 200 })
      await session.next('session', ({ status }) => status === 'QR_REQUIRED').catch(() => undefined)
      t.match(await session.status(), { status: /^(INIT|QR_REQUIRED)$/ })
      t.match(await post(session, '/passkey', answer), {
        status: 409,
        body: { detail: /asks for no passkey now/ }
      })

      // A second attempt goes through.
      const third = await scanned(session)
      t.match(await post(session, '/passkey', await browser.answer(third.script ?? '')), {
        status: 200
      })
      await reach(session, 'code')
      await post(session, '/passkey/confirm')
      await session.ready()
    })
)

t.test(
  'session-manager that restarts in between shows a QR again, and an old answer is refused',
  (t) =>
    withSession(t, options, async (session) => {
      const { web } = session
      const browser = await openOperatorBrowser(t, web)
      const open = await scanned(session)
      const answer = await browser.answer(open.script ?? '')
      await session.daemon.end()

      await session.start()
      await session.daemon.seen('session', ({ status }) => status === 'QR_REQUIRED')
      t.match(await post(session, '/passkey', answer), {
        status: 409,
        body: { detail: /the session is QR_REQUIRED; scan the QR again/ }
      })

      const again = await scanned(session)
      t.match(await post(session, '/passkey', await browser.answer(again.script ?? '')), {
        status: 200
      })
      await reach(session, 'code')
      await post(session, '/passkey/confirm')
      await session.ready()
    })
)

t.test('the integrity checkpoint of a linked session is told while messages are captured', (t) =>
  withSession(t, { scenario: { web: '2026-07' }, linked: true }, async (session) => {
    const { web, daemon } = session
    web.checkpoint(true)
    const line = await session.next('checkpoint')
    t.equal(line.level, 'error')
    t.match(line.msg, /holds this linked device at a security check/)
    t.match(await session.status(), {
      status: 'READY',
      limited: /open WhatsApp on the phone.*unlink it and link it again/,
      limited_by: ['checkpoint']
    })
    const { id } = web.phone.text({ from: '+5215512345678', text: 'still captured' }) as {
      id: string
    }
    t.match(await session.record(({ message }) => message.id.includes(id)), {
      message: { body: 'still captured' }
    })
    await delay(2_000)
    t.equal(daemon.lines.filter(({ event }) => event === 'checkpoint').length, 1, 'it is told once')
  })
)
