import { mock } from 'node:test'
import t from 'tap'
import { watchClock } from '../../src/platform/clock.ts'
import { logLines } from './log-lines.ts'

t.test(
  'a time of day that jumps is told once, a little of it is not, nor that time goes on',
  async (t) => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const logged = logLines()
    let [day, steady] = [1_700_000_000_000, 1_000]
    const stop = watchClock({
      log: logged.log,
      everyMs: 5_000,
      now: () => day,
      steady: () => steady
    })
    const pass = (jump: number): void => {
      day += 5_000 + jump
      steady += 5_000
      mock.timers.tick(5_000)
    }
    const told = (): unknown[] => logged.of('clock_jumped')
    for (const jump of [0, 59_000, -59_000, 0]) pass(jump)
    t.same(told(), [])
    pass(86_400_000)
    pass(0)
    t.match(told(), [
      {
        level: 'warn',
        ms: 86_400_000,
        msg: /^the time of day jumped 24 h ahead: the clock was set, or the machine slept; times before/
      }
    ])
    pass(-90_000)
    pass(0)
    t.equal(told().length, 2)
    t.match(told()[1], {
      ms: -90_000,
      msg: /^the time of day jumped 90 s back: the clock was set;/
    })
    stop()
    pass(86_400_000)
    t.equal(told().length, 2, 'nobody looks any more')
  }
)
