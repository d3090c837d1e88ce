import fc from 'fast-check'
import t from 'tap'
import type { Message } from '../../../src/contract/lead.ts'
import type { CapturedMessage, InboundRecord, RecordKind } from '../../../src/contract/record.ts'
import { eraseLead, erasureOf } from '../../../src/central-hub/store/write/erase.ts'
import { findMessages } from '../../../src/central-hub/store/read/find-message.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { stanzaOf } from '../../../src/central-hub/store/database/message-id.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { record, testStore } from './open-store.ts'
import { isOnPostgres } from './place.ts'
import { inScope, type Scope } from '../../platform/scope.ts'
import { propertyRuns } from '../../property-runs.ts'

/** One message under the number and the LID of its chat, with and without a device. */

const addresses = {
  number: '5215512345678@c.us',
  lid: '99887766@lid',
  device: '5215512345678:12@c.us',
  hosted: '99887766:99@hosted.lid'
} as const
type Address = keyof typeof addresses
const own = { number: '5215587654321@c.us', lid: '55443322@lid' }

const isNumber = (address: Address): boolean => address === 'number' || address === 'device'
const idOf = (stanza: string, mine: boolean, address: Address): string =>
  `${mine}_${addresses[address]}_${stanza}`

/** What happens to a message. */
interface Happening {
  kind: RecordKind
  stanza: string
  mine: boolean
  /** What each kind says in its own way. */
  facts: (address: Address) => Partial<CapturedMessage>
}

/**
 * As session-manager tells it of a chat under this address; `both`: it knows the other address,
 * too.
 */
const tell = (
  { kind, stanza, mine, facts }: Happening,
  address: Address,
  both: boolean
): InboundRecord => {
  const person = addresses[address]
  const knowsNumber = both || isNumber(address)
  return record(
    stanza,
    {
      id: idOf(stanza, mine, address),
      chat_id: person,
      from: mine ? own.number : person,
      to: mine ? person : own.number,
      from_me: mine,
      phone: knowsNumber ? '+5215512345678' : (undefined as never),
      ...(both || !isNumber(address) ? { lid: addresses.lid } : {}),
      ...facts(address)
    },
    kind
  )
}

const media = (state: 'pending' | 'stored'): Partial<CapturedMessage> => ({
  type: 'image',
  body: 'look',
  has_media: true,
  media: { state }
})

/** Everything that happens to messages in one conversation, in order. */
const history = (messages: readonly { mine: boolean; what: string }[]): Happening[] =>
  messages.flatMap(({ mine, what }, at) => {
    const stanza = `3EB0${at}`
    const timestamp = 1_000 + 10 * at
    const of = (
      kind: RecordKind,
      facts: (address: Address) => Partial<CapturedMessage>
    ): Happening => ({ kind, stanza, mine, facts: (address) => ({ timestamp, ...facts(address) }) })
    const reaction = (
      emoji: string,
      sender: (address: Address) => string,
      seconds: number
    ): Happening => ({
      kind: 'reaction',
      stanza,
      mine,
      facts: (address) => ({
        timestamp: timestamp + seconds,
        reaction: { message_id: idOf(stanza, mine, address), emoji, sender: sender(address) }
      })
    })
    const theirs = (address: Address): string => addresses[address]
    const ours = (address: Address): string => (isNumber(address) ? own.number : own.lid)
    const first = of('message', () => ({ body: `text ${at}` }))
    switch (what) {
      case 'edited':
        return [
          first,
          ...[1, 2].map((n) =>
            of('edit', () => ({
              body: `edit ${n}`,
              edited: { at: new Date(n * 1_000).toISOString() }
            }))
          )
        ]
      case 'deleted':
        return [
          first,
          of('revoke', () => ({ type: 'revoked', body: '', revoked: { by: 'sender' } }))
        ]
      case 'media':
        return [of('message', () => media('pending')), of('media', () => media('stored'))]
      case 'encrypted':
        return [of('ciphertext', () => ({ type: 'ciphertext', body: '' })), first]
      case 'reacted':
        return [
          first,
          reaction('👍', theirs, 1),
          reaction('❤️', ours, 2),
          reaction('😂', theirs, 3),
          reaction('', ours, 4)
        ]
      case 'voted':
        return [
          of('message', () => ({
            type: 'poll_creation',
            body: 'Day?',
            poll: { options: ['A', 'B'], multiple: false }
          })),
          ...['A', 'B'].map(
            (option, n): Happening => ({
              kind: 'vote',
              stanza,
              mine,
              facts: (address) => ({
                timestamp: timestamp + n,
                from: theirs(address),
                vote: { message_id: idOf(stanza, mine, address), options: [option] }
              })
            })
          )
        ]
      case 'quoting':
        return [
          of('message', (address) => ({
            body: 'answer',
            quoted_id: idOf('3EB00', messages[0]?.mine === true, address)
          }))
        ]
      default:
        return [first]
    }
  })

/** What there is of a conversation, whatever addresses it came under. */
const stateOf = async (db: Db): Promise<unknown> => {
  const { items } = await listMessages(db, {}, 100)
  const ids = new Set(items.map(({ id }) => id))
  const messages = items
    .map(
      ({
        id,
        type,
        body,
        from_me,
        timestamp,
        media: file,
        edited_at,
        revoked_by,
        decryption,
        quoted_id,
        reactions,
        votes
      }: Message) => ({
        stanza: stanzaOf(id),
        type,
        body,
        from_me,
        timestamp,
        file,
        edited_at,
        revoked_by,
        decryption,
        quoted: quoted_id === undefined ? undefined : [stanzaOf(quoted_id), ids.has(quoted_id)],
        reactions: reactions.map(({ emoji }) => emoji),
        votes: votes.map(({ options }) => options)
      })
    )
    .sort((a, b) => a.timestamp - b.timestamp)
  const leads = (await listLeads(db, {}, 10)).items.map(
    ({
      phone,
      lid,
      waiting_since,
      unanswered_count,
      unread_count,
      first_seen_at,
      last_seen_at,
      last_message
    }) => ({
      phone,
      lid,
      waiting_since,
      unanswered_count,
      unread_count,
      first_seen_at,
      last_seen_at,
      last: stanzaOf(last_message?.id ?? '')
    })
  )
  const answers = await db
    .selectFrom('answers')
    .select(['answered_at', 'seconds'])
    .orderBy('answered_at')
    .execute()
  return { messages, leads, answers: answers.map((answer) => ({ ...answer })) }
}

/** One that tells that the two addresses are one person's; it is the last by time. */
const link: Happening = {
  kind: 'message',
  stanza: '3EB0LINK',
  mine: false,
  facts: () => ({ timestamp: 9_000, body: 'both' })
}

const taken = async (
  scope: Scope,
  records: readonly InboundRecord[],
  size: number
): Promise<Db> => {
  const { db, take } = await testStore(scope)
  for (let start = 0; start < records.length; start += size)
    await take(...records.slice(start, start + size))
  return db
}

t.test(
  'a conversation is the same under either address, in any order, and however many records come together',
  async (t) => {
    const written = fc.array(
      fc.record({
        mine: fc.boolean(),
        what: fc.constantFrom(
          'plain',
          'edited',
          'deleted',
          'media',
          'encrypted',
          'reacted',
          'voted',
          'quoting'
        )
      }),
      { minLength: 1, maxLength: 4 }
    )
    const dice = fc.infiniteStream(fc.integer({ min: 0, max: 1_000 }))
    await fc.assert(
      fc.asyncProperty(written, dice, fc.integer({ min: 1, max: 5 }), (messages, drawn, size) =>
        inScope(async (scope) => {
          const draw = (sides: number): number => (drawn.next().value as number) % sides
          const all = [...history(messages), link]
          const expected = await stateOf(
            await taken(
              scope,
              all.map((one) => tell(one, 'number', true)),
              1
            )
          )

          // each is told under one to three addresses
          const records = all.flatMap((one) =>
            Array.from({ length: 1 + draw(3) }, () =>
              tell(
                one,
                (Object.keys(addresses) as Address[])[draw(4)] as Address,
                one === link || draw(4) === 0
              )
            )
          )
          const shuffled = records
            .map((one) => ({ one, die: draw(1_000) }))
            .sort((a, b) => a.die - b.die)
            .map(({ one }) => one)
          t.strictSame(await stateOf(await taken(scope, shuffled, size)), expected)
          return t.passing()
        })
      ),
      propertyRuns(t, isOnPostgres() ? 15 : 60)
    )
  }
)

t.test('one person’s reactions and votes are one, under whichever address', async (t) => {
  const { db, take } = await testStore(t)
  const all = history([
    { mine: true, what: 'reacted' },
    { mine: false, what: 'voted' }
  ])
  for (const address of ['number', 'lid', 'hosted', 'device'] as const)
    await take(...all.map((one) => tell(one, address, true)))
  const {
    items: [voted, reacted]
  } = await listMessages(db, {}, 10)
  t.match(reacted?.reactions, [{ emoji: '😂' }], 'they changed theirs, we took ours back')
  t.match(voted?.votes, [{ options: ['B'] }])
  t.same([reacted?.reactions.length, voted?.votes.length], [1, 1])
  const ours = {
    timestamp: 5_000,
    reaction: { message_id: idOf('3EB00', true, 'lid'), emoji: '🙏', sender: own.lid }
  }
  await take(record('X', ours, 'reaction'))
  t.same(
    (await listMessages(db, {}, 10)).items[1]?.reactions.map(({ emoji }) => emoji),
    ['😂', '🙏']
  )
})

t.test(
  'an answered lead does not wait again when its old message comes under the other address',
  async (t) => {
    const { db, take } = await testStore(t)
    const [asked, answered]: Happening[] = [
      { kind: 'message', stanza: '3EB01', mine: false, facts: () => ({ timestamp: 100 }) },
      { kind: 'message', stanza: '3EB02', mine: true, facts: () => ({ timestamp: 200 }) }
    ]
    if (asked === undefined || answered === undefined) throw new Error('nothing to tell')
    await take(tell(asked, 'number', false), tell(answered, 'number', true))
    await take(tell(asked, 'lid', true), tell(answered, 'lid', false), tell(asked, 'device', false))
    t.match((await listLeads(db, {}, 10)).items, [{ waiting_since: null, unanswered_count: 0 }])
    t.equal((await listMessages(db, {}, 10)).items.length, 2)
    for (const address of ['number', 'lid', 'device', 'hosted'] as const) {
      t.match(
        await findMessages(db, idOf('3EB01', false, address)),
        [{ id: idOf('3EB01', false, 'number') }],
        address
      )
    }
  }
)

t.test(
  'the same stanza of another person, or of ours to several people, is another message',
  async (t) => {
    const { db, take } = await testStore(t)
    const to = (phone: string): InboundRecord =>
      record('B', {
        id: `true_${phone}@c.us_3EB0B`,
        chat_id: `${phone}@c.us`,
        from: own.number,
        to: `${phone}@c.us`,
        from_me: true,
        phone: `+${phone}`
      })
    await take(
      to('5215500000001'),
      to('5215500000002'),
      record('B', {
        id: 'false_5215500000001@c.us_3EB0B',
        chat_id: '5215500000001@c.us',
        phone: '+5215500000001'
      })
    )
    t.equal((await listMessages(db, {}, 10)).items.length, 3)
    const react = (id: string): InboundRecord =>
      record(
        'R',
        { timestamp: 5, reaction: { message_id: id, emoji: '👍', sender: own.number } },
        'reaction'
      )
    await take(react('true_5215500000002@c.us_3EB0B'))
    t.same(
      (await listMessages(db, {}, 10)).items
        .filter(({ reactions }) => reactions.length > 0)
        .map(({ id }) => id),
      ['true_5215500000002@c.us_3EB0B']
    )
  }
)

t.test(
  'in a group, a participant’s message is one under number and LID, and two participants stay two',
  async (t) => {
    const { db, take } = await testStore(t)
    const group = '120363000000000001@g.us'
    const by = (participant: string, more: Partial<CapturedMessage> = {}): InboundRecord =>
      record('G', {
        id: `false_${group}_3EB0G_${participant}`,
        chat_id: group,
        from: group,
        author: participant,
        ...more
      })
    await take(by(addresses.number), by(addresses.lid), by('5215500000009@c.us'))
    t.equal((await listMessages(db, {}, 10)).items.length, 2)
  }
)

t.test('deleting a lead takes the reactions under both of its addresses along', async (t) => {
  const { db, take } = await testStore(t)
  const [reacted] = [history([{ mine: false, what: 'reacted' }])]
  await take(
    tell(link, 'number', true),
    ...(reacted ?? []).flatMap((one) => [tell(one, 'number', false), tell(one, 'lid', false)])
  )
  t.ok((await db.selectFrom('reactions').select('sender').execute()).length > 3)
  const erasure = await erasureOf(db, 1)
  if (erasure === undefined) throw new Error('there is no lead')
  await eraseLead(db, erasure.lead, async () => undefined)
  for (const table of ['reactions', 'messages', 'leads'] as const)
    t.same(await db.selectFrom(table).selectAll().execute(), [], table)
})
