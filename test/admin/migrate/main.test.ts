import { createHash } from 'node:crypto'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import t, { type Test } from 'tap'
import { createIngest } from '../../../src/central-hub/follow/ingest.ts'
import { connectTarget } from '../../../src/admin/migrate/connect.ts'
import { copyTables } from '../../../src/admin/migrate/copy.ts'
import { describeError } from '../../../src/admin/migrate/refused.ts'
import { findPlaces, type Places } from '../../../src/admin/migrate/places.ts'
import { openSource } from '../../../src/admin/migrate/source.ts'
import { begin } from '../../../src/admin/migrate/migration-state.ts'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import type { LeadPage } from '../../../src/contract/lead.ts'
import { apiToken, ask, centralHubEnv, freePort, startDaemon } from '../../end-to-end/daemon.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { startPostgres } from '../../platform/postgres-server.ts'
import { record } from '../../central-hub/store/open-store.ts'
import { fillEverything, rowsOf } from './full-store.ts'
import { migrate, startMigrate, toArgs, type Run } from './running.ts'

/** scripts/migrate with a real file and a real PostgreSQL. */

const filled = join(ownDirectory(t), 'filled')
const [server] = await Promise.all([startPostgres(), fillEverything(filled)])
t.teardown(() => server.remove())
const rows = rowsOf(filled)

/** A copy of the filled store, to be migrated to an empty database. */
const pair = async (
  t: Test
): Promise<{ directory: string; file: string; url: string; database: string; args: string[] }> => {
  const directory = ownDirectory(t)
  cpSync(filled, directory, { recursive: true })
  const url = await server.create()
  return {
    directory,
    file: join(directory, 'hub.db'),
    url,
    database: new URL(url).pathname.slice(1),
    args: toArgs(directory, url)
  }
}

const sha256 = (file: string): string =>
  createHash('sha256').update(readFileSync(file)).digest('hex')

/** Everything is copied, but it ends before it is compared. */
const copyOnly = async ({ file, url }: { file: string; url: string }): Promise<void> => {
  const source = openSource(file)
  const client = await connectTarget(url)
  await begin(client, source, 'the database', false)
  await copyTables({
    source,
    client,
    onCopied: () => undefined,
    signal: new AbortController().signal
  })
  await client.end()
  source.close()
}

/** Resolves once so many rows are there, or with -1 once the run ended. */
const untilCopied = async (database: string, least: number, run: Run): Promise<number> => {
  let ended = false
  void run.ended.then(() => (ended = true))
  while (!ended) {
    const {
      rows: [at]
    } = await server.run(
      "SELECT count(*)::int AS connected, to_regclass('sqlite_migration_tables') IS NOT NULL AS begun FROM pg_stat_activity WHERE application_name = 'leadmaster-migrate' AND datname = current_database()",
      database
    )
    const {
      rows: [sum]
    } = at.begun
      ? await server.run('SELECT sum(copied)::int AS copied FROM sqlite_migration_tables', database)
      : { rows: [{ copied: 0 }] }
    if (at.connected > 0 && sum.copied >= least) return sum.copied
  }
  return -1
}

t.test('the store that is migrated has something in every table', async (t) => {
  for (const [table, count] of Object.entries(rows)) t.ok(count > 0, table)
})

t.test(
  'killed again and again at random instants, it goes on where it was; no hub starts before it is done, and the hub is as before',
  async (t) => {
    const { directory, file, url, database, args } = await pair(t)
    const before = sha256(file)
    let killed = 0
    for (const least of [
      0,
      ...Array.from({ length: 2 }, () => Math.floor(Math.random() * 5_000)).sort((a, b) => a - b)
    ]) {
      const run = startMigrate(args)
      t.comment(`killed once ${least} rows are there: ${await untilCopied(database, least, run)}`)
      run.kill('SIGKILL')
      if ((await run.ended).signal === 'SIGKILL') killed += 1
      if (least > 0)
        await t.rejects(
          openStore(url),
          /scripts\/migrate has not finished here/,
          'a hub says what is missing'
        )
    }
    t.ok(killed >= 2, `killed ${killed} times`)
    const stopped = startMigrate(args)
    await stopped.said(/going on at/)
    stopped.kill('SIGINT')
    t.match(await stopped.ended, {
      code: 130,
      stderr: /interrupted: what was copied is kept, run it again and it goes on\n$/
    })
    const last = await migrate(args)
    t.match(last, { code: 0, stderr: /going on at [\d,]+ of [\d,]+ rows/ })
    t.equal(last.stdout.match(/ same$/gm)?.length, Object.keys(rows).length, last.stdout)
    for (const table of Object.keys(rows)) t.match(last.stdout, new RegExp(`^${table} `, 'm'))
    t.match(last.stderr, /next: start the hub .*\n.* is as it was, and the way back/)
    t.equal(sha256(file), before, 'the file was only read')
    t.match(await migrate(args), { code: 0, stderr: /there is nothing to do/ })

    await t.test('the same answers', async (t) => {
      const db = new DatabaseSync(file, { readOnly: true })
      const merged = String(
        db.prepare('SELECT substr(phone, 2) AS number FROM merged_identities').get()?.['number']
      )
      db.close()
      const paths = [
        '/api/leads?limit=100',
        '/api/leads?waiting=true',
        '/api/leads?q=ana',
        '/api/leads?q=5500000003',
        '/api/leads?q=vip',
        `/api/leads?q=${merged}`,
        '/api/leads/1',
        '/api/leads/5',
        '/api/leads/1/messages',
        '/api/leads/4/history',
        '/api/messages?q=precio%20cami',
        '/api/deletions',
        '/api/stats?days=3'
      ]
      const answers = async (env: Record<string, string>): Promise<unknown[]> => {
        const hub = startDaemon('central-hub', {
          ...centralHubEnv({
            port: await freePort(),
            stateDir: directory,
            sessionManager: 'http://127.0.0.1:9'
          }),
          ...env
        })
        t.teardown(() => hub.end())
        await hub.seen('listening')
        const got = await Promise.all(paths.map(async (path) => ask(`${hub.url}${path}`, apiToken)))
        t.same(
          got.map(({ status }) => status),
          paths.map(() => 200)
        )
        await hub.end()
        return got.map(({ body }) => body)
      }
      const [sqlite, postgres] = await Promise.all([answers({}), answers({ DATABASE_URL: url })])
      // how long ago something was goes on; a cursor of a page names what it is made of alone
      const steady = (all: unknown): unknown =>
        JSON.parse(JSON.stringify(all).replaceAll('\\u0000', '\ufffd'))
      for (const [at, path] of paths.entries()) t.same(postgres?.[at], steady(sqlite?.[at]), path)
      for (const [at, path] of paths.entries()) {
        if (path.startsWith('/api/leads?q='))
          t.ok((sqlite?.[at] as LeadPage | undefined)?.leads.length, `${path} finds some`)
      }
    })

    await t.test(
      'ids are drawn after all that there were, triggers work, the search is as the hub makes it',
      async (t) => {
        const highest = new DatabaseSync(file, { readOnly: true })
        const drawn = Object.fromEntries(
          highest
            .prepare('SELECT name, seq FROM sqlite_sequence')
            .all()
            .map(({ name, seq }) => [name, Number(seq)])
        )
        highest.close()
        const {
          rows: [made]
        } = await server
          .run(
            `BEGIN;
      CREATE TEMP TABLE copied AS SELECT * FROM message_text;
      UPDATE messages SET body = body || ' ' WHERE body <> '';
      SELECT count(*)::int AS differing FROM message_text FULL JOIN copied USING (rowid) WHERE message_text.words IS DISTINCT FROM copied.words`,
            database
          )
          .then(
            (results) =>
              (results as unknown as { rows: { differing: number }[] }[]).at(-1) as {
                rows: { differing: number }[]
              }
          )
        t.equal(made?.differing, 0)
        const {
          rows: [leads]
        } = await server
          .run(
            `BEGIN;
      CREATE TEMP TABLE copied_leads AS SELECT * FROM lead_text;
      SELECT lead_text_rewrite(id) FROM leads;
      SELECT count(*)::int AS differing FROM lead_text FULL JOIN copied_leads USING (rowid) WHERE lead_text IS DISTINCT FROM copied_leads`,
            database
          )
          .then(
            (results) =>
              (results as unknown as { rows: { differing: number }[] }[]).at(-1) as {
                rows: { differing: number }[]
              }
          )
        t.equal(leads?.differing, 0)
        t.same(
          (
            await server.run(
              "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'",
              database
            )
          ).rows,
          []
        )
        const store = await openStore(url)
        t.teardown(() => store.close())
        await createIngest({ db: store.db, onTaken: () => undefined }).take('main', 'j', [
          record('new', { phone: '+525512121212' })
        ])
        const { id } = (await createWebhook(store.db, {
          url: 'https://crm.example.com/',
          events: ['message.created']
        })) ?? { id: 0 }
        t.equal(id, (drawn['webhooks'] ?? 0) + 1, 'also after one that is gone')
        const {
          rows: [event]
        } = await server.run(
          'SELECT max(id)::int AS last, min(ref)::int AS ref FROM events WHERE id > (SELECT max(id) - 2 FROM events)',
          database
        )
        t.equal(event.last, (drawn['events'] ?? 0) + 2, 'of the message and of its lead')
      }
    )
  }
)

t.test('what differs is found, no hub starts on it, and --anew mends it', async (t) => {
  const { url, database, args, ...place } = await pair(t)
  await copyOnly({ url, ...place })
  await server.run(
    "UPDATE messages SET body = body || '.' WHERE pk = 1234; DELETE FROM events WHERE id = 77; INSERT INTO names VALUES ('1', 'x'); DELETE FROM message_text WHERE rowid = 5",
    database
  )
  const found = await migrate(args)
  t.match(found, {
    code: 1,
    stderr:
      /migrate: events, message_text, messages, names are not the same in both: no hub starts on/
  })
  for (const table of ['events', 'message_text', 'messages', 'names'])
    t.match(found.stdout, new RegExp(`^${table} .* DIFFERS$`, 'm'))
  t.equal(found.stdout.match(/DIFFERS/g)?.length, 4)
  await t.rejects(openStore(url), /scripts\/migrate has not finished here/)
  t.match(await migrate([...args, '--anew']), {
    code: 0,
    stderr: /had copied to .* is thrown away\n/
  })
})

/** What keeps a migration from beginning, in the command's words; undefined when nothing does. */
const refusal = async (args: readonly string[]): Promise<string | undefined> => {
  const given = { from: args[1], 'to-env': args[3] }
  let places: Places | undefined
  try {
    places = findPlaces(given, {}, '/')
    const source = openSource(places.file)
    try {
      const client = await connectTarget(places.url)
      await begin(client, source, places.url, false).finally(() => client.end())
    } finally {
      source.close()
    }
    return undefined
  } catch (error) {
    return describeError(error, places) ?? Promise.reject(error)
  }
}

t.test(
  'when a hub ran on the file in between, it begins anew by itself; once it is done, it says what to do',
  async (t) => {
    const { directory, args, ...place } = await pair(t)
    await copyOnly(place)
    const run = async (id: string): Promise<void> => {
      const store = await openStore(directory)
      await createIngest({ db: store.db, onTaken: () => undefined }).take('main', 'j', [record(id)])
      await store.close()
    }
    await run('meanwhile')
    t.match(await migrate(args), { code: 0, stderr: /thrown away, for .* was written to since/ })
    await run('later')
    t.match(
      await refusal(args),
      /was migrated to before, by 20.* from this file, which has been written to since/
    )
  }
)

t.test('what it refuses, each in one line that says what to do', async (t) => {
  await t.test('a file that a hub has open, by the command', async (t) => {
    const { directory, args } = await pair(t)
    const store = await openStore(directory)
    t.teardown(() => store.close())
    const ran = await migrate(args)
    t.match(ran, {
      code: 1,
      stdout: '',
      stderr: /^migrate: .*hub\.db is in use: stop the hub.*\n$/
    })
  })
  await t.test('a database that a hub has open, and one that a hub wrote to', async (t) => {
    const { url, args } = await pair(t)
    const store = await openStore(url)
    t.match(await refusal(args), /^a hub is connected to postgres:/)
    await createIngest({ db: store.db, onTaken: () => undefined }).take('main', 'j', [record('1')])
    await store.close()
    t.match(await refusal(args), /is not empty: there are rows in leads, messages, cursors, events/)
  })
  await t.test('a database that a hub made, in which nothing is, serves', async (t) => {
    const { url, args } = await pair(t)
    await (await openStore(url)).close()
    t.equal(await refusal(args), undefined)
  })
  await t.test(
    'tables of another program, another encoding, no right to make tables',
    async (t) => {
      const { url, args, database, directory } = await pair(t)
      await server.run('CREATE TABLE leads (x int)', database)
      t.match(await refusal(args), /there are tables of another program \(leads\)/)
      await server.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
      t.match(
        await refusal(toArgs(directory, url.replace(/test_\d+$/, 'latin'))),
        /has the encoding LATIN1/
      )
      await server.run('CREATE ROLE guest LOGIN')
      t.match(
        await refusal(toArgs(directory, (await server.create()).replace('leadmaster@', 'guest@'))),
        /the user guest lacks a right at .* \(it may not make tables there\): it must own the database/
      )
    }
  )
  await t.test('files of other releases, and what is no store', async (t) => {
    const { file, args, directory } = await pair(t)
    const change = (sql: string): void => {
      const db = new DatabaseSync(file)
      db.exec(sql)
      db.close()
    }
    change("INSERT INTO kysely_migration VALUES ('9000_later', '2030')")
    t.match(await refusal(args), /was changed by a newer release \(9000_later\)/)
    change("DELETE FROM kysely_migration WHERE name IN ('9000_later', '0003_webhooks')")
    t.match(await refusal(args), /was made by an older release \(0003_webhooks is missing\)/)
    change('DROP TABLE kysely_migration')
    t.match(await refusal(args), /is not a store of LeadMaster's hub/)
    const named = (name: string): string[] => ['--from', join(directory, name), ...args.slice(2)]
    t.match(await refusal(named('to.env')), /to\.env is damaged, or no database/)
    t.match(await refusal(named('none.db')), /there is no file .*none\.db/)
  })
  await t.test(
    'a server that is not there, a database that is not, a user that it does not know; no password is shown',
    async (t) => {
      const { url, directory } = await pair(t)
      t.match(
        await refusal(toArgs(directory, `postgres://a:s3cret@127.0.0.1:${await freePort()}/b`)),
        /^(?!.*s3cret)postgres:\/\/127\.0\.0\.1:\d+\/b does not answer \(.*ECONNREFUSED/
      )
      t.match(
        await refusal(toArgs(directory, url.replace(/test_\d+$/, 'nowhere'))),
        /there is no such database as .*nowhere: make it, by createdb --owner=leadmaster, or correct DATABASE_URL of .*to\.env/
      )
      t.match(
        await refusal(toArgs(directory, url.replace('leadmaster@', 'nobody:s3cret@'))),
        /^(?!.*s3cret).*does not let the user nobody in/
      )
      t.match(
        await refusal(toArgs(directory, `${url}?sslmode=verify-full`)),
        /there is no safe connection to .*SSL/
      )
    }
  )
})
