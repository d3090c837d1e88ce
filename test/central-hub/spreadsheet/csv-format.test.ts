import t from 'tap'
import {
  csvFormat,
  csvHead,
  csvRows,
  isLanguage,
  type CsvOptions
} from '../../../src/central-hub/spreadsheet/csv-format.ts'

/** CSV as it goes out. That it comes in again: round-trip.test.ts. */

const columns = ['name', 'n', 'sent_at', 'waiting_since', 'since']
const time = '2026-11-25T10:00:05.000Z'
const written = (options: CsvOptions, row: Record<string, unknown>): string => {
  const format = csvFormat(options)
  return csvHead(format, columns) + csvRows(format, columns, [row])
}
const row = { name: '007', n: 12.5, sent_at: time, waiting_since: time, since: time }

t.test('a file is as RFC 4180 has it, unless it is for Excel', async (t) => {
  t.equal(written({}, row), `${columns.join(',')}\n007,12.5,${time},${time},${time}\n`)
  t.equal(
    written({ bom: true, delimiter: 'semicolon' }, row),
    `\ufeff${columns.join(';')}\n007;12.5;${time};${time};${time}\n`
  )
  t.equal(
    written({ delimiter: 'tab' }, { name: '=1', n: null, sent_at: undefined, waiting_since: true }),
    `${columns.join('\t')}\n'=1\t\t\ttrue\t\n`
  )
})

t.test('for Excel times and numbers are those of its language, and text stays text', async (t) => {
  const text = `"=""${time}"""`
  const [head, cells] = [
    columns.join(';'),
    `"=""007""";12,5;2026-11-25 10:00:05;2026-11-25 10:00:05;${text}`
  ]
  t.equal(written({ excel: 'es' }, row), `\ufeff${head}\n${cells}\n`)
  t.equal(written({ excel: 'es', bom: false }, row), `${head}\n${cells}\n`)
  t.equal(
    written({ excel: 'en' }, row).split('\n')[1],
    cells.replaceAll(';', ',').replace('12,5', '12.5')
  )
  t.equal(
    written({ excel: 'es', delimiter: 'comma', tz: 'America/Mexico_City' }, { ...row, n: 3 }).split(
      '\n'
    )[1],
    `"=""007""",3,2026-11-25 04:00:05,2026-11-25 04:00:05,${text}`
  )
  t.equal(
    written(
      { excel: 'es' },
      { name: null, n: true, sent_at: '', waiting_since: 'never', since: undefined }
    ).split('\n')[1],
    ';true;;never;'
  )
})

t.test(
  'a cell with a line end of any kind, a delimiter or a quotation mark is quoted',
  async (t) => {
    const format = csvFormat({})
    t.equal(
      csvRows(
        format,
        ['a', 'b'],
        [
          { a: 'x\ry', b: 'x\ny' },
          { a: 'x,y', b: '"' }
        ]
      ),
      '"x\ry","x\ny"\n"x,y",""""\n'
    )
    t.equal(
      csvRows(csvFormat({ delimiter: 'tab' }), ['a', 'b'], [{ a: 'x,y', b: 'x;y' }]),
      'x,y\tx;y\n'
    )
  }
)

t.test('cells are apart by what the language of Excel has, or by what is asked for', async (t) => {
  for (const [options, delimiter] of [
    [{}, ','],
    [{ bom: true }, ','],
    [{ tz: 'America/Bogota' }, ','],
    [{ excel: 'en' }, ','],
    [{ excel: 'es-MX' }, ','],
    [{ excel: 'es-ES' }, ';'],
    [{ excel: 'pt-BR' }, ';'],
    [{ delimiter: 'comma' }, ','],
    [{ delimiter: 'semicolon' }, ';'],
    [{ delimiter: 'tab' }, '\t'],
    [{ excel: 'es-ES', delimiter: 'tab' }, '\t'],
    [{ excel: 'en', delimiter: 'semicolon' }, ';']
  ] satisfies [CsvOptions, string][])
    t.equal(csvFormat(options).delimiter, delimiter, JSON.stringify(options))
})

t.test('a language is one that Intl knows', async (t) => {
  for (const language of ['es', 'es-MX', 'pt-BR', 'en'])
    t.equal(isLanguage(language), true, language)
  for (const language of ['zz', 'nonsense-x', '', 'e'])
    t.equal(isLanguage(language), false, language)
})
