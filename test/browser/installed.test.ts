import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { bundlePage } from '../../scripts/bundle-page.ts'
import { Access } from '../../src/central-hub/api/access.ts'
import { addConsole } from '../../src/central-hub/api/console.ts'
import { serve } from '../platform/http/http-server.ts'
import { ana, withAna } from './ana.ts'
import { inPage, names, openPage, launch, pageTests, see, textsOf } from './page.ts'
import { eventually, from, startRig } from './rig.ts'

/** The page as an app: it is installed, opens without the hub, and shows notifications. */

const pageTest = pageTests(t)
const beto = '5215522222222'

/** Waits until the browser has all that the page needs to open without the hub. */
const kept = (page: Page): Promise<void> =>
  inPage(
    page,
    `navigator.serviceWorker.ready.then(async () => {
      while ((await caches.match('/')) === undefined) await new Promise((go) => setTimeout(go, 20))
    })`
  )
/** What is kept: paths and contents. */
const keptFiles = (page: Page): Promise<[string, string][]> =>
  inPage(
    page,
    `(async () => {
      const files = []
      for (const name of await caches.keys()) {
        const cache = await caches.open(name)
        for (const request of await cache.keys())
          files.push([new URL(request.url).pathname, await (await cache.match(request)).text()])
      }
      return files.sort()
    })()`
  )

t.setTimeout(120_000)
t.test('Chromium finds nothing in the way of installing it', async (t) => {
  const { url } = await startRig(t)
  // In a window like a private one, Chromium installs nothing.
  const context = await chromium.launchPersistentContext(join(t.testdir({}), 'profile'), {
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: true,
    env: { PATH: '/usr/bin:/bin', HOME: t.testdir() }
  })
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.goto(url)
  const session = await context.newCDPSession(page)
  const manifest = await session.send('Page.getAppManifest')
  t.same(manifest.errors, [])
  t.equal(manifest.url, `${url}/manifest.webmanifest`)
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors')
  t.same(installabilityErrors, [])
  const { icons } = JSON.parse(manifest.data ?? '') as {
    icons: { src: string; sizes: string; type: string }[]
  }
  for (const { src, sizes, type } of icons.filter(({ sizes }) => sizes !== 'any')) {
    const answer = await fetch(`${url}/${src}`)
    t.equal(answer.headers.get('content-type'), type, src)
    const bytes = Buffer.from(await answer.arrayBuffer())
    // https://www.w3.org/TR/png/#11IHDR
    t.equal(`${bytes.readUInt32BE(16)}x${bytes.readUInt32BE(20)}`, sizes, src)
  }
})

pageTest(
  'it opens while the hub is away, says so, and goes on by itself when the hub is back',
  async (t, open) => {
    const { url, upstream, kill, restart, page } = await withAna(t, open)
    await kept(page)
    await kill()
    await page.reload()
    await see(page, /^LeadMaster does not answer/, '#lists .note')
    upstream.journal.append([from(beto, 'hi', 0, { name: 'Beto' })], 'live')
    await restart()
    await see(page, 'Beto', '.row .name')
    t.same(await names(page), ['Ana', 'Beto'])
    t.equal(page.url(), `${url}/#/lead/1`)
    await see(page, 'hello', '.message .body')

    await kill()
    await inPage(page, "void (location.hash = '#/settings')")
    await page.selectOption('#settings .language-select', 'pt')
    await see(page, 'Configurações', 'h2')
    t.same(await textsOf(page, '.language-fault'), [''], 'the texts of all languages are kept')
  }
)

pageTest('nothing of a lead is kept in the browser, signed in or out', async (t, open) => {
  const { page } = await withAna(t, open)
  await kept(page)
  for (const path of ['#/figures', '#/team', '#/settings', '#/']) {
    await inPage(page, `void (location.hash = '${path}')`)
    await page.reload()
    await see(page, 'Ana', '.row .name')
  }
  const files = await keptFiles(page)
  t.ok(files.length > 6)
  for (const [path, content] of files) {
    t.match(path, /^\/(?:|icon\.svg|[\w-]+-[0-9A-Z]{8}\.(?:js|css|json))$/)
    t.notMatch(content, 'hello', path)
    t.notMatch(content, ana, path)
  }
  await page.click('#sign-out')
  await page.waitForSelector('#sign-in-form')
  t.same(
    (await keptFiles(page)).map(([path]) => path),
    files.map(([path]) => path)
  )
})

pageTest(
  'a notification comes from the service worker, and opens its lead in the page that is open',
  async (t, open) => {
    const { url, upstream, page } = await withAna(t, open)
    await page.context().grantPermissions(['notifications'], { origin: url })
    await page.addInitScript('document.hasFocus = () => false')
    await page.goto(`${url}/#/settings`)
    await page.reload()
    await kept(page)
    await page.click('#notify-toggle')
    await see(page, /^On:/, '#notify-words')
    upstream.journal.append([from(beto, 'secret', 0, { name: 'Beto' })], 'live')
    const shown = `navigator.serviceWorker.getRegistration().then(async (registration) =>
      (await registration.getNotifications()).map(({ title, body, data }) => [title, body, data.hash]))`
    const [first] = await eventually(
      () => inPage<unknown[]>(page, shown),
      ({ length }) => length > 0
    )
    t.same(first, ['New message', '', '#/lead/2'])
    // No test can click on what the system shows: the worker is told of the click as Chromium does.
    await page
      .context()
      .serviceWorkers()[0]
      ?.evaluate(`registration.getNotifications().then(
      ([notification]) => dispatchEvent(new NotificationEvent('notificationclick', { notification })))`)
    await see(page, 'Beto', '#lead-name')
    t.same(await inPage(page, shown), [])
  }
)

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Serves a release of the page whose style sheet and script contain a mark. @returns its port */
const serveRelease = async (t: Test, home: string, mark: string): Promise<number> => {
  const page = join(home, mark, 'src/central-hub/console')
  cpSync(join(root, 'src/central-hub/console'), page, { recursive: true })
  const add = (file: string, text: string): void =>
    writeFileSync(join(page, file), readFileSync(join(page, file), 'utf8') + text)
  add('console.css', `\n.${mark} {\n  color: red;\n}\n`)
  add('main.js', `\nconsole.log('${mark}')\n`)
  add('events-worker.js', `\nconsole.log('${mark}')\n`)
  const directory = join(home, mark, 'made')
  await bundlePage(join(home, mark), directory)
  const access = new Access({
    token: 'x'.repeat(32),
    envFile: '/etc/leadmaster/central-hub.env',
    log: { warn: () => undefined },
    findActor: async () => undefined
  })
  const { port } = await serve(t, (http) => addConsole(http, access, directory), {
    authorize: access.authorize,
    contentSecurityPolicy: { defaultSrc: ["'self'"] }
  })
  return port
}

/** One address that passes connections on to whichever port it is told to, or refuses them. */
const switchboard = async (
  t: Test
): Promise<{ url: string; connectTo(port: number | undefined): void }> => {
  let target: number | undefined
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    if (target === undefined) return void socket.destroy()
    const onward = connect(target, '127.0.0.1')
    for (const each of [socket, onward]) {
      sockets.add(each)
      each.on('error', () => each.destroy()).on('close', () => sockets.delete(each))
    }
    socket.pipe(onward).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const end = (): void => sockets.forEach((socket) => socket.destroy())
  t.teardown(() => {
    end()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connectTo: (port) => {
      target = port
      end()
    }
  }
}

t.test('a new release replaces what is kept, as a whole or not at all', async (t) => {
  const browser = await launch(t)
  const { url, connectTo } = await switchboard(t)
  const home = t.testdir({})
  const [first, second] = [
    await serveRelease(t, home, 'first'),
    await serveRelease(t, home, 'second')
  ]
  const marked = async (page: Page): Promise<string[]> =>
    (await keptFiles(page)).flatMap(([path, content]) =>
      ['first', 'second'].flatMap((mark) =>
        content.includes(`console.log("${mark}")`) || content.includes(`.${mark}{`)
          ? [`${/[\w-]+(?=-\w{8}\.)/.exec(path)?.[0] ?? path} ${mark}`]
          : []
      )
    )
  connectTo(first)
  const page = await openPage(t, browser, url)
  await page.waitForSelector('#sign-in-form')
  await kept(page)
  t.same(await marked(page), ['console first', 'events-worker first', 'main first'])

  connectTo(second)
  await page.reload()
  await page.waitForSelector('#sign-in-form')
  await eventually(
    () => marked(page),
    (files) => files.every((file) => file.endsWith('second'))
  )
  t.same(await marked(page), ['console second', 'events-worker second', 'main second'])

  connectTo(undefined)
  await page.reload()
  await see(page, 'Sign in', '#sign-in-form button')
  t.equal(
    await inPage(page, 'getComputedStyle(document.body).display'),
    'block',
    'with its style sheet'
  )
})
