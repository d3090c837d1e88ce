import t, { type Test } from 'tap'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import { toMessage } from '../../../src/session-manager/whatsapp/message.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { mapping } from './only-draft.ts'
import { filehash, group, lead, me, rawImage, rawMine, rawText, sha256, wid } from './raw-models.ts'

/**
 * What a message holds beside the text: each kind of content out of the fields that WhatsApp Web
 * has for it, and out of no others.
 */

/** What every message has. */
const base = new Set([
  'id',
  'chat_id',
  'from',
  'to',
  'author',
  'phone',
  'lid',
  'name',
  'from_me',
  'type',
  'timestamp',
  'has_media'
])

type Content = Partial<CapturedMessage>

/** The text and the content of a message that is made of these fields alone. */
const contentOf = (raw: Raw): Content => {
  const message = toMessage(raw, mapping)
  if (message === undefined) throw new Error('it is no message')
  return Object.fromEntries(Object.entries(message).filter(([name]) => !base.has(name)))
}
const of = (type: string, facts: Raw = {}): Raw => rawText('A', { body: undefined, type, ...facts })

/** Each row: what it is, the fields, and all that comes out of them. */
const table = (
  t: Test,
  rows: readonly (readonly [name: string, raw: Raw, content: Content])[]
): void => {
  for (const [name, raw, content] of rows) t.same(contentOf(raw), content, name)
}

const thumbnail = '/9j/4AAQSkZJRgABAQAAAQABAAD'

t.test(
  'an ad: the field of the page counts before that of the protocol, each on its own',
  async (t) => {
    const context = {
      title: 'Casa',
      description: 'Con jardín',
      sourceUrl: 'https://fb.me/1',
      sourceId: '17',
      sourceType: 'ad',
      sourceApp: 'facebook',
      ctwaClid: 'click'
    }
    const reply = {
      title: 'House',
      body: 'With a garden',
      sourceUrl: 'https://fb.me/2',
      sourceId: '18',
      sourceType: 'post',
      sourceApp: 'instagram',
      ctwaClid: 'clack'
    }
    const [first, second] = [
      {
        title: 'Casa',
        body: 'Con jardín',
        url: 'https://fb.me/1',
        id: '17',
        type: 'ad',
        app: 'facebook',
        click_id: 'click'
      },
      {
        title: 'House',
        body: 'With a garden',
        url: 'https://fb.me/2',
        id: '18',
        type: 'post',
        app: 'instagram',
        click_id: 'clack'
      }
    ]
    table(t, [
      ['the page', of('chat', { ctwaContext: context }), { body: '', ad: first }],
      [
        'the protocol',
        of('chat', { contextInfo: { externalAdReply: reply } }),
        { body: '', ad: second }
      ],
      [
        'both',
        of('chat', { ctwaContext: context, contextInfo: { externalAdReply: reply } }),
        { body: '', ad: first }
      ],
      [
        'neither',
        of('chat', { ctwaContext: {}, contextInfo: { externalAdReply: null } }),
        { body: '' }
      ],
      [
        'the source of the conversion alone',
        of('chat', { ctwaContext: { conversionSource: 'FB_Ads' } }),
        { body: '', ad: { app: 'FB_Ads' } }
      ],
      [
        'the app of the protocol before it',
        of('chat', {
          ctwaContext: { conversionSource: 'FB_Ads' },
          contextInfo: { externalAdReply: { sourceApp: 'facebook' } }
        }),
        { body: '', ad: { app: 'facebook' } }
      ],
      ['no text', of('chat', { ctwaContext: { title: thumbnail, description: 5 } }), { body: '' }]
    ])
  }
)

t.test('an order', async (t) => {
  const order = {
    orderId: '42',
    orderTitle: 'Two chairs',
    itemCount: 2,
    status: 1,
    totalAmount1000: 1_500_000,
    totalCurrencyCode: 'MXN'
  }
  const statusOf = (status: unknown): unknown =>
    contentOf(of('order', { orderId: '42', status })).order?.status
  table(t, [
    [
      'in full',
      of('order', order),
      {
        body: 'Two chairs',
        order: {
          id: '42',
          title: 'Two chairs',
          items: 2,
          status: 'inquiry',
          amount1000: 1_500_000,
          currency: 'MXN'
        }
      }
    ],
    [
      'with a text of its own',
      of('order', { ...order, message: 'Please' }),
      {
        body: 'Please',
        order: {
          id: '42',
          title: 'Two chairs',
          items: 2,
          status: 'inquiry',
          amount1000: 1_500_000,
          currency: 'MXN'
        }
      }
    ],
    ['of nothing', of('order'), { body: '' }],
    ['a text with its fields is none', of('chat', order), { body: '' }],
    [
      'an amount that is no amount',
      of('order', { orderId: '42', totalAmount1000: 1e300 }),
      { body: '', order: { id: '42' } }
    ],
    [
      'an amount in a text, with a part of a unit',
      of('order', { totalAmount1000: '1500.6' }),
      { body: '', order: { amount1000: 1_501 } }
    ],
    ['an amount of 0', of('order', { totalAmount1000: 0 }), { body: '', order: { amount1000: 0 } }]
  ])
  t.same([1, 2, 3, '2', 9, 'DECLINED', null].map(statusOf), [
    'inquiry',
    'accepted',
    'declined',
    'accepted',
    '9',
    'declined',
    undefined
  ])
})

t.test('a product, with the reduced price where there is one', async (t) => {
  const product = {
    productId: '7',
    title: 'Chair',
    description: 'Of oak',
    url: 'https://shop.example/7',
    retailerId: 'SKU7',
    priceAmount1000: 900_000,
    currencyCode: 'MXN'
  }
  const chair = {
    id: '7',
    title: 'Chair',
    description: 'Of oak',
    url: 'https://shop.example/7',
    retailer_id: 'SKU7',
    amount1000: 900_000,
    currency: 'MXN'
  }
  table(t, [
    ['in full', of('product', product), { body: 'Chair', product: chair }],
    [
      'with a caption',
      of('product', { ...product, caption: 'Look' }),
      { body: 'Look', product: chair }
    ],
    [
      'reduced',
      of('product', { ...product, salePriceAmount1000: 800_000 }),
      { body: 'Chair', product: { ...chair, amount1000: 800_000 } }
    ],
    [
      'reduced to 0, which is how the page says that it is not',
      of('product', { ...product, salePriceAmount1000: 0 }),
      { body: 'Chair', product: chair }
    ],
    [
      'of another type, by its id',
      of('interactive', { productId: '7' }),
      { body: '', product: { id: '7' } }
    ],
    [
      'of another type without an id',
      of('chat', { retailerId: 'SKU7', priceAmount1000: 1 }),
      { body: '' }
    ],
    [
      'without an id',
      of('product', { retailerId: 'SKU7' }),
      { body: '', product: { retailer_id: 'SKU7' } }
    ]
  ])
})

t.test('a payment', async (t) => {
  const payment = {
    subtype: 'request',
    paymentStatus: 4,
    paymentNoteMsg: { body: 'Rent' },
    paymentAmount1000: 9_000,
    paymentCurrency: 'BRL'
  }
  table(t, [
    [
      'in full',
      of('payment', payment),
      {
        body: 'Rent',
        payment: {
          kind: 'request',
          status: 'complete',
          note: 'Rent',
          amount1000: 9_000,
          currency: 'BRL'
        }
      }
    ],
    [
      'sent',
      of('payment', { subtype: 'send', paymentNoteMsg: 'Rent' }),
      { body: '', payment: { kind: 'send', note: 'Rent' } }
    ],
    ['that the page does not know', of('payment', { subtype: 'futureproof' }), { body: '' }],
    ['a text with its fields is none', of('chat', payment), { body: '' }]
  ])
  const names = [
    'unknown',
    'processing',
    'sent',
    'need_to_accept',
    'complete',
    'could_not_complete',
    'refunded',
    'expired',
    'rejected',
    'cancelled',
    'waiting_for_payer',
    'waiting',
    '12'
  ]
  t.same(
    names.map((_, status) => contentOf(of('payment', { paymentStatus: status })).payment?.status),
    names
  )
})

t.test('buttons, of each of the shapes that WhatsApp Web has for them', async (t) => {
  const [template, dynamic] = [{ isFromTemplate: true }, { isDynamicReplyButtonsMsg: true }]
  const flow = (params: unknown): Raw => ({
    interactivePayload: {
      buttons: [
        {
          name: 'x',
          buttonParamsJson: typeof params === 'string' ? params : JSON.stringify(params)
        }
      ]
    }
  })
  const choices = (raw: Raw): unknown => contentOf(raw).interactive?.choices
  t.same(
    choices(
      of('chat', {
        dynamicReplyButtons: [
          { buttonId: 'b1', buttonText: { displayText: 'Yes' } },
          { buttonId: 'b2', displayText: 'No' },
          { buttonId: 'b3' },
          null
        ]
      })
    ),
    [
      { text: 'Yes', id: 'b1' },
      { text: 'No', id: 'b2' }
    ]
  )
  t.same(
    choices(
      of('chat', {
        hydratedButtons: [
          { urlButton: { displayText: 'Site', url: 'https://x.example' } },
          { quickReplyButton: { displayText: 'Stop', id: 'stop' } },
          { callButton: { displayText: 'Call', phoneNumber: '+5215512345678' } },
          { otherButton: { displayText: 'Odd' } }
        ]
      })
    ),
    [
      { text: 'Site', url: 'https://x.example' },
      { text: 'Stop', id: 'stop' },
      { text: 'Call', phone: '+5215512345678' }
    ]
  )
  t.same(
    choices(
      of(
        'interactive',
        flow({ display_text: 'Book', id: 'book', url: 'https://x.example', phone_number: '+1' })
      )
    ),
    [{ text: 'Book', id: 'book', url: 'https://x.example', phone: '+1' }]
  )
  t.same(choices(of('interactive', flow({ title: 'Book' }))), [{ text: 'Book' }])
  t.same(
    choices(
      of('native_flow', {
        nativeFlowButtons: [{ buttonParamsJson: { display_text: 'As an object' } }]
      })
    ),
    [{ text: 'As an object' }]
  )
  t.same(
    choices(
      of(
        'interactive',
        flow({
          display_text: 'List',
          sections: [
            {
              rows: [
                { id: 'r1', title: 'One' },
                { rowId: 'r2', id: 'x', title: 'Two' },
                { id: 'r3' }
              ]
            },
            { rows: null },
            {}
          ]
        })
      )
    ),
    [
      { text: 'One', id: 'r1' },
      { text: 'Two', id: 'r2' }
    ],
    'a button that opens a list is its rows'
  )
  for (const broken of ['{"display_text"', '', '[]', 'null', '5'])
    t.equal(choices(of('interactive', flow(broken))), undefined, broken)
  t.equal(
    choices(of('interactive', flow({ id: 'without a text', display_text: thumbnail }))),
    undefined
  )
  for (const [name, facts] of [
    ['template', template],
    ['dynamic', dynamic]
  ] as const) {
    t.same(contentOf(of('chat', { ...facts, footer: 'F' })).interactive, { footer: 'F' }, name)
  }
  t.same(contentOf(of('list', { footer: 'F' })).interactive, { footer: 'F' })
  t.same(
    contentOf(
      of('chat', {
        footer: 'F',
        list: { title: 'L' },
        isFromTemplate: false,
        isDynamicReplyButtonsMsg: 'true'
      })
    ),
    { body: '' },
    'a text with a footer is no such message'
  )
})

t.test('a list, a carousel, a header', async (t) => {
  const list = {
    title: 'Menu',
    description: 'What would you like?',
    buttonText: 'Choose',
    sections: [
      { title: 'Hot', rows: [{ rowId: 'r1', title: 'Tea' }] },
      { rows: [{ rowId: 'r2', title: 'Coffee' }] }
    ]
  }
  const choices = [
    { text: 'Tea', id: 'r1' },
    { text: 'Coffee', id: 'r2' }
  ]
  const header = { title: 'Header' }
  const card = {
    interactiveHeader: { title: 'Card' },
    caption: 'One',
    nativeFlowButtons: [{ buttonParamsJson: '{"display_text":"Buy"}' }]
  }
  table(t, [
    [
      'a list',
      of('list', { list, footer: 'Thanks', title: 'T' }),
      {
        body: 'What would you like?',
        interactive: { title: 'Menu', footer: 'Thanks', button: 'Choose', choices }
      }
    ],
    [
      'a list without a description',
      of('list', { list: { title: 'Menu' } }),
      { body: 'Menu', interactive: { title: 'Menu' } }
    ],
    [
      'a header',
      of('interactive', { interactiveHeader: header, title: 'T', caption: 'Hello', body: 'B' }),
      { body: 'Hello', interactive: { title: 'Header' } }
    ],
    [
      'a title alone',
      of('native_flow', { title: 'T', body: 'B' }),
      { body: 'B', interactive: { title: 'T' } }
    ],
    [
      'a header alone is the text, too',
      of('interactive', { interactiveHeader: header }),
      { body: 'Header', interactive: { title: 'Header' } }
    ],
    [
      'cards',
      of('interactive', { carouselCardsParsed: [card, { title: 'Two' }, {}, 'odd'] }),
      {
        body: '',
        interactive: {
          cards: [{ title: 'Card', body: 'One', choices: [{ text: 'Buy' }] }, { title: 'Two' }]
        }
      }
    ],
    ['nothing', of('interactive'), { body: '' }]
  ])
})

t.test('what a person chose, by the field of each type and no other', async (t) => {
  const fields = {
    selectedButtonId: 'button',
    listResponse: { singleSelectReply: { selectedRowId: 'row' } },
    selectedId: 'template',
    interactivePayload: { paramsJson: '{"id":"flow"}' }
  }
  const selected = (type: string, facts: Raw = fields): unknown =>
    contentOf(of(type, facts)).selected
  t.equal(selected('buttons_response'), 'button')
  t.equal(selected('list_response'), 'row')
  t.equal(selected('template_button_reply'), 'template')
  t.equal(selected('interactive_response'), 'flow')
  t.equal(selected('chat'), undefined)
  for (const odd of [
    {},
    { listResponse: null, interactivePayload: 'x' },
    { listResponse: { singleSelectReply: 5 }, interactivePayload: { paramsJson: '{' } }
  ]) {
    for (const type of [
      'buttons_response',
      'list_response',
      'template_button_reply',
      'interactive_response'
    ])
      t.equal(selected(type, odd), undefined, type)
  }
})

t.test('a file: by its type, or by where WhatsApp keeps it', async (t) => {
  const has = (type: string, facts: Raw = {}): boolean =>
    toMessage(rawImage('A', { type, ...facts }), mapping)?.has_media === true
  for (const type of ['audio', 'document', 'gif', 'image', 'ptt', 'ptv', 'sticker', 'video']) {
    t.ok(has(type), type)
    t.ok(has(type, { directPath: undefined }), `${type}: the path comes later`)
  }
  for (const type of ['album', 'ciphertext', 'revoked', 'sticker-pack', 'gp2'])
    t.notOk(has(type), type)
  t.ok(has('hologram'), 'a type that nobody knows, with a file')
  t.notOk(has('hologram', { directPath: '' }))
  t.notOk(has('chat', { directPath: undefined }))
  t.ok(has('image', { isViewOnce: true }), 'to be seen once, and given to this device all the same')
  t.notOk(has('image', { isViewOnce: true, directPath: undefined }))
  t.ok(has('image', { isViewOnce: false, directPath: undefined }))
  const media = contentOf(
    rawImage('A', { size: '12.4', filename: 'house.jpg', duration: '3.5' })
  ).media
  t.same(media, {
    state: 'pending',
    mimetype: 'image/jpeg',
    filename: 'house.jpg',
    size: 12,
    sha256,
    duration: 3.5
  })
  t.same(
    contentOf(
      of('image', { filehash: `${filehash.slice(0, -4)}AAAA`, size: -1, duration: 'long' })
    ),
    { body: '', media: { state: 'pending' } },
    'sums and sizes that are none'
  )
})

t.test('a place', async (t) => {
  const at = { lat: 19.4326, lng: '-99.1332' }
  const here = { latitude: 19.4326, longitude: -99.1332 }
  table(t, [
    [
      'with name and address',
      of('location', { ...at, loc: 'Zócalo\nCentro\nCDMX' }),
      { body: '', location: { ...here, name: 'Zócalo', address: 'Centro' } }
    ],
    [
      'with a name',
      of('location', { ...at, loc: 'Zócalo' }),
      { body: '', location: { ...here, name: 'Zócalo' } }
    ],
    [
      'live',
      of('location', { ...at, isLive: true, comment: 'I am here' }),
      { body: 'I am here', location: { ...here, live: true } }
    ],
    [
      'not live',
      of('location', { ...at, isLive: false, caption: 'Here' }),
      { body: 'Here', location: here }
    ],
    ['without a longitude', of('location', { lat: 1 }), { body: '' }],
    ['without a latitude', of('location', { lng: 1 }), { body: '' }]
  ])
})

t.test('contact cards', async (t) => {
  table(t, [
    ['one', of('vcard', { body: 'BEGIN:VCARD' }), { body: '', contacts: ['BEGIN:VCARD'] }],
    ['one that cannot be read', of('vcard', { body: thumbnail }), { body: '', contacts: [''] }],
    [
      'several',
      of('multi_vcard', { vcardList: [{ vcard: 'A' }, { vcard: '' }, 'x', { vcard: 'B' }] }),
      { body: '', contacts: ['A', 'B'] }
    ],
    [
      'several that cannot be read',
      of('multi_vcard', { vcardList: 'x' }),
      { body: '', contacts: [] }
    ],
    [
      'a text',
      of('chat', { body: 'BEGIN:VCARD', vcardList: [{ vcard: 'A' }] }),
      { body: 'BEGIN:VCARD' }
    ]
  ])
})

t.test('a poll and its results', async (t) => {
  const poll = { pollName: 'When?', pollOptions: [{ name: 'Mon' }, {}, { name: 'Fri' }, 5] }
  const votes = (pollVotes: unknown): Raw =>
    of('poll_result_snapshot', { pollName: 'When?', pollVotesSnapshot: { pollVotes } })
  table(t, [
    [
      'of one',
      of('poll_creation', { ...poll, pollSelectableOptionsCount: 1 }),
      { body: 'When?', poll: { options: ['Mon', 'Fri'], multiple: false } }
    ],
    [
      'of any',
      of('poll_creation', { ...poll, pollName: undefined, body: 'B' }),
      { body: 'B', poll: { options: ['Mon', 'Fri'], multiple: true } }
    ],
    [
      'without options',
      of('poll_creation', { pollName: 'When?', pollOptions: {} }),
      { body: 'When?' }
    ],
    ['a text with its fields', of('chat', poll), { body: '' }],
    [
      'results',
      votes([
        { optionName: 'Mon', optionVoteCount: 2 },
        { option: { name: 'Fri' } },
        { optionVoteCount: 3 }
      ]),
      {
        body: 'When?',
        poll_results: [
          { option: 'Mon', votes: 2 },
          { option: 'Fri', votes: 0 }
        ]
      }
    ],
    ['results that cannot be read', votes(undefined), { body: 'When?', poll_results: [] }],
    [
      'a text with results',
      of('chat', { pollVotesSnapshot: { pollVotes: [{ optionName: 'Mon' }] } }),
      { body: '' }
    ]
  ])
})

t.test('an event of the calendar', async (t) => {
  const event = {
    eventName: 'Visit',
    eventDescription: 'Bring the keys',
    eventStartTime: 1_700_000_000,
    eventEndTime: '1700003600',
    eventLocation: { name: 'Office', address: 'Centro' },
    eventJoinLink: 'https://call.whatsapp.com/x',
    isEventCanceled: true
  }
  table(t, [
    [
      'in full',
      of('event_creation', event),
      {
        body: 'Visit',
        event: {
          name: 'Visit',
          description: 'Bring the keys',
          starts_at: '2023-11-14T22:13:20.000Z',
          ends_at: '2023-11-14T23:13:20.000Z',
          place: 'Office, Centro',
          link: 'https://call.whatsapp.com/x',
          canceled: true
        }
      }
    ],
    [
      'of a name alone',
      of('event_creation', { eventName: 'Visit', isEventCanceled: false, eventLocation: {} }),
      { body: 'Visit', event: { name: 'Visit' } }
    ],
    [
      'at a place in a text',
      of('event_creation', { eventName: 'Visit', eventLocation: 'Office' }),
      { body: 'Visit', event: { name: 'Visit', place: 'Office' } }
    ],
    [
      'at an address',
      of('event_creation', { eventName: 'Visit', eventLocation: { address: 'Centro' } }),
      { body: 'Visit', event: { name: 'Visit', place: 'Centro' } }
    ],
    ['without a name', of('event_creation', { ...event, eventName: undefined }), { body: '' }],
    ['a text with its fields', of('chat', event), { body: '' }]
  ])
})

t.test('an invitation to a group, without its code', async (t) => {
  const invite = {
    inviteGrp: group,
    inviteGrpName: 'Neighbours',
    inviteCodeExp: 1_700_000_000,
    inviteCode: 'SECRET'
  }
  table(t, [
    [
      'in full',
      of('groups_v4_invite', { ...invite, comment: 'Join' }),
      {
        body: 'Join',
        group_invite: {
          group_id: group,
          name: 'Neighbours',
          expires_at: '2023-11-14T22:13:20.000Z'
        }
      }
    ],
    ['of nothing', of('groups_v4_invite', { caption: 'Join' }), { body: 'Join', group_invite: {} }],
    ['a text with its fields', of('chat', invite), { body: '' }]
  ])
})

t.test('a call: how it ended, what it was, how long it took', async (t) => {
  const call = (facts: Raw = {}): unknown => contentOf(of('call_log', facts)).call
  t.same(call(), { outcome: 'unknown', video: false })
  t.same(call({ callDuration: 61.4, isVideoCall: true }), {
    outcome: 'answered',
    video: true,
    seconds: 61
  })
  t.same(call({ callDuration: 0, callOutcome: 'Missed' }), { outcome: 'missed', video: false })
  const outcomes = {
    AcceptedElsewhere: 'answered',
    Canceled: 'canceled',
    CANCELLED: 'canceled',
    Completed: 'answered',
    Connected: 'answered',
    Missed: 'missed',
    Rejected: 'rejected',
    Odd: 'unknown'
  }
  for (const [text, outcome] of Object.entries(outcomes)) {
    t.same(call({ callOutcome: text }), { outcome, video: false }, text)
    t.same(call({ finalCallOutcome: text, callOutcome: 'Odd' }), { outcome, video: false }, text)
  }
  t.same(
    call({ finalCallOutcome: 'Rejected', callOutcome: 'Missed' }),
    { outcome: 'rejected', video: false },
    'the final one counts'
  )
  t.same(call({ subtype: 'miss_video' }), { outcome: 'missed', video: true })
  t.same(call({ subtype: 'miss' }), { outcome: 'missed', video: false })
  t.same(call({ subtype: 'a miss' }), { outcome: 'unknown', video: false })
  t.same(call({ subtype: 'group_video' }), { outcome: 'unknown', video: true, group: true })
  t.same(call({ callParticipants: [{}, {}] }), { outcome: 'unknown', video: false })
  t.same(call({ callParticipants: [{}, {}, {}] }), {
    outcome: 'unknown',
    video: false,
    group: true
  })
  t.same(call({ id: { fromMe: false, remote: group, id: 'A', _serialized: `false_${group}_A` } }), {
    outcome: 'unknown',
    video: false,
    group: true
  })
  t.same(call({ id: `false_${lead}_A`, from: wid(group) }), {
    outcome: 'unknown',
    video: false,
    group: true
  })
  t.same(call({ id: `false_${lead}_A`, from: `${lead}` }), { outcome: 'unknown', video: false })
  t.same(contentOf(of('chat', { callDuration: 5 })), { body: '' })
})

t.test('an album, and what is in one', async (t) => {
  const parent = {
    parentMsgKey: { fromMe: false, remote: lead, id: 'P', _serialized: `false_${lead}_P` }
  }
  table(t, [
    [
      'an album',
      of('album', { expectedImageCount: 2, expectedVideoCount: 1, caption: 'x' }),
      { body: '', album: { images: 2, videos: 1 } }
    ],
    ['a text with its fields', of('chat', { expectedImageCount: 2 }), { body: '' }],
    [
      'by its association',
      of('chat', { ...parent, associationType: 'MEDIA_ALBUM' }),
      { body: '', album_id: `false_${lead}_P` }
    ],
    [
      'by how it is shown',
      of('chat', { ...parent, viewMode: 'MEDIA_ALBUM' }),
      { body: '', album_id: `false_${lead}_P` }
    ],
    [
      'a parent of another kind',
      of('chat', { ...parent, associationType: 'REPLY', viewMode: 'VISIBLE' }),
      { body: '' }
    ]
  ])
})

t.test('what only the phone shows', async (t) => {
  const phoneOnly = (type: string, facts: Raw = {}): unknown =>
    contentOf(of(type, facts)).phone_only
  t.equal(phoneOnly('ciphertext', { subtype: 'view_once_unavailable_fanout' }), 'view_once')
  t.equal(phoneOnly('ciphertext', { subtype: 'hosted_unavailable_fanout' }), 'hosted')
  t.equal(phoneOnly('ciphertext', { subtype: 'bot_unavailable_fanout' }), 'bot')
  for (const subtype of [undefined, 'toString', 'fanout', 'phone_only_feature'])
    t.equal(
      phoneOnly('ciphertext', { subtype, isViewOnce: true, futureproofType: 'x' }),
      undefined,
      String(subtype)
    )
  t.equal(phoneOnly('chat', { subtype: 'view_once_unavailable_fanout' }), undefined)
  t.equal(phoneOnly('oversized'), 'oversized')
  t.equal(phoneOnly('biz_content_placeholder'), 'placeholder')
  t.equal(phoneOnly('chat', { subtype: 'phone_only_feature' }), 'placeholder')
  t.equal(phoneOnly('unknown', { futureproofType: 'x' }), 'placeholder')
  t.equal(phoneOnly('unknown'), undefined)
  t.equal(phoneOnly('chat', { futureproofType: 'x' }), undefined)
  t.equal(phoneOnly('image', { isViewOnce: true }), 'view_once')
  t.equal(phoneOnly('image', { isViewOnce: true, directPath: '/v/1' }), undefined)
  t.equal(phoneOnly('chat'), undefined)
})

t.test('news of a group, bots, a number that changed', async (t) => {
  table(t, [
    [
      'of a group',
      of('gp2', { subtype: 'add', recipients: [wid(lead), me, {}] }),
      { body: '', group: { subtype: 'add', recipients: [lead, me] } }
    ],
    ['of a group without anybody', of('gp2'), { body: '', group: { recipients: [] } }],
    ['a text with its fields', of('chat', { subtype: 'add', recipients: [me] }), { body: '' }],
    ['a status for a group', of('chat', { isGroupStatus: true }), { body: '', group_status: true }],
    ['none', of('chat', { isGroupStatus: 'true' }), { body: '' }],
    [
      'a number that changed',
      of('notification_template', { subtype: 'change_number', templateParams: [lead, wid(me)] }),
      { body: '', number_change: { from: lead, to: me } }
    ],
    [
      'to nothing',
      of('notification_template', { subtype: 'change_number', templateParams: [lead] }),
      { body: '' }
    ],
    [
      'another template',
      of('notification_template', { subtype: 'block', templateParams: [lead, me] }),
      { body: '' }
    ],
    [
      'a text with its fields',
      of('chat', { subtype: 'change_number', templateParams: [lead, me] }),
      { body: '' }
    ]
  ])
  const bot = (raw: Raw): unknown => contentOf(raw).bot
  const from = (chat: string, facts: Raw = {}): Raw =>
    of('chat', {
      id: { fromMe: false, remote: chat, id: 'A', _serialized: `false_${chat}_A` },
      from: wid(chat),
      ...facts
    })
  t.equal(bot(from('867051314767696@bot')), true)
  t.equal(bot(from('13135550002@c.us')), true)
  for (const other of [
    '1313555000@c.us',
    '131355500022@c.us',
    '113135550002@c.us',
    '13135550002@lid',
    lead,
    '5@bot.us'
  ])
    t.equal(bot(from(other)), undefined, other)
  t.equal(bot(from(lead, { bizBotType: 'BIZ_1P' })), true)
  t.equal(
    bot(from(group, { author: wid('867051314767696@bot') })),
    true,
    'in a group the author counts'
  )
  t.equal(bot(from('867051314767696@bot', { author: wid(lead) })), undefined)
  t.equal(
    bot(rawMine('B', { body: undefined, bizBotType: 'BIZ_1P' })),
    undefined,
    'of our own messages none is'
  )
})

t.test('the text of each type is in a field of its own', async (t) => {
  const all: Raw = {
    body: 'body',
    caption: 'caption',
    comment: 'comment',
    eventName: 'event',
    pollName: 'poll',
    message: 'message',
    orderTitle: 'order',
    title: 'title',
    quarantineExtractedText: 'extracted',
    filename: 'file',
    newsletterAdminInviteInfo: { caption: 'newsletter' },
    paymentNoteMsg: { body: 'note' },
    list: { title: 'list', description: 'description' },
    interactiveHeader: { title: 'header' },
    richResponse: { submessages: [{ messageText: 'one' }, { other: 1 }, { messageText: 'two' }] }
  }
  const bodyOf = (type: string | undefined, ...without: string[]): string | undefined =>
    contentOf(
      of(type as string, {
        ...all,
        ...Object.fromEntries(without.map((name) => [name, undefined]))
      })
    ).body
  const captioned = [
    'audio',
    'document',
    'gif',
    'image',
    'ptt',
    'ptv',
    'sticker',
    'sticker-pack',
    'video'
  ]
  for (const type of captioned)
    t.same([bodyOf(type), bodyOf(type, 'caption')], ['caption', ''], type)
  for (const type of [
    'album',
    'biz_content_placeholder',
    'call_log',
    'ciphertext',
    'group-history',
    'loading_media',
    'multi_vcard',
    'oversized',
    'revoked',
    'vcard'
  ])
    t.equal(bodyOf(type), '', type)
  for (const type of ['groups_v4_invite', 'location'])
    t.same(
      [bodyOf(type), bodyOf(type, 'comment'), bodyOf(type, 'comment', 'caption')],
      ['comment', 'caption', ''],
      type
    )
  for (const type of ['poll_creation', 'poll_result_snapshot'])
    t.same(
      [bodyOf(type), bodyOf(type, 'pollName'), bodyOf(type, 'pollName', 'body')],
      ['poll', 'body', ''],
      type
    )
  for (const type of ['interactive', 'native_flow']) {
    t.same(
      [
        bodyOf(type),
        bodyOf(type, 'caption'),
        bodyOf(type, 'caption', 'body'),
        bodyOf(type, 'caption', 'body', 'interactiveHeader')
      ],
      ['caption', 'body', 'header', ''],
      type
    )
  }
  for (const type of ['hologram', undefined, 'toString', 'constructor']) {
    t.same(
      [
        bodyOf(type),
        bodyOf(type, 'body'),
        bodyOf(type, 'body', 'caption'),
        bodyOf(type, 'body', 'caption', 'pollName'),
        bodyOf(type, 'body', 'caption', 'pollName', 'eventName')
      ],
      ['body', 'caption', 'poll', 'event', ''],
      String(type)
    )
  }
  t.same(
    [bodyOf('chat'), bodyOf('chat', 'body'), bodyOf('chat', 'body', 'caption')],
    ['body', 'caption', '']
  )
  t.same([bodyOf('event_creation'), bodyOf('event_creation', 'eventName')], ['event', ''])
  t.same(
    [
      bodyOf('newsletter_admin_invite'),
      bodyOf('newsletter_admin_invite', 'newsletterAdminInviteInfo')
    ],
    ['newsletter', '']
  )
  t.same(
    [bodyOf('order'), bodyOf('order', 'message'), bodyOf('order', 'message', 'orderTitle')],
    ['message', 'order', '']
  )
  t.same([bodyOf('payment'), bodyOf('payment', 'paymentNoteMsg')], ['note', ''])
  t.same(
    [bodyOf('product'), bodyOf('product', 'caption'), bodyOf('product', 'caption', 'title')],
    ['caption', 'title', '']
  )
  t.same(
    [bodyOf('quarantined'), bodyOf('quarantined', 'quarantineExtractedText')],
    ['extracted', '']
  )
  t.same([bodyOf('list'), bodyOf('list', 'list')], ['description', ''])
  t.same(
    [
      bodyOf('rich_response'),
      bodyOf('rich_response', 'richResponse'),
      bodyOf('rich_response', 'richResponse', 'body')
    ],
    ['one\ntwo', 'body', '']
  )
  t.equal(
    contentOf(of('chat', { body: thumbnail })).body,
    thumbnail,
    'what a person wrote is taken as it is'
  )
  t.equal(contentOf(of('hologram', { body: thumbnail })).body, '')
})

t.test(
  'the caption of a document is what its sender wrote, not the name of the file',
  async (t) => {
    for (const type of ['document', 'sticker-pack']) {
      const body = (caption: string, isCaptionByUser?: boolean): string | undefined =>
        contentOf(of(type, { caption, filename: 'plan.pdf', isCaptionByUser })).body
      t.equal(body('plan.pdf'), '')
      t.equal(body('the plan'), 'the plan')
      t.equal(body('plan.pdf', true), 'plan.pdf', 'written by the sender')
      t.equal(body('the plan', false), '')
    }
  }
)

t.test('whom a message is from and to, and in which chat it is', async (t) => {
  const facts = (raw: Raw, how = mapping): Partial<CapturedMessage> => {
    const {
      id = '',
      chat_id,
      from,
      to,
      author,
      phone,
      lid,
      name,
      from_me,
      to_self,
      unsent
    } = toMessage(raw, how) ?? {}
    return {
      id,
      chat_id,
      from,
      to,
      author,
      phone,
      lid,
      name,
      from_me,
      to_self,
      unsent
    } as Partial<CapturedMessage>
  }
  const other = '118999881199@lid'
  const none = {
    author: undefined,
    phone: undefined,
    lid: undefined,
    name: undefined,
    to_self: undefined,
    unsent: undefined
  }
  // A key that cannot be read: only the addresses are left.
  t.same(
    facts(rawText('A', { id: 'false_x_A' })),
    {
      ...none,
      id: 'false_x_A',
      chat_id: lead,
      from: lead,
      to: me,
      phone: '+5215512345678',
      name: 'Ana',
      from_me: false
    },
    'one that came is in the chat with its sender'
  )
  t.same(
    facts(rawMine('A', { id: 'true_x_A', notifyName: 'Me' })),
    {
      ...none,
      id: 'true_x_A',
      chat_id: lead,
      from: me,
      to: lead,
      phone: '+5215512345678',
      from_me: true
    },
    'one of ours is in the chat it went to'
  )
  t.same(facts(rawText('A', { from: wid(other), id: 'false_x_A', to: undefined })), {
    ...none,
    id: 'false_x_A',
    chat_id: other,
    from: other,
    to: '',
    lid: other,
    name: 'Ana',
    from_me: false
  })
  t.same(facts(rawText('A', { from: undefined })), {
    ...none,
    id: `false_${lead}_A`,
    chat_id: lead,
    from: '',
    to: me,
    phone: '+5215512345678',
    name: 'Ana',
    from_me: false
  })
  t.match(
    facts(rawMine('A', { author: wid(other) })),
    { phone: '+5215512345678', lid: undefined },
    'the person of our own message is whom it is to'
  )
  t.match(
    facts(
      rawMine('A', { id: { fromMe: true, remote: me, id: 'A', _serialized: `true_${me}_A_out` } })
    ),
    { to_self: true }
  )
  t.match(facts(rawMine('A', { ack: -1 })), { unsent: true })
  t.match(facts(rawMine('A', { ack: 0 })), { unsent: undefined })
  t.match(facts(rawText('A', { ack: -1 })), { unsent: undefined }, 'what came was sent')
  t.match(
    facts(
      rawText('A', {
        type: 'revoked',
        protocolMessageKey: { fromMe: false, remote: lead, id: 'Z', _serialized: `false_${lead}_Z` }
      })
    ),
    { id: `false_${lead}_Z` },
    'what a deletion leaves stands for the deleted message'
  )
  t.match(
    facts(
      rawText('A', {
        protocolMessageKey: { fromMe: false, remote: lead, id: 'Z', _serialized: `false_${lead}_Z` }
      })
    ),
    { id: `false_${lead}_A` }
  )
  t.equal(toMessage({ type: 'chat', to: wid(me) }, mapping), undefined)
  t.same(contentOf(of('chat', { mentionedJidList: [], isForwarded: 'yes' })), { body: '' })
})

t.test(
  'a message whose id cannot be read gets one of what it says, and is not in the chat with oneself',
  async (t) => {
    const idOf = (facts: Raw): string | undefined =>
      toMessage(of('chat', { id: {}, ...facts }), mapping)?.id
    const first = idOf({})
    t.match(first, /^false_5215512345678@c\.us_unreadable-[0-9a-f]{32}$/)
    for (const facts of [
      { to: wid(lead) },
      { t: 1_700_000_001 },
      { type: 'image' },
      { body: 'x' },
      { caption: 'x' },
      { filehash: 'x' },
      { from: wid(me) }
    ])
      t.not(idOf(facts), first, JSON.stringify(facts))
    t.equal(
      idOf({ star: true, ack: 3, notifyName: 'Eva' }),
      first,
      'what changes later does not count'
    )
    const message = toMessage(of('chat', { id: {} }), mapping)
    t.match(message, { chat_id: lead, from: lead, to: me, from_me: false, phone: '+5215512345678' })
  }
)
