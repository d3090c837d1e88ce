import t from 'tap'
import {
  accessible,
  focused,
  inPage,
  openLead,
  openPage,
  launch,
  pageTests,
  see,
  signIn,
  tabTo,
  textsOf,
  until
} from './page.ts'
import { changeElsewhere, eventually, from, leadOf, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)
const [ana, beto, carla] = ['5215511111111', '5215522222222', '5215533333333']
const hour = 3_600

pageTest('the list says of which day each lead is, and how urgent its wait is', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const midnight = Math.ceil((Date.now() - new Date().setHours(0, 0, 0, 0)) / 1_000)
  upstream.journal.append(
    [
      from(ana, 'old', midnight + 30 * hour, { name: 'Ana' }),
      from(beto, 'yesterday', midnight + 2 * hour, { name: 'Beto' }),
      from(carla, 'now', 10, { name: 'Carla' }),
      from('5215544444444', 'hi', midnight + 50 * hour, { name: 'Dora' }),
      reply('5215544444444', 'hello', midnight + 49 * hour)
    ],
    'live'
  )
  const page = await open(url)
  await signIn(page)
  await see(page, 'Dora', '.row .name')
  await see(page, 'Waiting for an answer · 3', '.lists h3')

  t.same(await textsOf(page, '.lists h3, .lists .age, .lists .name'), [
    'Waiting for an answer · 3',
    'Older',
    'Ana',
    'Yesterday',
    'Beto',
    'Today',
    'Carla',
    'Recent',
    'Older',
    'Dora'
  ])
  t.same(
    await inPage(
      page,
      "[...document.querySelectorAll('.badge')].map(({ dataset }) => dataset.urgency).slice(0, 3)"
    ),
    ['overdue', midnight + 2 * hour < 24 * hour ? 'late' : 'overdue', 'fresh']
  )
  await accessible(t, page, 'days and urgency')
})

pageTest('the heading counts as the title does, however many are shown', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    Array.from({ length: 58 }, (_, n) =>
      from(`52155${10_000_000 + n}`, 'hello', 9_000 - n, { name: `Lead ${n}` })
    ),
    'live'
  )
  const page = await open(url)
  await signIn(page)
  await until(page, "document.title === '(58) LeadMaster'")
  await see(page, 'Waiting for an answer · 58', 'h3')
  await page.fill('#q', 'Lead 1')
  await see(page, 'Waiting for an answer · 11', 'h3')
})

pageTest('four tags, a long name and a number keep their room at 320 px', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    [
      from(ana, 'hello', 3 * hour, { name: 'Beto de la Santísima Trinidad y de todos los Santos' }),
      from(beto, 'hi', 2 * hour)
    ],
    'live'
  )
  const { id } = await leadOf(url, ana)
  await changeElsewhere(url, id, {
    tags: ['mayoreo', 'monterrey', 'urgente', 'vip'],
    assignee: 'Luisa'
  })
  const page = await open(url, { width: 320, height: 640, language: 'es-MX' })
  await signIn(page)
  await see(page, '+1', '.more-tags')
  const cut = await inPage<string[]>(
    page,
    `[...document.querySelectorAll('.row .phone, .row .number, .row .chip')].flatMap((element) => {
    const { left, right } = element.getBoundingClientRect()
    return element.scrollWidth > element.clientWidth + 1 || left < 0 || right > 320 ? [element.textContent] : []
  })`
  )
  t.same(cut, [], 'nothing of it is cut')
  t.same(await textsOf(page, '.row .chip:not(.state)'), ['mayoreo', 'monterrey', 'urgente'])
  await accessible(t, page, 'at 320 px')
})

pageTest('VIP and vip are one tag', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    [from(ana, 'hello', 60, { name: 'Ana' }), from(beto, 'hi', 50, { name: 'Beto' })],
    'live'
  )
  await changeElsewhere(url, (await leadOf(url, ana)).id, { tags: ['vip'] })
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Beto')
  await page.fill('#lead-tag', 'VIP')
  await page.keyboard.press('Enter')
  t.same(
    (
      await eventually(
        () => leadOf(url, beto),
        ({ tags }) => tags.length > 0
      )
    ).tags,
    ['vip']
  )
  await page.fill('#lead-tag', 'Víp')
  await page.keyboard.press('Enter')
  t.same(await textsOf(page, '.tag bdi'), ['vip'])
})

pageTest('a missed call shows as missed, in the list and in the conversation', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    [
      from(ana, '', 60, {
        name: 'Ana',
        type: 'call_log',
        call: { outcome: 'missed', video: false }
      })
    ],
    'live'
  )
  const page = await open(url, { language: 'es-MX' })
  await signIn(page)
  await see(page, 'Llamada perdida', '.row .missed')
  await openLead(page, 'Ana')
  await see(page, 'Llamada perdida', '.message .missed')
  await accessible(t, page, 'a missed call')
})

pageTest(
  'moving by j and k reads nothing; what is done in the conversation does, and it can be marked as unread',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [from(ana, 'hello', 2 * hour, { name: 'Ana' }), from(beto, 'hi', hour, { name: 'Beto' })],
      'live'
    )
    const unread = async (phone: string): Promise<boolean> =>
      (({ unread_count, marked_unread }) => unread_count > 0 || marked_unread)(
        await leadOf(url, phone)
      )
    const page = await open(url)
    await signIn(page)
    await see(page, 'Beto', '.row .name')
    await page.keyboard.press('j')
    await see(page, 'hello', '.message .body')
    await see(page, '1 unread message', '.unread-line')
    await page.keyboard.press('j')
    await see(page, 'hi', '.message .body')
    await page.keyboard.press('k')
    await see(page, 'hello', '.message .body')
    t.same([await unread(ana), await unread(beto)], [true, true], 'both are unread still')

    await page.keyboard.press('Enter')
    await eventually(
      () => unread(ana),
      (is) => !is
    )
    t.equal(await unread(beto), true)
    await page.keyboard.press('u')
    await until(page, "location.hash === '#/'")
    t.match(await focused(page), /^Ana/, 'back in the list, at the lead')
    await see(page, '1 unread message', '.row.unread .count .sr-only')
    t.equal(await unread(ana), true)

    await openLead(page, 'Ana')
    await eventually(
      () => unread(ana),
      (is) => !is
    )
    await page.keyboard.press('Escape')
    await until(page, "document.activeElement.matches('.row')")
    await page.keyboard.press('u')
    await eventually(
      () => unread(ana),
      (is) => is
    )
    await see(page, '1 unread message', '.row.unread .count .sr-only')

    await openLead(page, 'Ana')
    await eventually(
      () => unread(ana),
      (is) => !is
    )
    await page.click('#mark-unread')
    await see(page, 'Marked as unread.', '#announcer')
    t.equal(await unread(ana), true)
  }
)

pageTest(
  'the focus is where a person goes on: after the sign-in, Esc, a deletion, and what leaves the list',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [
        from(ana, 'hello', 3 * hour, { name: 'Ana' }),
        from(beto, 'hi', 2 * hour, { name: 'Beto' }),
        from(carla, 'hi', hour, { name: 'Carla' })
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await see(page, 'Carla', '.row .name')
    await until(page, "document.activeElement.id === 'lists'")
    await page.keyboard.press('Tab')
    t.match(await focused(page), /^Ana/, 'Tab goes on to the first lead')

    await page.keyboard.press('Enter')
    await see(page, 'hello', '.message .body')
    await page.focus('#lead-note')
    await page.keyboard.press('Escape')
    t.equal(await focused(page), 'details-title', 'Esc leaves a field for its heading')
    await page.keyboard.press('Escape')
    await until(page, "document.activeElement.matches('.row')")
    t.match(await focused(page), /^Ana/)
    await page.click('#nav >> text=Settings')
    await page.keyboard.press('Escape')
    t.match(await focused(page), /^Ana/, 'from another view, too')

    await tabTo(page, /^Beto/)
    await changeElsewhere(url, (await leadOf(url, beto)).id, { state: 'ignored' })
    await until(page, "document.querySelectorAll('.row').length === 2")
    t.match(
      await focused(page),
      /^Carla/,
      'the next lead, when the one with the focus leaves the list'
    )

    await openLead(page, 'Ana')
    await page.click('#ask-remove')
    await page.keyboard.type('delete')
    await page.keyboard.press('Enter')
    await until(page, "document.querySelectorAll('.row').length === 1")
    await until(page, "document.activeElement.matches('.row')")
    t.match(await focused(page), /^Carla/, 'a deletion leads to the next lead')
  }
)

pageTest('who is signed out while typing goes on typing after the sign-in', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await open(url)
  await signIn(page)
  await openLead(page, 'Ana')
  await page.focus('#lead-note')
  await page.keyboard.type('quiere')
  await page.context().clearCookies()
  await page.keyboard.press('Tab')
  await page.waitForSelector('#sign-in-form', { state: 'visible' })
  await signIn(page)
  await until(page, "document.activeElement.id === 'lead-tag'")
  t.equal(await inPage(page, "document.querySelector('#lead-note').value"), 'quiere')
  await eventually(
    () => leadOf(url, ana),
    ({ note }) => note === 'quiere'
  )
})

t.test('on a phone the reply opens the app', async (t) => {
  const browser = await launch(t)
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 60, { name: 'Ana' })], 'live')
  const page = await openPage(t, browser, url, {
    width: 360,
    height: 740,
    language: 'es-MX',
    phone: true
  })
  await signIn(page)
  await openLead(page, 'Ana')
  await see(page, /^Responder en WhatsApp ↗/, '#reply')
  t.equal(await inPage(page, "document.querySelector('#reply').href"), `https://wa.me/${ana}`)
  await accessible(t, page, 'a conversation on a phone')
})
