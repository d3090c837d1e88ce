import { once } from 'node:events'
import t from 'tap'
import { linkBarePage, openBarePage } from './bare-page.ts'
import { startWhatsAppWeb } from './server.ts'

/** The log that shows who had an account open, and when. */

t.test(
  'a page that comes in as the same device ends the one before, and the log says so',
  async (t) => {
    const web = await startWhatsAppWeb({ directory: t.testdir() })
    t.teardown(() => web.close())
    const first = await openBarePage(t, web)
    const device = await linkBarePage(web, first)
    const over = once(first.socket, 'close')
    const second = await openBarePage(t, web, device)
    await over
    second.socket.close()
    await web.disconnected()

    const [before, after] = web.connections()
    t.match(before, { from: '127.0.0.1', displaced: true })
    t.match(after, { from: '127.0.0.1', displaced: undefined })
    for (const { openedAt, enteredAt = NaN, heardAt, closedAt = NaN } of web.connections()) {
      t.ok(openedAt <= enteredAt && enteredAt <= closedAt, 'opened, came in, gone')
      t.ok(openedAt <= heardAt && heardAt <= closedAt, 'heard while it was there')
    }
  }
)
