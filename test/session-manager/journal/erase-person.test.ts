import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { lidsOfPhones, ofPerson } from '../../../src/session-manager/journal/erasure.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { newRecord } from './new-records.ts'

/**
 * A person is erased by every address that is known, wherever the person wrote; and nothing of
 * before comes later.
 */

const number = '5215512345678@c.us'
const phone = '+5215512345678'
const lid = '118999881199@lid'
const group = '120363041234567890@g.us'
const now = 1_700_000_500

const open = (t: Test): { journal: Journal; file: string } => {
  const file = join(t.testdir(), 'journal.db')
  const journal = openJournal(file, 'main', () => now * 1_000)
  t.teardown(() => journal.close())
  return { journal, file }
}

const without = (made: NewRecord, ...names: ('phone' | 'lid')[]): NewRecord => {
  for (const name of names) delete made.message[name]
  return made
}
const inGroup = (id: string, author: string, facts: Partial<NewRecord['message']>): NewRecord =>
  without(
    newRecord(id, {
      id: `false_${group}_${id}_${author}`,
      chat_id: group,
      from: group,
      author,
      ...facts
    }),
    ...(facts.phone === undefined ? (['phone'] as const) : [])
  )

t.test(
  'by the number alone: the LID that the journal knows, groups, statuses, reactions and votes; not who has the number now',
  (t) => {
    const { journal, file } = open(t)
    const theirs = [
      newRecord('1', { body: 'MARKER' }),
      newRecord('2', { id: `false_${lid}_2`, chat_id: lid, from: lid, lid, body: 'MARKER' }),
      without(
        newRecord('3', { id: `false_${lid}_3`, chat_id: lid, from: lid, lid, body: 'MARKER' }),
        'phone'
      ),
      inGroup('4', number, { phone, body: 'MARKER' }),
      inGroup('5', lid, { lid, body: 'MARKER' }),
      newRecord('6', {
        id: `false_status@broadcast_6_${number}`,
        chat_id: 'status@broadcast',
        author: number,
        body: 'MARKER'
      }),
      newRecord(
        '7',
        {
          id: 'r',
          chat_id: group,
          from: lid,
          lid,
          reaction: { message_id: `false_${group}_X_1@c.us`, emoji: 'MARKER', sender: lid }
        },
        'reaction'
      )
    ]
    const others = [
      inGroup('8', '5219999999999@c.us', {
        phone: '+5219999999999',
        body: 'stays',
        quoted_id: `false_${group}_4_${number}`
      }),
      newRecord('9', {
        id: 'false_5219999999999@c.us_9',
        chat_id: '5219999999999@c.us',
        from: '5219999999999@c.us',
        phone: '+5219999999999',
        body: 'stays'
      })
    ]
    journal.append([...theirs, ...others], 'live')

    t.equal(journal.erase({ chatIds: [number], messageIds: [] }), theirs.length)

    t.same(
      journal.read(0, 20).map(({ kind }) => kind),
      [...theirs.map(() => 'erased'), ...others.map(() => 'message')]
    )
    const bytes = readFileSync(file)
    for (const text of ['MARKER', '5215512345678', '118999881199'])
      t.notOk(bytes.includes(text), `no byte of ${text}`)
    t.end()
  }
)

t.test('by a LID: what has the number with another LID is of another person', (t) => {
  const { journal } = open(t)
  const other = '777777777@lid'
  journal.append(
    [
      newRecord('1', { id: `false_${lid}_1`, chat_id: lid, from: lid, lid }),
      newRecord('2', { id: `false_${other}_2`, chat_id: other, from: other, lid: other }),
      inGroup('3', other, { phone, lid: other })
    ],
    'live'
  )
  journal.erase({ chatIds: [number, lid], messageIds: [] })
  t.same(
    journal.read(0, 9).map(({ kind }) => kind),
    ['erased', 'message', 'message']
  )
  t.end()
})

t.test(
  'what is read back of before does not come, under whichever address; what is written later does',
  (t) => {
    const { journal } = open(t)
    journal.append([newRecord('1', { lid, timestamp: now })], 'live')
    journal.erase({ chatIds: [number], messageIds: [] })
    const older = [
      newRecord('a', { timestamp: now - 100 }),
      without(
        newRecord('b', {
          id: `false_${lid}_b`,
          chat_id: lid,
          from: lid,
          lid,
          timestamp: now - 100
        }),
        'phone'
      ),
      inGroup('c', number, { phone, timestamp: now - 100 })
    ]
    t.same(journal.append(older, 'backfill'), [])
    t.equal(journal.append([newRecord('d', { timestamp: now + 1 })], 'backfill').length, 1)
    t.equal(journal.append([newRecord('e', { timestamp: now })], 'live').length, 1)
    t.end()
  }
)

t.test(
  'what was heard before and waited to be written does not come; what is heard afterwards does',
  (t) => {
    const { journal } = open(t)
    journal.append([newRecord('1')], 'live')
    const waiting = { ...newRecord('2'), heardAt: performance.now() }
    journal.erase({ chatIds: [number], messageIds: [] })
    t.same(journal.append([waiting], 'live'), [])
    t.equal(journal.append([{ ...newRecord('3'), heardAt: performance.now() }], 'live').length, 1)
    t.end()
  }
)

t.test('a clock that is years ahead keeps nothing out for years', (t) => {
  const file = join(t.testdir(), 'journal.db')
  const journal = openJournal(file, 'main', () => (now + 2 * 365 * 86_400) * 1_000)
  t.teardown(() => journal.close())
  journal.append([newRecord('1', { timestamp: now })], 'live')
  journal.erase({ chatIds: [number], messageIds: [] })
  t.equal(journal.append([newRecord('2', { timestamp: now + 2 * 86_400 })], 'backfill').length, 1)
  t.end()
})

t.test('a large chat goes in groups, and a person is found by indexes alone', (t) => {
  const { journal, file } = open(t)
  journal.append(
    Array.from({ length: 1_000 }, (_, n) => newRecord(String(n))),
    'live'
  )
  const groups = [...journal.eraseInGroups({ chatIds: [number], messageIds: [] })]
  t.same(groups, [200, 200, 200, 200, 200, 0, 0])
  const db = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => db.close())
  for (const sql of [...ofPerson, lidsOfPhones]) {
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
    t.notOk(
      plan.some((detail) => /SCAN records/.test(detail)),
      plan.join('; ')
    )
  }
  t.end()
})
