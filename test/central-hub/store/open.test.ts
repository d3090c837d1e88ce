import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t from 'tap'
import { setScrubDue } from '../../../src/central-hub/store/write/erase.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import { record, testStore } from './open-store.ts'

t.test('the directory is made, closed to others, and the schema is the latest', async (t) => {
  const directory = join(t.testdir(), 'state')
  const store = await openStore(directory)
  t.teardown(() => store.close())
  t.equal((await stat(directory)).mode & 0o777, 0o700)
  t.same((await listMessages(store.db, {}, 10)).items, [])
})

t.test(
  'it opens again with what was in it, and a closed one has no write-ahead log left',
  async (t) => {
    const directory = t.testdir()
    const first = await openStore(directory)
    await first.close()
    const { take } = await testStore(t, directory)
    await take(record('A'))
    const again = await openStore(directory)
    t.equal((await listMessages(again.db, {}, 10)).items.length, 1)
    t.equal(again.id, first.id)
    await again.close()
    t.ok((await readFile(join(directory, 'hub.db'))).length > 0)
  }
)

t.test(
  'before the file is rewritten its size is told, and afterwards that it is done, though it may have failed',
  async (t) => {
    const directory = t.testdir()
    const told: string[] = []
    const sizes: number[] = []
    const store = await openStore(directory, {
      rewriting: (bytes) => {
        sizes.push(bytes)
        told.push('rewriting')
        return () => void told.push('over')
      }
    })
    t.teardown(() => store.close())
    await store.scrub()
    t.same(told, [], 'nothing was deleted')
    await store.db.updateTable('store').set({ scrub_due: 1 }).execute()
    const reader = new DatabaseSync(join(directory, 'hub.db'))
    reader.exec('BEGIN')
    reader.prepare('SELECT * FROM messages').all()
    await t.rejects(store.scrub(), /being read by another program/)
    reader.close()
    await store.scrub()
    t.same(told, ['rewriting', 'over', 'rewriting', 'over'])
    t.ok(
      sizes.every((bytes) => bytes > 10_000 && bytes < 10_000_000),
      sizes.join(', ')
    )
  }
)

t.test(
  'a scrub covers the deletions before it: one that is made meanwhile leaves another scrub due',
  async (t) => {
    const directory = t.testdir()
    const { db, scrub, close } = await openStore(directory)
    t.teardown(close)
    const marker = (n: number): string => `MARKER${n}`
    const put = (n: number): Promise<unknown> =>
      db
        .insertInto('names')
        .values({ phone_key: marker(n), name: 'x'.repeat(3_000) })
        .execute()
    const remove = (n: number): Promise<void> =>
      db.transaction().execute(async (trx) => {
        await trx.deleteFrom('names').where('phone_key', '=', marker(n)).execute()
        await setScrubDue(trx)
      })

    // A deletion takes its turn before, between and after the statements of another one's scrub.
    for (let turns = 0; turns < 160; turns += 2) {
      await put(1)
      await put(2)
      await remove(1)
      const first = scrub()
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
      await Promise.all([first, remove(2).then(scrub)])
      const { scrub_due } = await db
        .selectFrom('store')
        .select('scrub_due')
        .executeTakeFirstOrThrow()
      const bytes = await readFile(join(directory, 'hub.db'))
      const log = await readFile(join(directory, 'hub.db-wal'))
      t.same(
        [scrub_due, bytes.includes('MARKER'), log.includes('MARKER')],
        [0, false, false],
        `deleted after ${turns} turns`
      )
    }
  }
)

t.test(
  'a file that is no database is refused; a store that a newer release changed is used if that release says it can be',
  async (t) => {
    const broken = t.testdir({ broken: {}, newer: {} })
    await writeFile(
      join(broken, 'broken', 'hub.db'),
      'this is no database, and long enough to be read as one: '.repeat(50)
    )
    await t.rejects(openStore(join(broken, 'broken')), /not a database/)
    const newer = await openStore(join(broken, 'newer'))
    await newer.close()
    const db = new DatabaseSync(join(broken, 'newer', 'hub.db'))
    db.exec("INSERT INTO kysely_migration VALUES ('9999_of_a_newer_release', '2030-01-01')")
    const rolledBack = await openStore(join(broken, 'newer'))
    t.same(rolledBack.newerSteps, ['9999_of_a_newer_release'])
    await rolledBack.close()
    db.exec("UPDATE store SET works_from = '9998_too_new'")
    db.close()
    await t.rejects(
      openStore(join(broken, 'newer')),
      /cannot be brought up to date: a newer release has changed it \(9999_of_a_newer_release\)/
    )
  }
)
