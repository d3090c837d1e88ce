import t from 'tap'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { ana } from './ana.ts'
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
  until
} from './page.ts'
import { changeElsewhere, eventually, from, leadOf, startRig } from './rig.ts'

const pageTest = pageTests(t)

pageTest(
  'a search whose first pages are empty goes on until it finds somebody',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append([from(ana, 'one camioneta', 9_000, { name: 'Clienta VIP' })], 'live')
    await changeElsewhere(url, (await leadOf(url, ana)).id, { tags: ['vip'] })
    const others = Array.from({ length: 5_000 }, (_, n) =>
      from(`52156000${10_000 + (n % 40)}`, 'another camioneta', 5_000 - n)
    )
    upstream.journal.append(others, 'live')
    const count = async (): Promise<number> =>
      (
        await ask<{ messages: unknown[] }>(
          `${url}/api/messages?limit=200&q=camioneta&chat_id=${others.at(-1)?.message.chat_id}`,
          apiToken
        )
      ).body.messages.length
    await eventually(count, (found) => found === 5_000 / 40)
    const first = await ask<{ leads: unknown[]; next_cursor: string | null }>(
      `${url}/api/leads?tag=vip&q=camioneta`,
      apiToken
    )
    t.match(
      first.body,
      { leads: [], next_cursor: String },
      'the first page is empty and not the last'
    )

    const page = await open(url)
    await signIn(page)
    await see(page, 'Clienta VIP', '.row .name')
    await page.click('#filter-toggle')
    await page.fill('#tag-filter', 'vip')
    await page.fill('#q', 'camioneta')
    await until(page, "document.querySelectorAll('.row').length === 1")
    t.same(await names(page), ['Clienta VIP'])
  }
)

pageTest(
  'a search shows what it found, and opens the conversation at that message',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const wanted = from(ana, '¿Tienen taquetes de seis milímetros?', 90_000, { name: 'Ana' })
    upstream.journal.append(
      [
        wanted,
        ...Array.from({ length: 130 }, (_, n) =>
          from(ana, `line ${n}`, 80_000 - n, { name: 'Ana' })
        ),
        from('5215522222222', 'hi', 60, { name: 'Beto' })
      ],
      'live'
    )
    await changeElsewhere(url, (await leadOf(url, '5215522222222')).id, {
      note: 'quiere taquetes grandes'
    })
    const page = await open(url)
    await signIn(page)
    await see(page, 'Beto', '.row .name')
    await page.fill('#q', 'taquetes')
    await see(page, 'Found: ¿Tienen taquetes de seis milímetros?', '.row .excerpt')
    await see(page, 'Note: quiere taquetes grandes', '.row .excerpt')
    t.same((await names(page)).sort(), ['Ana', 'Beto'])
    await openLead(page, 'Ana')
    await until(page, "document.activeElement.textContent.includes('taquetes de seis')")
    t.ok(
      await inPage(
        page,
        '(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())'
      ),
      'it is in sight'
    )
  }
)

pageTest('what a search found is marked in the list and in the conversation', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    [
      from(ana, '¿Tienen la CAMIONETA roja?', 90_000, { name: 'Ana Núñez' }),
      ...Array.from({ length: 60 }, (_, n) =>
        from(ana, `line ${n}`, 80_000 - n, { name: 'Ana Núñez' })
      )
    ],
    'live'
  )
  const page = await open(url)
  await signIn(page)
  await see(page, 'Ana Núñez', '.row .name')
  await page.fill('#q', 'camioneta roja')
  await see(page, 'CAMIONETA', '.row .excerpt mark')
  t.same(await textsOf(page, '.row mark'), ['CAMIONETA', 'roja'])
  await page.click('.row')
  await see(page, 'CAMIONETA', '.message .body mark')
  await accessible(t, page, 'what was found, marked')
  await page.fill('#q', 'nunez')
  await see(page, 'Núñez', '.row .name mark')
  await page.fill('#q', '55 1111 1111')
  await see(page, '55 1111 1111', '.row .phone mark')
})

pageTest(
  'a search within a conversation goes from match to match, loads what is older, and gives the focus back',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append(
      [
        from(ana, 'first *taquete*', 90_000, { name: 'Ana' }),
        ...Array.from({ length: 230 }, (_, n) =>
          from(ana, `line ${n}`, 80_000 - n, { name: 'Ana' })
        ),
        from(ana, 'second taquete', 700, { name: 'Ana' }),
        from(ana, 'bye', 600, { name: 'Ana' }),
        from('5215522222222', 'taquete', 500, { name: 'Beto' })
      ],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await openLead(page, 'Ana')
    await see(page, 'bye', '.message .body')
    await page.keyboard.press('f')
    await until(page, "document.activeElement.id === 'lead-q'")
    await page.keyboard.type('Taquetes')
    await see(page, 'Nothing found', '#lead-search-status')
    await page.keyboard.press('Backspace')
    await see(page, '1 of 2', '#lead-search-status')
    await see(page, 'second taquete', '.message.found .body')
    await accessible(t, page, 'a search within a conversation')
    await page.keyboard.press('Enter')
    await see(page, '2 of 2', '#lead-search-status')
    await see(page, 'first taquete', '.message.found .body')
    t.ok(
      await inPage(
        page,
        "((a, b) => a.top >= b.top && a.bottom <= b.bottom)(document.querySelector('.message.found').getBoundingClientRect(), document.querySelector('#messages').getBoundingClientRect())"
      ),
      'it is in sight'
    )
    t.same(await textsOf(page, '.message mark'), ['taquete', 'taquete'])
    await page.click('#lead-search-newer')
    await see(page, 'second taquete', '.message.found .body')
    await page.focus('#lead-q')
    await page.keyboard.press('Escape')
    t.equal(await focused(page), 'lead-search-open')
    t.notOk(await inPage(page, "document.querySelector('.message mark')"))
  }
)
