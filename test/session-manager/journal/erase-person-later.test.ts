import { createHmac } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { captured, newRecord } from './new-records.ts'

/**
 * What comes after a person was erased: what is of before is kept out, by each address; what is
 * another's comes.
 */

const number = '5215512345678@c.us'
const phone = '+5215512345678'
const lid = '118999881199@lid'
const otherLid = '777777777@lid'
const other = '5219999999999@c.us'
const group = '120363041234567890@g.us'
const secondGroup = '120363049999999999@g.us'
const now = 1_700_000_500

const open = (t: Test, clock = { now }): { journal: Journal; file: string } => {
  const file = join(t.testdir(), 'journal.db')
  const journal = openJournal(file, 'main', () => clock.now * 1_000)
  t.teardown(() => journal.close())
  return { journal, file }
}

/** A message in a chat; it has only the addresses that are given. */
const inChat = (chat: string, id: string, facts: Partial<CapturedMessage> = {}): NewRecord => {
  const made = newRecord(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    timestamp: now - 100,
    ...facts
  })
  if (facts.phone === undefined) delete made.message.phone
  return made
}
const inGroup = (
  id: string,
  author: string,
  facts: Partial<CapturedMessage> = {},
  of = group
): NewRecord => inChat(of, id, { id: `false_${of}_${id}_${author}`, author, ...facts })
const erase = (journal: Journal, ...chatIds: string[]): number =>
  journal.erase({ chatIds, messageIds: [] })
const comes = (
  journal: Journal,
  one: NewRecord,
  source: 'live' | 'backfill' = 'backfill'
): boolean => journal.append([one], source).length > 0

t.test(
  'what is read back of before an erasure is kept out by any address of the person, and by no other',
  (t) => {
    const known = inChat(number, 'known', { phone, lid })
    const unknown = inChat(number, 'known', { phone })
    const cases = [
      {
        name: 'in the chat of the number',
        first: known,
        later: inChat(number, '1', { phone }),
        comes: false
      },
      {
        name: 'in the chat of the LID',
        first: known,
        later: inChat(lid, '1', { lid }),
        comes: false
      },
      {
        name: 'in a group, by the number',
        first: known,
        later: inGroup('1', number, { phone }),
        comes: false
      },
      {
        name: 'in a group, by the LID',
        first: known,
        later: inGroup('1', lid, { lid }),
        comes: false
      },
      {
        name: 'in a group, by the LID as author alone',
        first: known,
        later: inGroup('1', lid),
        comes: false
      },
      {
        name: 'in a group, by the phone field alone',
        first: known,
        later: inGroup('1', otherLid, { phone }),
        comes: false
      },
      {
        name: 'under the address of a device',
        first: known,
        later: inGroup('1', '5215512345678:7@c.us'),
        comes: false
      },
      {
        name: 'of another person in the same group',
        first: known,
        later: inGroup('1', other, { phone: '+5219999999999' }),
        comes: true
      },
      {
        name: 'of who has the number now, with another LID',
        first: known,
        later: inChat(number, '1', { phone, lid: otherLid }),
        comes: true
      },
      {
        name: 'of who has the number now, in a group',
        first: known,
        later: inGroup('1', otherLid, { phone, lid: otherLid }),
        comes: true
      },
      {
        name: 'with a LID that was not known when the number was erased',
        first: unknown,
        later: inChat(number, '1', { phone, lid }),
        comes: false
      },
      {
        name: 'in a group with a LID that was not known then',
        first: unknown,
        later: inGroup('1', lid, { phone, lid }),
        comes: false
      },
      {
        name: 'in the chat of a LID that was not known then',
        first: unknown,
        later: inChat(lid, '1', { lid }),
        comes: true
      }
    ]
    for (const { name, first, later, comes: expected } of cases) {
      t.test(name, (t) => {
        const { journal } = open(t)
        journal.append([first], 'live')
        erase(journal, number)
        t.equal(comes(journal, later), expected)
        t.end()
      })
    }
    t.end()
  }
)

t.test('a person without a record is kept out by the address that was named', (t) => {
  const { journal } = open(t)
  t.equal(erase(journal, number), 0)
  t.same(
    [inChat(number, '1', { phone }), inChat(other, '2')].map((one) => comes(journal, one)),
    [false, true]
  )
  t.end()
})

t.test('a person is erased by a LID with the number that was told with it', (t) => {
  const { journal } = open(t)
  journal.append(
    [
      inChat(lid, '1', { lid, phone }),
      inChat(number, '2', { phone }),
      inGroup('3', number, { phone }),
      inChat(other, '4', { phone: '+5219999999999' })
    ],
    'live'
  )
  t.equal(erase(journal, lid), 3)
  t.same(
    journal.read(0, 9).map(({ kind }) => kind),
    ['erased', 'erased', 'erased', 'message']
  )
  t.ok(journal.hasErasedChat(number))
  t.end()
})

t.test('an erasure that is asked for again moves its time on and never back', (t) => {
  const clock = { now }
  const { journal } = open(t, clock)
  const at = (timestamp: number): NewRecord =>
    inChat(number, String(timestamp), { phone, timestamp })
  erase(journal, number)
  clock.now = now + 500
  erase(journal, number)
  t.same(
    [now + 500, now + 501].map((timestamp) => comes(journal, at(timestamp))),
    [false, true]
  )
  clock.now = now - 500
  erase(journal, number)
  t.same(
    [now + 499, now + 502].map((timestamp) => comes(journal, at(timestamp))),
    [false, true]
  )
  t.end()
})

t.test('a LID that became known by the last erasure counts', (t) => {
  const { journal } = open(t)
  erase(journal, number)
  journal.append([inChat(number, '1', { phone, lid })], 'live')
  erase(journal, number)
  t.ok(comes(journal, inChat(number, '2', { phone, lid: otherLid })), 'of who has the number now')
  t.notOk(comes(journal, inChat(number, '3', { phone, lid })))
  t.end()
})

t.test(
  'what was heard before an erasure and is written after it does not come, by any address',
  (t) => {
    const cases = [
      { name: 'by the chat', one: inChat(number, '1', { phone }), comes: false },
      { name: 'by the LID', one: inGroup('1', other, { lid }), comes: false },
      { name: 'by the author', one: inGroup('1', lid), comes: false },
      {
        name: 'by the number of what has no LID',
        one: inGroup('1', otherLid, { phone }),
        comes: false
      },
      {
        name: 'of another LID that has the number now',
        one: inGroup('1', otherLid, { phone, lid: otherLid }),
        comes: true
      },
      { name: 'of another person', one: inChat(other, '1'), comes: true }
    ]
    for (const { name, one, comes: expected } of cases) {
      t.test(name, (t) => {
        const { journal } = open(t)
        journal.append([inChat(number, '0', { phone, lid })], 'live')
        const heardAt = performance.now()
        erase(journal, number)
        erase(journal, '5215500000000@c.us')
        t.equal(comes(journal, { ...one, heardAt }, 'live'), expected)
        t.ok(
          comes(
            journal,
            { ...inChat(number, '9', { phone }), heardAt: performance.now() + 1 },
            'live'
          ),
          'what is heard later'
        )
        t.end()
      })
    }
    t.end()
  }
)

t.test('what comes while a person is erased in groups stays', (t) => {
  const { journal } = open(t)
  journal.append(
    Array.from({ length: 250 }, (_, n) => inChat(number, String(n), { phone })),
    'live'
  )
  const groups = journal.eraseInGroups({ chatIds: [number], messageIds: [] })
  t.equal(groups.next().value, 200)
  t.ok(comes(journal, inChat(number, 'now', { phone, timestamp: now + 1 }), 'live'))
  t.same([...groups], [50, 0, 0])
  t.same(
    captured(journal.read(0, 999)).map(({ seq }) => seq),
    [251]
  )
  t.end()
})

t.test('the addresses of who was erased are given back, each once', (t) => {
  const { journal } = open(t)
  journal.append([inChat(number, '1', { phone, lid }), inChat(number, '2', { phone, lid })], 'live')
  const groups = journal.eraseInGroups({
    chatIds: [number, '5215512345678:3@c.us'],
    messageIds: []
  })
  let last = groups.next()
  while (last.done !== true) last = groups.next()
  t.same(last.value, [number, '5215512345678:3@c.us', lid])
  t.end()
})

t.test(
  'what quotes an erased message of a group loses the id, which holds a number; other quotes stay',
  (t) => {
    const { journal, file } = open(t)
    const quoting = (id: string, quoted: string, of = group): NewRecord =>
      inGroup(id, other, { phone: '+5219999999999', body: `answer ${id}`, quoted_id: quoted }, of)
    const quoted = `false_${group}_A_${number}`
    journal.append(
      [
        { ...inGroup('A', number, { phone, body: 'MARKER' }), raw: { version: 1, text: 'MARKER' } },
        inGroup('B', other, { phone: '+5219999999999' }),
        { ...quoting('C', quoted), raw: { version: 1, text: 'with MARKER in it' } },
        { ...quoting('D', `false_${group}_B_${other}`), raw: { version: 1, text: 'kept' } },
        quoting('E', `false_${secondGroup}_A_${other}`, secondGroup),
        quoting('F', 'no message id'),
        inGroup('G', other, { phone: '+5219999999999' })
      ],
      'live'
    )

    erase(journal, number)

    const quotes = captured(journal.read(0, 9)).map(({ message }) => [
      message.id.split('_')[2],
      message.quoted_id,
      message.body
    ])
    t.same(
      quotes.filter(([, , body]) => String(body).startsWith('answer')),
      [
        ['C', undefined, 'answer C'],
        ['D', `false_${group}_B_${other}`, 'answer D'],
        ['E', `false_${secondGroup}_A_${other}`, 'answer E'],
        ['F', 'no message id', 'answer F']
      ]
    )
    t.same(
      journal
        .remappable(0, 9)
        .flatMap(({ seq, raw }) => (raw === undefined ? [] : [[seq, raw.text]])),
      [[4, 'kept']]
    )
    const bytes = readFileSync(file)
    for (const gone of ['MARKER', '5215512345678'])
      t.notOk(bytes.includes(gone), `no byte of ${gone}`)
    t.end()
  }
)

t.test('a chat that waits to be read back is forgotten with its person, to the last byte', (t) => {
  const { journal, file } = open(t)
  journal.setUnreadChat(number, 5_000)
  journal.setUnreadChat(other, 6_000)
  journal.checkpoint()
  t.ok(readFileSync(file).includes(number))
  t.equal(erase(journal, number), 0)
  t.same([...journal.unreadChats()], [[other, 6_000]])
  t.notOk(readFileSync(file).includes(number))
  t.end()
})

t.test('the file is made without what was erased, so that it is smaller', (t) => {
  const { journal, file } = open(t)
  journal.append(
    Array.from({ length: 100 }, (_, n) =>
      inChat(number, String(n), { phone, body: 'x'.repeat(5_000) })
    ),
    'live'
  )
  journal.checkpoint()
  const before = statSync(file).size
  erase(journal, number)
  t.ok(statSync(file).size < before / 2, `${before} and ${statSync(file).size} bytes`)
  t.end()
})

t.test('a message is known as erased under each address of its person', (t) => {
  const { journal } = open(t)
  const ids = [`false_${number}_A`, `false_${group}_B_${number}`, `true_${number}_C`]
  const same = [`false_${lid}_A`, `false_${group}_B_${lid}`, `true_${lid}_C`]
  const different = [
    `true_${number}_A`,
    `false_${secondGroup}_B_${number}`,
    `false_${number}_X`,
    'no id'
  ]
  journal.erase({ chatIds: [], messageIds: ids })
  t.same(
    [...ids, ...same].map((id) => journal.arrival(id)),
    Array(6).fill('told')
  )
  t.same(
    different.map((id) => journal.arrival(id)),
    Array(4).fill(undefined)
  )
  t.end()
})

t.test('a message with an id of another make is kept out by that id', (t) => {
  const { journal } = open(t)
  journal.append([newRecord('A', { id: 'odd 1', phone })], 'live')
  journal.erase({ chatIds: [], messageIds: ['odd 1', 'odd 2'] })
  t.same(
    ['odd 1', 'odd 2', 'odd 3'].map((id) => journal.arrival(id)),
    ['told', 'told', undefined]
  )
  t.end()
})

t.test('messages of other chats that were given the same stanza stay', (t) => {
  const { journal } = open(t)
  const [gone, kept] = [
    inGroup('A', number, { phone }),
    inGroup('A', other, { phone: '+5219999999999' }, secondGroup)
  ]
  journal.append([gone, kept], 'live')
  t.equal(journal.erase({ chatIds: [], messageIds: [gone.message.id] }), 1)
  t.same(
    captured(journal.read(0, 9)).map(({ message }) => message.id),
    [kept.message.id]
  )
  t.end()
})

t.test('one of our own messages that was erased comes back under no address of the person', (t) => {
  const own = (chat: string): NewRecord =>
    inChat(chat, 'C', { id: `true_${chat}_C`, from_me: true })
  const reaction = newRecord(
    'r',
    {
      id: 'r',
      chat_id: lid,
      from: lid,
      lid,
      reaction: { message_id: `true_${number}_C`, emoji: '👍', sender: lid }
    },
    'reaction'
  )
  for (const others of [[], [reaction]]) {
    const { journal, file } = open(t)
    journal.append([own(number), ...others], 'live')
    // An earlier release kept what a reaction is to under the address that it came with.
    const db = new DatabaseSync(file)
    db.exec(
      `UPDATE records SET record = replace(record, 'true_${number}_C', 'true_${lid}_C') WHERE seq = 2`
    )
    db.close()
    journal.erase({ chatIds: [], messageIds: [`true_${number}_C`] })
    t.same(
      [number, lid].map((chat) => comes(journal, own(chat))),
      [false, false]
    )
  }
  t.end()
})

t.test(
  'what others say about the messages of a person in a group goes, too, under each address of the message',
  (t) => {
    const reaction = (id: string, to: string): NewRecord =>
      inGroup(id, other, {
        id,
        phone: '+5219999999999',
        reaction: { message_id: to, emoji: '👍', sender: other }
      })
    const first = {
      ...reaction('r', `false_${group}_A_${lid}`),
      kind: 'reaction' as const,
      key: 'reaction:r'
    }
    const theirs = {
      ...reaction('s', `false_${group}_B_${other}`),
      kind: 'reaction' as const,
      key: 'reaction:s'
    }
    for (const target of [lid, number]) {
      const { journal, file } = open(t)
      journal.append(
        [
          inGroup('A', lid, { lid }),
          inGroup('B', other, { phone: '+5219999999999' }),
          first,
          theirs
        ],
        'live'
      )
      const db = new DatabaseSync(file)
      db.exec(
        `UPDATE records SET record = replace(record, '_A_${lid}', '_A_${target}') WHERE seq = 3`
      )
      db.close()
      t.equal(erase(journal, lid), 2)
      t.same(
        journal.read(0, 9).map(({ kind }) => kind),
        ['erased', 'message', 'erased', 'reaction']
      )
    }
    t.end()
  }
)

t.test('by a number and a LID together no third address is guessed', (t) => {
  const { journal } = open(t)
  const facts = { phone: '+5219999999999' }
  journal.append([inGroup('1', lid, { lid, ...facts }), inChat(other, '2', facts)], 'live')
  t.equal(erase(journal, number, lid), 1)
  t.same(
    journal.read(0, 9).map(({ kind }) => kind),
    ['erased', 'message']
  )
  t.end()
})

t.test('what was heard is kept out for a day, however long the process runs', (t) => {
  const { journal } = open(t)
  const real = performance.now.bind(performance)
  t.teardown(() => void (performance.now = real))
  const isUpFor = (hours: number): void => void (performance.now = () => real() + hours * 3_600_000)
  isUpFor(13)
  const heardAt = performance.now()
  erase(journal, number)
  isUpFor(36)
  erase(journal, other)
  t.notOk(comes(journal, { ...inChat(number, '1', { phone }), heardAt }, 'live'))
  t.end()
})

t.test('what a later release looks up was written so by this one', (t) => {
  const { journal, file } = open(t)
  erase(journal, number)
  journal.erase({ chatIds: [], messageIds: [`false_${lid}_A`] })
  const db = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => db.close())
  const secret = Buffer.from(
    String(db.prepare('SELECT secret FROM erasure').get()?.['secret']),
    'hex'
  )
  t.equal(secret.length, 32)
  const hash = (text: string): string =>
    createHmac('sha256', secret).update(`main\0${text}`).digest('hex')
  const texts = [`chat:${number}`, `false_${lid}_A`, 'stanza:false::A']
  t.same(
    db
      .prepare('SELECT hash, asked FROM erased ORDER BY hash')
      .all()
      .map((row) => ({ ...row })),
    texts.map((text) => ({ hash: hash(text), asked: 1 })).sort((a, b) => (a.hash < b.hash ? -1 : 1))
  )
  t.end()
})

t.test('two journals keep nothing in common of one erased message', (t) => {
  const hashes = ['one.db', 'two.db'].map((name, n) => {
    const file = join(t.testdir({}), name)
    const journal = openJournal(file, 'main')
    journal.erase({ chatIds: [], messageIds: [`false_${number}_A`] })
    journal.close()
    return {
      n,
      found: new Set(
        readFileSync(file)
          .toString('latin1')
          .match(/[0-9a-f]{64}/g)
      )
    }
  })
  const [one, two] = hashes.map(({ found }) => found)
  t.ok((one?.size ?? 0) >= 2, 'the secret and the hash')
  t.same(
    [...(one ?? [])].filter((hash) => two?.has(hash)),
    []
  )
  t.end()
})

t.test('a tombstone says when it was erased, and of which account', (t) => {
  const clock = { now }
  const { journal } = open(t, clock)
  journal.append([inChat(number, '1', { phone }), inChat(other, '2'), inChat(other, '3')], 'live')
  erase(journal, number)
  clock.now += 60
  journal.erase({ chatIds: [], messageIds: [`false_${other}_2`] })
  clock.now += 60
  journal.erase({ before: clock.now * 1_000 })
  t.same(
    journal.read(0, 9),
    [0, 60, 120].map((after, n) => ({
      seq: n + 1,
      kind: 'erased',
      account: 'main',
      erased_at: new Date((now + after) * 1_000).toISOString()
    }))
  )
  t.end()
})
