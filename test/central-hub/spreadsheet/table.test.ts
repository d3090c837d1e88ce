import t from 'tap'
import { readTable } from '../../../src/central-hub/spreadsheet/table.ts'

/**
 * Which rows a text has, and what is wrong with them. Numbers are `+` and four digits here; as
 * people write them: read-names.test.ts.
 */

const isPhone = (cell: string): boolean => /^\+\d{4}$/.test(cell.trim())

/**
 * Each row as its line, and the columns and the cells of its number and its name; a fault as its
 * line, code and column.
 */
const brief = (text: string): string[] => {
  const table = readTable(text, isPhone)
  if ('faults' in table) return table.faults
  return [...table.rows].map((row) => {
    if ('phone' in row)
      return `${row.line} ${row.phoneColumn}:${row.phone} ${row.nameColumn}:${row.name}`
    return `${row.line} ${row.code} ${row.column ?? ''}`.trim()
  })
}

const head = 'phone,name,note\n'
const cases: [text: string, wanted: string[]][] = [
  ['sep=;\nphone;name\n+1111;Ana', ['3 1:+1111 2:Ana']],
  ['"sep=,"\r\nphone,name\r\n+1111,Ana', ['3 1:+1111 2:Ana']],
  ['SEP=|\rphone|name\r+1111|Ana', ['3 1:+1111 2:Ana']],
  ['sep=;;,\t \nphone;name\n+1111;Ana', ['3 1:+1111 2:Ana']],
  ['sep=;x\nphone;name\n+1111;Ana', ['heading-phone', 'heading-name']],
  ['xsep=;\nphone;name\n+1111;Ana', ['heading-phone', 'heading-name']],
  ['sep=x\nphonexname\n+1111xAna', ['3 1:+1111 2:Ana']],
  ['sep=,\nphone;name\n+1111;Ana', ['heading-phone', 'heading-name']],
  ['sep=;', ['heading-phone', 'heading-name']],
  ['', ['heading-phone', 'heading-name']],
  [head + ' , ,\t\n+1111,Ana,\n,,\n,, \n+2222,Eva,', ['3 1:+1111 2:Ana', '6 1:+2222 2:Eva']],
  ['\n  \nphone,name\n\n+1111,Ana', ['5 1:+1111 2:Ana']],
  ['numero,nombre\nx\n+1111,Ana\ny,Eva', ['2 1:x 2:', '3 1:+1111 2:Ana', '4 1:y 2:Eva']],
  ['+1111;Ana,+2222\nEva,+4444', ['1 2:+2222 1:+1111;Ana', '2 2:+4444 1:Eva']],
  ['+1111;Ana,+2222\nEva;+4444', ['1 1:+1111 2:Ana,+2222', '2 1:Eva 2:+4444']],
  ['+1111;Ana,+2222\n;,+4444', ['1 2:+2222 1:+1111;Ana', '2 2:+4444 1:;']],
  ['+1111;Ana,+2222\n+3333; ,+4444', ['1 1:+1111 2:Ana,+2222', '2 1:+3333 2: ,+4444']],
  ['+1111\tAna\n+2222\tEva', ['1 1:+1111 2:Ana', '2 1:+2222 2:Eva']],
  ['phone;phone\n1;2', ['heading-phone-twice', 'heading-name']],
  ['phone;nick\n1;2', ['heading-name']],
  ['nick;name\n1;2', ['heading-phone']],
  ['phone;phone;name\n', ['heading-phone-twice']],
  ['phone,phone,name\n', ['heading-phone-twice']],
  ['a|b\n', ['heading-phone', 'heading-name']],
  ['name\n+1111', ['heading-phone']],
  [
    head + '+1111,Ana,"see\n+2222,Eva,x\nno,such,row\n+3333,,y\n+4444,B\n+5555, ,y\n+6666,Zoe,z"',
    ['2 1:+1111 2:Ana', '3 line-in-quotes', '8 line-in-quotes']
  ],
  [head + '+1111,Ana,"+2222,Eva,x\nmore"', ['2 1:+1111 2:Ana']],
  [
    head + '+1111,Ana,"a\r\n+2222,Eva,x\r+3333,Zoe,x"',
    ['2 1:+1111 2:Ana', '3 line-in-quotes', '4 line-in-quotes']
  ],
  [head + '+1111,"Ana\n123456789",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n12345678",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\nx123456789",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n123456789x",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n+12 (345) 67.8/9-0",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n5.21E+12",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n 5,2e+1 ",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\nx5.2E+12",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n5.2E+12x",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n+2222",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n52E+12",x', ['2 name-line-break 2']],
  [head + '+1111,"123456789\nAna",x', ['2 name-line-break 2']],
  [head + '+1111,"+2222,Eva\nAna",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\nEva,+2222",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\nEva,x",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n,Eva,x",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n ,Eva,x",x', ['2 line-quotes 2', '3 line-quotes']],
  [head + '+1111,"Ana\n,Eva",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\nEva;Zoe",x', ['2 name-line-break 2']],
  [head + '+1111,"Ana\n",x', ['2 1:+1111 2:Ana\n']],
  [head + '+1111,"\nAna",x', ['2 1:+1111 2:\nAna']],
  [head + '+1111,"Ana,\n",x', ['2 name-line-break 2']],
  [head + '"+1111\n",Ana,x', ['2 1:+1111\n 2:Ana']],
  [head + '"\n+1111",Ana,x', ['2 line-quotes 1', '3 line-quotes']],
  [head + '"+1111\n+2222",Ana,x', ['2 line-quotes 1', '3 line-quotes']],
  [head + '"+1111\nx",Ana,x', ['2 name-line-break 1']],
  ['phone,name\n+1111,"Ana\n+2222","Eva"', ['2 line-quotes 2', '3 line-quotes']],
  ['phone,name\n+1111,"\n+2222,"', ['2 line-quotes 2', '3 line-quotes']],
  ['phone,name\n+1111,"Ana\nx,y"', ['2 line-quotes 2', '3 line-quotes']],
  ['name,phone\n"Ana,x\nEva",+1111', ['2 line-quotes 1', '3 line-quotes']],
  ['phone,note,name\n+1111,"calls,Eva\n+2222,back",Rosa', ['2 line-quotes 2', '3 line-quotes']],
  ['phone,note,name\n+1111,"calls,Eva\nand,back",Rosa', ['2 1:+1111 3:Rosa']],
  ['phone,note,name\n+1111,"calls\n+2222,back",Rosa', ['2 1:+1111 3:Rosa']],
  [
    'phone,note,name\n+1111,"a,b,c\n+2222,b,c",Rosa\n+3333,,Zoe',
    ['2 line-quotes 2', '3 line-quotes', '4 1:+3333 3:Zoe']
  ],
  ['phone,note,name\n+1111,"a,b,c\n2222,b,+4444",Rosa', ['2 line-quotes 2', '3 line-quotes']],
  ['phone,note,name\n+1111,"a,b,c\n2222,b,4444",Rosa', ['2 1:+1111 3:Rosa']],
  ['phone,note,name\n+1111,"Calle 5, Centro\n06700, CDMX",Ana', ['2 1:+1111 3:Ana']],
  ['note,phone,name\n"a,+1111,Eva\nb",+2222,Ana', ['2 line-quotes 1', '3 line-quotes']],
  ['note,phone,name\n"a,+1111,Eva\nb,x",+2222,Ana', ['2 line-quotes 1', '3 line-quotes']],
  [head + '+1111,Ana,"a,+2222\n+3333,b"', ['2 1:+1111 2:Ana']],
  [
    'name,celular,phone\nAna,+1111,+2222\nEva,+3333,\nZoe,,\nBob',
    ['2 3:+2222 1:Ana', '3 2:+3333 1:Eva', '4 3: 1:Zoe', '5 3: 1:Bob']
  ],
  ['phone,celular,name\n,"+1111\n+2222",Ana', ['2 line-quotes 2', '3 line-quotes']],
  [
    'phone,a,b,name\n+1111,"x\ny","z,Eva\n+2222,r,w",Ana\n+3333,,,Zoe',
    ['2 1:+1111 4:Ana', '5 1:+3333 4:Zoe']
  ],
  [head + '+1111,"Ana" x,y\n+2222,Eva,z', ['2 line-quotes', '3 1:+2222 2:Eva']],
  ['phone\tname\n+1111\tAna "x" y\n+2222\t"Eva', ['2 1:+1111 2:Ana "x" y', '3 1:+2222 2:"Eva']],
  ['phone\tname\n+1111\t"Ana\tz\n+2222\tEva\n', ['2 1:+1111 2:"Ana', '3 1:+2222 2:Eva']],
  [
    '+1111;Ana,+2222\n+3333; \nEva,+4444',
    ['1 2:+2222 1:+1111;Ana', '2 2: 1:+3333; ', '3 2:+4444 1:Eva']
  ],
  [
    '+1111;Ana,+2222\n+3333\nEva,+4444',
    ['1 2:+2222 1:+1111;Ana', '2 2: 1:+3333', '3 2:+4444 1:Eva']
  ],
  ['phone;name;x,+2222\nEva,+3333', ['2 1:Eva,+3333 2:']],
  [
    'phone,celular,name,note\n+1111,,Ana,"see\n+2222,,Eva,x"',
    ['2 1:+1111 3:Ana', '3 line-in-quotes']
  ],
  [head + '+1111,"Ana\n123456789 ",x', ['2 line-quotes 2', '3 line-quotes']],
  ['phone,name,celular,note\n+1111,"Ana\n,Eva,x,y\nz",,n', ['2 name-line-break 2']],
  [head + '+1111,"Ana\nx,Eva,y\nz",n', ['2 name-line-break 2']],
  ['phone,celular,name\n ,+1111,Ana', ['2 2:+1111 3:Ana']],
  ['name,celular,phone\nEva,+1111', ['2 2:+1111 1:Eva']],
  ['phone,name\n+1111,"Ana\nx\ny,z"', ['2 line-quotes 2', '3 1:x 2:', '4 line-quotes']],
  [head + '+1111,"Ana\n123456789\nx",n', ['2 line-quotes 2', '3 1:123456789 2:', '4 line-quotes']],
  ['phone,note,name\n+1111,"a,b,c\n2222,+4444",Rosa', ['2 1:+1111 3:Rosa']]
]

t.test(
  'a table gives the rows whose number and name are of one line, and names the lines where they may not be',
  async (t) => {
    for (const [text, wanted] of cases) t.same(brief(text), wanted, JSON.stringify(text))
  }
)

t.test(
  'a heading is looked for in the first hundred records, and numbers below it in twenty',
  async (t) => {
    const heading = (wrongLines: number): string[] =>
      brief(`${'a"b\n'.repeat(wrongLines)}phone,name\n+1111,Ana`)
    t.same(heading(99).slice(-1), ['101 1:+1111 2:Ana'])
    t.same(heading(100), ['heading-phone', 'heading-name'])
    const numbers = (others: number): string[] =>
      brief(`numero,nombre\n${'x,y\n'.repeat(others)}+1111,Ana`)
    t.same(numbers(18).slice(-1), ['20 1:+1111 2:Ana'])
    t.same(numbers(19), ['heading-phone'])
  }
)
