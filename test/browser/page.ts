import axe from 'axe-core'
import { chromium, type Browser, type Page } from 'playwright-core'
import type { Test } from 'tap'
import { apiToken } from '../end-to-end/daemon.ts'

/** The operator page in the real Chromium, as an operator sees and uses it. */

const patienceMs = 30_000

export const launch = async (t: Test): Promise<Browser> => {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: true,
    env: { PATH: '/usr/bin:/bin', HOME: t.testdir() }
  })
  t.teardown(() => browser.close())
  return browser
}

const androidAgent =
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36'

export interface Look {
  language?: string
  width?: number
  height?: number
  dark?: boolean
  /** A phone, as Chromium plays it: a finger, and the name of Android. */
  phone?: boolean
  /** A browser that keeps no files of the page. */
  keepsNothing?: boolean
}

/**
 * What went wrong in a page that the operator would not see: errors of its scripts, and what its
 * CSP stopped.
 */
const faults = new WeakMap<Page, string[]>()

export const openPage = async (
  t: Test,
  browser: Browser,
  url: string,
  {
    language = 'en-GB',
    width = 1280,
    height = 800,
    dark = false,
    phone = false,
    keepsNothing = false
  }: Look = {}
): Promise<Page> => {
  const context = await browser.newContext({
    locale: language,
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    isMobile: phone,
    hasTouch: phone,
    serviceWorkers: keepsNothing ? 'block' : 'allow',
    ...(phone ? { userAgent: androidAgent } : {})
  })
  t.teardown(() => context.close())
  context.setDefaultTimeout(patienceMs)
  const page = await context.newPage()
  watch(page)
  await page.goto(url)
  return page
}
/** What went wrong in it so far, that the operator would not see. */
export const watchedFaults = (page: Page): readonly string[] => faults.get(page) ?? []
const watch = (page: Page): void => {
  const found: string[] = []
  faults.set(page, found)
  page.on('pageerror', (error) => found.push(String(error)))
  page.on('console', (line) => {
    if (/Content Security Policy/i.test(line.text())) found.push(line.text())
  })
}

export type Open = (url: string, look?: Look) => Promise<Page>

/**
 * Tests of pages, in one browser; whatever they do, no script may fail and their CSP must have
 * nothing to stop.
 */
export const pageTests = (
  t: Test
): ((name: string, run: (t: Test, open: Open) => Promise<void>) => void) => {
  let browser: Browser
  t.before(async () => {
    browser = await launch(t)
  })
  return (name, run) =>
    void t.test(name, async (t) => {
      const pages: Page[] = []
      await run(t, async (url, look) => {
        const page = await openPage(t, browser, url, look)
        pages.push(page)
        return page
      })
      t.same(
        pages.flatMap((page) => faults.get(page)),
        [],
        'no error in the page, nothing that its CSP had to stop'
      )
    })
}

/** Runs an expression in the page; in text, for our sources know no DOM. */
export const inPage = <T>(page: Page, expression: string): Promise<T> =>
  page.evaluate(expression) as Promise<T>

/**
 * Waits until an expression is true in the page, over reloads. The page's CSP lets nothing be
 * evaluated later: it is one promise.
 */
export const until = async (page: Page, expression: string): Promise<void> => {
  const poll = `new Promise((resolve) => {
    const late = Date.now() + ${patienceMs}
    const check = () => ((${expression}) ? resolve(true) : Date.now() > late ? resolve(false) : setTimeout(check, 20))
    check()
  })`
  for (;;) {
    const became = await inPage<boolean>(page, poll).catch((error: unknown) => {
      if (!/context was destroyed|navigat/i.test(String(error))) throw error
      return undefined
    })
    if (became) return
    if (became === false)
      throw new Error(
        `never true: ${expression}; the page shows:\n${await inPage<string>(page, 'document.body.innerText')}`
      )
  }
}

const visible = (selector: string): string =>
  `[...document.querySelectorAll(${JSON.stringify(selector)})].filter((element) => element.checkVisibility({ visibilityProperty: true }))`

/** Waits until something that can be seen has this text, or one that fits. */
export const see = (page: Page, text: string | RegExp, selector = 'body *'): Promise<void> => {
  const fits =
    text instanceof RegExp
      ? `${text}.test(element.textContent)`
      : `element.textContent.trim() === ${JSON.stringify(text)}`
  return until(page, `${visible(selector)}.some((element) => ${fits})`)
}

/** The texts of what can be seen. */
export const textsOf = (page: Page, selector: string): Promise<string[]> =>
  inPage(page, `${visible(selector)}.map((element) => element.textContent.trim())`)
export const valueOf = (page: Page, selector: string): Promise<string> =>
  inPage(page, `document.querySelector(${JSON.stringify(selector)}).value`)
export const names = (page: Page): Promise<string[]> => textsOf(page, '.row .name')
/** The id of what has the focus, else its text. */
export const focused = (page: Page): Promise<string> =>
  inPage(page, 'document.activeElement.id || document.activeElement.textContent')

/** Types as a person does, key by key. */
export const type = (page: Page, selector: string, text: string): Promise<void> =>
  page.locator(selector).pressSequentially(text)

/** Signs in with the token. */
export const signIn = async (page: Page, token = apiToken): Promise<void> => {
  await page.waitForSelector('#sign-in-form')
  if (await page.locator('#by-token').isHidden()) await page.click('#sign-in-other')
  await page.locator('#token').fill(token)
  await page.keyboard.press('Enter')
}
/** Signs in as an operator. */
export const signInAs = async (page: Page, username: string, password: string): Promise<void> => {
  await page.waitForSelector('#sign-in-form')
  if (await page.locator('#by-name').isHidden()) await page.click('#sign-in-other')
  await page.locator('#username').fill(username)
  await page.locator('#password').fill(password)
  await page.keyboard.press('Enter')
}
export const openLead = async (page: Page, name: string): Promise<void> => {
  await see(page, name, '.row .name')
  await inPage(
    page,
    `[...document.querySelectorAll('.row')].find((row) => row.querySelector('.name').textContent === ${JSON.stringify(name)}).click()`
  )
  await see(page, name, '#lead-name')
}
/** Presses Tab until what has the focus fits; by keyboard alone, as someone without a mouse. */
export const tabTo = async (page: Page, wanted: string | RegExp): Promise<void> => {
  const fits = async (): Promise<boolean> =>
    wanted instanceof RegExp ? wanted.test(await focused(page)) : (await focused(page)) === wanted
  for (let presses = 0; presses < 60; presses += 1) {
    if (await fits()) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab never came to ${String(wanted)}; it is at ${await focused(page)}`)
}

/**
 * Asserts that axe finds nothing wrong with what is shown, https://github.com/dequelabs/axe-core,
 * and that it fits its window.
 */
export const accessible = async (t: Test, page: Page, what: string): Promise<void> => {
  await page.evaluate(axe.source)
  const violations = await inPage<string[]>(
    page,
    `axe.run().then(({ violations }) => violations.map(({ id, help, nodes }) =>
    id + ': ' + help + ': ' + nodes.map(({ html, failureSummary }) => html + ' ' + failureSummary).join(' | ')))`
  )
  t.same(violations, [], `axe finds nothing: ${what}`)
  t.notOk(
    await inPage(
      page,
      'document.documentElement.scrollWidth > document.documentElement.clientWidth'
    ),
    `nothing is wider than the window: ${what}`
  )
}
