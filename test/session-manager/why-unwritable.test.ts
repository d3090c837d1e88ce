import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { whyUnwritable } from '../../src/session-manager/why-unwritable.ts'

/** As node:sqlite throws it. */
const sqlite = (message: string, errcode: number): Error => Object.assign(new Error(message), { code: 'ERR_SQLITE_ERROR', errcode })
const refusing = (code: string) => (): never => {
  throw Object.assign(new Error(`${code}: refused`), { code })
}

t.test('what the system says, where SQLite only says that it could not', async (t) => {
  for (const errcode of [778, 1034, 8, 1032, 14, 10]) {
    t.equal(whyUnwritable(sqlite('disk I/O error', errcode), '/state', refusing('EROFS')), 'the file system of /state is read-only and takes no writes (disk I/O error)', `${errcode}`)
  }
  t.equal(whyUnwritable(sqlite('disk I/O error', 778), '/state', refusing('EIO')), '/state takes no writes: EIO (disk I/O error)')
  const missing = join(t.testdir(), 'missing')
  t.equal(whyUnwritable(sqlite('unable to open database file', 14), missing), `${missing} takes no writes: ENOENT (unable to open database file)`)
})

t.test('what SQLite says, where that tells, or where there is nothing more to be known', async (t) => {
  const directory = t.testdir()
  t.equal(whyUnwritable(sqlite('disk I/O error', 778), directory), 'disk I/O error', 'a byte can be written')
  t.same(readdirSync(directory), [], 'and nothing is left of it')
  const notAsked = (): never => t.fail('it is not tried') as never
  t.equal(whyUnwritable(sqlite('database or disk is full', 13), directory, notAsked), 'database or disk is full')
  t.equal(whyUnwritable(new Error('no room'), directory, notAsked), 'no room')
  t.equal(whyUnwritable('a text', directory, notAsked), 'a text')
})
