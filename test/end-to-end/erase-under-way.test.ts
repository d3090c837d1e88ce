import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import type { Deletion, LeadPage, Readiness } from '../../src/contract/lead.ts'
import { openJournal, type NewRecord } from '../../src/session-manager/journal/journal.ts'
import { createDice } from '../dice.ts'
import { natsServer } from '../nats/nats-server.ts'
import { ownDirectory } from '../platform/own-directory.ts'
import { startPostgres, type PostgresServer } from '../platform/postgres-server.ts'
import { newRecord } from '../session-manager/journal/new-records.ts'
import {
  apiToken,
  ask,
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  type Daemon
} from './daemon.ts'

/**
 * A lead is deleted while the hub catches up: nothing of the person comes back, and no byte is left
 * in any file. The whole one: ERASE_RECORDS=50000, in some minutes. ERASE_SEED repeats a run.
 */

const count = Number(process.env['ERASE_RECORDS'] ?? 4_000)
const seed = Number(process.env['ERASE_SEED'] ?? randomBytes(4).readUInt32LE())
t.comment(`ERASE_RECORDS=${count} ERASE_SEED=${seed}`)

const minutes = (n: number): number => n * 60_000

/** Who is deleted. The number and the words are in no other file of the machine. */
interface Person {
  phone: string
  lid: string
  word: string
}

const group = '120363041234567890@g.us'

/**
 * A third of the records are of the person: in the chat of the number, in that of the LID, in a
 * group, and reactions. Some of others quote what the person wrote in the group, by an id that
 * holds the number.
 */
const recordsOf = ({ phone, lid, word }: Person, random: () => number): NewRecord[] => {
  const chat = `${phone}@c.us`
  let inGroup: string | undefined
  return Array.from({ length: count }, (_, index) => {
    const timestamp = 1_700_000_000 + index
    const id = `3EB0${index}`
    if (index > 0 && random() > 1 / 3) {
      const other = `52155${10_000_000 + Math.floor(random() * 50)}`
      if (inGroup !== undefined && random() < 0.1) {
        const author = `${other}@c.us`
        return newRecord(id, {
          id: `false_${group}_${id}_${author}`,
          chat_id: group,
          from: group,
          author,
          phone: `+${other}`,
          quoted_id: inGroup,
          timestamp
        })
      }
      return newRecord(id, {
        id: `false_${other}@c.us_${id}`,
        chat_id: `${other}@c.us`,
        from: `${other}@c.us`,
        phone: `+${other}`,
        timestamp
      })
    }
    const body = `${word} ${index}`
    const kind = index === 0 ? 0 : random()
    if (kind < 0.6)
      return newRecord(id, {
        id: `false_${chat}_${id}`,
        chat_id: chat,
        from: chat,
        phone: `+${phone}`,
        name: word,
        body,
        timestamp
      })
    if (kind < 0.8)
      return newRecord(id, {
        id: `false_${lid}_${id}`,
        chat_id: lid,
        from: lid,
        phone: `+${phone}`,
        lid,
        body,
        timestamp
      })
    if (kind < 0.9) inGroup = `false_${group}_${id}_${chat}`
    if (kind < 0.9)
      return newRecord(id, {
        id: `false_${group}_${id}_${chat}`,
        chat_id: group,
        from: group,
        author: chat,
        phone: `+${phone}`,
        body,
        timestamp
      })
    const reaction = { message_id: `true_${group}_ours`, emoji: word, sender: lid }
    return {
      ...newRecord(
        id,
        {
          id: `false_${group}_${id}_${lid}`,
          chat_id: group,
          from: lid,
          lid,
          phone: `+${phone}`,
          body: word,
          reaction,
          timestamp
        },
        'reaction'
      )
    }
  })
}

const personOf = (random: () => number): Person => {
  const digits = (length: number): string =>
    Array.from({ length }, () => Math.floor(random() * 10)).join('')
  return {
    phone: `5299${digits(9)}`,
    lid: `7${digits(14)}@lid`,
    word: `Zq${randomBytes(9).toString('hex')}`
  }
}

interface World {
  person: Person
  directory: string
  since: Date
  sessionManager: Daemon
  /** Records that are not of the person. */
  others: number
  hub(name: string, env?: Record<string, string>): Promise<Daemon>
}

const world = async (t: Test, more: Record<string, string> = {}): Promise<World> => {
  const since = new Date()
  const random = createDice(seed)
  const person = personOf(random)
  const directory = ownDirectory(t)
  const stateDir = join(directory, 'session-manager')
  mkdirSync(stateDir)
  const newRecords = recordsOf(person, random)
  const journal = openJournal(join(stateDir, 'journal.db'), 'main')
  for (let start = 0; start < newRecords.length; start += 1_000)
    journal.append(newRecords.slice(start, start + 1_000), 'live')
  journal.close()
  const port = await freePort()
  const started = async (daemon: Daemon): Promise<Daemon> => {
    t.teardown(() => daemon.end('SIGKILL'))
    await daemon.seen('listening')
    return daemon
  }
  const sessionManager = await started(
    startDaemon('session-manager', {
      ...sessionManagerEnv({ port, stateDir, chromiumPath: '/bin/true' }),
      ...more,
      LOG_LEVEL: 'info'
    })
  )
  return {
    person,
    directory,
    since,
    sessionManager,
    others: newRecords.filter(({ message }) => message.phone !== `+${person.phone}`).length,
    hub: async (name, env = {}) => {
      const base = centralHubEnv({
        port: await freePort(),
        stateDir: join(directory, name),
        sessionManager: `http://127.0.0.1:${port}`
      })
      return started(startDaemon('central-hub', { ...base, ...more, LOG_LEVEL: 'info', ...env }))
    }
  }
}

const find = async (hub: Daemon, q: string): Promise<LeadPage['leads']> =>
  (await ask<LeadPage>(`${hub.url}/api/leads?q=${encodeURIComponent(q)}`, apiToken)).body.leads

/** Deletes the lead as soon as the hub shows it. @returns how many messages it had by then */
const deleteOnceSeen = async (t: Test, hub: Daemon, { phone }: Person): Promise<number> => {
  let [lead] = await find(hub, phone)
  for (; lead === undefined; [lead] = await find(hub, phone)) await delay(5)
  const remove = () =>
    ask<Deletion>(`${hub.url}/api/leads/${lead.id}`, apiToken, { method: 'DELETE' })
  let { status, body } = await remove()
  // What is to be deleted from NATS may take longer than one request: then the same is asked again.
  for (let again = 0; (status === 502 || status === 503) && again < 10; again += 1)
    ({ status, body } = await remove())
  t.equal(status, 200, JSON.stringify(body))
  return body.messages
}

/**
 * Resolves once a hub says that all is taken. Until then the lead is looked for again and again.
 */
const caughtUp = async (t: Test, hubs: readonly Daemon[], { phone }: Person): Promise<void> => {
  const seen: unknown[] = []
  let said = ''
  for (const end = Date.now() + 60_000 + count * 20; Date.now() < end; ) {
    for (const hub of hubs) {
      seen.push(...(await find(hub, phone)))
      const { body } = await ask<Readiness>(`${hub.url}/ready`, apiToken)
      if (body.checks.some(({ detail }) => detail === `record ${count} of ${count} taken`))
        return void t.same(seen, [], 'it never came back')
      said = JSON.stringify(body.checks)
    }
    await delay(100)
  }
  t.fail(`it is not taken in time: ${said}`)
}

/**
 * Files below the temporary directories, where those of this test are, too, that were written since
 * and have one of these texts.
 */
const filesWith = async ({ person, since }: World, except: string[]): Promise<string[]> => {
  const texts = [person.phone, person.lid, person.word]
  const pruned = except.flatMap((path) => ['-path', path, '-prune', '-o'])
  const written = ['-type', 'f', '-newermt', since.toISOString(), '-print0']
  const search = `find /tmp /var/tmp "$@" 2>/dev/null | xargs -0 -r grep -laF ${texts.map((text) => `-e ${text}`).join(' ')} -- 2>/dev/null || true`
  const { stdout } = await promisify(execFile)('bash', [
    '--norc',
    '-c',
    search,
    'bash',
    ...pruned,
    ...written
  ])
  return stdout.split('\n').filter(Boolean)
}

const rowsInFile = (file: string, { phone, lid, word }: Person): string[] => {
  const db = new DatabaseSync(file, { readOnly: true })
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    )
    .all()
    .map(({ name }) => String(name))
  const found = tables.filter((table) =>
    db
      .prepare(`SELECT * FROM "${table}"`)
      .all()
      .some((row) => [phone, lid, word].some((text) => JSON.stringify(row).includes(text)))
  )
  db.close()
  return found
}

const rowsInPostgres = async (
  server: PostgresServer,
  database: string,
  { phone, lid, word }: Person
): Promise<string[]> => {
  const { rows } = await server.run(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
    database
  )
  const found: string[] = []
  for (const { name } of rows as { name: string }[]) {
    const has = [phone, lid, word].map((text) => `x::text LIKE '%${text}%'`).join(' OR ')
    if (
      (await server.run(`SELECT 1 FROM "${name}" x WHERE ${has} LIMIT 1`, database)).rows.length > 0
    )
      found.push(name)
  }
  return found
}

const messagesIn = (file: string): number => {
  const db = new DatabaseSync(file, { readOnly: true })
  const { number } = db.prepare('SELECT count(*) AS number FROM messages').get() ?? {}
  db.close()
  return Number(number)
}

const checkFiles = async (t: Test, world: World, except: string[] = []): Promise<void> => {
  t.same(await filesWith(world, except), [], 'no file has a byte of it')
  t.same(
    rowsInFile(join(world.directory, 'session-manager', 'journal.db'), world.person),
    [],
    'nor a row of the journal'
  )
}

t.test('the store in SQLite', { timeout: minutes(10) }, async (t) => {
  const place = await world(t)
  const hub = await place.hub('hub')
  t.comment(`${await deleteOnceSeen(t, hub, place.person)} messages had come`)
  await caughtUp(t, [hub], place.person)
  await checkFiles(t, place)
  const file = join(place.directory, 'hub', 'hub.db')
  t.same(rowsInFile(file, place.person), [])
  t.equal(messagesIn(file), place.others, 'all that is of others is there')
})

t.test(
  'two hubs on one PostgreSQL, and the one that does not follow is asked',
  { timeout: minutes(10) },
  async (t) => {
    const server = await startPostgres()
    t.teardown(() => server.remove())
    const url = await server.create()
    const place = await world(t)
    const hubs = [
      await place.hub('hub-a', { DATABASE_URL: url }),
      await place.hub('hub-b', { DATABASE_URL: url })
    ]
    t.comment(`${await deleteOnceSeen(t, hubs[1] as Daemon, place.person)} messages had come`)
    await caughtUp(t, hubs, place.person)
    // PostgreSQL's own log has it until it is dropped, as the handbook says.
    await checkFiles(t, place, ['/tmp/leadmaster-postgres*'])
    const database = new URL(url).pathname.slice(1)
    t.same(await rowsInPostgres(server, database, place.person), [])
    const { rows } = await server.run('SELECT count(*)::int AS number FROM messages', database)
    t.equal((rows[0] as { number: number }).number, place.others, 'all that is of others is there')
  }
)

t.test(
  'records by NATS; a hub whose store is lost afterwards does not get it either',
  { timeout: minutes(10) },
  async (t) => {
    const server = await natsServer(t)
    const place = await world(t, { NATS_URL: server.url })
    const hub = await place.hub('hub')
    t.comment(`${await deleteOnceSeen(t, hub, place.person)} messages had come`)
    await caughtUp(t, [hub], place.person)
    await hub.end()
    const refilled = await place.hub('refilled')
    await caughtUp(t, [refilled], place.person)
    await checkFiles(t, place)
    for (const name of ['hub', 'refilled']) {
      const file = join(place.directory, name, 'hub.db')
      t.same(rowsInFile(file, place.person), [])
      t.equal(messagesIn(file), place.others, `${name}: all that is of others is there`)
    }
  }
)

/** Resolves once a hub has taken all and shows nothing of the person any more. */
const gone = async (hub: Daemon, { phone }: Person): Promise<void> => {
  let said = ''
  for (const end = Date.now() + 60_000 + count * 20; Date.now() < end; await delay(100)) {
    const { body } = await ask<Readiness>(`${hub.url}/ready`, apiToken)
    const isTaken = body.checks.some(({ detail }) => detail === `record ${count} of ${count} taken`)
    const leads = await find(hub, phone)
    if (isTaken && leads.length === 0) return
    said = JSON.stringify({ checks: body.checks, leads: leads.length })
  }
  const lastLines = hub.lines.slice(-12).map((line) => JSON.stringify(line))
  throw new Error(`the person is still there: ${said}\n${lastLines.join('\n')}`)
}

/**
 * Hubs with stores of their own: one is asked, one reads along, one is away at that time, and one
 * comes later.
 */
const ownStores = async (t: Test, place: World): Promise<void> => {
  const away = await place.hub('away')
  while ((await find(away, place.person.phone)).length === 0) await delay(5)
  await away.end()
  const [asked, beside] = [await place.hub('asked'), await place.hub('beside')]

  t.comment(`${await deleteOnceSeen(t, asked, place.person)} messages had come`)
  await caughtUp(t, [asked], place.person)
  const began = performance.now()
  await gone(beside, place.person)
  t.comment(`the hub beside it followed ${Math.round(performance.now() - began)} ms after`)
  const back = await place.hub('away')
  const later = await place.hub('later')
  await gone(back, place.person)
  await gone(later, place.person)
  await Promise.all([asked, beside, back, later].map((hub) => hub.end()))

  await checkFiles(t, place)
  for (const name of ['asked', 'beside', 'away', 'later']) {
    const file = join(place.directory, name, 'hub.db')
    t.same(rowsInFile(file, place.person), [], `${name}: no row of it`)
    t.equal(messagesIn(file), place.others, `${name}: all that is of others is there`)
  }
}

t.test('hubs with stores of their own follow a deletion', { timeout: minutes(15) }, async (t) => {
  await ownStores(t, await world(t))
})

t.test(
  'hubs with stores of their own follow a deletion, with records by NATS',
  { timeout: minutes(15) },
  async (t) => {
    const server = await natsServer(t)
    await ownStores(t, await world(t, { NATS_URL: server.url }))
  }
)
