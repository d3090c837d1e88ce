import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Middleware } from 'polka'
import type { Http } from '../../../platform/http/http.ts'
import { once } from '../../../platform/async.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import type { Access } from '../access.ts'
import { docsPage } from './page.ts'
import type { OpenApi } from '../openapi.ts'

/** A file that is made once, when it is first asked for. */
const file = (type: string, text: string) => ({
  type,
  etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`,
  plain: Buffer.from(text),
  zipped: gzipSync(text, { level: 9 })
})

/**
 * `GET /docs`: the reference to read, made of the OpenAPI document; open to all, for it holds
 * nothing of anybody.
 */
export const addDocs = ({
  http,
  access,
  document
}: {
  http: Http
  access: Access
  document: () => OpenApi
}): void => {
  const files = new Map([
    ['/docs', once(() => file('text/html; charset=utf-8', docsPage(document())))],
    [
      '/docs.css',
      once(() =>
        file(
          'text/css; charset=utf-8',
          readFileSync(new URL('./docs.css', import.meta.url), 'utf8')
        )
      )
    ]
  ])
  for (const path of files.keys()) access.open(path)
  const send: Middleware = (req, res, next) => {
    const found =
      req.method === 'GET' || req.method === 'HEAD' ? files.get(req.path)?.() : undefined
    if (found === undefined) return void next()
    const zip = /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''))
    const headers = { etag: found.etag, 'cache-control': 'no-cache', vary: 'accept-encoding' }
    if (req.headers['if-none-match'] === found.etag) return void res.writeHead(304, headers).end()
    const bytes = zip ? found.zipped : found.plain
    res.writeHead(
      200,
      omitUndefined({
        ...headers,
        'content-type': found.type,
        'content-length': bytes.length,
        'content-encoding': zip ? 'gzip' : undefined
      })
    )
    res.end(req.method === 'HEAD' ? undefined : bytes)
  }
  http.use(send)
}
