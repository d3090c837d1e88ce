import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { uptime } from 'node:os'
import t, { type Test } from 'tap'
import { LeaseGuard } from '../../../src/session-manager/cluster/lease-guard.ts'
import { signalGroup } from '../../../src/session-manager/whatsapp/browser.ts'
import { ownDirectory } from '../../platform/own-directory.ts'

/** The process that kills a browser by itself, with others in the browser's place. */

t.setTimeout(900_000)

/**
 * A process group whose leader was started as Chromium is for that profile, with a child of its
 * own.
 */
const browser = async (
  t: Test,
  profile: string
): Promise<{ leader: ChildProcess; ended: Promise<unknown> }> => {
  const leader = spawn(
    '/bin/bash',
    ['-c', 'sleep 600 & echo up; wait', 'chromium', `--user-data-dir=${profile}`, '--headless'],
    { detached: true, stdio: ['ignore', 'pipe', 'ignore'] }
  )
  // its output ends with the last process that has it: the child, too
  const ended = Promise.all([
    once(leader, 'exit'),
    once(leader.stdout as NodeJS.ReadableStream, 'end')
  ])
  t.teardown(() => signalGroup(leader.pid as number, 'SIGKILL'))
  await once(leader.stdout as NodeJS.ReadableStream, 'data')
  return { leader, ended }
}
const guarded = (t: Test, profile: string): LeaseGuard => {
  const guard = new LeaseGuard(profile, (reason) => t.fail(`the guard ended: ${reason}`))
  t.teardown(() => guard.stop())
  return guard
}
const inMs = (ms: number): number => uptime() * 1_000 + ms

t.test(
  'the browser of that profile, and all its processes, are killed when its time is over; another one is left alone',
  async (t) => {
    const [profile, other] = [`${ownDirectory(t)}/profile`, `${ownDirectory(t)}/profile`]
    const guard = guarded(t, profile)
    guard.spare(inMs(60_000))
    const [mine, others] = [await browser(t, profile), await browser(t, other)]
    const until = inMs(700)
    guard.spare(until)
    await mine.ended
    t.ok(uptime() * 1_000 >= until - 20, 'not before')
    t.equal(mine.leader.signalCode, 'SIGKILL')
    t.equal(others.leader.exitCode ?? others.leader.signalCode, null)
  }
)

t.test('at once, when told so; and one that comes up after its time', async (t) => {
  const profile = `${ownDirectory(t)}/profile`
  const guard = guarded(t, profile)
  guard.spare(inMs(60_000))
  const first = await browser(t, profile)
  guard.spare(0)
  await first.ended
  guard.spare(inMs(50))
  await (await browser(t, profile)).ended
  t.pass('killed')
})

t.test('each time it is said anew, it is spared that long', async (t) => {
  const profile = `${ownDirectory(t)}/profile`
  const guard = guarded(t, profile)
  guard.spare(inMs(300))
  const { ended } = await browser(t, profile)
  const until = inMs(2_500)
  guard.spare(until)
  await ended
  t.ok(uptime() * 1_000 >= until - 20, 'not before')
})

t.test('when whom it guards for has ended, so has the browser', async (t) => {
  const profile = `${ownDirectory(t)}/profile`
  const guard = new LeaseGuard(profile, () => t.fail('it was asked to'))
  guard.spare(inMs(60_000))
  const { ended } = await browser(t, profile)
  await guard.stop()
  await ended
  t.pass('killed')
})
