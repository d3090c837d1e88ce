import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/**
 * How long the event loop was busy in each of its turns, since the last scrape:
 * nodejs_eventloop_lag_* in seconds.
 */

const nsPerSecond = 1e9

type Delays = ReturnType<typeof monitorEventLoopDelay>
type Read = (histogram: Delays) => number

/** The names that prom-client gives them. */
const figures: readonly [name: string, help: string, read: Read][] = [
  ['min', 'The minimum recorded event loop delay.', ({ min }) => min],
  ['max', 'The maximum recorded event loop delay.', ({ max }) => max],
  ['mean', 'The mean of the recorded event loop delays.', ({ mean }) => mean],
  ['stddev', 'The standard deviation of the recorded event loop delays.', ({ stddev }) => stddev],
  [
    'p50',
    'The 50th percentile of the recorded event loop delays.',
    (histogram) => histogram.percentile(50)
  ],
  [
    'p90',
    'The 90th percentile of the recorded event loop delays.',
    (histogram) => histogram.percentile(90)
  ],
  [
    'p99',
    'The 99th percentile of the recorded event loop delays.',
    (histogram) => histogram.percentile(99)
  ]
]

/**
 * Adds the figures in place of prom-client's, which are sampled by a timer: it would wake an idle
 * daemon a hundred times a second. These are taken at each turn that the event loop makes anyway,
 * and miss none.
 */
export const addEventLoopDelay = (registry: Registry): void => {
  const histogram = monitorEventLoopDelay({ samplePerIteration: true })
  histogram.enable()
  // The first turn would count the wait for whatever comes next. With something to do it does not
  // wait.
  setImmediate(() => undefined)
  const gauges: [Gauge, Read][] = []
  const collect = (): void => {
    for (const [gauge, read] of gauges)
      gauge.set(histogram.count === 0 ? 0 : read(histogram) / nsPerSecond)
    histogram.reset()
  }
  for (const [figure, help, read] of figures) {
    const name = `nodejs_eventloop_lag_${figure}_seconds`
    registry.removeSingleMetric(name)
    const setsAll = gauges.length === 0
    const gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: setsAll ? collect : () => undefined
    })
    gauges.push([gauge, read])
  }
}
