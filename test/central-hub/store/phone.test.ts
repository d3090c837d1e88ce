import fc from 'fast-check'
import { sql } from 'kysely'
import t from 'tap'
import { propertyRuns } from '../../property-runs.ts'
import {
  displayPhone,
  phoneKey,
  readPhone,
  spellingsOf
} from '../../../src/central-hub/store/database/phone.ts'
import { record, testStore } from './open-store.ts'

t.test(
  'numbers of one person are compared by one key, whatever of older numbering WhatsApp keeps in them',
  async (t) => {
    for (const [now, before] of [
      ['+525512345678', '+5215512345678'],
      ['+541123456789', '+5491123456789'],
      ['+551187654321', '+5511987654321']
    ] as const) {
      t.equal(phoneKey(before), phoneKey(now), now)
    }
    t.not(phoneKey('+15512345678'), phoneKey('+525512345678'))
  }
)

t.test('numbers are shown as people write them in their country', async (t) => {
  for (const [phone, shown] of [
    ['+525512345678', '+52 55 1234 5678'],
    ['+5215512345678', '+52 55 1234 5678'],
    ['+5491123456789', '+54 9 11 2345 6789'],
    ['+34600123456', '+34 600 12 34 56'],
    ['+5511987654321', '+55 11 98765 4321'],
    ['+12125550123', '+1 212 555 0123'],
    ['+51987654321', '+51 987 654 321'],
    ['+999123', '+999123'],
    ['+1', '+1']
  ] as const) {
    t.equal(displayPhone(phone).replaceAll('-', ' '), shown, phone)
  }
})

t.test('the database works out the same keys', async (t) => {
  const { db, take } = await testStore(t)
  const phones = [
    '+525512345678',
    '+5215512345678',
    '+541123456789',
    '+5491123456789',
    '+551187654321',
    '+5511987654321',
    '+15551234567',
    '+4915112345678',
    '+52155123456'
  ]
  await take(
    ...phones.map((phone, n) =>
      record(`${n}`, {
        id: `${n}`,
        phone,
        chat_id: `${phone.slice(1)}@c.us`,
        from: `${phone.slice(1)}@c.us`
      })
    )
  )
  const rows = await db.selectFrom('leads').select(['phone', 'phone_key']).orderBy('id').execute()
  t.same(
    rows.map(({ phone_key }) => phone_key),
    phones.map(phoneKey)
  )
  t.match(
    (
      await sql<{
        detail: string
      }>`explain query plan select id from leads where phone_key = '525512345678'`.execute(db)
    ).rows,
    [{ detail: /leads_by_phone_key/ }]
  )
})

t.test('a number is read however it is written', async (t) => {
  t.equal(readPhone('+52 (55) 1234-5678'), '+525512345678')
  t.equal(readPhone('+52 1 55 1234 5678'), '+525512345678', 'as WhatsApp may still show it')
  t.equal(readPhone('55 1234 5678', 'MX'), '+525512345678')
  t.equal(readPhone('011 15-2345-6789', 'AR'), '+5491123456789')
  for (const none of ['55 1234 5678', 'Ana', '', '+52', '+52 55 1234 5678 or so'])
    t.equal(readPhone(none), undefined, none)
})

t.test('the spellings of a number are those that are compared as one', async (t) => {
  const digits = fc.oneof(
    fc.stringMatching(/^[1-9]\d{6,14}$/),
    fc.stringMatching(/^(521?|549?|55\d\d9?)\d{8,10}$/)
  )
  fc.assert(
    fc.property(digits, (given) => {
      const phone = `+${given}`
      const spellings = spellingsOf(phone)
      const keys = new Set(spellings.map(phoneKey))
      return spellings.includes(phone) && keys.size === 1 && keys.has(phoneKey(phone))
    }),
    propertyRuns(t, 5_000)
  )
  t.same(spellingsOf('+5215512345678').toSorted(), ['+5215512345678', '+525512345678'])
  t.same(spellingsOf('+5511987654321').toSorted(), ['+551187654321', '+5511987654321'])
  t.same(spellingsOf('+34600123456'), ['+34600123456'])
})
