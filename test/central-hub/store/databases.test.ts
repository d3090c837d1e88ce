import { sql } from 'kysely'
import t from 'tap'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { startPostgres } from '../../platform/postgres-server.ts'
import { inScope } from '../../platform/scope.ts'
import { Databases } from './databases.ts'
import { record, testStore } from './open-store.ts'

t.test('a database that is used again has nothing of the test before', async (t) => {
  const server = await startPostgres()
  t.teardown(() => server.remove())
  const made = await server.create()
  await (await openStore(made)).close()
  const databases = await Databases.copiesOf(server, made)
  const tables = await server.run(
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname`,
    new URL(made).pathname.slice(1)
  )
  const contents = async (url: string): Promise<unknown> => {
    const all: Record<string, unknown> = {}
    for (const { relname } of tables.rows as { relname: string }[])
      all[relname] = (
        await server.run(`SELECT * FROM ${relname}`, new URL(url).pathname.slice(1))
      ).rows
    return all
  }
  const use = (
    change = async (_store: Awaited<ReturnType<typeof testStore>>): Promise<unknown> => undefined
  ) =>
    inScope(async (scope) => {
      const url = await databases.take(scope)
      const before = await contents(url)
      const store = await testStore(scope, url)
      await store.take(
        record('a'),
        record('b', { chat_id: '34600123456@c.us', phone: '+34600123456' })
      )
      const ids = (await store.db.selectFrom('leads').select('id').orderBy('id').execute()).map(
        ({ id }) => id
      )
      await change(store)
      return { url, before, ids }
    })

  const first = await use(({ db }) => db.updateTable('store').set({ scrub_due: 7 }).execute())
  const second = await use(({ db }) => sql`ALTER TABLE leads ADD COLUMN extra text`.execute(db))
  const third = await use()

  t.equal(second.url, first.url)
  for (const { before, ids } of [first, second, third]) {
    t.same(before, await contents(made))
    t.same(ids, [1, 2])
  }
  t.not(third.url, second.url, 'one whose schema was changed is not used again')
})
