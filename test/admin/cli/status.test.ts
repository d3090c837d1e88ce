import t from 'tap'
import { freePort } from '../../end-to-end/daemon.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { controls, harmless, hostile, run, start, startHub, startOnTerminal } from './terminal.ts'

t.test('all is well: 0', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set({ status: 'READY', running: true })
  const { env } = await startHub(t, upstream.url)
  const { code, out, err } = await run(t, ['status'], env)
  t.match({ code, err }, { code: 0, err: '' })
  t.match(out, /^All is well\.\n\nmain +READY +linked, since \d+ s, no message yet\n\nstore +ok /)
  t.match(out, 'Nobody waits for an answer.')
  t.notMatch(out, controls, 'no colours: it is no terminal')

  const onTerminal = startOnTerminal(t, ['status'], env)
  t.equal(await onTerminal.ended, 0)
  t.match(onTerminal.out(), '\x1b[32mAll is well.\x1b[39m')
  const plain = startOnTerminal(t, ['status'], { ...env, NO_COLOR: '1' })
  t.equal(await plain.ended, 0)
  t.notMatch(plain.out(), '\x1b')
})

t.test('a phone is to be linked: 1, and how; who waits is counted', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set({ status: 'QR_REQUIRED', running: true })
  upstream.journal.append(
    [newRecord('1', { timestamp: Math.floor(Date.now() / 1_000) - 7_500 })],
    'live'
  )
  const { env } = await startHub(t, upstream.url)
  const tail = start(t, ['tail', '--after', '0'], env)
  await tail.seen(/lead 1/)
  const { code, out } = await run(t, ['status'], env)
  t.equal(code, 1)
  t.match(out, 'Something is not well.')
  t.match(out, /main +QR_REQUIRED +no phone is linked: leadmaster qr\n/)
  t.match(out, /1 lead waits for an answer, for 2 h 5 min: leadmaster leads/)
})

t.test('one of several session-managers is away: what to mend, in plain words', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set({ status: 'READY', running: true, reason: hostile })
  const nothing = `http://127.0.0.1:${await freePort()}`
  const { env } = await startHub(t, upstream.url, { FURTHER_SESSION_MANAGERS: `sales=${nothing}` })
  const { code, out } = await run(t, ['status'], env)
  t.equal(code, 1)
  t.match(out, /main +READY/)
  t.match(out, new RegExp(`sales +UNKNOWN +.*${nothing}`))
  t.match(out, /session-manager sales +fault +.*FURTHER_SESSION_MANAGERS/)
})

t.test('why a session is not connected cannot harm a terminal', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.set({ status: 'DISCONNECTED', reason: hostile })
  const { env } = await startHub(t, upstream.url)
  const { code, out } = await run(t, ['status'], env)
  t.equal(code, 1)
  t.match(out, harmless)
  t.notMatch(out, controls)
})
