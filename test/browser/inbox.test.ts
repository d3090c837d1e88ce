import t from 'tap'
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
  until
} from './page.ts'
import { changeElsewhere, from, leadOf, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)
const [ana, beto, carla] = ['5215511111111', '5215522222222', '5215533333333']
const hour = 3_600

pageTest(
  'the inbox: who has waited longest first, then the others by their latest message; live, counted in the title',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.set({ status: 'READY', running: true })
    upstream.journal.append(
      [
        from(beto, 'is there a discount?', 3 * hour, { name: 'Beto' }),
        from(ana, 'good morning', 5 * hour, { name: 'Ana' }),
        from(carla, 'thank you', 2 * hour, { name: 'Carla' }),
        reply(carla, 'at your service', hour),
        from('5215544444444', 'nothing', 9 * hour),
        reply('5215544444444', 'yes', 8 * hour)
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await see(page, 'Carla')
    t.same(await names(page), ['Ana', 'Beto', 'Carla', '+52 55 4444 4444'])
    t.same(await textsOf(page, '.badge'), ['waiting 5h', 'waiting 3h'])
    t.same(await textsOf(page, '.excerpt'), [
      'good morning',
      'is there a discount?',
      'You: at your service',
      'You: yes'
    ])
    await until(page, "document.title === '(2) LeadMaster'")

    upstream.journal.append(
      [from(carla, 'one more thing', 1), from(carla, 'and another', 0)],
      'live'
    )
    await until(page, "document.title === '(3) LeadMaster'")
    await see(page, 'New message from Carla', '[role=status]')
    await see(page, /^22 unread messages$/, '.count')
    t.same(await names(page), ['Ana', 'Beto', 'Carla', '+52 55 4444 4444'])
    upstream.journal.append([reply(ana, 'good morning!', 0)], 'live')
    await until(page, "document.title === '(2) LeadMaster'")
    t.same(
      await names(page),
      ['Beto', 'Carla', 'Ana', '+52 55 4444 4444'],
      'an answer given in WhatsApp closes the wait'
    )
    await accessible(t, page, 'inbox')
  }
)

pageTest(
  'searching: by name, phone or what was written; what comes meanwhile is shown if it matches',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [
        from(ana, 'blue boxes, please', 60, { name: 'Ana' }),
        from(beto, 'hi', 50, { name: 'Beto' }),
        from(carla, 'hi', 40, { name: 'Carla' })
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await see(page, 'Carla')
    await type(page, '#q', 'béto')
    await until(page, "document.querySelectorAll('.row').length === 1")
    t.same(await names(page), ['Beto'])
    upstream.journal.append(
      [
        from('5215555555555', 'hi', 0, { name: 'Other' }),
        from('5215566666666', 'hi', 0, { name: 'Beto Ruiz' })
      ],
      'live'
    )
    await see(page, 'Beto Ruiz', '.name')
    t.same(await names(page), ['Beto', 'Beto Ruiz'])
    await until(page, "document.title === '(5) LeadMaster'")
    await page.fill('#q', 'boxes')
    await until(
      page,
      "document.querySelectorAll('.row').length === 1 && document.querySelector('.name').textContent === 'Ana'"
    )
    upstream.journal.append([from(carla, 'I want boxes too', 0, { name: 'Carla' })], 'live')
    await see(page, 'Carla', '.name')
    await page.fill('#q', 'zzz')
    await see(page, 'No lead matches.')
    await page.focus('#q')
    await page.keyboard.press('Escape')
    await until(page, "document.querySelectorAll('.row').length === 5")
  }
)

pageTest(
  'filters: by state, whether they wait, tag and who takes care; the export follows them',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [
        from(ana, 'hello', 60, { name: 'Ana' }),
        from(beto, 'hi', 50, { name: 'Beto' }),
        from(carla, 'hi', 40, { name: 'Carla' }),
        reply(carla, 'hi', 30)
      ],
      'live'
    )
    const [a, b] = [await leadOf(url, ana), await leadOf(url, beto)]
    await changeElsewhere(url, a.id, { state: 'won', tags: ['vip'] })
    await changeElsewhere(url, b.id, { assignee: 'Luisa' })
    const page = await open(url)
    await signIn(page)
    await see(page, 'Carla')
    await page.click('#filter-toggle')
    await accessible(t, page, 'filters')
    const only = (name: string): Promise<void> =>
      until(
        page,
        `[...document.querySelectorAll('.row .name')].map(({ textContent }) => textContent).join() === ${JSON.stringify(name)}`
      )
    await page.selectOption('#state-filter', 'won')
    await only('Ana')
    await see(page, 'Filters (1)', '#filter-toggle')
    t.match(
      await inPage(page, "document.querySelector('#export').href"),
      /\/api\/leads\.csv\?state=won&excel=en[^&]*&tz=[^&]+$/
    )
    await page.click('#filter-clear')
    await page.selectOption('#waiting-filter', 'false')
    // Ana is won, which ends her wait.
    await only('Carla,Ana')
    await page.selectOption('#waiting-filter', 'true')
    await only('Beto')
    await page.click('#filter-clear')
    await type(page, '#tag-filter', 'vip')
    await only('Ana')
    await changeElsewhere(url, b.id, { tags: ['vip'] })
    await only('Beto,Ana')
    await page.click('#filter-clear')
    await type(page, '#assignee-filter', 'Luisa')
    await only('Beto')
    await changeElsewhere(url, b.id, { assignee: null })
    await see(page, 'No lead matches.')
    await page.click('text=Show all leads')
    await only('Beto,Carla,Ana')
  }
)

pageTest(
  'opening a conversation marks it as read, in LeadMaster alone; what comes before open eyes is read at once',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [from(ana, 'hello', 60, { name: 'Ana' }), from(ana, 'are you there?', 50, { name: 'Ana' })],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await see(page, /^22 unread messages$/, '.count')
    await openLead(page, 'Ana')
    await until(page, "document.querySelector('.count').textContent === ''")
    await see(page, /^waiting/, '.badge')
    upstream.journal.append([from(ana, 'hello?', 0, { name: 'Ana' })], 'live')
    await see(page, 'hello?', '.message .body')
    await until(page, "document.querySelector('.count').textContent === ''")
    t.match(await leadOf(url, ana), { unread_count: 0, unanswered_count: 3 })
  }
)

pageTest('long lists and long conversations come a page at a time', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    Array.from({ length: 70 }, (_, index) =>
      from(`52155${10_000_000 + index}`, 'hello', 10_000 - index, { name: `Lead ${index}` })
    ),
    'live'
  )
  upstream.journal.append(
    Array.from({ length: 120 }, (_, index) =>
      from(ana, `text ${index}`, 90_000 - index, { name: 'Ana' })
    ),
    'live'
  )
  await leadOf(url, ana)
  const page = await open(url)
  await signIn(page)
  await until(
    page,
    "document.querySelectorAll('.row').length === 50 && document.title === '(71) LeadMaster'"
  )
  await page.click('.lists .more:visible')
  await until(page, "document.querySelectorAll('.row').length === 71")
  t.equal((await names(page))[1], 'Lead 0')
  t.equal((await names(page)).at(-1), 'Lead 69')

  await openLead(page, 'Ana')
  await until(page, "document.querySelectorAll('.message').length === 50")
  t.equal((await textsOf(page, '.message .body')).at(-1), 'text 119')
  t.equal(await focused(page), 'lead-name', 'the heading has the focus')
  const atEnd =
    'Math.abs(document.querySelector("#messages").scrollHeight - document.querySelector("#messages").scrollTop - document.querySelector("#messages").clientHeight) < 5'
  await until(page, atEnd)
  t.equal(
    await inPage(page, "document.querySelectorAll('.message').length"),
    50,
    'no older ones are read before they are wanted'
  )
  await page.hover('#messages')
  await page.mouse.wheel(0, -2_200)
  await until(page, "document.querySelectorAll('.message').length === 120")
  t.notOk(await inPage(page, atEnd), 'what was being read stays in sight')
  await page.keyboard.press('Home')
  await see(page, 'The conversation begins here.')
  t.same(
    await textsOf(page, '.message .body'),
    Array.from({ length: 120 }, (_, index) => `text ${index}`)
  )
  await page.click('#to-latest')
  await until(page, atEnd)
})
