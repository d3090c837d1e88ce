import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { Test } from 'tap'

/**
 * A real proxy for HTTP: CONNECT, and requests for whole URLs. It leads every name to one port of
 * this machine.
 */
export interface ProxyServer {
  /** As PROXY_URL names it, with user and password if it wants them. */
  url: string
  port: number
  /** What it was asked for, in order: `CONNECT host:port` or `POST http://host/path`. */
  asked: readonly string[]
  /** How many requests it turned away for their user or password. */
  turnedAway(): number
}

export const proxyServer = async (
  t: Test,
  options: { to: () => number; login?: string }
): Promise<ProxyServer> => {
  const { to, login } = options
  const asked: string[] = []
  const sockets = new Set<Socket>()
  let turnedAway = 0
  const wanted = login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`
  const mayPass = ({ headers }: IncomingMessage): boolean => {
    const may = wanted === undefined || headers['proxy-authorization'] === wanted
    if (!may) turnedAway += 1
    return may
  }
  const server = createServer((req, res) => {
    if (!mayPass(req))
      return void res.writeHead(407, { 'proxy-authenticate': 'Basic realm="tests"' }).end()
    asked.push(`${req.method} ${req.url}`)
    const { pathname, search } = new URL(req.url as string)
    const onward = request(
      {
        host: '127.0.0.1',
        port: to(),
        method: req.method,
        path: pathname + search,
        headers: req.headers
      },
      (answer) => {
        res.writeHead(answer.statusCode as number, answer.headers)
        answer.pipe(res)
      }
    )
    req.pipe(onward)
  })
  server.on('connect', (req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => undefined)
    if (!mayPass(req))
      return void socket.end(
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="tests"\r\nContent-Length: 0\r\n\r\n'
      )
    asked.push(`CONNECT ${req.url}`)
    const onward = connect(to(), '127.0.0.1', () =>
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    )
    onward.on('error', () => socket.destroy()).on('close', () => socket.destroy())
    socket.on('close', () => onward.destroy())
    socket.pipe(onward).pipe(socket)
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const [, user = '', password = ''] = /^([^:]*):(.*)$/.exec(login ?? '') ?? []
  return {
    url: `http://${login === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`}127.0.0.1:${port}`,
    port,
    asked,
    turnedAway: () => turnedAway
  }
}
