import t from 'tap'
import type { LeadChangePage } from '../../src/contract/lead.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { ana, withAna } from './ana.ts'
import {
  accessible,
  focused,
  inPage,
  names,
  openLead,
  pageTests,
  see,
  signIn,
  textsOf,
  type,
  until,
  valueOf
} from './page.ts'
import { changeElsewhere, eventually, from, leadOf, startRig } from './rig.ts'

const pageTest = pageTests(t)
const beto = '5215522222222'

pageTest(
  'state, note, tags, who takes care, name: kept as one goes along, whatever comes meanwhile',
  async (t, open) => {
    const { url, upstream, page } = await withAna(t, open)
    await page.selectOption('#lead-state', 'won')
    await see(page, 'Saved')
    await see(page, 'Won', '.row .chip')
    await type(page, '#lead-note', 'wants ten <b>boxes</b>')
    await see(page, 'Not saved yet')
    upstream.journal.append([from(ana, 'still there?', 0, { name: 'Ana' })], 'live')
    await see(page, 'still there?', '.message .body')
    t.equal(
      await valueOf(page, '#lead-note'),
      'wants ten <b>boxes</b>',
      'a message that comes leaves what is being typed'
    )
    t.equal(await focused(page), 'lead-note', 'and the focus')
    await page.keyboard.press('Tab')
    await see(page, 'Saved')
    await type(page, '#lead-tag', 'vip')
    await page.keyboard.press('Enter')
    await type(page, '#lead-tag', 'boxes, big')
    await page.keyboard.press('Tab')
    await see(page, 'Saved')
    t.same(await textsOf(page, '.tag bdi'), ['big', 'boxes', 'vip'])
    await page.click('[aria-label="Take off big"]')
    await type(page, '#lead-assignee', 'Luisa')
    await page.keyboard.press('Tab')
    t.equal(
      await inPage(page, "document.querySelector('#lead-given-name').placeholder"),
      'Ana',
      'the name that WhatsApp tells stands behind'
    )
    await type(page, '#lead-given-name', 'Ana García')
    await page.keyboard.press('Tab')
    await see(page, 'Ana García', '#lead-name')
    await accessible(t, page, 'lead')
    t.match(
      await eventually(
        () => leadOf(url, ana),
        ({ name, tags }) => name === 'Ana García' && tags.length === 2
      ),
      {
        state: 'won',
        note: 'wants ten <b>boxes</b>',
        tags: ['boxes', 'vip'],
        assignee: 'Luisa',
        whatsapp_name: 'Ana'
      }
    )
    await page.fill('#lead-given-name', '')
    await page.keyboard.press('Tab')
    await see(page, 'Ana', '#lead-name')
    await page.click('#history summary')
    await see(page, 'New → Won', '#history li p')
    await accessible(t, page, 'history')
  }
)

pageTest(
  'what someone else changed meanwhile is shown at once where nothing is being typed, and never written over',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    const { id } = await leadOf(url, ana)
    await changeElsewhere(url, id, { note: 'from elsewhere' })
    await until(page, "document.querySelector('#lead-note').value === 'from elsewhere'")

    await type(page, '#lead-note', ', and mine')
    await changeElsewhere(url, id, { note: 'theirs' })
    await see(page, 'Someone else changed this meanwhile:', '[role=alert] p')
    await see(page, 'theirs', '[role=alert] blockquote')
    await accessible(t, page, 'a conflict')
    await page.keyboard.press('Tab')
    t.equal((await leadOf(url, ana)).note, 'theirs', 'leaving the field does not write over it')
    t.match(await valueOf(page, '#lead-note'), /and mine/)
    await page.click('text=Take theirs')
    await until(page, "document.querySelector('#lead-note').value === 'theirs'")

    await page.fill('#lead-note', 'my own')
    await changeElsewhere(url, id, { note: 'theirs again' })
    await page.click('text=Save mine')
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'my own'
    )
  }
)

pageTest(
  'a change that the page was not told of is found by its ETag: shown, not written over; tags of both stand',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
    const { id } = await leadOf(url, ana)
    await changeElsewhere(url, id, { tags: ['old'] })
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    // between reading the lead and changing it, another person is faster
    let meanwhile: object | undefined
    await page.route(`**/api/leads/${id}`, async (route) => {
      if (route.request().method() === 'PATCH' && meanwhile) {
        const patch = meanwhile
        meanwhile = undefined
        await changeElsewhere(url, id, patch)
      }
      await route.continue()
    })
    meanwhile = { note: 'they were faster' }
    await type(page, '#lead-note', 'mine')
    await page.keyboard.press('Tab')
    await see(page, 'they were faster', '[role=alert] blockquote')
    t.equal((await leadOf(url, ana)).note, 'they were faster')
    await page.click('text=Save mine')
    await eventually(
      () => leadOf(url, ana),
      ({ note }) => note === 'mine'
    )

    meanwhile = { tags: ['theirs'] }
    await type(page, '#lead-tag', 'mine')
    await page.keyboard.press('Enter')
    t.same(
      (
        await eventually(
          () => leadOf(url, ana),
          ({ tags }) => tags.includes('mine')
        )
      ).tags,
      ['mine', 'theirs']
    )
  }
)

pageTest('what is typed while a note is on its way to the hub follows it', async (t, open) => {
  const { url, page } = await withAna(t, open)
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  await page.route('**/api/leads/*', async (route) => {
    if (route.request().method() === 'PATCH') await held
    await route.continue()
  })
  await type(page, '#lead-note', 'one')
  await page.keyboard.press('Tab')
  await see(page, 'Saving…')
  await type(page, '#lead-note', ' two')
  await page.keyboard.press('Tab')
  release()
  await eventually(
    () => leadOf(url, ana),
    ({ note }) => note === 'one two'
  )
  await see(page, 'Saved')
})

pageTest(
  'merging with another lead, and deleting for good: both are asked about first',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const lid = '998877@lid'
    const { phone: _phone, ...unknown } = from('998877', 'me too', 50, {
      name: 'Ana',
      lid,
      chat_id: lid,
      from: lid
    }).message
    upstream.journal.append(
      [
        from(ana, 'hello', 60, { name: 'Ana' }),
        from(beto, 'hi', 55, { name: 'Beto' }),
        { kind: 'message', key: 'message:lid', message: unknown }
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await see(page, 'hello', '.message .body')
    await page.click('#ask-merge')
    await see(page, /^Ana/, '.choice')
    const choices = await textsOf(page, '.choice')
    t.match(
      choices.sort(),
      [/^Ana Unknown number · last message/, /^Beto \+52 55 2222 2222 · last message/],
      'every other lead: a person may have two numbers'
    )
    t.equal(choices.length, 2, 'but not the lead itself')
    await accessible(t, page, 'merge')
    await page.click('#merge [type=submit]')
    await see(page, 'Choose one.', '[role=alert]')
    await page.click('.choice:has-text("Unknown number")')
    await page.click('#merge [type=submit]')
    await see(page, 'me too', '.message .body')
    await until(page, "document.querySelectorAll('.row').length === 2")
    const { id } = await leadOf(url, ana)
    t.match(
      (await ask<LeadChangePage>(`${url}/api/leads/${id}/history`, apiToken)).body.changes[0],
      { field: 'merged' }
    )

    t.equal(
      await inPage(page, "document.querySelector('#lead-bundle').getAttribute('href')"),
      `/api/leads/${id}/bundle`
    )
    const download = page.waitForEvent('download')
    await page.click('text="Export this person\'s data (ZIP)"')
    t.match((await download).suggestedFilename(), /^lead-\d+-\d{4}-\d\d-\d\d\.zip$/)

    await page.click('#ask-remove')
    await see(page, 'Type DELETE to confirm', 'label')
    await accessible(t, page, 'delete')
    t.ok(await inPage(page, "document.querySelector('#remove-yes').disabled"))
    await page.keyboard.press('Escape')
    t.same(await names(page), ['Ana', 'Beto'], 'nothing happens unless it is confirmed')
    await page.click('#ask-remove')
    await type(page, '#remove-word', 'delete')
    await page.keyboard.press('Enter')
    await see(page, 'The lead was deleted.', '[role=status]')
    await until(page, "document.querySelectorAll('.row').length === 1")
    t.same(await names(page), ['Beto'])
  }
)

pageTest(
  'a lead deleted here: said once, as deleted here, whichever of the answer and the news of it comes first',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [from(ana, 'hello', 60, { name: 'Ana' }), from(beto, 'hi', 55, { name: 'Beto' })],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await inPage(
      page,
      "window.said = []; new MutationObserver(() => said.push(document.querySelector('#announcer').textContent)).observe(document.querySelector('#announcer'), { childList: true })"
    )
    const remove = async (): Promise<void> => {
      await page.click('#ask-remove')
      await type(page, '#remove-word', 'delete')
      await page.keyboard.press('Enter')
    }
    const said = (): Promise<string[]> => inPage(page, 'said.splice(0)')

    await page.route('**/api/leads/*', async (route) => {
      if (route.request().method() !== 'DELETE') return route.continue()
      const response = await route.fetch()
      await until(page, "document.querySelectorAll('.row').length === 1")
      await route.fulfill({ response })
    })
    await remove()
    await until(page, "!document.querySelector('#remove').open")
    t.same(await said(), ['The lead was deleted.'], 'the news came first')
    await page.unroute('**/api/leads/*')

    await openLead(page, 'Beto')
    // as if the address took long to change: answer and news both come meanwhile, and that of the
    // message after them
    await inPage(
      page,
      "addEventListener('hashchange', (event) => event.stopImmediatePropagation(), true)"
    )
    await remove()
    await until(page, "document.querySelectorAll('.row').length === 0")
    upstream.journal.append([from('5215533333333', 'good morning', 0, { name: 'Carla' })], 'live')
    await see(page, 'Carla', '.row .name')
    t.same(
      (await said()).filter((text) => /deleted/.test(text)),
      ['The lead was deleted.'],
      'whichever came first'
    )
  }
)

pageTest(
  'no answer needed: the lead leaves those who wait until its next message, by button and by key',
  async (t, open) => {
    const { url, upstream, page } = await withAna(t, open)
    const waits = async (): Promise<boolean> => (await leadOf(url, ana)).waiting_since !== null
    await see(page, 'No answer needed', '#handled')
    await accessible(t, page, 'a lead that waits')

    await page.click('#handled')
    await see(page, 'Put back: it waits', '#handled')
    await see(page, 'Nobody is waiting. Well done.', '.none')
    t.equal(await waits(), false)
    await page.click('#handled')
    await see(page, 'No answer needed', '#handled')
    await see(page, /waiting/, '.row .badge')
    t.equal(await waits(), true)

    await page.keyboard.press('d')
    await see(page, 'Put back: it waits', '#handled')
    upstream.journal.append([from(ana, 'one more thing', 0, { name: 'Ana' })], 'live')
    await see(page, 'No answer needed', '#handled')
    t.match(await leadOf(url, ana), { unanswered_count: 1, handled_at: null })
    await page.click('#history summary')
    await see(page, 'Marked as needing no answer.', '#history li p')
  }
)

pageTest(
  'what is done to one lead waits for no other: no answer needed, read and unread',
  async (t, open) => {
    const { url, upstream, page } = await withAna(t, open)
    upstream.journal.append([from(beto, 'hi', 30, { name: 'Beto' })], 'live')
    await see(page, 'Beto', '.row .name')
    const { id } = await leadOf(url, ana)
    const held = Promise.withResolvers<void>()
    const asked: string[] = []
    await page.route(new RegExp(`/api/leads/${id}/(?:handled|read)$`), async (route) => {
      asked.push(`${route.request().method()} ${route.request().url().split('/').at(-1)}`)
      await held.promise
      await route.continue()
    })

    await page.keyboard.press('d')
    await page.keyboard.press('u')
    await openLead(page, 'Beto')
    await see(page, 'No answer needed', '#handled')
    await page.keyboard.press('d')
    await see(page, 'Put back: it waits', '#handled')
    await eventually(
      () => leadOf(url, beto),
      ({ handled_at, unread_count }) => handled_at !== null && unread_count === 0
    )
    t.match(await leadOf(url, ana), { handled_at: null }, 'the hub has not been asked yet')
    t.equal(asked.length, 2)

    held.resolve()
    await eventually(
      () => leadOf(url, ana),
      ({ handled_at }) => handled_at !== null
    )
    t.equal(await textsOf(page, '#lead-name').then(([name]) => name), 'Beto', 'it stays open')
  }
)

pageTest(
  'remind me later: the lead waits no longer, and comes back at the time chosen, or when taken back',
  async (t, open) => {
    const { url, page } = await withAna(t, open)
    const { id } = await leadOf(url, ana)
    const remindAt = async (): Promise<string | null> => (await leadOf(url, ana)).remind_at
    await see(page, 'Later…', '#later')
    await page.keyboard.press('l')
    await see(page, 'Remind me later', 'h2')
    await accessible(t, page, 'remind me later')
    await page.click('#later-choices >> text=In 3 hours')
    await see(page, /^Comes back /, '#later')
    await see(page, 'Nobody is waiting. Well done.', '.none')
    await see(page, /^Later: /, '.row time')
    const inMs = Date.parse((await remindAt()) ?? '') - Date.now()
    t.ok(Math.abs(inMs - 3 * 3_600_000) < 60_000, `in ${inMs} ms`)

    await page.click('#later')
    await page.click('#later-none')
    await see(page, 'Later…', '#later')
    await see(page, /waiting/, '.row .badge')
    t.equal(await remindAt(), null)

    await page.click('#later')
    await inPage(page, "document.querySelector('#later-at').removeAttribute('min')")
    await page.fill('#later-at', '2020-01-01T09:00')
    await page.click('#later-form [type=submit]')
    await see(page, /in the future, at most 5 years from now/, '#later-dialog .outcome *')
    await page.keyboard.press('Escape')
    t.equal(await remindAt(), null)

    await changeElsewhere(url, id, { remind_at: new Date(Date.now() + 5_000).toISOString() })
    await see(page, 'Nobody is waiting. Well done.', '.none')
    await see(page, /waiting/, '.row .badge')
    await see(page, 'Later…', '#later')
    await page.click('#history summary')
    await see(page, 'Reminder', '#history li strong')
  }
)
