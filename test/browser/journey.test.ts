import type { Browser, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { apiToken } from '../end-to-end/daemon.ts'
import { withStack, type Stack } from '../end-to-end/stack.ts'
import {
  accessible,
  focused,
  inPage,
  launch,
  openPage,
  see,
  signIn,
  tabTo,
  until,
  valueOf,
  type Look
} from './page.ts'

/**
 * A day of an operator over the real thing: both daemons, WhatsApp Web simulated; both killed in
 * the middle.
 */

t.setTimeout(900_000)
const phone = '+5215512345678'
const pixel = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64'
)

const words = {
  en: {
    scan: 'Scan the QR',
    connected: 'Connected',
    waits: /^waiting \d+s$/,
    saved: 'Saved',
    lost: /^The connection to LeadMaster is lost/
  },
  es: {
    scan: 'Escanea el QR',
    connected: 'Conectado',
    waits: /^espera \d+s$/,
    saved: 'Guardado',
    lost: /^Se perdió la conexión con LeadMaster/
  }
}

interface Journey {
  look: Look
  speak: keyof typeof words
  /** How the operator signs in, opens the lead, and writes a note without leaving the field. */
  signIn: (page: Page) => Promise<void>
  openLead: (page: Page) => Promise<void>
  writeNote: (page: Page, text: string) => Promise<void>
  leaveNote: (page: Page) => Promise<void>
  toMessages: (page: Page) => Promise<void>
  toList: (page: Page) => Promise<void>
}

const journey = (t: Test, browser: Browser, { look, speak, ...act }: Journey): Promise<void> =>
  withStack(
    t,
    { hubEnv: { UPSTREAM_CHECK_INTERVAL: '300ms' } },
    async ({ web, hub, sessionManager, leads }: Stack) => {
      const { scan, connected, waits, saved, lost } = words[speak]
      await hub.listening()
      const page = await openPage(t, browser, hub.url, look)
      await page.waitForSelector('#sign-in-form')
      await act.signIn(page)
      await see(page, scan, '#pill-text')
      await web.scan()
      await see(page, connected, '#pill-text')
      await sessionManager.daemon.seen('backfill')

      const { t: written } = web.phone.text({
        from: phone,
        name: 'Ana',
        text: 'Hola, ¿sigue disponible?'
      })
      await see(page, waits, '.badge')
      await until(page, "document.title === '(1) LeadMaster'")
      await act.openLead(page)
      await see(page, 'Hola, ¿sigue disponible?', '.message .body')
      t.match(
        await inPage(
          page,
          "(({ href, target, rel }) => ({ href, target, rel }))(document.querySelector('#reply'))"
        ),
        {
          href: 'https://web.whatsapp.com/send?phone=5215512345678',
          target: '_blank',
          rel: /noopener/
        }
      )
      web.phone.media({
        from: phone,
        kind: 'image',
        bytes: pixel,
        mimetype: 'image/png',
        caption: 'esta',
        t: written
      })
      await until(page, "document.querySelector('img.picture')?.naturalWidth === 1")
      await accessible(t, page, 'conversation')

      await act.writeNote(page, 'quiere')
      await hub.kill()
      await see(page, lost, '[role=alert]')
      await page.keyboard.type(' la roja')
      await hub.listening()
      await until(page, "document.querySelector('#offline').textContent === ''")
      t.equal(
        await valueOf(page, '#lead-note'),
        'quiere la roja',
        'what was typed is kept while the hub is restarted'
      )
      t.equal(await focused(page), 'lead-note')
      await sessionManager.kill()
      web.phone.text({ from: phone, name: 'Ana', text: '¿Hola?', t: written + 1 })
      await act.leaveNote(page)
      await see(page, saved, '#lead-saved')
      await act.toMessages(page)
      await see(page, '¿Hola?', '.message .body')
      await see(page, connected, '#pill-text')

      web.phone.text({ to: phone, text: 'Sí, ¿cuándo la quiere ver?', t: written + 2 })
      await see(page, 'Sí, ¿cuándo la quiere ver?', '.message.mine .body')
      await until(page, "document.title === 'LeadMaster'")
      await act.toList(page)
      await until(
        page,
        "[...document.querySelectorAll('.badge')].every(({ textContent }) => textContent === '')"
      )
      t.match(await leads(), [
        { phone, note: 'quiere la roja', waiting_since: null, unread_count: 0 }
      ])
      await accessible(t, page, 'list')
    }
  )

t.test('an operator’s day', async (t) => {
  const browser = await launch(t)

  await t.test('by mouse, in English', (t) =>
    journey(t, browser, {
      look: {},
      speak: 'en',
      signIn,
      openLead: (page) => page.click('.row'),
      writeNote: (page, text) => page.locator('#lead-note').pressSequentially(text),
      leaveNote: (page) => page.click('#lead-name'),
      toMessages: async () => undefined,
      toList: async () => undefined
    })
  )

  await t.test('by keyboard alone, at 360 px, in Spanish', (t) =>
    journey(t, browser, {
      look: { width: 360, height: 640, language: 'es-MX' },
      speak: 'es',
      signIn: async (page) => {
        await tabTo(page, 'sign-in-other')
        await page.keyboard.press('Enter')
        await page.keyboard.type(apiToken)
        await page.keyboard.press('Enter')
      },
      openLead: async (page) => {
        await tabTo(page, /^Ana/)
        await page.keyboard.press('Enter')
      },
      writeNote: async (page, text) => {
        await tabTo(page, 'to-details')
        await page.keyboard.press('Enter')
        await until(page, "document.activeElement.id === 'details-title'")
        await tabTo(page, 'lead-note')
        await page.keyboard.type(text)
      },
      leaveNote: (page) => page.keyboard.press('Tab'),
      toMessages: async (page) => {
        // the first leaves the field, the second the details
        await page.keyboard.press('Escape')
        await page.keyboard.press('Escape')
        await page.waitForSelector('#messages')
      },
      toList: async (page) => {
        await page.keyboard.press('Escape')
        await page.waitForSelector('#inbox')
      }
    })
  )
})
