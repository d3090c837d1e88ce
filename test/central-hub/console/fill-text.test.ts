import t from 'tap'
import { fillText } from '../../../src/central-hub/console/fill-text.js'

t.test('a text has each value in its place, as often as it names it', async (t) => {
  t.equal(fillText('{a} of {b}, {a}', { a: 'x', b: 'y' }, 'en'), 'x of y, x')
  t.equal(fillText('nothing', {}, 'en'), 'nothing')
  t.equal(fillText('from { to }', { to: 'x' }, 'en'), 'from { to }', 'braces apart are text')
  t.equal(fillText('{a}', { a: '{b} $& $1', b: 'no' }, 'en'), '{b} $& $1', 'a value is not filled')
  t.equal(fillText('{missing}', {}, 'en'), '{missing}')
})

t.test('numbers are written as the locale has them', async (t) => {
  t.equal(fillText('{count}', { count: 1_234_567 }, 'en'), '1,234,567')
  t.equal(fillText('{count}', { count: 1_234_567 }, 'pt-BR'), '1.234.567')
  t.equal(fillText('{count}', { count: '1234' }, 'en'), '1234', 'a text stays as it is')
})

t.test('the count decides on the form, by the rules of the language', async (t) => {
  const english = { one: 'one lead', other: '{count} leads' }
  const romance = { one: '{count} o', many: '{count} de m', other: '{count} p' }
  const counted = (locale: string): string[] =>
    [0, 1, 2, 1_000_000].map((count) => fillText(romance, { count }, locale))

  t.equal(fillText(english, { count: 1 }, 'en'), 'one lead')
  t.equal(fillText(english, { count: 0 }, 'en-GB'), '0 leads')
  t.equal(fillText(english, { count: 5_000 }, 'en-GB'), '5,000 leads')
  t.same(counted('es-MX'), ['0 p', '1 o', '2 p', '1,000,000 de m'])
  t.same(counted('pt-BR'), ['0 o', '1 o', '2 p', '1.000.000 de m'])
  t.same(counted('pt-PT')[0], '0 p')
  t.equal(fillText(english, { count: 1_000_000 }, 'es'), '1.000.000 leads', 'other is for the rest')
})
