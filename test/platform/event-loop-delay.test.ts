import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { createMetrics } from '../../src/platform/metrics.ts'

const figuresOf = async (
  metrics: ReturnType<typeof createMetrics>
): Promise<Record<string, number>> => {
  const text = await metrics.registry.metrics()
  return Object.fromEntries(
    [...text.matchAll(/^nodejs_eventloop_lag_(\w+?)_seconds (\S+)$/gm)].map(
      ([, name = '', value]) => [name, Number(value)]
    )
  )
}

t.test(
  'the figures of the event loop keep their names, and say how long a turn kept the rest waiting',
  async (t) => {
    const metrics = createMetrics()
    await pause(20)
    const names = ['max', 'mean', 'min', 'p50', 'p90', 'p99', 'stddev']
    t.same(Object.keys(await figuresOf(metrics)).sort(), names)
    t.match(await metrics.registry.metrics(), /^nodejs_eventloop_lag_seconds /m)
    await figuresOf(metrics)

    for (const end = performance.now() + 300; performance.now() < end; );
    await pause(20)

    const busy = await figuresOf(metrics)
    t.ok((busy['max'] as number) >= 0.29, `${busy['max']} s`)
  }
)

t.test('a wait for something to happen is no delay', async (t) => {
  const metrics = createMetrics()

  await pause(1_500)

  const idle = await figuresOf(metrics)
  t.ok((idle['max'] as number) < 1.4, `${idle['max']} s`)
  for (const value of Object.values(idle))
    t.ok(Number.isFinite(value) && value >= 0 && value < 60, String(value))
})
