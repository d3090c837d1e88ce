import fc from 'fast-check'
import t from 'tap'
import {
  csvFormat,
  csvHead,
  csvRows,
  type CsvOptions
} from '../../../src/central-hub/spreadsheet/csv-format.ts'
import { readNames } from '../../../src/central-hub/spreadsheet/read-names.ts'
import { phoneKey } from '../../../src/central-hub/store/database/phone.ts'
import { propertyRuns } from '../../property-runs.ts'
import { open, regions, save, saveTypes, type RegionName } from './excel.ts'

/** What goes out as CSV comes in again as it was, through Excel or not. */

interface Person {
  phone: string
  name: string
  note: string
}

const columns = [
  'id',
  'phone',
  'name',
  'state',
  'tags',
  'note',
  'first_seen_at',
  'last_message',
  'amount'
]

const digits = (length: number) => fc.stringMatching(new RegExp(`^[2-9]\\d{${length - 1}}$`))
const phone = fc.oneof(
  digits(7).map((n) => `+5255${n}9`),
  digits(7).map((n) => `+521559${n}`),
  digits(7).map((n) => `+346${n}1`),
  digits(7).map((n) => `+55119${n}1`),
  digits(7).map((n) => `+35191${n}`),
  digits(7).map((n) => `+549115${n}`),
  digits(7).map((n) => `+1212${n}`)
)

/** What spreadsheets stumble over, besides letters of all kinds. */
const pieces = [
  'Ana',
  'José',
  'Ñandú',
  'García',
  ' ',
  '  ',
  '"',
  '""',
  "'",
  "''",
  ';',
  ',',
  '\t',
  '|',
  '=',
  '+',
  '-',
  '@',
  '＝',
  '0',
  '007',
  '1',
  '12',
  '3/4',
  '1-2',
  '1.5',
  '1,5',
  '1.000',
  '5%',
  '$5',
  '5 €',
  '1e5',
  '12:30',
  '2026-11-25',
  'mayo',
  'may',
  'de',
  'VERDADERO',
  'TRUE',
  'falso',
  '#N/A',
  '#',
  '5215512345678',
  '+5215512345678',
  '=1+1',
  '=HYPERLINK("http://x")',
  '="x"',
  "='x",
  '(5)',
  '🌶️',
  '👨‍👩‍👧',
  'שלום',
  'مرحبا',
  '小明',
  'ł',
  'Ω',
  '?',
  '??',
  '\u00a0',
  '\u200f',
  'sep=;',
  'phone',
  'name',
  '%',
  '٣',
  '½',
  '\\',
  '_',
  '.',
  '´',
  '’'
]
const name = fc
  .oneof(
    {
      weight: 5,
      arbitrary: fc
        .array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 5 })
        .map((parts) => parts.join(''))
    },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }) }
  )
  .map((text) =>
    text
      .toWellFormed()
      .replace(/[\0-\x08\n-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd]/g, '')
      .trim()
      .slice(0, 200)
      .trim()
      .toWellFormed()
  )
  .filter((text) => text !== '' && !text.includes('\ufffd'))
const note = fc
  .array(fc.constantFrom(...pieces, '\n', '\r\n', '\r'), { maxLength: 6 })
  .map((parts) => parts.join(''))
const people = fc.uniqueArray(fc.record({ phone, name, note }), {
  minLength: 1,
  maxLength: 4,
  selector: (person) => phoneKey(person.phone)
})

const toRow = ({ phone, name, note }: Person, index: number) => ({
  id: index + 1,
  phone,
  name,
  state: 'new',
  tags: 'vip, 3/4',
  note,
  first_seen_at: '2026-11-25T10:00:00.000Z',
  last_message: note,
  amount: 12.5
})

const write = (people: readonly Person[], options: CsvOptions): Buffer => {
  const format = csvFormat(options)
  return Buffer.from(csvHead(format, columns) + csvRows(format, columns, people.map(toRow)))
}

const read = async (bytes: Buffer) => {
  const { names, errors, rejected } = await readNames(bytes, {
    type: 'text/csv',
    country: undefined
  })
  return { names: names.map(known), errors, rejected }
}

/** As it is compared: WhatsApp's older numbers of Mexico are the same as the newer ones. */
const known = ({ phone, name }: Pick<Person, 'phone' | 'name'>) => ({
  phone: phoneKey(phone),
  name
})
const windows = new Set(
  new TextDecoder('windows-1252').decode(Uint8Array.from({ length: 256 }, (_, byte) => byte))
)
/** Whether Windows-1252 has all of its letters. */
const isNarrow = ({ name }: Person): boolean => [...name].every((letter) => windows.has(letter))
const isQuestion = ({ name }: { name: string }): boolean => /^[?\s]*$/.test(name)

t.test(
  'what goes out for Excel, was opened in it and saved again, comes in as it was',
  { timeout: 0 },
  async (t) => {
    const runs = propertyRuns(t, 1_500)
    const names = Object.keys(regions) as RegionName[]
    await fc.assert(
      fc.asyncProperty(
        people,
        fc.constantFrom(...names),
        fc.constantFrom(...saveTypes),
        async (people, region, type) => {
          const sheet = open(write(people, { excel: region }), regions[region])
          const [heading, ...rows] = sheet
          if (heading?.join() !== columns.join() || rows.length !== people.length)
            throw new Error(`another table: ${JSON.stringify(sheet)}`)
          for (const [index, row] of rows.entries()) {
            // What is shown is what was written, but for the apostrophe before formulas.
            const [, shownPhone, shownName = ''] = row
            const { phone, name } = people[index] as Person
            if (shownPhone !== phone) throw new Error(`the number is shown as ${shownPhone}`)
            if (shownName !== name && shownName !== `'${name}`)
              throw new Error(`the name is shown as ${shownName}`)
            if (!row[6]?.startsWith(regions[region].date(2026, 11, 25)))
              throw new Error(`the time is shown as ${row[6]}`)
          }
          const saved = save(sheet, type, regions[region])
          // Such letters as "é’½" are, in Windows-1252, the very bytes of another letter in UTF-8.
          if (type === 'CSV') fc.pre(!/[^\0-\x7f\ufffd]/u.test(saved.toString()))
          const result = await read(saved)
          const comesBack =
            type === 'CSV' ? people.filter((one) => isNarrow(one) && !isQuestion(one)) : people
          const expected = comesBack.map(known)
          const lost = new Set(
            people.filter((one) => !comesBack.includes(one)).map((one) => phoneKey(one.phone))
          )
          const got = result.names.filter((one) => !lost.has(one.phone))
          if (JSON.stringify(got) !== JSON.stringify(expected))
            throw new Error(`${JSON.stringify(result)} instead of ${JSON.stringify(expected)}`)
        }
      ),
      runs
    )
  }
)

t.test(
  'what goes out and was opened by nobody comes in as it was, whatever it was asked for as',
  { timeout: 0 },
  async (t) => {
    const runs = propertyRuns(t, 1_500)
    const options = fc.record(
      {
        bom: fc.boolean(),
        delimiter: fc.constantFrom('comma' as const, 'semicolon' as const, 'tab' as const),
        excel: fc.constantFrom('es', 'es-MX', 'pt-BR', 'en')
      },
      { requiredKeys: [] }
    )
    await fc.assert(
      fc.asyncProperty(people, options, async (people, asked) => {
        const result = await read(write(people, asked))
        const expected = people
          .filter((one) => (asked.bom ?? asked.excel !== undefined) || !isQuestion(one))
          .map(known)
        const got = result.names.filter((one) => expected.some(({ phone }) => phone === one.phone))
        if (JSON.stringify(got) !== JSON.stringify(expected))
          throw new Error(`${JSON.stringify(result)} instead of ${JSON.stringify(expected)}`)
      }),
      runs
    )
  }
)
