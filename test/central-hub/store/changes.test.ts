import { sql } from 'kysely'
import t from 'tap'
import { changesOf } from '../../../src/central-hub/store/database/changes.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { isOnPostgres, ownPlace } from './place.ts'

t.test('a change of any kind, ours or of another program, is told; reading is none', async (t) => {
  const place = await ownPlace(t)
  const { db, close } = await openStore(place)
  t.teardown(close)
  const changes = changesOf(db)
  const first = await changes()
  await db.selectFrom('leads').selectAll().execute()
  t.equal(await changes(), first)

  await db.insertInto('names').values({ phone_key: '5512345678', name: 'Ana' }).execute()
  const second = await changes()
  t.not(second, first)
  await db.deleteFrom('names').execute()
  const third = await changes()
  t.not(third, second)

  const other = await openStore(place)
  t.teardown(other.close)
  const opened = await changes()
  await other.db.insertInto('names').values({ phone_key: '5512345678', name: 'Ana' }).execute()
  t.not(await changes(), opened)
})

t.test(
  'what a transaction has not committed is told once it is: in a file it is waited for',
  async (t) => {
    const { db, close } = await openStore(await ownPlace(t))
    t.teardown(close)
    const changes = changesOf(db)
    const before = await changes()
    const [written, commit] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const transaction = db.transaction().execute(async (trx) => {
      await trx.insertInto('names').values({ phone_key: '5512345678', name: 'Ana' }).execute()
      written.resolve()
      await commit.promise
    })
    await written.promise
    const after = changes()
    if (isOnPostgres()) await after
    else
      t.equal(
        await Promise.race([after, new Promise((resolve) => setImmediate(resolve, 'waits'))]),
        'waits'
      )
    commit.resolve()
    await transaction
    t.not(await changes(), before)
    t.not(await changes(), isOnPostgres() ? await after : before)
    t.match((await sql`select * from names`.execute(db)).rows, [{ name: 'Ana' }])
  }
)
