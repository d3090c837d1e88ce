import t from 'tap'
import { fromCell, guardFormula, toExcelText } from '../../../src/central-hub/spreadsheet/cells.ts'

/** Text in cells. All that goes out and comes in again, at random: round-trip.test.ts. */

t.test('text that a spreadsheet would run gets an apostrophe, and loses it again', async (t) => {
  for (const text of [
    '=1+1',
    '+Ana',
    '-1',
    '@ana',
    '\tx',
    '\rx',
    '\nx',
    '＝1',
    '＋1',
    '－1',
    '＠a',
    "'=1",
    "''@x",
    '+',
    '+1234567890123456',
    '+12a',
    'x+52'.slice(1) + 'b'
  ]) {
    t.equal(guardFormula(text), `'${text}`, JSON.stringify(text))
    t.equal(fromCell(`'${text}`), text.trim(), JSON.stringify(text))
  }
  for (const text of ['Ana', "'Ana", '', ' =1', 'a=1', '+5215512345678', '+1', '+123456789012345'])
    t.equal(guardFormula(text), text, JSON.stringify(text))
})

t.test(
  'text that Excel would show otherwise goes out as the result of a formula, and nothing else does',
  async (t) => {
    const values = [
      '007',
      '1',
      '5%',
      '3/4',
      '1-2',
      '1,5',
      '1.5',
      '12:30',
      '(5)',
      '+5215512345678',
      '5215512345678',
      '5 mar',
      'mayo 5',
      '1 de mayo de',
      '5 €',
      '$5',
      '٣',
      '1e5',
      'TRUE',
      'false',
      'Verdadero',
      'FALSO',
      'verdadeiro',
      'vrai',
      'faux',
      'wahr',
      'falsch',
      'vero',
      ' true ',
      '#N/A',
      '#',
      `${'1'.repeat(255)}`,
      `a${'1'.repeat(59)}`
    ]
    for (const text of values) {
      t.equal(toExcelText(text), `="${text}"`, text)
      t.equal(fromCell(`="${text}"`), text.trim(), text)
    }
    const texts = [
      'Ana',
      '',
      'truly',
      'trueno',
      'untrue',
      '3 tacos de carne asada',
      'a1b2c3d',
      'x #1a b c d',
      'Ana 5!',
      'a_1',
      'a@1',
      'a"1',
      'a?1',
      'a*1',
      'a<1',
      'a>1',
      'a[1',
      'a]1',
      'a{1',
      'a}1',
      'a|1',
      'a\\1',
      'a~1',
      'a^1',
      'a&1',
      'a=1',
      'a;1',
      'x://1',
      'one two three four 5',
      '1\n2',
      '1\r2',
      '1'.repeat(256),
      `a${'1'.repeat(60)}`
    ]
    for (const text of texts) t.equal(toExcelText(text), text, JSON.stringify(text))
    for (const text of ['=1', '-1', '+1 a'])
      t.equal(toExcelText(text), `'${text}`, 'what it would run is guarded')
  }
)

t.test('a cell gives its text, without what was put round it', async (t) => {
  for (const [cell, text] of [
    ['="a""b"', 'a"b'],
    ['=""', ''],
    ['="a', '="a'],
    ['="a"b"', '="a"b"'],
    ['x="a"', 'x="a"'],
    ['="a"x', '="a"x'],
    [' ="007" ', '007'],
    ['=" 7 "', '7'],
    ["' =1", "' =1"],
    ["'=  x ", '=  x'],
    ["'' ", "''"],
    ["Ana '=1", "Ana '=1"],
    ['  Ana ', 'Ana']
  ] as const)
    t.equal(fromCell(cell), text, JSON.stringify(cell))
})
