import t from 'tap'
import { clean, cut, jsonLine, span, table, width } from '../../../src/admin/text.ts'
import { controls, harmless, hostile } from './terminal.ts'

t.test('what came from WhatsApp is one line that does nothing to a terminal', async (t) => {
  t.equal(clean(hostile), harmless)
  t.equal(clean('line one\r\n\tline two\u2028three'), 'line one line two three')
  t.equal(clean('¿Está? 👨‍👩‍👧 ولد'), '¿Está? 👨‍👩‍👧 ولد', 'letters and emoji of any script stay')
  const every = Array.from({ length: 0x2070 }, (_, code) => String.fromCharCode(code)).join('')
  t.notMatch(clean(every), controls)
})

t.test('JSON is whole, and does nothing to a terminal either', async (t) => {
  const line = jsonLine({ name: `${hostile}\u{e0041}` })
  t.notMatch(line.trimEnd(), controls)
  t.same(JSON.parse(line), { name: `${hostile}\u{e0041}` })
})

t.test('columns stand under each other, however wide the letters are', async (t) => {
  t.equal(width('日本'), 4)
  t.equal(width('👨‍👩‍👧é'), 3)
  t.equal(width('\x1b[32mok\x1b[39m'), 2, 'colours take no room')
  t.equal(
    table([
      ['a', '日本', 'x'],
      ['bcd', 'e', 'y']
    ]),
    'a    日本  x\nbcd  e     y\n'
  )
  t.equal(table([]), '')
})

t.test('what is too long is cut, between letters', async (t) => {
  t.equal(cut('short', 5), 'short')
  t.equal(cut('longer', 5), 'long…')
  t.equal(cut('日本語', 4), '日…')
})

t.test('a span of time has two units at most', async (t) => {
  t.same([0, 59_999, 60_000, 3_600_000, 7_500_000, 90_000_000, 172_800_000, -5].map(span), [
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '2 h 5 min',
    '1 d 1 h',
    '2 d',
    '0 s'
  ])
})
