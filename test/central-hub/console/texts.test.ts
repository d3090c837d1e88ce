import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { usesOfTexts } from './uses-of-texts.ts'

/**
 * The texts of the operator page: each language has all of them, with the same values to fill in,
 * and the page has no others.
 */

const page = join(import.meta.dirname, '../../../src/central-hub/console')
type Tree = { [name: string]: string | string[] | Tree }
const readTexts = (file: string): Tree => JSON.parse(readFileSync(join(page, file), 'utf8')) as Tree

const files = readdirSync(page).filter((name) => name.endsWith('.json'))
const texts = Object.fromEntries(files.map((file) => [file.slice(0, -5), readTexts(file)]))
const english = texts['en'] as Tree
const translations = Object.entries(texts).filter(([language]) => language !== 'en')
const html = readFileSync(join(page, 'index.html'), 'utf8')

const categories = ['zero', 'one', 'two', 'few', 'many', 'other']
const isPlural = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  'other' in value &&
  Object.keys(value).every((name) => categories.includes(name))

/** Each text by its key, in the order of the file: `stateOf.new`. A plural is one text. */
const flat = (tree: Tree, before = ''): [string, string | string[] | Record<string, string>][] =>
  Object.entries(tree).flatMap(([name, value]) => {
    const key = before + name
    if (typeof value === 'string' || Array.isArray(value) || isPlural(value))
      return [[key, value as string]]
    return flat(value, `${key}.`)
  })
const formsOf = (value: string | string[] | Record<string, string>): string[] =>
  typeof value === 'string' ? [value] : Object.values(value)
const placeholdersOf = (text: string): string[] =>
  [...new Set([...text.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name))].toSorted()
const tagOf = (tree: Tree): string => tree['languageTag'] as string

t.test('each language has the same texts, in the same order', async (t) => {
  t.same(Object.keys(texts).toSorted(), ['en', 'es', 'pt'])
  for (const [language, tree] of translations)
    t.same(
      flat(tree).map(([key]) => key),
      flat(english).map(([key]) => key),
      language
    )
})

t.test('each text has the form of the English one: a text, a plural, or a list', async (t) => {
  for (const [language, tree] of translations) {
    const own = new Map(flat(tree))
    for (const [key, value] of flat(english)) {
      const translated = own.get(key)
      t.equal(isPlural(translated), isPlural(value), `${language} ${key}`)
      const lengths = [translated, value].map((each) => Array.isArray(each) && each.length)
      t.equal(lengths[0], lengths[1], `${language} ${key}`)
    }
  }
})

t.test('each plural has the categories of its language, and no others', async (t) => {
  for (const [language, tree] of Object.entries(texts)) {
    const { pluralCategories } = new Intl.PluralRules(tagOf(tree)).resolvedOptions()
    const plurals = flat(tree).filter(([, value]) => isPlural(value))
    t.ok(plurals.length > 10, language)
    for (const [key, value] of plurals)
      t.same(Object.keys(value).toSorted(), pluralCategories.toSorted(), `${language} ${key}`)
  }
})

t.test('each text has the placeholders of the English one', async (t) => {
  for (const [language, tree] of Object.entries(texts)) {
    const own = new Map(flat(tree))
    for (const [key, value] of flat(english)) {
      const wanted = placeholdersOf(formsOf(value).join())
      const given = own.get(key) ?? ''
      t.same(placeholdersOf(formsOf(given).join()), wanted, `${language} ${key}`)
      // "one" may do without the number.
      const { one: _one, ...others } = isPlural(given) ? given : {}
      for (const form of Object.values(others))
        t.same(placeholdersOf(form), wanted, `${language} ${key}`)
    }
  }
})

/** Texts that are the same in English and another language. */
const alike = [
  ...['{at} of {of}', '{from} → {to}', '{named}, {kept}, {unchanged}.', '{count} item'],
  ...[
    'Lead',
    'Leads',
    'WhatsApp',
    'WhatsApp:',
    'LeadMaster',
    'Webhook',
    'Webhooks',
    'Enter',
    'Filters ({count})'
  ],
  ...['Audio', 'GIF', 'Sticker', 'Stickers', 'Error', 'OK', '']
]

t.test('each text is translated, and written with care', async (t) => {
  const inEnglish = new Map(flat(english))
  for (const [language, tree] of Object.entries(texts)) {
    t.same(Intl.getCanonicalLocales(tagOf(tree)), [tagOf(tree)])
    t.ok(tagOf(tree).startsWith(language))
    for (const [key, value] of flat(tree)) {
      if (key === 'languageTag') continue
      const source = formsOf(inEnglish.get(key) ?? '')
      for (const form of formsOf(value)) {
        t.equal(form, form.trim(), `${language} ${key}`)
        t.notMatch(form, /\s{2}|\.\.\.|[\n\t]|"/, `${language} ${key}`)
        t.equal(form === '', source.includes(''), `${language} ${key} is as empty as in English`)
        if (language !== 'en' && !alike.includes(form))
          t.notOk(source.includes(form), `${language} ${key} is translated: ${form}`)
      }
    }
    const word = tree['removeWord'] as string
    t.equal(word, word.toUpperCase(), 'the page compares what was typed in capitals')
  }
})

/** None of these is read by a person; LeadMaster is called so in each language. */
const notTexts = [
  /^(\(.*\) )?LeadMaster$/,
  /^no answer$|^noopener noreferrer$|^note error$/,
  /^\(pointer: coarse\)|^input, textarea/
]

t.test('the page uses each text, fills each placeholder, and has no text of its own', async (t) => {
  const { used, fills, unfilled, literals } = usesOfTexts()
  const known = new Map(flat(english))
  const named = [...html.matchAll(/data-(?:text|label|hint)="(\w+)"/g)].map(([, key = '']) => key)
  const isGroup = (key: string): boolean => flat(english).some(([at]) => at.startsWith(`${key}.`))
  /** Keys of a group that is used whole, by a name that is known at run time only. */
  const isUsed = (key: string): boolean =>
    used.has(key) || named.includes(key) || unfilled.has(key.replace(/\.[^.]*$/, ''))

  t.same(
    [...used, ...named].filter((key) => !known.has(key) && !isGroup(key)),
    [],
    'each key that is used is there'
  )
  t.same(
    [...known.keys()].filter((key) => !isUsed(key)),
    [],
    'each key is used'
  )

  for (const { key, values, at } of fills)
    t.same(values.toSorted(), placeholdersOf(formsOf(known.get(key) ?? '').join()), `${key} ${at}`)
  const filled = new Set(fills.map(({ key }) => key))
  for (const [key, value] of known) {
    const hasHoles = isPlural(value) || placeholdersOf(formsOf(value).join()).length > 0
    t.equal(filled.has(key), hasHoles, `${key} is filled where it has placeholders`)
    if (!hasHoles) continue
    t.equal(unfilled.get(key), undefined, `${key} is nowhere used without its values`)
    t.notOk(named.includes(key), `${key} is not in index.html`)
  }

  t.same(
    [...literals].filter(([text]) => !notTexts.some((pattern) => pattern.test(text))),
    [],
    'the code has no text'
  )
})

t.test('index.html has no text of its own, and offers each language by its name', async (t) => {
  const shown = html
    .replaceAll(/<!--.*?-->|<(title|noscript|option)\b.*?<\/\1>/gs, ' ')
    .replaceAll(/<[^>]*>/g, '\n')
    .split('\n')
    .filter((text) => /\p{L}/u.test(text))
    .map((text) => text.trim())
  t.same(new Set(shown), new Set(['LeadMaster', '(CSV)', '(JSON Lines)']))
  t.notMatch(html, /\s(aria-label|alt|title|placeholder)="[^"]/)

  const selects = [...html.matchAll(/<select class="language-select".*?<\/select>/gs)]
  t.equal(selects.length, 2)
  for (const [select] of selects)
    t.same(
      [...select.matchAll(/<option value="(\w+)" lang="([\w-]+)">/g)].map(([, ...both]) => both),
      Object.entries(texts).map(([language, tree]) => [language, tagOf(tree)])
    )
  const script = readFileSync(join(page, 'texts.js'), 'utf8')
  for (const file of files) t.ok(script.includes(`${file.slice(0, -5)}: '${file}'`), file)
})
