import t from 'tap'
import {
  byContent,
  byHeading,
  plain,
  type Columns
} from '../../../src/central-hub/spreadsheet/columns.ts'

/** Which columns of a table are the phone number and the name. */

const phoneHeadings =
  `Phone, WhatsApp, WhatsApp number, Número de WhatsApp, Teléfono WhatsApp, Telefone WhatsApp, WA, Zap, Celular, Móvil, Mobile, Cell,
  Cellphone, Cell phone, Mobile phone, Mobile number, Cell number, Telemóvel, Teléfono móvil, Teléfono celular, Telefone celular, Número de celular,
  Número celular, Número de móvil, No. de celular, N.° de celular, Nº celular, N° celular, Phone number, PhoneNumber, Phone no., Telephone, Telephone number, Tel., Teléfono, Telefone,
  Fone, Fono, Tfno., Tlf., Tlfno., Telf., Telef., Número de teléfono, Número teléfono, Número telefónico, Nº de teléfono, N.° de teléfono, Nº teléfono, N° teléfono,
  Número de telefone, Número de telemóvel, Phone 1 - Value, Phone1 Value, Primary phone, MSISDN`.split(
    /,\s*/
  )
const numberHeadings =
  'Number, Número, Num., Nro., Contact number, Número de contacto, Número de contato, N., No.'.split(
    ', '
  )
const nameHeadings =
  `Name, Nombre, Nome, Full name, Fullname, Nombre completo, Nome completo, Nombre y apellidos, Nombre y apellido, Nombres,
  Nombres y apellidos, Nome e sobrenome, Contact name, Nombre del contacto, Nombre de contacto, Nome do contato, Nome do contacto, Nombre del cliente,
  Nombre cliente, Nome do cliente, Customer name, Client name, Lead name, Display name, First name, Given name, Primer nombre, Primeiro nome, Contact,
  Contacto, Contato, Customer, Client, Cliente, Lead`.split(/,\s*/)

const found = (cells: string[], numbers: number[] = []): unknown => {
  const columns = byHeading(cells, (column) => numbers.includes(column))
  return 'faults' in columns ? columns.faults : [columns.phones, columns.name]
}

t.test('every heading that people give phone numbers and names is known', async (t) => {
  for (const heading of phoneHeadings) t.same(found(['x', heading, 'name']), [[1], 2], heading)
  for (const heading of nameHeadings) t.same(found(['phone', 'x', heading]), [[0], 2], heading)
  for (const heading of numberHeadings) {
    t.same(found(['x', heading, 'name'], [1]), [[1], 2], heading)
    t.same(found(['x', heading, 'name']), ['heading-phone'], `${heading}, and no numbers below`)
    t.same(
      found([heading, 'phone', 'name'], [0]),
      [[1], 2],
      `${heading}, beside one that says more`
    )
  }
  for (const heading of ['', ' ', 'id', 'phones', 'my name', 'email', 'Stryker was here'])
    t.same(found([heading, 'x']), ['heading-phone', 'heading-name'], heading)
})

t.test('case, accents, punctuation and width of a heading say nothing', async (t) => {
  for (const [heading, wanted] of [
    ['  TELÉFONO: ', 'telefono'],
    ['N.º de  teléfono', 'n o de telefono'],
    ['Nº de teléfono', 'no de telefono'],
    ['N.° de teléfono', 'n de telefono'],
    ['Phone 1 - Value', 'phone 1 value'],
    ['Ｎａｍｅ', 'name'],
    ['*name*', 'name'],
    ['', '']
  ] as const)
    t.equal(plain(heading), wanted, heading)
})

t.test('of several columns with a number all count, the surest heading first', async (t) => {
  t.same(found(['Teléfono', 'Celular', 'WhatsApp', 'Nombre']), [[2, 1, 0], 3])
  t.same(
    found(['Contacto', 'Nombre', 'Celular']),
    [[2], 1],
    'of several with a name the surest alone'
  )
  t.same(found(['Nro.', 'Número', 'Nombre'], [0, 1]), [[1, 0], 2])
})

t.test('two columns of one heading are refused: nobody can tell which is meant', async (t) => {
  t.same(found(['phone', 'Phone', 'name']), ['heading-phone-twice'])
  t.same(found(['phone', 'name', 'NAME']), ['heading-name-twice'])
  t.same(found(['phone', 'phone', 'name', 'name']), ['heading-phone-twice', 'heading-name-twice'])
  t.same(found(['phone', 'phone']), ['heading-phone-twice', 'heading-name'])
  t.same(
    found(['phone', 'celular', 'celular', 'name']),
    [[0, 1, 2], 3],
    'not where a surer one is there once'
  )
  t.same(found(['id', 'id', 'x']), ['heading-phone', 'heading-name'])
})

t.test('the columns that are left out are named, as they are written', async (t) => {
  const columns = byHeading(
    ['Id', 'Teléfono', ' Ciudad ', 'Nombre', '', ' ', 'Celular'],
    () => false
  ) as Columns
  t.same(columns.ignored, ['Id', 'Ciudad'])
  t.equal(columns.isExport, false)
})

t.test('an export of ours is known by two of its headings', async (t) => {
  const isExport = (cells: string[]): boolean => (byHeading(cells, () => false) as Columns).isExport
  t.equal(isExport(['phone', 'name', 'whatsapp_name', 'chat_id']), true)
  t.equal(isExport(['phone', 'name', 'whatsapp_name']), false)
  t.equal(isExport(['phone', 'name', 'chat_id']), false)
})

t.test('without headings the columns are those with most numbers and most names', async (t) => {
  const isPhone = (cell: string): boolean => cell.startsWith('+')
  const by = (...rows: string[][]): unknown => {
    const columns = byContent(rows, isPhone)
    return columns && [columns.phones, columns.name, columns.ignored, columns.isExport]
  }
  t.same(by(['+1', 'Ana']), [[0], 1, [], false])
  t.same(by(['1', 'Ana', '+1']), [[2], 1, [], false])
  t.same(
    by(['+1', 'Ana', '+2', 'x'], ['', '', '+3', 'y'], ['+4', '', '+5', 'z']),
    [[2], 3, [], false],
    'the most, not the first'
  )
  t.same(
    by(['+1', 'Ana', '+2', 'Eva'], ['+3', 'Luis', '+4', 'Rosa']),
    [[0], 1, [], false],
    'the first of equals'
  )
  t.same(by(['+1 Ana', '+2 Eva']), undefined, 'a cell with a number is no name')
  t.same(by(['+1', '5', '']), undefined, 'nor is one without a letter')
  t.same(by(['+1'], ['Ana']), undefined, 'a column is one of both')
  t.same(by(['x', 'Ana'], ['+1', 'Eva']), undefined, 'the first row has a number')
  t.same(by(), undefined)
  t.same(
    by(['+1', '5', 'Ana'], ['+2', 'Eva']),
    [[0], 1, [], false],
    'a cell that a row lacks is empty'
  )
  t.same(by(['+1', 'Ana', '5'], [], ['+2', 'Eva']), [[0], 1, [], false])
})
