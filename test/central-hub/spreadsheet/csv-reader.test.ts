import t from 'tap'
import {
  CsvReader,
  firstWrong,
  type CsvFault,
  type CsvRecord
} from '../../../src/central-hub/spreadsheet/csv-reader.ts'

/** Records of CSV, with their places. Whole tables: read-names.test.ts. */

const records = (text: string, delimiter = ','): (CsvRecord | CsvFault)[] => {
  const reader = new CsvReader(text, delimiter, { at: 0, line: 1 })
  const found: (CsvRecord | CsvFault)[] = []
  for (let record = reader.read(); record !== undefined; record = reader.read()) found.push(record)
  return found
}

/** Each record as the line of each cell and its text; a fault as its line. */
const brief = (text: string, delimiter = ','): (string[] | number)[] =>
  records(text, delimiter).map((record) =>
    'cells' in record
      ? record.cells.map((cell, index) => `${record.places[index]?.line}:${cell}`)
      : record.line
  )

const ends = ['\n', '\r\n', '\r']

t.test('a record has its cells, and the place where each begins', async (t) => {
  for (const end of ends) {
    const { length } = end
    t.same(
      records(`a,"b${end}""c"""${end},d`),
      [
        {
          cells: ['a', `b${end}"c"`],
          places: [
            { at: 0, line: 1 },
            { at: 2, line: 1 }
          ]
        },
        {
          cells: ['', 'd'],
          places: [
            { at: 10 + 2 * length, line: 3 },
            { at: 11 + 2 * length, line: 3 }
          ]
        }
      ],
      JSON.stringify(end)
    )
  }
})

t.test('quotation marks, formulas of text, spaces round them and blank lines', async (t) => {
  const cases: [text: string, wanted: (string[] | number)[]][] = [
    ['', []],
    ['\n', [['1:']]],
    ['a', [['1:a']]],
    ['a,', [['1:a', '1:']]],
    ['a\n\nb', [['1:a'], ['2:'], ['3:b']]],
    ['a\n\r\rb', [['1:a'], ['2:'], ['3:'], ['4:b']]],
    ['"",b', [['1:', '1:b']]],
    ['""""', [['1:"']]],
    ['"a""""b",""""""', [['1:a""b', '1:""']]],
    [' "a" ,\t"b"\u00a0', [['1:a', '1:b']]],
    [' a , b ', [['1: a ', '1: b ']]],
    ['="a""b",c', [['1:="a""b"', '1:c']]],
    [' ="a" ,=a', [['1:="a"', '1:=a']]],
    ['="a\nb",c', [['1:="a\nb"', '2:c']]],
    ['"a\nb","c\nd",e\nf', [['1:a\nb', '2:c\nd', '3:e'], ['4:f']]],
    ['"a;b|c\td"', [['1:a;b|c\td']]]
  ]
  for (const [text, wanted] of cases) t.same(brief(text), wanted, JSON.stringify(text))
})

t.test('a wrong quotation mark costs the line where it may have begun, and no other', async (t) => {
  const cases: [text: string, wanted: (string[] | number)[]][] = [
    ['a"b\nc', [1, ['2:c']]],
    ['a,b"\nc', [1, ['2:c']]],
    [',"b\nc', [1, ['2:c']]],
    ['"b', [1]],
    ['"b""', [1]],
    ['"a"b\nc', [1, ['2:c']]],
    ['"a" b\nc', [1, ['2:c']]],
    ['="a\nc', [1, ['2:c']]],
    ['="a"b\nc', [1, ['2:c']]],
    ['a\n"b\nc",d"\ne,f', [['1:a'], 2, 3, ['4:e', '4:f']]],
    ['a,b,"c\nd","e\nf",g"\nh', [1, 2, 3, ['4:h']]]
  ]
  for (const [text, wanted] of cases) {
    for (const end of ends)
      t.same(brief(text.replaceAll('\n', end)), wanted, JSON.stringify([text, end]))
  }
})

t.test('between tabs a wrong quotation mark is text, and its line is cells', async (t) => {
  const cases: [text: string, wanted: (string[] | number)[]][] = [
    ['a\tb "c" d\te\nf', [['1:a', '1:b "c" d', '1:e'], ['2:f']]],
    ['"a" b\tc\nd', [['1:"a" b', '1:c'], ['2:d']]],
    ['x\na\t"b\tc\nd', [['1:x'], ['2:a', '2:"b', '2:c'], ['3:d']]],
    ['x\n"a\nb"\tc "d\te\nf', [['1:x'], ['2:"a'], ['3:b"', '3:c "d', '3:e'], ['4:f']]]
  ]
  for (const [text, wanted] of cases) t.same(brief(text, '\t'), wanted, JSON.stringify(text))
  t.same(records('x\na\t"b', '\t')[1], {
    cells: ['a', '"b'],
    places: [
      { at: 2, line: 2 },
      { at: 2, line: 2 }
    ]
  })
})

t.test(
  'the line of a place is all between two line ends, whatever its quotation marks are',
  async (t) => {
    const lines = ['phone,name', '', 'a,"b', 'c",d', 'last']
    for (const end of ends) {
      const reader = new CsvReader(lines.join(end), ',', { at: 0, line: 1 })
      let at = 0
      for (const [index, line] of lines.entries()) {
        for (const place of [at, at + line.length])
          t.equal(reader.lineOf({ at: place, line: index + 1 }), line, JSON.stringify([end, place]))
        at += line.length + end.length
      }
    }
  }
)

t.test(
  'a reader begins where it is told, and goes on after the line that it is sent back to',
  async (t) => {
    const text = 'sep=,\na,"b\nc",d\ne\nf'
    const reader = new CsvReader(text, ',', { at: 6, line: 2 })
    const first = reader.read() as CsvRecord
    t.same(first, {
      cells: ['a', 'b\nc', 'd'],
      places: [
        { at: 6, line: 2 },
        { at: 8, line: 2 },
        { at: 14, line: 3 }
      ]
    })
    t.same((reader.read() as CsvRecord).places, [{ at: 16, line: 4 }])
    reader.goBackTo(first.places[1] as CsvRecord['places'][number])
    t.same(reader.read(), { line: 3 })
    t.same(reader.read(), { cells: ['e'], places: [{ at: 16, line: 4 }] })
    reader.goBackTo({ at: 18, line: 5 })
    t.equal(reader.read(), undefined)
  }
)

t.test(
  'quotes went wrong at the first cell of more than one line, or where they were found to be',
  async (t) => {
    const wrong = { at: 90, line: 9 }
    const firstOf = (...lines: number[]): number =>
      firstWrong({ cells: [], places: lines.map((line) => ({ at: line * 10, line })) }, wrong).at
    t.equal(firstOf(), 90)
    t.equal(firstOf(9), 90)
    t.equal(firstOf(9, 9), 90)
    t.equal(
      firstWrong(
        {
          cells: [],
          places: [
            { at: 1, line: 9 },
            { at: 2, line: 9 },
            { at: 3, line: 8 }
          ]
        },
        wrong
      ).at,
      3
    )
    t.equal(
      firstWrong(
        {
          cells: [],
          places: [
            { at: 1, line: 2 },
            { at: 2, line: 2 },
            { at: 3, line: 3 }
          ]
        },
        wrong
      ).at,
      2
    )
  }
)
