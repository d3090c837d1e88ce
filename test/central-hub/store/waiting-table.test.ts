import { readFile } from 'node:fs/promises'
import t from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { handleLead, patchLead } from '../../../src/central-hub/store/write/change-lead.ts'
import { bringBackReminded } from '../../../src/central-hub/store/write/reminders.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import type { Lead, LeadState } from '../../../src/contract/lead.ts'
import type { CapturedMessage, InboundRecord, RecordKind } from '../../../src/contract/record.ts'
import { record, reply, testStore } from './open-store.ts'

/** The handbook's table "Who waits": each of its rows is played, and what it says must come out. */

const asked = record('asked', { timestamp: 1_000 })
const answered = reply('answered', { timestamp: 1_100 })
const them = (facts: Partial<CapturedMessage>, kind: RecordKind = 'message'): InboundRecord =>
  record('new', { timestamp: 1_200, ...facts }, kind)
const us = (facts: Partial<CapturedMessage>): InboundRecord =>
  reply('new', { timestamp: 1_200, ...facts })
const call = (
  outcome: NonNullable<CapturedMessage['call']>['outcome']
): Partial<CapturedMessage> => ({ type: 'call_log', body: '', call: { outcome, video: false } })
const deleted = (of: InboundRecord, by: 'sender' | 'me'): InboundRecord => ({
  ...of,
  kind: 'revoke',
  message: { ...of.message, body: '', revoked: { by } }
})
const reaction = (emoji: string, fromMe: boolean, timestamp: number): InboundRecord => {
  const sender = fromMe ? '5215587654321@c.us' : '5215512345678@c.us'
  const of = {
    from_me: fromMe,
    from: sender,
    timestamp,
    type: 'reaction',
    body: emoji,
    reaction: { message_id: asked.message.id, emoji, sender }
  }
  return record('reaction', { id: `reaction ${timestamp}`, ...of }, 'reaction')
}
const ours = {
  from: '5215587654321@c.us',
  chat_id: '5215587654321@c.us',
  to_self: true,
  from_me: true
}

/**
 * What is played: records, or what a person does. Several of a row must each come out as it says.
 */
interface World {
  db: Db
  take(...records: InboundRecord[]): Promise<void>
  lead(): Promise<Lead>
}
type Play = (world: World) => Promise<unknown>
const taking =
  (...records: InboundRecord[]): Play =>
  ({ take }) =>
    take(...records)
const becoming =
  (...states: LeadState[]): Play =>
  async ({ db, lead }) => {
    for (const state of states) await patchLead(db, (await lead()).id, { state })
  }

/** At 1,180 s: remind me at 1,300 s. */
const remind: Play = async ({ db, lead }) =>
  patchLead(db, (await lead()).id, { remind_at: new Date(1_300_000).toISOString() }, 1_180_000)
const forget: Play = async ({ db, lead }) => patchLead(db, (await lead()).id, { remind_at: null })
const timeComes: Play = ({ db }) => bringBackReminded(db, 1_300_000)
const inTurn =
  (...plays: Play[]): Play =>
  async (world) => {
    for (const play of plays) await play(world)
  }

const plays: Record<string, Play[]> = {
  'They write: text, photo, voice message, place, poll, order, contact card': [
    'chat',
    'image',
    'ptt',
    'location',
    'poll_creation',
    'order',
    'vcard'
  ].map((type) => taking(them({ type }))),
  'A message of theirs is not decrypted yet, or never; it is for the phone alone; it is of a type that is not known':
    [
      taking(them({ type: 'ciphertext', body: '' }, 'ciphertext')),
      taking(
        them({ type: 'ciphertext', body: '' }, 'ciphertext'),
        them({ type: 'ciphertext', body: '' }, 'ciphertext_failed')
      ),
      taking(them({ type: 'ciphertext', body: '', phone_only: 'view_once' }, 'ciphertext_failed')),
      taking(them({ type: 'unknown', body: '' })),
      taking(them({ type: 'hologram', body: '' }))
    ],
  'They call, and nobody takes it': (['missed', 'rejected', 'canceled', 'unknown'] as const).map(
    (outcome) => taking(them(call(outcome)))
  ),
  'They call, and it is taken': [taking(them(call('answered')))],
  'You call, and they take it': [taking(us(call('answered')))],
  'You call in vain': (['missed', 'rejected', 'canceled', 'unknown'] as const).map((outcome) =>
    taking(us(call(outcome)))
  ),
  'You write': ['chat', 'image', 'document', 'hologram'].map((type) => taking(us({ type }))),
  "A message of yours never leaves (WhatsApp's server did not accept it), or WhatsApp Web cannot tell what it is":
    [taking(us({ unsent: true })), taking(us({ type: 'unknown', body: '' }))],
  'WhatsApp Business sends a greeting or an away message that `AUTOMATIC_REPLIES` names': [
    taking(us({ body: 'Gracias por\nescribirnos. Te respondemos pronto' })),
    taking(us({ type: 'automated_greeting_message' }))
  ],
  'WhatsApp Business sends one that `AUTOMATIC_REPLIES` does not name': [
    taking(us({ body: 'We are away until Monday' }))
  ],
  'A bot writes, theirs or yours': [taking(them({ bot: true })), taking(us({ bot: true }))],
  'WhatsApp itself notes something: security code, changed number, pinned message, counted poll': [
    'e2e_notification',
    'notification_template',
    'pin_message',
    'poll_update',
    'keep_in_chat',
    'event_response',
    'protocol'
  ].map((type) => taking(them({ type, body: '' }), us({ id: 'other', type, body: '' }))),
  'They react to a message, or vote': [
    taking(reaction('❤️', false, 1_200)),
    taking(
      record(
        'vote',
        {
          id: 'vote',
          type: 'poll_vote',
          timestamp: 1_200,
          vote: { message_id: asked.message.id, options: ['a'] }
        },
        'vote'
      )
    )
  ],
  'You react to their latest message, or vote in it': [
    taking(reaction('👍', true, 1_200)),
    taking(
      record(
        'vote',
        {
          id: 'vote',
          from_me: true,
          from: '5215587654321@c.us',
          type: 'poll_vote',
          timestamp: 1_200,
          vote: { message_id: asked.message.id, options: ['a'] }
        },
        'vote'
      )
    )
  ],
  'You take that reaction back': [
    taking(reaction('👍', true, 1_200), reaction('', true, 1_300)),
    taking(reaction('', true, 1_300), reaction('👍', true, 1_200))
  ],
  'They edit a message': [
    taking(
      record(
        'asked',
        { timestamp: 1_000, body: 'edited', edited: { at: '2026-01-01T00:00:00.000Z' } },
        'edit'
      )
    )
  ],
  'They delete what they wrote, for everyone': [
    taking(deleted(asked, 'sender')),
    taking(
      record('asked', { timestamp: 1_000, type: 'revoked', body: '' }),
      deleted(asked, 'me'),
      deleted(asked, 'sender')
    )
  ],
  'You delete their message, for yourself': [taking(deleted(asked, 'me'))],
  'You delete your answer, for everyone': [taking(deleted(answered, 'sender'))],
  'You delete your answer, for yourself': [taking(deleted(answered, 'me'))],
  'You mark it as handled': [async ({ db, lead }) => handleLead(db, (await lead()).id)],
  'It becomes won': [becoming('won')],
  'It becomes lost': [becoming('lost')],
  'It becomes ignored': [becoming('ignored')],
  'It is won, lost or ignored no more': [
    becoming('won', 'open'),
    becoming('lost', 'new'),
    becoming('ignored', 'open'),
    becoming('won', 'ignored', 'new')
  ],
  'You set a reminder': [remind, inTurn(remind, remind), inTurn(becoming('lost'), remind)],
  'You set a reminder, and write before its time': [
    inTurn(remind, taking(us({}))),
    inTurn(taking(us({})), remind)
  ],
  'You set a reminder, and they write before its time': [inTurn(remind, taking(them({})))],
  'You set a reminder, and what they wrote before comes late': [
    inTurn(remind, taking(them({ timestamp: 1_050 })))
  ],
  'You take the reminder back': [inTurn(remind, forget)],
  'The time of the reminder comes': [
    inTurn(remind, timeComes),
    inTurn(remind, taking(us({})), timeComes)
  ],
  'The time of the reminder comes, and you write or mark it as handled': [
    inTurn(remind, timeComes, taking(us({ timestamp: 1_400 }))),
    inTurn(remind, timeComes, async ({ db, lead }) => handleLead(db, (await lead()).id))
  ],
  'You set a reminder, and it becomes won, lost or ignored before its time': (
    ['won', 'lost', 'ignored'] as const
  ).map((state) => inTurn(remind, becoming(state), timeComes)),
  'You write a note to yourself, or with Meta AI': [
    taking(
      us({
        id: 'true_5215587654321@c.us_note',
        phone: '+5215587654321',
        to: '5215587654321@c.us',
        ...ours
      })
    ),
    taking(
      us({
        id: 'true_13135550002@c.us_ai',
        chat_id: '13135550002@c.us',
        to: '13135550002@c.us',
        phone: '+13135550002'
      })
    )
  ],
  // the messages of these leads are of 1970
  '400 days pass': [async () => undefined]
}

const handbook = await readFile(
  new URL('../../../deploy/systemd/README.md', import.meta.url),
  'utf8'
)
const [, table = ''] = /\| What happens \|.*\|\n\|[-|]+\|\n((?:\|.*\|\n)+)/.exec(handbook) ?? []
const rows = table
  .trimEnd()
  .split('\n')
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  )

t.test(
  'the handbook lists what this test plays, and this test plays what the handbook lists',
  async (t) => {
    t.same(
      rows.map(([what]) => what),
      Object.keys(plays)
    )
  }
)

for (const [what = '', ifNot, ifSo] of rows) {
  t.test(what, async (t) => {
    const before = [
      { says: ifNot, records: [asked, answered] },
      {
        says: ifSo,
        records: what.startsWith('You delete your answer')
          ? [asked, answered, record('later', { timestamp: 1_150 })]
          : [asked]
      }
    ]
    for (const { says, records } of before) {
      for (const play of plays[what] ?? []) {
        const { db } = await testStore(t)
        const ingest = createIngest({
          db,
          onTaken: () => undefined,
          automaticReplies: ['Gracias por escribirnos', 'Estamos fuera']
        })
        let seq = 0
        const take = (...taken: InboundRecord[]): Promise<void> =>
          ingest.take(
            'main',
            'j',
            taken.map((each) => ({ ...each, seq: (seq += 1) }))
          )
        const lead = async (): Promise<Lead> => {
          const [only, other] = (await listLeads(db, {}, 10)).items
          if (only === undefined || other !== undefined) throw new Error('there is one lead')
          return only
        }
        await take(...records)

        await play({ db, take, lead })

        t.equal(
          (await lead()).waiting_since === null ? 'no' : 'yes',
          says,
          `${records.length} before`
        )
      }
    }
  })
}
