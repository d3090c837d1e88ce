import t, { type Test } from 'tap'
import type { Browser, Page } from 'puppeteer'
import type { Lead } from '../../src/contract/lead.ts'
import { fakeSessionManager } from '../central-hub/fake-session-manager.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { faults, from, inPage, launch, openPage, reply, scrollsSideways, see, signIn, startRig, textsOf, until, violations } from './rig.ts'

/** The operator page as an operator uses it: the real hub, the real Chromium, no knowledge of the page's scripts. */

const [ana, beto, carla] = ['5215511111111', '5215522222222', '5215533333333']
const hour = 3_600

let browser: Browser
t.before(async () => {
  browser = await launch(t)
})
type Open = (url: string, options?: Parameters<typeof openPage>[3]) => Promise<Page>
/** A test of pages; whatever it does, no script of theirs may fail and their CSP must have nothing to stop. */
const pageTest = (name: string, run: (t: Test, open: Open) => Promise<void>): void =>
  void t.test(name, async (t) => {
    const pages: Page[] = []
    await run(t, async (url, options) => {
      const page = await openPage(t, browser, url, options)
      pages.push(page)
      return page
    })
    t.same(pages.flatMap((page) => faults.get(page)), [], 'no error in the page, nothing that its CSP had to stop')
  })
const accessible = async (t: Test, page: Page, what: string): Promise<void> => void t.same(await violations(page), [], `axe finds nothing: ${what}`)
const names = (page: Page): Promise<string[]> => textsOf(page, '.row .name')
const openLead = async (page: Page, name: string): Promise<void> => {
  await see(page, name, '.row .name')
  await inPage(page, `[...document.querySelectorAll('.row')].find((row) => row.querySelector('.name').textContent === ${JSON.stringify(name)}).click()`)
  await see(page, name, '#lead-name')
}
const leadOf = async (url: string, phone: string): Promise<Lead> => {
  const { body } = await ask<{ leads: Lead[] }>(`${url}/api/leads?q=${phone}`, apiToken)
  return body.leads[0] as Lead
}
/** Asks until it is so. */
const eventually = async <T>(ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> => {
  for (;;) {
    const answer = await ask()
    if (fits(answer)) return answer
  }
}

pageTest('signing in: a wrong token is told, the right one stays over a reload, and signing out ends it', async (t, open) => {
  const { url } = await startRig(t)
  const page = await open(url)
  await page.waitForSelector('#token', { visible: true })
  t.equal(await inPage(page, 'document.activeElement.id'), 'token')
  await accessible(t, page, 'sign-in')
  await signIn(page, 'certainly-not-the-token-0123456789-abc')
  await see(page, 'That is not the access token.', '[role=alert]')
  await accessible(t, page, 'sign-in refused')
  await signIn(page)
  await see(page, 'No leads yet. Whoever writes to your WhatsApp appears here at once.')
  await accessible(t, page, 'empty inbox')
  t.equal(await inPage(page, 'document.cookie'), '', 'scripts cannot read the cookie')
  await page.reload()
  await page.waitForSelector('#app', { visible: true })
  await page.goto(`${url}/#/lead/999`)
  await see(page, 'there is no lead 999')
  await accessible(t, page, 'a lead that is not there')
  await page.click('#sign-out')
  await page.waitForSelector('#token', { visible: true })
  await page.reload()
  await page.waitForSelector('#token', { visible: true })
})

pageTest('the inbox: who has waited longest first, then the others by their latest message; live, counted in the title', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.set({ status: 'READY', running: true })
  upstream.journal.append([
    from(beto, 'is there a discount?', 3 * hour, { name: 'Beto' }), from(ana, 'good morning', 5 * hour, { name: 'Ana' }),
    from(carla, 'thank you', 2 * hour, { name: 'Carla' }), reply(carla, 'at your service', hour), from('5215544444444', 'nothing', 9 * hour), reply('5215544444444', 'yes', 8 * hour)
  ], 'live')
  const page = await open(url)
  await signIn(page)
  await see(page, 'Carla')
  t.same(await names(page), ['Ana', 'Beto', 'Carla', '+5215544444444'])
  t.same(await textsOf(page, '.badge'), ['waiting 5h', 'waiting 3h', '', ''].filter(Boolean))
  await until(page, "document.title === '(2) LeadMaster'")

  upstream.journal.append([from(carla, 'one more thing', 1)], 'live')
  await until(page, "document.title === '(3) LeadMaster'")
  await see(page, 'New message from Carla', '[role=status]')
  t.same(await names(page), ['Ana', 'Beto', 'Carla', '+5215544444444'])
  upstream.journal.append([reply(ana, 'good morning!', 0)], 'live')
  await until(page, "document.title === '(2) LeadMaster'")
  t.same(await names(page), ['Beto', 'Carla', 'Ana', '+5215544444444'], 'an answer given in WhatsApp closes the wait')
  await accessible(t, page, 'inbox')

  await page.type('#q', 'béto')
  await until(page, "document.querySelectorAll('.row').length === 1")
  t.same(await names(page), ['Beto'])
  upstream.journal.append([from('5215555555555', 'hi', 0, { name: 'Other' }), from('5215566666666', 'hi', 0, { name: 'Robeto' })], 'live')
  await see(page, 'Robeto', '.name')
  t.same(await names(page), ['Beto', 'Robeto'], 'what comes while searching is shown if it matches')
  await until(page, "document.title === '(4) LeadMaster'")
  await inPage(page, "document.querySelector('#q').value = ''")
  await page.type('#q', 'zzz')
  await see(page, 'No lead matches.')
  await page.focus('#q')
  await page.keyboard.press('Escape')
  await until(page, "document.querySelectorAll('.row').length === 6")
  await page.select('#state-filter', 'won')
  await see(page, 'No lead matches.')
})

pageTest('long lists and long conversations come a page at a time', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(Array.from({ length: 70 }, (_, index) => from(`52155${10_000_000 + index}`, 'hello', 10_000 - index, { name: `Lead ${index}` })), 'live')
  upstream.journal.append(Array.from({ length: 120 }, (_, index) => from(ana, `text ${index}`, 90_000 - index, { name: 'Ana' })), 'live')
  await eventually(() => leadOf(url, ana), (lead) => lead !== undefined)
  const page = await open(url)
  await signIn(page)
  await until(page, "document.querySelectorAll('.row').length === 50 && document.title === '(71) LeadMaster'")
  await page.click('.more:not([hidden])')
  await until(page, "document.querySelectorAll('.row').length === 71")
  t.equal((await names(page))[1], 'Lead 0')
  t.equal((await names(page)).at(-1), 'Lead 69')

  await openLead(page, 'Ana')
  await until(page, "document.querySelectorAll('.message').length === 50")
  t.equal((await textsOf(page, '.message .body')).at(-1), 'text 119')
  t.ok(await inPage(page, 'document.activeElement.id === "lead-name"'), 'the heading has the focus')
  const atEnd = 'Math.abs(document.querySelector("#messages").scrollHeight - document.querySelector("#messages").scrollTop - document.querySelector("#messages").clientHeight) < 5'
  t.ok(await inPage(page, atEnd), 'the latest is in sight')
  await page.click('#messages .more')
  await until(page, "document.querySelectorAll('.message').length === 100")
  t.notOk(await inPage(page, atEnd), 'what was being read stays in sight')
  await page.click('#messages .more')
  await see(page, 'The conversation begins here.')
  t.same(await textsOf(page, '.message .body'), Array.from({ length: 120 }, (_, index) => `text ${index}`))
})

pageTest('a conversation: every kind of message as text, whatever it holds; state and note are kept', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const hostile = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
  const asked = from(ana, 'how much is it?', 900)
  const secret = from(ana, '', 500, { type: 'ciphertext' })
  const poll = reply(ana, 'Which day?', 400, { type: 'poll_creation', poll: { options: ['Monday', hostile], multiple: false } })
  const regretted = from(ana, 'forget this', 300)
  const typo = from(ana, 'helo', 200)
  upstream.journal.append([
    from(ana, hostile, 1_000, { name: `<b>Ana</b>` }), asked,
    reply(ana, 'ten', 800, { quoted_id: asked.message.id }),
    from(ana, 'our shop', 700, { type: 'image', has_media: true, media: { state: 'stored', mimetype: 'image/jpeg', size: 123_456, filename: 'shop.jpg' } }),
    from(ana, '', 690, { type: 'ptt', has_media: true, media: { state: 'failed', mimetype: 'audio/ogg', duration: 12, reason: 'gone' } }),
    from(ana, '', 600, { type: 'location', location: { latitude: 19.4, longitude: -99.1, name: 'Zócalo', address: 'Centro' } }),
    from(ana, '', 550, { type: 'vcard', contacts: ['BEGIN:VCARD\nVERSION:3.0\nFN:Luz\\, Sol\nitem1.TEL;waid=52:+52 55\nEND:VCARD'] }),
    { ...secret, kind: 'ciphertext_failed', key: 'ciphertext_failed:1' }, poll, regretted, typo, from(ana, '', 100, { type: 'holographic' })
  ], 'live')
  const by = (name: string, facts: object): Parameters<typeof upstream.journal.append>[0][number] => {
    const base = from(ana, '', 10)
    return { ...base, kind: name as 'vote', key: `${name}:${base.message.id}`, message: { ...base.message, ...facts } }
  }
  upstream.journal.append([
    by('vote', { type: 'poll_vote', vote: { message_id: poll.message.id, options: ['Monday'] } }),
    by('reaction', { type: 'reaction', reaction: { message_id: asked.message.id, emoji: '👍', sender: `${ana}@c.us` } }),
    { kind: 'revoke', key: 'revoke:1', message: { ...regretted.message, body: '', revoked: { by: 'sender' } } },
    { kind: 'edit', key: 'edit:1', message: { ...typo.message, body: 'hello', edited: { at: new Date().toISOString(), previous: 'helo' } } }
  ], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, '<b>Ana</b>')
  await see(page, /holographic/, '.message')
  const shown = await textsOf(page, '.message')
  t.ok(shown[0]?.includes(hostile), 'markup is text')
  t.notOk(await inPage(page, "document.querySelector('#columns img:not(.qr), #columns script, #columns b')"), 'nothing of it became an element')
  t.match(shown[1], /how much is it\?.*👍/s)
  t.match(shown[2], /^You:.*how much is it\?.*ten/s)
  t.match(shown[3], /Photo · shop\.jpg · 123\.5 kB.*our shop/s)
  t.match(shown[4], /Voice message · 12s · could not be fetched: see it on the phone/)
  t.match(shown[5], /Location · Zócalo · Centro.*19\.4, -99\.1/s)
  t.match(shown[6], /Contact · Luz, Sol · \+52 55/)
  t.match(shown[7], /could not decrypt this message: read it on the phone/)
  t.match(shown[8], /Poll: Which day\?.*Monday.*1 vote.*<img.*0 votes/s)
  t.match(shown[9], /forget this.*Deleted by its sender/s)
  t.match(shown[10], /hello.*edited/s)
  await page.click('.quote')
  t.match(await inPage(page, 'document.activeElement.textContent'), /how much is it/, 'the message answered is gone to')
  const link = await inPage<Record<string, string>>(page, "(({ href, target, rel }) => ({ href, target, rel }))(document.querySelector('#reply'))")
  t.match(link, { href: `https://web.whatsapp.com/send?phone=${ana}`, target: '_blank', rel: /noopener/ })
  await accessible(t, page, 'conversation')

  await page.select('#lead-state', 'won')
  await see(page, 'Saved')
  await page.type('#lead-note', 'wants ten <b>boxes</b>')
  await see(page, 'Not saved yet')
  upstream.journal.append([from(ana, 'still there?', 0, { name: 'Ana' })], 'live')
  await see(page, 'still there?', '.message .body')
  t.equal(await inPage(page, "document.querySelector('#lead-note').value"), 'wants ten <b>boxes</b>', 'a message that comes leaves what is being typed')
  await page.keyboard.press('Tab')
  await see(page, 'Saved')
  t.match(await leadOf(url, ana), { state: 'won', note: 'wants ten <b>boxes</b>' })
  await see(page, 'Won', '.row .chip')

  const { id } = await leadOf(url, ana)
  await ask(`${url}/api/leads/${id}`, apiToken, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ note: 'from elsewhere' }) })
  await until(page, "document.querySelector('#lead-note').value === 'from elsewhere'")
})

pageTest('the connection: QR shown and replaced, connect, disconnect, unlink; what is wrong is said as it came', async (t, open) => {
  const { url, upstream } = await startRig(t, { UPSTREAM_CHECK_INTERVAL: '100ms' })
  upstream.set({ status: 'QR_REQUIRED', running: true, qrAttempt: 1, qr: { code: 'first', generatedAt: Date.now(), expiresAt: Date.now() + 60_000 } })
  const page = await open(url)
  await signIn(page)
  await see(page, /^Code 1, valid for another \d+s$/)
  await until(page, "document.querySelector('.qr').complete && document.querySelector('.qr').naturalWidth > 200")
  t.ok((await inPage<number>(page, "document.querySelector('.qr').clientWidth")) >= 280, 'large enough to scan')
  await accessible(t, page, 'QR')
  const first = await inPage(page, "document.querySelector('.qr').src")
  upstream.set({ qrAttempt: 2, qr: { code: 'second', generatedAt: Date.now(), expiresAt: Date.now() + 20_000 } })
  await see(page, /^Code 2, valid for another \d+s$/)
  t.not(await inPage(page, "document.querySelector('.qr').src"), first, 'another code, another image')
  upstream.set({ qrAttempt: 3, qr: { code: 'late', generatedAt: Date.now() - 20_000, expiresAt: Date.now() } })
  await see(page, /^This code has expired/)

  upstream.set({ status: 'READY' })
  await see(page, 'Connected', '#pill-text')
  await see(page, 'Choose a lead to read the conversation.')
  await page.click('#pill')
  await see(page, 'Connected: every message is being captured.')
  await see(page, 'Everything works.')
  await accessible(t, page, 'connection and health')
  await (await page.waitForSelector('text/Unlink this device…'))?.click()
  await see(page, 'Unlink this device?')
  await accessible(t, page, 'dialog')
  await page.keyboard.press('Escape')
  t.same(upstream.asked, [], 'nothing happens unless it is confirmed')
  await (await page.waitForSelector('text/Unlink this device…'))?.click()
  await (await page.waitForSelector('dialog [value=yes]', { visible: true }))?.click()
  await see(page, 'Not connected.')
  t.same(upstream.asked, ['logout'])
  await (await page.waitForSelector('#session .primary', { visible: true }))?.click()
  await see(page, 'WhatsApp Web is starting.')
  upstream.set({ status: 'ERROR', reason: 'Chromium ended while it was starting: run /usr/bin/chromium', running: false })
  await see(page, 'Chromium ended while it was starting: run /usr/bin/chromium')

  await upstream.close()
  const { body } = await eventually(() => ask<{ detail: string }>(`${url}/api/whatsapp/status`, apiToken), ({ status }) => status === 503)
  await see(page, 'session-manager, the service that listens to WhatsApp, cannot be reached.')
  await see(page, body.detail)
  t.match(body.detail, /SESSION_MANAGER_BASE_URL in \/etc\/leadmaster\/central-hub\.env/)
  await see(page, 'Something needs attention:')
  await accessible(t, page, 'a problem')
})

pageTest('several accounts: each has its own connection, and the one that needs someone shows in the bar', async (t, open) => {
  const sales = await fakeSessionManager(t, { account: 'sales', directory: t.testdir({ sales: {} }) + '/sales' })
  const { url, upstream } = await startRig(t, { FURTHER_SESSION_MANAGERS: `sales=${sales.url}` })
  upstream.set({ status: 'READY', running: true })
  sales.set({ status: 'QR_REQUIRED', running: true, qrAttempt: 4, qr: { code: 'sales', generatedAt: Date.now(), expiresAt: Date.now() + 60_000 } })
  const page = await open(url)
  await signIn(page)
  await see(page, 'Scan the QR', '#pill-text')
  await see(page, /^Code 4, valid for another/)
  await see(page, 'Connected: every message is being captured.')
  t.same(await textsOf(page, '#session > h3'), ['main', 'sales'])
  await accessible(t, page, 'two accounts')
  sales.set({ status: 'READY' })
  await see(page, 'Connected', '#pill-text')
  await page.click('#pill')
  await see(page, /^Disconnect$/, '.session:last-of-type button')
  await inPage(page, "[...document.querySelectorAll('.session')].at(-1).querySelectorAll('.buttons button')[1].click()")
  await see(page, 'Not connected.')
  t.same([sales.asked, upstream.asked], [['disconnect'], []])
  await see(page, 'Not connected', '#pill-text')
})

pageTest('the hub dies and comes back: the page goes on by itself, nothing that was typed or came is lost', async (t, open) => {
  const { url, upstream, kill, restart } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, 'hello', '.message .body')
  await page.type('#lead-note', 'half of')
  await kill()
  await see(page, /^The connection to LeadMaster is lost/, '[role=alert]')
  await page.type('#lead-note', ' a note')
  await page.keyboard.press('Tab')
  await see(page, /^Not saved: LeadMaster does not answer/, '[role=alert]')
  await accessible(t, page, 'without the hub')
  upstream.journal.append([from(ana, 'are you there?', 0), from(beto, 'hi', 0, { name: 'Beto' })], 'live')
  await restart()
  await see(page, 'are you there?', '.message .body')
  await see(page, 'Beto', '.row .name')
  await until(page, "document.querySelector('#offline').textContent === ''")
  t.equal(await inPage(page, "document.querySelector('#lead-note').value"), 'half of a note')
  await eventually(() => leadOf(url, ana), ({ note }) => note === 'half of a note')
  await see(page, 'Saved')

  await kill()
  await page.type('#q', 'bet')
  await see(page, /^LeadMaster does not answer/, '#lists .note')
  await restart()
  await see(page, 'Beto', '.row .name')
  t.same(await names(page), ['Beto'], 'the search that failed was tried again')
})

pageTest('what is typed while a note is on its way to the hub follows it', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, 'hello', '.message .body')
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => (release = resolve))
  await page.setRequestInterception(true)
  page.on('request', (request) => void (request.method() === 'PATCH' ? held : Promise.resolve()).then(() => request.continue()))
  await page.type('#lead-note', 'one')
  await page.keyboard.press('Tab')
  await see(page, 'Saving…')
  await page.type('#lead-note', ' two')
  await page.keyboard.press('Tab')
  release()
  await eventually(() => leadOf(url, ana), ({ note }) => note === 'one two')
  await see(page, 'Saved')
})

pageTest('the hub comes back with another store: its reset has the page read everything anew', async (t, open) => {
  const { url, upstream, kill, restart } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  for (const [state, shown] of [['open', 'Open'], ['lost', 'Lost'], ['won', 'Won']] as const) {
    await page.select('#lead-state', state)
    await see(page, shown, '.row .chip')
  }
  await kill()
  await restart({ keep: false })
  await see(page, 'New', '.row .chip')
  await until(page, "document.querySelector('#lead-state').value === 'new'")
})

pageTest('signed out meanwhile: the page asks to sign in again, and then saves what was typed', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, 'hello', '.message .body')
  await page.browserContext().deleteCookie(...(await page.browserContext().cookies()))
  await page.type('#lead-note', 'call on Monday')
  await page.keyboard.press('Tab')
  await see(page, 'You were signed out. Sign in to go on: what you typed is kept.')
  await signIn(page)
  await eventually(() => leadOf(url, ana), ({ note }) => note === 'call on Monday')
  await see(page, 'Ana', '#lead-name')
})

pageTest('two leads that turn out to be one person become one, also while one of them is open', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const lid = '998877@lid'
  const { phone: _phone, ...unknown } = from('998877', 'who am I?', 60, { name: 'Ana', lid, chat_id: lid, from: lid }).message
  upstream.journal.append([from(ana, 'hello', 90, { name: 'Ana M' }), { kind: 'message', key: 'message:lid', message: unknown }], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, 'WhatsApp has not told the phone number of this person: answer on the phone.')
  t.notOk(await inPage(page, "document.querySelector('#reply').checkVisibility()"))
  upstream.journal.append([from(ana, 'it is me', 0, { name: 'Ana M', lid })], 'live')
  await see(page, 'it is me', '.message .body')
  await see(page, 'who am I?', '.message .body')
  t.same(await names(page), ['Ana M'])
})

pageTest('by keyboard alone, at 360 px, in Spanish: from the sign-in to a lead, and back', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.set({ status: 'READY', running: true })
  upstream.journal.append([from(ana, 'hola '.repeat(100), 2 * hour, { name: 'Ana' }), from(beto, 'averylongword'.repeat(30), hour, { name: 'Beto de la Santísima Trinidad y de todos los Santos' })], 'live')
  const page = await open(url, { width: 360, height: 640, language: 'es-MX', dark: true })
  await page.waitForSelector('#token', { visible: true })
  t.equal(await inPage(page, 'document.documentElement.lang'), 'es')
  await page.keyboard.type(apiToken)
  await page.keyboard.press('Enter')
  await see(page, 'espera 2h')
  t.notOk(await scrollsSideways(page))
  await accessible(t, page, 'list, narrow, dark, Spanish')
  const focused = (): Promise<string> => inPage(page, 'document.activeElement.textContent')
  for (let presses = 0; !/^Ana/.test(await focused()) && presses < 20; presses += 1) await page.keyboard.press('Tab')
  await page.keyboard.press('ArrowDown')
  t.match(await focused(), /^Beto/)
  await page.keyboard.press('Enter')
  await see(page, /^averylongword/, '.message .body')
  t.notOk(await inPage(page, "document.querySelector('#inbox').checkVisibility()"), 'the list gives way to the conversation')
  t.notOk(await scrollsSideways(page))
  await accessible(t, page, 'conversation, narrow, dark, Spanish')
  for (let presses = 0; (await inPage(page, 'document.activeElement.id')) !== 'lead-note' && presses < 20; presses += 1) await page.keyboard.press('Tab')
  await page.keyboard.type('llamar mañana')
  await page.keyboard.press('Tab')
  await see(page, 'Guardado')
  await page.goBack()
  await page.waitForSelector('#inbox', { visible: true })
  t.match(await focused(), /^Beto/, 'the focus is where it was')
  await see(page, 'llamar mañana', '.excerpt')
  await page.click('#pill')
  await see(page, 'Todo funciona.')
  t.notOk(await scrollsSideways(page))
  await accessible(t, page, 'connection, narrow, dark, Spanish')
  await page.select('#connection .language-select', 'en')
  await see(page, 'Everything works.')
  t.equal(await inPage(page, 'document.documentElement.lang'), 'en')
  await page.reload()
  await see(page, 'Everything works.')
})
