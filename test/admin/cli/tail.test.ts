import t from 'tap'
import { startDaemon } from '../../end-to-end/daemon.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { controls, harmless, hostile, start, startHub } from './terminal.ts'

t.test('messages and leads as they come, over a restart of the hub', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env, hub, hubEnv } = await startHub(t, upstream.url)
  const tail = start(t, ['tail'], env)
  await tail.seen(/session main DISCONNECTED/)
  upstream.journal.append([newRecord('1', { name: hostile, body: hostile })], 'live')
  await tail.seen(/lead 1/)
  upstream.set({ status: 'READY', running: true })
  await tail.seen(/session main READY/)

  await hub.end('SIGKILL')
  await tail.seen(/The hub is away .*: it is tried again until it is back/)
  upstream.journal.append([newRecord('2', { body: 'while the hub was away' })], 'live')
  const again = startDaemon('central-hub', hubEnv)
  t.teardown(() => again.end('SIGKILL'))
  await tail.seen(/while the hub was away/)
  t.match(tail.err(), 'The hub is back.')
  t.match(tail.out(), /\d\d:\d\d:\d\d {2}← \+5215512345678/)
  t.equal(
    tail.out().split(harmless).length - 1 > 0,
    true,
    'the name or text of the hostile one, harmless'
  )
  t.notMatch(tail.out() + tail.err(), controls)
  t.equal(tail.out().match(/ {2}while the hub was away\n/g)?.length, 1)
  tail.kill('SIGINT')
  t.equal(await tail.ended, 130)
})

t.test(
  'a message is shown once; then what changed of it, and a deleted one is called so',
  async (t) => {
    const upstream = await fakeSessionManager(t)
    const { env } = await startHub(t, upstream.url)
    const tail = start(t, ['tail'], env)
    await tail.seen(/session main/)
    upstream.journal.append([newRecord('1', { body: 'cuánto cuesta' })], 'live')
    await tail.seen(/cuánto cuesta/)
    upstream.journal.append(
      [
        newRecord(
          'r1',
          {
            reaction: {
              message_id: newRecord('1').message.id,
              emoji: '👍',
              sender: '5215512345678@c.us'
            }
          },
          'reaction'
        )
      ],
      'live'
    )
    await tail.seen(/reacted 👍: cuánto cuesta/)
    upstream.journal.append(
      [
        newRecord(
          '1',
          {
            body: 'cuánto cuesta hoy',
            edited: { at: '2026-11-25T05:00:00.000Z', previous: 'cuánto cuesta' }
          },
          'edit'
        )
      ],
      'live'
    )
    await tail.seen(/edited: cuánto cuesta hoy/)
    upstream.journal.append(
      [newRecord('1', { body: '', revoked: { by: 'sender' } }, 'revoke')],
      'live'
    )
    await tail.seen(/deleted:/)

    t.equal(tail.out().match(/\+5215512345678 {2}/g)?.length, 4, 'one line each')
    t.equal(tail.out().match(/^.* {2}cuánto cuesta$/gm)?.length, 1, 'as a new message: once')
    tail.kill('SIGINT')
    await tail.ended
  }
)

t.test('--json can be taken up where it was left', async (t) => {
  const upstream = await fakeSessionManager(t)
  upstream.journal.append([newRecord('1'), newRecord('2'), newRecord('3')], 'live')
  const { env } = await startHub(t, upstream.url)
  const events = async (
    after: string,
    last: RegExp
  ): Promise<{ id: string; type: string; data: { body?: string } }[]> => {
    const tail = start(t, ['tail', '--json', '--after', after], env)
    await tail.seen(last)
    tail.kill('SIGINT')
    await tail.ended
    return tail
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
  const all = await events('0', /message 3/)
  t.same(
    all.filter(({ type }) => type === 'message').map(({ data }) => data.body),
    ['message 1', 'message 2', 'message 3']
  )
  const second = all.find(({ data }) => data.body === 'message 2')?.id as string
  const rest = await events(second, /message 3/)
  t.same(
    rest.filter(({ type }) => type === 'message').map(({ data }) => data.body),
    ['message 3']
  )
  t.match(await Promise.resolve(start(t, ['tail', '--after', 'x'], env).ended), 1)
})
