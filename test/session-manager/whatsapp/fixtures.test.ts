import fc from 'fast-check'
import t, { type Test } from 'tap'
import { isOfAPerson, notOfAPerson } from '../../../src/contract/message-types.ts'
import { CapturedMessage } from '../../../src/contract/record.ts'
import type { NewRecord } from '../../../src/session-manager/journal/journal.ts'
import {
  editRecords,
  messageRecords,
  reactionRecords
} from '../../../src/session-manager/whatsapp/new-records.ts'
import { toMessage, type Mapping } from '../../../src/session-manager/whatsapp/message.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { conforms } from '../../platform/conforms.ts'
import { fixture, fixtures, type Fixture } from './fixtures.ts'
import { mapping } from './only-draft.ts'
import { lead, rawImage, rawText } from './raw-models.ts'
import { propertyRuns } from '../../property-runs.ts'

const me = ['5215500000001@c.us', '100000000000001@lid']
const how: Mapping = { media: { maxBytes: 10_000_000, types: ['*/*'] }, me, broadcasts: true }
/** Not of one message model, or of what is looked up apart. */
const apart = new Set(['reaction-table', 'poll-vote-legacy'])

const first = (raw: Raw, by: Mapping = how): NewRecord => {
  const [newRecord] = messageRecords(raw, by)
  if (newRecord === undefined) throw new Error('nothing is captured')
  return newRecord
}

/** Checks of an `expect` that are not simply a field of the message. */
const checks: Readonly<Record<string, (t: Test, one: Fixture) => void>> = {
  ignore: (t, { raw }) => t.same(messageRecords(raw, how), []),
  notice: (t, { raw }) => {
    for (const { message } of messageRecords(raw, how))
      t.notOk(isOfAPerson(message.type), `${message.type} is of no person`)
  },
  ciphertext: (t, { raw, expect }) => {
    const isAwaited = expect['ciphertext'] === true
    t.equal(first(raw).kind, isAwaited ? 'ciphertext' : 'ciphertext_failed')
    t.equal(first(raw).message.phone_only === undefined, isAwaited)
  },
  media: (t, { raw, expect }) => {
    const { media } = first(raw).message
    if (expect['media'] === null) t.equal(media, undefined)
    else t.match(media, expect['media'])
  },
  contacts: (t, { raw, expect }) =>
    t.same(
      first(raw).message.contacts,
      raw['type'] === 'vcard' ? [raw['body']] : expect['contacts']
    ),
  lid: (t, { raw, expect }) => t.equal(first(raw).message.lid ?? null, expect['lid']),
  // The number of a LID is asked for afterwards.
  phone: (t, { raw, expect }) =>
    t.match(first(raw).message.phone ?? expect['phone'], expect['phone']),
  note: () => undefined,
  effect: () => undefined,
  revoked: (t, { raw, expect }) =>
    t.match(messageRecords(raw, how).at(-1)?.message.revoked, expect['revoked'])
}

for (const one of fixtures.filter(({ name }) => !apart.has(name))) {
  t.test(`fixture ${one.name} is captured as expected`, async (t) => {
    for (const [field, expected] of Object.entries(one.expect)) {
      const check = checks[field]
      if (check !== undefined) check(t, one)
      else t.match((first(one.raw).message as Record<string, unknown>)[field], expected, field)
    }
    for (const { message } of messageRecords(one.raw, how))
      conforms(t, CapturedMessage, message, 'as the contract has it')
  })
}

t.test('a reaction of the table is captured as expected', async (t) => {
  const { raw, expect } = fixtures.find(({ name }) => name === 'reaction-table') as Fixture
  const model = {
    ...raw,
    msgId: raw['reactionParentKey'],
    senderId: '200000000000002@lid',
    reaction: raw['reactionText'],
    timestamp: 1_790_000_200
  }
  t.match(reactionRecords(model, how)[0]?.message.reaction, expect['reaction'])
})

t.test('channels and status updates are kept out by default', async (t) => {
  const by: Mapping = { ...how, broadcasts: false }
  t.same(messageRecords(fixture('newsletter'), by), [])
  const status = rawText('S', {
    id: { fromMe: false, remote: 'status@broadcast', id: 'S', participant: lead }
  })
  t.same(messageRecords(status, by), [])
  t.equal(messageRecords(status, how).length, 1)
  t.same(
    reactionRecords(
      { id: {}, msgId: 'true_status@broadcast_S', senderId: lead, reaction: 'x', timestamp: 1 },
      by
    ),
    []
  )
})

const thumbnail = fc
  .uint8Array({ minLength: 1, maxLength: 400 })
  .map((bytes) => Buffer.from([0xff, 0xd8, 0xff, ...bytes]).toString('base64'))
const anyType = fc.oneof(
  fc.constantFrom(
    ...notOfAPerson,
    'image',
    'video',
    'location',
    'document',
    'product',
    'order',
    'interactive',
    'list',
    'vcard',
    'unknown',
    'groups_v4_invite',
    'payment',
    'poll_creation',
    'event_creation',
    'buttons_response',
    'hsm'
  ),
  fc.string({ maxLength: 12 })
)

t.test('a thumbnail is the text of no message, whatever its type', async (t) => {
  const field = fc.constantFrom(
    'body',
    'caption',
    'comment',
    'title',
    'message',
    'pollName',
    'eventName',
    'loc',
    'thumbnail'
  )
  fc.assert(
    fc.property(
      anyType,
      thumbnail,
      fc.uniqueArray(field, { minLength: 1 }),
      fc.boolean(),
      (type, image, fields, hasPath) => {
        if (type === 'chat') return
        const facts = {
          type,
          caption: undefined,
          directPath: hasPath ? '/v/x' : undefined,
          body: image
        }
        const raw = rawText('A', {
          ...facts,
          ...Object.fromEntries(fields.map((name) => [name, image])),
          quotedMsg: { type, body: image }
        })
        const all = [
          ...messageRecords(raw, mapping),
          ...editRecords({ ...raw, latestEditSenderTimestampMs: 5_000 }, image, mapping)
        ]
        const text = JSON.stringify(all.map(({ message }) => message))
        if (text.includes(image)) throw new Error(`the thumbnail is in a message of type ${type}`)
      }
    ),
    propertyRuns(t, 2_000)
  )
  t.equal(
    toMessage(rawText('A', { body: '/9j/ is how a JPEG begins' }), mapping)?.body,
    '/9j/ is how a JPEG begins'
  )
})

t.test('a photo without a path yet keeps its caption, and its media is pending', async (t) => {
  const message = first(rawImage('A', { directPath: undefined })).message
  t.match(message, { body: 'the house', has_media: true, media: { state: 'pending' } })
  t.match(first(rawImage('B', { directPath: undefined, isViewOnce: true })).message, {
    has_media: false,
    phone_only: 'view_once'
  })
})

t.test(
  'a document without a caption has no text, whatever its caption is filled with',
  async (t) => {
    const file = { type: 'document', filename: 'offer.pdf', caption: 'offer.pdf' }
    t.equal(first(rawImage('A', { ...file, isCaptionByUser: false })).message.body, '')
    t.equal(first(rawImage('B', file)).message.body, '', 'as the page did before it said so')
    t.equal(
      first(rawImage('C', { ...file, isCaptionByUser: true })).message.body,
      'offer.pdf',
      'a person wrote just that'
    )
  }
)

t.test('times of 0 and in ms', async (t) => {
  t.equal(first(rawText('A', { t: 1_700_000_000_000 })).message.timestamp, 1_700_000_000)
  t.equal(
    first(rawText('B', { t: 0, clientReceivedTsMillis: 1_700_000_001_000 })).message.timestamp,
    1_700_000_001
  )
  t.ok(Math.abs(first(rawText('C', { t: 0 })).message.timestamp - Date.now() / 1_000) < 5)
})

t.test('the ad that a chat was opened from', async (t) => {
  const ad = {
    title: 'Two rooms',
    body: 'near the park',
    url: 'https://fb.com/ad/1',
    id: '120',
    app: 'instagram',
    click_id: 'ARA'
  }
  const context = {
    title: ad.title,
    description: ad.body,
    sourceUrl: ad.url,
    sourceId: ad.id,
    sourceApp: ad.app,
    ctwaClid: ad.click_id,
    thumbnail: '/9j/AAAA',
    mediaType: 1
  }
  t.same(first(rawText('A', { ctwaContext: context })).message.ad, ad)
  const reply = {
    title: ad.title,
    body: ad.body,
    sourceUrl: ad.url,
    sourceId: ad.id,
    sourceApp: ad.app,
    ctwaClid: ad.click_id,
    sourceType: 'ad'
  }
  t.same(first(rawText('B', { contextInfo: { externalAdReply: reply } })).message.ad, {
    ...ad,
    type: 'ad'
  })
  t.notOk('ad' in first(rawText('C')).message)
})

t.test('calls: who, how it ended, and how long', async (t) => {
  const call = (facts: Raw): unknown =>
    first(rawText('A', { type: 'call_log', body: undefined, ...facts })).message.call
  t.same(call({ callOutcome: 'Completed', callDuration: 180, isVideoCall: true }), {
    outcome: 'answered',
    video: true,
    seconds: 180
  })
  t.same(call({ callOutcome: 'Missed', callDuration: 0 }), { outcome: 'missed', video: false })
  t.same(call({ callOutcome: 'AcceptedElsewhere' }), { outcome: 'answered', video: false })
  t.same(call({ callOutcome: 'Ongoing' }), { outcome: 'unknown', video: false })
  t.same(call({ callOutcome: 'Ongoing', finalCallOutcome: 'Rejected' }), {
    outcome: 'rejected',
    video: false
  })
  t.same(call({ subtype: 'miss_group_video' }), { outcome: 'missed', video: true, group: true })
})

t.test('products, payments, invitations and events', async (t) => {
  const product = {
    type: 'product',
    body: '/9j/AAAA',
    title: 'Chair',
    description: 'oak',
    productId: '7',
    retailerId: 'SKU',
    priceAmount1000: 900_000,
    salePriceAmount1000: 700_000,
    currencyCode: 'MXN',
    url: 'https://x.example'
  }
  t.match(first(rawText('A', product)).message, {
    body: 'Chair',
    product: {
      id: '7',
      title: 'Chair',
      description: 'oak',
      retailer_id: 'SKU',
      amount1000: 700_000,
      currency: 'MXN'
    }
  })
  const payment = {
    type: 'payment',
    body: undefined,
    paymentStatus: 4,
    paymentAmount1000: 5_000,
    paymentCurrency: 'BRL',
    paymentNoteMsg: { type: 'chat', body: 'for the deposit' }
  }
  t.match(first(rawText('B', payment)).message, {
    body: 'for the deposit',
    payment: { status: 'complete', amount1000: 5_000, currency: 'BRL', note: 'for the deposit' }
  })
  const invite = {
    type: 'groups_v4_invite',
    body: undefined,
    comment: 'join us',
    inviteGrp: '120363000000000001@g.us',
    inviteGrpName: 'Buyers',
    inviteCode: 'SECRET',
    inviteCodeExp: '1790000000'
  }
  const invited = first(rawText('C', invite)).message
  t.match(invited, {
    body: 'join us',
    group_invite: {
      group_id: '120363000000000001@g.us',
      name: 'Buyers',
      expires_at: '2026-09-21T14:13:20.000Z'
    }
  })
  t.notMatch(JSON.stringify(invited), /SECRET/, 'the code lets anybody in')
  const event = {
    type: 'event_creation',
    body: undefined,
    eventName: 'Visit',
    eventDescription: 'second floor',
    eventStartTime: 1_790_000_000,
    eventLocation: { name: 'Office', address: 'Main St 1' },
    isEventCanceled: true
  }
  t.match(first(rawText('D', event)).message, {
    body: 'Visit',
    event: {
      name: 'Visit',
      starts_at: '2026-09-21T14:13:20.000Z',
      place: 'Office, Main St 1',
      canceled: true
    }
  })
})

t.test('lists, templates and carousels', async (t) => {
  const list = {
    type: 'list',
    body: undefined,
    footer: 'f',
    list: {
      title: 'Menu',
      description: 'Choose one',
      buttonText: 'Open',
      sections: [{ title: 's', rows: [{ rowId: 'r1', title: 'Row 1', description: 'd' }] }]
    }
  }
  t.match(first(rawText('A', list)).message, {
    body: 'Choose one',
    interactive: {
      title: 'Menu',
      button: 'Open',
      footer: 'f',
      choices: [{ id: 'r1', text: 'Row 1' }]
    }
  })
  t.match(first(fixture('template')).message.interactive, {
    footer: 'Shop',
    choices: [{ text: 'Track', url: 'https://example.com' }]
  })
  t.match(first(fixture('buttons')).message.interactive, {
    footer: 'f',
    choices: [{ id: 'b1', text: 'Yes' }]
  })
  t.match(first(fixture('interactive-native-flow')).message.interactive, {
    title: 'Hi',
    choices: [{ id: '1', text: 'Yes' }]
  })
  const card = {
    caption: 'One',
    interactiveHeader: { title: null },
    interactivePayload: {
      buttons: [
        { name: 'cta_url', buttonParamsJson: '{"display_text":"See","url":"https://x.example"}' }
      ]
    }
  }
  const carousel = {
    type: 'interactive',
    body: undefined,
    caption: 'Look',
    carouselCardsParsed: [card]
  }
  t.match(first(rawText('B', carousel)).message, {
    body: 'Look',
    interactive: { cards: [{ body: 'One', choices: [{ text: 'See', url: 'https://x.example' }] }] }
  })
})

t.test('an album and what is in it', async (t) => {
  t.same(first(fixture('album-parent')).message.album, {})
  const parent = fixture('album-parent')['id']
  const child = first(
    rawImage('B', { parentMsgKey: parent, associationType: 'MEDIA_ALBUM' })
  ).message
  t.equal(child.album_id, 'false_200000000000002@lid_3A0000000000000000A1')
})

t.test('hosted devices are people', async (t) => {
  const hosted = rawText('A', {
    id: { fromMe: false, remote: '5215500000002:99@hosted', id: 'A' },
    from: '5215500000002:99@hosted'
  })
  t.match(first(hosted).message, {
    id: 'false_5215500000002@c.us_A',
    chat_id: '5215500000002@c.us',
    phone: '+5215500000002'
  })
  const lid = rawText('B', {
    id: { fromMe: false, remote: '200000000000002:99@hosted.lid', id: 'B' },
    from: '200000000000002:99@hosted.lid'
  })
  t.match(first(lid).message, { id: 'false_200000000000002@lid_B', lid: '200000000000002@lid' })
})

t.test("the account's own chat, bots, changed numbers, and what was never sent", async (t) => {
  for (const own of me) {
    const note = rawText('A', {
      id: { fromMe: true, remote: own, id: 'A', self: 'out', _serialized: `true_${own}_A_out` },
      from: own,
      to: own
    })
    t.match(first(note).message, { id: `true_${own}_A_out`, to_self: true })
  }
  t.match(
    first(rawText('B', { id: { fromMe: false, remote: '13135550002@c.us', id: 'B' } })).message,
    { bot: true }
  )
  t.match(first(fixture('meta-ai-rich-response')).message, { bot: true })
  t.same(first(fixture('notification-template')).message.number_change, {
    from: '200000000000002@lid',
    to: '300000000000003@lid'
  })
  t.match(first(rawText('C', { id: { fromMe: true, remote: lead, id: 'C' }, ack: -1 })).message, {
    unsent: true
  })
})

t.test('a deletion read back is the message it deleted', async (t) => {
  const own = { fromMe: false, remote: lead, id: 'OWN', _serialized: `false_${lead}_OWN` }
  const raw = rawText('X', {
    id: own,
    type: 'revoked',
    body: undefined,
    protocolMessageKey: { fromMe: false, remote: lead, id: 'GONE', $1: `false_${lead}_GONE` }
  })
  t.same(
    messageRecords(raw, how).map(({ kind, message }) => [kind, message.id]),
    [
      ['message', `false_${lead}_GONE`],
      ['revoke', `false_${lead}_GONE`]
    ]
  )
})
