import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { apiToken } from '../../end-to-end/daemon.ts'
import { burst } from '../../whatsapp-web/burst.ts'
import { startHub } from '../daemons.ts'
import { followEvents, now } from '../events.ts'
import type { Plot } from '../../lab/plot.ts'
import type { Figure, Row } from '../row.ts'
import { percentile, spread } from '../../lab/statistics.ts'
import { startLinked, startPage } from '../whatsapp.ts'

/**
 * From the event in the page to a frontend's event stream, through Chromium, session-manager,
 * journal, hub and store.
 */

const row: Row = async (bench) => {
  const web = await startPage(bench)
  const { daemon } = await startLinked(bench, web)
  const hub = await startHub(bench, {
    stateDir: join(bench.directory, 'hub'),
    sessionManager: daemon.url
  })
  await hub.seen('following')
  const arrived = await followEvents(bench, hub.url, apiToken)

  /** How long each took, ms. */
  const send = async (perSecond: number, seconds: number): Promise<number[]> => {
    const count = Math.max(2, Math.round(perSecond * seconds))
    const written: [id: string, at: number][] = []
    await burst(web.phone, {
      count,
      perSecond,
      chats: 100,
      onSent: (id) => written.push([id, now()])
    })
    for (const end = Date.now() + 60_000; written.some(([id]) => !arrived.has(id)); await delay(20))
      if (Date.now() > end) throw new Error(`not all of ${count} messages arrived within a minute`)
    return written.map(([id, at]) => (arrived.get(id) as number) - at)
  }
  await send(100, 2)
  const rounds = bench.quick ? 2 : 5
  const figures: Figure[] = []
  const points: { half: [number, number][]; p99: [number, number][] } = { half: [], p99: [] }
  for (const [perSecond, seconds] of bench.quick
    ? ([
        [1, 5],
        [50, 5],
        [500, 3]
      ] as const)
    : ([
        [1, 20],
        [50, 20],
        [500, 10]
      ] as const)) {
    const runs: number[][] = []
    for (let round = 0; round < rounds; round += 1) runs.push(await send(perSecond, seconds))
    const [half, p99] = [0.5, 0.99].map((share) =>
      spread(runs.map((times) => percentile(times, share)))
    )
    if (half === undefined || p99 === undefined) throw new Error('no run')
    bench.say(
      `${perSecond} msg/s: p50 ${half.median.toFixed(1)} ms, p99 ${p99.median.toFixed(1)} ms`
    )
    figures.push(
      { what: `${perSecond} msg/s, p50`, unit: 'ms', ours: half },
      {
        what: `${perSecond} msg/s, p99`,
        unit: 'ms',
        ours: p99,
        ...(perSecond === 50 ? { target: { text: '< 50', met: p99.median < 50 } } : {})
      }
    )
    points.half.push([perSecond, half.median])
    points.p99.push([perSecond, p99.median])
  }
  const plots: Plot[] = [
    {
      name: 'delivery',
      title: 'From the page to the event stream',
      x: 'messages a second',
      y: 'ms',
      lines: [
        { name: 'p50', points: points.half },
        { name: 'p99', points: points.p99 }
      ]
    }
  ]
  return { figures, plots }
}

export default row
