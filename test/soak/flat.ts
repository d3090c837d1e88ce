import { median } from '../lab/statistics.ts'
import type { Sample } from './sampler.ts'

/**
 * Whether something is flat: how fast it grows from some hours of the day to others that are as
 * busy (day.ts), whatever single samples do. What work needs and rest does not is no growth, nor is
 * what the first hours need to become warm.
 */

export interface Trend {
  name: string
  unit: string
  start: number
  end: number
  most: number
  /** From the like hours to the like, as much of it as a simulated day has. */
  per_day: number
  /** What it may grow per simulated day at most; undefined: it grows by design, see `why`. */
  bound?: number
  why?: string
  flat: boolean
}

/** Hours with the same load, early and late. */
const early = { from: 3, to: 7 }
const late = { from: 20, to: 24 }

interface Series {
  name: string
  unit: string
  of: (sample: Sample) => number
  bound?: number
  why?: string
}

/** What is looked at, and how much each may grow in a simulated day. */
export const series: readonly Series[] = [
  { name: 'hub, resident', unit: 'MB', of: ({ hub }) => hub.rss_mb, bound: 40 },
  { name: 'hub, heap', unit: 'MB', of: ({ hub }) => hub.heap_mb, bound: 20 },
  {
    name: "session-manager's node, resident",
    unit: 'MB',
    of: ({ session_manager }) => session_manager.rss_mb,
    bound: 40
  },
  {
    name: "session-manager's node, heap",
    unit: 'MB',
    of: ({ session_manager }) => session_manager.heap_mb,
    bound: 20
  },
  {
    name: "Chromium's processes, PSS",
    unit: 'MB',
    of: ({ chromium }) => chromium.pss_mb,
    bound: 80
  },
  { name: 'hub, open files', unit: '', of: ({ hub }) => hub.fds, bound: 8 },
  {
    name: "session-manager's node, open files",
    unit: '',
    of: ({ session_manager }) => session_manager.fds,
    bound: 8
  },
  { name: 'all, open files', unit: '', of: ({ tree }) => tree.fds, bound: 60 },
  { name: 'hub, threads', unit: '', of: ({ hub }) => hub.threads, bound: 2 },
  {
    name: "session-manager's node, threads",
    unit: '',
    of: ({ session_manager }) => session_manager.threads,
    bound: 2
  },
  { name: 'all, threads', unit: '', of: ({ tree }) => tree.threads, bound: 20 },
  { name: 'all, processes', unit: '', of: ({ tree }) => tree.processes, bound: 2 },
  { name: 'zombies', unit: '', of: ({ zombies }) => zombies, bound: 1 },
  { name: 'browsers without a parent', unit: '', of: ({ strays }) => strays, bound: 1 },
  { name: 'profile', unit: 'MB', of: ({ mb }) => mb.profile, bound: 30 },
  { name: "journal's write-ahead log", unit: 'MB', of: ({ mb }) => mb.journal_wal, bound: 20 },
  { name: "hub's write-ahead log", unit: 'MB', of: ({ mb }) => mb.hub_wal, bound: 20 },
  { name: "hub's metrics, series", unit: '', of: ({ hub }) => hub.series, bound: 40 },
  {
    name: "session-manager's metrics, series",
    unit: '',
    of: ({ session_manager }) => session_manager.series,
    bound: 40
  },
  {
    name: 'journal',
    unit: 'MB',
    of: ({ mb }) => mb.journal,
    why: 'what is retired leaves a tombstone and two keyed hashes, so that it is known when it comes again'
  },
  {
    name: "hub's database",
    unit: 'MB',
    of: ({ mb }) => mb.hub,
    why: 'what is retired leaves room in the file for what comes; leads and their history stay'
  },
  {
    name: 'media',
    unit: 'MB',
    of: ({ mb }) => mb.media,
    why: 'as many as were sent in the time that is kept'
  }
]

/** How each series went over the day, and whether it is flat. */
export const trends = (samples: readonly Sample[]): Trend[] => {
  const during = ({ from, to }: typeof early): Sample[] =>
    samples.filter(({ hour }) => hour >= from && hour < to)
  const [before, after] = [during(early), during(late)]
  const days = (late.from - early.from) / 24
  const round = (value: number): number => Math.round(value * 100) / 100
  // the first and the last twentieth stand for the beginning and the end
  const few = Math.max(1, Math.floor(samples.length / 20))
  return series.map(({ name, unit, of, bound, why }) => {
    const per_day = round((median(after.map(of)) - median(before.map(of))) / days)
    return {
      name,
      unit,
      start: round(median(samples.slice(0, few).map(of))),
      end: round(median(samples.slice(-few).map(of))),
      most: round(Math.max(...samples.map(of))),
      per_day,
      ...(bound === undefined ? {} : { bound }),
      ...(why === undefined ? {} : { why }),
      flat: bound === undefined || per_day <= bound
    }
  })
}
