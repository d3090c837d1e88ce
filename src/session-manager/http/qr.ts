import type { IncomingMessage } from 'node:http'
import { toBuffer, toDataURL, toString } from 'qrcode'
import type { Qr } from '../../contract/session.ts'
import { sendJson, type Http, type Response } from '../../platform/http/http.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Session } from '../session/session.ts'

/** The linking code as a QR: for pages, for image tags, and for a terminal. */

const border = { margin: 2 } as const

/** `data:image/png;base64,…` */
export const qrDataUrl = (code: string): Promise<string> =>
  toDataURL(code, { ...border, width: 360 })

export const qrPng = (code: string): Promise<Buffer> => toBuffer(code, { ...border, width: 512 })

export const qrSvg = (code: string): Promise<string> => toString(code, { ...border, type: 'svg' })

/** Two rows a line in half blocks, to be scanned off a terminal, dark or light. */
export const qrText = async (code: string): Promise<string> =>
  `${await toString(code, { ...border, type: 'utf8' })}\n`

const drawings = {
  png: { type: 'image/png', draw: qrPng },
  svg: { type: 'image/svg+xml', draw: qrSvg },
  txt: { type: 'text/plain; charset=utf-8', draw: qrText }
} as const
type Drawing = keyof typeof drawings

/** The drawing that an Accept header asks for; JSON unless an image or plain text comes first. */
const drawingFor = ({ headers: { accept } }: IncomingMessage): Drawing | undefined => {
  const first = accept?.split(',')[0]?.split(';')[0]?.trim() ?? ''
  if (first === 'image/svg+xml') return 'svg'
  if (first.startsWith('image/')) return 'png'
  return first === 'text/plain' ? 'txt' : undefined
}

const sendDrawing = async (
  res: Response,
  { qr, status }: Session,
  drawing: Drawing
): Promise<void> => {
  if (qr === undefined)
    throw new ProblemError('not-found', `there is no QR to scan: the session is ${status}`)
  const { type, draw } = drawings[drawing]
  const body = await draw(qr.code)
  res.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
  res.end(body)
}

const toJson = async ({ qr, qrAttempt }: Session): Promise<Qr> => {
  if (qr === undefined) return { status: 'NO_QR' }
  return {
    status: 'QR_AVAILABLE',
    qr: await qrDataUrl(qr.code),
    generated_at: new Date(qr.generatedAt).toISOString(),
    expires_at: new Date(qr.expiresAt).toISOString(),
    attempt: qrAttempt
  }
}

/** `GET /qr` and, for each form of a drawing, `GET /qr.png` and so on. */
export const addQrRoutes = ({ http, session }: { http: Http; session: () => Session }): void => {
  http.route('GET', '/qr', async (req, res) => {
    const drawing = drawingFor(req)
    if (drawing !== undefined) return sendDrawing(res, session(), drawing)
    const body = await toJson(session())
    res.setHeader('vary', 'accept')
    sendJson(res, body)
  })
  for (const drawing of ['png', 'svg', 'txt'] as const)
    http.route('GET', `/qr.${drawing}`, (_req, res) => sendDrawing(res, session(), drawing))
}
