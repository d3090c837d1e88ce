import { Readable } from 'node:stream'
import type { TSchema, Static } from 'typebox'
import { Compile } from 'typebox/compile'
import {
  Erased,
  ErasedAnswer,
  Health,
  Status,
  type ErasedQuestion,
  type EraseRequest
} from '../../contract/session.ts'
import { harmless, reasonOf } from '../../platform/harmless.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { singleflight } from '../../platform/async.ts'
import {
  createConnections,
  createStreams,
  TooLong,
  type Answered,
  type Asked
} from './upstream-http.ts'
import { createMediaClient, type MediaAnswer, type MediaRequest } from './upstream-media.ts'

/**
 * session-manager as the hub reaches it. Whatever answers at its URL, or does not, is told apart
 * and named, with the variable to change and the file it stands in: a wrong wiring must not have to
 * be guessed.
 */
export interface Upstream {
  readonly baseUrl: string
  /** The account that must be found there, if one is named. */
  readonly account?: string
  /**
   * Asks who answers there and whether it takes our token.
   * @throws {ProblemError} session-manager-unreachable, session-manager-invalid
   */
  verify(): Promise<Identity>
  /**
   * A request, its answer as it comes, whatever its status. Those who ask for the same concurrently
   * share one answer, asked for after all of them did. @throws {ProblemError} as verify does
   */
  pass(request: PassedRequest): Promise<Answered>
  /** The event stream of the journal after a record. @throws {ProblemError} as verify does */
  open(after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
  /**
   * A media file that it keeps, or a part of it, as it streams; `signal` ends it at any time. What
   * went wrong with the file alone (not there: 404, no such range: 416) is an answer too. @throws
   * {ProblemError} as verify does
   */
  media(sha256: string, request: MediaRequest): Promise<MediaAnswer>
  /**
   * Has session-manager erase for good what it captured of chats and messages, with their media;
   * any number of either. Asking again is harmless. @throws {ProblemError} as verify does
   */
  erase(request: EraseRequest & { requestId?: string }): Promise<Erased>
  /**
   * Which chats and messages were erased there on request, at most 500 of each. @throws
   * {ProblemError} as verify does
   */
  erased(question: ErasedQuestion): Promise<ErasedAnswer>
}

export interface Identity {
  account: string
  version: string
  status: Status
}

export interface PassedRequest {
  method: 'GET' | 'POST'
  /** With its query. */
  path: string
  accept?: string
  /** Sent as JSON; as large as a request to the hub may be. */
  body?: unknown
  requestId?: string
  timeoutMs?: number
}

const service = 'session-manager'
const timeoutMs = 5_000
/**
 * Erasing rewrites the journal, ms. Less than `idleMs` of http.ts, so that who asked for it has an
 * answer before the connection is cut.
 */
const eraseMs = 100_000
/** What one request to erase may name of each, as EraseRequest has it. */
const chatsAtOnce = 100
const messagesAtOnce = 500
const maxBytes = 4 * 1024 ** 2
/** What session-manager answers with; anything else is another program's. */
const ours = /^(application\/(json|problem\+json)|image\/(png|svg\+xml)|text\/plain)\b/

export interface UpstreamOptions {
  baseUrl: string
  token: string
  /** The file that the hub's variables stand in. */
  envFile: string
  /**
   * The account that must be found there: a name in FURTHER_SESSION_MANAGERS. Without, any but
   * those of `others`.
   */
  account?: string
  others?: readonly string[]
}

/** The system's code for an error of a connection, or else its name. */
const codeOf = (cause: unknown): string => {
  const { code } = cause as NodeJS.ErrnoException
  // a DOMException, as of a timeout, has a number for its code
  if (typeof code === 'string') return code
  return cause instanceof Error ? cause.name : reasonOf(cause)
}

/** What a code means, in words. @param late whether it is a timeout */
const failureInWords = (code: string, late: boolean): string => {
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name cannot be resolved'
  return late ? 'it does not answer in time' : 'the connection failed'
}

export const createUpstream = (options: UpstreamOptions): Upstream => {
  const { baseUrl, token, envFile, account: expected, others = [] } = options
  const checkUrl = `correct ${expected === undefined ? 'SESSION_MANAGER_BASE_URL' : 'FURTHER_SESSION_MANAGERS'} in ${envFile}`

  const unreachable = (error: unknown): ProblemError => {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = codeOf(cause)
    const late = code === 'TimeoutError' || /TIMEDOUT|_TIMEOUT$/.test(code)
    const what = failureInWords(code, late)
    const unit =
      expected === undefined
        ? 'leadmaster-session-manager'
        : `leadmaster-session-manager@${expected}`
    // it may well run, and be busy: with a large file that it rewrites after an erasure, say
    const mend = `${late ? `journalctl -u ${unit} tells whether it is busy or hangs;` : `start ${unit} or,`} if it listens elsewhere, ${checkUrl}`
    return new ProblemError(
      'session-manager-unreachable',
      `session-manager cannot be reached at ${baseUrl}: ${what} (${code}); ${mend}`,
      undefined,
      expected
    )
  }
  const invalid = (detail: string): ProblemError =>
    new ProblemError('session-manager-invalid', detail, undefined, expected)
  const stranger = (what: string): ProblemError =>
    invalid(`what answers at ${baseUrl} is not a session-manager: ${what}; ${checkUrl}`)
  const refused = (): ProblemError =>
    invalid(
      `session-manager at ${baseUrl} refuses our token: SESSION_MANAGER_TOKEN in ${envFile} is not the one in session-manager.env; make them equal and restart the one you changed`
    )

  const request = async (path: string, init: RequestInit): Promise<Response> => {
    let answer: Response
    try {
      answer = await fetch(baseUrl + path, { redirect: 'manual', ...init })
    } catch (error) {
      throw unreachable(error)
    }
    if (answer.status !== 401) return answer
    await answer.body?.cancel()
    throw refused()
  }
  const withToken = (more: Record<string, string> = {}): Record<string, string> => ({
    authorization: `Bearer ${token}`,
    ...more
  })
  const withId = (requestId: string | undefined): Record<string, string> =>
    requestId === undefined ? {} : { 'x-request-id': requestId }

  const connected = createConnections(baseUrl, maxBytes)
  const openStream = createStreams(baseUrl)
  const ask = async (asked: Asked): Promise<Answered> => {
    const answer = await connected(asked).catch((error: unknown) => {
      throw error instanceof TooLong
        ? stranger(`its answer is longer than ${maxBytes} bytes`)
        : unreachable(error)
    })
    if (answer.status === 401) throw refused()
    return answer
  }
  const seen = ({ method, path }: Asked, { status, contentType }: Answered): string =>
    `${method} ${path.split('?')[0]} gives HTTP ${status}, ${contentType || 'no Content-Type'}`

  const askJson = async <S extends TSchema>(schema: S, asked: Asked): Promise<Static<S>> => {
    const answer = await ask(asked)
    let value: unknown
    try {
      value = JSON.parse(answer.body.toString())
    } catch {
      throw stranger(seen(asked, answer))
    }
    if (answer.contentType.startsWith('application/problem+json')) {
      const told =
        typeof value === 'object' && value !== null && 'detail' in value
          ? `: ${harmless(String(value.detail))}`
          : ''
      throw invalid(
        `session-manager at ${baseUrl} does not do it, ${seen(asked, answer)}${told}${answer.status === 404 ? '; upgrade it to the release of central-hub' : ''}`
      )
    }
    const named =
      typeof value === 'object' && value !== null && 'service' in value
        ? harmless(String(value.service)).slice(0, 40)
        : service
    if (named !== service) throw stranger(`it says it is "${named}"`)
    if (!Compile(schema).Check(value)) throw stranger(seen(asked, answer))
    return value as Static<S>
  }

  const shared = singleflight<Answered>()
  const pass = async ({
    method,
    path,
    accept = 'application/json',
    body,
    requestId,
    timeoutMs: bound = timeoutMs
  }: PassedRequest): Promise<Answered> => {
    const asked = omitUndefined({
      method,
      path,
      headers: withToken({ accept, ...withId(requestId) }),
      timeoutMs: bound,
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const answer = await ask(asked)
    if (!ours.test(answer.contentType)) throw stranger(seen(asked, answer))
    return answer
  }

  const eraseSome = ({
    requestId,
    ...body
  }: EraseRequest & { requestId?: string }): Promise<Erased> =>
    askJson(Erased, {
      method: 'POST',
      path: '/erase',
      headers: withToken(withId(requestId)),
      body: JSON.stringify(body),
      timeoutMs: eraseMs
    })

  return {
    baseUrl,
    ...omitUndefined({ account: expected }),
    verify: async () => {
      const { account, version } = await askJson(Health, {
        method: 'GET',
        path: '/health',
        headers: {},
        timeoutMs
      })
      if (account === undefined) throw stranger('GET /health tells no account')
      if (expected !== undefined && account !== expected)
        throw invalid(
          `session-manager at ${baseUrl} is of account "${account}", not "${expected}": ${checkUrl}`
        )
      if (others.includes(account))
        throw invalid(
          `session-manager at ${baseUrl} is of account "${account}", which FURTHER_SESSION_MANAGERS names too: ${checkUrl}`
        )
      return {
        account,
        version,
        status: await askJson(Status, {
          method: 'GET',
          path: '/status',
          headers: withToken(),
          timeoutMs
        })
      }
    },
    pass: (passed) =>
      passed.method === 'GET' && passed.body === undefined
        ? shared(`${passed.accept}\n${passed.path}`, () => pass(passed))
        : pass(passed),
    open: async (after, signal) => {
      const answer = await openStream(
        '/inbound/stream',
        withToken({ 'last-event-id': String(after) }),
        signal
      ).catch((error: unknown) => {
        throw unreachable(error)
      })
      const {
        statusCode,
        headers: { 'content-type': type = '' }
      } = answer
      if (statusCode === 200 && type.startsWith('text/event-stream'))
        return Readable.toWeb(answer) as ReadableStream<Uint8Array>
      answer.destroy()
      if (statusCode === 401) throw refused()
      throw stranger(`GET /inbound/stream gives HTTP ${statusCode}, ${type || 'no Content-Type'}`)
    },
    erased: (question) =>
      askJson(ErasedAnswer, {
        method: 'POST',
        path: '/erased',
        headers: withToken(),
        body: JSON.stringify(question),
        timeoutMs: eraseMs
      }),
    media: createMediaClient({ request, headers: withToken, stranger }),
    erase: async ({ chat_ids, message_ids = [], more = false, ...rest }) => {
      const erased: Erased = { records: 0, media_files: 0 }
      const turns = Math.max(
        1,
        Math.ceil(chat_ids.length / chatsAtOnce),
        Math.ceil(message_ids.length / messagesAtOnce)
      )
      for (let turn = 0; turn < turns; turn += 1) {
        const {
          records,
          media_files,
          chat_ids: known
        } = await eraseSome(
          omitUndefined({
            chat_ids: chat_ids.slice(turn * chatsAtOnce, (turn + 1) * chatsAtOnce),
            message_ids: message_ids.slice(turn * messagesAtOnce, (turn + 1) * messagesAtOnce),
            more: more || turn < turns - 1 ? true : undefined,
            ...rest
          })
        )
        erased.records += records
        erased.media_files += media_files
        if (known !== undefined) erased.chat_ids = [...(erased.chat_ids ?? []), ...known]
      }
      return erased
    }
  }
}
