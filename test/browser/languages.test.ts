import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { ana } from './ana.ts'
import {
  accessible,
  inPage,
  openLead,
  pageTests,
  see,
  signIn,
  textsOf,
  until,
  type Look
} from './page.ts'
import { from, reply, startRig, type Rig } from './rig.ts'

/**
 * The operator page in each of its languages. With SCREENSHOTS=DIR in the environment a picture of
 * each view is left there.
 */

t.setTimeout(600_000)
const pageTest = pageTests(t)
const beto = '5511987654321'
const screenshots = process.env['SCREENSHOTS']

const listen = async (t: Test): Promise<Rig> => {
  const rig = await startRig(t)
  rig.upstream.set({ status: 'READY', running: true })
  rig.upstream.journal.append(
    [
      from(ana, 'hola', 7_200, { name: 'Ana' }),
      reply(ana, 'hola, Ana', 7_000),
      from(ana, 'uno más', 400, { name: 'Ana' }),
      from(ana, 'dos más', 390, { name: 'Ana' }),
      from(beto, 'oi', 90_000, { name: 'Beto' })
    ],
    'live'
  )
  return rig
}

const picture = async (page: Page, name: string): Promise<void> => {
  if (screenshots === undefined) return
  await page.screenshot({ path: join(screenshots, `${name.replaceAll(/\W+/g, '-')}.png`) })
}

/** Goes through all views, and looks at each with axe. */
const goThrough = async (t: Test, page: Page, look: string): Promise<void> => {
  const check = async (view: string): Promise<void> => {
    await accessible(t, page, `${look}: ${view}`)
    await picture(page, `${look} ${view}`)
  }
  await check('sign-in')
  await signIn(page)
  await see(page, 'Beto', '.row .name')
  await page.click('#filter-toggle')
  await check('list')
  await openLead(page, 'Ana')
  await until(page, "document.querySelectorAll('.message').length === 4")
  await check('conversation')
  await inPage(page, "document.getElementById('to-details').click()")
  await page.locator('#history summary').click()
  await check('details')
  await page.click('#ask-remove')
  await check('deleting')
  await page.keyboard.press('Escape')
  for (const view of ['figures', 'settings', 'connection']) {
    // On a phone a conversation has no navigation.
    await inPage(page, `location.hash = '#/${view}'`)
    await page.waitForSelector(`#${view}:not([hidden])`)
    if (view === 'figures') await page.waitForSelector('.chart')
    if (view === 'connection') await page.waitForSelector('#health .checks')
    await check(view)
  }
}

for (const [language, tag] of [
  ['en-GB', 'en'],
  ['es-CO', 'es'],
  ['pt-BR', 'pt-BR']
] as const) {
  for (const look of [
    { width: 360, height: 640, dark: true },
    { width: 1_920, height: 1_000 }
  ] satisfies Look[])
    pageTest(`axe finds nothing in any view: ${language}, ${look.width} px`, async (t, open) => {
      const { url } = await listen(t)
      const page = await open(url, { language, ...look })
      t.equal(await inPage(page, 'document.documentElement.lang'), tag)
      await goThrough(t, page, `${language} ${look.width}`)
    })
}

pageTest(
  'a salesperson in São Paulo reads all in Portuguese, numbers and times included',
  async (t, open) => {
    const { url, upstream } = await listen(t)
    const page = await open(url, { language: 'pt-BR' })

    await signIn(page, 'wrong'.repeat(8))
    await see(page, 'Esse não é o token de acesso.')
    await signIn(page)
    await see(page, 'Aguardando resposta · 2')
    await see(page, '22 mensagens não lidas', '.row .count')
    await see(page, 'aguarda há 1d', '.row .badge')
    await openLead(page, 'Ana')
    await see(page, '2 mensagens não lidas')
    await see(page, 'Responder no WhatsApp Web ↗ (abre outra guia)', '#reply')
    await page.click('#handled')
    await see(page, 'Voltar a aguardar resposta', '#handled')
    await page.fill('#lead-note', 'ligar amanhã')
    await page.keyboard.press('Tab')
    await see(page, 'Salvo', '#lead-saved')
    await page.click('#history summary')
    await see(page, '(vazio) → ligar amanhã')

    upstream.journal.append([from(beto, 'tudo bem?', 0, { name: 'Beto' })], 'live')
    await see(page, 'Nova mensagem de Beto', '#announcer')
    await page.click('#nav >> text=Indicadores')
    await see(page, /^Recebidas: 5\. Enviadas: 1\.$/)
    await page.click('#nav >> text=Configurações')
    await page.setInputFiles('#names-file', {
      name: 'nomes.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`Telefone;Nome\r\n+${ana};Ana Souza\r\n5,51199E+12;Eva\r\n`)
    })
    await page.click('#names-form [type=submit]')
    await see(page, '1 lead recebeu nome, 0 nome fica guardado para depois, 0 sem alteração.')
    await see(page, /^Linha 3: telefone: a planilha abreviou o número/)
    t.match(
      await inPage(page, "document.getElementById('export-leads').href"),
      /leads\.csv\?excel=pt-BR/
    )
  }
)

pageTest(
  'a language that is chosen comes with one request, and after that with the page itself',
  async (t, open) => {
    const { url } = await listen(t)
    const page = await open(url, { language: 'pt-BR' })
    const asked: string[] = []
    page.on('request', (request) => void asked.push(new URL(request.url()).pathname))
    const ofTexts = (): string[] => asked.splice(0).filter((path) => path.endsWith('.json'))

    await signIn(page)
    await see(page, 'Beto', '.row .name')
    await page.click('#nav >> text=Configurações')
    await page.selectOption('#settings .language-select', 'es')
    await see(page, 'Ajustes', 'h2')
    t.match(ofTexts(), [/^\/es-\w{8}\.json$/])
    t.equal(await inPage(page, 'document.documentElement.lang'), 'es')
    await page.reload()
    await see(page, 'Ajustes', 'h2')
    t.same(ofTexts(), [])

    // A page that was open in another language, or a choice made in a release before.
    await page.context().clearCookies({ name: 'leadmaster-language' })
    await page.reload()
    await see(page, 'Ajustes', 'h2')
    t.match(ofTexts(), [/^\/es-\w{8}\.json$/])
    await page.reload()
    await see(page, 'Ajustes', 'h2')
    t.same(ofTexts(), [])
    await see(page, 'Equipo', '#nav a')
    t.same(await textsOf(page, '#nav a'), ['Clientes', 'Cifras', 'Equipo', 'Ajustes'])
  }
)

pageTest(
  'without the hub the language stays as it is, and the choice shows it',
  async (t, open) => {
    const { url, kill } = await listen(t)
    const page = await open(url, { language: 'pt-BR', keepsNothing: true })
    await signIn(page)
    await see(page, 'Beto', '.row .name')
    await page.click('#nav >> text=Configurações')
    await kill()
    await page.selectOption('#settings .language-select', 'en')

    await see(page, 'O LeadMaster não responde.', '#settings .language-fault')
    t.equal(await inPage(page, "document.querySelector('#settings .language-select').value"), 'pt')
    await see(page, 'Configurações', 'h2')
  }
)
