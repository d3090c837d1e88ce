import t from 'tap'
import { fakeSessionManager } from '../../central-hub/follow/fake-session-manager.ts'
import { run, startHub, startTyped } from './terminal.ts'

t.test('unlink says what it costs, asks, and tells whether WhatsApp confirmed it', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  upstream.set({ status: 'READY', running: true })

  t.match(await run(t, ['unlink'], env), {
    code: 1,
    err: /A link that is lost can be hard to make again[^]*nothing was unlinked: say --yes/
  })
  const no = startTyped(t, ['unlink'], env)
  await no.seen(/Unlink the account main\? y\/N /)
  no.type('')
  t.equal(await no.ended, 1)
  t.match(no.out(), /Nothing was unlinked/)
  t.same(upstream.asked, [])

  const yes = startTyped(t, ['unlink'], env)
  await yes.seen(/y\/N /)
  yes.type('y')
  t.equal(await yes.ended, 0)
  t.match(yes.out(), /this device is unlinked\. To capture messages again, link a phone/)
  t.same(upstream.asked, ['logout'])
  t.match(await run(t, ['unlink', '--yes'], env), {
    code: 0,
    out: /^No device is linked: the session is DISCONNECTED/
  })
})

t.test('unlink --yes asks nobody', async (t) => {
  const upstream = await fakeSessionManager(t)
  const { env } = await startHub(t, upstream.url)
  upstream.set({ status: 'READY', running: true })
  t.match(await run(t, ['unlink', '--yes', '--account', 'main'], env), { code: 0, err: '' })
  t.same(upstream.asked, ['logout'])
})
