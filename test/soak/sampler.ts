import { appendFileSync, readdirSync, statSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { apiToken, token, type Daemon } from '../end-to-end/daemon.ts'
import type { Ledger } from './ledger.ts'
import { openFiles, processes, treeOf, useOf, type Use } from '../lab/processes.ts'

/** What everything uses, every few seconds, one line each in a file. */

/** A daemon, with what its /metrics tell. */
export interface DaemonUse extends Use {
  heap_mb: number
  /** Lines of /metrics that are values. */
  series: number
  /** Open files, by what they are. */
  open: Readonly<Record<string, number>>
}

export interface Sample {
  /** Since the beginning, s. */
  s: number
  /** Hours of the simulated day. */
  hour: number
  written: number
  recorded: number
  told: number
  hub: DaemonUse
  session_manager: DaemonUse
  chromium: Use
  by_type: Record<string, Use>
  /** All of these. */
  tree: Use
  zombies: number
  /** Browsers of this run that have lost their parent. */
  strays: number
  mb: {
    journal: number
    journal_wal: number
    hub: number
    hub_wal: number
    media: number
    profile: number
  }
  files: { media: number; profile: number }
  /** This program, with the simulated WhatsApp in it. */
  rig_mb: number
  load: number
}

const size = (file: string): number => {
  try {
    return statSync(file).size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0
    throw error
  }
}
const mb = (bytes: number): number => Math.round((bytes / 1024 ** 2) * 100) / 100

/** Chromium makes and removes files while they are counted, and a profile goes as a whole. */
const within = (directory: string): { bytes: number; files: number } => {
  const sum = { bytes: 0, files: 0 }
  try {
    for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue
      sum.files += 1
      sum.bytes += size(join(entry.parentPath, entry.name))
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  return sum
}

const metricsOf = async (
  { url }: Daemon,
  bearer: string
): Promise<{ heap_mb: number; series: number }> => {
  const text = await (
    await fetch(`${url}/metrics`, {
      headers: { authorization: `Bearer ${bearer}` },
      signal: AbortSignal.timeout(20_000)
    })
  ).text()
  return {
    heap_mb: mb(Number(/^nodejs_heap_size_used_bytes(?:\{\})? (\S+)$/m.exec(text)?.[1] ?? 0)),
    series: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  }
}

export interface SamplerOptions {
  hub: Daemon
  sessionManager: Daemon
  /** Port of the simulated WhatsApp, by which its Chromium is known. */
  port: number
  ledger: Ledger
  states: { hub: string; sessionManager: string }
  hour: () => number
  everyMs: number
  file: string
}

export interface Sampler {
  samples: readonly Sample[]
  /** Samples that could not be taken, by the reason. */
  missed: readonly string[]
  stop(): Promise<void>
}

export const startSampler = ({
  hub,
  sessionManager,
  port,
  ledger,
  states,
  hour,
  everyMs,
  file
}: SamplerOptions): Sampler => {
  const samples: Sample[] = []
  const missed: string[] = []
  const started = performance.now()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const take = async (): Promise<void> => {
    const [ofHub, ofSessionManager] = await Promise.all([
      metricsOf(hub, apiToken),
      metricsOf(sessionManager, token)
    ])
    const all = processes()
    const [hubTree, managerTree] = [treeOf(all, hub.pid), treeOf(all, sessionManager.pid)]
    const chromium = managerTree.filter(
      ({ pid, state }) => pid !== sessionManager.pid && state !== 'Z'
    )
    const ours = new Set([...hubTree, ...managerTree].map(({ pid }) => pid))
    const type = ({ command }: { command: string }): string =>
      /--type=([\w-]+)/.exec(command)?.[1] ?? 'browser'
    const [media, profile] = [
      within(join(states.sessionManager, 'media')),
      within(join(states.sessionManager, 'profile'))
    ]
    const sample: Sample = {
      s: Math.round((performance.now() - started) / 100) / 10,
      hour: Math.round(hour() * 100) / 100,
      ...ledger.counts(),
      hub: {
        ...useOf(hubTree.filter(({ pid }) => pid === hub.pid)),
        ...ofHub,
        open: openFiles(hub.pid)
      },
      session_manager: {
        ...useOf(managerTree.filter(({ pid }) => pid === sessionManager.pid)),
        ...ofSessionManager,
        open: openFiles(sessionManager.pid)
      },
      chromium: useOf(chromium),
      by_type: Object.fromEntries(
        [...Map.groupBy(chromium, type)].map(([name, some]) => [name, useOf(some)])
      ),
      tree: useOf([...hubTree, ...managerTree].filter(({ state }) => state !== 'Z')),
      zombies: [...hubTree, ...managerTree].filter(({ state }) => state === 'Z').length,
      strays: all.filter(
        ({ pid, command }) => !ours.has(pid) && command.includes(`--simulated-whatsapp=${port}`)
      ).length,
      mb: {
        journal: mb(size(join(states.sessionManager, 'journal.db'))),
        journal_wal: mb(size(join(states.sessionManager, 'journal.db-wal'))),
        ...hubFiles(states.hub),
        media: mb(media.bytes),
        profile: mb(profile.bytes)
      },
      files: { media: media.files, profile: profile.files },
      rig_mb: mb(process.memoryUsage.rss()),
      load: loadavg()[0] as number
    }
    samples.push(sample)
    appendFileSync(file, `${JSON.stringify(sample)}\n`)
  }
  const look = (): Promise<void> =>
    take()
      .catch((error: unknown) => void missed.push(`${new Date().toISOString()} ${String(error)}`))
      .finally(() => {
        if (!stopped) timer = setTimeout(() => (looking = look()), everyMs)
      })
  let looking = look()
  return {
    samples,
    missed,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await looking
      await take().catch((error: unknown) => void missed.push(String(error)))
    }
  }
}

/** The hub's database: all files of its directory, its write-ahead log apart. */
const hubFiles = (directory: string): { hub: number; hub_wal: number } => {
  const names = readdirSync(directory)
  const sum = (some: readonly string[]): number =>
    mb(some.reduce((all, name) => all + size(join(directory, name)), 0))
  return {
    hub: sum(names.filter((name) => name.endsWith('.db'))),
    hub_wal: sum(names.filter((name) => name.endsWith('-wal')))
  }
}
