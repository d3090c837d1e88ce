import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import helmet from 'helmet'
import t, { type Test } from 'tap'
import { Answer, endWith, headersOf } from '../../../src/platform/http/answer.ts'

/** The headers of an answer that carries some, and whether it is taken for JSON. */
const answered = async (
  t: Test,
  write: (res: ServerResponse) => void
): Promise<{ headers: Headers; isJson: boolean; body: string }> => {
  let isJson = false
  const server = createServer({ ServerResponse: Answer }, (_req, res) => {
    res.carried = [
      ['x-request-id', 'abc'],
      ['cache-control', 'no-store', 'vary', 'Origin']
    ]
    write(res)
    isJson = res.isJson
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { headers: answer.headers, body: await answer.text(), isJson }
}

const ways: [name: string, write: (res: ServerResponse) => void][] = [
  [
    'all headers at once',
    (res) =>
      void res
        .writeHead(200, {
          'content-type': 'application/json',
          'cache-control': 'private',
          vary: 'accept'
        })
        .end('hi')
  ],
  [
    'with a reason',
    (res) =>
      void res
        .writeHead(200, 'Fine', { 'content-type': 'application/json', 'cache-control': 'private' })
        .end('hi')
  ],
  [
    'one by one',
    (res) =>
      void res
        .setHeader('content-type', 'application/problem+json')
        .setHeader('cache-control', 'private')
        .end('hi')
  ],
  [
    'both',
    (res) =>
      void res
        .setHeader('cache-control', 'private')
        .writeHead(200, { 'content-type': 'application/json' })
        .end('hi')
  ]
]
for (const [name, write] of ways) {
  t.test(
    `an answer carries its headers, and the writer's own go before them: ${name}`,
    async (t) => {
      const { headers, body, isJson } = await answered(t, write)
      t.equal(headers.get('x-request-id'), 'abc')
      t.equal(headers.get('cache-control'), 'private')
      t.match(headers.get('vary'), /Origin/)
      t.equal(body, 'hi')
      t.ok(isJson)
    }
  )
}

t.test('of Vary both are sent: each names what the answer depends on', async (t) => {
  const { headers } = await answered(t, (res) => void res.writeHead(200, { vary: 'accept' }).end())
  t.equal(headers.get('vary'), 'accept, Origin')
})

t.test('an answer that nobody wrote a header of carries them too, and is no JSON', async (t) => {
  const { headers, isJson } = await answered(t, (res) => void res.end('hi'))
  t.equal(headers.get('x-request-id'), 'abc')
  t.equal(headers.get('cache-control'), 'no-store')
  t.notOk(isJson)
})

t.test('what a middleware sets is taken down', async (t) => {
  t.match(
    headersOf(helmet() as never, { method: 'GET', headers: {} }).join('\n'),
    /x-content-type-options\nnosniff/
  )
})

t.test('a body comes as it is, small or large, whatever its bytes', async (t) => {
  for (const length of [0, 1, 256, 4_096, 4_097, 100_000]) {
    const bytes = Buffer.from(Array.from({ length }, (_, at) => at % 256))
    const server = createServer({ ServerResponse: Answer }, (_req, res) =>
      endWith(res.writeHead(200, { 'content-length': length }), bytes)
    ).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    t.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes), `${length} bytes`)
    server.closeAllConnections()
    server.close()
  }
})
