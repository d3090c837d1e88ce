import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { bundlePage } from '../../../scripts/bundle-page.ts'
import { createAccess } from '../../../src/central-hub/api/access.ts'
import { addConsole } from '../../../src/central-hub/api/console.ts'
import { serve } from '../../platform/http/http-server.ts'

const directory = fileURLToPath(new URL('../../../src/central-hub/console/', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** What comes over the wire, before any decompression. */
const rawBytes = async (
  port: number,
  path: string,
  accepted: string
): Promise<{ headers: IncomingHttpHeaders; bytes: Buffer }> => {
  const req = get({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    headers: { 'accept-encoding': accepted }
  })
  const [answer] = (await once(req, 'response')) as [IncomingMessage]
  return { headers: answer.headers, bytes: await buffer(answer) }
}

const addAccess = (): ReturnType<typeof createAccess> =>
  createAccess({
    token: 'x'.repeat(32),
    envFile: '/etc/leadmaster/central-hub.env',
    log: { warn: () => undefined }
  })

/** The page as scripts/build.ts makes it. */
const bundled = async (t: Test): Promise<string> => {
  const to = join(t.testdir({}), 'console')
  await bundlePage(root, to)
  return to
}
const nameOf = (directory: string, pattern: RegExp): string =>
  readdirSync(directory).find((name) => pattern.test(name)) ?? 'none'

t.test('the files of the operator page are open to all, and nothing else is', async (t) => {
  const directory = await bundled(t)
  const access = addAccess()
  const { url } = await serve(t, (http) => addConsole(http, access, directory), {
    authorize: access.authorize
  })
  const byContent = [/^main-\w{8}\.js$/, /^events-worker-\w{8}\.js$/, /^console-\w{8}\.css$/].map(
    (pattern) => `/${nameOf(directory, pattern)}`
  )

  for (const path of ['/', '/index.html', '/icon.svg', ...byContent]) {
    const answer = await fetch(url + path)
    t.equal(answer.status, 200, path)
    const isKept = byContent.includes(path)
    t.equal(
      answer.headers.get('cache-control'),
      isKept ? 'public,max-age=31536000,immutable' : 'public,max-age=0,must-revalidate',
      path
    )
    const etag = answer.headers.get('etag') ?? ''
    t.equal((await fetch(url + path, { headers: { 'if-none-match': etag } })).status, 304, path)
  }
  for (const path of [
    '/console.ts',
    '/main.js',
    '/../main.ts',
    '/%2e%2e/main.ts',
    '/api/leads',
    '/console'
  ])
    t.equal((await fetch(url + path)).status, 401, path)
})

t.test(
  'each file of the page is sent compressed as the browser accepts it, and otherwise as it is',
  async (t) => {
    const directory = await bundled(t)
    const access = addAccess()
    const { port } = await serve(t, (http) => addConsole(http, access, directory), {
      authorize: access.authorize
    })
    const unpack = {
      br: brotliDecompressSync,
      gzip: gunzipSync,
      identity: (bytes: Buffer) => bytes
    }

    for (const file of readdirSync(directory).filter((name) => !/\.(map|br|gz)$/.test(name))) {
      for (const [accepted, encoding] of [
        ['gzip, deflate, br, zstd', 'br'],
        ['gzip, deflate', 'gzip'],
        ['', 'identity']
      ] as const) {
        const { headers, bytes } = await rawBytes(port, `/${file}`, accepted)
        t.equal(headers['content-encoding'] ?? 'identity', encoding, `${file} as ${encoding}`)
        t.match(headers.vary, /accept-encoding/i)
        t.same(
          unpack[encoding](bytes),
          readFileSync(join(directory, file)),
          `${file} as ${encoding}`
        )
        t.match(
          headers['content-type'],
          {
            html: /^text\/html/,
            js: /^text\/javascript/,
            css: /^text\/css/,
            svg: /^image\/svg\+xml/
          }[file.split('.').at(-1) ?? ''],
          file
        )
      }
    }
  }
)

t.test(
  'the page is light: index.html names one script and one style sheet, and those name all there is',
  async (t) => {
    const directory = await bundled(t)
    const files = readdirSync(directory).filter((name) => !/\.(map|br|gz)$/.test(name))
    const compressed = files.reduce(
      (sum, name) => sum + statSync(join(directory, `${name}.gz`)).size,
      0
    )
    t.comment(`${compressed} bytes compressed`)
    t.ok(compressed < 65_000, `${compressed} bytes compressed`)

    const script = nameOf(directory, /^main-\w+\.js$/)
    const html = readFileSync(join(directory, 'index.html'), 'utf8')
    t.same(
      [...html.matchAll(/<(?:script|link)[^>]*(?:src|href)="([^"]+)"/g)].map(([, name]) => name),
      ['icon.svg', nameOf(directory, /\.css$/), script]
    )
    const code = readFileSync(join(directory, script), 'utf8')
    t.notOk(/["']\.\/[\w-]+\.js["']/.test(code), 'it imports nothing')
    t.ok(code.includes(`"${nameOf(directory, /^events-worker-\w+\.js$/)}"`), 'it names the worker')
    t.equal(files.length, 5)
  }
)

t.test('a changed file gets another name, and the same file the same', async (t) => {
  const clone = t.testdir({})
  cpSync(directory, join(clone, 'src/central-hub/console'), { recursive: true })
  const made = async (to: string): Promise<string[]> => {
    await bundlePage(clone, join(clone, to))
    return readdirSync(join(clone, to)).filter((name) => /\.(js|css)$/.test(name))
  }
  const before = await made('one')
  t.same(await made('two'), before)

  appendFileSync(join(clone, 'src/central-hub/console/events-worker.js'), '\nconsole.info(1)\n')
  const after = await made('three')
  t.same(
    after.filter((name) => before.includes(name)),
    before.filter((name) => name.endsWith('.css')),
    'the worker, and the script that names it'
  )
})

t.test('the page has nothing that its CSP would stop or that comes from elsewhere', async (t) => {
  const files = [directory, await bundled(t)].flatMap((from) =>
    readdirSync(from)
      .filter((name) => /\.(js|css|html|svg)$/.test(name))
      .map((name) => ({ name, text: readFileSync(join(from, name), 'utf8') }))
  )
  for (const { name, text } of files) {
    t.notOk(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/.test(text),
      `${name} makes no markup of text`
    )
    t.notOk(/\s(style|on\w+)="|javascript:|@import/.test(text), `${name} has nothing inline`)
    t.notOk(
      /(src|href|url\(|fetch\()\W{0,2}https?:/.test(
        text.replaceAll('http://www.w3.org/2000/svg', '')
      ),
      `${name} loads nothing from elsewhere`
    )
  }
})

t.test('its scripts are type-checked', async (t) => {
  const check = await promisify(execFile)(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'test/browser/tsconfig.json'],
    { cwd: root }
  ).catch((error: { stdout: string }) => error)
  t.equal(check.stdout, '')
})
