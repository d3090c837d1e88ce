import t from 'tap'
import { contactNames, termsOf, textOf } from '../../../src/central-hub/store/database/terms.ts'
import type { CapturedMessage } from '../../../src/contract/record.ts'

/** What a message is found by, beside its text. */

const lines = (message: Partial<CapturedMessage>): string[] =>
  termsOf(message)
    .split('\n')
    .filter((line) => line !== '')

t.test('titles, names, places and file names of a message are a line each', async (t) => {
  const rows: [Partial<CapturedMessage>, string[]][] = [
    [{}, []],
    [{ type: 'chat', body: 'hola', name: 'Ana' }, []],
    [
      { ad: { title: 'Verano', body: 'Todo a mitad', url: 'https://fb.me/1', id: '7' } },
      ['Verano', 'Todo a mitad']
    ],
    [{ order: { title: 'Pedido', items: 2 } }, ['Pedido']],
    [
      { product: { title: 'Tornillo', description: 'galvanizado', retailer_id: 'SKU-7' } },
      ['Tornillo', 'galvanizado', 'SKU-7']
    ],
    [{ payment: { note: 'anticipo' } } as Partial<CapturedMessage>, ['anticipo']],
    [
      { location: { latitude: 1, longitude: 2, name: 'Bodega', address: 'Calle 8' } },
      ['Bodega', 'Calle 8']
    ],
    [{ location: { latitude: 1, longitude: 2 } }, []],
    [
      {
        event: { name: 'Feria', description: 'de libros', place: 'Plaza' }
      } as Partial<CapturedMessage>,
      ['Feria', 'de libros', 'Plaza']
    ],
    [{ group_invite: { name: 'Clientes' } } as Partial<CapturedMessage>, ['Clientes']],
    [{ poll: { options: ['Lunes', 'Martes'], multiple: false } }, ['Lunes', 'Martes']],
    [{ media: { state: 'pending', filename: 'lista.pdf' } }, ['lista.pdf']],
    [{ media: { state: 'pending' } }, []],
    [
      {
        interactive: {
          title: 'Menú',
          footer: 'Elige',
          choices: [{ text: 'Ver' }],
          cards: [{ title: 'Uno', body: 'dos', choices: [{ text: 'Tres' }] }, { title: 'Cuatro' }]
        }
      } as Partial<CapturedMessage>,
      ['Menú', 'Elige', 'Ver', 'Uno', 'dos', 'Tres', 'Cuatro']
    ],
    [{ interactive: { footer: '' } } as Partial<CapturedMessage>, []]
  ]
  for (const [message, wanted] of rows) t.same(lines(message), wanted, JSON.stringify(message))
  t.equal(
    termsOf({ product: { title: 'Tornillo', description: '', retailer_id: 'SKU-7' } }),
    'Tornillo\nSKU-7',
    'without empty lines'
  )
  t.equal(termsOf({ order: { title: 'x\ud83d', items: 1 } }), 'x\ufffd', 'half a sign is none')
  t.equal(termsOf({ order: { title: 'x'.repeat(20_000), items: 1 } }).length, 10_000)
})

t.test(
  'a contact card is found by its name, its company and its numbers in all forms',
  async (t) => {
    const card =
      'BEGIN:VCARD\r\nVERSION:3.0\r\nN:Sol;Luz;;;\r\nFN:Luz\\, Sol\\; S.\\\\A.\r\nFN:Otra\r\nitem1.ORG;CHARSET=UTF-8:Ferretería Norte\r\nitem1.TEL;type=CELL;waid=5215587654321:+52 1 55 8765 4321\r\nTEL:12\r\nTEL:911\r\nTEL:800-123\r\nX-FN:nadie\r\nEND:VCARD'
    t.same(lines({ contacts: [card] }), [
      'Luz, Sol; S.\\A.',
      'Ferretería Norte',
      '+52 1 55 8765 4321',
      '5215587654321',
      '5587654321',
      '525587654321',
      '911',
      '911',
      '800-123',
      '800123'
    ])
    t.same(
      contactNames([
        card,
        'BEGIN:VCARD\nfn: Ana \nEND:VCARD',
        'BEGIN:VCARD\nFN:\nEND:VCARD',
        'nothing'
      ]),
      ['Luz, Sol; S.\\A.', 'Ana']
    )
  }
)

t.test('the text of a message is its body, but for thumbnails and cards', async (t) => {
  const thumbnail = `/9j/${'A1b2'.repeat(40)}`
  const rows: [Partial<CapturedMessage>, boolean][] = [
    [{ body: 'hola' }, true],
    [{ body: thumbnail }, false],
    [{ body: `/9j/${'A'.repeat(97)}` }, false],
    [{ body: `/9j/${'A'.repeat(96)}` }, true],
    [{ body: `x${thumbnail}` }, true],
    [{ body: `${thumbnail} see this` }, true],
    [{ type: 'vcard', body: 'BEGIN:VCARD x', contacts: [] }, false],
    [{ type: 'multi_vcard', body: 'BEGIN:VCARD x', contacts: [] }, false],
    [{ type: 'vcard', body: 'BEGIN:VCARD x' }, true],
    [{ type: 'chat', body: 'BEGIN:VCARD x', contacts: [] }, true],
    [{ type: 'xvcard', body: 'BEGIN:VCARD x', contacts: [] }, true],
    [{ type: 'vcards', body: 'BEGIN:VCARD x', contacts: [] }, true],
    [{ type: 'vcard', body: 'two contacts', contacts: [] }, true]
  ]
  for (const [facts, isText] of rows) {
    const message = { type: 'chat', body: '', ...facts }
    t.equal(textOf(message), isText ? message.body : '', JSON.stringify(facts).slice(0, 60))
  }
})
