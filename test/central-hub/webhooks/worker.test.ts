import t from 'tap'
import { Worker } from '../../../src/central-hub/webhooks/worker.ts'
import { testClock } from './test-clock.ts'

/** Work that a test finishes by hand. */
const manual = () => {
  const runs: ((next?: number) => void)[] = []
  const work = (): Promise<number | undefined> => new Promise((resolve) => void runs.push(resolve))
  return { runs, work }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('works once for any number of wakes, and once more for those during the work', async (t) => {
  const { runs, work } = manual()
  const worker = new Worker({ clock: testClock(), work })
  worker.wake()
  worker.wake()
  t.equal(runs.length, 1)
  worker.wake()
  worker.wake()
  runs[0]?.()
  await turn()
  t.equal(runs.length, 2, 'what came meanwhile is not missed')
  runs[1]?.()
  await turn()
  t.equal(runs.length, 2)
  worker.wake()
  t.equal(runs.length, 3)
  runs[2]?.()
  await worker.stop()
})

t.test('works again when the time comes', async (t) => {
  const clock = testClock()
  const { runs, work } = manual()
  const worker = new Worker({ clock, work })
  worker.wake()
  runs[0]?.(clock.now() + 5_000)
  await turn()
  clock.pass(4_999)
  t.equal(runs.length, 1)
  clock.pass(1)
  t.equal(runs.length, 2)
  runs[1]?.()
  await worker.stop()
})

t.test('stops after what is under way, and for good', async (t) => {
  const clock = testClock()
  const { runs, work } = manual()
  const worker = new Worker({ clock, work })
  worker.wake()
  let stopped = false
  const stopping = worker.stop().then(() => (stopped = true))
  await turn()
  t.notOk(stopped, 'it waits')
  runs[0]?.(clock.now())
  await stopping
  worker.wake()
  clock.pass(60_000)
  t.equal(runs.length, 1)
})
