import type { IncomingMessage } from 'node:http'
import type { Static, TSchema } from 'typebox'
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
  type Remapped,
  type Status
} from '../../contract/session.ts'
import type { JournalRecord } from '../../contract/record.ts'
import { requireJson } from '../../platform/http/body.ts'
import { follow } from '../../platform/http/event-feed.ts'
import { faultsAgainst } from '../../platform/http/expected.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { sendJson, type Http, type Response } from '../../platform/http/http.ts'
import { faultsIn, invalid, ProblemError } from '../../platform/http/problem.ts'
import { query, trueOrFalse, whole } from '../../platform/http/query.ts'
import { resumePoint, type ServerSentEvent } from '../../platform/http/sse.ts'
import type { Journal } from '../journal/journal.ts'
import { toE164, type Pairing } from '../session/pairing.ts'
import { passkeyBody, type PasskeyDesk } from '../session/passkey.ts'
import { addQrRoutes } from './qr.ts'
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
  /**
   * What the open page of WhatsApp Web is made of: names and types.
   * @throws why there is no page
   */
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

/**
 * Reads JSON bodies of a schema. The function that it returns throws invalid-parameters, with each
 * member at fault.
 */
const bodyReader = <S extends TSchema>(schema: S): ((req: IncomingMessage) => Static<S>) => {
  const faultsOf = faultsAgainst(schema)
  return (req) => {
    requireJson(req)
    const { body } = req as { body?: unknown }
    const faults = faultsOf(body)
    if (faults.length > 0) throw invalid(...faultsIn('body', faults))
    return body as Static<S>
  }
}

const pageSize = 200
const pairingCodeRequest = bodyReader(PairingCodeRequest)
const passkeyAnswer = bodyReader(PasskeyAnswer)
const eraseRequest = bodyReader(EraseRequest)
const erasedQuestion = bodyReader(ErasedQuestion)
const remapRequest = bodyReader(RemapRequest)
const iso = (ms: number): string => new Date(ms).toISOString()

/** Challenge and code are secrets: no cache keeps them, and the log names only the route. */
const addPasskeyRoutes = ({ http, passkey, session }: RouteOptions): void => {
  const sendState = (res: Response): void => {
    res.setHeader('cache-control', 'no-store')
    sendJson(res, passkeyBody(session()))
  }
  http.route('GET', '/passkey', (req, res) => {
    query(req)
    sendState(res)
  })
  http.route('POST', '/passkey', async (req, res) => {
    query(req)
    await passkey.answer(passkeyAnswer(req))
    sendState(res)
  })
  for (const order of ['confirm', 'restart', 'cancel'] as const) {
    http.route('POST', `/passkey/${order}`, async (req, res) => {
      query(req)
      await passkey[order]()
      sendState(res)
    })
  }
}

const linkAgain =
  'To capture messages again, link a phone: scan a QR code, ' +
  'and answer with the passkey if WhatsApp asks for it'
const keptOff =
  'the browser is closed; the linked device is kept. ' +
  'It stays off, also after a restart, until POST /connect (leadmaster connect)'

/** Whether the device is unlinked, and what that costs. */
const describeUnlinking = (wasLinked: boolean, isConfirmed: boolean): string => {
  if (isConfirmed) return `the browser is closed and this device is unlinked. ${linkAgain}`
  if (!wasLinked) return 'the browser is closed; no device was linked'
  return (
    'the browser is closed and the device is forgotten here, but WhatsApp could not be told: ' +
    `remove it on the phone (Linked devices). ${linkAgain}`
  )
}

const addServiceRoutes = ({ http, health, status, metrics }: RouteOptions): void => {
  http.route('GET', '/health', (_req, res) => sendJson(res, health()))
  http.route('GET', '/status', (_req, res) => sendJson(res, status()))
  http.route('GET', '/metrics', async (_req, res) => {
    res.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8')
    res.end(await metrics())
  })
}

const addConnectionRoutes = (options: RouteOptions): void => {
  const { http, session } = options
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
    const body: Disconnect = {
      success: true,
      state: session().status,
      session: account,
      alreadyDisconnected,
      message: logout ? describeUnlinking(linked, isConfirmed) : keptOff
    }
    if (logout) body.unlinked = isConfirmed
    sendJson(res, body)
  })
}

/** Gets a pairing code. @throws {ProblemError} why no code is given */
const requestPairingCode = async (
  { session, pairingCode }: RouteOptions,
  request: string
): Promise<PairingCode> => {
  const phone = toE164(request)
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
  const { code, generatedAt, expiresAt } = await pairingCode(phone).catch((error: Error) => {
    throw new ProblemError(
      'conflict',
      `WhatsApp gives no pairing code (${reasonOf(error)}): ` +
        'scan the QR, or ask again in some minutes'
    )
  })
  return { code, phone, generated_at: iso(generatedAt), expires_at: iso(expiresAt) }
}

const readPageReport = async (options: RouteOptions): Promise<PageReport> => {
  const findings = await options.pageReport().catch((error: Error) => {
    const why = `WhatsApp Web's page cannot be read (${reasonOf(error)})`
    const status = `the session is ${options.session().status}`
    throw new ProblemError('conflict', `${why}; ${status}: connect it, or ask again in a minute`)
  })
  const { version: leadmaster } = options.health()
  const { status, guard } = options.status()
  const head = { format: pageReportFormat, leadmaster, session: status } as const
  const report: PageReport = { ...head, ...findings }
  if (guard !== undefined) report.guard = guard
  return report
}

const addErasingRoutes = ({ http, journal, erase }: RouteOptions): void => {
  http.route('POST', '/erase', async (req, res) => {
    query(req)
    const { chat_ids, message_ids = [], more = false } = eraseRequest(req)
    const erased = await erase(chat_ids, message_ids, more).catch((error: Error) => {
      throw new ProblemError(
        'conflict',
        `not all is erased yet (${reasonOf(error)}): ` +
          'ask again; what is left of it is tried again every 10 minutes, too'
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
}

const addInboundRoutes = ({ http, journal, status, onStatus }: RouteOptions): void => {
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
    const sendStatus = (): void => void stream.send([{ event: 'status', data: status() }])
    sendStatus()
    stream.onClose(onStatus(sendStatus))
    await follow<JournalRecord>(stream, {
      after,
      read: (position) => journal.read(position, pageSize),
      position: ({ seq }) => seq,
      toEvent: (record): ServerSentEvent => ({ id: record.seq, event: 'record', data: record }),
      subscribe: (wake) => journal.subscribe(wake)
    })
  })
}

/** Adds session-manager's routes. Their bodies are in src/contract. */
export const addRoutes = (options: RouteOptions): void => {
  const { http } = options
  addServiceRoutes(options)
  addQrRoutes(options)
  addConnectionRoutes(options)
  http.route('POST', '/pairing-code', async (req, res) => {
    query(req)
    sendJson(res, await requestPairingCode(options, pairingCodeRequest(req).phone))
  })
  http.route('GET', '/page-report', async (req, res) => {
    query(req)
    sendJson(res, await readPageReport(options))
  })
  addPasskeyRoutes(options)
  addErasingRoutes(options)
  http.route('POST', '/remap', (req, res) => {
    query(req)
    const { after = 0, dry_run = false } = remapRequest(req)
    sendJson(res, options.remap(after, dry_run))
  })
  addInboundRoutes(options)
}
