import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { newRecord, withMedia } from './new-records.ts'
import { ana, bea, erase, kinds, ofBea, onDisk, open } from './erasing-rig.ts'

/**
 * Nothing of what was erased is left in the journal's files: they are rewritten, once, and that is
 * told.
 */

t.test('after an erasure the file is rewritten once, and by no later start', (t) => {
  const file = join(t.testdir(), 'journal.db')
  let rewritten = 0
  const start = (): Journal =>
    openJournal(file, 'main', Date.now, () => () => void (rewritten += 1))
  const first = start()
  first.append([newRecord('1'), newRecord('2')], 'live')
  erase(first, [], [newRecord('1').message.id])
  t.equal(rewritten, 1)
  first.finishErasing()
  first.close()

  for (let starts = 0; starts < 2; starts += 1) {
    const journal = start()
    journal.finishErasing()
    t.equal(rewritten, 1)
    journal.close()
  }
  t.end()
})

t.test(
  'while more follows the file is not rewritten; with the last one it is, for all of them',
  (t) => {
    const { journal, directory } = open(t)
    for (let n = 0; n < 300; n += 1)
      journal.append([newRecord(`MARKER${n}`), ofBea(`OTHER${n}`)], 'live')
    t.equal(journal.erase({ chatIds: [ana], messageIds: [], more: true }), 300)
    t.ok(onDisk(directory, 'MARKER'))
    t.equal(journal.erase({ chatIds: [bea], messageIds: [], more: false }), 300)
    t.notOk(onDisk(directory, 'MARKER'))
    t.notOk(onDisk(directory, 'OTHER'))
    t.end()
  }
)

t.test('nothing of it is left in any file: body, phone number, name, ids', async (t) => {
  const { journal, directory, reopen } = open(t)
  const secrets = ['MARKER-body', 'MARKER-name', 'MARKER-id', ana.slice(0, 13), 'MARKER-file.pdf']
  for (let n = 0; n < 300; n += 1) {
    const at = n % 3 === 0
    journal.append(
      [
        at ? withMedia(`MARKER-id${n}`, { filename: 'MARKER-file.pdf' }) : ofBea(String(n)),
        ...(at
          ? [
              newRecord(`MARKER-id-t${n}`, {
                body: 'MARKER-body '.repeat(n * 5),
                name: 'MARKER-name'
              })
            ]
          : [])
      ],
      'live'
    )
    if (n === 150) journal.checkpoint()
  }
  for (const secret of secrets) t.ok(onDisk(directory, secret), `${secret} is found before`)
  t.equal(erase(journal, [ana]), 200)
  for (const secret of secrets)
    t.notOk(onDisk(directory, secret), `${secret} is not found after, while the journal is open`)
  t.ok(onDisk(directory, bea), 'what stays is found')
  reopen()
  for (const secret of secrets) t.notOk(onDisk(directory, secret), `nor after a restart: ${secret}`)
})

t.test(
  'before the file is rewritten its size is told, and afterwards that it is done',
  async (t) => {
    const told: string[] = []
    let bytes = 0
    const file = join(t.testdir(), 'journal.db')
    const journal = openJournal(file, 'main', Date.now, (size) => {
      bytes = size
      told.push('rewriting')
      return () => void told.push('over')
    })
    t.teardown(() => journal.close())
    journal.append(
      Array.from({ length: 100 }, (_, n) => newRecord(String(n), { body: 'x'.repeat(1_000) })),
      'live'
    )
    journal.finishErasing()
    t.same(told, [], 'there is nothing to erase')
    erase(journal, [bea], ['false_1@c.us_NEVER'])
    t.same(told, [], 'nothing of them is in the file')
    erase(journal, [], [newRecord('1').message.id])
    t.same(told, ['rewriting', 'over'])
    t.ok(bytes > 100_000 && bytes < 1_000_000, `${bytes} bytes`)
  }
)

t.test(
  'another program that reads the journal keeps the old bytes in its log: that is said, and mended by the next try',
  async (t) => {
    const told: string[] = []
    const directory = t.testdir()
    const file = join(directory, 'journal.db')
    const journal = openJournal(file, 'main', Date.now, () => {
      told.push('rewriting')
      return () => void told.push('over')
    })
    t.teardown(() => journal.close())
    journal.append([newRecord('A', { body: 'MARKER' })], 'live')
    const reader = new DatabaseSync(file)
    reader.exec('BEGIN')
    reader.prepare('SELECT * FROM records').all()
    t.throws(() => erase(journal, [ana]), /being read by another program/)
    t.same(told, ['rewriting', 'over'], 'that it is over is told though it failed')
    t.same(kinds(journal), ['erased'])
    reader.close()
    journal.finishErasing()
    t.same(told, ['rewriting', 'over', 'rewriting', 'over'])
    t.notOk(onDisk(directory, 'MARKER'))
  }
)
