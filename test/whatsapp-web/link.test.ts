import t from 'tap'
import { linkBarePage, openBarePage } from './bare-page.ts'
import { startWhatsAppWeb } from './server.ts'

/** What a page is told, in which order. */

t.test(
  'earlier messages are as the page was told before: it acknowledges late, and drops what is told of a message it does not hold',
  async (t) => {
    const web = await startWhatsAppWeb({ directory: t.testdir() })
    t.teardown(() => web.close())
    const page = await openBarePage(t, web)
    await linkBarePage(web, page)

    const from = '5215512345678@c.us'
    const { id } = web.phone.ciphertext({ from, text: 'a secret' })
    await page.heard('events')
    web.phone.decrypt({ message: id })
    await page.heard('events')
    page.tell({ t: 'query', n: 1, what: 'earlier', chat: from })
    t.match(await page.heard('answer'), { result: [{ type: 'chat', body: 'a secret' }] })
  }
)
