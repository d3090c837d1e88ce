import fc from 'fast-check'
import t from 'tap'
import { isOfAPerson, kindOf, MessageKind, notOfAPerson } from '../../src/contract/message-types.ts'
import { typeNames } from '../../src/session-manager/whatsapp/page-names.ts'
import { propertyRuns } from '../property-runs.ts'

const kinds: readonly string[] = MessageKind.anyOf.map((each) => each.const)

t.test('each type of WhatsApp Web has a kind of its own', async (t) => {
  const unnamed = typeNames.filter((type) => kindOf(type) === 'other')

  t.same(unnamed, ['unknown'], 'WhatsApp itself does not know what this is')
  t.same(
    kinds.filter((kind) => kind !== 'other' && !typeNames.some((type) => kindOf(type) === kind)),
    []
  )
})

t.test('what WhatsApp itself says is system, and what a person writes is not', async (t) => {
  const shown = ['automated_greeting_message', 'biz_content_placeholder', 'poll_result_snapshot']

  for (const type of notOfAPerson) t.equal(kindOf(type) === 'system', !shown.includes(type), type)
  for (const type of typeNames.filter(isOfAPerson)) t.not(kindOf(type), 'system', type)
})

t.test('any text has a kind of the list, and one that no release knows is other', async (t) => {
  const types = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(...typeNames, '__proto__', 'constructor', 'CHAT', ' chat', '')
  )

  fc.assert(
    fc.property(types, (type) => {
      const kind = kindOf(type)
      if (!kinds.includes(kind)) throw new Error(`${kind} is not in the list`)
      if (
        !typeNames.includes(type) &&
        !['buttons', 'gif'].includes(type) &&
        kind !== 'other' &&
        isOfAPerson(type)
      ) {
        throw new Error(`${JSON.stringify(type)} is ${kind}`)
      }
    }),
    propertyRuns(t, 2_000)
  )
})
