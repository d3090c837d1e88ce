import t, { type Test } from 'tap'
import { HeldCapture } from '../../../src/session-manager/whatsapp/held-capture.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../journal/new-records.ts'

const rig = (): { capture: HeldCapture; passed: string[]; logged: ReturnType<typeof logLines> } => {
  const passed: string[] = []
  const logged = logLines()
  return {
    capture: new HeldCapture(
      (newRecords) => passed.push(...newRecords.map(({ key }) => key)),
      logged.log
    ),
    passed,
    logged
  }
}
const one = (key: string): ReturnType<typeof newRecord>[] => [{ ...newRecord(key), key }]

t.test(
  'what a page told before its guard was judged is passed on in order, and then all at once',
  async (t) => {
    const { capture, passed } = rig()
    capture.add(one('1'))
    capture.add(one('2'))
    t.same(passed, [])
    capture.release()
    capture.add(one('3'))
    t.same(passed, ['1', '2', '3'])
  }
)

t.test('another document is held again', async (t) => {
  const { capture, passed } = rig()
  capture.release()
  capture.hold()
  capture.add(one('1'))
  t.same(passed, [])
  capture.release()
  capture.release()
  t.same(passed, ['1'], 'nothing is passed on twice')
})

t.test(
  'a page that tells without end loses the oldest, which is read back, and says so once',
  async (t) => {
    const { capture, passed, logged } = rig()
    for (let count = 0; count < 10_003; count += 1) capture.add(one(String(count)))
    capture.release()
    t.equal(passed.length, 10_000)
    t.equal(passed[0], '3')
    t.equal(logged.of('capture_held').length, 1)
  }
)

/** The waits between looks do not keep a process running. */
const stayAlive = (t: Test): void => {
  const timer = setInterval(() => undefined, 60_000)
  t.teardown(() => clearInterval(timer))
}

t.test(
  'a document is looked at until its guard holds, and what it told is released then',
  async (t) => {
    stayAlive(t)
    const { capture, passed } = rig()
    const answers = [false, false, true]
    let looks = 0
    capture.hold()
    capture.add(one('1'))
    t.equal(capture.hasHeld, true)
    await capture.releaseOnceSafe(async () => answers[looks++] ?? true, [0, 1, 1, 1])
    capture.add(one('2'))
    t.same(passed, ['1', '2'])
    t.equal(looks, 3)
    t.equal(capture.hasHeld, false)
  }
)

t.test('a document whose guard never holds is not released', async (t) => {
  stayAlive(t)
  const { capture, passed } = rig()
  capture.add(one('1'))
  await capture.releaseOnceSafe(async () => false, [0, 1])
  t.same(passed, [])
})

t.test('what was seen of one document does not release the next', async (t) => {
  const { capture, passed } = rig()
  const seen = Promise.withResolvers<boolean>()
  const looking = capture.releaseOnceSafe(() => seen.promise, [0])
  await new Promise((turn) => setTimeout(turn, 10))
  capture.hold()
  capture.add(one('1'))
  seen.resolve(true)
  await looking
  t.same(passed, [])
})
