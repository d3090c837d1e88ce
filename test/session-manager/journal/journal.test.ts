import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { InboundRecord } from '../../../src/contract/record.ts'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { runScript } from '../../platform/child.ts'
import { conforms } from '../../platform/conforms.ts'
import { captured, newRecord, withMedia } from './new-records.ts'
import { propertyRuns } from '../../property-runs.ts'

/** A journal in a directory of the test's own. */
const open = (t: Test): { journal: Journal; file: string } => {
  const file = join(t.testdir(), 'journal.db')
  const journal = openJournal(file, 'main')
  t.teardown(() => {
    try {
      journal.close()
    } catch {
      // the test closed it
    }
  })
  return { journal, file }
}
const seqs = (journal: Journal): number[] => journal.read(0, 100_000).map(({ seq }) => seq)
const upTo = (last: number): number[] => Array.from({ length: last }, (_, index) => index + 1)

t.test('records come out as they went in, in order, with what the journal adds', async (t) => {
  const { journal } = open(t)
  const written = journal.append(
    [newRecord('A'), newRecord('B', { body: 'ünïcode 🎉 \u0000 "quoted"' })],
    'live'
  )
  t.same(journal.read(0, 10), written)
  for (const record of written) conforms(t, InboundRecord, record, 'as the contract has it')
  t.match(written, [
    { seq: 1, kind: 'message', source: 'live', account: 'main', message: newRecord('A').message },
    { seq: 2, message: { body: 'ünïcode 🎉 \u0000 "quoted"' } }
  ])
  t.match(written[0]?.captured_at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
})

t.test(
  'how a message came: told of, read back, or not at all; what was erased is asked for no more',
  async (t) => {
    const { journal } = open(t)
    const idOf = (name: string): string => newRecord(name).message.id
    journal.append(
      [
        newRecord('told'),
        newRecord('sealed', {}, 'ciphertext'),
        newRecord('gone'),
        newRecord('only this', {}, 'revoke')
      ],
      'live'
    )
    journal.append([newRecord('told'), newRecord('read'), newRecord('sealed')], 'backfill')
    t.equal(journal.arrival(idOf('told')), 'told')
    t.equal(journal.arrival(idOf('sealed')), 'told', 'as a ciphertext')
    t.equal(journal.arrival(idOf('read')), 'read back')
    t.equal(journal.arrival(idOf('only this')), undefined)
    journal.erase({ chatIds: [], messageIds: [idOf('gone'), idOf('never here')] })
    t.equal(journal.arrival(idOf('gone')), 'told')
    t.equal(journal.arrival(idOf('never here')), 'told')
  }
)

t.test('what could not be decrypted is known until it comes, or is erased', async (t) => {
  const { journal } = open(t)
  const sealed = (id: string) => newRecord(id, { type: 'ciphertext' }, 'ciphertext')
  journal.append(
    [
      sealed('A'),
      newRecord('B'),
      sealed('C'),
      sealed('D'),
      newRecord('D', {}, 'ciphertext_failed'),
      sealed('E')
    ],
    'live'
  )
  const ids = (...names: string[]): string[] => names.map((name) => newRecord(name).message.id)
  t.same(journal.undecrypted(10), ids('E', 'D', 'C', 'A'), 'the newest first')
  t.same(journal.undecrypted(2), ids('E', 'D'))
  journal.append([newRecord('D'), newRecord('A')], 'backfill')
  t.same(journal.undecrypted(10), ids('E', 'C'))
  journal.erase({ chatIds: [], messageIds: ids('E') })
  t.same(journal.undecrypted(10), ids('C'))
})

t.test('a cursor reads on from where it was', async (t) => {
  const { journal } = open(t)
  journal.append(
    upTo(10).map((n) => newRecord(String(n))),
    'live'
  )
  t.same(
    journal.read(0, 3).map(({ seq }) => seq),
    [1, 2, 3]
  )
  t.same(
    journal.read(3, 3).map(({ seq }) => seq),
    [4, 5, 6]
  )
  t.same(journal.read(10, 3), [])
  t.same(journal.read(99, 3), [])
})

t.test(
  'a key is captured once, whether it comes again in the same group, later, or from another source',
  async (t) => {
    const { journal } = open(t)
    t.equal(
      journal.append([newRecord('A'), newRecord('A', { body: 'again' }), newRecord('B')], 'live')
        .length,
      2
    )
    t.same(
      journal
        .append([newRecord('B'), newRecord('A'), newRecord('C')], 'backfill')
        .map(({ seq, source, message }) => [seq, source, message.body]),
      [[3, 'backfill', 'message C']]
    )
    t.equal(captured(journal.read(0, 1))[0]?.message.body, 'message A', 'the first is kept')
    t.same(seqs(journal), [1, 2, 3])
    t.equal(
      journal.append([newRecord('A', {}, 'revoke')], 'live').length,
      1,
      'another kind of record is another key'
    )
  }
)

t.test('the same key of another account is another record', async (t) => {
  const { journal, file } = open(t)
  journal.append([newRecord('A')], 'live')
  journal.close()
  const other = openJournal(file, 'other')
  t.teardown(() => other.close())
  t.match(other.append([newRecord('A')], 'live'), [{ seq: 2, account: 'other' }])
})

t.test(
  'seq has no gap and keys are once, for any appends with any duplicates and any reopening between them',
  async (t) => {
    const directory = t.testdir()
    let runs = 0
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            { weight: 5, arbitrary: fc.array(fc.nat({ max: 30 }), { maxLength: 12 }) },
            { weight: 1, arbitrary: fc.constant('reopen' as const) }
          ),
          { maxLength: 20 }
        ),
        (deeds) => {
          const file = join(directory, `${(runs += 1)}.db`)
          let journal = openJournal(file, 'main')
          const expected: string[] = []
          for (const deed of deeds) {
            if (deed === 'reopen') {
              journal.close()
              journal = openJournal(file, 'main')
              continue
            }
            journal.append(
              deed.map((n) => newRecord(String(n))),
              'live'
            )
            for (const n of deed) if (!expected.includes(String(n))) expected.push(String(n))
          }
          const records = captured(journal.read(0, 1_000))
          const last = journal.lastSeq()
          journal.close()
          return (
            last === expected.length &&
            records.every(
              ({ seq, message }, index) =>
                seq === index + 1 && message.body === `message ${expected[index]}`
            ) &&
            records.length === last
          )
        }
      ),
      propertyRuns(t, 40)
    )
    t.ok(runs > 0)
  }
)

t.test(
  'a group that cannot be written is not there at all, and seq goes on without a gap',
  async (t) => {
    const { journal, file } = open(t)
    journal.append([newRecord('A')], 'live')
    const other = new DatabaseSync(file)
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON records WHEN new.key LIKE '%BAD%' BEGIN SELECT RAISE(ABORT, 'disk full, say'); END`
    )
    let woken = 0
    journal.subscribe(() => (woken += 1))
    t.throws(() => journal.append([newRecord('B'), withMedia('M'), newRecord('BAD')], 'live'), {
      message: /disk full, say/
    })
    t.equal(journal.lastSeq(), 1)
    t.same(seqs(journal), [1])
    t.equal(journal.pendingMediaCount(), 0)
    t.equal(woken, 0, 'nobody is told')
    other.exec('DROP TRIGGER refuse')
    other.close()
    t.same(
      journal.append([newRecord('B'), newRecord('BAD')], 'live').map(({ seq }) => seq),
      [2, 3]
    )
  }
)

t.test(
  'why a group could not be written is said, also when SQLite has taken it back by itself',
  async (t) => {
    const { journal, file } = open(t)
    const other = new DatabaseSync(file)
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON records WHEN new.key LIKE '%BAD%' BEGIN SELECT RAISE(ROLLBACK, 'disk full, say'); END`
    )
    t.throws(() => journal.append([newRecord('B'), newRecord('BAD')], 'live'), {
      message: /disk full, say/
    })
    other.exec('DROP TRIGGER refuse')
    other.close()
    t.same(
      journal.append([newRecord('B')], 'live').map(({ seq }) => seq),
      [1]
    )
  }
)

t.test('another writer in the same file is noticed, not overwritten', async (t) => {
  const { journal, file } = open(t)
  const other = openJournal(file, 'main')
  other.append([newRecord('theirs')], 'live')
  other.close()
  t.throws(() => journal.append([newRecord('ours')], 'live'), {
    message: /UNIQUE constraint failed: records.seq/
  })
  t.same(
    captured(journal.read(0, 10)).map(({ message }) => message.body),
    ['message theirs']
  )
})

t.test('a closed journal throws', async (t) => {
  const { journal } = open(t)
  journal.close()
  t.throws(() => journal.append([newRecord('A')], 'live'))
  t.equal(journal.lastSeq(), 0)
})

t.test('everything outlives a restart', async (t) => {
  const { journal, file } = open(t)
  journal.append(
    [newRecord('A', { timestamp: 200 }), newRecord('B', { timestamp: 100 }), withMedia('M')],
    'live'
  )
  journal.append([newRecord('C', { timestamp: 999_999_999_999 }, 'edit')], 'live')
  journal.setMark('linked_at', 5)
  journal.postponeMedia(withMedia('M').message.id, 7_000, true)
  const before = journal.read(0, 10)
  journal.checkpoint()
  journal.close()
  const again = openJournal(file, 'main')
  t.teardown(() => again.close())
  t.equal(again.lastSeq(), 4)
  t.same(again.read(0, 10), before)
  t.equal(again.mark('linked_at'), 5)
  t.match(again.pendingMedia(10), [{ attempts: 1 }])
  t.same(again.pendingMedia(10, 6_999), [], 'nor when they are due')
  t.equal(again.lastMessageAt(), 1_700_000_000, 'of messages, not of edits')
  t.same(
    again.append([newRecord('A'), newRecord('D')], 'live').map(({ seq }) => seq),
    [5]
  )
})

t.test('the time of the newest message', async (t) => {
  const { journal } = open(t)
  t.equal(journal.lastMessageAt(), undefined)
  journal.append([newRecord('A', { timestamp: 200 })], 'live')
  journal.append([newRecord('B', { timestamp: 100 })], 'backfill')
  t.equal(journal.lastMessageAt(), 200, 'an older one read back does not move it')
  journal.append(
    [newRecord('A', { timestamp: 900 }, 'edit'), newRecord('C', { timestamp: 901 }, 'ciphertext')],
    'live'
  )
  t.equal(journal.lastMessageAt(), 200, 'nor does what is no message')
})

t.test('marks are set, moved and removed', async (t) => {
  const { journal } = open(t)
  t.equal(journal.mark('complete_until'), undefined)
  journal.setMark('complete_until', 1_700_000_000_000.4)
  t.equal(journal.mark('complete_until'), 1_700_000_000_000)
  journal.setMark('complete_until', 1_800_000_000_000)
  t.equal(journal.mark('complete_until'), 1_800_000_000_000)
  t.equal(journal.mark('linked_at'), undefined)
  journal.setMark('complete_until', undefined)
  t.equal(journal.mark('complete_until'), undefined)
})

t.test('who subscribed is told of each append that wrote something, until it ends', async (t) => {
  const { journal } = open(t)
  const told: number[] = []
  const end = journal.subscribe(() => told.push(journal.lastSeq()))
  journal.append([newRecord('A'), newRecord('B')], 'live')
  journal.append([newRecord('A')], 'live')
  journal.append([], 'live')
  journal.append([newRecord('C')], 'live')
  end()
  journal.append([newRecord('D')], 'live')
  t.same(told, [2, 3])
})

t.test('media is pending until its outcome is captured, the fewest attempts first', async (t) => {
  const { journal } = open(t)
  journal.append(
    [withMedia('1'), withMedia('2'), withMedia('3', { state: 'skipped' }), newRecord('4')],
    'live'
  )
  const ids = (): string[] => journal.pendingMedia(10).map(({ message }) => message.id.slice(-1))
  t.same(ids(), ['1', '2'])
  t.equal(journal.pendingMediaCount(), 2)
  t.equal(journal.pendingMedia(1).length, 1)
  t.match(journal.postponeMedia(withMedia('1').message.id, 0, true), { attempts: 1 })
  t.same(ids(), ['2', '1'])
  t.match(journal.postponeMedia(withMedia('1').message.id, 0, true), { attempts: 2 })
  t.equal(journal.postponeMedia('unknown', 0, true), undefined)
  journal.append([{ ...withMedia('2'), kind: 'media', key: 'media:2' }], 'live')
  t.same(ids(), ['1'])
  journal.append([withMedia('2')], 'backfill')
  t.same(ids(), ['1'], 'the message read back does not bring it back')
})

t.test(
  'kill -9 while appending: every append that returned is there, and seq has no gap',
  async (t) => {
    for (const round of [1, 2, 3]) {
      const file = join(t.testdir({}), `killed-${round}.db`)
      const child = runScript(
        t,
        `
      import { writeSync } from 'node:fs'
      import { openJournal } from 'src/session-manager/journal/journal.ts'
      const journal = openJournal(process.env.JOURNAL, 'main')
      const message = { chat_id: 'c', from: 'f', to: 't', from_me: false, type: 'chat', body: 'x'.repeat(500), timestamp: 1, has_media: false }
      for (let n = 0; ; n += 3) {
        const drafts = [n, n + 1, n + 2].map((i) => ({ key: 'message:' + i, kind: 'message', message: { ...message, id: String(i) } }))
        writeSync(1, 'on disk ' + journal.append(drafts, 'live').at(-1).seq + '\\n')
      }`,
        { JOURNAL: file }
      )
      await child.seen(new RegExp(`^on disk ${round * 150}$`))
      child.kill('SIGKILL')
      t.match(await child.ended, { signal: 'SIGKILL' })
      const acknowledged = Number(child.lines.at(-1)?.replace('on disk ', ''))
      const journal = openJournal(file, 'main')
      t.ok(
        journal.lastSeq() >= acknowledged,
        `${journal.lastSeq()} are there, ${acknowledged} were acknowledged`
      )
      t.equal(journal.lastSeq() % 3, 0, 'groups are whole')
      t.same(seqs(journal), upTo(journal.lastSeq()))
      t.same(
        captured(journal.read(0, 100_000)).map(({ message }) => Number(message.id)),
        upTo(journal.lastSeq()).map((seq) => seq - 1)
      )
      journal.close()
    }
  }
)

t.test('a journal that another process reads meanwhile can be written', async (t) => {
  const { journal, file } = open(t)
  journal.append([newRecord('A')], 'live')
  const reader = new DatabaseSync(file, { readOnly: true })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM records').get()
  t.equal(journal.append([newRecord('B')], 'live').length, 1)
  reader.exec('COMMIT')
  reader.close()
})

t.test('a journal may become another one: its id changes for good, its records stay', async (t) => {
  const { journal, file } = open(t)
  journal.append([newRecord('A')], 'live')
  const before = journal.id
  journal.renew()
  const after = journal.id
  t.not(after, before)
  journal.close()
  const again = openJournal(file, 'main')
  t.equal(again.id, after)
  t.same(seqs(again), [1])
  again.close()
})
