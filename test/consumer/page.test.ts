import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { build, type BuildOptions } from 'esbuild'
import t, { type Test } from 'tap'
import { serveOtherOrigin } from '../browser/other-origin.ts'
import { launch, openPage } from '../browser/page.ts'
import { apiToken, centralHubEnv, freePort, startDaemon } from '../end-to-end/daemon.ts'
import { withStack } from '../end-to-end/stack.ts'
import { ownDirectory } from '../platform/own-directory.ts'

/**
 * An independent consumer: a React page on the client, as the package of the servers exports it, of
 * an origin of its own.
 */

t.setTimeout(900_000)

const root = new URL('../..', import.meta.url).pathname
const options = {
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'browser',
  absWorkingDir: root
} as const satisfies BuildOptions

/** Serves the page with its script; gives its origin. */
const serveConsumer = async (t: Test, script: string): Promise<string> => {
  return serveOtherOrigin(t, (req, res) => {
    const [type, text] =
      req.url === '/page.js'
        ? ['text/javascript', script]
        : [
            'text/html',
            '<!doctype html><html lang="en"><title>CRM</title><div id="root"></div><script type="module" src="/page.js"></script></html>'
          ]
    res.writeHead(200, { 'content-type': type }).end(text)
  })
}

t.test(
  'it compiles against the types that the package exports, with every library checked',
  async (t) => {
    const outcome = await promisify(execFile)(
      process.execPath,
      ['node_modules/typescript/bin/tsc', '-p', 'test/consumer/tsconfig.json'],
      { cwd: root }
    ).catch((error: { stdout: string }) => error)
    t.equal(outcome.stdout, '')
  }
)

t.test('the client is small, needs nothing of Node, and carries no schema', async (t) => {
  const {
    outputFiles: [file],
    metafile
  } = await build({
    ...options,
    stdin: { contents: "export * from 'leadmaster/client'", resolveDir: root }
  })
  const bytes = file?.contents ?? new Uint8Array()
  t.comment(
    `leadmaster/client: ${bytes.length} bytes minified, ${gzipSync(bytes, { level: 9 }).length} compressed`
  )
  t.ok(gzipSync(bytes).length < 7_500)
  const inputs = Object.keys(metafile.inputs).filter((input) => input !== '<stdin>')
  t.same(
    inputs.filter((input) => input !== 'dist/client/index.js'),
    []
  )
})

const bundled = async (): Promise<string> => {
  const {
    outputFiles: [script]
  } = await build({
    ...options,
    entryPoints: ['test/consumer/page.tsx'],
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"' }
  })
  return script?.text ?? ''
}

t.test('status, QR and leads, live, without a reload, over a restart of the hub', async (t) => {
  const origin = await serveConsumer(t, await bundled())
  const browser = await launch(t)
  await withStack(t, { hubEnv: { CORS_ORIGINS: origin } }, async ({ web, hub }) => {
    await hub.listening()
    const page = await openPage(
      t,
      browser,
      `${origin}/#hub=${encodeURIComponent(hub.url)}&token=${apiToken}`
    )
    await page.evaluate('window.loadedOnce = true')
    await page.locator('h1', { hasText: 'QR_REQUIRED' }).waitFor()
    await page.locator('img[alt="QR to scan"][src^="data:image/png;base64,"]').waitFor()
    await web.scan()
    await page.locator('h1', { hasText: /^READY$/ }).waitFor()
    t.equal(await page.locator('img').count(), 0, 'the QR is gone')
    const { t: written } = web.phone.text({
      from: '+5215512345678',
      name: 'Ana',
      text: 'Hola, ¿sigue disponible?'
    })
    await page.locator('li', { hasText: 'Ana: Hola, ¿sigue disponible? (waits)' }).waitFor()
    web.phone.text({ to: '+5215512345678', text: 'Sí', t: written + 1 })
    await page.locator('li', { hasText: /^Ana: Sí\s*$/ }).waitFor()
    await hub.kill()
    await page.locator('[role=alert]').waitFor()
    web.phone.text({ from: '+5215511111111', name: 'Bea', text: 'meanwhile', t: written + 2 })
    await page.locator('li', { hasText: 'Bea: meanwhile (waits)' }).waitFor()
    await page.locator('[role=alert]').waitFor({ state: 'detached' })
    t.equal(await page.evaluate('window.loadedOnce'), true, 'it was never loaded again')
  })
})

t.test(
  'a page of another origin that is not allowed gets nothing, and says what would allow it',
  async (t) => {
    const origin = await serveConsumer(t, await bundled())
    const browser = await launch(t)
    const env = centralHubEnv({
      port: await freePort(),
      stateDir: ownDirectory(t),
      sessionManager: 'http://127.0.0.1:9'
    })
    const hub = startDaemon('central-hub', { ...env, CORS_ORIGINS: 'https://crm.example' })
    t.teardown(() => hub.end('SIGKILL'))
    await hub.seen('listening')
    const page = await openPage(
      t,
      browser,
      `${origin}/#hub=${encodeURIComponent(hub.url)}&token=${apiToken}`
    )
    await page
      .locator('[role=alert]', { hasText: `add ${origin} to CORS_ORIGINS in central-hub.env` })
      .waitFor()
    t.equal(await page.locator('h1').textContent(), 'UNKNOWN')
  }
)
