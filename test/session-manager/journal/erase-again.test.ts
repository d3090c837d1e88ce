import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import type { CapturedMessage, InboundRecord } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from './new-records.ts'

/**
 * A journal that was restored from a copy erases what was erased on request since the copy was
 * made.
 */

const ana = '5215512345678@c.us'
const bea = '5215500000000@c.us'
const carl = '5215544444444@c.us'
const lid = '118999881199@lid'
const group = '120363041234567890@g.us'
const now = 1_700_000_500

const inChat = (chat: string, id: string, facts: Partial<CapturedMessage> = {}): NewRecord =>
  newRecord(id, {
    id: `false_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    phone: `+${chat.slice(0, 13)}`,
    body: `MARKER-${id}`,
    ...facts
  })
const inGroup = (id: string, author: string, facts: Partial<CapturedMessage> = {}): NewRecord => {
  const made = newRecord(id, {
    id: `false_${group}_${id}_${author}`,
    chat_id: group,
    from: group,
    author,
    ...facts
  })
  if (facts.phone === undefined) delete made.message.phone
  return made
}

interface Rig {
  /** Opened on the copy. */
  restored: Journal
  /** What was in use until now, as the restore reads it. */
  newer: DatabaseSync
  file: string
}

/**
 * A journal with some records, of which a copy is made; what `since` does to it is not in the copy.
 */
const restoredOf = (
  t: Test,
  newRecords: readonly NewRecord[],
  since: (journal: Journal) => void,
  nowMs = now * 1_000
): Rig => {
  const directory = t.testdir()
  const [inUse, copy] = [join(directory, 'in-use.db'), join(directory, 'copy.db')]
  const journal = openJournal(inUse, 'main', () => nowMs)
  journal.append(newRecords, 'live')
  journal.checkpoint()
  copyFileSync(inUse, copy)
  since(journal)
  journal.close()
  const newer = new DatabaseSync(inUse, { readOnly: true })
  const restored = openJournal(copy, 'main', () => nowMs)
  t.teardown(() => {
    newer.close()
    restored.close()
  })
  return { restored, newer, file: copy }
}
const kinds = (journal: Journal): string[] => journal.read(0, 2_000).map(({ kind }) => kind)
const recordOf = ({ message, kind }: NewRecord): InboundRecord => ({
  seq: 1,
  kind,
  captured_at: '2026-01-01T00:00:00Z',
  source: 'live',
  account: 'main',
  message
})

t.test(
  'a restored journal erases the chats and messages that were erased since, and keeps the rest',
  (t) => {
    const newRecords = [
      inChat(ana, '1'),
      inChat(bea, '2'),
      inChat(bea, '3'),
      inChat(carl, '4'),
      inGroup('5', bea, { phone: '+5215500000000' }),
      inGroup('6', ana, { phone: '+5215512345678', body: 'MARKER-6' }),
      inChat(bea, '7', { reaction: { message_id: `false_${bea}_2`, emoji: '👍', sender: bea } })
    ]
    const { restored, newer, file } = restoredOf(t, newRecords, (journal) => {
      journal.erase({ chatIds: [ana], messageIds: [] })
      journal.erase({ chatIds: [], messageIds: [`false_${bea}_2`] })
    })

    t.equal(restored.eraseAsIn(newer), 4)

    t.same(kinds(restored), [
      'erased',
      'erased',
      'message',
      'message',
      'message',
      'erased',
      'erased'
    ])
    const bytes = readFileSync(file)
    for (const gone of ['MARKER-1', 'MARKER-2', 'MARKER-6'])
      t.notOk(bytes.includes(gone), `no byte of ${gone}`)
    t.ok(bytes.includes('MARKER-3'))
    t.same(
      [ana, bea].map((chat) => restored.hasErasedChat(chat)),
      [true, false]
    )
    t.same(
      restored.append([inChat(ana, '1'), inChat(bea, '2')], 'backfill'),
      [],
      'what is read back does not bring it back'
    )
    t.equal(restored.eraseAsIn(newer), 0, 'once')
    t.end()
  }
)

t.test('a restored journal of many records is gone through to its end', (t) => {
  const newRecords = Array.from({ length: 450 }, (_, n) =>
    inChat(n % 150 === 149 ? ana : bea, String(n))
  )
  const { restored, newer } = restoredOf(
    t,
    newRecords,
    (journal) => void journal.erase({ chatIds: [ana], messageIds: [] })
  )

  t.equal(restored.eraseAsIn(newer), 3)

  t.same(
    kinds(restored).flatMap((kind, n) => (kind === 'erased' ? [n] : [])),
    [149, 299, 449]
  )
  t.end()
})

t.test('a restored journal of one record is gone through, too', (t) => {
  const { restored, newer } = restoredOf(
    t,
    [inChat(ana, '1')],
    (journal) => void journal.erase({ chatIds: [ana], messageIds: [] })
  )
  t.equal(restored.eraseAsIn(newer), 1)
  t.same(kinds(restored), ['erased'])
  t.end()
})

t.test('a restored journal keeps what was erased for its age alone', (t) => {
  const { restored, newer } = restoredOf(t, [inChat(ana, '1'), inChat(bea, '2')], (journal) => {
    journal.erase({ before: (now + 1) * 1_000 })
    journal.erase({ chatIds: [bea], messageIds: [] })
  })

  t.equal(restored.eraseAsIn(newer), 1)

  t.same(kinds(restored), ['message', 'erased'])
  t.same(
    [ana, bea].map((chat) => restored.hasErasedChat(chat)),
    [false, true]
  )
  t.end()
})

t.test('a restored journal does not take over what another journal has erased', (t) => {
  const file = join(ownDirectory(t), 'other.db')
  const other = openJournal(file, 'main')
  other.append([inChat(ana, '1')], 'live')
  other.erase({ chatIds: [ana], messageIds: [] })
  t.teardown(() => other.close())
  const { restored } = restoredOf(t, [inChat(ana, '1')], () => undefined)
  const newer = new DatabaseSync(file, { readOnly: true })
  t.teardown(() => newer.close())

  t.equal(restored.eraseAsIn(newer), undefined)

  t.same(kinds(restored), ['message'])
  t.notOk(restored.hasErasedChat(ana))
  t.end()
})

t.test(
  'a restored journal knows up to when a person was erased: what came in the copy later stays',
  (t) => {
    const late = inChat(ana, '2', { timestamp: now + 1 })
    const { restored, newer } = restoredOf(
      t,
      [inChat(ana, '1', { timestamp: now - 5 })],
      (journal) => {
        journal.erase({ chatIds: [ana], messageIds: [] })
      }
    )
    restored.append([late, inGroup('3', lid, { lid, timestamp: now - 5 })], 'live')

    t.equal(restored.eraseAsIn(newer), 1)

    t.same(kinds(restored), ['erased', 'message', 'message'])
    t.end()
  }
)

t.test(
  'what was erased on request is told from what was too old, for records of another journal, too',
  (t) => {
    const journal = openJournal(join(t.testdir(), 'journal.db'), 'main', () => now * 1_000)
    t.teardown(() => journal.close())
    const [asked, old, single, kept] = [
      inChat(ana, '1'),
      inChat(bea, '2'),
      inChat(bea, '3'),
      inChat(carl, '4')
    ] as const
    const about = (target: NewRecord): NewRecord =>
      newRecord(
        'r',
        {
          id: 'r',
          chat_id: carl,
          from: carl,
          phone: '+5215544444444',
          reaction: { message_id: target.message.id, emoji: '👍', sender: carl }
        },
        'reaction'
      )
    t.notOk(journal.wasErasedOnRequest(recordOf(asked)), 'nothing was erased yet')
    t.notOk(journal.hasErased(asked.message))
    t.notOk(journal.hasErasedChat(ana))
    journal.append([asked, old, single], 'live')
    journal.erase({ chatIds: [ana], messageIds: [] })
    journal.erase({ chatIds: [], messageIds: [single.message.id] })
    journal.erase({ before: (now + 1) * 1_000 })
    journal.append([kept], 'live')

    const was = (one: NewRecord): boolean => journal.wasErasedOnRequest(recordOf(one))
    t.same([asked, old, single, kept].map(was), [true, false, true, false])
    t.same(
      [asked, old, single, kept].map((one) => journal.hasErased(one.message)),
      [true, true, true, false]
    )
    t.same(
      [about(asked), about(old), about(single), about(kept)].map(was),
      [true, false, true, false],
      'what is about it, too'
    )
    t.ok(was(inChat(ana, 'never here', { timestamp: now - 9 })), 'what the person wrote before')
    t.notOk(was(inChat(ana, 'later', { timestamp: now + 9 })))
    t.ok(was(inChat('5215512345678:12@c.us', '1')), 'under the address of a device')
    t.same(
      [ana, bea, carl].map((chat) => journal.hasErasedChat(chat)),
      [true, false, false]
    )
    t.end()
  }
)

t.test(
  'up to when a person is erased: now, as far as messages confirm what the clock says',
  (t) => {
    const day = 86_400
    const cases = [
      { name: 'no message yet', clock: now, newest: undefined, until: now },
      { name: 'the clock is as the messages are', clock: now, newest: now - 60, until: now },
      { name: 'the clock is behind the messages', clock: now - 9_000, newest: now, until: now },
      {
        name: 'the clock is ahead by an hour',
        clock: now + 3_600,
        newest: now,
        until: now + 3_600
      },
      {
        name: 'the clock is ahead by a year',
        clock: now + 365 * day,
        newest: now,
        until: now + day
      }
    ]
    for (const { name, clock, newest, until } of cases) {
      t.test(name, (t) => {
        const journal = openJournal(
          join(t.testdir(), 'journal.db'),
          'main',
          () => clock * 1_000 + 999
        )
        t.teardown(() => journal.close())
        if (newest !== undefined)
          journal.append(
            [inChat(bea, '1', { timestamp: newest }), inChat(bea, '2', { timestamp: newest - 99 })],
            'live'
          )
        journal.erase({ chatIds: [ana], messageIds: [] })
        const back = (timestamp: number): number =>
          journal.append([inChat(ana, `at ${timestamp}`, { timestamp })], 'backfill').length
        t.same([until - 1, until, until + 1].map(back), [0, 0, 1])
        t.end()
      })
    }
    t.end()
  }
)

t.test(
  'the time that both WhatsApp and the clock have confirmed is the latest that neither puts later',
  (t) => {
    let clock = now
    const journal = openJournal(join(t.testdir(), 'journal.db'), 'main', () => clock * 1_000)
    t.teardown(() => journal.close())
    t.equal(journal.confirmedUntil(), 0)
    const steps = [
      { clock: now, timestamp: now - 10, confirmed: now - 10 },
      { clock: now + 5, timestamp: now + 900, confirmed: now + 5 },
      { clock: now + 9_999, timestamp: now + 20, confirmed: now + 20 },
      { clock: now - 9_999, timestamp: now + 999, confirmed: now + 20 }
    ]
    for (const [n, step] of steps.entries()) {
      clock = step.clock
      journal.append([inChat(ana, String(n), { timestamp: step.timestamp })], 'live')
      t.equal(journal.confirmedUntil(), step.confirmed * 1_000)
    }
    clock = now + 9_999
    journal.append([newRecord('0', { timestamp: now + 9_999 }, 'edit')], 'live')
    t.equal(journal.confirmedUntil(), (now + 20) * 1_000, 'by messages alone')
    t.end()
  }
)
