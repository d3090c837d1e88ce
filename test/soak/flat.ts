import type { Sample } from './sampler.ts'

/** Whether something is flat: how fast it grows over the second half of the day, whatever single samples do. */

export interface Trend {
  name: string
  unit: string
  start: number
  end: number
  most: number
  /** Over the second half, per simulated day. */
  per_day: number
  /** What it may grow per simulated day at most; undefined: it grows by design, see `why`. */
  bound?: number
  why?: string
  flat: boolean
}

const windows = 12

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted.length === 0 ? NaN : ((sorted[Math.floor((sorted.length - 1) / 2)] as number) + (sorted[Math.ceil((sorted.length - 1) / 2)] as number)) / 2
}

/** The median of the slopes between the medians of windows: neither a collection nor a browser that is just down counts. */
export const slope = (points: readonly (readonly [x: number, y: number])[]): number => {
  const size = Math.max(1, Math.ceil(points.length / windows))
  const middles: [number, number][] = []
  for (let start = 0; start < points.length; start += size) {
    const part = points.slice(start, start + size)
    middles.push([median(part.map(([x]) => x)), median(part.map(([, y]) => y))])
  }
  const slopes = middles.flatMap(([x, y], index) => middles.slice(index + 1).flatMap(([x2, y2]) => (x2 > x ? [(y2 - y) / (x2 - x)] : [])))
  return slopes.length === 0 ? 0 : median(slopes)
}

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
  { name: "session-manager's node, resident", unit: 'MB', of: ({ session_manager }) => session_manager.rss_mb, bound: 40 },
  { name: "session-manager's node, heap", unit: 'MB', of: ({ session_manager }) => session_manager.heap_mb, bound: 20 },
  { name: "Chromium's processes, PSS", unit: 'MB', of: ({ chromium }) => chromium.pss_mb, bound: 80 },
  { name: 'hub, open files', unit: '', of: ({ hub }) => hub.fds, bound: 8 },
  { name: "session-manager's node, open files", unit: '', of: ({ session_manager }) => session_manager.fds, bound: 8 },
  { name: 'all, open files', unit: '', of: ({ tree }) => tree.fds, bound: 60 },
  { name: 'hub, threads', unit: '', of: ({ hub }) => hub.threads, bound: 2 },
  { name: "session-manager's node, threads", unit: '', of: ({ session_manager }) => session_manager.threads, bound: 2 },
  { name: 'all, threads', unit: '', of: ({ tree }) => tree.threads, bound: 20 },
  { name: 'all, processes', unit: '', of: ({ tree }) => tree.processes, bound: 2 },
  { name: 'zombies', unit: '', of: ({ zombies }) => zombies, bound: 1 },
  { name: 'browsers without a parent', unit: '', of: ({ strays }) => strays, bound: 1 },
  { name: 'profile', unit: 'MB', of: ({ mb }) => mb.profile, bound: 30 },
  { name: "journal's write-ahead log", unit: 'MB', of: ({ mb }) => mb.journal_wal, bound: 20 },
  { name: "hub's write-ahead log", unit: 'MB', of: ({ mb }) => mb.hub_wal, bound: 20 },
  { name: "hub's metrics, series", unit: '', of: ({ hub }) => hub.series, bound: 40 },
  { name: "session-manager's metrics, series", unit: '', of: ({ session_manager }) => session_manager.series, bound: 40 },
  { name: 'journal', unit: 'MB', of: ({ mb }) => mb.journal, why: 'what is retired leaves a tombstone and two keyed hashes, so that it is known when it comes again' },
  { name: "hub's database", unit: 'MB', of: ({ mb }) => mb.hub, why: 'what is retired leaves room in the file for what comes; leads and their history stay' },
  { name: 'media', unit: 'MB', of: ({ mb }) => mb.media, why: 'as many as were sent in the time that is kept' }
]

/** @param days simulated days from one sample to another: `hour` is of the day */
export const trends = (samples: readonly Sample[]): Trend[] => {
  const later = samples.filter(({ hour }) => hour >= (samples.at(-1)?.hour ?? 0) / 2)
  const round = (value: number): number => Math.round(value * 100) / 100
  // the first and the last twentieth stand for the beginning and the end
  const few = Math.max(1, Math.floor(samples.length / 20))
  return series.map(({ name, unit, of, bound, why }) => {
    const per_day = round(slope(later.map((sample) => [sample.hour / 24, of(sample)])))
    return {
      name, unit, start: round(median(samples.slice(0, few).map(of))), end: round(median(samples.slice(-few).map(of))), most: round(Math.max(...samples.map(of))), per_day,
      ...(bound === undefined ? {} : { bound }), ...(why === undefined ? {} : { why }), flat: bound === undefined || per_day <= bound
    }
  })
}
