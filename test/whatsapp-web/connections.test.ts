import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { startWhatsAppWeb } from './server.ts'

/** The log that shows who had an account open, and when. */

t.test('a page that comes in as the same device ends the one before, and the log says so', async (t) => {
  const web = await startWhatsAppWeb({ directory: t.testdir() })
  t.teardown(() => web.close())
  const keys = { noise: 'n', identity: 'i', secret: 's', platform: '1' }
  const open = async (hello: object): Promise<WebSocket> => {
    const page = new WebSocket(`wss://127.0.0.1:${web.port}/ws`, { rejectUnauthorized: false })
    await once(page, 'open')
    page.send(JSON.stringify({ t: 'hello', keys, ...hello }))
    return page
  }
  const first = await open({})
  const paired = new Promise<{ id: string }>((resolve) =>
    first.on('message', (data) => {
      const frame = JSON.parse(String(data)) as { t: string; device: { id: string } }
      if (frame.t !== 'paired') return
      resolve(frame.device)
      first.send(JSON.stringify({ t: 'linked' }))
    })
  )
  await web.scan()
  const over = once(first, 'close')
  const second = await open({ device: await paired })
  await over
  second.close()
  await web.disconnected()

  const [before, after] = web.connections()
  t.match(before, { from: '127.0.0.1', displaced: true })
  t.match(after, { from: '127.0.0.1', displaced: undefined })
  for (const { openedAt, enteredAt = NaN, heardAt, closedAt = NaN } of web.connections()) {
    t.ok(openedAt <= heardAt && heardAt <= enteredAt && enteredAt <= closedAt, 'opened, heard as it came in, gone')
  }
})
