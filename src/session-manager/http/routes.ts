import { pageReportFormat, type PageFindings, type PageReport } from '../../contract/page-report.ts'
import {
  EraseRequest,
  ErasedQuestion,
  PairingCodeRequest,
  PasskeyAnswer,
  RemapRequest,
  type Connect,
  type Disconnect,
  type Erased,
  type ErasedAnswer,
  type Health,
  type PairingCode,
  type Qr,
  type Remapped,
  type Status
} from '../../contract/session.ts'
import type { JournalRecord } from '../../contract/record.ts'
import { follow } from '../../platform/http/event-feed.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { sendJson, type Http, type Response } from '../../platform/http/http.ts'
import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { query, trueOrFalse, whole } from '../../platform/http/query.ts'
import { resumePoint, type ServerSentEvent } from '../../platform/http/sse.ts'
import { bodyReader } from './body.ts'
import type { Journal } from '../journal/journal.ts'
import { toE164, type Pairing } from '../session/pairing.ts'
import { passkeyBody, type PasskeyDesk } from '../session/passkey.ts'
import { qrDataUrl, qrPng, qrSvg, qrText } from './qr.ts'
import type { Session } from '../session/session.ts'

interface RouteOptions {
  http: Http
  journal: Journal
  health: () => Health
  status: () => Status
  session: () => Session
  connect: () => void
  /** @returns with `logout`, whether WhatsApp confirmed that the device is unlinked */
  disconnect: (logout: boolean) => Promise<boolean>
  pairingCode: Pairing['ask']
  /** What the open page of WhatsApp Web is made of: names and types. @throws why there is none */
  pageReport: () => Promise<PageFindings>
  passkey: PasskeyDesk
  /** Erases what was captured of chats and messages for good, with its media. */
  erase: (
    chatIds: readonly string[],
    messageIds: readonly string[],
    more: boolean
  ) => Promise<Erased>
  /** Maps the messages of a part of the journal again. */
  remap: (after: number, isTrial: boolean) => Remapped
  /** Calls back when the status may have changed; returns what ends it. */
  onStatus: (changed: () => void) => () => void
  metrics: () => Promise<string>
}

const pageSize = 200
const pairingCodeRequest = bodyReader(PairingCodeRequest)
const passkeyAnswer = bodyReader(PasskeyAnswer)
const eraseRequest = bodyReader(EraseRequest)
const erasedQuestion = bodyReader(ErasedQuestion)
const remapRequest = bodyReader(RemapRequest)
const iso = (ms: number): string => new Date(ms).toISOString()

/** The forms in which a QR code is drawn. */
const drawings = {
  png: { type: 'image/png', draw: qrPng },
  svg: { type: 'image/svg+xml', draw: qrSvg },
  txt: { type: 'text/plain; charset=utf-8', draw: qrText }
} as const
type Drawing = keyof typeof drawings

/** Which drawing an Accept header asks for; JSON unless an image or plain text comes first. */
const drawing = (accept: string | undefined): Drawing | undefined => {
  const first = accept?.split(',')[0]?.split(';')[0]?.trim() ?? ''
  if (first === 'image/svg+xml') return 'svg'
  if (first.startsWith('image/')) return 'png'
  return first === 'text/plain' ? 'txt' : undefined
}

/** Challenge and code are secrets: no cache keeps them, and the log names only the route. */
const addPasskeyRoutes = ({ http, passkey, session }: RouteOptions): void => {
  const tell = (res: Response): void => {
    res.setHeader('cache-control', 'no-store')
    sendJson(res, passkeyBody(session()))
  }
  http.route('GET', '/passkey', (req, res) => {
    query(req)
    tell(res)
  })
  http.route('POST', '/passkey', async (req, res) => {
    query(req)
    await passkey.answer(passkeyAnswer(req))
    tell(res)
  })
  for (const order of ['confirm', 'restart', 'cancel'] as const) {
    http.route('POST', `/passkey/${order}`, async (req, res) => {
      query(req)
      await passkey[order]()
      tell(res)
    })
  }
}

/** What became of the link, and what that costs. */
const unlinkedWords = (wasLinked: boolean, isConfirmed: boolean): string => {
  const again =
    'To capture messages again, link a phone: scan a QR code, and answer with the passkey if WhatsApp asks for it'
  if (isConfirmed) return `the browser is closed and this device is unlinked. ${again}`
  if (!wasLinked) return 'the browser is closed; no device was linked'
  return `the browser is closed and the device is forgotten here, but WhatsApp could not be told: remove it on the phone (Linked devices). ${again}`
}

/** Adds session-manager's routes: the bodies are in src/contract. */
export const addRoutes = (options: RouteOptions): void => {
  const { http, journal, session } = options

  http.route('GET', '/health', (_req, res) => sendJson(res, options.health()))
  http.route('GET', '/status', (_req, res) => sendJson(res, options.status()))
  http.route('GET', '/metrics', async (_req, res) => {
    res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    res.end(await options.metrics())
  })

  const drawQr = async (res: Response, as: Drawing): Promise<void> => {
    const { qr, status } = session()
    if (qr === undefined)
      throw new ProblemError('not-found', `there is no QR to scan: the session is ${status}`)
    const { type, draw } = drawings[as]
    const body = await draw(qr.code)
    res.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
    res.end(body)
  }
  http.route('GET', '/qr', async (req, res) => {
    const as = drawing(req.headers.accept)
    if (as !== undefined) return drawQr(res, as)
    const { qr, qrAttempt } = session()
    const body: Qr =
      qr === undefined
        ? { status: 'NO_QR' }
        : {
            status: 'QR_AVAILABLE',
            qr: await qrDataUrl(qr.code),
            generated_at: iso(qr.generatedAt),
            expires_at: iso(qr.expiresAt),
            attempt: qrAttempt
          }
    res.setHeader('vary', 'accept')
    sendJson(res, body)
  })
  for (const as of ['png', 'svg', 'txt'] as const)
    http.route('GET', `/qr.${as}`, (_req, res) => drawQr(res, as))

  http.route('POST', '/connect', (req, res) => {
    query(req)
    const alreadyConnected = session().running
    options.connect()
    const { account } = options.status()
    const body: Connect = {
      success: true,
      state: session().status,
      session: account,
      alreadyConnected,
      message: alreadyConnected
        ? `the session is running: ${session().status}`
        : 'the session is starting'
    }
    sendJson(res, body)
  })
  http.route('POST', '/disconnect', async (req, res) => {
    const logout = trueOrFalse(query(req, 'logout').get('logout'), 'logout') ?? false
    const alreadyDisconnected = session().off
    const { linked } = options.status()
    const isConfirmed = await options.disconnect(logout)
    const { account } = options.status()
    const message = logout
      ? unlinkedWords(linked, isConfirmed)
      : 'the browser is closed; the linked device is kept. It stays off, also after a restart, until POST /connect (leadmaster connect)'
    const body: Disconnect = {
      success: true,
      state: session().status,
      session: account,
      alreadyDisconnected,
      message
    }
    if (logout) body.unlinked = isConfirmed
    sendJson(res, body)
  })

  http.route('POST', '/pairing-code', async (req, res) => {
    query(req)
    const phone = toE164(pairingCodeRequest(req).phone)
    if (phone === undefined)
      throw invalid({
        in: 'body',
        field: '/phone',
        message: 'expected a phone number with its country code, such as +52 55 1234 5678'
      })
    const { status } = session()
    if (status !== 'QR_REQUIRED')
      throw new ProblemError(
        'conflict',
        `a phone can be linked by a code only while a QR is shown: the session is ${status}`
      )
    const { code, generatedAt, expiresAt } = await options
      .pairingCode(phone)
      .catch((error: Error) => {
        throw new ProblemError(
          'conflict',
          `WhatsApp gives no pairing code (${reasonOf(error)}): scan the QR, or ask again in some minutes`
        )
      })
    const body: PairingCode = {
      code,
      phone,
      generated_at: iso(generatedAt),
      expires_at: iso(expiresAt)
    }
    sendJson(res, body)
  })
  http.route('GET', '/page-report', async (req, res) => {
    query(req)
    const findings = await options.pageReport().catch((error: Error) => {
      const why = `WhatsApp Web's page cannot be read (${reasonOf(error)})`
      const what = `the session is ${session().status}: connect it, or ask again in a minute`
      throw new ProblemError('conflict', `${why}; ${what}`)
    })
    const { version: leadmaster } = options.health()
    const { status, guard } = options.status()
    const head = { format: pageReportFormat, leadmaster, session: status } as const
    const body: PageReport = { ...head, ...findings }
    if (guard !== undefined) body.guard = guard
    sendJson(res, body)
  })
  addPasskeyRoutes(options)
  http.route('POST', '/erase', async (req, res) => {
    query(req)
    const { chat_ids, message_ids = [], more = false } = eraseRequest(req)
    const erased = await options.erase(chat_ids, message_ids, more).catch((error: Error) => {
      throw new ProblemError(
        'conflict',
        `not all is erased yet (${reasonOf(error)}): ask again; what is left of it is tried again every 10 minutes, too`
      )
    })
    sendJson(res, erased)
  })

  http.route('POST', '/erased', (req, res) => {
    query(req)
    const { chat_ids, messages } = erasedQuestion(req)
    const answer: ErasedAnswer = {
      chat_ids: chat_ids.filter((id) => journal.hasErasedChat(id)),
      message_ids: messages
        .filter((message) => journal.hasErasedMessage(message))
        .map(({ id }) => id)
    }
    sendJson(res, answer)
  })

  http.route('POST', '/remap', (req, res) => {
    query(req)
    const { after = 0, dry_run = false } = remapRequest(req)
    sendJson(res, options.remap(after, dry_run))
  })

  http.route('GET', '/inbound', (req, res) => {
    const params = query(req, 'after', 'limit')
    const after = whole(params.get('after'), 'after', 0, Number.MAX_SAFE_INTEGER, 0)
    const limit = whole(params.get('limit'), 'limit', 1, 1_000, 100)
    const records = journal.read(after, limit)
    sendJson(res, {
      records,
      next_after: records.at(-1)?.seq ?? after,
      last_seq: journal.lastSeq()
    })
  })
  http.route('GET', '/inbound/stream', async (req, res) => {
    const from = resumePoint(req, query(req, 'after').get('after') ?? undefined)
    const after = whole(from ?? null, 'after', 0, Number.MAX_SAFE_INTEGER, 0)
    const stream = http.stream(req, res)
    const tellStatus = (): void => void stream.send([{ event: 'status', data: options.status() }])
    tellStatus()
    stream.onClose(options.onStatus(tellStatus))
    await follow<JournalRecord>(stream, {
      after,
      read: (position) => journal.read(position, pageSize),
      position: ({ seq }) => seq,
      toEvent: (record): ServerSentEvent => ({ id: record.seq, event: 'record', data: record }),
      subscribe: (wake) => journal.subscribe(wake)
    })
  })
}
