import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { ShutdownQueue } from '../../../src/session-manager/session/shutdown-queue.ts'

t.test(
  'one thing after the other, and over only once what they left unanswered was told',
  async (t) => {
    const closing = new ShutdownQueue()
    t.ok(closing.isDone(), 'there is nothing yet')
    await closing.done()
    const first = Promise.withResolvers<void>()
    const order: string[] = []
    closing.add(() => first.promise.then(() => void order.push('first')))
    closing.add(async () => void order.push('second'))
    const over = closing.done().then(() => order.push('over'))
    await turn()
    t.same(order, [])
    t.notOk(closing.isDone())
    // Node tells of a rejection that nobody awaits when the turn it happens in is over
    const told = first.promise.then(
      () => new Promise<boolean>((resolve) => process.nextTick(() => resolve(closing.isDone())))
    )
    first.resolve()
    t.equal(await told, false)
    await over
    t.same(order, ['first', 'second', 'over'])
    t.ok(closing.isDone())
  }
)
