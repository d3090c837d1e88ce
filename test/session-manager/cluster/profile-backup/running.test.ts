import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { copyDevice } from '../../../../src/session-manager/cluster/profile-backup/files.ts'
import { browserDirectory } from '../../../whatsapp-web/directory.ts'

/**
 * A profile copied under a real Chromium that writes to its database without a pause: each copy
 * opens in a Chromium, and has everything that was written before it was made, whole and without a
 * gap.
 */

t.setTimeout(900_000)

const program = '/usr/bin/chromium'

/**
 * Writes 1, 2, 3, …, each in a transaction of its own with 20 KB, so that tables are written and
 * merged; old ones are written over.
 */
const page = `<script>
  const opened = new Promise((resolve) => {
    const request = indexedDB.open('numbers', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('numbers')
    request.onsuccess = () => resolve(request.result)
  })
  window.written = 0
  window.write = async () => {
    const db = await opened
    for (let n = 1; ; n += 1) {
      const noise = crypto.getRandomValues(new Uint8Array(20_000))
      const sum = noise.reduce((all, byte) => (all + byte) % 65_521, 0)
      await new Promise((resolve) => {
        const change = db.transaction('numbers', 'readwrite')
        change.objectStore('numbers').put({ n, noise, sum }, n % 500)
        change.objectStore('numbers').put(n, 'last')
        change.oncomplete = resolve
      })
      window.written = n
    }
  }
  window.check = async () => {
    const store = (await opened).transaction('numbers').objectStore('numbers')
    const ask = (request) => new Promise((resolve, reject) => { request.onsuccess = () => resolve(request.result); request.onerror = () => reject(request.error) })
    const last = await ask(store.get('last'))
    const all = (await ask(store.getAll())).filter((value) => typeof value === 'object')
    const expected = Array.from({ length: Math.min(last, 500) }, (_, index) => last - index)
    const there = new Map(all.map((value) => [value.n, value]))
    return { last, missing: expected.filter((n) => !there.has(n)), broken: all.filter(({ noise, sum }) => noise.reduce((sofar, byte) => (sofar + byte) % 65_521, 0) !== sum).length }
  }
</script>`

const open = async (
  t: Test,
  profile: string,
  url: string
): Promise<{ context: BrowserContext; page: Page }> => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    headless: true,
    chromiumSandbox: true,
    args: ['--disable-gpu']
  })
  t.teardown(() => context.close())
  const [first] = context.pages()
  await first?.goto(url)
  return { context, page: first as Page }
}

t.test('copied while it is written to', async (t) => {
  const { path: directory, remove } = browserDirectory()
  const server = createServer(
    (_req, res) => void res.setHeader('content-type', 'text/html').end(page)
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const { page: writing } = await open(t, `${directory}/profile`, url)
  await writing.evaluate('void write()')
  const copies: { to: string; before: number }[] = []
  for (let copy = 0; copy < 6; copy += 1) {
    const enough = (copies.at(-1)?.before ?? 0) + 150
    await writing.waitForFunction(`written > ${enough}`, undefined, { timeout: 60_000 })
    const before = Number(await writing.evaluate('written'))
    const to = `${directory}/copy-${copy}`
    const started = performance.now()
    const files = await copyDevice(`${directory}/profile`, to)
    t.comment(
      `after ${before} transactions: ${files.length} files in ${Math.round(performance.now() - started)} ms`
    )
    copies.push({ to, before })
  }
  await writing.context().close()
  for (const { to, before } of copies) {
    const { context, page: reading } = await open(t, to, url)
    const { last, missing, broken } = (await reading.evaluate('check()')) as {
      last: number
      missing: number[]
      broken: number
    }
    t.ok(last >= before, `${last} is there, written before: ${before}`)
    t.same(missing, [])
    t.equal(broken, 0)
    await context.close()
  }
  server.closeAllConnections()
  server.close()
  remove()
})
