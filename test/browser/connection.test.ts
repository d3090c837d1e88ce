import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { fakeSessionManager } from '../central-hub/follow/fake-session-manager.ts'
import type { PasskeyState } from '../../src/session-manager/whatsapp/passkey-state.ts'
import { passkeyScript } from '../../src/session-manager/session/passkey-script.ts'
import { answerTo, passkeyRequest } from '../session-manager/session/passkey-answers.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { accessible, inPage, pageTests, see, signIn, textsOf, type, until } from './page.ts'
import { eventually, startRig } from './rig.ts'
import { ownDirectory } from '../platform/own-directory.ts'

const pageTest = pageTests(t)

pageTest(
  'the connection: QR shown and replaced, connect, disconnect, unlink; what is wrong is said as it came',
  async (t, open) => {
    const { url, upstream } = await startRig(t, { UPSTREAM_CHECK_INTERVAL: '100ms' })
    upstream.set({
      status: 'QR_REQUIRED',
      running: true,
      qrAttempt: 1,
      qr: { code: 'first', generatedAt: Date.now(), expiresAt: Date.now() + 60_000 }
    })
    const page = await open(url)
    await signIn(page)
    await see(page, /^Code 1, valid for another \d+s$/)
    await until(
      page,
      "document.querySelector('.qr').complete && document.querySelector('.qr').naturalWidth > 200"
    )
    t.ok(
      (await inPage<number>(page, "document.querySelector('.qr').clientWidth")) >= 280,
      'large enough to scan'
    )
    await accessible(t, page, 'QR')
    const first = await inPage(page, "document.querySelector('.qr').src")
    upstream.set({
      qrAttempt: 2,
      qr: { code: 'second', generatedAt: Date.now(), expiresAt: Date.now() + 60_000 }
    })
    await see(page, /^Code 2, valid for another \d+s$/)
    t.not(
      await inPage(page, "document.querySelector('.qr').src"),
      first,
      'another code, another image'
    )
    upstream.set({
      qrAttempt: 3,
      qr: { code: 'late', generatedAt: Date.now() - 20_000, expiresAt: Date.now() }
    })
    await see(page, /^This code has expired/)

    upstream.set({ status: 'READY' })
    await see(page, 'Connected', '#pill-text')
    await see(page, 'Choose a lead to read the conversation.')
    await page.click('#pill')
    await see(page, 'Connected: every message is being captured.')
    await see(page, 'Everything works.')
    await see(page, 'Every message captured arrives here.')
    await accessible(t, page, 'connection and health')
    await page.click('text=Unlink this device…')
    await see(page, 'Unlink this device?')
    await accessible(t, page, 'dialog')
    await page.keyboard.press('Escape')
    t.same(upstream.asked, [], 'nothing happens unless it is confirmed')
    await page.click('text=Unlink this device…')
    await page.click('#unlink [value=yes]')
    await see(page, 'Not connected.')
    t.same(upstream.asked, ['logout'])
    await page.click('.session > .buttons .primary')
    await see(page, 'WhatsApp Web is starting.')
    upstream.set({
      status: 'ERROR',
      reason: 'Chromium ended while it was starting: run /usr/bin/chromium',
      running: false
    })
    await see(page, 'Chromium ended while it was starting: run /usr/bin/chromium')

    await upstream.close()
    const { body } = await eventually(
      () => ask<{ detail: string }>(`${url}/api/whatsapp/status`, apiToken),
      ({ status }) => status === 503
    )
    await see(page, 'session-manager, the service that listens to WhatsApp, cannot be reached.')
    await see(page, body.detail)
    t.match(body.detail, /SESSION_MANAGER_BASE_URL in \/etc\/leadmaster\/central-hub\.env/)
    await see(page, 'Something needs attention:')
    await see(
      page,
      'Messages do not arrive here just now. None is lost: they arrive once this is mended.'
    )
    await accessible(t, page, 'a problem')
  }
)

pageTest(
  'a pairing code by phone number instead of the QR; new codes leave what is typed alone',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const code = (attempt: number): void =>
      upstream.set({
        status: 'QR_REQUIRED',
        running: true,
        qrAttempt: attempt,
        qr: { code: `code ${attempt}`, generatedAt: Date.now(), expiresAt: Date.now() + 60_000 }
      })
    code(1)
    const page = await open(url)
    await signIn(page)
    await see(page, /^Code 1,/)
    await page.click('text=Link with a phone number instead')
    await type(page, '[type=tel]', '12')
    await page.keyboard.press('Enter')
    await see(page, /^Something in it is not as it should be\./, '[role=alert]')
    await accessible(t, page, 'a number that is none')
    await page.fill('[type=tel]', '+52 55 1234 5678')
    code(2)
    await see(page, /^Code 2,/)
    t.equal(await inPage(page, "document.querySelector('[type=tel]').value"), '+52 55 1234 5678')
    await page.keyboard.press('Enter')
    await see(page, 'ABCD-EFGH', '.code')
    t.match(upstream.asked, [/^pairing-code \+?52/])
    await accessible(t, page, 'pairing code')
  }
)

pageTest('the page leads through linking by the passkey', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const request = passkeyRequest()
  const stage = (passkey: Partial<PasskeyState> & { stage: PasskeyState['stage'] }): void =>
    upstream.set({
      status: 'PASSKEY_REQUIRED',
      running: true,
      passkey: { since: Date.now(), expiresAt: Date.now() + 60_000, ...passkey }
    })
  const asked = async (order: string): Promise<void> => {
    for (const end = Date.now() + 20_000; upstream.asked.at(-1) !== order; await delay(10))
      if (Date.now() > end) throw new Error(`${order} was not asked: ${upstream.asked.join()}`)
  }
  stage({ stage: 'starting' })
  const page = await open(url)
  await signIn(page)
  await see(page, 'Passkey wanted', '#pill-text')
  await see(page, 'WhatsApp asks for the passkey of your account.')
  await see(page, 'WhatsApp asks for the passkey of your account. Its challenge is on its way…')

  stage({ stage: 'challenge', request })
  await see(page, 'Copy the line')
  await see(page, /^(59|60)s left$|^1 ?m/)
  t.equal(
    await inPage(page, "document.querySelector('.passkey textarea').value"),
    passkeyScript(request)
  )
  await accessible(t, page, 'passkey')
  const answer = '.passkey textarea:not([readonly])'
  await page.fill(answer, '{"id":')
  await page.click('text=Send the answer')
  await see(page, /^That is not the whole answer/, '[role=alert]')
  await page.fill(answer, JSON.stringify(answerTo(request, { origin: 'https://example.com' })))
  stage({ stage: 'challenge', request })
  await page.click('text=Send the answer')
  await see(page, /another site than https:\/\/web\.whatsapp\.com/, '[role=alert]')
  t.same(upstream.asked, [])
  await page.fill(answer, JSON.stringify(answerTo(request)))
  await page.click('text=Send the answer')
  await asked('passkey answer')

  stage({ stage: 'waiting-for-phone' })
  await see(page, 'The passkey has answered. Open WhatsApp on the phone and do what it asks.')
  stage({ stage: 'code', code: 'ABCD-EFGH' })
  await see(page, 'ABCD-EFGH', '.passkey .code')
  await accessible(t, page, 'the code to compare')
  await page.click('text=Yes, it is the same code')
  await asked('passkey confirm')
  stage({ stage: 'failed', failure: 'nobody answered in time: start again' })
  await see(page, 'nobody answered in time: start again', '.passkey [role=alert]')
  await page.click('.passkey button:text-is("Start again")')
  await asked('passkey restart')
  await page.click('text=Back to the QR code')
  await asked('passkey cancel')

  upstream.set({
    status: 'READY',
    limited: 'WhatsApp holds this linked device at a security check'
  })
  await see(page, 'Connected', '#pill-text')
  await page.click('#pill')
  await see(page, /WhatsApp holds this linked device at a security check$/)
})

pageTest(
  'several accounts: each has its own connection, and the one that needs someone shows in the bar',
  async (t, open) => {
    const sales = await fakeSessionManager(t, {
      account: 'sales',
      directory: ownDirectory(t)
    })
    const { url, upstream } = await startRig(t, { FURTHER_SESSION_MANAGERS: `sales=${sales.url}` })
    upstream.set({ status: 'READY', running: true })
    sales.set({
      status: 'QR_REQUIRED',
      running: true,
      qrAttempt: 4,
      qr: { code: 'sales', generatedAt: Date.now(), expiresAt: Date.now() + 60_000 }
    })
    const page = await open(url)
    await signIn(page)
    await see(page, 'Scan the QR', '#pill-text')
    await see(page, /^Code 4, valid for another/)
    await see(page, 'Connected: every message is being captured.')
    t.same(await textsOf(page, '#session > h3'), ['main', 'sales'])
    await see(page, 'sales: Every message captured arrives here.')
    await accessible(t, page, 'two accounts')
    await page.click('#filter-toggle')
    t.same(
      await inPage(
        page,
        "[...document.querySelectorAll('#account-filter option')].map(({ textContent }) => textContent)"
      ),
      ['All', 'main', 'sales']
    )
    sales.set({ status: 'READY' })
    await see(page, 'Connected', '#pill-text')
    await page.click('#pill')
    await see(page, /^Disconnect$/, '.session:last-of-type button')
    await page.locator('.session').last().locator('text=Disconnect').click()
    await see(page, 'Not connected.')
    t.same([sales.asked, upstream.asked], [['disconnect'], []])
    await see(page, 'Not connected', '#pill-text')
  }
)
