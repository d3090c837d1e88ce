import t from 'tap'
import { problems } from '../../../../src/contract/problem.ts'
import { docsPage } from '../../../../src/central-hub/api/docs/page.ts'
import { document, documented } from '../documented.ts'
import { raw } from '../../../platform/http/http-server.ts'
import { serveApi } from '../rig.ts'

const page = docsPage(document)
const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id)

t.test(
  'GET /docs and its style are open to all, compressed, and asked for again only when changed',
  async (t) => {
    const { url, port } = await serveApi(t)
    for (const [path, type] of [
      ['/docs', 'text/html; charset=utf-8'],
      ['/docs.css', 'text/css; charset=utf-8']
    ] as const) {
      const answer = await fetch(url + path)
      t.equal(answer.status, 200)
      t.equal(answer.headers.get('content-type'), type)
      t.equal(answer.headers.get('content-encoding'), 'gzip')
      t.ok((await answer.text()).length > 1_000)
      t.equal(
        (
          await fetch(url + path, {
            headers: { 'if-none-match': answer.headers.get('etag') ?? '' }
          })
        ).status,
        304
      )
      const plain = await raw(port, { path })
      t.equal(plain.headers['content-encoding'], undefined)
      t.equal(Number(plain.headers['content-length']), Buffer.byteLength(plain.body))
      t.equal((await raw(port, { path, method: 'HEAD' })).body, '')
      t.equal((await raw(port, { path, method: 'POST' })).status, 404, 'nothing but to be read')
    }
    t.equal((await raw(port, { path: '/docs' })).body, docsPage(document))
  }
)

t.test(
  'everything that has a name has an anchor, once, and every link leads somewhere',
  async (t) => {
    t.equal(new Set(ids).size, ids.length)
    for (const { operationId } of documented) t.ok(ids.includes(operationId), operationId)
    for (const type of Object.keys(problems)) t.ok(ids.includes(`problem-${type}`), type)
    for (const name of Object.keys(document.components.schemas))
      t.ok(ids.includes(`schema-${name}`), name)
    const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
    t.same(
      links.filter((id) => !ids.includes(id ?? '')),
      []
    )
  }
)

t.test('each operation shows how to call it, from a shell and with the client', async (t) => {
  const at = (id: string): string =>
    page.slice(page.indexOf(`<h3 id="${id}">`)).split('</section>')[0] ?? ''
  t.match(at('patchLead'), 'await hub.patchLead({ id: 1, body: { state: &#39;won&#39;,')
  t.match(
    at('patchLead'),
    'curl -X PATCH &quot;$HUB/api/leads/1&quot; \\\n  -H &quot;Authorization: Bearer $HUB_API_TOKEN&quot; \\\n  -H &#39;content-type: application/json&#39; \\\n  -d &#39;{&quot;state&quot;:&quot;won&quot;,'
  )
  t.match(at('importLeads'), 'contentType: &#39;text/csv&#39;')
  t.match(at('streamEvents'), 'curl -N &quot;$HUB/api/events&quot;')
  t.match(at('getHealth'), 'needs no token')
  t.notMatch(at('getHealth'), 'Authorization')
  t.match(at('getMedia'), '/api/messages/false_5215512345678%40c.us_3EB0C431/media')
  for (const { operationId } of documented)
    t.match(
      at(operationId),
      operationId === 'streamEvents' ? 'hub.events(' : `await hub.${operationId}(`
    )
})

t.test('what stands in a description is text', async (t) => {
  const { openapi, ...rest } = document
  const shown = docsPage({
    openapi,
    ...rest,
    info: { version: '<1>', description: 'a <script>alert(1)</script> & `<b>`' }
  })
  t.match(shown, 'a &lt;script&gt;alert(1)&lt;/script&gt; &amp; <code>&lt;b&gt;</code>')
  t.notMatch(shown, '<script')
  t.notMatch(shown, / style="| on\w+="/, 'nothing that a strict CSP would stop')
})
