import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { createAccess } from '../../src/central-hub/api/access.ts'
import { minifyPageModule } from '../../scripts/bundle.ts'
import { addConsole } from '../../src/central-hub/console.ts'
import { serve } from '../platform/http-server.ts'

const directory = fileURLToPath(new URL('../../src/central-hub/console/', import.meta.url))
const root = fileURLToPath(new URL('../../', import.meta.url))

t.test('the files of the operator page are open to all, asked for anew each time, and nothing else is open', async (t) => {
  const access = createAccess({ token: 'x'.repeat(32), envFile: '/etc/leadmaster/central-hub.env', log: { warn: () => undefined } })
  const { url } = await serve(t, (http) => addConsole(http, access), { authorize: access.authorize })
  for (const [path, type] of [['/', 'text/html'], ['/index.html', 'text/html'], ['/main.js', 'text/javascript'], ['/console.css', 'text/css'], ['/icon.svg', 'image/svg+xml']] as const) {
    const answer = await fetch(url + path)
    t.equal(answer.status, 200, path)
    t.match(answer.headers.get('content-type'), type)
    t.match(answer.headers.get('cache-control'), /no-cache|must-revalidate/)
    const etag = answer.headers.get('etag') ?? ''
    t.equal((await fetch(url + path, { headers: { 'if-none-match': etag } })).status, 304)
  }
  for (const path of ['/console.ts', '/../main.ts', '/%2e%2e/main.ts', '/api/leads', '/console']) t.equal((await fetch(url + path)).status, 401, path)
})

t.test('the page is light, and has nothing that its CSP would stop or that comes from elsewhere', async (t) => {
  const files = readdirSync(directory).map((name) => ({ name, text: readFileSync(join(directory, name), 'utf8') }))
  const sent = files.map(({ name, text }) => (name.endsWith('.js') ? minifyPageModule(text) : text))
  const compressed = sent.reduce((sum, text) => sum + gzipSync(text).length, 0)
  t.ok(compressed < 90_000, `${compressed} bytes compressed`)
  for (const { name, text } of files) {
    t.notMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function/, `${name} makes no markup of text`)
    t.notMatch(text, /\s(style|on\w+)="|javascript:|@import/, `${name} has nothing inline`)
    t.notMatch(text.replaceAll('http://www.w3.org/2000/svg', ''), /(src|href|url\(|fetch\()\W{0,2}https?:/, `${name} loads nothing from elsewhere`)
  }
})

t.test('the browser is told of every module at once', async (t) => {
  const html = readFileSync(join(directory, 'index.html'), 'utf8')
  const preloaded = [...html.matchAll(/rel="modulepreload" href="([^"]+)"/g)].map(([, name]) => name)
  t.same(preloaded, readdirSync(directory).filter((name) => name.endsWith('.js') && !['main.js', 'events-worker.js'].includes(name)).sort())
})

t.test('its scripts are type-checked', async (t) => {
  const check = await promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'test/browser/tsconfig.json'], { cwd: root }).catch((error: { stdout: string }) => error)
  t.equal(check.stdout, '')
})
