import t from 'tap'
import { readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import type { CapturedMessage, InboundRecord, RecordKind } from '../../../src/contract/record.ts'
import { emptied, record, reply, testStore } from './open-store.ts'

/** What records make happen, as live clients and webhooks are told of it. */

const [ana, bea] = ['99887766@lid', '55667788@lid']
const own = '5215587654321@c.us'
const asked = record('asked', { timestamp: 1_000 })
const answered = reply('answered', { timestamp: 1_100 })
const again = (
  { message }: InboundRecord,
  facts: Partial<CapturedMessage> = {},
  kind: RecordKind = 'message'
): InboundRecord => record('again', { ...message, ...facts }, kind)
const reaction = (
  to: InboundRecord,
  emoji: string,
  mine: boolean,
  timestamp = 1_200
): InboundRecord => {
  const sender = mine ? own : '5215512345678@c.us'
  return record(
    `r${timestamp}`,
    {
      from_me: mine,
      from: sender,
      timestamp,
      reaction: { message_id: to.message.id, emoji, sender }
    },
    'reaction'
  )
}
const vote = (to: InboundRecord, options: string[], mine: boolean): InboundRecord =>
  record(
    'v',
    {
      from_me: mine,
      from: mine ? own : '5215512345678@c.us',
      timestamp: 1_200,
      vote: { message_id: to.message.id, options }
    },
    'vote'
  )
const group = {
  id: 'false_120363000000000001@g.us_G_5215512345678@c.us',
  chat_id: '120363000000000001@g.us',
  from: '120363000000000001@g.us'
}
const numberChange = (from: string, to: string): Partial<CapturedMessage> => ({
  type: 'notification_template',
  body: '',
  number_change: { from, to }
})
const byLid = (id: string, lid: string, facts: Partial<CapturedMessage> = {}): InboundRecord => {
  const { phone: _phone, ...bare } = record(id, {
    id: `false_${lid}_${id}`,
    chat_id: lid,
    from: lid,
    lid,
    ...facts
  }).message
  return { ...record(id), message: bare }
}

const bare = ({
  message: { phone: _phone, ...message },
  ...rest
}: InboundRecord): InboundRecord => ({ ...rest, message })

interface Told {
  /** For live clients: `message STANZA`, `lead`, `lead gone`. */
  events: string[]
  /** For webhooks, by their types. */
  webhooks: string[]
}

const stanza = (id: string): string => id.split('_')[2] ?? id

/** What is told of the records in `then`, after those in `first`. */
const toldOf = async (
  db: Db,
  take: (...records: InboundRecord[]) => Promise<void>,
  first: InboundRecord[],
  then: InboundRecord[]
): Promise<Told> => {
  await emptied(db)
  await db.deleteFrom('outbox').execute()
  if (first.length > 0) await take(...first)
  const last =
    (
      await db
        .selectFrom('events')
        .select(({ fn }) => fn.max('id').as('id'))
        .executeTakeFirst()
    )?.id ?? 0
  await db.deleteFrom('outbox').execute()
  await take(...then)
  const events = (await readEvents(db, last, 100)).map(({ type, data }) => {
    if (type === 'message') return `message ${stanza(data?.id ?? '?')}`
    return type === 'lead' ? 'lead' : 'lead gone'
  })
  const webhooks = (await db.selectFrom('outbox').select('body').orderBy('id').execute()).map(
    ({ body }) => (JSON.parse(body) as { type: string }).type
  )
  return { events, webhooks }
}

const rows: [string, InboundRecord[], InboundRecord[], string[], string[]][] = [
  ['a first message', [], [asked], ['lead', 'message asked'], ['lead.created', 'message.created']],
  [
    'a second one',
    [asked],
    [answered],
    ['message answered', 'lead'],
    ['message.created', 'lead.updated']
  ],
  [
    'one of a lead and one of a group',
    [],
    [asked, record('G', group)],
    ['lead', 'message asked', 'message G'],
    ['lead.created', 'message.created', 'message.created']
  ],
  ['the same once more', [asked, answered], [again(asked), again(answered)], [], []],
  [
    'the same once more, by number and LID',
    [again(asked, { lid: ana }), again(answered, { lid: ana })],
    [again(asked, { lid: ana }), again(answered, { lid: ana })],
    [],
    []
  ],
  [
    'the same once more, with a LID',
    [asked],
    [again(asked, { lid: ana })],
    ['lead'],
    ['lead.updated']
  ],
  [
    'the same once more, with a name',
    [asked],
    [again(asked, { name: 'Ana' })],
    ['lead'],
    ['lead.updated']
  ],
  [
    'the same once more, of somebody else',
    [asked],
    [again(asked, { lid: bea, phone: '+5215599999999' })],
    ['lead'],
    ['lead.created']
  ],
  [
    'the first of two of one second once more',
    [asked, byLid('other', ana, { timestamp: 1_000 })],
    [again(asked)],
    [],
    []
  ],
  [
    'an edit',
    [asked],
    [again(asked, { body: 'x', edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit')],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'an edit that names nobody',
    [asked],
    [bare(again(asked, { body: 'x', edited: { at: '2026-01-01T00:00:00.000Z' } }, 'edit'))],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'two leads that are one, and have a message in common',
    [record('same', { timestamp: 1_000 }), byLid('same', ana, { timestamp: 1_000 })],
    [again(answered, { lid: ana })],
    ['message same', 'message answered', 'lead gone', 'lead'],
    ['message.updated', 'message.created', 'lead.removed', 'lead.updated']
  ],
  [
    'media that came',
    [again(asked, { media: { state: 'pending' } })],
    [again(asked, { media: { state: 'stored', sha256: 'ab' } }, 'media')],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'a deletion',
    [asked],
    [again(asked, { body: '', revoked: { by: 'sender' } }, 'revoke')],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'their reaction',
    [asked, answered],
    [reaction(answered, '👍', false)],
    ['message answered'],
    ['message.updated']
  ],
  [
    'our reaction, which ends a wait',
    [asked],
    [reaction(asked, '👍', true)],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'our reaction taken back',
    [asked, reaction(asked, '👍', true)],
    [reaction(asked, '', true, 1_300)],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  [
    'the same reaction once more',
    [asked, reaction(asked, '👍', true)],
    [reaction(asked, '👍', true)],
    [],
    []
  ],
  ['their vote', [asked], [vote(asked, ['a'], false)], ['message asked'], ['message.updated']],
  [
    'our vote, which ends a wait',
    [asked],
    [vote(asked, ['a'], true)],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  ['a reaction to a message that is not here', [asked], [reaction(answered, '👍', false)], [], []],
  [
    'a message that we had reacted to',
    [reaction(asked, '👍', true)],
    [asked],
    ['lead', 'message asked'],
    ['lead.created', 'message.created']
  ],
  ['an update of a message that is not here', [asked], [again(answered, {}, 'update')], [], []],
  ['an update that changes nothing', [asked], [again(asked, {}, 'update')], [], []],
  [
    'an update',
    [asked],
    [again(asked, { forwarded: true }, 'update')],
    ['message asked', 'lead'],
    ['message.updated', 'lead.updated']
  ],
  ['a message of a group', [], [record('G', group)], ['message G'], ['message.created']],
  [
    'an update of a message of a group',
    [record('G', group)],
    [record('G', { ...group, forwarded: true }, 'update')],
    ['message G'],
    ['message.updated']
  ],
  [
    'a notice of nobody',
    [],
    [again(asked, { type: 'e2e_notification', body: '' })],
    ['message asked'],
    ['message.created']
  ],
  [
    'a notice of a lead',
    [asked],
    [again(answered, { type: 'e2e_notification', body: '' })],
    ['message answered', 'lead'],
    ['message.created', 'lead.updated']
  ],
  [
    'a LID that is learnt',
    [asked],
    [again(answered, { lid: ana })],
    ['message answered', 'lead'],
    ['message.created', 'lead.updated']
  ],
  [
    'two leads that are one',
    [asked, byLid('other', ana, { timestamp: 1_050 })],
    [again(answered, { lid: ana })],
    ['message answered', 'lead gone', 'lead'],
    ['message.created', 'lead.removed', 'lead.updated']
  ],
  [
    'two leads that come and are one',
    [],
    [asked, byLid('other', ana, { timestamp: 1_050 }), again(answered, { lid: ana })],
    ['lead', 'message asked', 'message other', 'message answered', 'lead gone'],
    ['lead.created', 'message.created', 'message.created', 'message.created', 'lead.removed']
  ],
  [
    'two leads that come, have a message in common, and are one',
    [],
    [
      record('same', { timestamp: 1_000 }),
      byLid('same', ana, { timestamp: 1_000 }),
      asked,
      again(answered, { lid: ana })
    ],
    ['lead', 'message same', 'message asked', 'message answered', 'lead gone'],
    ['lead.created', 'message.created', 'message.created', 'message.created', 'lead.removed']
  ],
  [
    'a notice in a group that a number changed',
    [asked],
    [
      record('N', {
        ...group,
        ...numberChange('5215512345678@c.us', '5215599999999@c.us'),
        timestamp: 1_150
      })
    ],
    ['message G', 'lead'],
    ['message.created', 'lead.updated']
  ],
  [
    'a notice in a group that a LID changed',
    [again(asked, { lid: ana })],
    [record('N', { ...group, ...numberChange(ana, bea), timestamp: 1_150 })],
    ['message G', 'lead'],
    ['message.created', 'lead.updated']
  ],
  [
    'a number that goes to another person',
    [again(asked, { lid: ana })],
    [again(answered, { lid: bea, id: `true_${bea}_answered`, chat_id: bea, to: bea })],
    ['lead', 'message answered', 'lead'],
    ['lead.created', 'message.created', 'lead.updated']
  ]
]

t.test('live clients and webhooks are told what happened, all of it and once', async (t) => {
  const { db, take } = await testStore(t)
  await createWebhook(db, {
    url: 'https://crm.example.com/',
    events: ['message.created', 'message.updated', 'lead.created', 'lead.updated', 'lead.removed']
  })
  for (const [what, first, then, events, webhooks] of rows) {
    t.same(await toldOf(db, take, first, then), { events, webhooks }, what)
  }
})

t.test(
  'a lead waits and shows its latest message by what its messages are read as now',
  async (t) => {
    const { db, take } = await testStore(t)
    const call = (outcome: 'unknown' | 'answered' | 'missed'): Partial<CapturedMessage> => ({
      type: 'call_log',
      body: '',
      call: { outcome, video: false }
    })
    const notice = { type: 'e2e_notification', body: '' }
    const photo = (id: string): InboundRecord =>
      record(id, {
        type: 'image',
        body: '',
        album_id: 'false_5215512345678@c.us_album',
        timestamp: 1_200
      })
    const rows: [string, InboundRecord[], InboundRecord, number, string | undefined][] = [
      ['a notice', [asked], again(answered, notice), 1, 'asked'],
      ['a question that is a notice', [asked], again(asked, notice, 'update'), 0, undefined],
      [
        'a question among others that is a notice',
        [asked, record('other', { timestamp: 1_050 })],
        again(asked, notice, 'update'),
        1,
        'other'
      ],
      [
        'a text among the photos of an album',
        [photo('p1'), photo('p2')],
        record('text', { timestamp: 1_300 }),
        2,
        'text'
      ],
      [
        'a call that was answered',
        [again(asked, call('unknown'))],
        again(asked, call('answered'), 'update'),
        0,
        'asked'
      ],
      [
        'a call that was not answered',
        [again(asked, call('answered'))],
        again(asked, call('missed'), 'update'),
        1,
        'asked'
      ],
      [
        'a question that we had reacted to under a LID',
        [asked, reaction(byLid('asked', ana), '👍', true)],
        again(asked, { lid: ana }),
        0,
        'asked'
      ],
      [
        'media of a question',
        [again(asked, { media: { state: 'pending' } })],
        again(asked, { media: { state: 'stored', sha256: 'ab' } }, 'media'),
        1,
        'asked'
      ]
    ]
    for (const [what, first, then, unanswered_count, last] of rows) {
      for (const batches of [[first, [then]], [[...first, then]]]) {
        await emptied(db)
        for (const batch of batches) await take(...batch)
        const [lead] = (await listLeads(db, {}, 10)).items
        t.equal(lead?.unanswered_count ?? 0, unanswered_count, what)
        t.equal(lead?.last_message?.id.split('_')[2], last, `${what}: the latest message`)
      }
    }
  }
)

t.test('however many records come together, what comes of them is the same', async (t) => {
  const { db, take } = await testStore(t)
  const seen = async (): Promise<unknown> =>
    (await listLeads(db, {}, 10)).items.map(({ id: _id, updated_at: _at, ...lead }) => lead)
  for (const [what, first, then] of rows) {
    const all = [...first, ...then]
    const outcomes = []
    for (const size of [1, all.length]) {
      await emptied(db)
      for (let start = 0; start < all.length; start += size)
        await take(...all.slice(start, start + size))
      outcomes.push(await seen())
    }
    t.same(outcomes[1], outcomes[0], what)
  }
})
