import t from 'tap'
import { apiToken } from '../end-to-end/daemon.ts'
import {
  accessible,
  focused,
  inPage,
  openLead,
  pageTests,
  see,
  signIn,
  tabTo,
  until
} from './page.ts'
import { from, startRig } from './rig.ts'

const pageTest = pageTests(t)
const [ana, beto] = ['5215511111111', '5215522222222']
const hour = 3_600

pageTest(
  'by keyboard alone, at 360 px, in Spanish, dark: from the sign-in to a lead, its details, and back',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.set({ status: 'READY', running: true })
    upstream.journal.append(
      [
        from(ana, 'hola '.repeat(100), 2 * hour, { name: 'Ana' }),
        from(beto, 'averylongword'.repeat(30), hour, {
          name: 'Beto de la Santísima Trinidad y de todos los Santos'
        })
      ],
      'live'
    )
    const page = await open(url, { width: 360, height: 640, language: 'es-MX', dark: true })
    await page.waitForSelector('#username')
    t.equal(await inPage(page, 'document.documentElement.lang'), 'es')
    await accessible(t, page, 'sign-in, narrow, dark, Spanish')
    await tabTo(page, 'sign-in-other')
    await page.keyboard.press('Enter')
    t.equal(await focused(page), 'token')
    await page.keyboard.type(apiToken)
    await page.keyboard.press('Enter')
    await see(page, 'espera 2h')
    await accessible(t, page, 'list, narrow, dark, Spanish')
    await tabTo(page, /^Ana/)
    await page.keyboard.press('ArrowDown')
    t.match(await focused(page), /^Beto/)
    await page.keyboard.press('Enter')
    await see(page, /^averylongword/, '.message .body')
    t.notOk(
      await inPage(page, "document.querySelector('#inbox').checkVisibility()"),
      'the list gives way to the conversation'
    )
    await accessible(t, page, 'conversation, narrow, dark, Spanish')
    await tabTo(page, 'to-details')
    await page.keyboard.press('Enter')
    await see(page, 'Sobre este cliente')
    t.equal(await focused(page), 'details-title')
    await accessible(t, page, 'details, narrow, dark, Spanish')
    await tabTo(page, 'lead-note')
    await page.keyboard.type('llamar mañana')
    await page.keyboard.press('Tab')
    await see(page, 'Guardado')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await see(page, /^averylongword/, '.message .body')
    await page.keyboard.press('n')
    t.equal(await focused(page), 'lead-note', 'a shortcut goes to the view of its field')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#inbox')
    t.match(await focused(page), /^Beto/, 'the focus is where it was')
    for (const [link, heading] of [
      ['Cifras', 'figures-title'],
      ['Ajustes', 'settings-title']
    ] as const) {
      await tabTo(page, link)
      await page.keyboard.press('Enter')
      await until(page, `document.activeElement.id === '${heading}'`)
      if (link === 'Cifras') await see(page, /^Recibidos: 2\. Enviados: 0\.$/)
      await accessible(t, page, `${link}, narrow, dark, Spanish`)
      await inPage(page, "document.querySelector('.brand a').focus()")
    }
    await page.click('#pill')
    await see(page, 'Todo funciona.')
    await accessible(t, page, 'connection, narrow, dark, Spanish')
    await page.click('#nav >> text=Ajustes')
    await page.selectOption('#settings .language-select', 'en')
    await see(page, 'Settings', 'h2')
    t.equal(await inPage(page, 'document.documentElement.lang'), 'en')
    await page.reload()
    await see(page, 'Settings', 'h2')
  }
)

pageTest(
  'shortcuts: from lead to lead, to each field, to the search; not while typing, and not for who turned them off',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.set({ status: 'READY', running: true })
    upstream.journal.append(
      [from(ana, 'hello', 2 * hour, { name: 'Ana' }), from(beto, 'hi', hour, { name: 'Beto' })],
      'live'
    )
    const page = await open(url)
    await signIn(page)
    await see(page, 'Beto')
    await page.keyboard.press('j')
    await see(page, 'Ana', '#lead-name')
    await page.keyboard.press('j')
    await see(page, 'Beto', '#lead-name')
    await page.keyboard.press('k')
    await see(page, 'Ana', '#lead-name')
    for (const [key, field] of [
      ['n', 'lead-note'],
      ['t', 'lead-tag'],
      ['s', 'lead-state']
    ] as const) {
      await page.keyboard.press(key)
      await until(page, `document.activeElement.id === '${field}'`)
      await page.keyboard.press('Escape')
    }
    const { promise, resolve } = Promise.withResolvers<string>()
    await page.context().route('https://web.whatsapp.com/**', async (route) => {
      resolve(route.request().url())
      await route.fulfill({ body: '' })
    })
    await page.keyboard.press('r')
    t.equal(
      await promise,
      `https://web.whatsapp.com/send?phone=${ana}`,
      'the reply opens in WhatsApp Web'
    )
    await page.keyboard.press('/')
    await until(page, "document.activeElement.id === 'q'")
    await page.keyboard.type('jnts?')
    t.equal(
      await inPage(page, "document.querySelector('#q').value"),
      'jnts?',
      'letters typed are letters'
    )
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await see(page, 'Next lead')
    await accessible(t, page, 'shortcuts')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    await see(page, 'Choose a lead to read the conversation.')
    await page.click('#nav >> text=Settings')
    await page.uncheck('#shortcuts-use')
    await inPage(page, 'document.activeElement.blur()')
    await page.keyboard.press('j')
    t.equal(await inPage(page, 'location.hash'), '#/settings')
  }
)

pageTest('what comes live leaves the focus where it is', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append(
    [from(ana, 'hello', 2 * hour, { name: 'Ana' }), from(beto, 'hi', hour, { name: 'Beto' })],
    'live'
  )
  const page = await open(url, { dark: true })
  await signIn(page)
  await see(page, 'Beto')
  await tabTo(page, /^Beto/)
  upstream.journal.append(
    [from('5215599999999', 'first in line', 9 * hour, { name: 'Zoe' })],
    'live'
  )
  await see(page, 'Zoe', '.row .name')
  t.match(await focused(page), /^Beto/)
  await accessible(t, page, 'list, dark')
  await openLead(page, 'Ana')
  await see(page, 'hello', '.message .body')
  await accessible(t, page, 'conversation, dark')
})
