import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { WebhookList } from '../../src/contract/webhook.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { accessible, inPage, pageTests, see, signIn, textsOf, until } from './page.ts'
import { eventually, from, leadOf, reply, startRig } from './rig.ts'

const pageTest = pageTests(t)
const [ana, beto] = ['5215511111111', '5215522222222']

pageTest(
  'figures: messages per day, first response, who waits; each with its numbers as text and as a table',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.set({ status: 'READY', running: true })
    const page = await open(url, { language: 'es' })
    await signIn(page)
    await page.click('#nav >> text=Cifras')
    await see(page, 'No hay mensajes en estos días.')
    await accessible(t, page, 'no figures yet')
    upstream.journal.append(
      [
        from(ana, 'hello', 600, { name: 'Ana' }),
        reply(ana, 'hi', 300),
        from(beto, 'hi', 120, { name: 'Beto' })
      ],
      'live'
    )
    await leadOf(url, beto)
    await page.reload()
    await see(page, 'Recibidos: 2. Enviados: 1.')
    await see(page, 'La mitad recibió respuesta en 5 minutos; nueve de cada diez, en 5 minutos.')
    t.match(
      await inPage(
        page,
        "[...document.querySelectorAll('.chart')].map((chart) => chart.getAttribute('aria-label'))"
      ),
      [/Nuevo 2/, /Recibidos: 2\. Enviados: 1/, /5 minutos/]
    )
    await page.locator('#figures summary').first().click()
    t.equal((await textsOf(page, '#figures tbody tr')).length, 30)
    await accessible(t, page, 'figures')
  }
)

pageTest('names out of a file: what became of it, line by line', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 600)], 'live')
  await leadOf(url, ana)
  const page = await open(url)
  await signIn(page)
  await page.click('#nav >> text=Settings')
  await page.click('#names-form [type=submit]')
  await see(page, 'Choose a file first.')
  await page.setInputFiles('#names-file', {
    name: 'names.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(`phone,name\n+${ana},Ana García\n+${beto},Beto\nnothing,Carla\n`)
  })
  await page.click('#names-form [type=submit]')
  await see(page, '1 lead was named, 1 name is kept for later, 0 unchanged.')
  await see(page, 'Line 4: phone: that is no phone number.')
  await see(page, 'Ana García', '.row .name')
  await accessible(t, page, 'settings')
})

pageTest(
  'a file as Excel in Spanish saves it is taken, and what is wrong with it is said in Spanish',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    upstream.journal.append([from(ana, 'hello', 600)], 'live')
    await leadOf(url, ana)
    const page = await open(url, { language: 'es' })
    await signIn(page)
    await page.click('#nav >> text=Ajustes')
    const choose = async (name: string, text: string): Promise<void> => {
      await page.setInputFiles('#names-file', {
        name,
        mimeType: 'application/vnd.ms-excel',
        buffer: Buffer.from(text, 'latin1')
      })
      await page.click('#names-form [type=submit]')
    }
    await choose(
      'clientes.csv',
      `Teléfono;Nombre;Ciudad\r\n${ana};José Núñez;Cádiz\r\n5,21552E+12;Eva;León\r\n+${beto};Beto "B";León\r\n`
    )
    await see(page, '1 cliente recibió nombre, 0 nombres quedan para después, 0 sin cambios.')
    await see(page, 'Columnas que no se tomaron: Ciudad')
    await see(page, '2 líneas no se tomaron:')
    await see(page, /^Línea 3: teléfono: la hoja de cálculo lo abrevió/)
    await see(page, /^Línea 4: hay unas comillas/)
    await see(page, 'José Núñez', '.row .name')
    await accessible(t, page, 'an import with errors')
    await choose('vacio.csv', '')
    await see(page, 'El archivo está vacío.')
    await choose('clientes.xlsx', 'PK\u0003\u0004')
    await see(page, /^Es un libro de Excel/)
    await choose('apodos.csv', 'Apodo;Ciudad\r\nAna;Cádiz\r\n')
    await see(page, /^No se encontró una columna de teléfonos/)
    t.equal(await inPage(page, "document.querySelectorAll('#names-outcome [lang=en]').length"), 0)
  }
)

pageTest('files for a spreadsheet are in its language, with its time zone', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'hello', 600, { name: 'Ana' })], 'live')
  await leadOf(url, ana)
  const page = await open(url, { language: 'es' })
  await signIn(page)
  await page.click('#nav >> text=Ajustes')
  for (const id of ['export-leads', 'export-messages', 'export']) {
    const address = await inPage<string>(page, `document.getElementById('${id}').href`)
    const { searchParams } = new URL(address)
    t.match(searchParams.get('excel'), /^es/, id)
    t.equal(
      searchParams.get('tz'),
      await inPage(page, 'Intl.DateTimeFormat().resolvedOptions().timeZone'),
      id
    )
    const answer = await fetch(address, { headers: { authorization: `Bearer ${apiToken}` } })
    const text = Buffer.from(await answer.arrayBuffer()).toString()
    t.match(text, /^\ufeffid;account;/, id)
    t.match(text, ';"=""+5215511111111""";', id)
  }
  await page.selectOption('#settings .language-select', 'en')
  await until(page, "/leads.csv.excel=en/.test(document.getElementById('export-leads').href)")
})

pageTest('webhooks: how they do, and a test sent from the page', async (t, open) => {
  const received = Promise.withResolvers<string | undefined>()
  const crm = createServer((req, res) => {
    received.resolve(req.headers['webhook-id']?.toString())
    res.writeHead(204).end()
  }).listen(0, '127.0.0.1')
  t.teardown(() => crm.close())
  await once(crm, 'listening')
  const address = `http://127.0.0.1:${(crm.address() as AddressInfo).port}/hook`
  const { url } = await startRig(t, { WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8' })
  await ask(`${url}/api/webhooks`, apiToken, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ url: address, description: 'CRM', events: ['message.created'] })
  })
  const page = await open(url)
  await signIn(page)
  await page.click('#nav >> text=Settings')
  await see(page, `CRM ${address}`, '.hook p')
  await see(page, 'Nothing delivered yet', '.hook p')
  await page.click('text=Send a test')
  await see(page, 'On its way.', '#webhooks-outcome')
  t.ok(await received.promise, 'it came')
  await eventually(
    () => ask<WebhookList>(`${url}/api/webhooks`, apiToken),
    ({ body }) => body.webhooks[0]?.last_success_at !== null
  )
  await page.reload()
  await see(page, /^Last delivered/, '.hook p')
  await accessible(t, page, 'webhooks')
})

pageTest(
  'desktop notifications: asked for by a button alone; without a name unless it is wanted, never with what was written',
  async (t, open) => {
    const { url, upstream } = await startRig(t)
    const page = await open(url)
    await page.context().grantPermissions(['notifications'], { origin: url })
    // what is shown is noted, and the page is not before anyone's eyes
    await page.addInitScript(`
    window.told = []
    window.asked = 0
    window.Notification = class { static permission = 'default'; static requestPermission() { window.asked += 1; return Promise.resolve(this.permission = 'granted') } constructor(title, options) { window.told.push([title, options.body]) } }
    ServiceWorkerRegistration.prototype.showNotification = async (title, options) => void window.told.push([title, options.body])
    document.hasFocus = () => false
  `)
    await page.reload()
    await signIn(page)
    await page.click('#nav >> text=Settings')
    t.equal(await inPage(page, 'window.asked'), 0)
    upstream.journal.append([from(ana, 'secret', 0, { name: 'Ana' })], 'live')
    await see(page, 'Ana', '.row .name')
    await page.click('#notify-toggle')
    await see(page, /^On:/, '#notify-words')
    t.same(await inPage(page, '[window.asked, window.told]'), [1, []])
    upstream.journal.append([from(ana, 'secret', 0, { name: 'Ana' })], 'live')
    await until(page, 'window.told.length === 1')
    await page.check('#notify-names')
    upstream.journal.append([from(beto, 'secret', 0, { name: 'Beto' })], 'live')
    await until(page, 'window.told.length === 2')
    t.same(await inPage(page, 'window.told'), [
      ['New message', null],
      ['New message from Beto', null]
    ])
    await page.click('#notify-toggle')
    upstream.journal.append([from(beto, 'secret', 0, { name: 'Beto' })], 'live')
    await eventually(
      () => leadOf(url, beto),
      ({ unread_count }) => unread_count === 2
    )
    await see(page, /^22 unread/, '.count')
    t.equal(await inPage(page, 'window.told.length'), 2)
  }
)
