import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { WhatsAppWeb } from './api.ts'
import { readArgs } from './arguments.ts'
import { verbs } from './verbs.ts'

/** The verbs over HTTP on loopback: `POST /VERB` with a JSON body. `GET /` lists them. */

export interface Control {
  url: string
  close(): Promise<void>
}

const maxBytes = 64 * 1024 ** 2

const readBody = async (req: IncomingMessage): Promise<unknown> => {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of req as AsyncIterable<Buffer>) {
    parts.push(part)
    length += part.length
    if (length > maxBytes) throw new Error(`the body is larger than ${maxBytes} bytes`)
  }
  const text = Buffer.concat(parts).toString('utf8')
  return text === '' ? {} : JSON.parse(text)
}

const answer = async (
  web: WhatsAppWeb,
  req: IncomingMessage
): Promise<[status: number, body: unknown]> => {
  const name = new URL(req.url ?? '/', 'http://localhost').pathname.slice(1)
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (name === '')
    return [
      200,
      Object.fromEntries(
        Object.entries(verbs).map(([key, { about, fields }]) => [key, { about, fields }])
      )
    ]
  if (verb === undefined)
    return [404, { error: `no verb ${name}; expected ${Object.keys(verbs).join(', ')}` }]
  if (req.method !== 'POST') return [405, { error: `POST /${name} with a JSON body` }]
  let body: unknown
  try {
    body = await readBody(req)
  } catch (error) {
    return [
      400,
      { error: `the body is not JSON: ${error instanceof Error ? error.message : String(error)}` }
    ]
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    return [400, { error: 'the body is not a JSON object' }]
  const read = readArgs(verb, body as Record<string, unknown>)
  if ('field' in read) return [400, { error: `${read.field}: ${read.message}`, field: read.field }]
  try {
    return [200, (await verb.run(web, read.args)) ?? {}]
  } catch (error) {
    return [400, { error: error instanceof Error ? error.message : String(error) }]
  }
}

export const startControl = async (web: WhatsAppWeb): Promise<Control> => {
  const server = createServer((req, res) => {
    answer(web, req).then(
      ([status, body]) =>
        res
          .writeHead(status, { 'content-type': 'application/json' })
          .end(`${JSON.stringify(body)}\n`),
      (error: unknown) =>
        res
          .writeHead(500, { 'content-type': 'application/json' })
          .end(`${JSON.stringify({ error: String(error) })}\n`)
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
    }
  }
}
