import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openSqlite } from '../../src/platform/sqlite.ts'

t.test('a commit is on disk when it returns, references hold, and what is deleted is written over', (t) => {
  const file = join(t.testdir(), 'test.db')
  const db = openSqlite(file)
  const pragma = (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
  t.same(['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'secure_delete'].map(pragma), ['wal', 2, 1, 5_000, 1])
  db.close()
  t.end()
})

t.test('a file that cannot be opened is named', (t) => {
  const directory = t.testdir({ folder: {} })
  writeFileSync(join(directory, 'text'), 'this is no database, and long enough to be read as one: '.repeat(50))
  t.throws(() => openSqlite(join(directory, 'folder')), { message: `${join(directory, 'folder')} cannot be opened: unable to open database file` })
  t.throws(() => openSqlite(join(directory, 'missing', 'test.db')), { message: /missing\/test\.db cannot be opened/ })
  t.throws(() => openSqlite(join(directory, 'text')), { message: /text cannot be opened: file is not a database/ })
  t.end()
})
