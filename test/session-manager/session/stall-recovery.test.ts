import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { StallRecovery } from '../../../src/session-manager/session/stall-recovery.ts'
import type { SessionEvent } from '../../../src/session-manager/session/session.ts'
import { logLines } from '../../platform/log-lines.ts'
import { newRecord } from '../journal/new-records.ts'
import { fakeListeners, type FakeListener } from './fake-listener.ts'

/**
 * A page in which messages turn up, on a clock that a test turns; what was there before has been
 * seen.
 */
const rig = (script: (listener: FakeListener) => void = () => undefined) => {
  const listener = fakeListeners(script).create(() => undefined)
  const logged = logLines()
  const told: (SessionEvent | 'read back' | `reloading ${boolean}`)[] = []
  const deeds: string[] = []
  let [clock, count] = [0, 0]
  let current: FakeListener | undefined = listener
  const recovery = new StallRecovery({
    journal: { arrival: () => undefined },
    readBack: () => told.push('read back'),
    onStall: (deed) => deeds.push(deed),
    probeIntervalMs: 1_000,
    listener: () => current,
    dispatch: (event) => told.push(event),
    reloading: (isOver) => told.push(`reloading ${isOver}`),
    explain: (error) => (error as Error).message,
    log: logged.log,
    now: () => clock
  })
  /** A message comes and nobody is told, in as many looks as it takes. */
  const silence = async (): Promise<void> => {
    count += 1
    for (let looks = 0; looks < 4; looks += 1) {
      clock += 1_000
      recovery.stall.look([{ id: `m${count}`, t: count, isNew: true }])
    }
    await turn()
  }
  const attached = (): void => {
    recovery.stall.attached('new')
    recovery.stall.look([])
  }
  attached()
  return {
    listener,
    recovery,
    logged,
    told,
    deeds,
    silence,
    attached,
    fail: () => (current = undefined)
  }
}
const reason = 'messages reach the page, but whatsapp-web.js does not tell of them'

t.test('read back, then listened to anew, loaded anew, started anew', async (t) => {
  const { listener, recovery, logged, told, deeds, silence, attached } = rig()
  await silence()
  t.same(
    told.splice(0),
    ['read back', { type: 'stalled', reason }, 'read back'],
    'also what came meanwhile is read back'
  )
  t.same(listener.calls.splice(0), ['reinject'])
  recovery.stall.look([])
  t.same(
    told.splice(0),
    ['read back'],
    'and what came before the first look at a page that may be as silent as before'
  )
  await silence()
  t.match(told.splice(0), [
    'read back',
    { type: 'stalled', reason },
    { type: 'reload', reason: `${reason}: loading the page anew` }
  ])
  recovery.reload()
  await turn()
  t.same(listener.calls.splice(0), ['reload'])
  t.same(
    told.splice(0),
    ['reloading false', 'reloading true'],
    'nothing is asked of the old page meanwhile'
  )
  attached()
  t.same(told.splice(0), ['read back'])
  await silence()
  t.match(told.splice(0), [
    'read back',
    { type: 'stalled', reason },
    { type: 'lost', reason: `${reason}: starting Chromium anew`, fault: false }
  ])
  t.same(deeds, ['read-back', 're-inject', 'read-back', 'reload', 'read-back', 'restart'])
  t.match(logged.of('stall'), [
    { level: 'warn', step: 're-inject', messages: 1, reason },
    { step: 'reload' },
    { step: 'restart' }
  ])
  recovery.stall.heard([{ ...newRecord('reaction'), kind: 'reaction' }])
  t.same(told.splice(0), [], 'what is no message proves nothing')
  recovery.stall.heard([newRecord('A')])
  t.same(told.splice(0), [{ type: 'stalled', reason: undefined }])
  t.equal(logged.of('stall_over').length, 1)
})

t.test(
  "a step that fails is followed by the next; one that fails on a page that is gone is nobody's business",
  async (t) => {
    const failing = (listener: FakeListener): void => {
      listener.reinject = () => Promise.reject(new Error('Target closed'))
      listener.reload = () => Promise.reject(new Error('no network'))
    }
    const { recovery, logged, told, silence } = rig(failing)
    await silence()
    t.match(told.splice(0).at(-1), { type: 'reload' })
    t.equal(logged.of('reinject_failed').length, 1)
    recovery.reload()
    await turn()
    t.same(told.splice(0), [
      'reloading false',
      { type: 'lost', reason: 'WhatsApp Web could not be loaded anew: no network', fault: false }
    ])

    const gone = rig(failing)
    const silent = gone.silence()
    gone.fail()
    await silent
    gone.recovery.reload()
    t.same(gone.told.splice(0), ['read back', { type: 'stalled', reason }, 'reloading false'])
    t.equal(gone.logged.of('reinject_failed').length, 0)
  }
)
