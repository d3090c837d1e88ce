import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import {
  editRecords,
  messageRecords,
  reactionRecords,
  revokeRecords
} from '../../../src/session-manager/whatsapp/new-records.ts'
import type { Raw } from '../../../src/session-manager/whatsapp/content/raw.ts'
import { captured } from './new-records.ts'
import { mapping } from '../whatsapp/only-draft.ts'
import { group, me, rawText } from '../whatsapp/raw-models.ts'
import { propertyRuns } from '../../property-runs.ts'

/** A journal of the test's own. */
const open = (t: Test): Journal => {
  const journal = openJournal(join(t.testdir(), 'journal.db'), 'main')
  t.teardown(() => journal.close())
  return journal
}

const number = '5215512345678@c.us'
const lid = '118999881199@lid'
const phone = '+5215512345678'

/** A text of the chat with that address. */
const text = (address: string, stanza: string, facts: Raw = {}): Raw =>
  rawText(stanza, { id: { fromMe: false, remote: address, id: stanza }, from: address, ...facts })

const messages = (journal: Journal): CapturedMessage[] =>
  captured(journal.read(0, 10_000)).map(({ message }) => message)
const idsOf = (journal: Journal): string[] => [...new Set(messages(journal).map(({ id }) => id))]

t.test('a message that is told under the number and read back under the LID is one', async (t) => {
  const journal = open(t)
  journal.append(messageRecords(text(number, 'A'), mapping), 'live')
  journal.append(messageRecords(text(lid, 'A'), mapping), 'backfill')
  t.equal(journal.lastSeq(), 1)
  t.equal(
    journal.arrival(`false_${lid}_A`),
    'told',
    'the stall detector asks by the id that the page has'
  )
})

t.test(
  'an edit, a deletion, a reaction, a quote and an album find their message under the other address',
  async (t) => {
    const journal = open(t)
    const id = `false_${number}_A`
    journal.append(messageRecords(text(number, 'A'), mapping), 'live')
    const edited = text(lid, 'A', { body: 'new', latestEditSenderTimestampMs: 1_700_000_100_000 })
    journal.append(editRecords(edited, 'old', mapping), 'live')
    const target = { fromMe: false, remote: lid, id: 'A' }
    journal.append(
      reactionRecords(
        {
          id: { fromMe: true, remote: lid, id: 'R' },
          msgId: target,
          senderId: me,
          reaction: '👍',
          timestamp: 1_700_000_200
        },
        mapping
      ),
      'live'
    )
    journal.append(
      messageRecords(text(lid, 'B', { quotedStanzaID: 'A', quotedParticipant: lid }), mapping),
      'live'
    )
    journal.append(
      messageRecords(
        text(lid, 'C', { parentMsgKey: target, associationType: 'MEDIA_ALBUM' }),
        mapping
      ),
      'live'
    )
    journal.append(
      revokeRecords(
        text(lid, 'X', { type: 'revoked', protocolMessageKey: target }),
        'sender',
        mapping
      ),
      'live'
    )

    const [, edit, reaction, quote, child, revoke] = messages(journal)
    t.match(
      [edit?.id, reaction?.reaction?.message_id, quote?.quoted_id, child?.album_id, revoke?.id],
      [id, id, id, id, id]
    )
    t.match(
      captured(journal.read(0, 10)).map(({ kind }) => kind),
      ['message', 'edit', 'reaction', 'message', 'message', 'revoke']
    )
  }
)

t.test('a deletion that is read back later is no second message', async (t) => {
  const journal = open(t)
  journal.append(messageRecords(text(number, 'A'), mapping), 'live')
  const left = text(lid, 'OWN', {
    type: 'revoked',
    body: undefined,
    protocolMessageKey: { fromMe: false, remote: lid, id: 'A' }
  })
  journal.append(revokeRecords(left, 'sender', mapping), 'live')
  journal.append(messageRecords(left, mapping), 'backfill')
  t.same(
    captured(journal.read(0, 10)).map(({ kind, message }) => [kind, message.id]),
    [
      ['message', `false_${number}_A`],
      ['revoke', `false_${number}_A`]
    ]
  )
})

t.test('what could not be decrypted comes under another address', async (t) => {
  const journal = open(t)
  journal.append(
    messageRecords(text(number, 'A', { type: 'ciphertext', body: undefined }), mapping),
    'live'
  )
  journal.append(messageRecords(text(lid, 'A'), mapping), 'backfill')
  t.same(journal.undecrypted(10), [])
  t.same(idsOf(journal), [`false_${number}_A`])
})

t.test('the direction of a note to oneself is no part of what it is', async (t) => {
  const journal = open(t)
  const key = { fromMe: true, remote: me, id: 'A', self: 'out' }
  journal.append(messageRecords(rawText('A', { id: key, from: me, to: me }), mapping), 'live')
  journal.append(
    messageRecords(rawText('A', { id: { ...key, self: undefined }, from: me, to: me }), mapping),
    'backfill'
  )
  t.same(idsOf(journal), [`true_${me}_A_out`])
})

t.test('one stanza of two people is two messages', async (t) => {
  t.test('when the numbers are known', async (t) => {
    const journal = open(t)
    const other = { ...messageRecords(text(lid, 'A'), mapping)[0] } as NewRecord
    journal.append(messageRecords(text(number, 'A'), mapping), 'live')
    journal.append([{ ...other, message: { ...other.message, phone: '+5219999999999' } }], 'live')
    t.equal(idsOf(journal).length, 2)
  })
  t.test('when they were written at different times', async (t) => {
    const journal = open(t)
    journal.append(
      [
        ...messageRecords(text(number, 'A'), mapping),
        ...messageRecords(text(lid, 'A', { t: 1_700_009_000 }), mapping)
      ],
      'live'
    )
    t.equal(idsOf(journal).length, 2)
  })
  t.test('when both are numbers, are of two groups, or go two ways', async (t) => {
    const journal = open(t)
    const keys = [
      { fromMe: false, remote: number, id: 'A' },
      { fromMe: false, remote: '5215500000009@c.us', id: 'A' },
      { fromMe: true, remote: number, id: 'A' },
      { fromMe: false, remote: group, id: 'A', participant: number },
      { fromMe: false, remote: '120363000000000001@g.us', id: 'A', participant: number }
    ]
    for (const id of keys) journal.append(messageRecords(rawText('A', { id }), mapping), 'live')
    t.equal(idsOf(journal).length, keys.length)
  })
})

t.test("one person's reactions to a message in a group are of one sender", async (t) => {
  const journal = open(t)
  const target = { fromMe: true, remote: group, id: 'A' }
  const react = (sender: string, emoji: string, timestamp: number): NewRecord[] => {
    const own = { fromMe: false, remote: group, id: `R${timestamp}`, participant: sender }
    return reactionRecords(
      { id: own, msgId: target, senderId: sender, reaction: emoji, timestamp },
      mapping
    )
  }
  journal.append(react(number, '👍', 1_700_000_000), 'live')
  const again = react(lid, '❤️', 1_700_000_100)
  // As the lookup of numbers leaves it.
  for (const { message } of again) message.phone = phone
  journal.append(again, 'live')
  t.same(
    messages(journal).map(({ reaction }) => reaction?.sender),
    [number, number]
  )
  t.equal(
    journal.append(react(number, '❤️', 1_700_000_100), 'live').length,
    0,
    'told once more under the number'
  )
})

t.test('a number that a message tells is known from then on, a guessed one is not', async (t) => {
  const journal = open(t)
  journal.append(messageRecords(text(number, 'A'), mapping), 'live')
  journal.append(messageRecords(text(lid, 'A'), mapping), 'live')
  t.equal(journal.lastSeq(), 1)
  t.equal(journal.phone(lid), undefined)
  const [told] = messageRecords(text(lid, 'B'), mapping) as [NewRecord]
  journal.append([{ ...told, message: { ...told.message, phone } }], 'live')
  t.equal(journal.phone(lid), phone)
})

t.test('an own message under a guessed id does not join the two addresses', async (t) => {
  const journal = open(t)
  const own = (address: string, facts: Raw = {}): Raw =>
    rawText('A', {
      id: { fromMe: true, remote: address, id: 'A' },
      from: me,
      to: address,
      ...facts
    })
  journal.append(
    messageRecords(own(number, { type: 'ciphertext', body: undefined }), mapping),
    'live'
  )
  journal.append(messageRecords(own(lid), mapping), 'live')
  const [, message] = messages(journal)
  t.match(message, { id: `true_${number}_A`, chat_id: number, phone })
  t.equal(message?.lid, undefined)
  journal.arrival(`true_${lid}_A`)
  t.equal(journal.phone(lid), undefined)
})

t.test('an erased message does not come back under the other address', async (t) => {
  const journal = open(t)
  journal.append(messageRecords(text(number, 'A'), mapping), 'live')
  journal.erase({ chatIds: [number], messageIds: [] })
  t.equal(journal.append(messageRecords(text(lid, 'A'), mapping), 'backfill').length, 0)
  t.equal(journal.arrival(`false_${lid}_A`), 'told')
  t.equal(journal.append(messageRecords(text(lid, 'B'), mapping), 'live').length, 1)
})

t.test('a journal of an earlier release is indexed when it is opened', async (t) => {
  const file = join(t.testdir(), 'journal.db')
  const before = openJournal(file, 'main')
  before.append(messageRecords(text(number, 'A'), mapping), 'live')
  before.close()
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(file)
  db.exec(
    'DROP INDEX records_by_stanza; DROP INDEX records_by_target_stanza; CREATE INDEX records_by_message ON records (message_id)'
  )
  db.close()
  const journal = openJournal(file, 'main')
  t.teardown(() => journal.close())
  t.equal(journal.append(messageRecords(text(lid, 'A'), mapping), 'backfill').length, 0)
})

/** What can be told of message n of person p. */
type Telling = {
  person: number
  message: number
  what: 'message' | 'edit' | 'revoke' | 'reaction' | 'quote' | 'sealed'
  underLid: boolean
  inGroup: boolean
  fromMe: boolean
  source: 'live' | 'backfill'
}

const tell = (
  { person, message, what, underLid, inGroup, fromMe }: Telling,
  isKnown: boolean
): NewRecord[] => {
  const own = underLid ? `${200_000_000_000 + person}@lid` : `${5_215_500_000_000 + person}@c.us`
  const key = {
    fromMe,
    remote: inGroup ? group : own,
    id: `M${person}N${message}${inGroup ? 'G' : ''}${fromMe ? 'O' : ''}`,
    ...(inGroup && !fromMe ? { participant: own } : {})
  }
  const raw = rawText('x', {
    id: key,
    t: 1_700_000_000 + message,
    from: key.remote,
    author: key.participant
  })
  const newRecords = (): NewRecord[] => {
    switch (what) {
      case 'message':
        return messageRecords(raw, mapping)
      case 'sealed':
        return messageRecords({ ...raw, type: 'ciphertext' }, mapping)
      case 'edit':
        return editRecords(
          { ...raw, body: 'new', latestEditSenderTimestampMs: 1_700_000_500_000 },
          'old',
          mapping
        )
      case 'revoke':
        return messageRecords(
          { ...raw, id: { ...key, id: 'LEFT' + key.id }, type: 'revoked', protocolMessageKey: key },
          mapping
        )
      case 'reaction':
        return reactionRecords(
          {
            id: {
              ...key,
              fromMe: false,
              id: 'R' + key.id,
              ...(inGroup ? { participant: own } : {})
            },
            msgId: key,
            senderId: own,
            reaction: '👍',
            timestamp: 1_700_000_900
          },
          mapping
        )
      case 'quote':
        return messageRecords(
          {
            ...raw,
            id: { ...key, id: 'Q' + key.id },
            quotedStanzaID: key.id,
            quotedParticipant: fromMe ? me : own
          },
          mapping
        )
    }
  }
  const all = newRecords()
  if (isKnown)
    for (const { message: told } of all)
      if (told.lid !== undefined) told.phone = `+${5_215_500_000_000 + person}`
  return all
}

/** Per telling, which message it is about, by the place of that message's first record. */
const shape = (journal: Journal): string[] => {
  const stanza = (id: string): string => id.split('_')[2] ?? ''
  const ids = new Set<string>()
  const senders = new Map<string, Set<string>>()
  for (const { message } of captured(journal.read(0, 10_000))) {
    if (message.reaction === undefined) ids.add(message.id)
    else {
      ids.add(message.reaction.message_id)
      const of = senders.get(stanza(message.reaction.message_id)) ?? new Set()
      senders.set(stanza(message.reaction.message_id), of.add(message.reaction.sender))
    }
  }
  return [
    ...[...ids].map(stanza),
    ...[...senders].map(([id, of]) => `${id} has reactions of ${of.size}`)
  ].sort()
}

t.test(
  'a message to a broadcast list is one message for each recipient, though all have one stanza',
  async (t) => {
    const journal = open(t)
    const to = (address: string): Raw =>
      rawText('A', { id: { fromMe: true, remote: address, id: 'A' }, from: me, to: address })
    for (const address of [
      '111111111111@lid',
      '222222222222@lid',
      '5215500000002@c.us',
      '5215500000003@c.us'
    ])
      journal.append(messageRecords(to(address), mapping), 'live')
    t.equal(idsOf(journal).length, 4)
  }
)

t.test(
  'the first two copies of a list, under a number and an unknown LID, are two messages',
  async (t) => {
    for (const first of [number, '222222222222@lid']) {
      const journal = openJournal(':memory:', 'main')
      const second = first === number ? '222222222222@lid' : number
      const to = (address: string): Raw =>
        rawText('A', {
          id: { fromMe: true, remote: address, id: 'A' },
          from: me,
          to: address,
          broadcast: true
        })
      journal.append(messageRecords(to(first), mapping), 'live')
      journal.append(messageRecords(to(second), mapping), 'live')
      t.same(idsOf(journal), [`true_${first}_A`, `true_${second}_A`])
      t.equal(journal.phone('222222222222@lid'), undefined)
      journal.close()
    }
  }
)

t.test(
  'a history told in any order, live or read back, under either address gives the same messages as under one',
  async () => {
    const telling: fc.Arbitrary<Telling> = fc.record({
      person: fc.nat({ max: 2 }),
      message: fc.nat({ max: 2 }),
      what: fc.constantFrom('message', 'edit', 'revoke', 'reaction', 'quote', 'sealed'),
      underLid: fc.boolean(),
      inGroup: fc.boolean(),
      fromMe: fc.boolean(),
      source: fc.constantFrom('live', 'backfill')
    })
    fc.assert(
      fc.property(fc.array(telling, { maxLength: 25 }), fc.boolean(), (tellings, isKnown) => {
        // Who reacts in a group under a LID that nobody knows cannot be told from another.
        const used = tellings.filter(
          ({ what, inGroup }) => isKnown || what !== 'reaction' || !inGroup
        )
        const shapes = [used, used.map((one) => ({ ...one, underLid: false }))].map((some) => {
          const journal = openJournal(':memory:', 'main')
          for (const one of some) journal.append(tell(one, isKnown), one.source)
          const result = shape(journal)
          journal.close()
          return result
        })
        if (JSON.stringify(shapes[0]) !== JSON.stringify(shapes[1]))
          throw new Error(`${JSON.stringify(shapes[0])} is not ${JSON.stringify(shapes[1])}`)
      }),
      propertyRuns(t, 300)
    )
  }
)
