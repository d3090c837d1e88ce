import { crc32, deflateSync } from 'node:zlib'
import t from 'tap'
import { apiToken, ask } from '../end-to-end/daemon.ts'
import { ana } from './ana.ts'
import { inPage, names, openLead, pageTests, see, signIn, until } from './page.ts'
import { changeElsewhere, eventually, from, leadOf, startRig } from './rig.ts'

const pageTest = pageTests(t)

/** A grey PNG, https://www.w3.org/TR/png-3/ */
const picture = (width: number, height: number): Buffer => {
  const chunk = (type: string, data: Buffer): Buffer => {
    const [size, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    const body = Buffer.concat([Buffer.from(type), data])
    size.writeUInt32BE(data.length)
    sum.writeUInt32BE(crc32(body))
    return Buffer.concat([size, body, sum])
  }
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head[8] = 8
  const rows = Buffer.alloc((width + 1) * height, 0)
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0))])
}

pageTest('a search whose first pages are empty goes on until it finds somebody', async (t, open) => {
  const { url, upstream } = await startRig(t)
  upstream.journal.append([from(ana, 'one camioneta', 9_000, { name: 'Clienta VIP' })], 'live')
  await changeElsewhere(url, (await leadOf(url, ana)).id, { tags: ['vip'] })
  const others = Array.from({ length: 5_000 }, (_, n) => from(`52156000${10_000 + (n % 40)}`, 'another camioneta', 5_000 - n))
  upstream.journal.append(others, 'live')
  const count = async (): Promise<number> => (await ask<{ messages: unknown[] }>(`${url}/api/messages?limit=200&q=camioneta&chat_id=${others.at(-1)?.message.chat_id}`, apiToken)).body.messages.length
  await eventually(count, (found) => found === 5_000 / 40)
  const first = await ask<{ leads: unknown[]; next_cursor: string | null }>(`${url}/api/leads?tag=vip&q=camioneta`, apiToken)
  t.match(first.body, { leads: [], next_cursor: String }, 'the first page is empty and not the last')

  const page = await open(url)
  await signIn(page)
  await see(page, 'Clienta VIP', '.row .name')
  await page.click('#filter-toggle')
  await page.fill('#tag-filter', 'vip')
  await page.fill('#q', 'camioneta')
  await until(page, "document.querySelectorAll('.row').length === 1")
  t.same(await names(page), ['Clienta VIP'])
})

pageTest('a conversation with photos opens at its end, each time', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const photos = Array.from({ length: 12 }, (_, n) => from(ana, `photo ${n}`, 900 - n, { name: 'Ana', type: 'image', has_media: true, media: { state: 'stored', mimetype: 'image/png' } }))
  upstream.journal.append([...photos, from('5215522222222', 'hello', 10, { name: 'Beto' })], 'live')
  const page = await open(url)
  let asked = 0
  await page.route('**/media?**', async (route) => {
    asked += 1
    await route.fulfill({ contentType: 'image/png', headers: { 'cache-control': 'no-store' }, body: picture(300, 200 + (asked % 5) * 60) })
  })
  await signIn(page)
  const left: number[] = []
  for (let opening = 0; opening < 12; opening += 1) {
    await openLead(page, 'Ana')
    await until(page, "[...document.querySelectorAll('#messages img.picture')].filter(({ naturalWidth }) => naturalWidth > 0).length >= 3")
    await until(page, "[...document.querySelectorAll('#messages img.picture')].every(({ complete }) => complete)")
    await inPage(page, 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))')
    left.push(await inPage<number>(page, "(({ scrollHeight, scrollTop, clientHeight }) => Math.round(scrollHeight - scrollTop - clientHeight))(document.querySelector('#messages'))"))
    await openLead(page, 'Beto')
  }
  t.same(left.filter((below) => below >= 60), [], 'nothing of it is below what is seen')
})

pageTest('a search shows what it found, and opens the conversation at that message', async (t, open) => {
  const { url, upstream } = await startRig(t)
  const wanted = from(ana, '¿Tienen taquetes de seis milímetros?', 90_000, { name: 'Ana' })
  upstream.journal.append([wanted, ...Array.from({ length: 130 }, (_, n) => from(ana, `line ${n}`, 80_000 - n, { name: 'Ana' })), from('5215522222222', 'hi', 60, { name: 'Beto' })], 'live')
  await changeElsewhere(url, (await leadOf(url, '5215522222222')).id, { note: 'quiere taquetes grandes' })
  const page = await open(url)
  await signIn(page)
  await see(page, 'Beto', '.row .name')
  await page.fill('#q', 'taquetes')
  await see(page, 'Found: ¿Tienen taquetes de seis milímetros?', '.row .excerpt')
  await see(page, 'Note: quiere taquetes grandes', '.row .excerpt')
  t.same((await names(page)).sort(), ['Ana', 'Beto'])
  await openLead(page, 'Ana')
  await until(page, "document.activeElement.textContent.includes('taquetes de seis')")
  t.ok(await inPage(page, "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.activeElement.getBoundingClientRect())"), 'it is in sight')
})
