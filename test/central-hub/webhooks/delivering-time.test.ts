import t from 'tap'
import { DeliveringTime } from '../../../src/central-hub/webhooks/delivering-time.ts'
import { testStore } from '../store/open-store.ts'

t.test(
  'it goes on where the hub before left it, and counts no time in which none ran',
  async (t) => {
    const { db } = await testStore(t)
    let steady = 1_000
    const first = new DeliveringTime(db, () => steady)
    t.equal(await first.now(), 0)
    steady += 250.7
    t.equal(await first.now(), 250)
    await first.save()
    steady += 500
    t.equal(await first.now(), 750)

    let other = 7
    const second = new DeliveringTime(db, () => other)
    t.equal(await second.now(), 250, 'what was not saved does not count')
    other += 10
    await second.save()
    t.equal(await new DeliveringTime(db, () => 0).now(), 260)
  }
)
