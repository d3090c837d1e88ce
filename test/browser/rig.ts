import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import puppeteer, { type Browser, type Page } from 'puppeteer'
import type { Test } from 'tap'
import type { CapturedMessage } from '../../src/contract/record.ts'
import { apiToken, centralHubEnv, freePort, startDaemon, type Daemon } from '../end-to-end/daemon.ts'
import { fakeSessionManager, type FakeSessionManager } from '../central-hub/fake-session-manager.ts'
import { draft } from '../session-manager/drafts.ts'

/** The operator page of a real hub, in the real Chromium, with a session-manager that the test plays. */

export interface Rig {
  upstream: FakeSessionManager
  hub: () => Daemon
  url: string
  /** Kills the hub, as a power cut would. */
  kill(): Promise<void>
  /** Starts it again, on the same port; `keep: false` empties its store first. */
  restart(options?: { keep: boolean }): Promise<void>
}

export const startRig = async (t: Test, env: Record<string, string> = {}): Promise<Rig> => {
  const upstream = await fakeSessionManager(t)
  const all: Record<string, string> = { ...centralHubEnv({ port: await freePort(), stateDir: join(t.testdir(), 'state'), sessionManager: upstream.url }), ENV_FILE: '/etc/leadmaster/central-hub.env', ...env }
  let hub = startDaemon('central-hub', all)
  t.teardown(() => hub.end('SIGKILL'))
  await hub.seen('following')
  return {
    upstream,
    hub: () => hub,
    url: hub.url,
    kill: async () => void (await hub.end('SIGKILL')),
    restart: async ({ keep } = { keep: true }) => {
      if (!keep) await rm(all['STATE_DIR'] as string, { recursive: true })
      hub = startDaemon('central-hub', all)
      await hub.seen('listening')
    }
  }
}

export const launch = async (t: Test): Promise<Browser> => {
  const directory = t.testdir()
  const browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    userDataDir: join(directory, 'profile'),
    env: { PATH: '/usr/bin:/bin', HOME: directory },
    args: ['--no-first-run', '--disable-background-networking']
  })
  t.teardown(() => browser.close())
  return browser
}

/** What went wrong in a page that the operator would not see: errors of its scripts, and what its CSP stopped. */
export const faults = new WeakMap<Page, string[]>()

export const openPage = async (t: Test, browser: Browser, url: string, options: { language?: string; width?: number; height?: number; dark?: boolean } = {}): Promise<Page> => {
  const context = await browser.createBrowserContext()
  t.teardown(() => context.close())
  const page = await context.newPage()
  const found: string[] = []
  faults.set(page, found)
  page.on('pageerror', (error) => found.push(String(error)))
  page.on('console', (line) => {
    if (/Content Security Policy/i.test(line.text())) found.push(line.text())
  })
  await page.setViewport({ width: options.width ?? 1280, height: options.height ?? 800 })
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: options.dark ? 'dark' : 'light' }])
  const session = await page.createCDPSession()
  await session.send('Emulation.setUserAgentOverride', { userAgent: await browser.userAgent(), acceptLanguage: options.language ?? 'en-GB' })
  page.setDefaultTimeout(30_000)
  await page.goto(url)
  return page
}

/** Runs an expression in the page; in text, for our sources know no DOM. */
export const inPage = <T>(page: Page, expression: string): Promise<T> => page.evaluate(expression) as Promise<T>

/** Waits until an expression is true in the page. */
export const until = async (page: Page, expression: string): Promise<void> => {
  await page.waitForFunction(expression).catch(async (error: unknown) => {
    throw new Error(`never true: ${expression}; the page shows:\n${await inPage<string>(page, 'document.body.innerText')}`, { cause: error })
  })
}

const visible = (selector: string): string => `[...document.querySelectorAll(${JSON.stringify(selector)})].filter((element) => element.checkVisibility({ visibilityProperty: true }))`

/** Waits until something that can be seen has this text, or one that fits. */
export const see = (page: Page, text: string | RegExp, selector = 'body *'): Promise<void> => {
  const fits = text instanceof RegExp ? `${text}.test(element.textContent)` : `element.textContent.trim() === ${JSON.stringify(text)}`
  return until(page, `${visible(selector)}.some((element) => ${fits})`)
}

/** The texts of what can be seen. */
export const textsOf = (page: Page, selector: string): Promise<string[]> => inPage(page, `${visible(selector)}.map((element) => element.textContent.trim())`)

export const signIn = async (page: Page, token = apiToken): Promise<void> => {
  await page.waitForSelector('#token', { visible: true })
  await inPage(page, "document.querySelector('#token').value = ''")
  await page.type('#token', token)
  await page.keyboard.press('Enter')
}

/** What axe finds wrong with what is shown, https://github.com/dequelabs/axe-core */
export const violations = async (page: Page): Promise<string[]> => {
  await page.evaluate(axe.source)
  return inPage(page, `axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) =>
    id + ': ' + help + ': ' + nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary).join(' | ')))`)
}

/** Whether the page is wider than its window. */
export const scrollsSideways = (page: Page): Promise<boolean> => inPage(page, 'document.documentElement.scrollWidth > document.documentElement.clientWidth')

const now = (): number => Math.floor(Date.now() / 1_000)
let drawn = 0

/** A message of a person, `ago` seconds old; `facts` as WhatsApp gives them. */
export const from = (phone: string, body: string, ago: number, facts: Partial<CapturedMessage> = {}): ReturnType<typeof draft> => {
  drawn += 1
  const chat = `${phone}@c.us`
  const mine = facts.from_me === true
  const id = `${mine}_${chat}_${`3EB0${drawn}`}`
  return draft('', {
    id, chat_id: chat, from: mine ? '5215587654321@c.us' : chat, to: mine ? chat : '5215587654321@c.us', phone: `+${phone}`, body, timestamp: now() - ago, ...facts
  })
}
/** The operator's own answer. */
export const reply = (phone: string, body: string, ago: number, facts: Partial<CapturedMessage> = {}): ReturnType<typeof draft> =>
  from(phone, body, ago, { from_me: true, ...facts })
