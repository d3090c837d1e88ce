import { readFileSync } from 'node:fs'
import t from 'tap'

/** Which language the page speaks, and where its texts come from. */

const texts = (name: string): string =>
  readFileSync(new URL(`../../../src/central-hub/console/${name}.json`, import.meta.url), 'utf8')

const stored = new Map<string, string>()
const browser = {
  languages: ['en'],
  /** The language of the texts in index.html. */
  brought: undefined as string | undefined,
  cookies: [] as string[],
  asked: [] as string[],
  answer: (path: string): Promise<Response> =>
    Promise.resolve(new Response(texts(path.replace('.json', ''))))
}
const define = (name: string, value: unknown): void =>
  void Object.defineProperty(globalThis, name, { value, configurable: true })
define('localStorage', {
  getItem: (name: string) => stored.get(name) ?? null,
  setItem: (name: string, value: string) => void stored.set(name, value)
})
define('navigator', {
  get languages() {
    return browser.languages
  }
})
define('document', {
  getElementById: () =>
    browser.brought === undefined
      ? null
      : { dataset: { language: browser.brought }, textContent: texts(browser.brought) },
  set cookie(text: string) {
    browser.cookies.push(text)
  }
})
define('fetch', (path: string) => {
  browser.asked.push(path)
  return browser.answer(path)
})
const page = await import('../../../src/central-hub/console/texts.js')

const cookie = (language: string): string =>
  `leadmaster-language=${language}; Path=/; Max-Age=34560000; SameSite=Lax`

t.beforeEach(() => {
  stored.clear()
  Object.assign(browser, { languages: ['en'], brought: 'en', cookies: [], asked: [] })
  browser.answer = (path) => Promise.resolve(new Response(texts(path.replace('.json', ''))))
})

t.test('the texts that index.html brought are taken without a request', async (t) => {
  Object.assign(browser, { languages: ['pt-BR', 'en'], brought: 'pt' })
  await page.loadTexts()

  t.same([page.language, page.texts.signIn, page.locale()], ['pt', 'Entrar', 'pt-BR'])
  t.same([browser.asked, browser.cookies], [[], []])
})

t.test('the language is the one chosen before, else the first known of the browser', async (t) => {
  for (const [chosen, languages, language] of [
    [undefined, ['fr-FR', 'PT-pt', 'es'], 'pt'],
    [undefined, ['de', 'eu'], 'en'],
    [undefined, [], 'en'],
    ['es', ['pt', 'en'], 'es'],
    ['fr', ['pt', 'en'], 'pt']
  ] as const) {
    stored.clear()
    if (chosen) stored.set('leadmaster-language', chosen)
    Object.assign(browser, { languages: [...languages] })
    await page.loadTexts()
    t.equal(page.language, language, `${chosen} ${languages.join()}`)
  }
})

t.test(
  'texts that index.html did not bring are asked for, and the next time it does',
  async (t) => {
    stored.set('leadmaster-language', 'es')
    await page.loadTexts()

    t.equal(page.texts.cancel, 'Cancelar')
    t.same([browser.asked, browser.cookies], [['es.json'], [cookie('es')]])
  }
)

t.test('without an answer the page speaks the language of index.html', async (t) => {
  Object.assign(browser, { languages: ['pt'], brought: 'es' })
  browser.answer = () => Promise.reject(new Error('offline'))
  await page.loadTexts()

  t.equal(page.language, 'es')
  browser.brought = undefined
  const error: unknown = await page.loadTexts().catch((reason: unknown) => reason)
  t.match(error, { kind: 'no-answer' })
})

t.test('a language that is chosen is kept for this browser', async (t) => {
  await page.loadTexts()
  await page.setLanguage('pt')

  t.same([page.language, page.texts.cancel, page.texts.signIn], ['pt', 'Cancelar', 'Entrar'])
  t.equal(stored.get('leadmaster-language'), 'pt')
  t.same(browser.cookies, [cookie('pt')])
  t.equal(page.fill(page.texts.unread, { count: 2 }), '2 mensagens não lidas')
})

t.test('a language whose texts do not come changes nothing', async (t) => {
  await page.loadTexts()
  browser.answer = () => Promise.resolve(Response.json({}, { status: 404 }))

  await t.rejects(page.setLanguage('pt'))
  t.same([page.language, page.texts.cancel, stored.size], ['en', 'Cancel', 0])
})

t.test('of two languages chosen one after the other the last one stays', async (t) => {
  await page.loadTexts()
  const late = Promise.withResolvers<Response>()
  browser.answer = (path) =>
    path === 'es.json' ? late.promise : Promise.resolve(new Response(texts('pt')))
  const first = page.setLanguage('es')
  await page.setLanguage('pt')
  late.resolve(new Response(texts('es')))
  await first

  t.same([page.language, page.texts.signOut], ['pt', 'Sair'])
  t.equal(stored.get('leadmaster-language'), 'pt')
})
