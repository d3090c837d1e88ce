import type { Test } from 'tap'
import { launch } from '../../browser/page.ts'

/**
 * HTML in a real Chromium, with functions of ours in it before the page's own scripts. No server,
 * no network.
 */
export interface InChromium {
  /** Runs a function in the page; what it returns crosses as JSON. */
  run<T>(fn: (...args: never[]) => T | Promise<T>, ...args: unknown[]): Promise<T>
  /** Errors that nobody in the page caught. */
  errors: string[]
  reload(): Promise<void>
}

/** A function to run in the page, with its arguments. */
export type Before = [fn: (...args: never[]) => void, ...args: unknown[]]

/**
 * @param scripts the page's own scripts, in order, each in an element of its own
 * @param before what puppeteer's evaluateOnNewDocument would run, in order
 */
export const inChromium = async (
  t: Test,
  scripts: readonly string[],
  before: readonly Before[]
): Promise<InChromium> => {
  const browser = await launch(t)
  const page = await browser.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  // One script, for several would run in no given order.
  const content = before
    .map(([fn, ...args]) => `(${String(fn)})(...${JSON.stringify(args)})`)
    .join(';\n')
  await page.addInitScript({ content })
  const body = `<!doctype html><title>page</title>${scripts.map((script) => `<script>${script}</script>`).join('')}`
  await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body }))
  await page.goto('https://web.whatsapp.com/')
  const run = <T>(fn: (...args: never[]) => T | Promise<T>, ...args: unknown[]): Promise<T> =>
    page.evaluate(`(${String(fn)})(...${JSON.stringify(args)})`) as Promise<T>
  return { run, errors, reload: async () => void (await page.reload()) }
}
