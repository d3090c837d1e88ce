import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import type { LeadPage } from '../../src/contract/lead.ts'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { withStack, type Stack } from '../end-to-end/stack.ts'
import {
  inPage,
  launch,
  names,
  openPage,
  see,
  signIn,
  textsOf,
  type,
  until,
  valueOf,
  watchedFaults
} from './page.ts'
import { picture } from './picture.ts'
import { eventually } from './rig.ts'

/**
 * Ten journeys of a salesperson in Spanish, on a computer and on a phone, light and dark, over both
 * real daemons and the simulated WhatsApp Web. With SCREENSHOTS=DIR in the environment each leaves
 * its pictures there, to be looked at.
 */

t.setTimeout(900_000)
const screenshots = process.env['SCREENSHOTS']
const [minute, hour, day] = [60, 3_600, 86_400]

interface Look {
  name: string
  isPhone: boolean
  dark: boolean
  surname: string
  /** Said weeks ago, in one conversation alone. */
  word: string
}
const looks: readonly Look[] = [
  { name: 'computer-light', isPhone: false, dark: false, surname: 'López', word: 'taquetes' },
  { name: 'computer-dark', isPhone: false, dark: true, surname: 'Ruiz', word: 'bisagras' },
  { name: 'phone-light', isPhone: true, dark: false, surname: 'Vega', word: 'cerradura' },
  { name: 'phone-dark', isPhone: true, dark: true, surname: 'Mora', word: 'mosaicos' }
]

const people = [
  'Rosa',
  'Diego',
  'Elena',
  'Pablo',
  'Lucía',
  'Marta',
  'Jorge',
  'Carmen',
  'Nadie',
  'Inés',
  'Inés casa',
  'Sorteo'
] as const
type Person = (typeof people)[number]

/** One person's page in one look, and what happens around it. */
class Day {
  readonly look: Look
  readonly page: Page
  readonly stack: Stack
  #pictures = 0

  constructor(look: Look, page: Page, stack: Stack) {
    this.look = look
    this.page = page
    this.stack = stack
  }

  name(person: Person): string {
    return nameIn(this.look, person)
  }
  phone(person: Person): string {
    return phoneIn(this.look, person)
  }
  /** What a person writes now. */
  write(person: Person, text: string): void {
    this.stack.web.phone.text({ from: this.phone(person), name: this.name(person), text })
  }

  async lead(person: Person): Promise<LeadPage['leads'][number] | undefined> {
    return (
      await ask<LeadPage>(
        `${this.stack.hub.url}/api/leads?q=${this.phone(person).slice(1)}`,
        apiToken
      )
    ).body.leads[0]
  }

  /** To the list, which a phone shows instead of the conversation. */
  async toList(): Promise<void> {
    if (!this.look.isPhone) return
    const back =
      "document.querySelector('#inbox').checkVisibility() || (document.querySelector('#lead-back').checkVisibility() && (document.querySelector('#lead-back').click(), false))"
    await until(this.page, back)
  }
  async open(person: Person): Promise<void> {
    await this.toList()
    const name = this.name(person)
    await this.page.locator('.row', { has: this.page.locator(`.name:text-is("${name}")`) }).click()
    await see(this.page, name, '#lead-name')
    await until(this.page, "document.querySelectorAll('.message').length > 0")
  }
  async toDetails(): Promise<void> {
    if (this.look.isPhone) await this.page.click('#to-details')
    await this.page.waitForSelector('#lead-note', { state: 'visible' })
  }
  async toMessages(): Promise<void> {
    if (this.look.isPhone) await this.page.click('#lead-back')
  }

  /** Asserts that what is shown fits, and takes its picture. */
  async show(t: Test, what: string): Promise<void> {
    this.#pictures += 1
    if (screenshots !== undefined)
      await this.page.screenshot({
        path: join(
          screenshots,
          `${this.look.name}-${String(this.#pictures).padStart(2, '0')}-${what.replaceAll(' ', '-')}.png`
        )
      })
    t.same(await inPage(this.page, clipped), [], `nothing is cut: ${what}`)
  }
}

const nameIn = (look: Look, person: Person): string => `${person} ${look.surname}`
const phoneIn = (look: Look, person: Person): string =>
  `+521551${looks.indexOf(look)}0${String(10 + people.indexOf(person))}${String(30 + people.indexOf(person))}0`

/** What is wider than the window, and buttons, chips and fields whose words do not fit. */
const clipped = `[
  ...(document.documentElement.scrollWidth > innerWidth ? ['the window'] : []),
  ...[...document.querySelectorAll('button, a.button, .chip, h2, h3, label, select')].filter((element) => element.checkVisibility({ visibilityProperty: true }) && element.clientWidth > 1)
    .filter((element) => element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).textOverflow !== 'ellipsis' && getComputedStyle(element).display !== 'inline')
    .map((element) => element.textContent.trim())
]`
/** What is below the button that leads to the latest message, as a finger would meet it. */
const covered = `((latest) => [...document.querySelectorAll('#foot button, #foot a')].filter((element) => element.checkVisibility()).filter((element) => {
  const { top, bottom, left, right } = element.getBoundingClientRect()
  return top < latest.bottom && bottom > latest.top && left < latest.right && right > latest.left
}).map(({ textContent }) => textContent.trim()))(document.querySelector('#to-latest').getBoundingClientRect())`
const below = (page: Page): Promise<number> =>
  inPage(
    page,
    "(({ scrollHeight, scrollTop, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight))(document.querySelector('#messages'))"
  )
const inSight = (page: Page, selector: string): Promise<boolean> =>
  inPage(
    page,
    `((inner, outer) => inner.top >= outer.top && inner.bottom <= outer.bottom)(document.querySelector(${JSON.stringify(selector)}).getBoundingClientRect(), document.querySelector('#messages').getBoundingClientRect())`
  )

/** What was written before this morning. @returns how many messages */
const seed = ({ web: { phone } }: Stack, look: Look): number => {
  let count = 0
  const now = Math.floor(Date.now() / 1_000)
  const later = looks.indexOf(look) * 7 * minute
  const say = (person: Person, ago: number, text: string, isMine = false): void => {
    count += 1
    const [number, t] = [phoneIn(look, person), now - ago + later]
    if (isMine) phone.text({ to: number, text, t })
    else
      phone.text({
        from: number,
        ...(person === 'Nadie' ? {} : { name: nameIn(look, person) }),
        text,
        t
      })
  }
  say('Rosa', 3 * day, 'Buenas, ¿tienen la mesa de encino en existencia?')
  say('Rosa', 3 * day - 40, 'La vi en Instagram, la de 1.80')
  say('Rosa', 2 * day, '¿Hola? ¿Siguen atendiendo por aquí?')
  say('Diego', 5 * hour, 'Hola, se me rompió esta pieza y busco el repuesto')
  for (let n = 0; n < 5; n += 1) {
    count += 1
    phone.media({
      from: phoneIn(look, 'Diego'),
      name: nameIn(look, 'Diego'),
      kind: 'image',
      bytes: picture(300, 170 + n * 50),
      mimetype: 'image/png',
      caption: n === 0 ? 'así quedó' : '',
      t: now - 5 * hour + later + 10 + n
    })
  }
  say('Diego', 4 * hour, '¿Cuánto sale con envío a Puebla?')
  say('Elena', 25 * day, `¿Tienen ${look.word} de seis milímetros?`)
  for (let n = 0; n < 30; n += 1)
    say(
      'Elena',
      24 * day - n * hour,
      n % 2 === 0 ? `Perfecto, entonces ${n + 2} cajas` : 'Anotado, ¿algo más?',
      n % 2 === 1
    )
  say('Pablo', 40 * minute, '¿A qué hora cierran hoy? Quisiera pasar por *dos* sillas')
  say('Lucía', 90 * minute, 'Gracias, muy amables 🙌')
  say(
    'Marta',
    2 * hour,
    'Necesito factura de 24 piezas para un restaurante: https://example.com/pedido/24'
  )
  for (let n = 0; n < 30; n += 1)
    say('Jorge', 9 * hour - n * minute, `Renglón ${n + 1} de la lista: tornillo de ${n + 3} cm`)
  say('Carmen', 3 * hour, '¿Me apartan el librero blanco?')
  say('Nadie', 6 * hour, 'Precio x favor')
  say('Inés', 8 * hour, 'Soy Inés, escribo de mi otro número')
  say('Inés casa', 20 * hour, '¿Ya llegó mi pedido?')
  say('Sorteo', 7 * hour, '¡¡GANASTE!! Reenvía a diez contactos')
  return count
}

const journeys: readonly [string, (t: Test, day: Day) => Promise<void>][] = [
  [
    'the morning: who waits longest is first',
    async (t, day) => {
      const {
        page,
        stack: { hub }
      } = day
      await page.waitForSelector('#sign-in-form')
      await day.show(t, 'sign in')
      await signIn(page)
      await see(page, day.name('Rosa'), '.row .name')
      const { body } = await ask<LeadPage>(
        `${hub.url}/api/leads?waiting=true&state=new,open,won,lost`,
        apiToken
      )
      const shown = await names(page)
      t.same(
        shown.slice(0, 5),
        body.leads.slice(0, 5).map(({ name, phone_display }) => name ?? phone_display)
      )
      t.match(await textsOf(page, '.row .badge'), [/^espera \d+ ?d/])
      t.equal(await inPage(page, 'document.title'), `(${body.leads.length}) LeadMaster`)
      await day.show(t, 'list')
    }
  ],
  [
    'photos are read to their end',
    async (t, day) => {
      const { page } = day
      await day.open('Diego')
      await see(page, '¿Cuánto sale con envío a Puebla?', '.message .body')
      await until(
        page,
        "((seen) => seen.length > 0 && seen.every(({ complete, naturalWidth }) => complete && naturalWidth > 0))([...document.querySelectorAll('#messages img.picture')].slice(-2))"
      )
      await until(
        page,
        "(({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight < 60)(document.querySelector('#messages'))"
      )
      await eventually(
        async () => day.lead('Diego'),
        (lead) => lead?.unread_count === 0
      )
      await day.show(t, 'photos')
    }
  ],
  [
    'a word said weeks ago is found, and opened where it was said',
    async (t, day) => {
      const { page, look } = day
      await day.toList()
      await page.fill('#q', look.word)
      await until(page, "document.querySelectorAll('.row').length === 1")
      await see(page, new RegExp(`^Encontrado: .*${look.word}`), '.row .excerpt')
      t.same(
        (await textsOf(page, '#lists')).filter((text) => /Nadie está esperando/.test(text)),
        [],
        'what is not shown is not said to be none'
      )
      await day.show(t, 'search')
      await page.click('.row')
      await see(page, look.word, '.message .body mark')
      t.ok(await inSight(page, '.message:has(mark)'), 'the message is in sight')
      await day.show(t, 'found message')
      await day.toList()
      await page.fill('#q', '')
      await until(page, "document.querySelectorAll('.row').length > 5")
    }
  ],
  [
    'an answer is written in WhatsApp and appears here',
    async (t, day) => {
      const {
        page,
        stack: { web },
        look
      } = day
      await day.open('Pablo')
      const digits = day.phone('Pablo').slice(1)
      t.equal(
        await inPage(page, "document.querySelector('#reply').href"),
        look.isPhone ? `https://wa.me/${digits}` : `https://web.whatsapp.com/send?phone=${digits}`
      )
      web.phone.text({ to: day.phone('Pablo'), text: 'Hoy hasta las 19:00. Te esperamos.' })
      await see(page, 'Hoy hasta las 19:00. Te esperamos.', '.message.mine .body')
      t.equal(
        (
          await eventually(
            async () => day.lead('Pablo'),
            (lead) => lead?.waiting_since === null
          )
        )?.waiting_since,
        null
      )
      await until(page, "document.querySelector('#handled').hidden")
      await day.show(t, 'answered')
    }
  ],
  [
    'unread, no answer needed, ignored, and each taken back',
    async (t, day) => {
      const { page } = day
      await day.open('Lucía')
      await page.click('#mark-unread')
      await day.toList()
      await until(
        page,
        `[...document.querySelectorAll('.row.unread .name')].some(({ textContent }) => textContent === ${JSON.stringify(day.name('Lucía'))})`
      )
      await day.show(t, 'marked unread')
      await day.open('Lucía')
      await page.click('#handled')
      await see(page, 'Devolver: espera', '#handled')
      await day.show(t, 'no answer needed')
      await page.click('#handled')
      await see(page, 'No hace falta responder', '#handled')
      await day.toDetails()
      await page.selectOption('#lead-state', 'ignored')
      await see(page, 'Guardado', '#lead-saved')
      await eventually(
        async () => day.lead('Lucía'),
        (lead) => lead?.state === 'ignored'
      )
      await day.show(t, 'ignored')
      await page.selectOption('#lead-state', 'open')
      await eventually(
        async () => day.lead('Lucía'),
        (lead) => lead?.state === 'open' && lead.waiting_since !== null
      )
      await day.toMessages()
    }
  ],
  [
    'tags, note and who takes care',
    async (t, day) => {
      const { page } = day
      await day.open('Marta')
      await day.toDetails()
      await page.selectOption('#lead-state', 'open')
      await type(page, '#lead-note', 'Quiere factura con RFC del restaurante.\nPaga a 15 días.')
      await page.keyboard.press('Tab')
      for (const tag of ['mayoreo', 'factura', 'urgente', day.look.surname.toLowerCase()]) {
        await page.fill('#lead-tag', tag)
        await page.keyboard.press('Enter')
      }
      await page.fill('#lead-assignee', 'Guadalupe')
      await page.keyboard.press('Tab')
      const lead = await eventually(
        async () => day.lead('Marta'),
        (lead) => lead?.assignee === 'Guadalupe' && lead.tags.length === 4
      )
      t.match(lead, {
        note: 'Quiere factura con RFC del restaurante.\nPaga a 15 días.',
        state: 'open'
      })
      await see(page, 'Guardado', '#lead-saved')
      await day.show(t, 'details')
      await day.toList()
      await page.click('#filter-toggle')
      await page.fill('#tag-filter', day.look.surname.toLowerCase())
      await until(page, "document.querySelectorAll('.row').length === 1")
      t.same(await names(page), [day.name('Marta')])
      await day.show(t, 'filtered by tag')
      await page.click('#filter-clear')
      await page.click('#filter-toggle')
    }
  ],
  [
    'a message comes while one reads above',
    async (t, day) => {
      const { page } = day
      await day.open('Jorge')
      await see(page, /^Renglón 30/, '.message .body')
      await page.hover('#messages')
      await page.mouse.wheel(0, -900)
      await until(page, "document.querySelector('#to-latest').checkVisibility()")
      const top = await inPage(page, "document.querySelector('#messages').scrollTop")
      day.write('Jorge', '¿Sigues ahí? Ya es todo.')
      await until(
        page,
        "[...document.querySelectorAll('.message .body')].some(({ textContent }) => textContent === '¿Sigues ahí? Ya es todo.')"
      )
      t.equal(
        await inPage(page, "document.querySelector('#messages').scrollTop"),
        top,
        'what is read stays in its place'
      )
      t.same(await inPage(page, covered), [], 'the way to the end covers no button')
      await day.show(t, 'reading above')
      await page.click('#to-latest')
      t.ok((await below(page)) < 60)
      t.ok(await inSight(page, '.message:last-child'))
    }
  ],
  [
    'the connection is lost and comes back while a note is not saved',
    async (t, day) => {
      const {
        page,
        stack: { hub }
      } = day
      await day.open('Carmen')
      await day.toDetails()
      await type(page, '#lead-note', 'Apartar el librero')
      await hub.kill()
      await see(page, /^Se perdió la conexión con LeadMaster/, '[role=alert]')
      await day.show(t, 'connection lost')
      await page.keyboard.type(' hasta el viernes')
      await page.keyboard.press('Tab')
      await hub.listening()
      await until(page, "document.querySelector('#offline').textContent === ''")
      await eventually(
        async () => day.lead('Carmen').catch(() => undefined),
        (lead) => lead?.note === 'Apartar el librero hasta el viernes'
      )
      t.equal(await valueOf(page, '#lead-note'), 'Apartar el librero hasta el viernes')
      await see(page, 'Guardado', '#lead-saved')
      await day.show(t, 'saved again')
    }
  ],
  [
    'names come from a file and go out as one',
    async (t, day) => {
      const {
        page,
        stack: { hub }
      } = day
      await day.toList()
      await page.click('#nav a[href="#/settings"]')
      const csv = `Teléfono;Nombre\r\n${day.phone('Nadie')};${day.name('Nadie')}\r\n12;Error\r\n`
      await page.setInputFiles('#names-file', {
        name: 'clientes.csv',
        mimeType: 'text/csv',
        buffer: Buffer.from(csv, 'latin1')
      })
      await page.click('#names-form [type=submit]')
      await see(page, /^1 cliente recibió nombre/)
      await see(page, /^Línea 3: /)
      await day.show(t, 'import')
      const href = await inPage<string>(
        page,
        "document.querySelector('#export-leads').getAttribute('href')"
      )
      const file = await fetch(hub.url + href, { headers: { authorization: `Bearer ${apiToken}` } })
      t.match(
        new TextDecoder('utf-8', { ignoreBOM: true }).decode(await file.arrayBuffer()),
        new RegExp(`^\\uFEFF[^]*${day.name('Nadie')}`),
        'as Excel opens it'
      )
      await page.click('#nav a[href="#/figures"]')
      await see(page, 'Los últimos 30 días')
      await until(page, "document.querySelector('#figures-body').children.length > 1")
      await day.show(t, 'figures')
      await page.click('#nav a[href="#/"]')
    }
  ],
  [
    'two numbers of one person become one lead, and another is deleted',
    async (t, day) => {
      const { page } = day
      await day.open('Inés')
      await day.toDetails()
      await page.click('#ask-merge')
      await page.fill('#merge-q', day.name('Inés casa'))
      await until(page, "document.querySelectorAll('.choice').length === 1")
      await page.click('.choice')
      await day.show(t, 'merge')
      await page.click('#merge [type=submit]')
      await until(page, "!document.querySelector('#merge').open")
      await day.toMessages()
      await see(page, '¿Ya llegó mi pedido?', '.message .body')
      await day.show(t, 'merged')
      await day.open('Sorteo')
      await day.toDetails()
      await page.click('#ask-remove')
      await type(page, '#remove-word', 'borrar')
      await day.show(t, 'delete')
      await page.click('#remove-yes')
      await until(
        page,
        `![...document.querySelectorAll('.row .name')].some(({ textContent }) => [${[day.name('Sorteo'), day.name('Inés casa')].map((name) => JSON.stringify(name)).join()}].includes(textContent))`
      )
      t.equal(await day.lead('Sorteo'), undefined)
      await day.show(t, 'end of the day')
    }
  ]
]

t.test(
  'ten journeys of a salesperson in Spanish, on a computer and a phone, light and dark',
  async (t) => {
    if (screenshots !== undefined) mkdirSync(screenshots, { recursive: true })
    const browser = await launch(t)
    await withStack(t, { hubEnv: { UPSTREAM_CHECK_INTERVAL: '300ms' } }, async (stack) => {
      await stack.hub.listening()
      await stack.web.scan()
      await stack.sessionManager.daemon.seen('backfill')
      const count = looks.reduce((sum, look) => sum + seed(stack, look), 0)
      await eventually(
        () => stack.messages(),
        ({ length }) => length >= count
      )

      for (const look of looks) {
        const size = look.isPhone
          ? { width: 360, height: 740, phone: true }
          : { width: 1280, height: 800 }
        const page = await openPage(t, browser, stack.hub.url, {
          ...size,
          language: 'es-MX',
          dark: look.dark
        })
        const person = new Day(look, page, stack)
        for (const [title, run] of journeys)
          await t.test(`${look.name}: ${title}`, (t) => run(t, person))
        t.same(
          watchedFaults(page),
          [],
          `${look.name}: no error in the page, nothing that its CSP had to stop`
        )
        await page.context().close()
      }
    })
  }
)
