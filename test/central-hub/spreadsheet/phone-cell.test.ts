import t from 'tap'
import type { CountryCode } from 'libphonenumber-js'
import { readPhoneCell } from '../../../src/central-hub/spreadsheet/phone-cell.ts'

/**
 * Phone numbers as they are in cells. Each is read here by itself; whole tables:
 * read-names.test.ts.
 */

const read = (cell: string, country?: CountryCode): string => {
  const result = readPhoneCell(cell, country)
  return 'phone' in result ? result.phone : result.fault
}

/** A number that is too short to be taken for an international one without its `+`. */
const norwegian = '+4740612345'

t.test(
  'a link or an address of WhatsApp is its international number, whatever else is in it',
  async (t) => {
    const links = [
      'wa.me/4740612345',
      'WA.ME/4740612345',
      'www.wa.me/4740612345',
      'http://wa.me/4740612345',
      'https://wa.me/4740612345',
      'https://www.wa.me/4740612345',
      'wa.me/+4740612345',
      'wa.me/%2b4740612345',
      'wa.me/%2B4740612345',
      'wa.me/47 406-12.345',
      'wa.me/(47)40612345',
      'wa.me/4740612345?text=5',
      'wa.me/47 40612345?text=5',
      'https://api.whatsapp.com/send?phone=4740612345',
      'api.whatsapp.com/send/?phone=4740612345&text=5',
      'web.whatsapp.com/send?phone=4740612345&text=5',
      'chat.whatsapp.com/send?text=5&phone=4740612345',
      'whatsapp://send?phone=4740612345',
      'whatsapp://send/?phone=4740612345&text=5',
      'whatsapp://send?text=5&phone=4740612345',
      'whatsapp://send?a=1&b=2&phone=%2B4740612345',
      '4740612345@c.us',
      '4740612345@C.US',
      '4740612345:1@s.whatsapp.net',
      '4740612345:12@s.whatsapp.net',
      '4740612345:123@c.us'
    ]
    for (const link of links)
      for (const country of [undefined, 'MX'] as const)
        t.equal(read(link, country), norwegian, `${link} ${country ?? ''}`)
    const others = [
      'see wa.me/4740612345',
      '1 https://wa.me/4740612345',
      'wa.me/',
      'wa.me/me',
      'wa.me/+',
      'whatsapp.com/send?phone=4740612345',
      'api.whatsapp.com/4740612345',
      '1 4740612345@c.us',
      '4740612345@c.us5',
      '4740612345@g.us',
      '4740612345@lid',
      '4740612345:@c.us',
      '4740612345:x@c.us',
      'x4740612345@c.us',
      '@c.us'
    ]
    for (const other of others) t.equal(read(other), 'phone-unreadable', other)
  }
)

t.test('what people and programs put round a number is no part of it', async (t) => {
  const around = [
    '+4740612345',
    '\t +4740612345\n',
    '+47 40 61 23 45',
    '+47-40-61-23-45',
    '+47.40.61.23.45',
    '+47/40612345',
    '(+47)40612345',
    '( +47 ) 40612345',
    '(+ 47) 40612345',
    '( + 47 )40612345',
    '(  +  47  )  40612345',
    "'+4740612345",
    "''+4740612345",
    "'+4740612345'",
    "''+4740612345''",
    "' +4740612345 '",
    "'  +4740612345",
    '´+4740612345´',
    '`+4740612345`',
    '’+4740612345’',
    '"+4740612345"',
    '"4740612345@c.us "',
    '="+4740612345"',
    '= "+4740612345"',
    "='+4740612345",
    '=  "+4740612345"',
    ' = " +4740612345 " ',
    '=+4740612345',
    'tel:+4740612345',
    'TEL:+4740612345',
    'tel://+4740612345',
    'callto:+4740612345',
    'callto://+4740612345',
    'sms:+4740612345',
    'whatsapp:+4740612345',
    'phone:+4740612345',
    "'tel:+4740612345",
    '004740612345',
    '00 4740612345',
    '00  47 40612345',
    "'004740612345",
    'tel:004740612345',
    '\u200b+4740612345',
    '+47\u200f40612345',
    '\u202a+4740612345\u202c',
    '\u2060+4740612345\u2069',
    '\ufeff+4740612345',
    '+47\u00ad40612345',
    '＋４７４０６１２３４５'
  ]
  for (const cell of around) t.equal(read(cell), norwegian, JSON.stringify(cell))
  for (const cell of [
    'x+4740612345',
    '+34x600123456',
    '5 +4740612345',
    'x"+4740612345',
    '+4740612345x"5',
    '=x+4740612345',
    'fax:+4740612345',
    '(phone:+47) 40612345',
    '1004740612345'
  ])
    t.match(read(cell), /^phone-/, cell)
})

t.test('a number that a program took for a fraction is the whole one', async (t) => {
  for (const cell of ['34600123456.0', '34600123456,0', '34600123456.00', "'34600123456.0"])
    t.equal(read(cell), '+34600123456', cell)
  t.equal(read('600123456.0', 'ES'), '+34600123456')
  for (const cell of ['34 600123456.0', '34600123456.05', '34600123456 0', '34600123456.0 5'])
    t.equal(read(cell), 'phone-without-country', cell)
})

t.test('a number in scientific notation has lost its digits', async (t) => {
  for (const cell of [
    '5.21551E+12',
    '5,21551E+12',
    '52.15E11',
    '5E+12',
    '5e12',
    '5E-12',
    '52E+1',
    '52E1',
    '5.2E+123',
    '+5.21E+12',
    '-5.21E+12',
    '+5E12'
  ])
    t.equal(read(cell), 'phone-lost-digits', cell)
  for (const cell of ['x5E+12', '5E+12x', '5..2E+12', '5xE+12', '5.E+12', '5.2E', 'E+12', '5 E+12'])
    t.notMatch(read(cell), 'phone-lost-digits', cell)
})

t.test('digits alone are of the default country if they can be, else international', async (t) => {
  const rows: [cell: string, country: CountryCode | undefined, wanted: string][] = [
    ['34600123456', undefined, '+34600123456'],
    ['34 600-12.34/56', undefined, '+34600123456'],
    ['34600123456', 'MX', '+34600123456'],
    ['34600123456', 'ES', '+34600123456'],
    ['600123456', 'ES', '+34600123456'],
    ['600 12 34 56', 'ES', '+34600123456'],
    ['5512345678', 'MX', '+525512345678'],
    ['4740612345', 'NO', norwegian],
    ['40612345', 'NO', norwegian],
    ['4740612345', undefined, 'phone-without-country'],
    ['13023456789', 'CN', '+8613023456789'],
    ['13023456789', undefined, '+13023456789'],
    ['346001234.03', undefined, '+34600123403'],
    ['12125550123', undefined, '+12125550123'],
    ['11987654321', undefined, 'phone-without-country'],
    ['11987654321', 'BR', '+5511987654321'],
    // Possible in the country, though nobody has it.
    ['0000000000', 'MX', '+520000000000'],
    ['99999999999', undefined, 'phone-without-country']
  ]
  for (const [cell, country, wanted] of rows)
    t.equal(read(cell, country), wanted, `${cell} ${country ?? ''}`)
})

t.test('what can be no number is named by its reason', async (t) => {
  for (const cell of ['', ' ', '\u200b', '""', "'", '=""', 'tel:'])
    t.equal(read(cell), 'phone-missing', JSON.stringify(cell))
  for (const cell of ['123456', '12 34-56', '(55) 123', '55.12/34'])
    t.equal(read(cell), 'phone-without-country', cell)
  for (const cell of ['12345', 'nobody', '123456x', 'x123456', '+12', '123 456 x', 'a.b.c.d'])
    t.equal(read(cell), 'phone-unreadable', cell)
  for (const cell of ['123456', '12 34-56'])
    t.equal(read(cell, 'MX'), 'phone-unreadable', `${cell}, though there is a country`)
})
