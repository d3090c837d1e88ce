import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { openStore } from '../../src/central-hub/store/open.ts'
import type { JournalRecord } from '../../src/contract/record.ts'
import { recordStream } from '../../src/contract/stream.ts'
import type { Daemon } from '../end-to-end/daemon.ts'
import { natsServer } from '../nats/nats-server.ts'
import { makeStream, publisher } from '../nats/records.ts'
import { durable, startPostgres } from '../platform/postgres-server.ts'
import { startHub, startSessionManager } from './daemons.ts'
import { draftOf } from './fill.ts'
import { cpuMs } from '../lab/processes.ts'
import type { Bench } from './row.ts'
import { asTest } from './scope.ts'

/**
 * Several hubs on one PostgreSQL that keeps its data, and one NATS stream with the records of many
 * accounts.
 */

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
const commandOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()

/** CPU time of a process and of those it started, also those that have ended, ms. */
const familyCpuMs = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  // in ticks, of which Linux counts a hundred a second
  const ended = (Number(fields[13]) + Number(fields[14])) * 10
  return cpuMs(pid) + ended + childrenOf(pid).reduce((sum, child) => sum + cpuMs(child), 0)
}

/** CPU time by who used it, ms. */
export interface Cpu {
  hubs: number[]
  database: number
  nats: number
}

export interface Fleet {
  /** Adds so many records of each account to the stream. */
  publish(of: { each: number; at?: number }): Promise<number>
  /**
   * So many hubs on a database of their own, or one on a file; they have what the stream has still
   * to take.
   */
  hubs(count: number, on?: 'database' | 'file'): Promise<Hubs>
}

export interface Hubs {
  daemons: Daemon[]
  /** Lets them go on, all at once. They are halted as soon as they listen. */
  release(): void
  /** Records in the store. */
  taken(): Promise<number>
  cpu(): Cpu
  end(): Promise<void>
}

const nameOf = (account: number): string => `account-${account}`
const leadsOfEach = 50

export const startFleet = async (bench: Bench, accounts: number): Promise<Fleet> => {
  const postgres = await startPostgres(durable)
  bench.onEnd(postgres.remove)
  const nats = await natsServer(asTest(bench))
  const natsPid = childrenOf(process.pid).find((pid) => commandOf(pid) === 'nats-server') as number
  const manager = await makeStream(asTest(bench), nats)
  const publish = await publisher(asTest(bench), nats)
  await postgres.run('CREATE DATABASE made')
  await (await openStore(postgres.url('made'))).close()
  const sessionManager = await startSessionManager(bench, {
    stateDir: `${bench.directory}/session-manager`
  })
  const seqs = Array.from({ length: accounts }, () => 0)
  let fleets = 0

  const recordOf = (account: number): JournalRecord => {
    const seq = (seqs[account] as number) + 1
    seqs[account] = seq
    return {
      seq,
      kind: 'message',
      captured_at: new Date().toISOString(),
      source: 'live',
      account: nameOf(account),
      message: draftOf(seq - 1, leadsOfEach).message
    }
  }
  const forget = async (): Promise<void> => {
    for await (const { name } of manager.consumers.list(recordStream))
      await manager.consumers.delete(recordStream, name)
  }

  return {
    publish: async ({ each, at }) => {
      const started = performance.now()
      let count = 0
      for (let round = 0; round < each; round += 1) {
        const sending: Promise<void>[] = []
        for (let account = 0; account < accounts; account += 1) {
          // evenly, at so many a second
          if (at !== undefined) {
            const early = started + (count * 1_000) / at - performance.now()
            if (early > 1) await delay(early)
          }
          sending.push(publish(`journal-${account}`, recordOf(account)))
          count += 1
        }
        await Promise.all(sending)
      }
      return count
    },
    hubs: async (count, on = 'database') => {
      await forget()
      const database = await postgres.create('made')
      const client = new pg.Client(database)
      await client.connect()
      const daemons: Daemon[] = []
      for (let at = 0; at < count; at += 1) {
        const env = { NATS_URL: nats.url, ...(on === 'database' ? { DATABASE_URL: database } : {}) }
        const hub = await startHub(bench, {
          stateDir: `${bench.directory}/fleet-${(fleets += 1)}`,
          sessionManager: sessionManager.url,
          env
        })
        process.kill(hub.pid, 'SIGSTOP')
        daemons.push(hub)
      }
      const file = on === 'file' ? `${bench.directory}/fleet-${fleets}/hub.db` : undefined
      const sqlite = file === undefined ? undefined : new DatabaseSync(file, { readOnly: true })
      const sum = 'select coalesce(sum(seq), 0) as taken from cursors'
      return {
        daemons,
        release: () => {
          for (const { pid } of daemons) process.kill(pid, 'SIGCONT')
        },
        taken: async () =>
          Number(
            sqlite === undefined
              ? (await client.query<{ taken: string }>(sum)).rows[0]?.taken
              : sqlite.prepare(sum).get()?.['taken']
          ),
        cpu: () => ({
          hubs: daemons.map(({ pid }) => cpuMs(pid)),
          database: familyCpuMs(postgres.pid()),
          nats: cpuMs(natsPid)
        }),
        end: async () => {
          for (const { pid } of daemons) process.kill(pid, 'SIGCONT')
          await Promise.all(daemons.map((daemon) => daemon.end()))
          sqlite?.close()
          await client.end()
        }
      }
    }
  }
}
