import t from 'tap'
import {
  asId,
  asText,
  isKeyBuilt,
  keyOf,
  phoneOf
} from '../../../../src/session-manager/whatsapp/content/raw.ts'
import { group, lead, wid } from '../raw-models.ts'

t.test('a device suffix is no part of a phone number', async (t) => {
  for (const [id, phone] of [
    ['5215512345678@c.us', '+5215512345678'],
    ['5215512345678:12@c.us', '+5215512345678'],
    ['5215512345678@s.whatsapp.net', '+5215512345678'],
    ['118999881199@lid', undefined],
    [group, undefined],
    ['status@broadcast', undefined],
    ['12@c.us', undefined],
    ['1234567890123456@c.us', undefined],
    ['', undefined],
    [undefined, undefined],
    ['+5215512345678@c.us', undefined]
  ] as const) {
    t.equal(phoneOf(id), phone, String(id))
  }
})

t.test('the key of a message', async (t) => {
  t.equal(keyOf({ _serialized: 'true_a_b' }), 'true_a_b')
  t.equal(keyOf({ fromMe: true, remote: wid(lead), id: 'X' }), `true_${lead}_X`)
  t.equal(keyOf({ remote: group, id: 'X', participant: wid(lead) }), `false_${group}_X_${lead}`)
  t.equal(keyOf('true_a_b'), 'true_a_b')
  for (const none of [undefined, null, '', {}, [], 5, { remote: lead }, { id: 'X' }])
    t.equal(keyOf(none), undefined)
})

t.test(
  'the key of a message is found by its value, whatever its private field is called',
  async (t) => {
    const text = `false_${group}_3A0_${lead}`
    const parts = { fromMe: false, remote: group, id: '3A0', participant: lead }

    for (const field of ['_serialized', '$1', '$7']) {
      t.equal(keyOf({ ...parts, [field]: text }), text, field)
      t.equal(isKeyBuilt({ ...parts, [field]: text }), false)
    }
    t.equal(
      keyOf({ ...parts, $1: text, $2: `${text}_other` }),
      text,
      'two such texts: the parts decide'
    )
    t.equal(isKeyBuilt(parts), true)
  }
)

t.test('the key of a note to oneself says in which direction it went', async (t) => {
  t.equal(keyOf({ fromMe: true, remote: lead, id: '3A0', self: 'out' }), `true_${lead}_3A0_out`)
  t.equal(
    keyOf({ fromMe: false, remote: lead, id: '3A0', self: 'in', $1: `false_${lead}_3A0_in` }),
    `false_${lead}_3A0_in`
  )
})

t.test('the id of a contact is its text, or is built from its parts', async (t) => {
  t.equal(asId({ user: '5215512345678', server: 'c.us', _serialized: lead }), lead)
  t.equal(asId({ user: '118999881199', server: 'lid' }), '118999881199@lid')
  t.equal(asId({ user: '5215512345678', server: 'c.us', device: 12 }), lead, 'without its device')
  t.equal(asId({ user: '5215512345678', server: 'c.us', device: 0 }), '5215512345678@c.us')
  t.equal(asId({ user: '5215512345678' }), undefined)
})

t.test('a text is one that databases and files give back as it was', async (t) => {
  for (const [text, kept] of [
    ['a\ud83d', 'a\ufffd'],
    ['\ude00b', '\ufffdb'],
    ['👍', '👍'],
    ['a\0b', 'a\ufffdb']
  ] as const)
    t.equal(asText(text), kept)
  for (const none of ['', 5, null, undefined, {}]) t.equal(asText(none), undefined)
  t.equal(keyOf({ remote: lead, id: 'X\ud83d' }), `false_${lead}_X\ufffd`)
})
