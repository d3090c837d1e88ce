import fc from 'fast-check'
import { Compile } from 'typebox/compile'
import t, { type Test } from 'tap'
import { CapturedMessage } from '../../../src/contract/record.ts'
import type { Draft } from '../../../src/session-manager/journal.ts'
import {
  ciphertextFailedDrafts, editDrafts, groupDrafts, keyOf, messageDrafts, phoneOf, reactionDrafts, revokeDrafts, toMessage, voteDrafts,
  type Mapping, type Raw
} from '../../../src/session-manager/whatsapp/message.ts'
import { conforms } from '../../platform/conforms.ts'
import { filehash, group, lead, lid, me, rawGroup, rawImage, rawMine, rawText, sha256, wid } from './raw-models.ts'

const limits = { maxBytes: 1_000_000, types: ['*/*'] }
const mapping: Mapping = { media: limits, me: [me] }

/** The one draft, its message checked against the contract. */
const only = (t: Test, drafts: Draft[]): Draft => {
  t.equal(drafts.length, 1, 'one draft')
  const [first] = drafts as [Draft]
  conforms(t, CapturedMessage, first.message, 'as the contract has it')
  return first
}
const captured = (t: Test, raw: Raw, how: Mapping = mapping): CapturedMessage => only(t, messageDrafts(raw, how)).message

t.test('a text from a lead', async (t) => {
  const draft = only(t, messageDrafts(rawText('3EB0A'), mapping))
  t.equal(draft.kind, 'message')
  t.equal(draft.key, `message:false_${lead}_3EB0A`)
  t.same(draft.message, {
    id: `false_${lead}_3EB0A`, chat_id: lead, from: lead, to: me, phone: '+5215512345678', name: 'Ana', from_me: false, type: 'chat',
    body: 'Hola, ¿sigue disponible?', timestamp: 1_700_000_000, has_media: false
  })
})

t.test("the operator's own reply is of the same chat and person, without a name", async (t) => {
  t.match(captured(t, rawMine('3EB0B')), { id: `true_${lead}_3EB0B`, chat_id: lead, from: me, to: lead, phone: '+5215512345678', from_me: true })
  t.notOk('name' in captured(t, rawMine('3EB0B', { notifyName: 'Me' })))
})

t.test('in a group the person is the author', async (t) => {
  t.match(captured(t, rawGroup('3EB0C')), { id: `false_${group}_3EB0C_${lead}`, chat_id: group, from: group, author: lead, phone: '+5215512345678', name: 'Ana' })
})

t.test('a chat known by its LID', async (t) => {
  const raw = rawText('3EB0D', { id: { fromMe: false, remote: lid, id: '3EB0D', _serialized: `false_${lid}_3EB0D` }, from: wid(lid) })
  const message = captured(t, raw)
  t.match(message, { chat_id: lid, lid })
  t.notOk('phone' in message, 'the number is looked up afterwards, by capture')
  t.match(captured(t, rawGroup('X', { author: wid(lid) })), { lid, author: lid })
})

t.test('a device suffix is no part of a phone number', async (t) => {
  for (const [id, phone] of [
    ['5215512345678@c.us', '+5215512345678'], ['5215512345678:12@c.us', '+5215512345678'], ['5215512345678@s.whatsapp.net', '+5215512345678'],
    ['118999881199@lid', undefined], [group, undefined], ['status@broadcast', undefined], ['12@c.us', undefined], ['1234567890123456@c.us', undefined],
    ['', undefined], [undefined, undefined], ['+5215512345678@c.us', undefined]
  ] as const) {
    t.equal(phoneOf(id), phone, String(id))
  }
})

t.test('an image: its caption is the text (the body is a thumbnail), and it is to be fetched', async (t) => {
  const message = captured(t, rawImage('3EB0E'))
  t.match(message, { type: 'image', body: 'the house', has_media: true, media: { state: 'pending', mimetype: 'image/jpeg', size: 123_456, sha256 } })
  t.equal(captured(t, rawImage('F', { caption: undefined })).body, '')
})

t.test('what other media tell', async (t) => {
  t.match(captured(t, rawImage('A', { type: 'ptt', caption: undefined, mimetype: 'audio/ogg; codecs=opus', duration: '7' })).media, { duration: 7, mimetype: 'audio/ogg; codecs=opus' })
  t.match(captured(t, rawImage('B', { type: 'document', filename: 'plan.pdf', mimetype: 'application/pdf' })).media, { filename: 'plan.pdf' })
  t.match(captured(t, rawImage('C', { type: 'sticker' })), { type: 'sticker', has_media: true })
  t.notOk('sha256' in (captured(t, rawImage('D', { filehash: 'short' })).media ?? {}), 'a sum that is none is left out')
})

t.test('media larger than the limit, or of another type, is described, not fetched; with 0 none is', async (t) => {
  t.equal(captured(t, rawImage('A', { size: 1_000_000 })).media?.state, 'pending')
  t.match(captured(t, rawImage('B', { size: 1_000_001 })).media, { state: 'skipped', size: 1_000_001, sha256 })
  t.equal(captured(t, rawImage('C', { size: 1 }), { ...mapping, media: { ...limits, maxBytes: 0 } }).media?.state, 'skipped')
  t.equal(captured(t, rawImage('D', { size: undefined })).media?.state, 'pending', 'an unknown size is seen when it arrives')
  t.match(captured(t, rawImage('E'), { ...mapping, media: { ...limits, types: ['audio/*'] } }).media, { state: 'skipped', reason: 'of a type that MEDIA_TYPES leaves out', sha256 })
})

t.test('a location', async (t) => {
  t.same(captured(t, rawText('A', { type: 'location', lat: 19.4326, lng: -99.1332, loc: 'Zócalo\nCentro, CDMX', body: '/9j/thumb' })).location, { latitude: 19.4326, longitude: -99.1332, name: 'Zócalo', address: 'Centro, CDMX' })
  t.same(captured(t, rawText('B', { type: 'location', lat: 0, lng: 0, loc: undefined })).location, { latitude: 0, longitude: 0 })
  t.notOk('location' in captured(t, rawText('C', { lat: 1, lng: 1 })), 'a text has none')
})

t.test('contact cards', async (t) => {
  const card = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nEND:VCARD'
  t.same(captured(t, rawText('A', { type: 'vcard', body: card })).contacts, [card])
  t.same(captured(t, rawText('B', { type: 'multi_vcard', body: null, vcardList: [{ displayName: 'Ana', vcard: card }, { vcard: card }, { vcard: 5 }, null] })).contacts, [card, card])
})

t.test('a poll', async (t) => {
  const poll = { type: 'poll_creation', body: '', pollName: 'When?', pollOptions: [{ name: 'Monday', localId: 0 }, { name: 'Friday', localId: 1 }], pollSelectableOptionsCount: 1 }
  t.match(captured(t, rawText('A', poll)), { body: 'When?', poll: { options: ['Monday', 'Friday'], multiple: false } })
  t.match(captured(t, rawText('B', { ...poll, pollSelectableOptionsCount: 0 })).poll, { multiple: true })
})

t.test('an event', async (t) => t.equal(captured(t, rawText('A', { type: 'event_creation', body: undefined, eventName: 'Visit' })).body, 'Visit'))

t.test('what is quoted, its id in full', async (t) => {
  const quoting = (participant: string, facts: Raw = {}): Raw => ({ quotedStanzaID: '3EB0Q', quotedParticipant: wid(participant), ...facts })
  t.equal(captured(t, rawText('A', quoting(me))).quoted_id, `true_${lead}_3EB0Q`, 'a message of ours')
  t.equal(captured(t, rawText('B', quoting(lead))).quoted_id, `false_${lead}_3EB0Q`, 'one of theirs')
  t.equal(captured(t, rawGroup('C', quoting(lead))).quoted_id, `false_${group}_3EB0Q_${lead}`, 'in a group the participant is part of the id')
  t.equal(captured(t, rawText('D', quoting(lead, { quotedRemoteJid: wid(group) }))).quoted_id, `false_${group}_3EB0Q_${lead}`, 'of a group, answered in private')
  t.notOk('quoted_id' in captured(t, rawText('E')))
})

t.test('mentions and forwards', async (t) => {
  t.match(captured(t, rawText('A', { mentionedJidList: [wid(me), lead], isForwarded: true })), { mentions: [me, lead], forwarded: true })
})

t.test('a type nobody knows is captured under its own name', async (t) => {
  t.match(captured(t, rawText('A', { type: 'hologram', body: 'x' })), { type: 'hologram', body: 'x' })
  t.match(captured(t, rawText('B', { type: undefined, body: undefined })), { type: 'unknown', body: '' })
})

t.test('what is not decrypted yet, or never will be', async (t) => {
  const raw = rawText('A', { type: 'ciphertext', body: undefined })
  const first = only(t, messageDrafts(raw, mapping))
  t.match(first, { kind: 'ciphertext', key: `ciphertext:false_${lead}_A` })
  t.not(first.key, only(t, messageDrafts(rawText('A'), mapping)).key, 'the message that follows is a record of its own')
  t.match(only(t, ciphertextFailedDrafts(raw, mapping)), { kind: 'ciphertext_failed', key: `ciphertext_failed:false_${lead}_A` })
  t.same(editDrafts(raw, undefined, mapping), [], 'and is no edit')
})

t.test('an edit', async (t) => {
  const at = 1_700_000_100_000
  const edited = rawText('A', { body: 'new', latestEditSenderTimestampMs: at, latestEditMsgKey: {} })
  const draft = only(t, editDrafts(edited, 'old', mapping))
  t.match(draft, { kind: 'edit', key: `edit:false_${lead}_A:${at}`, message: { id: `false_${lead}_A`, body: 'new', edited: { at: new Date(at).toISOString(), previous: 'old' } } })
  t.notOk('previous' in (only(t, editDrafts(edited, '', mapping)).message.edited ?? {}))

  t.test('read back, is the message and its latest edit', async (t) => {
    const drafts = messageDrafts(edited, mapping)
    t.same(drafts.map(({ kind }) => kind), ['message', 'edit'])
    t.equal(drafts[1]?.key, draft.key, 'the same edit as the one seen live')
  })
  t.test('without its time counts only if one text took the place of another', async (t) => {
    t.equal(editDrafts(rawText('A', { body: 'new' }), 'old', mapping).length, 1)
    t.equal(editDrafts(rawText('A', { body: 'same' }), 'same', mapping).length, 0)
    t.equal(editDrafts(rawText('A', { body: 'decrypted now' }), '', mapping).length, 0)
    t.equal(editDrafts(rawImage('A'), 'thumbnail', mapping).length, 0)
    const keys = ['new', 'newer'].map((body) => editDrafts(rawText('A', { body }), 'old', mapping)[0]?.key)
    t.not(keys[0], keys[1], 'two edits are two records')
  })
})

t.test('a deletion refers to the message that is gone', async (t) => {
  const key = { fromMe: false, remote: wid(lead), id: 'GONE', _serialized: `false_${lead}_GONE` }
  const raw = rawText('A', { type: 'revoked', subtype: 'sender', body: '', protocolMessageKey: key })
  t.match(only(t, revokeDrafts(raw, 'sender', mapping)), { kind: 'revoke', key: `revoke:sender:false_${lead}_GONE`, message: { id: `false_${lead}_GONE`, body: '', revoked: { by: 'sender' } } })
  t.match(only(t, revokeDrafts(rawText('B'), 'me', mapping)), { key: `revoke:me:false_${lead}_B`, message: { body: '', revoked: { by: 'me' } } }, 'without such a key, to itself')
  t.match(messageDrafts(raw, mapping), [{ kind: 'message', message: { type: 'revoked' } }, { kind: 'revoke', message: { id: `false_${lead}_GONE` } }], 'read back')
})

t.test('a reaction, and its removal', async (t) => {
  const parent = { fromMe: true, remote: lead, id: 'P', _serialized: `true_${lead}_P` }
  const reaction = (text: string, timestamp: number): Raw => ({
    id: { fromMe: false, remote: lead, id: 'R', _serialized: `false_${lead}_R` }, orphan: 0, orphanReason: null, timestamp, reaction: text, read: false, msgId: parent, senderId: lead, ack: undefined
  })
  const draft = only(t, reactionDrafts(reaction('👍', 1_700_000_000.123)))
  t.match(draft, {
    kind: 'reaction',
    message: { id: `false_${lead}_R`, chat_id: lead, from: lead, phone: '+5215512345678', from_me: false, type: 'reaction', body: '👍', timestamp: 1_700_000_000, reaction: { message_id: `true_${lead}_P`, emoji: '👍', sender: lead } }
  })
  const removal = only(t, reactionDrafts(reaction('', 1_700_000_005)))
  t.match(removal.message, { reaction: { emoji: '' } })
  t.not(removal.key, draft.key)
  const mine = only(t, reactionDrafts({ ...reaction('👍', 1), id: { fromMe: true, remote: lead, id: 'R', _serialized: `true_${lead}_R` }, senderId: me }))
  t.match(mine.message, { from_me: true, from: me })
  t.notOk('phone' in mine.message)
  t.same(reactionDrafts({ ...reaction('👍', 1), msgId: undefined }), [])
  t.same(reactionDrafts({ ...reaction('👍', 1), senderId: undefined }), [])
})

t.test('a vote is what is selected now, in full', async (t) => {
  const vote = { voter: lead, selectedOptions: [{ id: 0, name: 'Monday' }, { id: 1, name: 'Friday' }, { id: 2, name: undefined }], interractedAtTs: 1_700_000_000_500, parentMsgKey: { fromMe: true, remote: lead, id: 'P', _serialized: `true_${lead}_P` } }
  t.match(only(t, voteDrafts(vote)), {
    kind: 'vote', key: `vote:true_${lead}_P:${lead}:1700000000500`,
    message: { chat_id: lead, from: lead, type: 'poll_vote', body: 'Monday, Friday', timestamp: 1_700_000_001, vote: { message_id: `true_${lead}_P`, options: ['Monday', 'Friday'] } }
  })
  t.match(only(t, voteDrafts({ ...vote, selectedOptions: [] })).message.vote, { options: [] }, 'taken back')
  t.same(voteDrafts({ ...vote, parentMsgKey: undefined }), [])
})

t.test('a change in a group', async (t) => {
  const raw = rawGroup('A', { type: 'gp2', subtype: 'add', body: '', recipients: [wid(lead), lid] })
  t.match(captured(t, raw), { type: 'gp2', chat_id: group, group: { subtype: 'add', recipients: [lead, lid] } })
  // as GroupNotification of whatsapp-web.js has it
  const notification = { id: raw['id'] as Raw, body: '', type: 'remove', timestamp: 1_700_000_000, chatId: group, author: lead, recipientIds: [lid] }
  const draft = only(t, groupDrafts(notification, mapping))
  t.match(draft.message, { type: 'gp2', chat_id: group, from: group, author: lead, timestamp: 1_700_000_000, group: { subtype: 'remove', recipients: [lid] } })
  t.equal(draft.key, only(t, messageDrafts(raw, mapping)).key, 'the same record, however it is heard of')
})

t.test('the key of a message', async (t) => {
  t.equal(keyOf({ _serialized: 'true_a_b' }), 'true_a_b')
  t.equal(keyOf({ fromMe: true, remote: wid(lead), id: 'X' }), `true_${lead}_X`)
  t.equal(keyOf({ remote: group, id: 'X', participant: wid(lead) }), `false_${group}_X_${lead}`)
  t.equal(keyOf('true_a_b'), 'true_a_b')
  for (const none of [undefined, null, '', {}, [], 5, { remote: lead }, { id: 'X' }]) t.equal(keyOf(none), undefined)
})

t.test('what has no id is no message', async (t) => {
  t.equal(toMessage({}, mapping), undefined)
  for (const drafts of [messageDrafts({}, mapping), editDrafts({}, 'x', mapping), revokeDrafts({}, 'me', mapping), ciphertextFailedDrafts({}, mapping), reactionDrafts({}), voteDrafts({}), groupDrafts({}, mapping)]) t.same(drafts, [])
})

t.test('times that are none are taken for now', async (t) => {
  for (const bad of [undefined, null, 'soon', -1, NaN, Infinity, 1e308, 1e13, {}]) {
    const { timestamp } = captured(t, rawText('A', { t: bad }))
    t.ok(Math.abs(timestamp - Date.now() / 1_000) < 5, String(bad))
    t.equal(editDrafts(rawText('A', { latestEditSenderTimestampMs: typeof bad === 'number' && bad === 1e13 ? 1e16 : bad }), undefined, mapping).length, 0)
  }
  t.equal(captured(t, rawText('B', { t: '1700000000' })).timestamp, 1_700_000_000)
})

t.test('hostile garbage throws nothing, and what comes of it is as the contract has it', async (t) => {
  const validator = Compile(CapturedMessage)
  const fields = [
    'id', 'from', 'to', 'author', 'type', 'subtype', 'body', 'caption', 't', 'timestamp', 'notifyName', 'directPath', 'filehash', 'size', 'duration', 'mimetype', 'filename',
    'lat', 'lng', 'loc', 'vcardList', 'pollName', 'pollOptions', 'pollSelectableOptionsCount', 'quotedStanzaID', 'quotedParticipant', 'quotedRemoteJid',
    'mentionedJidList', 'recipients', 'recipientIds', 'chatId', 'isForwarded', 'latestEditSenderTimestampMs', 'protocolMessageKey', 'msgId', 'senderId', 'reaction',
    'voter', 'parentMsgKey', 'selectedOptions', 'interractedAtTs', 'eventName'
  ]
  const type = fc.constantFrom('chat', 'image', 'location', 'vcard', 'multi_vcard', 'poll_creation', 'gp2', 'ciphertext', 'revoked', 'e2e_notification', '')
  const anyId = fc.oneof(fc.constantFrom(lead, me, lid, group, ''), fc.record({ _serialized: fc.anything(), remote: fc.anything(), id: fc.anything(), fromMe: fc.anything() }, { requiredKeys: [] }), fc.anything())
  const value = fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true, withObjectString: true, withSparseArray: true }), anyId, type, fc.double(), fc.constant(filehash), fc.array(anyId))
  const raw = fc
    .tuple(fc.dictionary(fc.constantFrom(...fields), value), fc.boolean(), type)
    .map(([facts, usable, kind]): Raw => (usable ? { ...facts, id: { fromMe: true, remote: lead, id: 'X' }, type: kind } : facts))
  fc.assert(
    fc.property(raw, fc.anything(), fc.nat(), (model, previous, maxBytes) => {
      const how = { media: { ...limits, maxBytes }, me: [me] }
      const before = typeof previous === 'string' ? previous : undefined
      const all = [
        messageDrafts(model, how), editDrafts(model, before, how), revokeDrafts(model, 'sender', how), revokeDrafts(model, 'me', how),
        ciphertextFailedDrafts(model, how), reactionDrafts(model), voteDrafts(model), groupDrafts(model, how)
      ].flat()
      for (const { key, message } of all) {
        // it goes into the journal as JSON, and on to the hub
        const back: unknown = JSON.parse(JSON.stringify(message))
        if (!validator.Check(back)) throw new Error(`not as the contract has it: ${JSON.stringify([...validator.Errors(back)].slice(0, 3))}`)
        if (!/^\w+:./.test(key)) throw new Error(`a key without an id: ${key}`)
        if (Number.isNaN(new Date((message.timestamp as number) * 1_000).getTime())) throw new Error('a time that is none')
      }
    }),
    { numRuns: 3_000 }
  )
  t.pass('held for 3,000 models')
})
