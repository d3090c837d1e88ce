import type { Http, Request, Response } from '../../platform/http.ts'
import type { PassedRequest, Upstream } from '../upstream.ts'

/** Closing Chromium and unlinking take their time, ms. */
const disconnectMs = 30_000

/**
 * `/api/whatsapp/status`, `/qr`, `/connect`, `/disconnect`: session-manager's own routes, passed on as they come. The
 * hub does not decide, infer or cache states.
 */
export const addWhatsappRoutes = ({ http, upstream }: { http: Http; upstream: Upstream }): void => {
  const pass = (method: 'GET' | 'POST', path: string, more: Partial<PassedRequest> = {}) => async (req: Request, res: Response): Promise<void> => {
    const { accept } = req.headers
    const answer = await upstream.pass({ method, path: path + req.search, requestId: req.requestId, ...(accept === undefined ? {} : { accept }), ...more })
    res.writeHead(answer.status, { 'content-type': answer.contentType, 'content-length': answer.body.length, 'cache-control': 'no-store', vary: 'accept' })
    res.end(answer.body)
  }
  for (const path of ['/status', '/qr', '/qr.png', '/qr.svg', '/qr.txt']) http.route('GET', `/api/whatsapp${path}`, pass('GET', path))
  http.route('POST', '/api/whatsapp/connect', pass('POST', '/connect'))
  http.route('POST', '/api/whatsapp/disconnect', pass('POST', '/disconnect', { timeoutMs: disconnectMs }))
}
