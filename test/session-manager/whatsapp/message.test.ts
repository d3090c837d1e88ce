import t from 'tap'
import { messageRecords } from '../../../src/session-manager/whatsapp/new-records.ts'
import { unreadableFields } from '../../../src/session-manager/whatsapp/message.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { captured, mapping, only } from './only-draft.ts'
import {
  group,
  lead,
  lid,
  me,
  rawGroup,
  rawImage,
  rawMine,
  rawText,
  sha256,
  wid
} from './raw-models.ts'

t.test('a text from a lead', async (t) => {
  const newRecord = only(t, messageRecords(rawText('3EB0A'), mapping))
  t.equal(newRecord.kind, 'message')
  t.equal(newRecord.key, `message:false_${lead}_3EB0A`)
  t.same(newRecord.message, {
    id: `false_${lead}_3EB0A`,
    chat_id: lead,
    from: lead,
    to: me,
    phone: '+5215512345678',
    name: 'Ana',
    from_me: false,
    type: 'chat',
    body: 'Hola, ¿sigue disponible?',
    timestamp: 1_700_000_000,
    has_media: false
  })
})

t.test("the operator's own reply is of the same chat and person, without a name", async (t) => {
  t.match(captured(t, rawMine('3EB0B')), {
    id: `true_${lead}_3EB0B`,
    chat_id: lead,
    from: me,
    to: lead,
    phone: '+5215512345678',
    from_me: true
  })
  t.notOk('name' in captured(t, rawMine('3EB0B', { notifyName: 'Me' })))
})

t.test('in a group the person is the author', async (t) => {
  t.match(captured(t, rawGroup('3EB0C')), {
    id: `false_${group}_3EB0C_${lead}`,
    chat_id: group,
    from: group,
    author: lead,
    phone: '+5215512345678',
    name: 'Ana'
  })
})

t.test('a chat known by its LID', async (t) => {
  const raw = rawText('3EB0D', {
    id: { fromMe: false, remote: lid, id: '3EB0D', _serialized: `false_${lid}_3EB0D` },
    from: wid(lid)
  })
  const message = captured(t, raw)
  t.match(message, { chat_id: lid, lid })
  t.notOk('phone' in message, 'the number is looked up afterwards, by capture')
  t.match(captured(t, rawGroup('X', { author: wid(lid) })), { lid, author: lid })
})

t.test(
  'an image: its caption is the text (the body is a thumbnail), and it is to be fetched',
  async (t) => {
    const message = captured(t, rawImage('3EB0E'))
    t.match(message, {
      type: 'image',
      body: 'the house',
      has_media: true,
      media: { state: 'pending', mimetype: 'image/jpeg', size: 123_456, sha256 }
    })
    t.equal(captured(t, rawImage('F', { caption: undefined })).body, '')
  }
)

t.test('what other media tell', async (t) => {
  t.match(
    captured(
      t,
      rawImage('A', {
        type: 'ptt',
        caption: undefined,
        mimetype: 'audio/ogg; codecs=opus',
        duration: '7'
      })
    ).media,
    { duration: 7, mimetype: 'audio/ogg; codecs=opus' }
  )
  t.match(
    captured(
      t,
      rawImage('B', { type: 'document', filename: 'plan.pdf', mimetype: 'application/pdf' })
    ).media,
    { filename: 'plan.pdf' }
  )
  t.match(captured(t, rawImage('C', { type: 'sticker' })), { type: 'sticker', has_media: true })
  t.notOk(
    'sha256' in (captured(t, rawImage('D', { filehash: 'short' })).media ?? {}),
    'a sum that is none is left out'
  )
})

t.test(
  'media larger than the limit, or of another type, is described, not fetched; with 0 none is',
  async (t) => {
    t.equal(captured(t, rawImage('A', { size: 1_000_000 })).media?.state, 'pending')
    t.match(captured(t, rawImage('B', { size: 1_000_001 })).media, {
      state: 'skipped',
      size: 1_000_001,
      sha256
    })
    t.equal(
      captured(t, rawImage('C', { size: 1 }), {
        ...mapping,
        media: { ...mapping.media, maxBytes: 0 }
      }).media?.state,
      'skipped'
    )
    t.equal(
      captured(t, rawImage('D', { size: undefined })).media?.state,
      'pending',
      'an unknown size is seen when it arrives'
    )
    t.match(
      captured(t, rawImage('E'), { ...mapping, media: { ...mapping.media, types: ['audio/*'] } })
        .media,
      { state: 'skipped', reason: 'of a type that MEDIA_TYPES leaves out', sha256 }
    )
  }
)

t.test('a location', async (t) => {
  t.same(
    captured(
      t,
      rawText('A', {
        type: 'location',
        lat: 19.4326,
        lng: -99.1332,
        loc: 'Zócalo\nCentro, CDMX',
        body: '/9j/thumb'
      })
    ).location,
    { latitude: 19.4326, longitude: -99.1332, name: 'Zócalo', address: 'Centro, CDMX' }
  )
  t.same(captured(t, rawText('B', { type: 'location', lat: 0, lng: 0, loc: undefined })).location, {
    latitude: 0,
    longitude: 0
  })
  t.notOk('location' in captured(t, rawText('C', { lat: 1, lng: 1 })), 'a text has none')
})

t.test('contact cards', async (t) => {
  const card = 'BEGIN:VCARD\nVERSION:3.0\nFN:Ana\nEND:VCARD'
  t.same(captured(t, rawText('A', { type: 'vcard', body: card })).contacts, [card])
  t.same(
    captured(
      t,
      rawText('B', {
        type: 'multi_vcard',
        body: null,
        vcardList: [{ displayName: 'Ana', vcard: card }, { vcard: card }, { vcard: 5 }, null]
      })
    ).contacts,
    [card, card]
  )
})

t.test('a poll', async (t) => {
  const poll = {
    type: 'poll_creation',
    body: '',
    pollName: 'When?',
    pollOptions: [
      { name: 'Monday', localId: 0 },
      { name: 'Friday', localId: 1 }
    ],
    pollSelectableOptionsCount: 1
  }
  t.match(captured(t, rawText('A', poll)), {
    body: 'When?',
    poll: { options: ['Monday', 'Friday'], multiple: false }
  })
  t.match(captured(t, rawText('B', { ...poll, pollSelectableOptionsCount: 0 })).poll, {
    multiple: true
  })
})

t.test('an event', async (t) =>
  t.equal(
    captured(t, rawText('A', { type: 'event_creation', body: undefined, eventName: 'Visit' })).body,
    'Visit'
  )
)

t.test('what is quoted, its id in full', async (t) => {
  const quoting = (participant: string, facts: Raw = {}): Raw => ({
    quotedStanzaID: '3EB0Q',
    quotedParticipant: wid(participant),
    ...facts
  })
  t.equal(
    captured(t, rawText('A', quoting(me))).quoted_id,
    `true_${lead}_3EB0Q`,
    'a message of ours'
  )
  t.equal(
    captured(t, rawText('B', quoting(lead))).quoted_id,
    `false_${lead}_3EB0Q`,
    'one of theirs'
  )
  t.equal(
    captured(t, rawGroup('C', quoting(lead))).quoted_id,
    `false_${group}_3EB0Q_${lead}`,
    'in a group the participant is part of the id'
  )
  t.equal(
    captured(t, rawText('D', quoting(lead, { quotedRemoteJid: wid(group) }))).quoted_id,
    `false_${group}_3EB0Q_${lead}`,
    'of a group, answered in private'
  )
  t.notOk('quoted_id' in captured(t, rawText('E')))
})

t.test('mentions and forwards', async (t) => {
  t.match(captured(t, rawText('A', { mentionedJidList: [wid(me), lead], isForwarded: true })), {
    mentions: [me, lead],
    forwarded: true
  })
})

t.test('a type nobody knows is captured under its own name', async (t) => {
  t.match(captured(t, rawText('A', { type: 'hologram', body: 'x' })), {
    type: 'hologram',
    body: 'x'
  })
  t.match(captured(t, rawText('B', { type: undefined, body: undefined })), {
    type: 'unknown',
    body: ''
  })
})

t.test(
  'a message of which WhatsApp has changed the shape is captured as far as it can be read, once',
  async (t) => {
    t.same(unreadableFields(rawText('A')), [])
    const raw = rawText('A', { id: { key: 'A' }, t: 'today' })
    t.same(unreadableFields(raw), ['id', 't'])
    const message = captured(t, raw)
    t.match(message, { from: lead, body: 'Hola, ¿sigue disponible?', type: 'chat' })
    t.match(message.id, /^false_5215512345678@c\.us_unreadable-[0-9a-f]{32}$/)
    t.equal(captured(t, { ...raw }).id, message.id, 'the same id, when it is seen again')
    t.not(captured(t, { ...raw, body: 'Otra cosa' }).id, message.id)
    t.same(unreadableFields({}), ['id', 'from', 't', 'type'])
    t.same(
      unreadableFields(rawText('A', { id: { fromMe: false, remote: lead, id: 'A' } })),
      ['id text'],
      'a key without its text is made of its parts'
    )
    t.same(messageRecords({}, mapping), [], 'what is from nobody is no message')
  }
)
