import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeSqlite, describeStartError } from '../../src/platform/describe-error.ts'
import { openSqlite } from '../../src/platform/sqlite.ts'

/** As node:sqlite throws it. */
const sqlite = (message: string, errcode: number): Error =>
  Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode })
const refusing = (code: string) => (): never => {
  throw Object.assign(new Error(`${code}: refused`), { code })
}
const ioErrors = [778, 1034, 8, 1032, 14, 10, 4874]

t.test('where SQLite only says that it could not, the words are those of the system', async (t) => {
  for (const errcode of ioErrors) {
    t.equal(
      describeSqlite(sqlite('disk I/O error', errcode), '/state', refusing('EROFS')),
      'the file system of /state is read-only and takes no writes (disk I/O error)',
      `${errcode}`
    )
    t.equal(
      describeSqlite(sqlite('disk I/O error', errcode), '/state', refusing('ENOSPC')),
      'the disk of /state is full (disk I/O error)',
      `${errcode}`
    )
    t.equal(
      describeSqlite(sqlite('disk I/O error', errcode), '/state', refusing('EDQUOT')),
      'the disk of /state is full (disk I/O error)',
      `${errcode}`
    )
    t.match(
      describeSqlite(sqlite('disk I/O error', errcode), '/state', refusing('EACCES')),
      /^\/state may not be used by the user that the service runs as \(EACCES\)/,
      `${errcode}`
    )
  }
  t.equal(
    describeSqlite(sqlite('disk I/O error', 778), '/state', refusing('EIO')),
    '/state takes no writes: EIO (disk I/O error)'
  )
  const missing = join(t.testdir(), 'missing')
  t.equal(
    describeSqlite(sqlite('unable to open database file', 14), missing),
    `${missing} takes no writes: ENOENT (unable to open database file)`
  )
})

t.test('a full disk and a damaged file are named, the latter with what helps', async (t) => {
  t.equal(
    describeSqlite(sqlite('database or disk is full', 13), '/state', refusing('EIO')),
    'the disk of /state is full (database or disk is full)'
  )
  for (const [message, errcode] of [
    ['database disk image is malformed', 11],
    ['file is not a database', 26],
    ['database disk image is malformed', 779]
  ] as const) {
    t.match(
      describeSqlite(new Error('it failed', { cause: sqlite(message, errcode) }), '/state'),
      `the database in /state is damaged (${message}): put a backup in its place with scripts/restore`
    )
  }
})

t.test('an error of which nothing more is known keeps its own words', async (t) => {
  const directory = t.testdir()
  t.equal(
    describeSqlite(sqlite('disk I/O error', 778), directory),
    undefined,
    'a byte can be written'
  )
  t.same(readdirSync(directory), [], 'and nothing is left of it')
  t.equal(describeSqlite(new Error('no room'), directory), undefined)
  t.equal(describeSqlite('a text', directory), undefined)
  t.equal(describeStartError(new Error('the port is taken'), directory), 'the port is taken')
})

t.test('what the system refuses at a start is said in plain words, with its code', async (t) => {
  const system = (code: string, more: object): Error =>
    Object.assign(new Error(`${code}: of Node`), { code, ...more })
  const cases: [Error, RegExp][] = [
    [
      system('EACCES', { path: '/state/media' }),
      /^\/state\/media may not be used by the user that the service runs as \(EACCES\)$/
    ],
    [system('ENOSPC', { path: '/state/media' }), /^the disk of \/state\/media is full$/],
    [system('EROFS', { path: '/state/media' }), /^the file system of \/state\/media is read-only/],
    [system('ENOENT', { path: '/etc/ca.pem' }), /^\/etc\/ca\.pem is missing \(ENOENT: of Node\)$/],
    [
      system('EADDRNOTAVAIL', { syscall: 'listen' }),
      /^HOST is no address of this machine \(EADDRNOTAVAIL/
    ],
    [
      system('EAI_AGAIN', { syscall: 'getaddrinfo' }),
      /^the name in HOST cannot be looked up \(EAI_AGAIN/
    ],
    [
      system('ENOTFOUND', { syscall: 'getaddrinfo' }),
      /^the name in HOST cannot be looked up \(ENOTFOUND/
    ],
    [system('EACCES', { syscall: 'listen' }), /^PORT is for root alone/]
  ]
  for (const [error, words] of cases) {
    t.match(describeStartError(error, '/state'), words)
    t.match(
      describeStartError(new Error('it failed', { cause: error }), '/state'),
      words.source.startsWith('^') ? new RegExp(words.source.replace(/\\\(E.*$/, '')) : words
    )
  }
})

t.test('a file that is no database, and one that is cut off, are told as damaged', async (t) => {
  const directory = t.testdir()
  const file = join(directory, 'hub.db')
  writeFileSync(
    file,
    'this is not a database, however long it is made, and SQLite says so when it reads it'.repeat(
      20
    )
  )
  const thrown = t.throws(() => openSqlite(file)) as unknown as Error
  t.match(
    describeStartError(thrown, directory),
    /^the database in .* is damaged \(file is not a database\)/
  )
})
