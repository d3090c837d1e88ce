import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type pg from 'pg'
import { span, table as columnsOf } from '../text.ts'
import { processEnv } from '../../platform/env.ts'
import { placeOf } from '../../central-hub/store/database/postgres/client.ts'
import { compareTables, type Compared } from './compare.ts'
import { connectTarget } from './connect.ts'
import { copyTables, readProgress } from './copy.ts'
import { findPlaces, type Options, type Places } from './places.ts'
import { count, Progress } from './progress.ts'
import { describeError } from './refused.ts'
import { openSource, type Source } from './source.ts'
import { begin, finish, type MigrationState } from './migration-state.ts'

/** `scripts/migrate` copies the hub's store from its SQLite file to PostgreSQL. */

const usage = `usage: scripts/migrate [--from FILE] [--to-env FILE] [--anew]

Copies the hub's store from its SQLite file to the PostgreSQL database of DATABASE_URL: \
all tables, with their ids. Then
it counts and adds up every table in both, and only if they are the same may a hub start on the \
database.

  1. make an empty database:  createuser --pwprompt leadmaster; \
createdb --owner=leadmaster leadmaster
  2. stop the hub:            systemctl stop leadmaster-central-hub, or Ctrl-C for scripts/up
  3. in central-hub.env:      DATABASE_URL=postgres://leadmaster:PASSWORD@HOST:5432/leadmaster
  4. scripts/migrate          as root, or as the user of the hub
  5. start the hub:           systemctl start leadmaster-central-hub, or scripts/up

It may be interrupted at any moment: run it again, and it goes on where it was. \
session-manager may run meanwhile: what
arrives waits in its journal. Nothing in the file is changed: it stays as the way back.
  --from FILE     the file; the default is hub.db in the STATE_DIR of central-hub.env
  --to-env FILE   a file with a line DATABASE_URL=…; the default is central-hub.env
  --anew          throws away what a migration that is not finished has copied, \
and begins at the beginning
central-hub.env is looked for in /etc/leadmaster, else in .leadmaster, \
or in the directory that LEADMASTER_HOME names.

Exits 0 when all is there and the same, 1 when it could not be done or something differs, \
2 when it was called wrongly,
130 when it was ended by Ctrl-C.
`

const say = (text: string): void => void process.stderr.write(`migrate: ${text}\n`)
const release = resolve(import.meta.dirname, '../../..')

const interrupted = new AbortController()
// A second signal ends the process immediately.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort())

const showing = (doing: string, all: number, done: number): Progress =>
  new Progress({
    doing,
    total: all,
    done,
    write: (text) => void process.stderr.write(text),
    terminal: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80
  })

const showCompared = (results: readonly Compared[]): void => {
  const short = (sha256: string | undefined): string => sha256?.slice(0, 16) ?? 'its own'
  const rows = results.map(({ name, sqlite, postgres, equal }) => [
    name,
    count(sqlite.rows),
    count(postgres.rows),
    short(sqlite.sha256),
    short(postgres.sha256),
    equal ? 'same' : 'DIFFERS'
  ])
  process.stdout.write(
    columnsOf([
      ['table', 'rows in SQLite', 'in PostgreSQL', 'SHA-256 in SQLite', 'in PostgreSQL', ''],
      ...rows
    ])
  )
}

const sayWhatNext = ({ file, envFile, installed, url }: Places): void => {
  const start = installed ? 'systemctl start leadmaster-central-hub' : 'scripts/up'
  say(
    `next: start the hub (${start}). Its store is ${placeOf(url)}, by DATABASE_URL in ${envFile}.`
  )
  say(
    `${file} is as it was, and the way back: take DATABASE_URL out and start the hub. It then ` +
      `reads what came since from session-manager's journal; what people changed since is in ` +
      'PostgreSQL alone.'
  )
  say(
    'the hub deletes nothing from that file any more, neither after RETENTION nor on request: ' +
      'remove it once you do not want to go back.'
  )
}

let places: Places | undefined
let isBegun = false

interface Migrating {
  source: Source
  client: pg.Client
  /** The destination as it is shown. */
  place: string
  /** Rows in all tables. */
  total: number
}

const copyRows = async (
  { source, client, place, total }: Migrating,
  state: MigrationState,
  anew: boolean
): Promise<void> => {
  const done = [...(await readProgress(client)).values()].reduce(
    (sum, { copied }) => sum + copied,
    0
  )
  if (state === 'begun anew') {
    const why = anew ? '' : `, for ${source.file} was written to since`
    say(`what an unfinished migration had copied to ${place} is thrown away${why}`)
  }
  const doing = state === 'resumed' ? `going on at ${count(done)} of` : 'copying'
  say(`${doing} ${count(total)} rows from ${source.file} to ${place}`)
  const began = performance.now()
  const progress = showing('copying', total, done)
  await copyTables({
    source,
    client,
    signal: interrupted.signal,
    onCopied: ({ name }, rows) => progress.add(name, rows)
  }).finally(() => progress.end())
  const ms = performance.now() - began
  const perSecond = Math.round(((total - done) * 1_000) / Math.max(1, ms))
  const rate = total > done ? `, ${count(perSecond)} rows/s` : ''
  say(`copied ${count(total - done)} rows in ${span(ms)}${rate}; comparing`)
}

const compareRows = async ({ source, client, total }: Migrating): Promise<Compared[]> => {
  const progress = showing('comparing', total, 0)
  const results = await compareTables({
    source,
    client,
    signal: interrupted.signal,
    onCompared: ({ name }, rows) => progress.add(name, rows)
  }).finally(() => progress.end())
  showCompared(results)
  return results
}

const sayDiffering = (differing: readonly Compared[], place: string, file: string): void => {
  const names = differing.map(({ name }) => name).join(', ')
  say(
    `${names} ${differing.length === 1 ? 'is' : 'are'} not the same in both: ` +
      `no hub starts on ${place}. --anew copies everything once more; without ` +
      `DATABASE_URL the hub runs on ${file} as before.`
  )
}

/** @returns the exit code */
const copyAndCompare = async (
  migrating: Migrating,
  state: MigrationState,
  anew: boolean
): Promise<number> => {
  const { source, client, place, total } = migrating
  const began = performance.now()
  await copyRows(migrating, state, anew)
  const results = await compareRows(migrating)
  const differing = results.filter(({ equal }) => !equal)
  if (differing.length > 0) {
    sayDiffering(differing, place, source.file)
    return 1
  }
  await finish(client, source)
  say(
    `all ${results.length} are the same in both, by number and by checksum; ${count(total)} ` +
      `rows, ${span(performance.now() - began)} in this run`
  )
  return 0
}

/** @returns the exit code */
const migrate = async (places: Places, anew: boolean): Promise<number> => {
  const source = openSource(places.file)
  try {
    const place = placeOf(places.url)
    const client = await connectTarget(places.url)
    try {
      const state = await begin(client, source, place, anew)
      if (state === 'finished') {
        say(`${place} has all of ${places.file} since an earlier run: there is nothing to do`)
        return 0
      }
      isBegun = true
      const total = source.tables.reduce((sum, table) => sum + table.count, 0)
      const code = await copyAndCompare({ source, client, place, total }, state, anew)
      if (code === 0) sayWhatNext(places)
      return code
    } finally {
      await client.end().catch(() => undefined) // a lost connection undoes nothing
    }
  } finally {
    source.close()
  }
}

const run = async (): Promise<number> => {
  let options: Options & { anew?: boolean | undefined; help?: boolean | undefined }
  try {
    options = parseArgs({
      options: {
        from: { type: 'string' },
        'to-env': { type: 'string' },
        anew: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    }).values
  } catch (error) {
    process.stderr.write(
      `migrate: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`
    )
    return 2
  }
  if (options.help === true) {
    process.stdout.write(usage)
    return 0
  }
  try {
    places = findPlaces(options, processEnv, release)
    return await migrate(places, options.anew === true)
  } catch (error) {
    if (interrupted.signal.aborted) {
      say('interrupted: what was copied is kept, run it again and it goes on')
      return 130
    }
    const words = describeError(error, places)
    if (words === undefined) throw error
    say(isBegun ? `${words}. What was copied is kept: run it again, and it goes on` : words)
    return 1
  }
}
process.exitCode = await run()
