import fc from 'fast-check'
import type { CapturedMessage, InboundRecord, RecordKind } from '../../../src/contract/record.ts'
import type { Said } from './waiting-model.ts'

/**
 * Random histories of one conversation: records in any order of arrival, and what people do in
 * between.
 */

/** What a message is, and what it does by the handbook's table. */
const kinds = {
  text: { facts: {}, in: 'asks', out: 'answers' },
  photo: { facts: { type: 'image', body: '' }, in: 'asks', out: 'answers' },
  poll: { facts: { type: 'poll_creation' }, in: 'asks', out: 'answers' },
  viewOnce: {
    facts: { type: 'ciphertext', body: '', phone_only: 'view_once' },
    in: 'asks',
    out: 'answers',
    kind: 'ciphertext_failed'
  },
  secret: {
    facts: { type: 'ciphertext', body: '' },
    in: 'asks',
    out: 'answers',
    kind: 'ciphertext'
  },
  unknown: { facts: { type: 'unknown', body: '' }, in: 'asks', out: 'nothing' },
  newType: { facts: { type: 'hologram', body: '' }, in: 'asks', out: 'answers' },
  missed: {
    facts: { type: 'call_log', body: '', call: { outcome: 'missed', video: false } },
    in: 'asks',
    out: 'nothing'
  },
  declined: {
    facts: { type: 'call_log', body: '', call: { outcome: 'rejected', video: true } },
    in: 'asks',
    out: 'nothing'
  },
  taken: {
    facts: { type: 'call_log', body: '', call: { outcome: 'answered', video: false } },
    in: 'answers',
    out: 'answers'
  },
  bot: { facts: { bot: true }, in: 'nothing', out: 'nothing' },
  notice: { facts: { type: 'e2e_notification', body: '' }, in: 'nothing', out: 'nothing' },
  pin: { facts: { type: 'pin_message', body: '' }, in: 'nothing', out: 'nothing' },
  greeting: { facts: { body: 'Gracias por  Escribirnos, Ana' }, in: 'asks', out: 'nothing' },
  unsent: { facts: { unsent: true }, in: 'asks', out: 'nothing' },
  deleted: { facts: { type: 'revoked', body: '' }, in: 'nothing', out: 'nothing' }
} as const satisfies Record<
  string,
  { facts: Partial<CapturedMessage>; in: Said['does']; out: Said['does']; kind?: RecordKind }
>
type Kind = keyof typeof kinds

export const automaticReplies = ['gracias por escribirnos']

/** What can become of a message; each is a record of its own. */
const changes = [
  'edit',
  'deletedForAll',
  'deletedForMe',
  'again',
  'underLid',
  'readAsText',
  'readAsNotice',
  'callTaken',
  'weReact',
  'weTakeBack',
  'theyReact',
  'weVote'
] as const
type Change = (typeof changes)[number]

interface Planned {
  kind: Kind
  mine: boolean
  time: number
  album: number | undefined
  changes: Change[]
}

export type Act =
  | { does: 'state'; state: 'new' | 'open' | 'won' | 'lost' | 'ignored' }
  | { does: 'handle'; until: number | undefined }
  | { does: 'unhandle' }
  | { does: 'read' }
  /** UNIX seconds. */
  | { does: 'remind'; now: number; at: number }
  | { does: 'forget' }
  | { does: 'timeComes' }

export interface Plan {
  planned: Planned[]
  acts: Act[]
  /** How the conversation's addresses become known. */
  story: 'known' | 'linked' | 'moved'
  dice: number[]
}

const weighted = <T>(...choices: [number, T][]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))

const planned: fc.Arbitrary<Planned> = fc.record({
  kind: fc.oneof(
    { weight: 2, arbitrary: fc.constant<Kind>('text') },
    { weight: 3, arbitrary: fc.constantFrom(...(Object.keys(kinds) as Kind[])) }
  ),
  mine: weighted([3, false], [2, true]),
  time: fc.integer({ min: 1_000, max: 1_012 }),
  album: weighted<number | undefined>([8, undefined], [1, 1], [1, 2]),
  changes: fc.array(fc.constantFrom(...changes), { maxLength: 3 })
})

const act: fc.Arbitrary<Act> = fc.oneof(
  fc
    .constantFrom('new', 'open', 'won', 'lost', 'ignored')
    .map((state) => ({ does: 'state', state }) as Act),
  fc.option(fc.nat(20), { nil: undefined }).map((until) => ({ does: 'handle', until }) as Act),
  fc.constantFrom<Act>({ does: 'unhandle' }, { does: 'read' }),
  fc
    .tuple(fc.integer({ min: 999, max: 1_012 }), fc.integer({ min: 1, max: 6 }))
    .map(([now, after]) => ({ does: 'remind', now, at: now + after }) as Act),
  fc.constantFrom<Act>({ does: 'timeComes' }, { does: 'forget' })
)

export const plan: fc.Arbitrary<Plan> = fc.record({
  planned: fc.array(planned, { minLength: 1, maxLength: 8 }),
  acts: fc.array(act, { maxLength: 6 }),
  story: weighted<Plan['story']>([4, 'known'], [2, 'linked'], [1, 'moved']),
  dice: fc.array(fc.integer({ min: 0, max: 999_999 }), { minLength: 80, maxLength: 80 })
})

/**
 * One step: a record, with what it says to the model; or an act. `cut`: the batch ends after it.
 */
export type Step = { cut: boolean; id: number } & (
  | { record: InboundRecord; tells: (known: Known) => void }
  | { act: Act }
)

/** What the model knows of a message. */
export interface Known extends Said {
  isThere: boolean
  reactions: { time: number; isThere: boolean }[]
  votes: { time: number; isThere: boolean }[]
}

export const unknown = (time: number, mine: boolean): Known => ({
  time,
  mine,
  does: 'nothing',
  thing: '',
  isDeletedForAll: false,
  isRead: false,
  isHandled: false,
  isClosed: false,
  isReactedTo: false,
  isThere: false,
  reactions: [],
  votes: []
})

interface Address {
  phone: string
  lid: string
  next: string
}

const own = '5215587654321@c.us'

/**
 * The records of a message, in an order that WhatsApp may tell them in; those with `after` come
 * after the first one.
 */
interface NewRecord {
  kind: RecordKind
  message: CapturedMessage
  tells: (known: Known) => void
  after: boolean
}

interface Place {
  chat: string
  /** What the record says of who it is. */
  who: Partial<CapturedMessage>
}

const newRecordsOf = (
  { kind, mine, time, album, changes: planned }: Planned,
  at: number,
  place: Place,
  other: Place
): NewRecord[] => {
  const { facts, in: inbound, out, ...rest } = kinds[kind]
  const first: RecordKind = 'kind' in rest ? rest.kind : 'message'
  const isAlbum = album !== undefined && kind === 'photo'
  const of = ({ chat, who }: Place, more: Partial<CapturedMessage>): CapturedMessage => ({
    id: `${mine}_${chat}_S${at}`,
    chat_id: chat,
    from: mine ? own : chat,
    to: mine ? chat : own,
    from_me: mine,
    type: 'chat',
    body: `text ${at}`,
    timestamp: time,
    has_media: false,
    ...who,
    ...more
  })
  const here = (more: Partial<CapturedMessage> = {}): CapturedMessage => {
    const message = of(place, { ...facts, ...more })
    return isAlbum ? { ...message, album_id: `${mine}_${place.chat}_A${album}` } : message
  }
  const does = mine ? out : inbound
  const thing = isAlbum ? `A${album}` : `S${at}`
  const says = (known: Known): void => {
    Object.assign(known, { isThere: true, does, thing })
  }
  const there = (known: Known): void => {
    if (!known.isThere) says(known)
  }
  const reaction = (emoji: string, mineToo: boolean, timestamp: number): CapturedMessage => ({
    ...of(place, {}),
    id: `${mineToo}_${place.chat}_R${at}${emoji}${timestamp}`,
    from_me: mineToo,
    from: mineToo ? own : place.chat,
    type: 'reaction',
    body: emoji,
    timestamp,
    reaction: { message_id: here().id, emoji, sender: mineToo ? own : place.chat }
  })
  const newRecord = (
    kind: RecordKind,
    message: CapturedMessage,
    tells: NewRecord['tells'],
    after = false
  ): NewRecord => ({ kind, message, tells, after })
  const isSecret = kind === 'secret'
  const make: Record<Change, () => NewRecord[]> = {
    edit: () =>
      kind === 'text'
        ? [
            newRecord(
              'edit',
              here({
                body: 'edited',
                edited: { at: new Date(time * 1_000 + 5_000).toISOString() }
              }),
              there
            )
          ]
        : [],
    deletedForAll: () => [
      newRecord(
        'revoke',
        here({ body: '', type: 'revoked', revoked: { by: 'sender' } }),
        (known) => {
          there(known)
          known.isDeletedForAll = true
        }
      )
    ],
    deletedForMe: () =>
      kind === 'greeting'
        ? []
        : [newRecord('revoke', here({ body: '', revoked: { by: 'me' } }), there)],
    again: () => [newRecord(first, here(), there, true)],
    // the same message, told under the other address of its chat
    underLid: () => [
      newRecord(
        first,
        {
          ...of(other, facts),
          ...(isAlbum ? { album_id: `${mine}_${other.chat}_A${album}` } : {})
        },
        there
      )
    ],
    readAsText: () =>
      isSecret
        ? [newRecord('message', here({ type: 'chat', body: 'decrypted' }), there, true)]
        : [],
    readAsNotice: () =>
      isSecret && !planned.includes('readAsText')
        ? [
            newRecord(
              'message',
              here({ type: 'protocol' }),
              (known) => {
                known.does = 'nothing'
              },
              true
            )
          ]
        : [],
    callTaken: () =>
      kind === 'missed'
        ? [
            newRecord(
              'update',
              here({ call: { outcome: 'answered', video: false, seconds: 9 } }),
              (known) => {
                known.does = 'answers'
              },
              true
            )
          ]
        : [],
    weReact: () => [
      newRecord('reaction', reaction('👍', true, time + 20), (known) =>
        known.reactions.push({ time: time + 20, isThere: true })
      )
    ],
    weTakeBack: () => [
      newRecord('reaction', reaction('', true, time + 30), (known) =>
        known.reactions.push({ time: time + 30, isThere: false })
      )
    ],
    theyReact: () => [newRecord('reaction', reaction('❤️', false, time + 25), () => undefined)],
    weVote: () =>
      kind === 'poll'
        ? [
            newRecord(
              'vote',
              {
                ...reaction('', true, time + 22),
                type: 'poll_vote',
                reaction: undefined as never,
                vote: { message_id: here().id, options: ['a'] }
              },
              (known) => known.votes.push({ time: time + 22, isThere: true })
            )
          ]
        : []
  }
  const begins = newRecord(first, here(), says)
  // WhatsApp lets nobody react to what no person wrote, or to what is gone
  const isReactable = !['bot', 'notice', 'pin', 'deleted'].includes(kind)
  const possible = [...new Set(planned)].filter(
    (change) => isReactable || !['weReact', 'weTakeBack', 'theyReact'].includes(change)
  )
  return [begins, ...possible.flatMap((change) => make[change]())]
}

const strip = (message: CapturedMessage): CapturedMessage =>
  JSON.parse(JSON.stringify(message)) as CapturedMessage

/** What is of one person alone in all addresses of history `n`. */
export const digitsOf = (n: number): string => String(n).padStart(7, '0')

/** The steps of a plan. @param n a number of its own, which its addresses are made of */
export const stepsOf = (
  { planned, acts, story, dice }: Plan,
  n: number,
  account: string
): Step[] => {
  const digits = digitsOf(n)
  const { phone, lid, next }: Address = {
    phone: `5215${digits}1`,
    lid: `99${digits}`,
    next: `5215${digits}2`
  }
  const both = { phone: `+${phone}`, lid: `${lid}@lid` }
  const knownPlaces: [Place, Place] = [
    { chat: `${phone}@c.us`, who: both },
    { chat: `${lid}@lid`, who: both }
  ]
  const apart: [Place, Place] = [
    { chat: `${phone}@c.us`, who: { phone: `+${phone}` } },
    { chat: `${lid}@lid`, who: { lid: `${lid}@lid` } }
  ]
  const moved: [Place, Place] = [
    { chat: `${next}@c.us`, who: { phone: `+${next}` } },
    { chat: `${next}@c.us`, who: { phone: `+${next}` } }
  ]
  const before: [Place, Place] = [
    { chat: `${phone}@c.us`, who: { phone: `+${phone}` } },
    { chat: `${phone}@c.us`, who: { phone: `+${phone}` } }
  ]

  let die = 0
  const roll = (): number => dice[die++ % dice.length] as number
  let seq = 0
  const record = (id: number, { kind, message, tells }: NewRecord): Step => ({
    id,
    tells,
    cut: roll() % 3 === 0,
    record: {
      seq: (seq += 1),
      kind,
      captured_at: '2026-11-24T12:00:00.000Z',
      source: 'live',
      account,
      message: strip(message)
    }
  })
  const shuffled = (groups: { id: number; newRecords: NewRecord[] }[]): Step[] => {
    const sorted = groups.flatMap(({ id, newRecords }) => {
      const keys = newRecords.map(() => roll())
      const [first = 0] = keys
      return newRecords.map((newRecord, at) => ({
        id,
        newRecord,
        key: newRecord.after ? Math.max(first + 1, keys[at] ?? 0) : (keys[at] ?? 0)
      }))
    })
    return sorted.sort((a, b) => a.key - b.key).map(({ id, newRecord }) => record(id, newRecord))
  }
  const groups = (
    messages: readonly Planned[],
    start: number,
    places: (at: number) => [Place, Place]
  ) =>
    messages.map((each, at) => ({
      id: start + at,
      newRecords: newRecordsOf(each, start + at, ...places(start + at))
    }))

  const withActs = (steps: Step[], from: number): Step[] => {
    const all = [...steps]
    for (const act of acts) {
      const at = from + (roll() % (all.length - from + 1))
      const previous = all[at - 1]
      if (previous !== undefined) previous.cut = true
      all.splice(at, 0, { id: -1, act, cut: true })
    }
    return all
  }
  const either =
    ([one, two]: [Place, Place]) =>
    (at: number): [Place, Place] =>
      (dice[at] ?? 0) % 2 === 0 ? [one, two] : [two, one]
  // records are numbered in the order in which they come
  const numbered = (steps: Step[]): Step[] => {
    let seq = 0
    for (const step of steps) if ('record' in step) step.record.seq = seq += 1
    return steps
  }
  if (story === 'known')
    return numbered(withActs(shuffled(groups(planned, 0, either(knownPlaces))), 0))
  if (story === 'linked') {
    // a person who is known by number, and by LID, until one message tells that they are one
    const steps = shuffled(groups(planned, 0, either(apart)))
    const link: Planned = { kind: 'text', mine: false, time: 1_006, album: undefined, changes: [] }
    const linking = groups([link], planned.length, () => knownPlaces).flatMap(
      ({ id, newRecords }) => newRecords.map((newRecord) => record(id, newRecord))
    )
    const at = roll() % (steps.length + 1)
    steps.splice(at, 0, ...linking)
    return numbered(withActs(steps, at + 1))
  }
  // somebody whose number changed: what is of the old one came before WhatsApp told
  const half = Math.ceil(planned.length / 2)
  const old: Planned = { kind: 'text', mine: false, time: 1_000, album: undefined, changes: [] }
  const first = shuffled(groups([old, ...planned.slice(0, half)], 0, () => before))
  const notice: NewRecord = {
    kind: 'message',
    after: false,
    tells: () => undefined,
    message: {
      id: `false_${phone}@c.us_N`,
      chat_id: `${phone}@c.us`,
      from: `${phone}@c.us`,
      to: own,
      from_me: false,
      type: 'notification_template',
      body: '',
      timestamp: 1_020,
      has_media: false,
      phone: `+${phone}`,
      number_change: { from: `${phone}@c.us`, to: `${next}@c.us` }
    }
  }
  const rest = shuffled(groups(planned.slice(half), half + 1, () => moved))
  return numbered(withActs([...first, record(-1, notice), ...rest], 0))
}
