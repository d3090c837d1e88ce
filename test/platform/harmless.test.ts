import t from 'tap'
import {
  harmless,
  harmlessError,
  PlainError,
  reasonOf,
  withoutIds
} from '../../src/platform/harmless.ts'
import { createDice } from '../dice.ts'

/** Real-looking errors, and what of them may be shown. */

const people = ['Juan Pérez', 'Doña Carmen', 'José "El Güero"', '小明', "O'Brien"]
const words = [
  'le mando la factura',
  'mañana paso por el pedido',
  'no contestes a "nadie"',
  'precio?',
  'te amo'
]
const numbers = [
  '5215512345678',
  '+5215512345678',
  '+52 1 55 1234 5678',
  '(55) 1234-5678',
  '55-1234-5678',
  '+1 (415) 555-2671',
  '55.1234.5678',
  '011 15 2345-6789',
  '٠١٢٣٤٥٦٧٨٩',
  '+34 612 345 678',
  '1 2 3 4 5 6 7 8'
]
const ids = [
  '5215512345678@c.us',
  '99887766554433@lid',
  '120363041234567890@g.us',
  'false_5215512345678@c.us_3EB0C431C26A1916E07A',
  'ana.perez+ventas@example.com',
  '5215512345678:12@s.whatsapp.net',
  'status@broadcast'
]
const secrets = [
  'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9',
  'sk_live_51H8aBcDeFgHiJkLmNoPqRsT',
  'a-token-for-tests-0123456789-abcdefgh'
]

/** Errors as they are, with a person's name, words, number, id and a secret in them. */
const errors: readonly ((facts: {
  name: string
  text: string
  number: string
  id: string
  secret: string
}) => string)[] = [
  ({ id, text }) => `wid error: invalid wid ${id}: "${text}"`,
  ({ number }) =>
    `Evaluation failed: Error: no contact for ${number}\n    at pptr:evaluate;WWebJS:1:17`,
  ({ text }) => `Unexpected token 'H', ..."{"body":"${text}","x":1"... is not valid JSON`,
  ({ text }) => `Unexpected token 'H', "${text}" is not valid JSON`,
  ({ number }) =>
    `duplicate key value violates unique constraint "leads_phone": Key (phone)=(${number}) already exists.`,
  ({ name }) => `Key (account, name)=(main, ${name}) already exists.`,
  ({ text }) => `invalid input syntax for type json: Token "${text}" is invalid.`,
  ({ number, secret }) =>
    `request to https://mmg.whatsapp.net/v/t62.7118-24/${number}?oh=${secret}&oe=6A2B failed, reason: read ECONNRESET`,
  ({ secret }) =>
    `getaddrinfo ENOTFOUND hooks.example.com: POST https://user:${secret}@hooks.example.com/in?token=${secret}`,
  ({ secret }) => `401 Unauthorized: Authorization: Bearer ${secret}`,
  ({ secret }) => `password=${secret} was refused`,
  ({ name, text }) => `the webhook answered: {"error":"${name} said '${text}'"}`,
  ({ name }) => `Cannot read properties of undefined (reading '${name}')`,
  ({ text }) => `InvalidArgument: “${text}” is too long`,
  ({ text }) => `InvalidArgument: «${text}»`,
  ({ id }) => `ENOENT: no such file or directory, open '/var/lib/leadmaster/media/${id}'`,
  ({ id, number }) => `Msg ${id} of ${number} not found`,
  ({ text, name }) => `first line\n${name}: ${text}`
]

/** What of the facts is in a text: whole, or all of a number's digits. */
const leaks = (
  shown: string,
  { name, text, number, id, secret }: Record<string, string>
): string[] =>
  [name, text, number, id, secret, id?.split('@')[0], number?.replace(/\D/g, '')].filter(
    (fact): fact is string => fact !== undefined && fact.length > 5 && shown.includes(fact)
  )

t.test(
  'of errors of others neither names in quotes, words, numbers, ids nor secrets are shown, nested and combined',
  async (t) => {
    const seed = Number(process.env['HARMLESS_SEED'] ?? Date.now() % 1e6)
    const cases = Number(process.env['HARMLESS_CASES'] ?? 5_000)
    const random = createDice(seed)
    const one = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
    const found: unknown[] = []
    for (let round = 0; round < cases && found.length < 5; round += 1) {
      const facts = {
        name: one(people),
        text: one(words),
        number: one(numbers),
        id: one(ids),
        secret: one(secrets)
      }
      const make = (depth = 0): Error => {
        const message = Array.from({ length: 1 + Math.floor(random() * 2) }, () =>
          one(errors)(facts)
        ).join(random() < 0.5 ? ' ' : ': ')
        const cause =
          random() < 0.4 && depth < 4 ? { cause: random() < 0.8 ? make(depth + 1) : message } : {}
        const error =
          random() < 0.2
            ? new AggregateError([make(depth + 1)], message, cause)
            : random() < 0.5
              ? new TypeError(message, cause)
              : new Error(message, cause)
        return Object.assign(error, {
          code: one(['23505', 'ECONNRESET', facts.id]),
          detail: message,
          where: message,
          hint: facts.text,
          body: facts.text,
          parameters: [facts.number]
        })
      }
      const error = make()
      const shown = [JSON.stringify(harmlessError(error)), reasonOf(error), harmless(error.message)]
      // Escapes of JSON do not hide a text.
      const bad = shown.flatMap((text) => leaks(text.replaceAll('\\"', '"'), facts))
      if (bad.length > 0) found.push({ seed, message: error.message, bad, shown })
    }
    t.same(found, [])
  }
)

t.test('what helps an operator is kept', async (t) => {
  for (const text of [
    "Cannot read properties of undefined (reading 'serialize')",
    'net::ERR_NAME_NOT_RESOLVED at',
    'connect ECONNREFUSED 127.0.0.1:5432',
    'no answer within 10000 ms',
    'database or disk is full',
    'the certificate expired on 2026-11-30T05:45:43.195Z',
    'WhatsApp Web 2.3000.1023456789 is not served any more'
  ])
    t.equal(harmless(text), text)
  t.equal(
    harmless('failed at https://example.com/in?x=1 now'),
    'failed at https://example.com/(hidden) now'
  )
  t.equal(harmless('x'.repeat(300)).length, 200)
  t.equal(
    reasonOf(new PlainError(`HOST=127.0.0.1 PORT=3001 is taken, see "${'y'.repeat(300)}"`)).length,
    341
  )
  t.match(
    harmlessError(
      Object.assign(new Error('a'), { code: '23505', constraint: 'leads_phone', detail: 'Juan' })
    ),
    {
      type: 'Error',
      message: 'a',
      code: '23505',
      constraint: 'leads_phone',
      detail: undefined,
      stack: /^at .*harmless\.test\.ts:\d+:\d+/
    }
  )
})

t.test('errors that cause each other in a circle, and what is no error at all', async (t) => {
  const [a, b] = [new Error('a'), new Error('b')]
  a.cause = b
  b.cause = a
  t.equal(JSON.stringify(harmlessError(a)).match(/"type"/g)?.length, 6)
  t.equal(harmlessError({ body: 'Hola Juan' }), '[object Object]')
  t.equal(harmlessError(undefined), 'undefined')
  t.equal(reasonOf('Hola "Juan"'), 'Hola (hidden)')
  t.equal(reasonOf(new RangeError('')), 'RangeError')
})

t.test('the last net takes ids and international numbers out of any text', async (t) => {
  t.equal(
    withoutIds('a false_5215512345678@c.us_3EB0 b +5215512345678 c 99887766554433@lid.'),
    'a (hidden) b (hidden) c (hidden)'
  )
  t.equal(
    withoutIds('listening on 127.0.0.1:3001, 1234567890 bytes'),
    'listening on 127.0.0.1:3001, 1234567890 bytes'
  )
})
