import { EventEmitter, once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Webhook } from 'standardwebhooks'
import type { Test } from 'tap'
import type { WebhookBody } from '../../../src/contract/webhook.ts'

/** What was posted to a receiver. */
export interface Received {
  path: string
  headers: IncomingHttpHeaders
  text: string
  body: WebhookBody
}

/**
 * What a receiver does with a request: answers, never does, or cuts the connection once it has read
 * it.
 */
export type Answer =
  | number
  | { status: number; headers?: Record<string, string>; body?: string | Buffer }
  | 'hang'
  | 'cut'

/** A real HTTP server that webhooks post to. */
export interface Receiver {
  url: string
  port: number
  /** Every request, also of those that were not answered well. */
  received: readonly Received[]
  /** Those that were answered with 2xx. */
  taken: readonly Received[]
  /** How many connections were opened. */
  connections(): number
  /** What it does from now on. */
  answer(how: (request: Received, earlier: number) => Answer): void
  /** Resolves once what came so far fits; rejects after a minute. */
  until(fits: (receiver: Receiver) => boolean): Promise<void>
  close(): Promise<void>
}

export const receiver = async (t: Test, options: { port?: number } = {}): Promise<Receiver> => {
  const [received, taken]: [Received[], Received[]] = [[], []]
  const sockets = new Set<Socket>()
  const news = new EventEmitter().setMaxListeners(0)
  let opened = 0
  let how: (request: Received, earlier: number) => Answer = () => 204

  const reply = (answer: Answer, request: Received, res: ServerResponse): void => {
    if (answer === 'hang') return
    if (answer === 'cut') return void res.socket?.destroy()
    const { status, headers = {}, body } = typeof answer === 'number' ? { status: answer } : answer
    if (status >= 200 && status < 300) taken.push(request)
    res.writeHead(status, headers).end(body)
  }
  const server = createServer((req, res) => {
    const parts: Buffer[] = []
    req.on('error', () => undefined)
    req.on('data', (part: Buffer) => parts.push(part))
    req.on('end', () => {
      const text = Buffer.concat(parts).toString()
      const request = {
        path: req.url ?? '',
        headers: req.headers,
        text,
        body: JSON.parse(text) as WebhookBody
      }
      received.push(request)
      reply(how(request, received.length - 1), request, res)
      news.emit('news')
    })
  })
  server.on('connection', (socket) => {
    opened += 1
    sockets.add(socket.on('error', () => undefined).once('close', () => sockets.delete(socket)))
  })
  server.listen(options.port ?? 0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.teardown(close)
  const self: Receiver = {
    url: `http://127.0.0.1:${port}/hook?key=secret`,
    port,
    received,
    taken,
    close,
    connections: () => opened,
    answer: (then) => void (how = then),
    until: async (fits) => {
      const signal = AbortSignal.timeout(60_000)
      while (!fits(self)) await once(news, 'news', { signal })
    }
  }
  return self
}

/**
 * What a request says, after the official library has verified it. @throws when the signature is
 * not right
 */
export const verified = (secret: string, { text, headers }: Received): WebhookBody =>
  new Webhook(secret).verify(text, headers as Record<string, string>) as WebhookBody
