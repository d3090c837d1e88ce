import t from 'tap'
import { SignInThrottle } from '../../../src/central-hub/api/sign-in-throttle.ts'

/** A throttle and the hand of its clock, ms. */
const withClock = () => {
  const clock = { now: 5_000 }
  return { clock, throttle: new SignInThrottle(() => clock.now) }
}

t.test(
  'five wrong passwords of a username cost nothing, then the wait doubles up to a minute',
  async (t) => {
    const { clock, throttle } = withClock()
    for (let time = 0; time < 6; time += 1)
      t.equal(throttle.begin('ana', `10.0.0.${time}`), undefined)

    const waits: number[] = []
    for (let time = 0; time < 9; time += 1) {
      const wait = throttle.begin('ana', `10.0.1.${time}`) ?? 0
      waits.push(wait)
      clock.now += wait * 1_000
      t.equal(throttle.begin('ana', `10.0.2.${time}`), undefined, 'after the wait it is taken')
    }

    t.same(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60])
    t.equal(throttle.begin('luisa', '10.0.9.9'), undefined, 'another username does not wait')
  }
)

t.test('attempts that come together count before any of them is known', async (t) => {
  const { throttle } = withClock()
  const taken = Array.from({ length: 100 }, () => throttle.begin('ana', '10.0.0.1'))

  t.equal(taken.filter((wait) => wait === undefined).length, 6)
})

t.test('an address is slowed down after fifty failures, whatever the usernames', async (t) => {
  const { clock, throttle } = withClock()
  for (let time = 0; time < 51; time += 1)
    t.equal(throttle.begin(`name${time}`, '10.0.0.1'), undefined)

  t.equal(throttle.begin('another', '10.0.0.1'), 1)
  t.equal(throttle.begin('another', '10.0.0.2'), undefined, 'another address does not wait')
  for (let time = 0; time < 10; time += 1) {
    clock.now += 10_000
    t.equal(throttle.begin(`more${time}`, '10.0.0.1'), undefined, 'never longer than ten seconds')
  }
})

t.test('a right password clears the username, and does not count for the address', async (t) => {
  const { throttle } = withClock()
  for (let time = 0; time < 500; time += 1) {
    t.equal(throttle.begin('ana', '10.0.0.1'), undefined)
    throttle.succeeded('ana', '10.0.0.1')
  }
})

t.test(
  'failures are forgotten after an hour, and never take more memory than a bound',
  async (t) => {
    const { clock, throttle } = withClock()
    for (let time = 0; time < 6; time += 1) throttle.begin('ana', '10.0.0.1')
    t.equal(throttle.begin('ana', '10.0.0.2'), 1)
    clock.now += 3_601_000
    throttle.begin('somebody', '10.0.0.3')
    for (let time = 0; time < 6; time += 1)
      t.equal(throttle.begin('ana', '10.0.0.4'), undefined, 'it begins again')

    for (let time = 0; time < 30_000; time += 1) throttle.begin(`n${time}`, `a${time}`)
    t.equal(throttle.begin('ana', '10.0.0.9'), undefined, 'the oldest are dropped first')
  }
)
