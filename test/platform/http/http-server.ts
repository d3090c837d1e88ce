import { once } from 'node:events'
import { request, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHttp, type Http, type HttpOptions } from '../../../src/platform/http/http.ts'
import { createMetrics, type Metrics } from '../../../src/platform/metrics.ts'
import { logLines, type LogLines } from '../log-lines.ts'
import type { Scope } from '../scope.ts'

/** Our HTTP server on a port of its own, closed when the test ends. */
export interface TestServer {
  http: Http
  url: string
  port: number
  logged: LogLines
  metrics: Metrics
}

export const serve = async (
  t: Scope,
  addRoutes: (http: Http) => void,
  options: Partial<HttpOptions> = {}
): Promise<TestServer> => {
  const logged = logLines()
  const metrics = createMetrics()
  const http = createHttp({ log: logged.log, metrics, authorize: () => undefined, ...options })
  addRoutes(http)
  const { port }: AddressInfo = await http.listen('127.0.0.1', 0)
  t.teardown(() => http.close(1_000))
  return { http, port, url: `http://127.0.0.1:${port}`, logged, metrics }
}

/** A request as node makes it, for what fetch does not allow: any Host, any method, a raw path. */
export const raw = async (
  port: number,
  options: {
    method?: string
    path?: string
    headers?: Record<string, string>
    body?: string | Buffer
  }
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> => {
  const req = request({ host: '127.0.0.1', port, agent: false, path: '/', ...options })
  req.end(options.body)
  const [res] = (await once(req, 'response')) as [import('node:http').IncomingMessage]
  res.setEncoding('utf8')
  let body = ''
  for await (const part of res) body += part
  return { status: res.statusCode as number, headers: res.headers, body }
}
