import fc from 'fast-check'
import t from 'tap'
import { linesOfChat, readChat } from '../../../src/admin/cli/whatsapp-chat.ts'
import { propertyRuns } from '../../property-runs.ts'

/** Chats as WhatsApp exports them on several phones. */

// Where summer time ends, an hour comes twice, and the file does not say which it was.
process.env['TZ'] = 'America/Bogota'

const two = (n: number): string => String(n).padStart(2, '0')
const half = (at: Date): number => at.getHours() % 12 || 12

/** How a phone writes the beginning of a message. */
const phones: Record<
  string,
  { of: (at: Date) => string; seconds: boolean; order?: 'dmy' | 'mdy' }
> = {
  'Android, United States': {
    of: (at) =>
      `${at.getMonth() + 1}/${at.getDate()}/${two(at.getFullYear() % 100)}, ${half(at)}:${two(at.getMinutes())}\u202f${at.getHours() < 12 ? 'AM' : 'PM'} - `,
    seconds: false,
    order: 'mdy'
  },
  'Android, Mexico': {
    of: (at) =>
      `${at.getDate()}/${at.getMonth() + 1}/${two(at.getFullYear() % 100)}, ${half(at)}:${two(at.getMinutes())}\u00a0${at.getHours() < 12 ? 'a.' : 'p.'}\u00a0m. - `,
    seconds: false,
    order: 'dmy'
  },
  'Android, Brazil': {
    of: (at) =>
      `${two(at.getDate())}/${two(at.getMonth() + 1)}/${at.getFullYear()} ${two(at.getHours())}:${two(at.getMinutes())} - `,
    seconds: false,
    order: 'dmy'
  },
  'iOS, Spain': {
    of: (at) =>
      `[${at.getDate()}/${at.getMonth() + 1}/${two(at.getFullYear() % 100)}, ${at.getHours()}:${two(at.getMinutes())}:${two(at.getSeconds())}] `,
    seconds: true,
    order: 'dmy'
  },
  'iOS, Germany': {
    of: (at) =>
      `[${two(at.getDate())}.${two(at.getMonth() + 1)}.${two(at.getFullYear() % 100)}, ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}] `,
    seconds: true,
    order: 'dmy'
  },
  'Android, Sweden': {
    of: (at) =>
      `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())} - `,
    seconds: false
  }
}

const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) =>
  // A line feed would be another line; white space at the end is not kept.
  text.replace(/[\r\n\u2028\u2029]/g, ' ').trimEnd()
)
const body = fc
  .tuple(
    fc.oneof(line, fc.constantFrom('a: b', 'see: 3/4/21', '- 12:30 - no', '<Media omitted>')),
    fc.array(line, { maxLength: 2 })
  )
  .map(([first, more]) => [`x${first}`, ...more.map((each) => `x${each}`)].join('\n'))
const chat = fc.array(
  fc.record({ minutes: fc.integer({ min: 0, max: 400_000 }), isMine: fc.boolean(), body }),
  { minLength: 1, maxLength: 8 }
)

for (const [name, { of, seconds, order }] of Object.entries(phones))
  t.test(`${name}: what was exported is read`, async (t) => {
    const property = fc.property(chat, fc.integer({ min: 0, max: 59 }), (drawn, second) => {
      let at = new Date(2024, 0, 1, 0, 0, seconds ? second : 0).getTime()
      const written = drawn.map(({ minutes, isMine, body: text }) => {
        at += minutes * 60_000
        const author = isMine ? 'Tienda Ñandú' : 'Ana 🌷'
        return { timestamp: at / 1_000, author, body: text }
      })
      const file = written.map(
        ({ timestamp, author, body: text }) =>
          `${of(new Date(timestamp * 1_000))}${author}: ${text}`
      )
      const { messages } = readChat(`\ufeff${file.join('\n')}\n`, order)
      t.same(messages, written)
    })
    fc.assert(property, propertyRuns(t, 100))
  })

const lines = (...texts: string[]): string => texts.join('\n')

t.test('the order of the dates is found out where that can be', async (t) => {
  const days = (text: string, order?: 'dmy' | 'mdy'): string[] =>
    readChat(text, order).messages.map(({ timestamp }) =>
      new Date(timestamp * 1_000).toLocaleDateString('sv')
    )
  t.same(days('13/2/24, 10:00 - Ana: a'), ['2024-02-13'])
  t.same(days('2/13/24, 10:00 - Ana: a'), ['2024-02-13'])
  t.same(days('4/4/24, 10:00 - Ana: a'), ['2024-04-04'], 'it is one day')
  const both = lines('1/2/24, 10:00 - Ana: a', '3/4/24, 10:00 - Ana: b')
  t.throws(() => days(both), /two ways: say --dates dmy or --dates mdy/)
  t.same(days(both, 'dmy'), ['2024-02-01', '2024-04-03'])
  const back = lines('1/2/24, 10:00 - Ana: a', '2/1/24, 10:00 - Ana: b')
  t.same(days(back), ['2024-01-02', '2024-02-01'], 'messages do not go back in time')
  t.throws(() => days('13/13/24, 10:00 - Ana: a'), /no order that is known/)
  t.throws(() => days('13/2/24, 10:00 - Ana: a', 'mdy'), /not in the order mdy/)
  t.throws(() => days('{"phone":"+52"}'), /is it an exported chat/)
})

t.test('what WhatsApp itself wrote is no message, nor is what follows it', async (t) => {
  const text = lines(
    '13/2/24, 10:00 - Los mensajes están cifrados.',
    'Toca para más información',
    '13/2/24, 10:01 - Ana: hola',
    '[13/2/24, 10:02:00] Ana: \u200eimagen omitida',
    '\u200e[13/2/24, 10:03:00] Ana: adiós'
  )
  const { messages, leftOut } = readChat(text, undefined)
  t.same(
    messages.map((each) => each.body),
    ['hola', 'adiós']
  )
  t.equal(leftOut, 2)
})

t.test('messages become lines of an import, each with an id of its own that stays', async (t) => {
  const said = (timestamp: number, author: string, text: string) => ({
    timestamp,
    author,
    body: text
  })
  const phone = '+525512345678'
  const all = [said(60, 'Ana', 'ok'), said(60, 'Ana', 'ok'), said(125, 'Tienda', 'ok')]
  const made = linesOfChat(all, { phone, me: 'Tienda' }) as { id: string; from_me: boolean }[]
  t.equal(new Set(made.map(({ id }) => id)).size, 3)
  t.same(
    made.map(({ from_me }) => from_me),
    [false, false, true]
  )
  t.same(linesOfChat(all, { phone, me: 'Tienda' }), made)
  t.same(linesOfChat(all, { phone, me: 'Tienda', before: 170 }), made.slice(0, 2))
  t.throws(() => linesOfChat(all, { phone, me: '' }), /say --me NAME.*Ana or Tienda/)
  const group = [...all, said(130, 'Luis', 'hola')]
  t.throws(() => linesOfChat(group, { phone, me: 'Tienda' }), /groups are not imported/)
})
