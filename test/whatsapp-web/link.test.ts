import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { startWhatsAppWeb } from './server.ts'

/** What a page is told, in which order. */

type Frame = { t: string } & Record<string, unknown>

t.test('earlier messages are as the page was told before: it acknowledges late, and drops what is told of a message it does not hold', async (t) => {
  const web = await startWhatsAppWeb({ directory: t.testdir() })
  t.teardown(() => web.close())
  const page = new WebSocket(`wss://127.0.0.1:${web.port}/ws`, { rejectUnauthorized: false })
  t.teardown(() => page.terminate())
  const frames: Frame[] = []
  const heard = async (kind: string): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex(({ t }) => t === kind)
      if (at >= 0) return frames.splice(0, at + 1).at(-1) as Frame
      await once(page, 'message')
    }
  }
  page.on('message', (data) => void frames.push(JSON.parse(String(data)) as Frame))
  const tell = (frame: Frame): void => page.send(JSON.stringify(frame))
  await once(page, 'open')
  tell({ t: 'hello', keys: { noise: 'n', identity: 'i', secret: 's', platform: '1' } })
  const scanned = web.scan()
  await heard('paired')
  tell({ t: 'linked' })
  await scanned

  const from = '5215512345678@c.us'
  const { id } = web.phone.ciphertext({ from, text: 'a secret' })
  await heard('events')
  web.phone.decrypt({ message: id })
  await heard('events')
  tell({ t: 'query', n: 1, what: 'earlier', chat: from })
  t.match(await heard('answer'), { result: [{ type: 'chat', body: 'a secret' }] })
})
