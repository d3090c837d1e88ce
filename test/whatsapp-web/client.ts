import { once } from 'node:events'
import { join } from 'node:path'
import puppeteer from 'puppeteer'
import type { Test } from 'tap'
import whatsapp from 'whatsapp-web.js'
import { browserDirectory } from './directory.ts'
import { startWhatsAppWeb, type Scenario, type WhatsAppWeb } from './server.ts'

/**
 * The unmodified whatsapp-web.js on the simulated WhatsApp Web, with nothing of LeadMaster in
 * between: on that of April 2026 by default, since the library by itself does not work on a later
 * one.
 */
export type Client = InstanceType<typeof whatsapp.Client>
export type Page = NonNullable<Client['pupPage']>

export const startClient = async (
  t: Test,
  options: { scenario?: Partial<Scenario>; beforePage?: (page: Page) => Promise<void> } = {}
): Promise<{ web: WhatsAppWeb; client: Client; page: Page }> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: { web: '2026-04', ...options.scenario }
  })
  const authStrategy = new whatsapp.NoAuth()
  const client: Client = new whatsapp.Client({
    authStrategy: Object.assign(authStrategy, {
      afterBrowserInitialized: async () => options.beforePage?.(client.pupPage as Page)
    }),
    puppeteer: {
      executablePath: web.chromiumPath,
      headless: true,
      pipe: true,
      userDataDir: join(directory, 'profile'),
      args: ['--disable-gpu', '--disable-dev-shm-usage']
    },
    webVersionCache: { type: 'none' }
  })
  t.teardown(async () => {
    await client.pupBrowser?.close()
    await web.close()
    remove()
  })
  await client.initialize()
  return { web, client, page: client.pupPage as Page }
}

/** The same, linked and ready. */
export const startReadyClient: typeof startClient = async (t, options) => {
  const started = await startClient(t, options)
  const ready = once(started.client, 'ready')
  await started.web.scan()
  await ready
  return started
}

/** The page in Chromium, with nothing in it but its own code. */
export const openPage = async (
  t: Test,
  options: { scenario?: Partial<Scenario> } = {}
): Promise<{ web: WhatsAppWeb; page: Page }> => {
  const { path: directory, remove } = browserDirectory()
  const web = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: options.scenario ?? {}
  })
  const browser = await puppeteer.launch({
    executablePath: web.chromiumPath,
    headless: true,
    pipe: true,
    userDataDir: join(directory, 'profile'),
    args: ['--disable-gpu', '--disable-dev-shm-usage']
  })
  t.teardown(async () => {
    await browser.close()
    await web.close()
    remove()
  })
  const [page] = await browser.pages()
  if (page === undefined) throw new Error('the browser has no page')
  await page.setUserAgent(
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36'
  )
  await page.goto('https://web.whatsapp.com/')
  return { web, page: page as unknown as Page }
}
