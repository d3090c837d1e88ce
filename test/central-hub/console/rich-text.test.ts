import fc from 'fast-check'
import t from 'tap'
import { propertyRuns } from '../../property-runs.ts'
import { readRichText, textOf } from '../../../src/central-hub/console/rich-text.js'

type Shown = {
  kind: string
  mark?: string
  text?: string
  href?: string
  host?: string
  children?: Shown[]
}
type Block = { kind: string; lines: { mark: string; value?: number; children: Shown[] }[] }

/** What a text is shown as, in HTML's words: `<b>bold</b>`. */
const shownInline = ({ kind, text = '', href, host, children = [] }: Shown): string => {
  if (kind === 'text') return text
  if (kind === 'link')
    return `<a ${href ?? ''}${host === undefined ? '' : ` (${host})`}>${text}</a>`
  const tag = { bold: 'b', italic: 'i', strike: 's', code: 'code' }[kind] ?? '?'
  return `<${tag}>${text}${children.map(shownInline).join('')}</${tag}>`
}
const shown = (text: string): string =>
  (readRichText(text) as Block[])
    .map(({ kind, lines }) => {
      const inner = lines.map(
        ({ children, value }) =>
          `${value === undefined ? '' : `${value}:`}${children.map(shownInline).join('')}`
      )
      return kind === 'lines' ? inner.join('\n') : `<${kind}>${inner.join('|')}</${kind}>`
    })
    .join('\n')

t.test('marks format as WhatsApp shows them', async (t) => {
  const cases: [string, string][] = [
    ['*bold* _italic_ ~gone~', '<b>bold</b> <i>italic</i> <s>gone</s>'],
    ['*_both_* _*both*_', '<b><i>both</i></b> <i><b>both</b></i>'],
    ['`a*b*` ```x\n*y*```', '<code>a*b*</code> <code>x\n*y*</code>'],
    ['2*3*4 snake_case_name', '2*3*4 snake_case_name'],
    ['* no* *no * *', '<bullets>no* *no * *</bullets>'],
    ['*no *', '*no *'],
    ['*over\nlines*', '*over\nlines*'],
    ['(*precio*: *$10*)', '(<b>precio</b>: <b>$10</b>)'],
    ['*a*b* c', '<b>a*b</b> c'],
    ['**x** ~~ ** __', '*<b>x</b>* ~~ ** __'],
    ['ñ*a*ñ 😀*a*😀', 'ñ*a*ñ 😀<b>a</b>😀'],
    ['> quoted\n> *more*\nplain', '<quote>quoted|<b>more</b></quote>\nplain'],
    ['>no quote\n-no item', '>no quote\n-no item'],
    [
      '- one\n* two\n1. first\n7. seventh',
      '<bullets>one|two</bullets>\n<numbers>1:first|7:seventh</numbers>'
    ],
    ['a - b\nc 1. d', 'a - b\nc 1. d'],
    ['', '']
  ]
  for (const [text, expected] of cases) t.equal(shown(text), expected, JSON.stringify(text))
})

t.test('web addresses are links, and nothing else is', async (t) => {
  const link = (address: string, written = address, host = ''): string =>
    `<a ${address}${host === '' ? '' : ` (${host})`}>${written}</a>`
  const cases: [string, string][] = [
    ['see https://example.com/a?b=c#d.', `see ${link('https://example.com/a?b=c#d')}.`],
    ['*https://example.com/x_y_z*', `<b>${link('https://example.com/x_y_z')}</b>`],
    ['(https://es.wikipedia.org/wiki/A_(b))', `(${link('https://es.wikipedia.org/wiki/A_(b)')})`],
    [
      'www.example.mx, tienda.com.mx wa.me/521',
      `${link('https://www.example.mx/', 'www.example.mx')}, ${link('https://tienda.com.mx/', 'tienda.com.mx')} ${link('https://wa.me/521', 'wa.me/521')}`
    ],
    ['HTTP://EXAMPLE.com', link('http://example.com/', 'HTTP://EXAMPLE.com')],
    [
      'javascript:alert(1) data:text/html,x file:///etc/passwd',
      'javascript:alert(1) data:text/html,x file:///etc/passwd'
    ],
    ['javascript://example.com/%0aalert(1)', 'javascript://example.com/%0aalert(1)'],
    ['ana@example.com no.se hola.como', 'ana@example.com no.se hola.como'],
    [
      'https://аpple.com/x',
      link('https://xn--pple-43d.com/x', 'https://аpple.com/x', 'xn--pple-43d.com')
    ],
    [
      'https://bank.example@evil.example/',
      link(
        'https://bank.example@evil.example/',
        'https://bank.example@evil.example/',
        'evil.example'
      )
    ],
    [
      'https://bank.example\\@evil.example/',
      `${link('https://bank.example/', 'https://bank.example')}\\@evil.example/`
    ],
    ['https://example.com/\u202egpj.exe', `${link('https://example.com/')}\u202egpj.exe`],
    ['http://[ http://a https://', 'http://[ http://a https://'],
    ['`https://example.com`', '<code>https://example.com</code>']
  ]
  for (const [text, expected] of cases) t.equal(shown(text), expected, JSON.stringify(text))
})

/** Texts that are full of what may be a mark, a link or a trap. */
const pieces = fc.constantFrom(
  '*',
  '_',
  '~',
  '`',
  '```',
  '\n',
  ' ',
  '> ',
  '- ',
  '1. ',
  '9. ',
  'a',
  'ñ',
  '7',
  '.',
  ',',
  '(',
  ')',
  '😀',
  '\ud83d',
  '\u202e',
  '\u2066',
  '\u200d',
  '\r',
  '\t',
  'https://',
  'http://',
  'www.',
  'example.com',
  'javascript:',
  '@',
  '/',
  '\\',
  'xn--',
  'аpple',
  '<b>',
  '&amp;',
  '"',
  '\0'
)
const anyText = fc.oneof(
  fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 200 })
)

t.test('what is shown and the marks are the text again, whatever was written', async (t) => {
  const kinds = new Set(['text', 'link', 'code', 'bold', 'italic', 'strike'])
  const all = (nodes: Shown[]): Shown[] =>
    nodes.flatMap((node) => [node, ...all(node.children ?? [])])
  fc.assert(
    fc.property(anyText, (text) => {
      const blocks = readRichText(text) as Block[]
      const nodes = all(blocks.flatMap(({ lines }) => lines.flatMap(({ children }) => children)))
      const links = nodes.filter(({ kind }) => kind === 'link')
      return (
        textOf(blocks as never, { marks: true }) === text &&
        nodes.every(({ kind }) => kinds.has(kind)) &&
        links.every(
          ({ href = '', text = '' }) => /^https?:\/\/[^/\s]/.test(href) && !/[\s\p{C}]/u.test(text)
        )
      )
    }),
    propertyRuns(t, 5_000)
  )
  t.pass('5,000 texts')
})

t.test(
  'the longest message that WhatsApp takes is read in no time, whatever it is made of',
  async (t) => {
    const hostile = [
      '*a ',
      '*a*',
      '*_~',
      '`',
      '```a',
      'a.',
      '-.',
      '(',
      ')',
      'https://a.b/)',
      'http://a ',
      'https://a.b ',
      '> a\n',
      '_a_ ',
      'www.',
      'a@a.com.'
    ]
    for (const piece of hostile) {
      const text = piece.repeat(65_536 / piece.length)
      const start = performance.now()
      textOf(readRichText(text), { marks: true })
      t.ok(performance.now() - start < 2_000, `${JSON.stringify(piece)} again and again`)
    }
    const closing = `https://a.b/${')'.repeat(65_000)}`
    const start = performance.now()
    readRichText(closing)
    t.ok(performance.now() - start < 2_000, 'an address that ends in brackets')
  }
)
