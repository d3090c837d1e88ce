import type { Plot } from '../lab/plot.ts'
import type { Sample } from './sampler.ts'

/** The plots of a soak, over the hours of the simulated day. */

/** So many points at most in a line: what lies between two is told by them. */
const maxPoints = 400

export const charts = (samples: readonly Sample[]): Plot[] => {
  const each = Math.max(1, Math.ceil(samples.length / maxPoints))
  const shown = samples.filter((_, index) => index % each === 0)
  const chart = (
    name: string,
    title: string,
    y: string,
    lines: Record<string, (sample: Sample) => number>
  ): Plot => ({
    name,
    title,
    x: 'hour of the simulated day',
    y,
    linear: true,
    lines: Object.entries(lines).map(([line, of]) => ({
      name: line,
      points: shown.map((sample) => [sample.hour, of(sample)])
    }))
  })
  return [
    chart('soak-memory', 'Memory', 'MB', {
      'hub, resident': ({ hub }) => hub.rss_mb,
      'hub, heap': ({ hub }) => hub.heap_mb,
      'node of s.-m., resident': ({ session_manager }) => session_manager.rss_mb,
      'node of s.-m., heap': ({ session_manager }) => session_manager.heap_mb,
      'Chromium, PSS': ({ chromium }) => chromium.pss_mb
    }),
    chart('soak-files', 'Open files', '', {
      hub: ({ hub }) => hub.fds,
      'node of s.-m.': ({ session_manager }) => session_manager.fds,
      all: ({ tree }) => tree.fds
    }),
    chart('soak-threads', 'Threads', '', {
      hub: ({ hub }) => hub.threads,
      'node of s.-m.': ({ session_manager }) => session_manager.threads,
      all: ({ tree }) => tree.threads
    }),
    chart('soak-processes', 'Processes', '', {
      all: ({ tree }) => tree.processes,
      zombies: ({ zombies }) => zombies,
      'without a parent': ({ strays }) => strays
    }),
    chart('soak-disk', 'On disk', 'MB', {
      journal: ({ mb }) => mb.journal,
      "journal's log": ({ mb }) => mb.journal_wal,
      hub: ({ mb }) => mb.hub,
      "hub's log": ({ mb }) => mb.hub_wal,
      media: ({ mb }) => mb.media,
      profile: ({ mb }) => mb.profile
    }),
    chart('soak-messages', 'Messages', '', {
      written: ({ written }) => written,
      'in the journal': ({ recorded }) => recorded,
      'told of by the hub': ({ told }) => told
    })
  ]
}
