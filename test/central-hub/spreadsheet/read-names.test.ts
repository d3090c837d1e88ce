import fc from 'fast-check'
import t from 'tap'
import { readNames, type ReadOptions } from '../../../src/central-hub/spreadsheet/read-names.ts'
import { propertyRuns } from '../../property-runs.ts'

/** Tables as people have them. */

const read = (file: string | Buffer, options: Partial<ReadOptions> = {}) =>
  readNames(Buffer.from(file), { type: 'text/csv', country: undefined, ...options })

/** What was read, as `number name`, and what is wrong, as `line:code`. */
const brief = async (
  file: string | Buffer,
  options: Partial<ReadOptions> = {}
): Promise<string[]> => {
  const { names, errors } = await read(file, options)
  return [
    ...names.map(({ phone, name }) => `${phone} ${name}`),
    ...errors.map(({ line, code }) => `${line}:${code}`)
  ]
}

/** The codes by which a whole file is refused. */
const refusal = async (file: string | Buffer): Promise<unknown> => {
  try {
    await read(file)
    return undefined
  } catch (error) {
    return (error as { problem: { errors: { code: string }[] } }).problem.errors.map(
      ({ code }) => code
    )
  }
}

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')
const utf16be = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()

const table = [
  ['Teléfono', 'Nombre', 'Ciudad'],
  ['+34 600 12 34 56', 'José Núñez', 'Cádiz'],
  ['+52 55 1234 5678', 'Ana, la de "Él"; Ñ', 'León']
]
const two = ['+34600123456 José Núñez', '+525512345678 Ana, la de "Él"; Ñ']
const quoted = (cell: string): string =>
  /[",;\t]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
const csv = (delimiter: string, end: string): string =>
  table.map((row) => row.map(quoted).join(delimiter) + end).join('')

t.test(
  'every delimiter, line end and encoding that spreadsheets write gives the same names',
  async (t) => {
    const encodings: Record<string, (text: string) => Buffer> = {
      'UTF-8': Buffer.from,
      'UTF-8 with a mark': (text) => Buffer.from(`\ufeff${text}`),
      'Windows-1252': latin,
      'UTF-16LE': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
      'UTF-16BE': utf16be,
      'UTF-16LE without a mark': (text) => Buffer.from(text, 'utf16le')
    }
    for (const [name, encode] of Object.entries(encodings)) {
      for (const delimiter of [';', ',', '\t', '|']) {
        for (const end of ['\n', '\r\n', '\r']) {
          const text = csv(delimiter, end)
          const of = `${name}, ${JSON.stringify(delimiter + end)}`
          t.same(await brief(encode(text)), two, of)
          t.same(await brief(encode(`sep=${delimiter}${end}${text}`)), two, `${of}, sep=`)
          t.same(await brief(encode(text.trimEnd())), two, `${of}, without a last line end`)
          t.same(
            await brief(
              encode(
                text.replaceAll(
                  end,
                  `${delimiter}${delimiter}${end}${delimiter}${delimiter}${end}${end}`
                )
              )
            ),
            two,
            `${of}, empty columns and lines`
          )
        }
      }
    }
  }
)

t.test('the encoding that a sender names is used where the bytes do not tell', async (t) => {
  const cyrillic = Buffer.concat([
    Buffer.from('phone,name\n+525512345678,'),
    Buffer.from([0xce, 0xeb, 0xfc, 0xe3, 0xe0])
  ])
  t.same(await brief(cyrillic, { charset: 'windows-1251' }), ['+525512345678 Ольга'])
  t.same(await brief(latin(csv(',', '\n')), { charset: 'utf-8' }), two)
  t.same(
    await brief(`\ufeff${csv(',', '\n')}`, { charset: 'windows-1252' }),
    two,
    'a byte order mark tells more'
  )
  t.same(await brief(latin('phone,name\n+525512345678,\x93Ana\x94 \x80\n')), [
    '+525512345678 “Ana” €'
  ])
})

t.test('bytes that cannot be read cost their line alone', async (t) => {
  const bytes = Buffer.concat([
    Buffer.from('phone,name,note\n+525512345671,José,x\n+525512345672,'),
    latin('Jos\xe9'),
    Buffer.from(',x\n+525512345673,María,'),
    latin('\xe9'),
    Buffer.from('\n+525512345674,Núñez,x\n')
  ])
  t.same(await brief(bytes), [
    '+525512345671 José',
    '+525512345673 María',
    '+525512345674 Núñez',
    '3:line-encoding'
  ])
})

t.test(
  'headings in English, Spanish and Portuguese, in any case, with and without accents',
  async (t) => {
    const phones = [
      'phone',
      'Phone',
      'PHONE NUMBER',
      'Mobile',
      'Cell phone',
      'Tel.',
      'Telephone',
      'WhatsApp',
      'Teléfono',
      'TELEFONO',
      'Telefono',
      'Móvil',
      'Celular',
      'Número',
      'NUMERO',
      'Nº de teléfono',
      'Número de WhatsApp',
      'Telefone',
      'Telemóvel',
      'Número de telefone',
      ' teléfono: ',
      '"Teléfono"'
    ]
    const names = [
      'name',
      'Full Name',
      'NOMBRE',
      'Nombre',
      'nombre completo',
      'Nombre y apellidos',
      'Nome',
      'Nome completo',
      'Contacto',
      'Contato',
      'Cliente',
      ' Nombre '
    ]
    for (const phone of phones) {
      for (const name of names) {
        t.same(
          await brief(`${phone};${name}\n+34600123456;Ana\n`),
          ['+34600123456 Ana'],
          `${phone};${name}`
        )
        t.same(
          await brief(`Id;${name};Ciudad;${phone};Notas\n1;Ana;Cádiz;+34600123456;x\n`),
          ['+34600123456 Ana'],
          `${name};${phone}, beside others`
        )
      }
    }
  }
)

t.test(
  'a heading that many things have is of the phone number only when numbers are below',
  async (t) => {
    t.same(await brief('Número;Teléfono;Nombre\n1;+34600123456;Ana\n'), ['+34600123456 Ana'])
    t.same(await refusal('Número;Nombre\n1;Ana\n'), ['heading-phone'])
    t.same(await refusal('Teléfono;Apodo\n+34600123456;Ana\n'), ['heading-name'])
    t.same(await refusal('Teléfono;Nombre;Teléfono\n+34600123456;Ana;x\n'), ['heading-phone-twice'])
    t.same(await refusal('a;b\n1;2\n'), ['heading-phone', 'heading-name'])
  }
)

t.test(
  'of several columns with a number the next one counts where the first is empty',
  async (t) => {
    t.same(
      await brief('Nombre;Teléfono;Celular\nAna;+34910000000;+34600123456\nEva;+34910000001;\n'),
      ['+34600123456 Ana', '+34910000001 Eva']
    )
  }
)

t.test('a semicolon within a heading separates nothing', async (t) => {
  t.same(await brief('phone,name,"notes; other"\n+34600123456,"Ana; la de azul",x\n'), [
    '+34600123456 Ana; la de azul'
  ])
})

t.test('a table without headings is read by what is in it', async (t) => {
  t.same(await brief('+34600123456;Ana\n+34600123457;Eva 2\n'), [
    '+34600123456 Ana',
    '+34600123457 Eva 2'
  ])
  t.same(await brief('Ana, +34 600 123 456\n"Eva; la otra","+34 600 123 457"\n'), [
    '+34600123456 Ana',
    '+34600123457 Eva; la otra'
  ])
  t.same(await brief('1\tAna\t34600123456\tCádiz\n2\tEva\t34600123457\tLeón\n'), [
    '+34600123456 Ana',
    '+34600123457 Eva'
  ])
  t.same(await brief('600123456,Ana\nx,Eva\n', { country: 'ES' }), [
    '+34600123456 Ana',
    '2:phone-unreadable'
  ])
})

t.test('phone numbers as people and programs write them', async (t) => {
  const phones = [
    '+34600123456',
    '34600123456',
    '0034600123456',
    '00 34 600 12 34 56',
    '+34 600 12 34 56',
    '+34-600-123-456',
    '(+34) 600 123 456',
    '+34.600.123.456',
    '34600123456.0',
    "'+34600123456",
    "'34600123456",
    '="+34600123456"',
    '="34600123456"',
    'tel:+34600123456',
    'tel:+34-600-12-34-56',
    'https://wa.me/34600123456',
    'wa.me/34600123456',
    'https://wa.me/34600123456?text=Hola%20Ana',
    'http://wa.me/+34600123456',
    'https://api.whatsapp.com/send?phone=34600123456',
    'https://api.whatsapp.com/send/?phone=%2B34600123456&text&type=phone_number',
    'https://api.whatsapp.com/send?text=x&phone=34600123456',
    'https://web.whatsapp.com/send?phone=34600123456',
    'whatsapp://send?phone=34600123456',
    '34600123456@c.us',
    '\u202a+34 600 12 34 56\u202c',
    '\u200e+34600123456',
    '+34\u00a0600\u00a012\u00a034\u00a056',
    '＋３４６００１２３４５６',
    ' +34600123456 '
  ]
  for (const phone of phones) {
    const json = await brief(JSON.stringify({ phone, name: 'Ana' }), {
      type: 'application/x-ndjson'
    })
    t.same(await brief(`phone,name\n${quoted(phone)},Ana\n`), ['+34600123456 Ana'], phone)
    t.same(json, ['+34600123456 Ana'], phone)
    t.same(await brief(`phone,name\n${phone},Ana\n`), ['+34600123456 Ana'], `${phone}, as it is`)
    t.same(
      await brief(`phone,name\n${quoted(phone)},Ana\n`, { country: 'MX' }),
      ['+34600123456 Ana'],
      `${phone}, by default of Mexico`
    )
  }
  t.same(await brief('{"phone":34600123456,"name":"Ana"}', { type: 'application/x-ndjson' }), [
    '+34600123456 Ana'
  ])
})

t.test(
  'numbers without a country are of the default country, and international where they cannot be',
  async (t) => {
    const inCountry = (country: ReadOptions['country'], phone: string) =>
      brief(`phone,name\n${phone},Ana\n`, { country })
    t.same(await inCountry('MX', '55 1234 5678'), ['+525512345678 Ana'])
    t.same(await inCountry('MX', '5215512345678'), ['+525512345678 Ana'])
    t.same(await inCountry('MX', '525512345678'), ['+525512345678 Ana'])
    t.same(await inCountry('BR', '11987654321'), ['+5511987654321 Ana'])
    t.same(await inCountry('BR', '447911123456'), ['+447911123456 Ana'])
    t.same(await inCountry('ES', '600 12 34 56'), ['+34600123456 Ana'])
    t.same(await inCountry(undefined, '5215512345678'), ['+525512345678 Ana'])
    t.same(await inCountry(undefined, '55 1234 5678'), ['2:phone-without-country'])
    t.same(await inCountry(undefined, '11987654321'), ['2:phone-without-country'])
  }
)

t.test('a number that lost its digits is refused by that reason, in every notation', async (t) => {
  for (const phone of [
    '5.21551E+12',
    '5,21551E+12',
    '5.2155E12',
    '5E+12',
    '5,22e+12',
    '+5.21E+12',
    "'5.21E+12",
    '="5.21E+12"'
  ]) {
    for (const country of ['MX', undefined] as const)
      t.same(await brief(`phone;name\n${phone};Ana\n`, { country }), ['2:phone-lost-digits'], phone)
  }
})

t.test('a name is freed of what an export put round it, and of nothing else', async (t) => {
  const cells: [cell: string, name: string][] = [
    ["'=1+1", '=1+1'],
    ["''=1+1", "'=1+1"],
    ['\'-Juan "El Güero"', '-Juan "El Güero"'],
    ["'@ana", '@ana'],
    ["'+Ana", '+Ana'],
    ["'Ana", "'Ana"],
    ["''Ana''", "''Ana''"],
    ['="007"', '007'],
    ['="a""b"', 'a"b'],
    ['=Ana', '=Ana'],
    ['  Ana  ', 'Ana']
  ]
  for (const [cell, name] of cells)
    t.same(
      await brief(`phone;name\n+34600123456;"${cell.replaceAll('"', '""')}"\n`),
      [`+34600123456 ${name}`],
      cell
    )
})

t.test('letters that were lost in saving are not taken for a name', async (t) => {
  t.same(await brief('phone,name\n+34600123456,?? ???\n+34600123457,Ana?\n'), [
    '+34600123457 Ana?',
    '2:name-lost-characters'
  ])
  t.same(
    await brief('\ufeffphone,name\n+34600123456,???\n'),
    ['+34600123456 ???'],
    'in Unicode none is lost'
  )
})

t.test('an export of ours is read with its leads that have no number or no name', async (t) => {
  const { names, errors, nothing, ignored } = await read(
    'id,phone,name,whatsapp_name,state,chat_id\n1,+34600123456,Ana,Ana,new,x\n2,,Eva,,new,x\n3,+34600123457,,,new,x\n'
  )
  t.match(
    [names, errors, nothing, ignored],
    [[{ phone: '+34600123456', name: 'Ana' }], [], 2, ['id', 'whatsapp_name', 'state', 'chat_id']]
  )
})

t.test('spaces of any kind round quotation marks are no part of a cell', async (t) => {
  for (const space of [' ', '\u00a0', '\t', ' \u00a0\t ']) {
    for (const cell of ['"Ana, la 2"', '="Ana, la 2"']) {
      const text = `phone,name,note\n+34600123456,${space}${cell}${space},x\n${space}"+34600123457"${space},${space}"Eva, 3"\n`
      t.same(
        await brief(text),
        ['+34600123456 Ana, la 2', '+34600123457 Eva, 3'],
        JSON.stringify(text)
      )
    }
  }
})

t.test('quotation marks between tabs, as programs write them that quote nothing', async (t) => {
  t.same(
    await brief(
      'Phone\tName\n+34600123456\tJuan "El Güero" López\n+34600123457\t"La" Ana\n+34600123458\t"Luis ""El"" Alto"\n'
    ),
    ['+34600123456 Juan "El Güero" López', '+34600123457 "La" Ana', '+34600123458 Luis "El" Alto']
  )
})

t.test('a bad first line is named, and the headings are found below it', async (t) => {
  t.same(await brief('"My leads\nphone,name\n+34600123456,Ana\n'), [
    '+34600123456 Ana',
    '1:line-quotes'
  ])
})

t.test('two lines with a stray quotation mark are not one name of two lines', async (t) => {
  t.same(await brief('phone,name\n+525510002001,"\n+525510002002,"\n+525510002003,Ana\n'), [
    '+525510002003 Ana',
    '2:line-quotes',
    '3:line-quotes'
  ])
  const noted =
    'phone,note,name\n+525510002001,"calls,Eva\n+525510002002,back,Rosa\n+525510002003,x",Luis\n+525510002004,,Ana\n'
  t.same(await brief(noted), [
    '+525510002002 Rosa',
    '+525510002004 Ana',
    '2:line-quotes',
    '4:line-quotes'
  ])
  t.equal((await read(noted)).errors[0]?.column, 2, 'the column in which the quotes begin')
})

t.test('an address of more lines before the number and the name is only an address', async (t) => {
  const address = '"Calle 5, Centro\n06700, CDMX"'
  for (const line of [
    `+525510002001,${address},Ana`,
    `Ana,${address},+525510002001`,
    `${address},Ana,+525510002001`
  ]) {
    const heading = line
      .replace(/"[^"]*"/, 'address')
      .replace(/\+\d+/, 'phone')
      .replace('Ana', 'name')
    t.same(await brief(`${heading}\n${line}\n`), ['+525510002001 Ana'], heading)
  }
})

t.test('lines are counted as an editor counts them, whatever ends them', async (t) => {
  for (const end of ['\n', '\r\n', '\r']) {
    const lines = [
      'phone,name,note',
      '+34600123456,Ana,"one',
      'two',
      'three"',
      '',
      'x,Eva,',
      '+34600123457,"a"b,',
      'x,Luis,'
    ]
    t.same(
      (await brief(lines.join(end))).slice(1),
      ['6:phone-unreadable', '7:line-quotes', '8:phone-unreadable'],
      JSON.stringify(end)
    )
  }
})

/**
 * A row of a table that is made at random: the person whose line it is, and the cells as they are
 * written.
 */
interface WrittenRow {
  phone: string
  name: string
  cells: Record<Column, string>
  /** Whether it is as RFC 4180 has it, with a number and a name that can be read. */
  isGood: boolean
}
type Column = 'phone' | 'name' | 'note'

const orders: readonly (readonly Column[])[] = [
  ['phone', 'name'],
  ['name', 'phone'],
  ['phone', 'name', 'note'],
  ['phone', 'note', 'name'],
  ['note', 'name', 'phone']
]
const phoneKinds = [
  'good',
  'quoted',
  'none',
  'nobody',
  'lost digits',
  'local',
  'open',
  'close'
] as const
const nameKinds = [
  'good',
  'quoted',
  'inner quotes',
  'none',
  'open',
  'close',
  'middle',
  'two quoted',
  'one quote'
] as const
const noteKinds = ['good', 'quoted', 'two lines', 'none', 'open', 'close', 'one quote'] as const
const goodKinds: readonly string[] = ['good', 'quoted', 'inner quotes', 'two lines']
const isFault = (kind: string): boolean => !goodKinds.includes(kind)

/** @param index of the row, by which its person differs from all others */
const writePhone = (kind: (typeof phoneKinds)[number], index: number): string => {
  const phone = `+5255${10_000_000 + index}`
  const written = {
    good: phone,
    quoted: `"${phone}"`,
    none: '',
    nobody: 'nobody',
    'lost digits': '5.21551E+12',
    local: phone.slice(3),
    open: `"${phone}`,
    close: `${phone}"`
  }
  return written[kind]
}

const writeName = (kind: (typeof nameKinds)[number], index: number, delimiter: string): string => {
  const name = `Ana #${index}`
  const written = {
    good: name,
    quoted: `"${name}"`,
    'inner quotes': `"${name} ""la 3""${delimiter} de León"`,
    none: '',
    open: `"${name}`,
    close: `${name}"`,
    middle: `a "#${index}`,
    'two quoted': `"${name}" B`,
    'one quote': '"'
  }
  return written[kind]
}

const writeNote = (
  kind: (typeof noteKinds)[number],
  index: number,
  delimiter: string,
  end: string
): string => {
  const written = {
    good: `calls #${index}`,
    quoted: `"on Monday #${index}${delimiter} 10:00"`,
    'two lines': `"Calle #${index}${end}""Centro""${delimiter} CDMX"`,
    none: '',
    open: `"calls #${index}`,
    close: `back #${index}"`,
    'one quote': '"'
  }
  return written[kind]
}

const randomTable = fc
  .record({
    order: fc.constantFrom(...orders),
    delimiter: fc.constantFrom(',', ';', '|'),
    end: fc.constantFrom('\n', '\r\n', '\r'),
    kinds: fc
      .array(
        fc.tuple(
          fc.oneof(
            { weight: 8, arbitrary: fc.constant('good' as const) },
            { weight: 2, arbitrary: fc.constantFrom(...phoneKinds) }
          ),
          fc.oneof(
            { weight: 4, arbitrary: fc.constant('good' as const) },
            { weight: 4, arbitrary: fc.constantFrom(...nameKinds) }
          ),
          fc.oneof(
            { weight: 4, arbitrary: fc.constant('good' as const) },
            { weight: 3, arbitrary: fc.constantFrom(...noteKinds) }
          )
        ),
        { minLength: 1, maxLength: 12 }
      )
      // A line without any content is no row.
      .filter((kinds) => kinds.every(([phone, name]) => phone !== 'none' || name !== 'none'))
      .map((kinds) => [['good', 'good', 'good'] as const, ...kinds])
  })
  // Beside notes of more lines, what two faults of one row mean cannot always be told.
  .filter(
    ({ order, kinds }) =>
      !order.includes('note') || kinds.every((row) => row.filter(isFault).length < 2)
  )

t.test(
  'no table gives a number the name of another line, and each good line is taken or named',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(randomTable, async ({ order, delimiter, end, kinds }) => {
        const hasNote = order.includes('note')
        const rows = kinds.map(
          ([phone, name, note], index): WrittenRow => ({
            phone: writePhone('good', index),
            name:
              name === 'inner quotes'
                ? `Ana #${index} "la 3"${delimiter} de León`
                : `Ana #${index}`,
            cells: {
              phone: writePhone(phone, index),
              name: writeName(name, index, delimiter),
              note: writeNote(note, index, delimiter, end)
            },
            isGood:
              [phone, name].every((kind) => goodKinds.includes(kind)) &&
              (!hasNote || note === 'none' || goodKinds.includes(note))
          })
        )
        const lines = [
          order.join(delimiter),
          ...rows.map(({ cells }) => order.map((column) => cells[column]).join(delimiter)),
          ''
        ]
        const firstLines = lines.map(
          (_, index) => lines.slice(0, index).join(end).split(end).length + (index === 0 ? 0 : 1)
        )

        const { names, errors } = await read(lines.join(end))

        const named = new Set(errors.map(({ line }) => line))
        const taken = new Map(names.map(({ phone, name }) => [phone, name]))
        for (const { phone, name } of names) {
          // Quotes round two cells of one line make one good cell.
          const index = rows.findIndex((row) => row.phone === phone)
          const isOther = [...name.matchAll(/#(\d+)/g)].some(([, of]) => Number(of) !== index)
          if (index === -1 || isOther || /\d{10}/.test(name))
            throw new Error(`${phone} was given ${name}`)
        }
        for (const [index, row] of rows.entries()) {
          const isTaken = taken.get(row.phone) === row.name
          const isNamed = named.has(firstLines[index + 1] ?? 0)
          if (row.isGood && !isTaken && !isNamed)
            throw new Error(`the good line of ${row.name} is neither taken nor named`)
          // Without a note no line of a table may have a line break: all can be told.
          if (!hasNote && row.isGood !== isTaken)
            throw new Error(
              `${row.name}: ${isTaken ? 'a bad line is taken' : 'a good line is lost'}`
            )
          if (!hasNote && row.isGood === isNamed)
            throw new Error(
              `${row.name}: ${isNamed ? 'a good line is named' : 'a bad line is not named'}`
            )
        }
      }),
      propertyRuns(t, 2_000)
    )
  }
)

t.test('each fault says in words what was expected', async (t) => {
  const person = '+34600123456'
  const lines: [line: string, code: string, message: RegExp][] = [
    [',Ana', 'phone-missing', /^expected a phone number$/],
    ['nobody,Ana', 'phone-unreadable', /^expected a phone number$/],
    ['600123456,Ana', 'phone-without-country', /country code.*DEFAULT_COUNTRY/],
    ['5.22E+12,Ana', 'phone-lost-digits', /last digits are lost: format the column as text/],
    [`${person},`, 'name-missing', /^expected a name of 1 to 200 characters$/],
    [`${person},${'n'.repeat(201)}`, 'name-too-long', /^expected a name of 1 to 200 characters$/],
    [`${person},"Ana\nBea"`, 'name-line-break', /^expected a name of one line$/],
    [`${person},a\u0001b`, 'name-characters', /without control characters$/],
    [`${person},???`, 'name-lost-characters', /letters were lost.*: save it as CSV UTF-8$/],
    [`${person},"Ana`, 'line-quotes', /^expected a line of CSV.*quotation mark/]
  ]
  for (const [line, code, message] of lines)
    t.match((await read(`phone,name,note\n${line},x`)).errors[0], { code, message }, line)
  t.match((await read(`phone,name,note\n${person},Ana,"x\n${person},Bea,y"`)).errors[0], {
    code: 'line-in-quotes',
    message: /^expected a line of its own/
  })
  t.match((await read('[]', { type: 'application/x-ndjson' })).errors[0], {
    code: 'line-json',
    message: /^expected a JSON object/
  })
  const damaged = Buffer.concat([Buffer.from(`phone,name\n${person},José`), latin('\xe9')])
  t.match((await read(damaged)).errors[0], {
    code: 'line-encoding',
    message: /^expected text in UTF-8/
  })

  const files: [
    file: string,
    fault: { code: string; in: string; field: string; message: string | RegExp }
  ][] = [
    [' ', { code: 'file-empty', in: 'body', field: 'body', message: 'the file is empty' }],
    ['phone,name', { code: 'file-no-lines', in: 'body', field: 'body', message: /headings alone/ }],
    [
      'PK\x03\x04',
      { code: 'file-workbook', in: 'body', field: 'body', message: /save it as CSV UTF-8/ }
    ],
    [
      'x,name\n1,2',
      {
        code: 'heading-phone',
        in: 'column',
        field: 'phone',
        message: /^expected a column of this name/
      }
    ],
    [
      'phone,x\n1,2',
      {
        code: 'heading-name',
        in: 'column',
        field: 'name',
        message: /^expected a column of this name/
      }
    ],
    [
      'phone,phone,name\n1,2,3',
      {
        code: 'heading-phone-twice',
        in: 'column',
        field: 'phone',
        message: /^expected one column of this name/
      }
    ],
    [
      'phone,name,name\n1,2,3',
      {
        code: 'heading-name-twice',
        in: 'column',
        field: 'name',
        message: /^expected one column of this name/
      }
    ]
  ]
  for (const [file, fault] of files) {
    const error = await read(file).catch((error: unknown) => error as { problem: unknown })
    t.match((error as { problem: unknown }).problem, { errors: [fault] }, JSON.stringify(file))
  }
})

t.test(
  'a line of JSON is an object with a phone number and a name, and nothing else is taken for one',
  async (t) => {
    const json = (...lines: string[]): Promise<string[]> =>
      brief(lines.join('\n'), { type: 'application/x-ndjson' })
    for (const line of ['null', '5', '"x"', 'true', '[1]', '[]', '{', '{"phone":}', 'phone,name'])
      t.same(await json(line), ['1:line-json'], line)
    t.same(
      await json(
        '{"phone":34600123456,"name":"Ana"}',
        '',
        ' ',
        '{"phone":"+34600123457","name":"Eva"}',
        '{}'
      ),
      ['+34600123456 Ana', '+34600123457 Eva', '5:phone-missing', '5:name-missing']
    )
    for (const phone of ['true', 'null', '34600123456.5', '1e30', '{}', '["+34600123456"]', '""'])
      t.same(await json(`{"phone":${phone},"name":"Ana"}`), ['1:phone-missing'], phone)
    for (const name of ['true', 'null', '5', '{}', '["Ana"]', '""'])
      t.same(await json(`{"phone":"+34600123456","name":${name}}`), ['1:name-missing'], name)
    const { errors, ignored, nothing } = await read('{"phone":"","name":"Ana"}', {
      type: 'application/x-ndjson'
    })
    t.same(
      [ignored, nothing, errors.map((error) => Object.keys(error))],
      [[], 0, [['line', 'field', 'code', 'message']]]
    )
  }
)

t.test('an export of ours has leads with a blank for a number or a name', async (t) => {
  const { names, errors, nothing } = await read(
    'phone,name,whatsapp_name,chat_id\n ,Ana,,x\n+34600123456, ,,x\n+34600123457,Eva,,x\n'
  )
  t.match([names.length, errors, nothing], [1, [], 2])
})

t.test(
  'a hundred thousand lines are read, a hundred errors told, and other requests have their turn between',
  async (t) => {
    let [turns, isDone] = [0, false]
    const count = (): void => {
      turns += 1
      if (!isDone) setImmediate(count)
    }
    setImmediate(count)
    const { rejected, errors, names } = await read('5\n'.repeat(100_000), {
      type: 'application/x-ndjson'
    })
    isDone = true
    t.same([rejected, errors.length, names.length], [100_000, 100, 0])
    t.ok(turns >= 190 && turns <= 250, `${turns} turns`)
    t.same(
      (await read('{}\n'.repeat(60), { type: 'application/x-ndjson' })).errors.length,
      100,
      'of lines with two errors, too'
    )
    const error = (await read('5\n'.repeat(100_001), { type: 'application/x-ndjson' }).catch(
      (error: unknown) => error
    )) as { problem: unknown }
    t.match(error.problem, {
      detail: 'an import may have at most 100000 lines: nothing was taken, send it in parts'
    })
  }
)

t.test('a fault has its field, and its column where it has one', async (t) => {
  const facts = async (line: string): Promise<unknown[]> =>
    (await read(`phone,name,note\n${line}`)).errors.map((error) => [
      error.field,
      error.code,
      'column' in error ? error.column : 'none'
    ])
  t.same(await facts('x,'), [
    ['phone', 'phone-unreadable', 1],
    ['name', 'name-missing', 2]
  ])
  t.same(await facts('+34600123456,"Ana" x'), [['line', 'line-quotes', 'none']])
  t.same(await facts('+34600123456,"Ana\nx"'), [['name', 'name-line-break', 2]])
  t.same(await facts('+34600123456,Ana\u2028x'), [['name', 'name-line-break', 2]])
  t.same(await facts('+34600123456,Ana\u2029x'), [['name', 'name-line-break', 2]])
  t.same(await facts(`+34600123456,${'n'.repeat(201)}`), [['name', 'name-too-long', 2]])
  t.same(await facts(`+34600123456,${'n'.repeat(200)}`), [])
})

t.test('an export of ours keeps a number of WhatsApp’s that belongs to no country', async (t) => {
  const ofExport = (phone: string): Promise<string[]> =>
    brief(`phone,name,whatsapp_name,chat_id\n${phone},Ana,,x\n`)
  for (const phone of ['+99912345', '+99912', '+999123456789012']) {
    t.same(await ofExport(phone), [`${phone} Ana`], phone)
    t.same(await ofExport(`'${phone}`), [`${phone} Ana`], 'guarded, too')
    t.match((await brief(`phone,name\n${phone},Ana\n`))[0], /^2:phone-/, 'in no other file')
  }
  for (const phone of ['+9991', '+9991234567890123', 'x+99912345', '+99912345x', 'nobody'])
    t.match((await ofExport(phone))[0], /^2:phone-/, phone)
})
