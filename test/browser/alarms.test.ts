import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { accessible, inPage, pageTests, see, signIn, signInAs, textsOf, until } from './page.ts'
import { from, leadOf, startRig } from './rig.ts'

/** Alarms on the page: rules are added, and what they raise is seen and noted. */

const pageTest = pageTests(t)
const ana = '5215511111111'
const password = 'correct horse battery'

/** With SCREENSHOTS=DIR it leaves a picture there, to be looked at. */
const show = async (page: Page, name: string): Promise<void> => {
  const directory = process.env['SCREENSHOTS']
  if (directory !== undefined)
    await page
      .locator('section:has(> #alarms-title)')
      .screenshot({ path: join(directory, `alarms-${name}.png`) })
}

const add = (url: string, username: string, role: string) =>
  ask(`${url}/api/operators`, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, name: `${username} Pérez`, role, password })
  })

const isShown = (page: Page, selector: string): Promise<boolean> =>
  inPage(page, `document.querySelector(${JSON.stringify(selector)}).checkVisibility()`)

pageTest(
  'an admin adds a rule, its alarm is seen, noted by an operator, and over',
  async (t, open) => {
    const { url, upstream, kill, restart } = await startRig(t)
    upstream.journal.append([from(ana, 'hello', 600, { name: 'Ana' })], 'live')
    await leadOf(url, ana)
    await add(url, 'luisa', 'operator')
    const page = await open(url)
    await signIn(page)
    await page.click('#nav >> text=Settings')
    await see(page, 'None yet.', '#alarm-rules p')

    await page.fill('#alarm-name', 'Too long')
    await page.fill('#alarm-minutes', '15, 5')
    await page.click('#alarm-form [type=submit]')
    await see(page, /expected more than the 15 minutes of the step before/, '#alarms-outcome p')
    await page.fill('#alarm-minutes', '5, 600')
    await page.check('#alarm-hours')
    await page.click('#alarm-form [type=submit]')
    await see(
      page,
      'A lead waits: after 5, 600 minutes · within business hours',
      '#alarm-rules .small'
    )
    // The watch over alarms looks when the hub starts, and every few seconds.
    await kill()
    await restart()
    await until(page, "document.querySelector('#offline').textContent === ''")
    await page.reload()
    await see(page, /^Too long Lead 1/, '#alarms .hook p')
    await accessible(t, page, 'alarms')
    await show(page, 'admin')

    const other = await open(url)
    await signInAs(other, 'luisa', password)
    await other.click('#nav >> text=Settings')
    await see(other, /^Too long Lead 1/, '#alarms .hook p')
    t.notOk(await isShown(other, '#alarm-form'), 'an operator makes no rules')
    t.same(await textsOf(other, '#alarm-rules button'), [])
    await other.click('#alarms button')
    await see(other, /Noted by luisa Pérez$/, '#alarms .small')
    t.same(await textsOf(other, '#alarms button'), [])

    await page.click('#alarm-rules button >> text=Turn off')
    await see(page, 'Too long · off', '#alarm-rules .hook p')
    await page.click('#alarm-rules button >> text=Remove…')
    await page.click('#confirm-yes')
    await see(page, 'None yet.', '#alarm-rules p')
    await see(page, 'None.', '#alarms p')
  }
)
