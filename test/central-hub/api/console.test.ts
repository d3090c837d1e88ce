import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, cpSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { bundlePage } from '../../../scripts/bundle-page.ts'
import { Access } from '../../../src/central-hub/api/access.ts'
import { addConsole } from '../../../src/central-hub/api/console.ts'
import { serve } from '../../platform/http/http-server.ts'

const sources = fileURLToPath(new URL('../../../src/central-hub/console/', import.meta.url))
const root = fileURLToPath(new URL('../../../', import.meta.url))

/** What comes over the wire, before any decompression. */
const rawBytes = async (
  port: number,
  path: string,
  accepted: string,
  headers: Record<string, string> = {}
): Promise<{ headers: IncomingHttpHeaders; bytes: Buffer }> => {
  const req = get({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    headers: { 'accept-encoding': accepted, ...headers }
  })
  const [answer] = (await once(req, 'response')) as [IncomingMessage]
  return { headers: answer.headers, bytes: await buffer(answer) }
}

const addAccess = (): Access =>
  new Access({
    token: 'x'.repeat(32),
    envFile: '/etc/leadmaster/central-hub.env',
    log: { warn: () => undefined },
    findActor: async () => undefined
  })

/** The page as scripts/build.ts makes it. */
const bundled = async (t: Test): Promise<string> => {
  const to = join(t.testdir({}), 'console')
  await bundlePage(root, to)
  return to
}
/** The files that scripts/bundle-page.ts makes, without what is made of them. */
const filesIn = (directory: string): string[] =>
  readdirSync(directory).filter((name) => !/\.(map|br|gz)$/.test(name))
const nameOf = (directory: string, pattern: RegExp): string =>
  readdirSync(directory).find((name) => pattern.test(name)) ?? 'none'

t.test('the files of the operator page are open to all, and nothing else is', async (t) => {
  const directory = await bundled(t)
  const access = addAccess()
  const { url } = await serve(t, (http) => addConsole(http, access, directory), {
    authorize: access.authorize
  })
  const byContent = [
    /^main-\w{8}\.js$/,
    /^events-worker-\w{8}\.js$/,
    /^console-\w{8}\.css$/,
    /^pt-\w{8}\.json$/
  ].map((pattern) => `/${nameOf(directory, pattern)}`)

  const others = ['/icon.svg', '/icon-192.png', '/manifest.webmanifest', '/service-worker.js']
  for (const path of ['/', '/index.html', ...others, ...byContent]) {
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

    for (const file of filesIn(directory)) {
      const isPacked = file.endsWith('.png')
      for (const [accepted, encoding] of [
        ['gzip, deflate, br, zstd', isPacked ? 'identity' : 'br'],
        ['gzip, deflate', isPacked ? 'identity' : 'gzip'],
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
            svg: /^image\/svg\+xml/,
            png: /^image\/png/,
            webmanifest: /^application\/manifest\+json/,
            json: /^application\/json/
          }[file.split('.').at(-1) ?? ''],
          file
        )
      }
    }
  }
)

t.test(
  'the page is light: index.html brings its texts and names one script and one style sheet',
  async (t) => {
    const directory = await bundled(t)
    const files = filesIn(directory)
    const script = nameOf(directory, /^main-\w+\.js$/)
    const worker = nameOf(directory, /^events-worker-\w+\.js$/)
    const styles = nameOf(directory, /\.css$/)

    for (const page of ['index.html', 'index.es.html', 'index.pt.html']) {
      const html = readFileSync(join(directory, page), 'utf8')
      t.same(
        [...html.matchAll(/<(?:script|link)[^>]*(?:src|href)="([^"]+)"/g)].map(([, name]) => name),
        ['icon.svg', 'icon-180.png', 'manifest.webmanifest', styles, script]
      )
      const needed = [page, 'icon.svg', styles, script, worker]
      const sizes = needed.map((name) => statSync(join(directory, `${name}.gz`)).size)
      const compressed = sizes.reduce((sum, size) => sum + size, 0)
      t.comment(`${page}: ${compressed} bytes compressed`)
      t.ok(compressed < 65_000, `${compressed} bytes compressed`)
    }

    const code = readFileSync(join(directory, script), 'utf8')
    t.notOk(/["']\.\/[\w-]+\.js["']/.test(code), 'it imports nothing')
    t.ok(code.includes(`"${worker}"`), 'it names the worker')
    const others = files.filter((name) => name.endsWith('.json'))
    t.equal(others.length, 3)
    for (const name of others) t.ok(code.includes(`"${name}"`), `it names ${name}`)
    t.notMatch(code, 'That is not the access token', 'it has no texts')
    t.equal(files.length, 16)
  }
)

t.test('the page comes in the language that the browser wants, with its texts', async (t) => {
  const directory = await bundled(t)
  const access = addAccess()
  const { port } = await serve(t, (http) => addConsole(http, access, directory), {
    authorize: access.authorize
  })
  const tags = new Set<string | undefined>()

  for (const [headers, language, tag, signIn] of [
    [{}, 'en', 'en', 'Sign in'],
    [{ 'accept-language': 'pt-BR,pt;q=0.9,en;q=0.8' }, 'pt', 'pt-BR', 'Entrar'],
    [{ 'accept-language': 'es-MX' }, 'es', 'es', 'Entrar'],
    [{ 'accept-language': 'es', cookie: 'leadmaster-language=pt' }, 'pt', 'pt-BR', 'Entrar']
  ] as const) {
    for (const [accepted, unpack] of [
      ['br', brotliDecompressSync],
      ['gzip', gunzipSync]
    ] as const) {
      const answer = await rawBytes(port, '/', accepted, headers)
      const html = unpack(answer.bytes).toString()
      t.equal(answer.headers['content-encoding'], accepted)
      t.equal(answer.headers.vary, 'Accept-Encoding, Accept-Language, Cookie')
      t.equal(answer.headers['cache-control'], 'public,max-age=0,must-revalidate')
      t.match(html, `<html lang="${tag}">`)
      const [, name, json = ''] =
        /<script type="application\/json" id="texts" data-language="(\w+)">(.*)<\/script>/.exec(
          html
        ) ?? []
      t.equal(name, language)
      const texts = JSON.parse(json) as Record<string, string>
      t.same([texts['languageTag'], texts['signIn']], [tag, signIn])
      tags.add(answer.headers.etag)
    }
  }
  t.equal(tags.size, 6, 'no ETag is that of another language or encoding')
})

t.test('the files as they are in src are the page in English', async (t) => {
  const access = addAccess()
  const { url } = await serve(t, (http) => addConsole(http, access), {
    authorize: access.authorize
  })

  const answer = await fetch(url, { headers: { 'accept-language': 'pt' } })
  t.equal(answer.status, 200)
  t.match(await answer.text(), '<html lang="en">')
  t.same(
    await (await fetch(`${url}/pt.json`)).json(),
    JSON.parse(readFileSync(join(sources, 'pt.json'), 'utf8'))
  )
})

t.test('a text with markup stays within its block of data', async (t) => {
  const clone = t.testdir({})
  cpSync(sources, join(clone, 'src/central-hub/console'), { recursive: true })
  const file = join(clone, 'src/central-hub/console/en.json')
  const hostile = '</script><script>$& $1'
  const texts = { ...(JSON.parse(readFileSync(file, 'utf8')) as object), signIn: hostile }
  writeFileSync(file, JSON.stringify(texts))
  await bundlePage(clone, join(clone, 'made'))

  const html = readFileSync(join(clone, 'made/index.html'), 'utf8')
  t.equal(html.match(/<\/script>/g)?.length, 2)
  const [, json = ''] = /id="texts"[^>]*>(.*?)<\/script>/.exec(html) ?? []
  t.equal((JSON.parse(json) as Record<string, string>)['signIn'], hostile)
})

t.test('a changed file gets another name, and the same file the same', async (t) => {
  const clone = t.testdir({})
  cpSync(sources, join(clone, 'src/central-hub/console'), { recursive: true })
  const made = async (to: string): Promise<string[]> => {
    await bundlePage(clone, join(clone, to))
    return readdirSync(join(clone, to)).filter((name) => /\.(js|css|json)$/.test(name))
  }
  const before = await made('one')
  t.same(await made('two'), before)

  appendFileSync(join(clone, 'src/central-hub/console/events-worker.js'), '\nconsole.info(1)\n')
  const after = await made('three')
  t.same(
    after.filter((name) => before.includes(name)),
    before.filter((name) => /\.(css|json)$|^service-worker/.test(name)),
    'the worker of events, and the script that names it'
  )

  const spanish = join(clone, 'src/central-hub/console/es.json')
  writeFileSync(spanish, readFileSync(spanish, 'utf8').replace('"Entrar"', '"Acceder"'))
  const translated = await made('four')
  t.same(
    translated.filter((name) => !after.includes(name)).map((name) => name.replace(/-.*\./, '.')),
    ['es.json', 'main.js'],
    'the texts, and the script that names them'
  )
})

t.test('the page has nothing that its CSP would stop or that comes from elsewhere', async (t) => {
  const files = [sources, await bundled(t)].flatMap((from) =>
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
