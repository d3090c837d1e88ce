import t from 'tap'
import { ana, withAna } from './ana.ts'
import { accessible, names, pageTests, see, signIn, type, until, valueOf } from './page.ts'
import { changeElsewhere, eventually, from, leadOf } from './rig.ts'

const pageTest = pageTests(t)
const beto = '5215522222222'

pageTest(
  'the hub dies and comes back: the page goes on by itself, nothing that was typed or came is lost',
  async (t, open) => {
    const { url, upstream, kill, restart, page } = await withAna(t, open)
    await type(page, '#lead-note', 'half of')
    await kill()
    await see(page, /^The connection to LeadMaster is lost/, '[role=alert]')
    await type(page, '#lead-note', ' a note')
    await page.keyboard.press('Tab')
    await see(page, /^Not saved: LeadMaster does not answer/, '[role=alert]')
    await type(page, '#lead-tag', 'urgent')
    await accessible(t, page, 'without the hub')
    upstream.journal.append(
      [from(ana, 'are you there?', 0), from(beto, 'hi', 0, { name: 'Beto' })],
      'live'
    )
    await restart()
    await see(page, 'are you there?', '.message .body')
    await see(page, 'Beto', '.row .name')
    await until(page, "document.querySelector('#offline').textContent === ''")
    t.equal(await valueOf(page, '#lead-note'), 'half of a note')
    t.equal(await valueOf(page, '#lead-tag'), 'urgent')
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'half of a note'
    )
    await see(page, 'Saved')

    await kill()
    await type(page, '#q', 'bet')
    await see(page, /^LeadMaster does not answer/, '#lists .note')
    await restart()
    await see(page, 'Beto', '.row .name')
    t.same(await names(page), ['Beto'], 'the search that failed was tried again')
    t.equal(await valueOf(page, '#q'), 'bet')
  }
)

pageTest(
  'the hub comes back with another store: its reset has the page read everything anew',
  async (t, open) => {
    const { kill, restart, page } = await withAna(t, open)
    for (const [state, shown] of [
      ['open', 'Open'],
      ['lost', 'Lost'],
      ['won', 'Won']
    ] as const) {
      await page.selectOption('#lead-state', state)
      await see(page, shown, '.row .chip')
    }
    await kill()
    await restart({ keep: false })
    await see(page, 'New', '.row .chip')
    await until(page, "document.querySelector('#lead-state').value === 'new'")
  }
)

pageTest(
  'signed out meanwhile: the page asks to sign in again, and then saves what was typed',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    await page.context().clearCookies()
    await type(page, '#lead-note', 'call on Monday')
    await page.keyboard.press('Tab')
    await see(page, 'You were signed out. Sign in to go on: what you typed is kept.')
    await signIn(page)
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'call on Monday'
    )
    await see(page, 'Ana', '#lead-name')
  }
)

pageTest(
  'offline: what could not be saved is said, and saved when the connection is back',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    await page.context().setOffline(true)
    await type(page, '#lead-note', 'in the lift')
    await page.keyboard.press('Tab')
    await see(
      page,
      /^Not saved: LeadMaster does not answer\. It is tried again by itself\./,
      '[role=alert]'
    )
    await page.selectOption('#lead-state', 'won')
    await type(page, '#lead-tag', 'vip')
    await page.keyboard.press('Enter')
    await see(
      page,
      /^3 changes are not saved yet\. It is tried again when the connection is back\./,
      '#unsaved'
    )
    await accessible(t, page, 'changes that are not saved')

    await page.context().setOffline(false)
    await eventually(
      () => leadOf(url, ana),
      ({ note, state, tags }) => note === 'in the lift' && state === 'won' && tags[0] === 'vip'
    )
    await until(page, "document.querySelector('#unsaved').textContent === ''")
  }
)

pageTest(
  'the hub refuses for a while: the change outlives a reload, is tried again by itself, and a conflict is told',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    page.on('dialog', (dialog) => void dialog.accept())
    let refuses = true
    await page.route('**/api/leads/*', (route) =>
      refuses && route.request().method() === 'PATCH' ? route.abort() : route.continue()
    )
    await type(page, '#lead-note', 'mine')
    await page.keyboard.press('Tab')
    await see(page, /^1 change is not saved yet/, '#unsaved')
    await page.reload()
    await see(page, 'hello', '.message .body')
    t.equal(await valueOf(page, '#lead-note'), 'mine', 'it is there after the reload')
    await see(page, /^1 change is not saved yet/, '#unsaved')
    refuses = false
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'mine'
    )
    await until(page, "document.querySelector('#unsaved').textContent === ''")

    refuses = true
    await page.fill('#lead-note', 'mine again')
    await page.keyboard.press('Tab')
    await see(page, /^1 change is not saved yet/, '#unsaved')
    await page.click('#nav >> text=Settings')
    await changeElsewhere(url, (await leadOf(url, ana)).id, { note: 'theirs' })
    refuses = false
    await see(page, /Someone else changed the same: decide which stays\./, '#unsaved')
    await page.click('#unsaved a')
    await see(page, 'theirs', '[role=alert] blockquote')
    await page.click('text=Save mine')
    await until(page, "document.activeElement.id === 'lead-note'")
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'mine again'
    )
    await until(page, "document.querySelector('#unsaved').textContent === ''")
  }
)
