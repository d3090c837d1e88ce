import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Page } from 'playwright-core'
import t from 'tap'
import type { Role } from '../../src/contract/access.ts'
import type { ApiKey, Operator } from '../../src/contract/team.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import {
  accessible,
  focused,
  inPage,
  openLead,
  pageTests,
  see,
  signIn,
  signInAs,
  textsOf,
  until,
  valueOf
} from './page.ts'
import { changeElsewhere, eventually, from, leadOf, startRig } from './rig.ts'

const pageTest = pageTests(t)
const ana = '5215511111111'
const password = 'correct horse battery'

const add = async (url: string, username: string, role: Role): Promise<Operator> =>
  (
    await ask<Operator>(`${url}/api/operators`, apiToken, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, name: `${username} Pérez`, role, password })
    })
  ).body

const patch = async (url: string, { id }: Operator, body: object): Promise<void> =>
  void (await ask(`${url}/api/operators/${id}`, apiToken, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body)
  }))

/** With SCREENSHOTS=DIR it leaves a picture there, to be looked at. */
const show = async (page: Page, name: string): Promise<void> => {
  const directory = process.env['SCREENSHOTS']
  if (directory !== undefined)
    await page.screenshot({ path: join(directory, `team-${name}.png`), fullPage: false })
}

/** What the hub refuses the page from now on. */
const refusalsOf = (page: Page): string[] => {
  const refused: string[] = []
  page.on('response', (answer) => {
    if (answer.status() === 403) refused.push(answer.url())
  })
  return refused
}

const isShown = (page: Page, selector: string): Promise<boolean> =>
  inPage(page, `document.querySelector(${JSON.stringify(selector)}).checkVisibility()`)

pageTest(
  'an operator signs in by name and password, changes the password, and ends another session',
  async (t, open) => {
    const { url } = await startRig(t)
    await add(url, 'luisa', 'operator')
    const page = await open(url)
    await page.waitForSelector('#username')
    await show(page, 'sign-in')
    await signInAs(page, 'luisa', 'not her password')
    await see(page, 'That is not the username and its password.', '[role=alert]')
    t.equal(await focused(page), 'password')
    await accessible(t, page, 'sign-in by name refused')
    await signInAs(page, 'LUISA', password)
    await see(page, 'luisa Pérez', '#who')
    t.notOk(await isShown(page, '#nav [href="#/team"]'), 'an operator manages no team')
    await page.reload()
    await see(page, 'luisa Pérez', '#who')

    const other = await open(url)
    await signInAs(other, 'luisa', password)
    await see(other, 'luisa Pérez', '#who')
    await page.click('#nav >> text=Settings')
    await see(page, 'luisa Pérez · Operator: works with leads, links a phone')
    await see(page, 'This browser')
    t.equal((await textsOf(page, '#my-sessions .hook')).length, 2)
    await accessible(t, page, 'my account')
    await show(page, 'account')
    await page.click('#my-sessions button')
    await see(other, 'You were signed out. Sign in to go on: what you typed is kept.')
    await until(page, "document.querySelectorAll('#my-sessions .hook').length === 1")

    await page.fill('#password-now', 'not her password')
    await page.fill('#password-new', 'another password')
    await page.click('#password-form [type=submit]')
    await see(page, 'The username or the password is wrong', '#password-outcome p')
    t.ok(await isShown(page, '#password-form'), 'a wrong password signs nobody out')
    await page.fill('#password-now', password)
    await page.click('#password-form [type=submit]')
    await see(page, /^The password was changed/, '#password-outcome p')
    t.equal(await valueOf(page, '#password-new'), '', 'what was typed does not stay')
    await page.click('#sign-out')
    await signInAs(page, 'luisa', 'another password')
    await see(page, 'luisa Pérez', '#who')
  }
)

pageTest(
  'a viewer is offered nothing that the role may not do, and the page asks for nothing of it',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.set({ status: 'QR_REQUIRED', running: true })
    upstream.journal.append([from(ana, 'hello', 600, { name: 'Ana' })], 'live')
    await leadOf(url, ana)
    await add(url, 'eva', 'viewer')
    const page = await open(url)
    const refused = refusalsOf(page)
    await signInAs(page, 'eva', password)
    await openLead(page, 'Ana')
    await see(page, 'hello', '.message .body')
    t.ok(await isShown(page, '#reply'))
    for (const part of ['#handled', '#mark-unread', '#ask-merge', '#ask-remove'])
      t.notOk(await isShown(page, part), `${part} is not offered`)
    t.ok(await inPage(page, "document.querySelector('#lead-note').readOnly"))
    t.ok(await inPage(page, "document.querySelector('#lead-state').disabled"))
    await accessible(t, page, 'a lead, for a viewer')
    await show(page, 'viewer-lead')
    await page.focus('#lead-name')
    await page.keyboard.press('d')
    await page.keyboard.press('u')
    t.equal((await leadOf(url, ana)).unread_count, 1, 'a look of a viewer marks nothing as read')

    await page.click('#pill')
    await see(page, 'Your role may not link a phone: ask an admin or an operator.')
    t.same(
      (await textsOf(page, '#session button')).filter((text) => text !== ''),
      [],
      'no button of the session'
    )
    await accessible(t, page, 'the connection, for a viewer')
    await page.click('#nav >> text=Settings')
    await see(page, /eva Pérez · Viewer/, '#account-who')
    for (const part of ['#names-form', '#webhooks', '#nav [href="#/team"]'])
      t.notOk(await isShown(page, part), `${part} is not offered`)
    t.same(refused, [], 'nothing was asked for in vain')

    await page.goto(`${url}/#/team`)
    await see(page, 'Your role may not do that.', '#operators p')
    await accessible(t, page, 'a page that the role may not see')
  }
)

pageTest(
  'a role that changes is felt within seconds, and so is its end, also by a page that is open',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append([from(ana, 'hello', 600, { name: 'Ana' })], 'live')
    await leadOf(url, ana)
    const luisa = await add(url, 'luisa', 'operator')
    const page = await open(url)
    // Who is signed in is known later than the conversation.
    await page.route('**/api/me', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 2_000))
      await route.continue()
    })
    await signInAs(page, 'luisa', password)
    await openLead(page, 'Ana')
    await see(page, 'hello', '.message .body')
    await until(page, "document.querySelector('#mark-unread').checkVisibility()")
    await eventually(
      () => leadOf(url, ana),
      ({ unread_count }) => unread_count === 0
    )
    await page.unroute('**/api/me')
    t.ok(await isShown(page, '#ask-merge'))
    t.notOk(await isShown(page, '#ask-remove'), 'an operator deletes nothing')

    await patch(url, luisa, { role: 'viewer' })
    await until(page, "!document.querySelector('#mark-unread').checkVisibility()")
    await patch(url, luisa, { role: 'admin' })
    await until(page, "document.querySelector('#ask-remove').checkVisibility()")
    await add(url, 'ana', 'admin')
    await patch(url, luisa, { enabled: false })
    await see(page, 'You were signed out. Sign in to go on: what you typed is kept.')
    await signInAs(page, 'luisa', password)
    await see(page, 'That is not the username and its password.', '[role=alert]')
  }
)

pageTest('an admin adds, changes and removes people of the team', async (t, open) => {
  const { url } = await startRig(t)
  const page = await open(url)
  await signIn(page)
  await page.click('#nav >> text=Team')
  await see(page, 'Nobody yet. Make yourself the first admin.')
  await page.fill('#operator-username', 'ana')
  await page.fill('#operator-name', 'Ana García')
  await page.selectOption('#operator-role', 'admin')
  await page.fill('#operator-password', password)
  await page.click('#operator-form [type=submit]')
  await see(page, 'Ana García', '#operators bdi')
  await page.fill('#operator-username', 'leo')
  await page.fill('#operator-password', password)
  await page.click('#operator-form [type=submit]')
  await see(page, 'leo', '#operators strong')
  await accessible(t, page, 'team')
  await show(page, 'people')
  const row = (name: string) => page.locator('#operators .hook', { hasText: name })
  const leo = async () =>
    (await ask<{ operators: Operator[] }>(`${url}/api/operators`, apiToken)).body.operators.find(
      ({ username }) => username === 'leo'
    )
  t.match(await leo(), { name: 'leo', role: 'operator' }, 'the name is the username unless given')

  // What is chosen while the hub has not answered yet is done after it.
  await page.route('**/api/operators/*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500))
    await route.continue()
  })
  await row('leo').locator('select').selectOption('viewer')
  await row('Ana García').locator('select').selectOption('viewer')
  await see(page, /^this is the last admin who can sign in/, '#operators-outcome p')
  await page.unroute('**/api/operators/*')
  t.equal((await leo())?.role, 'viewer')
  // What is so is read again after the refusal.
  await until(page, "document.querySelector('#operators select').value === 'admin'")
  await row('leo').locator('text=Turn off').click()
  await see(page, /^Turned off: cannot sign in/, '#operators p')
  t.equal(await focused(page), 'Turn on leo', 'the button keeps the focus')
  await row('leo').locator('text=New password').click()
  await accessible(t, page, 'a new password')
  await show(page, 'password')
  await page.fill('#confirm-password', 'another password')
  await page.keyboard.press('Enter')
  await see(page, 'leo has a new password.', '#operators-outcome p')
  await row('leo').locator('text=Turn on').click()
  await eventually(leo, (operator) => operator?.enabled === true)
  const there = await open(url)
  await signInAs(there, 'leo', 'another password')
  await see(there, 'leo', '#who')
  await row('leo').locator('text=Remove').click()
  await page.click('#confirm [value=no]')
  t.ok(await leo(), 'nobody was removed yet')
  await row('leo').locator('text=Remove').click()
  await page.click('#confirm-yes')
  await until(page, "document.querySelectorAll('#operators .hook').length === 1")
  t.equal(await leo(), undefined)
  await see(there, 'You were signed out. Sign in to go on: what you typed is kept.')
})

pageTest(
  'an admin makes an API key, which is shown once, and revokes it; in Spanish, at 360 px, dark',
  async (t, open) => {
    const { url } = await startRig(t)
    await add(url, 'ana', 'admin')
    const page = await open(url, { width: 360, height: 740, dark: true, language: 'es-MX' })
    await signInAs(page, 'ana', password)
    await page.click('#nav >> text=Equipo')
    await see(page, 'Todavía ninguna.')
    await see(page, 'ana Pérez', '#operators bdi')
    t.notOk(
      await inPage(
        page,
        "((team) => team.scrollWidth > team.clientWidth)(document.querySelector('#team'))"
      ),
      'no card is wider than the phone'
    )
    await page.fill('#api-key-name', 'CRM')
    await page.click('#api-key-form [type=submit]')
    await see(page, 'Elige qué puede hacer la clave.')
    await page.check('#api-key-scopes [value="leads.read"]')
    await page.check('#api-key-scopes [value="events"]')
    await page.click('#api-key-form [type=submit]')
    await see(page, 'Esta es la clave. Se muestra ahora y nunca más:')
    const [key = ''] = await textsOf(page, '.whole-key')
    t.match((await ask(`${url}/api/leads`, key)).status, 200)
    t.equal((await ask(`${url}/api/operators`, key)).status, 403)
    await ask(`${url}/api/keys`, apiToken, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'old', scopes: ['events'] })
    })
    await page.click('#nav >> text=Cifras')
    await page.click('#nav >> text=Equipo')
    await see(page, 'old', '#api-keys strong')
    await page.fill('#api-key-name', 'new')
    await page.check('#api-key-scopes [value="status"]')
    await page.click('#api-key-form [type=submit]')
    await until(page, "document.querySelectorAll('.whole-key').length === 1")
    const made = await textsOf(page, '.whole-key')
    await page.click('#api-keys li:has-text("old") >> text=Anular')
    await page.click('#confirm-yes')
    await until(page, "document.querySelectorAll('#api-keys li').length === 2")
    t.same(await textsOf(page, '.whole-key'), made, 'that another key is revoked hides no new one')
    await page.click('#api-keys li:has-text("new") >> text=Anular')
    await page.click('#confirm-yes')
    await until(page, "document.querySelectorAll('.whole-key').length === 0")
    await accessible(t, page, 'a key, narrow, dark, Spanish')
    await page.locator('#api-keys').scrollIntoViewIfNeeded()
    await show(page, 'key-narrow-dark')
    await see(page, 'leer clientes y mensajes · seguir lo que pasa en vivo', '#api-keys p')
    await page.reload()
    await see(page, 'CRM', '#api-keys strong')
    t.equal((await textsOf(page, '.whole-key')).length, 0, 'it is not shown again')

    await page.click('#api-keys >> text=Anular')
    await accessible(t, page, 'revoking, narrow, dark, Spanish')
    await page.click('#confirm-yes')
    await see(page, 'Todavía ninguna.')
    t.equal((await ask(`${url}/api/leads`, key)).status, 401)
    t.same((await ask<{ keys: ApiKey[] }>(`${url}/api/keys`, apiToken)).body, { keys: [] })
  }
)

pageTest(
  'an admin sees who did what, chooses by person and by what was done, and exports it',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append([from(ana, 'hello', 600, { name: 'Ana' })], 'live')
    const { id } = await leadOf(url, ana)
    await add(url, 'berta', 'admin')
    await add(url, 'luisa', 'operator')
    const page = await open(url)
    await signInAs(page, 'berta', password)
    await openLead(page, 'Ana')
    await page.selectOption('#lead-state', 'won')
    await see(page, 'Saved')
    for (let at = 0; at < 60; at += 1)
      await changeElsewhere(url, id, { note: `a note that is nobody's business ${at}` })
    const luisa = await open(url)
    await signInAs(luisa, 'luisa', 'not her password')
    await see(luisa, 'That is not the username and its password.', '[role=alert]')

    await page.click('#nav >> text=Team')
    await see(page, 'luisa Pérez: wrong password at the sign-in', '#audit .hook p')
    await accessible(t, page, 'who did what')
    await show(page, 'audit')
    const rows = (): Promise<string[]> => textsOf(page, '#audit .hook p:first-child')
    t.equal((await rows()).length, 50)
    await page.click('#audit-more')
    await until(page, "document.querySelectorAll('#audit .hook').length > 50")
    t.same((await rows()).slice(-3), [
      'berta Pérez: signed in',
      'HUB_API_TOKEN: added an operator · Operator 2',
      'HUB_API_TOKEN: added an operator · Operator 1'
    ])
    t.notMatch(await inPage(page, "document.querySelector('#audit').textContent"), 'business')
    t.ok(await inPage(page, "document.querySelector('#audit-more').hidden"))

    await page.selectOption('#audit-who', { label: 'berta Pérez' })
    await until(page, "document.querySelectorAll('#audit .hook').length === 2")
    await page.selectOption('#audit-what', { label: 'changed a lead' })
    await until(page, "document.querySelectorAll('#audit .hook').length === 1")
    t.same(await rows(), [`berta Pérez: changed a lead · Lead ${id}`])
    const file = page.waitForEvent('download')
    await page.click('#audit-file')
    const csv = await buffer(await (await file).createReadStream())
    t.match(
      csv.toString(),
      /^id,at,actor.*\r?\n.*,berta Pérez,patchLead,false,lead,1,state,[^\n]*\r?\n$/
    )
    await page.click(`#audit a[href="#/lead/${id}"]`)
    await see(page, 'Ana', '#lead-name')
  }
)
