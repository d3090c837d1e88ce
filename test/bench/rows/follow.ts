import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { openStore } from '../../../src/central-hub/store/open.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { startHub, startSessionManager } from '../daemons.ts'
import { draftOf } from '../fill.ts'
import { cpuMs, residentMb } from '../../lab/processes.ts'
import type { Row } from '../row.ts'
import { alternate, ratios, spread } from '../../lab/statistics.ts'

/**
 * The hub catches up with a journal from its beginning, against raw inserts of the rows that come
 * of it.
 */

const tables = ['leads', 'messages', 'answers', 'events'] as const
const batch = 1_000

/** What the hub wrote, table by table; generated columns are left out. */
const rowsOf = (file: string): { insert: string; rows: SQLOutputValue[][] }[] => {
  const db = new DatabaseSync(file, { readOnly: true })
  const read = tables.map((table) => {
    const columns = db
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .all()
      .map(({ name }) => String(name))
    const rows = db.prepare(`SELECT ${columns.join(', ')} FROM ${table}`).all()
    return {
      insert: `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      rows: rows.map((row) => columns.map((column) => row[column] as SQLOutputValue))
    }
  })
  db.close()
  return read
}

const row: Row = async (bench) => {
  const [count, leads, rounds] = bench.quick ? [10_000, 1_000, 2] : [200_000, 10_000, 3]
  const journalDir = join(bench.directory, 'session-manager')
  mkdirSync(journalDir)
  const journal = openJournal(join(journalDir, 'journal.db'), 'main')
  for (let from = 0; from < count; from += batch)
    journal.append(
      Array.from({ length: batch }, (_, at) => draftOf(from + at, leads)),
      'live'
    )
  journal.close()
  const sessionManager = await startSessionManager(bench, { stateDir: journalDir })

  const memory: { seq: number; mb: number }[][] = []
  let stores = 0
  interface Cost {
    seconds: number
    /** Of the process, for one record, µs. */
    cpuUs: number
  }
  /** From the first byte of the stream to the last record in the store. */
  const follow = async (): Promise<Cost> => {
    const hub = await startHub(bench, {
      stateDir: join(bench.directory, `hub-${(stores += 1)}`),
      sessionManager: sessionManager.url
    })
    await hub.seen('following')
    const [started, cpuBefore] = [performance.now(), cpuMs(hub.pid)]
    const db = new DatabaseSync(join(bench.directory, `hub-${stores}`, 'hub.db'), {
      readOnly: true
    })
    const cursor = db.prepare('SELECT seq FROM cursors')
    const samples: { seq: number; mb: number }[] = []
    for (let seq = 0; seq < count; ) {
      await delay(20)
      seq = Number(cursor.get()?.['seq'] ?? 0)
      samples.push({ seq, mb: residentMb(hub.pid) })
    }
    const cost = {
      seconds: (performance.now() - started) / 1_000,
      cpuUs: ((cpuMs(hub.pid) - cpuBefore) * 1_000) / count
    }
    db.close()
    memory.push(samples)
    await hub.end()
    return cost
  }
  let raws = 0
  const raw = async (): Promise<Cost> => {
    const directory = join(bench.directory, `raw-${(raws += 1)}`)
    const all = rowsOf(join(bench.directory, `hub-${stores}`, 'hub.db'))
    await (await openStore(directory)).close()
    const db = new DatabaseSync(join(directory, 'hub.db'))
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON'
    )
    const [started, cpuBefore] = [performance.now(), cpuMs(process.pid)]
    for (const { insert, rows } of all) {
      const add = db.prepare(insert)
      for (let from = 0; from < rows.length; from += batch) {
        db.exec('BEGIN')
        for (const values of rows.slice(from, from + batch)) add.run(...values)
        db.exec('COMMIT')
      }
    }
    const cost = {
      seconds: (performance.now() - started) / 1_000,
      cpuUs: ((cpuMs(process.pid) - cpuBefore) * 1_000) / count
    }
    db.close()
    return cost
  }
  const { ours, raw: other } = await alternate(rounds, { ours: follow, raw })
  const perSecond = (runs: Cost[]): number[] => runs.map(({ seconds }) => count / seconds)
  const cpu = (runs: Cost[]): number[] => runs.map(({ cpuUs }) => cpuUs)
  const ratio = ratios(perSecond(ours), perSecond(other))
  const last = memory.at(-1) as { seq: number; mb: number }[]
  const between = (from: number, to: number): number[] =>
    last.filter(({ seq }) => seq >= count * from && seq <= count * to).map(({ mb }) => mb)
  const [early, late] = [spread(between(0.1, 0.4)), spread(between(0.7, 1))]
  return {
    figures: [
      {
        what: `${count} records`,
        unit: '/s',
        ours: spread(perSecond(ours)),
        against: { name: `raw inserts, ${batch} a transaction`, figure: spread(perSecond(other)) },
        ratio,
        target: { text: '≥ 0.5', met: ratio.median >= 0.5 }
      },
      {
        what: 'CPU of a record',
        unit: 'µs',
        ours: spread(cpu(ours)),
        against: { name: 'raw inserts', figure: spread(cpu(other)) },
        ratio: ratios(cpu(ours), cpu(other))
      },
      {
        what: 'memory, last third',
        unit: 'MB',
        ours: { ...late, runs: [late.min, late.median, late.max] },
        against: {
          name: 'first third',
          figure: { ...early, runs: [early.min, early.median, early.max] }
        },
        ratio: spread([late.median / early.median]),
        target: { text: '≤ 1.1', met: late.median <= early.median * 1.1 }
      }
    ],
    plots: [
      {
        name: 'follow-memory',
        title: 'Memory of the hub while it catches up',
        x: 'records taken',
        y: 'MB',
        lines: [
          { name: 'hub', points: last.filter(({ seq }) => seq > 0).map(({ seq, mb }) => [seq, mb]) }
        ]
      }
    ]
  }
}

export default row
