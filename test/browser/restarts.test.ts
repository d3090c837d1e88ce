import t from 'tap'
import { ana, withAna } from './ana.ts'
import { accessible, names, pageTests, see, signIn, type, until, valueOf } from './page.ts'
import { eventually, from, leadOf } from './rig.ts'

const pageTest = pageTests(t)
const beto = '5215522222222'

pageTest('the hub dies and comes back: the page goes on by itself, nothing that was typed or came is lost', async (t, open) => {
  const { url, upstream, kill, restart, page } = await withAna(t, open)
  await type(page, '#lead-note', 'half of')
  await kill()
  await see(page, /^The connection to LeadMaster is lost/, '[role=alert]')
  await type(page, '#lead-note', ' a note')
  await page.keyboard.press('Tab')
  await see(page, /^Not saved: LeadMaster does not answer/, '[role=alert]')
  await type(page, '#lead-tag', 'urgent')
  await accessible(t, page, 'without the hub')
  upstream.journal.append([from(ana, 'are you there?', 0), from(beto, 'hi', 0, { name: 'Beto' })], 'live')
  await restart()
  await see(page, 'are you there?', '.message .body')
  await see(page, 'Beto', '.row .name')
  await until(page, "document.querySelector('#offline').textContent === ''")
  t.equal(await valueOf(page, '#lead-note'), 'half of a note')
  t.equal(await valueOf(page, '#lead-tag'), 'urgent')
  await eventually(() => leadOf(url, ana), ({ note }) => note === 'half of a note')
  await see(page, 'Saved')

  await kill()
  await type(page, '#q', 'bet')
  await see(page, /^LeadMaster does not answer/, '#lists .note')
  await restart()
  await see(page, 'Beto', '.row .name')
  t.same(await names(page), ['Beto'], 'the search that failed was tried again')
  t.equal(await valueOf(page, '#q'), 'bet')
})

pageTest('the hub comes back with another store: its reset has the page read everything anew', async (t, open) => {
  const { kill, restart, page } = await withAna(t, open)
  for (const [state, shown] of [['open', 'Open'], ['lost', 'Lost'], ['won', 'Won']] as const) {
    await page.selectOption('#lead-state', state)
    await see(page, shown, '.row .chip')
  }
  await kill()
  await restart({ keep: false })
  await see(page, 'New', '.row .chip')
  await until(page, "document.querySelector('#lead-state').value === 'new'")
})

pageTest('signed out meanwhile: the page asks to sign in again, and then saves what was typed', async (t, open) => {
  const { url, page } = await withAna(t, open)
  await page.context().clearCookies()
  await type(page, '#lead-note', 'call on Monday')
  await page.keyboard.press('Tab')
  await see(page, 'You were signed out. Sign in to go on: what you typed is kept.')
  await signIn(page)
  await eventually(() => leadOf(url, ana), ({ note }) => note === 'call on Monday')
  await see(page, 'Ana', '#lead-name')
})
