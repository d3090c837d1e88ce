import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { sql } from 'kysely'
import t from 'tap'
import { changesOf } from '../../../src/central-hub/store/changes.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'

t.test('a change of any kind, ours or of another program, is told; reading is none', async (t) => {
  const directory = t.testdir()
  const { db, close } = await openStore(directory)
  t.teardown(close)
  const changes = changesOf(db) as () => Promise<string>
  const first = await changes()
  await db.selectFrom('leads').selectAll().execute()
  t.equal(await changes(), first)

  await db.insertInto('names').values({ phone_key: '5512345678', name: 'Ana' }).execute()
  const second = await changes()
  t.not(second, first)
  await db.deleteFrom('names').execute()
  const third = await changes()
  t.not(third, second)

  const other = new DatabaseSync(join(directory, 'hub.db'))
  other.exec("INSERT INTO names (phone_key, name) VALUES ('5512345678', 'Ana')")
  other.close()
  t.not(await changes(), third)
})

t.test('what a transaction has not committed is waited for', async (t) => {
  const { db, close } = await openStore(t.testdir())
  t.teardown(close)
  const changes = changesOf(db) as () => Promise<string>
  const before = await changes()
  const [written, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const transaction = db.transaction().execute(async (trx) => {
    await trx.insertInto('names').values({ phone_key: '5512345678', name: 'Ana' }).execute()
    written.resolve()
    await commit.promise
  })
  await written.promise
  const after = changes()
  t.equal(await Promise.race([after, new Promise((resolve) => setImmediate(resolve, 'waits'))]), 'waits')
  commit.resolve()
  await transaction
  t.not(await after, before)
  t.match((await sql`select * from names`.execute(db)).rows, [{ name: 'Ana' }])
})
