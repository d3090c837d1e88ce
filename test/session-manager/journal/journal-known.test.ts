import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CapturedMessage } from '../../../src/contract/record.ts'
import {
  openJournal,
  type NewRecord,
  type Journal
} from '../../../src/session-manager/journal/journal.ts'
import { captured, newRecord, lidOf, withMedia } from './new-records.ts'

/**
 * What the journal knows beside its records: news of messages it has, what they were mapped from,
 * marks, chats to be read again.
 */

const open = (
  t: Test,
  now: () => number = Date.now
): { journal: Journal; file: string; reopen: () => Journal } => {
  const file = join(t.testdir(), 'journal.db')
  let journal = openJournal(file, 'main', now)
  t.teardown(() => journal.close())
  return {
    journal,
    file,
    reopen: () => {
      journal.close()
      journal = openJournal(file, 'main', now)
      return journal
    }
  }
}
const call = (facts: Partial<CapturedMessage> = {}): NewRecord =>
  newRecord('A', {
    type: 'call_log',
    body: '',
    call: { outcome: 'unknown', video: false },
    ...facts
  })
const mapped = (one: NewRecord, text: string, version = 1): NewRecord => ({
  ...one,
  raw: { version, text }
})

t.test('a call that is told once more with an outcome is an update, once', async (t) => {
  const { journal } = open(t)
  const [first] = journal.append([call()], 'live')
  t.same(journal.append([call()], 'live'), [], 'nothing is new')
  const ended = call({ call: { outcome: 'answered', video: false, seconds: 5 } })
  t.match(journal.append([ended], 'backfill'), [
    {
      seq: 2,
      kind: 'update',
      source: 'backfill',
      message: { id: first?.message.id, call: { outcome: 'answered', seconds: 5 } }
    }
  ])
  t.same(journal.append([ended], 'live'), [])
  t.equal(journal.lastSeq(), 2)
  t.match(
    journal.append([call({ call: { outcome: 'answered', video: false, seconds: 9 } })], 'live'),
    [{ seq: 3, kind: 'update' }],
    'each time that it goes on'
  )
  t.same(
    captured(journal.read(0, 9)).map(({ kind }) => kind),
    ['message', 'update', 'update']
  )
})

t.test(
  'a text that comes again is what it was; one of our own may have been sent after all',
  async (t) => {
    const { journal } = open(t)
    const mine = (unsent?: true): NewRecord =>
      newRecord('M', { from_me: true, ...(unsent === undefined ? {} : { unsent }) })
    journal.append([newRecord('A'), mine(true)], 'live')
    t.same(journal.append([newRecord('A', { body: 'other', order: { id: '1' } })], 'live'), [])
    t.match(journal.append([mine()], 'live'), [
      { kind: 'update', message: { id: mine().message.id } }
    ])
    t.notOk('unsent' in (captured(journal.read(2, 9))[0]?.message ?? {}))
    t.same(
      journal
        .append(
          [
            { ...newRecord('A'), kind: 'edit', key: 'edit:1' },
            { ...newRecord('A'), kind: 'edit', key: 'edit:1' }
          ],
          'live'
        )
        .map(({ kind }) => kind),
      ['edit'],
      'what is no message has no news'
    )
    t.same(
      journal.append([newRecord('M', { from_me: true, body: 'other' })], 'live'),
      [],
      'the text of one of our own, too'
    )
  }
)

t.test(
  'only a message that comes again has news: an edit, a deletion or a reaction that comes again has none',
  (t) => {
    for (const kind of ['edit', 'revoke', 'reaction', 'ciphertext', 'ciphertext_failed'] as const) {
      const { journal } = open(t)
      const order = (id: string, of: NewRecord['kind']): NewRecord =>
        newRecord('A', { type: 'order', order: { id } }, of)
      journal.append([order('1', 'message'), order('1', kind)], 'live')
      t.same(journal.append([order('2', kind)], 'live'), [], kind)
      t.match(journal.append([order('2', 'message')], 'live'), [
        { kind: 'update', message: { order: { id: '2' } } }
      ])
    }
    t.end()
  }
)

t.test(
  'messages that are mapped again: how many differ, and only on demand they are written',
  async (t) => {
    const { journal } = open(t)
    journal.append([newRecord('A'), newRecord('B')], 'live')
    const again = [
      { message: newRecord('A', { body: 'mapped better' }).message, source: 'backfill' as const },
      { message: newRecord('B').message, source: 'live' as const },
      { message: newRecord('C').message, source: 'live' as const }
    ]
    t.equal(journal.update(again, true), 1)
    t.equal(journal.lastSeq(), 2, 'a trial writes nothing')
    t.equal(journal.update(again, false), 1)
    t.match(journal.read(2, 9), [
      {
        seq: 3,
        kind: 'update',
        source: 'backfill',
        message: { id: newRecord('A').message.id, body: 'mapped better' }
      }
    ])
    t.equal(journal.update(again, false), 0)
    t.equal(
      journal.update(
        [
          ...again,
          { message: newRecord('B', { body: 'b' }).message, source: 'live' },
          { message: newRecord('A', { body: 'a' }).message, source: 'backfill' }
        ],
        false
      ),
      2
    )
    t.same(
      captured(journal.read(3, 9)).map(({ source, message }) => [source, message.body]),
      [
        ['live', 'b'],
        ['backfill', 'mapped better'],
        ['backfill', 'a']
      ].filter(([, body]) => body !== 'mapped better')
    )
    t.equal(journal.update([], false), 0)
  }
)

t.test(
  'media that an update brings are fetched, those that are known already are not',
  async (t) => {
    const { journal } = open(t)
    const stored = withMedia('B')
    journal.append([newRecord('A', { type: 'image' }), stored, newRecord('C')], 'live')
    journal.append(
      [
        {
          ...stored,
          kind: 'media',
          key: 'media:B',
          message: { ...stored.message, media: { state: 'stored', sha256: 'f'.repeat(64) } }
        }
      ],
      'live'
    )
    t.same(journal.pendingMedia(9), [])
    journal.update(
      [
        { message: withMedia('A').message, source: 'live' },
        { message: { ...stored.message, body: 'new' }, source: 'live' },
        {
          message: newRecord('C', { has_media: true, media: { state: 'skipped' } }).message,
          source: 'live'
        }
      ],
      false
    )
    t.same(
      journal.pendingMedia(9).map(({ message }) => message.id),
      [withMedia('A').message.id]
    )
  }
)

t.test('media wait for their own outcome, whatever else comes of their message', (t) => {
  const { journal } = open(t)
  const image = withMedia('A')
  journal.append([image], 'live')
  for (const kind of ['edit', 'revoke', 'ciphertext', 'message'] as const) {
    journal.append([{ ...image, kind, key: `${kind}:${image.message.id}` }], 'live')
    t.equal(journal.pendingMediaCount(), 1, kind)
  }
  journal.update([{ message: { ...image.message, body: 'new' }, source: 'live' }], false)
  t.equal(journal.pendingMediaCount(), 1, 'update')
  journal.append([{ ...image, kind: 'media', key: `media:${image.message.id}:failed` }], 'live')
  t.equal(journal.pendingMediaCount(), 0)
  t.end()
})

t.test(
  'what a message was mapped from is kept with it, until its time or the next version',
  async (t) => {
    let at = 1_000
    const { journal } = open(t, () => at)
    journal.append([mapped(newRecord('A'), 'a'), newRecord('B')], 'live')
    at = 2_000
    journal.append([mapped(call({ id: 'false_5215512345678@c.us_K' }), 'k')], 'live')
    const raws = (): unknown[] =>
      journal.remappable(0, 9).map(({ seq, raw }) => [seq, raw?.version, raw?.text])
    t.same(raws(), [
      [1, 1, 'a'],
      [2, undefined, undefined],
      [3, 1, 'k']
    ])
    journal.remapped([1, 2], 4)
    t.same(raws(), [
      [1, 4, 'a'],
      [2, undefined, undefined],
      [3, 1, 'k']
    ])
    t.same(
      journal.remappable(1, 1).map(({ seq }) => seq),
      [2]
    )
    t.equal(journal.expireRaw(1_500), 1)
    t.equal(journal.expireRaw(1_500), 0)
    t.same(raws(), [
      [1, undefined, undefined],
      [2, undefined, undefined],
      [3, 1, 'k']
    ])
  }
)

t.test(
  'a call that went on is mapped again from how it ended, unless that is known in part only',
  async (t) => {
    const text = (journal: Journal): unknown => journal.remappable(0, 1)[0]?.raw?.text
    const ended = call({ call: { outcome: 'missed', video: false } })
    const { journal } = open(t)
    journal.append(
      [{ ...call(), key: `message:${call().message.id}`, raw: { version: 1, text: 'rings' } }],
      'live'
    )
    journal.append([{ ...ended, isPartial: true, raw: { version: 1, text: 'a part' } }], 'live')
    t.equal(text(journal), 'rings')
    journal.append([call({ call: { outcome: 'rejected', video: false } })], 'live')
    t.equal(text(journal), 'rings', 'without a model there is nothing to keep')
    journal.append(
      [mapped(call({ call: { outcome: 'answered', video: false } }), 'answered')],
      'live'
    )
    t.equal(text(journal), 'answered')
    const mine = newRecord('M', { from_me: true, unsent: true })
    journal.append([mapped(mine, 'first')], 'live')
    journal.append([mapped(newRecord('M', { from_me: true }), 'second')], 'live')
    t.equal(
      journal
        .remappable(0, 9)
        .find(({ record }) => record.kind === 'message' && record.message.from_me)?.raw?.text,
      'first',
      'a text does not go on'
    )
  }
)

t.test('marks are set together, in whole ms', async (t) => {
  const { journal, reopen } = open(t)
  journal.setMarks({ forwarded: 5, forwarded_place: 7.6 })
  const again = reopen()
  t.same(
    [again.mark('forwarded'), again.mark('forwarded_place'), again.mark('forwarded_stream')],
    [5, 8, undefined]
  )
  again.setMarks({})
  t.equal(again.mark('forwarded'), 5)
})

t.test(
  'a chat that could not be read keeps its time, and holds back what is complete',
  async (t) => {
    const { journal, reopen } = open(t)
    journal.setUnreadChat('a@c.us', 3_000.4)
    t.equal(journal.completeUntil(), undefined, 'nothing is complete yet')
    journal.setMark('complete_until', 5_000)
    t.equal(journal.completeUntil(), 3_000)
    journal.setUnreadChat('b@c.us', 4_000)
    journal.setUnreadChat('a@c.us', 4_500)
    const again = reopen()
    t.same([...again.unreadChats()].sort(), [
      ['a@c.us', 4_500],
      ['b@c.us', 4_000]
    ])
    t.equal(again.completeUntil(), 4_000)
    again.setUnreadChat('b@c.us', undefined)
    again.setUnreadChat('a@c.us', 9_000)
    t.equal(again.completeUntil(), 5_000)
    again.setUnreadChat('a@c.us', undefined)
    t.same([...again.unreadChats()], [])
    t.equal(again.completeUntil(), 5_000)
  }
)

t.test('a chat that was erased is kept in memory only: its id is a phone number', async (t) => {
  const { journal, reopen } = open(t)
  const chat = newRecord('A').message.chat_id
  journal.append([newRecord('A')], 'live')
  journal.setMark('complete_until', 5_000)
  journal.erase({ chatIds: [chat], messageIds: [] })
  journal.setUnreadChat(chat, 3_000.6)
  t.same([...journal.unreadChats()], [[chat, 3_001]])
  t.equal(journal.completeUntil(), 3_001)
  journal.setUnreadChat(chat, 2_000)
  t.same([...journal.unreadChats()], [[chat, 2_000]])
  journal.erase({ chatIds: [chat], messageIds: [] })
  t.same([...journal.unreadChats()], [], 'erased once more, it is not to be read')
  journal.setUnreadChat(chat, 2_000)
  journal.setUnreadChat(chat, undefined)
  t.same([...journal.unreadChats()], [])
  journal.setUnreadChat(chat, 2_000)
  t.same([...reopen().unreadChats()], [])
})

t.test('the number of a LID is known from what was appended', async (t) => {
  const { journal } = open(t)
  t.equal(journal.phone(lidOf(1)), undefined)
  journal.append([newRecord('A', { lid: lidOf(1), phone: '+5215512345678' })], 'live')
  t.equal(journal.phone(lidOf(1)), '+5215512345678')
})

t.test('a checkpoint leaves nothing in the write-ahead log', async (t) => {
  const { journal, file } = open(t)
  journal.append([newRecord('A')], 'live')
  t.ok(statSync(`${file}-wal`).size > 0)
  journal.checkpoint()
  t.equal(existsSync(`${file}-wal`) ? statSync(`${file}-wal`).size : 0, 0)
})
