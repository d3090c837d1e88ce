import t from 'tap'
import { allowOrigins } from '../../../src/platform/http/cors.ts'

const of = (origins: string[], origin?: string): readonly string[] =>
  allowOrigins(origins).headers({ headers: origin === undefined ? {} : { origin } } as never)

t.test(
  'an origin that may call is named, any other is not; a cache tells them apart',
  async (t) => {
    const origins = ['https://crm.example', 'https://other.example']
    const at = (headers: readonly string[], name: string): string | undefined =>
      headers[headers.indexOf(name) + 1]
    for (const origin of origins)
      t.equal(at(of(origins, origin), 'access-control-allow-origin'), origin)
    for (const origin of [
      undefined,
      'https://evil.example',
      'https://crm.example.evil.example',
      'null'
    ])
      t.notOk(of(origins, origin).includes('access-control-allow-origin'), String(origin))
    for (const origin of [undefined, 'https://crm.example', 'https://evil.example']) {
      t.equal(at(of(origins, origin), 'vary'), 'Origin')
      t.match(
        at(of(origins, origin), 'access-control-expose-headers'),
        /X-Request-Id,ETag,RateLimit/
      )
    }
  }
)
