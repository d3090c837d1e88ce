import t from 'tap'
import { retryForever } from '../../src/platform/retry-forever.ts'

t.test(
  'what fails is begun again after a growing wait, each failure is told, and success starts a new row',
  async (t) => {
    const stopping = new AbortController()
    const told: [string, number, number][] = []
    let runs = 0
    const persistence = retryForever({
      stop: stopping.signal,
      minDelayMs: 4,
      maxDelayMs: 10,
      run: async () => {
        runs += 1
        if (runs === 4) persistence.resetBackoff()
        if (runs === 6) stopping.abort()
        throw new Error(`run ${runs}`)
      },
      report: (error, attempt, retryMs) =>
        void told.push([(error as Error).message, attempt, retryMs])
    })
    await persistence.over
    t.same(
      told.map(([message, attempt]) => [message, attempt]),
      [
        ['run 1', 1],
        ['run 2', 2],
        ['run 3', 3],
        ['run 4', 1],
        ['run 5', 2]
      ],
      'not what fails because it is stopped'
    )
    const [first, second, third] = told.map(([, , retryMs]) => retryMs) as [number, number, number]
    t.ok(
      first >= 2 && first <= 4 && second >= 4 && second <= 8 && third >= 5 && third <= 10,
      `${told}`
    )
  }
)

t.test('what resolves is begun again at once; a stop ends the wait', async (t) => {
  const stopping = new AbortController()
  let runs = 0
  const persistence = retryForever({
    stop: stopping.signal,
    minDelayMs: 600_000,
    maxDelayMs: 600_000,
    run: async () => {
      runs += 1
      if (runs === 3) throw new Error('no')
    },
    report: () => void setImmediate(() => stopping.abort())
  })
  await persistence.over
  t.equal(runs, 3)
})
