import { appendFileSync, mkdirSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient, type Client } from '../../src/client/index.ts'
import type { Message } from '../../src/contract/lead.ts'
import { nodeOptions } from '../../scripts/unit-options.ts'
import {
  apiToken,
  centralHubEnv,
  freePort,
  sessionManagerEnv,
  startDaemon,
  type Daemon
} from '../end-to-end/daemon.ts'
import { startWhatsAppWeb } from '../whatsapp-web/server.ts'
import { startChurn } from './churn.ts'
import { paced, paceOf } from './day.ts'
import { createLedger, judge, type Verdict } from './ledger.ts'
import type { Options } from './options.ts'
import { runOutages, type Outage } from './outages.ts'
import { readEvents, readJournal } from './readers.ts'
import { startSampler, type Sample } from './sampler.ts'
import { startTraffic, type Traffic } from './traffic.ts'

/** A day of both daemons with the real Chromium on the simulated WhatsApp, and what came of it. */

export interface Soaked {
  minutes: number
  /** What ran longer than the day: until all had arrived. */
  settle_s: number
  also: ReturnType<Traffic['also']>
  kinds: Readonly<Record<string, number>>
  churn: Readonly<Record<string, number>>
  failures: Readonly<Record<string, number>>
  readers: {
    journal_connections: number
    journal_gaps: number
    events_connections: number
    events_gaps: number
  }
  outages: Outage[]
  verdict: Verdict
  /** Daemons that ended before they were told to, and how each ended then. */
  ended: { early: string[]; hub: number | null; session_manager: number | null; outbound: string[] }
  /** Of the databases, as SQLite checks them. */
  integrity: { journal: string; hub: string }
  samples: readonly Sample[]
  missed: readonly string[]
  last: Sample | undefined
  /** Lines of the logs at warn and above, by daemon and event. */
  complaints: Readonly<Record<string, number>>
}

/**
 * How long the journal keeps its records, by the simulated clock. It goes by whole days: what was
 * captured before midnight goes after one.
 */
const journalKeeps = '1h'
/**
 * The phone forgets what is older, ms: the simulation is not to grow. What was missed must have
 * been read back by then.
 */
const phoneKeepsMs = 1_200_000
const settleMs = 300_000

const hubIds = async (client: Client): Promise<string[]> => {
  const res = await client.exportMessagesJsonl()
  const ids: string[] = []
  for await (const line of createInterface({
    input: Readable.fromWeb(res.body as Parameters<typeof Readable.fromWeb>[0])
  }))
    ids.push((JSON.parse(line) as Message).id)
  return ids
}

const check = (file: string): string => {
  const db = new DatabaseSync(file)
  try {
    return Object.values(db.prepare('PRAGMA integrity_check').get() ?? {}).join()
  } finally {
    db.close()
  }
}

/** @param say tells how far it is @param signal ends it early, and everything that it started */
export const soak = async (
  options: Options,
  say: (text: string) => void,
  signal?: AbortSignal
): Promise<Soaked> => {
  const { minutes, messages, keptHours, directory, dist } = options
  const ms = minutes * 60_000
  const states = { hub: join(directory, 'hub'), sessionManager: join(directory, 'session-manager') }
  mkdirSync(states.hub, { recursive: true })
  const web = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: { qrMs: 1_000, firstQrMs: 1_000, qrCodes: 60, mostHeld: 50_000 }
  })
  const pace = paceOf(minutes, Date.now())
  const now = (): number => paced(pace, Date.now())
  const clock = new URL(`./clock.ts?${encodeURIComponent(JSON.stringify(pace))}`, import.meta.url)
    .href
  const program = (name: 'session-manager' | 'central-hub'): string[] => [
    ...nodeOptions(join(import.meta.dirname, '../..'), name),
    `--import=${clock}`,
    dist === undefined
      ? join(import.meta.dirname, `../../src/${name}/main.ts`)
      : join(dist, name, 'main.js')
  ]
  const usual = { NODE_ENV: 'production', LOG_LEVEL: 'info' }
  const start = (name: 'session-manager' | 'central-hub', env: Record<string, string>): Daemon =>
    startDaemon(name, { ...env, ...usual }, program(name))

  // what looks back is as short as the day is, but not shorter than a real browser takes for its
  // ways: 40 s
  const overlap = `${Math.min(7 * 24 * 60, Math.ceil((pace.rate * 40) / 60))}m`
  const sessionManager = start('session-manager', {
    ...sessionManagerEnv({
      port: await freePort(),
      stateDir: states.sessionManager,
      chromiumPath: web.chromiumPath
    }),
    JOURNAL_RETENTION: journalKeeps,
    BACKFILL_INTERVAL: '5s',
    BACKFILL_OVERLAP: overlap,
    PROBE_INTERVAL: '1s'
  })
  const hub = start('central-hub', {
    ...centralHubEnv({
      port: await freePort(),
      stateDir: states.hub,
      sessionManager: sessionManager.url
    }),
    RETENTION: `${keptHours}h`,
    RATE_LIMIT: '1000000',
    WEBHOOK_PRIVATE_ADDRESSES: '127.0.0.0/8'
  })
  const daemons = { hub, session_manager: sessionManager }
  const early: string[] = []
  let stopping = false
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => undefined) // also when nobody waits for it yet
  signal?.addEventListener('abort', () => failed.reject(new Error('it was told to end')))
  for (const [name, daemon] of Object.entries(daemons)) {
    void daemon.ended.then(({ code, signal }) => {
      if (stopping) return
      early.push(
        `${name} ended with ${signal ?? code}: ${daemon.lines
          .slice(-5)
          .map((line) => JSON.stringify(line))
          .join('\n')}`
      )
      failed.reject(new Error(early.at(-1)))
    })
  }
  const logged = { hub: 0, session_manager: 0 }
  const keepLogs = (): void => {
    for (const name of ['hub', 'session_manager'] as const) {
      const fresh = daemons[name].lines.slice(logged[name])
      logged[name] += fresh.length
      if (fresh.length > 0)
        appendFileSync(
          join(directory, `${name}.log`),
          fresh.map((line) => `${JSON.stringify(line)}\n`).join('')
        )
    }
  }

  /** What is to be stopped before the daemons end, the last first. */
  const undo: (() => Promise<unknown> | unknown)[] = []
  const unwind = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step()
  }

  try {
    await Promise.all([sessionManager.seen('listening'), hub.seen('listening')])
    await web.scan()
    await sessionManager.seen('session', (line) => line['status'] === 'READY', 120_000)
    await hub.seen('following')
    say('READY, and followed')

    const ledger = createLedger()
    const client = createClient({ baseUrl: hub.url, token: apiToken, retryReadsMs: 0 })
    const [journal, events] = [readJournal(sessionManager.url, ledger), readEvents(client, ledger)]
    undo.push(journal.stop, events.stop)
    const hour = (): number => (now() - pace.from) / 3_600_000
    const sampler = startSampler({
      hub,
      sessionManager,
      port: web.port,
      ledger,
      states,
      hour,
      everyMs: options.sampleMs,
      file: join(directory, 'samples.jsonl')
    })
    undo.push(sampler.stop)
    const churn = await startChurn(client, ledger, Math.min(2_000, ms / 30))
    undo.push(churn.stop)
    const traffic = startTraffic({
      phone: web.phone,
      ledger,
      messages,
      ms,
      now: () => Math.floor(now() / 1_000)
    })
    undo.push(traffic.stop)
    const forgetting = setInterval(
      () => web.phone.forget(Math.floor(paced(pace, Date.now() - phoneKeepsMs) / 1_000)),
      10_000
    )
    const progress = setInterval(
      () => {
        keepLogs()
        const { written, recorded, told } = ledger.counts()
        say(
          `${hour().toFixed(1)} h: ${written} written, ${recorded} in the journal, ${told} told of`
        )
      },
      Math.min(15_000, ms / 4)
    )
    undo.push(
      () => clearInterval(forgetting),
      () => clearInterval(progress)
    )

    const outages = await Promise.race([
      failed.promise,
      runOutages({
        web,
        daemon: sessionManager,
        reconnects: options.reconnects,
        rotations: options.rotations,
        ms: ms * 0.97
      })
    ])
    await Promise.race([failed.promise, traffic.over])
    say('the day is over')
    const settling = performance.now()
    const missing = (): number => {
      const { written, recorded, told } = ledger.counts()
      return 2 * written - recorded - told
    }
    for (
      let [before, since] = [missing(), Date.now()];
      missing() > 0 && Date.now() - since < settleMs / 5 && performance.now() - settling < settleMs;
      await delay(250)
    ) {
      if (missing() < before) [before, since] = [missing(), Date.now()]
    }
    const settle_s = Math.round((performance.now() - settling) / 1_000)
    await churn.stop()
    const held = await hubIds(client)
    // what the hub retires next is taken as kept until now
    const verdict = judge(ledger, held, Math.floor(now() / 1_000) - keptHours * 3_600)
    await unwind()
    stopping = true
    const [endHub, endManager] = [await hub.end(), await sessionManager.end()]
    keepLogs()
    await web.close()
    const complaints: Record<string, number> = {}
    for (const { level, service, event } of [...hub.lines, ...sessionManager.lines]) {
      if (['warn', 'error', 'fatal', 'raw'].includes(level))
        complaints[`${service} ${level} ${event ?? ''}`] =
          (complaints[`${service} ${level} ${event ?? ''}`] ?? 0) + 1
    }
    return {
      minutes,
      settle_s,
      also: traffic.also(),
      kinds: journal.kinds(),
      churn: churn.counts(),
      failures: churn.failures(),
      readers: {
        journal_connections: journal.connections(),
        journal_gaps: journal.gaps(),
        events_connections: events.connections(),
        events_gaps: events.gaps()
      },
      outages,
      verdict,
      ended: {
        early,
        hub: endHub.code,
        session_manager: endManager.code,
        outbound: web.outbound().map(({ name }) => name)
      },
      integrity: {
        journal: check(join(states.sessionManager, 'journal.db')),
        hub: check(join(states.hub, 'hub.db'))
      },
      samples: sampler.samples,
      missed: sampler.missed,
      last: sampler.samples.at(-1),
      complaints
    }
  } finally {
    stopping = true
    await unwind()
    keepLogs()
    await Promise.all([hub.end(), sessionManager.end()])
    await web.close()
  }
}
