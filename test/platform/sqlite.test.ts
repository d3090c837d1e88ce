import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { openSqlite } from '../../src/platform/sqlite.ts'

t.test(
  'a commit is on disk when it returns, references hold, and what is deleted is written over',
  (t) => {
    const file = join(t.testdir(), 'test.db')
    const db = openSqlite(file)
    const pragma = (name: string): unknown =>
      Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0]
    t.same(
      ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout', 'secure_delete'].map(pragma),
      ['wal', 2, 1, 5_000, 1]
    )
    db.close()
    t.end()
  }
)

t.test('a file that cannot be opened is named', (t) => {
  const directory = t.testdir({ folder: {} })
  writeFileSync(
    join(directory, 'text'),
    'this is no database, and long enough to be read as one: '.repeat(50)
  )
  t.throws(() => openSqlite(join(directory, 'folder')), {
    message: `${join(directory, 'folder')} cannot be opened: unable to open database file`
  })
  t.throws(() => openSqlite(join(directory, 'missing', 'test.db')), {
    message: /missing\/test\.db cannot be opened/
  })
  t.throws(() => openSqlite(join(directory, 'text')), {
    message: /text cannot be opened: file is not a database/
  })
  t.end()
})

/** Opens a database of some 60 MB and rewrites it again and again. */
const rewriter = `
  const { openSqlite } = await import(process.argv[1])
  const db = openSqlite(process.argv[2])
  db.exec('CREATE TABLE t (x)')
  db.exec("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO t SELECT hex(randomblob(500)) FROM n")
  for (let n = 0; n < 8; n += 1) db.exec('VACUUM')
`

/**
 * The files that a process has open. One that is closed while this looks, and a process that ends,
 * are left out.
 */
const openFiles = (pid: number | undefined): string[] => {
  const orNone = <T>(read: () => T[]): T[] => {
    try {
      return read()
    } catch {
      return []
    }
  }
  return orNone(() => readdirSync(`/proc/${pid}/fd`)).flatMap((fd) =>
    orNone(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)])
  )
}

t.test('a file that is rewritten is copied beside it, not to /var/tmp', async (t) => {
  const directory = t.testdir()
  const module = new URL('../../src/platform/sqlite.ts', import.meta.url).href
  const child = spawn(
    process.execPath,
    ['--input-type=module', '-e', rewriter, module, join(directory, 'big.db')],
    { stdio: ['ignore', 'ignore', 'inherit'] }
  )
  const ended = once(child, 'exit')
  const copies = new Set<string>()
  while (child.exitCode === null) {
    for (const file of openFiles(child.pid))
      if (file.includes('etilqs')) copies.add(file.slice(0, file.indexOf('/etilqs')))
    await delay(2)
  }
  await ended
  t.equal(child.exitCode, 0)
  t.same([...copies], [directory])
})
