import t from 'tap'
import { asText, keyOf, phoneOf } from '../../../src/session-manager/whatsapp/raw.ts'
import { group, lead, wid } from './raw-models.ts'

t.test('a device suffix is no part of a phone number', async (t) => {
  for (const [id, phone] of [
    ['5215512345678@c.us', '+5215512345678'], ['5215512345678:12@c.us', '+5215512345678'], ['5215512345678@s.whatsapp.net', '+5215512345678'],
    ['118999881199@lid', undefined], [group, undefined], ['status@broadcast', undefined], ['12@c.us', undefined], ['1234567890123456@c.us', undefined],
    ['', undefined], [undefined, undefined], ['+5215512345678@c.us', undefined]
  ] as const) {
    t.equal(phoneOf(id), phone, String(id))
  }
})

t.test('the key of a message', async (t) => {
  t.equal(keyOf({ _serialized: 'true_a_b' }), 'true_a_b')
  t.equal(keyOf({ fromMe: true, remote: wid(lead), id: 'X' }), `true_${lead}_X`)
  t.equal(keyOf({ remote: group, id: 'X', participant: wid(lead) }), `false_${group}_X_${lead}`)
  t.equal(keyOf('true_a_b'), 'true_a_b')
  for (const none of [undefined, null, '', {}, [], 5, { remote: lead }, { id: 'X' }]) t.equal(keyOf(none), undefined)
})

t.test('a text is one that databases and files give back as it was', async (t) => {
  for (const [text, kept] of [['a\ud83d', 'a\ufffd'], ['\ude00b', '\ufffdb'], ['👍', '👍'], ['a\0b', 'a\ufffdb']] as const) t.equal(asText(text), kept)
  for (const none of ['', 5, null, undefined, {}]) t.equal(asText(none), undefined)
  t.equal(keyOf({ remote: lead, id: 'X\ud83d' }), `false_${lead}_X\ufffd`)
})
