import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Page } from '../../../src/session-manager/whatsapp/browser.ts'
import { createClient } from '../../../src/session-manager/whatsapp/client.ts'
import { closeProfile, confine } from '../../../src/session-manager/whatsapp/confine.ts'
import { logLines, type LogLines } from '../../platform/log-lines.ts'
import { browserDirectory } from '../../whatsapp-web/directory.ts'
import { startWhatsAppWeb, type WhatsAppWeb } from '../../whatsapp-web/server.ts'

/** The real Chromium as session-manager has it: what it is kept from. */

interface Confined {
  page: Page
  web: WhatsAppWeb
  profile: string
  logged: LogLines
  /** Where a page must not go: a site that can be reached. */
  evil: { url: string; requests: string[] }
}

const start = async (t: Test): Promise<Confined> => {
  const { path: directory, remove } = browserDirectory()
  const requests: string[] = []
  const evil = createServer((req, res) => {
    requests.push(req.url ?? '')
    res.end('<script>opener?.postMessage("here", "*")</script>')
  }).listen(0, '127.0.0.1')
  await once(evil, 'listening')
  const { port } = evil.address() as AddressInfo
  const web = await startWhatsAppWeb({ directory: join(directory, 'whatsapp') })
  writeFileSync(
    join(directory, 'whatsapp/host-rules'),
    `MAP web.whatsapp.com 127.0.0.1:${web.port},MAP evil.example 127.0.0.1:${port},MAP * ~NOTFOUND`
  )
  const profile = join(directory, 'profile')
  const logged = logLines()
  await closeProfile(profile)
  const faults: unknown[] = []
  const client = await createClient({
    chromiumPath: web.chromiumPath,
    profile,
    onPage: () => undefined,
    attach: () => confine(client.pupPage as Page, logged.log),
    onInjectFailed: async (error) => {
      faults.push(error)
      return false
    },
    onDeaf: (error) => faults.push(error)
  })
  t.teardown(async () => {
    await client.pupBrowser?.close()
    await web.close()
    evil.close()
    remove()
  })
  await client.initialize()
  return {
    page: client.pupPage as Page,
    web,
    profile,
    logged,
    evil: { url: `http://evil.example:${port}/`, requests }
  }
}

/** In text, for our sources know no DOM. */
const inPage = <T>(page: Page, expression: string): Promise<T> =>
  page.evaluate(expression) as Promise<T>

t.test('the real Chromium is kept to WhatsApp Web', async (t) => {
  const { page, web, profile, logged, evil } = await start(t)
  t.equal(await inPage(page, 'location.href'), 'https://web.whatsapp.com/')

  await t.test(
    'it goes nowhere else: not by itself, not by a form, not by a link, not by a redirect of the page',
    async (t) => {
      for (const way of [
        `location.href = ${JSON.stringify(`${evil.url}?q=secret`)}`,
        `document.body.append(Object.assign(document.createElement('a'), { href: ${JSON.stringify(evil.url)}, id: 'away' })), document.querySelector('#away').click()`,
        `((form) => (document.body.append(form), form.submit()))(Object.assign(document.createElement('form'), { action: ${JSON.stringify(evil.url)}, method: 'post' }))`,
        "location.href = 'http://web.whatsapp.com/'",
        "location.href = 'https://web.whatsapp.com.evil.example/'"
      ]) {
        const before = logged.of('navigation_refused').length
        await inPage(page, way)
        await logged.count('navigation_refused', before + 1)
        t.equal(await inPage(page, 'location.href'), 'https://web.whatsapp.com/', way)
      }
      t.same(evil.requests, [], 'nothing was asked there')
      t.notMatch(
        JSON.stringify(logged.lines),
        'secret',
        'a log holds no more of a URL than its origin'
      )
      t.match(logged.of('navigation_refused')[0], {
        level: 'warn',
        origin: new URL(evil.url).origin
      })
    }
  )

  await t.test('it opens no other page', async (t) => {
    t.equal(await inPage(page, `window.open(${JSON.stringify(evil.url)})`), null)
    await inPage(
      page,
      `((link) => (document.body.append(link), link.click()))(Object.assign(document.createElement('a'), { href: ${JSON.stringify(evil.url)}, target: '_blank' }))`
    )
    t.equal(
      page
        .browser()
        .targets()
        .filter((target) => target.type() === 'page').length,
      1
    )
    t.same(evil.requests, [])
    // one that came about all the same
    const gone = new Promise<void>((resolve) =>
      page.browser().once('targetdestroyed', () => resolve())
    )
    const session = await page.browser().target().createCDPSession()
    await session.send('Target.createTarget', { url: 'about:blank' })
    await gone
    t.equal(logged.of('popup_closed').length, 1)
    t.equal(
      page
        .browser()
        .targets()
        .filter((target) => target.type() === 'page').length,
      1
    )
  })

  await t.test('it downloads nothing', async (t) => {
    await inPage(
      page,
      `((link) => link.click())(Object.assign(document.createElement('a'), { href: URL.createObjectURL(new Blob(['MZ'])), download: 'invoice.exe' }))`
    )
    await logged.count('download_refused', 1)
    t.match(logged.of('download_refused'), [{ level: 'warn' }])
    const files = readdirSync(profile, { recursive: true, encoding: 'utf8' })
    t.same(
      files.filter((name) => /invoice|crdownload|Downloads\//.test(name)),
      []
    )
  })

  await t.test('it still loads WhatsApp Web', async (t) => {
    await page.reload()
    t.ok(await web.qr())
    t.equal(await inPage(page, 'location.href'), 'https://web.whatsapp.com/')
  })

  await t.test(
    'its sandbox is on, and it is driven by a pipe: it listens on no port',
    async (t) => {
      const pids = await web.chromium()
      const renderers = await web.chromium('renderer')
      t.ok(renderers.length > 0)
      for (const pid of renderers) {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8')
        t.match(status, /^Seccomp:\s+2$/m, 'a filter of system calls')
        t.match(status, /^NSpid:\s+\d+\s+\d+/m, 'a namespace of processes of its own')
      }
      const lines = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      t.ok(lines.some((line) => line.includes('--remote-debugging-pipe')))
      for (const line of lines) t.notMatch(line, /--remote-debugging-port|--no-sandbox/)
      const listening = new Set(
        ['tcp', 'tcp6'].flatMap((kind) =>
          readFileSync(`/proc/net/${kind}`, 'utf8')
            .split('\n')
            .map((line) => line.trim().split(/\s+/))
            .filter(([, , , state]) => state === '0A')
            .map((cells) => `socket:[${cells[9]}]`)
        )
      )
      t.ok(listening.size > 0, 'what listens is found')
      const [main = 0] = pids
      const sockets = readdirSync(`/proc/${main}/fd`).map((fd) =>
        existsSync(`/proc/${main}/fd/${fd}`) ? readlinkSync(`/proc/${main}/fd/${fd}`) : ''
      )
      t.same(
        sockets.filter((socket) => listening.has(socket)),
        []
      )
    }
  )

  t.equal(statSync(profile).mode & 0o777, 0o700, 'its profile is closed to others')
})

t.test('a profile that others could read is closed to them', async (t) => {
  const profile = join(t.testdir({}), 'profile')
  mkdirSync(profile)
  chmodSync(profile, 0o755)
  await closeProfile(profile)
  t.equal(statSync(profile).mode & 0o777, 0o700)
  await closeProfile(join(t.testdirName, 'new/one'))
  t.equal(statSync(join(t.testdirName, 'new/one')).mode & 0o777, 0o700)
})
