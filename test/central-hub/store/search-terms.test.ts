import t from 'tap'
import {
  leadTerms,
  messageTerms,
  type LeadTerm
} from '../../../src/central-hub/store/database/search-terms.ts'
import {
  spacedRun,
  spacelessRuns,
  tokensOf,
  withoutSpaceless
} from '../../../src/central-hub/store/database/spaceless.ts'

/** What is looked for by what a person typed. What is found by it: find.test.ts. */

/** A term as one line: `+` for all of it, `|` for any of it, `#` before digits. */
const shown = (term: LeadTerm | undefined): string => {
  if (term === undefined) return ''
  if ('text' in term) return term.text
  if ('digits' in term) return `#${term.digits}`
  return 'all' in term
    ? `(${term.all.map(shown).join(' + ')})`
    : `(${term.any.map(shown).join(' | ')})`
}
const terms = (q: string, country?: 'MX' | 'AR' | 'BR'): string => shown(leadTerms(q, country))

t.test('words are looked for one by one, without the signs around them', async (t) => {
  for (const [q, wanted] of [
    ['ana', 'ana'],
    ['Ana Ruiz', '(Ana + Ruiz)'],
    ['Ruiz, Ana;', '(Ruiz + Ana)'],
    ['¿ana?', 'ana'],
    ['«ana»', 'ana'],
    ['"(ana)"', 'ana'],
    ['ana…', 'ana'],
    ['ana\tluz\nsol', '(ana + luz + sol)'],
    ['ana\0luz', '(ana + luz)'],
    ['\u200eana\u202c', 'ana'],
    ["O'Brien", "(O'Brien | (O + Brien))"],
    ['ana-maria', '(ana-maria | (ana + maria))'],
    ['a_b', '(a_b | (a + b))'],
    ['a--b', '(a--b | (a + b))'],
    ["O'", 'O'],
    ['-ana', '-ana'],
    ['ana - luz', '(ana + luz)'],
    ['ana (luz)', '(ana + luz)'],
    ['-', ''],
    ['', ''],
    [' , ; ', ''],
    ['...', ''],
    ['\u0301', ''],
    ['🏽', ''],
    ['!', '']
  ] as const)
    t.equal(terms(q), wanted, JSON.stringify(q))
})

t.test('writing without spaces is looked for by itself, beside the words around it', async (t) => {
  t.equal(terms('小明'), '  小  明')
  t.equal(terms('ana小明'), '(ana +   小  明)')
  t.equal(terms('小明 ana'), '(  小  明 + ana)')
  t.equal(terms('👍'), '  👍')
  t.equal(terms('👩\u200d🚀'), '(  👩 +   🚀)', 'what joins emoji says nothing')
})

t.test(
  'digits are looked for in numbers, in all forms that WhatsApp and people have, and as text',
  async (t) => {
    for (const [q, wanted] of [
      ['5678', '(#5678 | 5678)'],
      ['12', '12'],
      ['123', '(#123 | 123)'],
      ['56.78', '(#5678 | (56.78 | (56 + 78)))'],
      ['5512345678', '(#5512345678 | 5512345678)'],
      ['5215512345678', '(#5215512345678 | #525512345678 | 5215512345678)'],
      ['0445512345678', '(#0445512345678 | #445512345678 | #5512345678 | 0445512345678)'],
      ['015512345678', '(#015512345678 | #15512345678 | #5512345678 | 015512345678)'],
      ['0455512345678', '(#0455512345678 | #455512345678 | #5512345678 | 0455512345678)'],
      ['0465512345678', '(#0465512345678 | #465512345678 | 0465512345678)'],
      ['5511987654321', '(#5511987654321 | #551187654321 | 5511987654321)'],
      ['0034612345678', '(#0034612345678 | #34612345678 | 0034612345678)'],
      ['9015512345678', '(#9015512345678 | 9015512345678)'],
      ['01551234567890', '(#01551234567890 | #1551234567890 | 01551234567890)'],
      ['012', '(#012 | 012)'],
      ['5678a', '5678a'],
      ['٥٦٧٨', '(#5678 | ٥٦٧٨)'],
      ['５６７８', '(#5678 | ５６７８)'],
      ['𝟓𝟔𝟕𝟖', '(#5678 | 𝟓𝟔𝟕𝟖)'],
      ['५६७८', '(#5678 | ५६७८)']
    ] as const)
      t.equal(terms(q), wanted, q)
    for (const [q, digits] of [
      ['111523456789', '1123456789'],
      ['341154567890', '3414567890'],
      ['290115456789', '2901456789']
    ] as const) {
      t.match(terms(q), `#${digits}`, `${q}: Argentina's 15 after the area code`)
    }
    t.equal(
      terms('11152345678'),
      '(#11152345678 | 11152345678)',
      'one digit less is no such number'
    )
    for (const q of ['55 1234 5678', '55.1234.5678..'])
      t.match(terms(q, 'MX'), '#525512345678', `${q}: with the country, where there is one`)
    t.notMatch(terms('55 1234 5678'), '#525512345678')
  }
)

t.test('digits in a row are one number, or each by itself', async (t) => {
  for (const [q, wanted] of [
    ['1234 5678', '(#12345678 | ((1234 | #1234) + (5678 | #5678)))'],
    ['12 34', '(#1234 | (12 + 34))'],
    ['55 (1234) - 5678.', '(#5512345678 | (55 + (1234 | #1234) + (5678 | #5678)))'],
    ['1234 +5678', '((#1234 | 1234) + (#5678 | +5678))'],
    ['1234 ana 5678', '((#1234 | 1234) + ana + (#5678 | 5678))'],
    ['ana 5678', '(ana + (#5678 | 5678))'],
    ['5678 a1', '((#5678 | 5678) + a1)'],
    ['1234,5678', '(#12345678 | ((1234 | #1234) + (5678 | #5678)))'],
    ['1234, 5678', '(#12345678 | ((1234 | #1234) + (5678 | #5678)))'],
    ['123 -- 4567', '(#1234567 | ((123 | #123) + (4567 | #4567)))']
  ] as const)
    t.equal(terms(q), wanted, q)
})

t.test('an address is the number in it', async (t) => {
  const wanted = terms('5512345678')
  for (const q of [
    'tel:5512345678',
    'https://wa.me/5512345678',
    'http://wa.me/5512345678',
    'wa.me/5512345678',
    'WA.ME/5512345678',
    'https://api.whatsapp.com/send?phone=5512345678',
    'api.whatsapp.com/send/?phone=5512345678'
  ]) {
    t.equal(terms(q), wanted, q)
  }
  t.equal(terms('tel:ana'), '(tel:ana | (tel + ana))')
  t.equal(terms('hotel:5512345678'), '(hotel:5512345678 | (hotel + 5512345678))')
})

t.test(
  'words of messages are those between which something stands; the last one may go on',
  async (t) => {
    for (const [q, words, tokens, isOpen] of [
      ['factu', ['factu'], 0, true],
      ['la factu', ['la', 'factu'], 0, true],
      ['final.pdf', ['final', 'pdf'], 0, true],
      ['¿precio?', ['precio'], 0, true],
      ['a_b', ['a', 'b'], 0, true],
      ['n\u0303andu', ['n\u0303andu'], 0, true],
      ['\u200eana', ['ana'], 0, true],
      ['价', [], 1, false],
      ['价格', [], 1, false],
      ['价格多', [], 2, false],
      ['价价价', [], 1, false],
      ['listo 👍', ['listo'], 1, false],
      ['👍 graci', ['graci'], 1, true],
      ['👍 listo 👍 ', ['listo'], 1, false],
      ['价!', [], 1, false],
      ['listo ', ['listo'], 0, true]
    ] as const) {
      const found = messageTerms(q)
      t.same([found?.words, found?.tokens.length, found?.isOpen], [words, tokens, isOpen], q)
    }
    for (const q of ['', ' ', '?!', '\u0301', '🏽'])
      t.equal(messageTerms(q), undefined, JSON.stringify(q))
  }
)

t.test(
  'writing without spaces has a word for each character and for each two in a row',
  async (t) => {
    t.same(spacelessRuns('我买了iPhone手机👍'), ['我买了', '手机👍'])
    t.same(spacelessRuns('ñandú'), [])
    t.equal(withoutSpaceless('我买了iPhone手机'), ' iPhone ')
    t.equal(spacedRun('小明'), '  小  明')
    const [one, two, three] = [tokensOf('价'), tokensOf('价格'), tokensOf('价格多')]
    t.same([one.length, two.length, three.length], [1, 1, 2])
    t.equal(three[0], two[0])
    t.equal(new Set([...one, ...three]).size, 3)
    t.match(one[0], /^\p{Co}[0-9a-f]+$/u, 'a word that nobody writes')
    for (const sign of ['ก', 'က', 'ក', '→', '⼀', 'の', '가', '豈', 'ｱ', '🀄', '😀', '🤖', '𠮷'])
      t.same(spacelessRuns(`a${sign}b`), [sign], sign)
    for (const letter of ['ñ', 'я', 'ع', 'א', '1', '🏽', '+', ' '])
      t.same(spacelessRuns(letter), [], letter)
  }
)
