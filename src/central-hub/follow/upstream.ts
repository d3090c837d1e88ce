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
  AnswerTooLong,
  openStream,
  RequestConnections,
  type Answered,
  type Asked
} from './upstream-http.ts'
import { fetchMedia, type MediaAnswer, type MediaRequest } from './upstream-media.ts'

/**
 * session-manager as the hub reaches it. A problem of a wrong wiring says what answers at the URL,
 * which variable to change, and in which file.
 */
export interface Upstream {
  readonly baseUrl: string
  /** The account that must be found there, if FURTHER_SESSION_MANAGERS names one. */
  readonly account?: string
  /**
   * Asks who answers there and whether it accepts the token.
   * @throws {ProblemError} session-manager-unreachable, session-manager-invalid
   */
  verify(): Promise<Identity>
  /**
   * Sends a request. The answer may have any status. Callers that ask for the same concurrently
   * share one answer. Its request is sent after the last of these calls.
   * @throws {ProblemError} as verify does
   */
  pass(request: PassedRequest): Promise<Answered>
  /**
   * Opens the event stream of the journal after a record.
   * @throws {ProblemError} as verify does
   */
  open(after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>
  /**
   * Streams a media file, or a part. `signal` ends it at any time. A missing file (404) or
   * range (416) is an answer too.
   * @throws {ProblemError} as verify does
   */
  media(sha256: string, request: MediaRequest): Promise<MediaAnswer>
  /**
   * Has session-manager erase for good what it captured of chats and messages, with their media;
   * any number of either. Asking again is harmless.
   * @throws {ProblemError} as verify does
   */
  erase(request: EraseRequest & { requestId?: string }): Promise<Erased>
  /**
   * Asks which chats and messages were erased there on request, at most 500 of each.
   * @throws {ProblemError} as verify does
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
const defaultTimeoutMs = 5_000
/**
 * The limit of erasing, which rewrites the journal, ms. Less than `idleMs` of http.ts, so that the
 * client has an answer before its connection is cut.
 */
const eraseTimeoutMs = 100_000
/** session-manager answers what was erased from memory and its file, and waits for nothing. */
const questionTimeoutMs = 20_000
/** The most chats and messages of one request, as EraseRequest and ErasedQuestion have it. */
const maxChats = 100
const maxMessages = 500
/** The most bytes of each of them in one request: with both it stays below the limit of bodies. */
const maxListBytes = 28 * 1024

/** Cuts a list into parts that fit into a request. */
const inParts = <T>(items: readonly T[], maxItems: number): T[][] => {
  const parts: T[][] = []
  let part: T[] = []
  let bytes = 0
  for (const item of items) {
    const itemBytes = Buffer.byteLength(JSON.stringify(item)) + 1
    if (part.length === 0 || part.length === maxItems || bytes + itemBytes > maxListBytes) {
      parts.push((part = []))
      bytes = 0
    }
    part.push(item)
    bytes += itemBytes
  }
  return parts
}

/** Chats and messages for as many requests as they need. */
const inRequests = <T>(chats: readonly string[], messages: readonly T[]): [string[], T[]][] => {
  const [chatParts, messageParts] = [inParts(chats, maxChats), inParts(messages, maxMessages)]
  const length = Math.max(chatParts.length, messageParts.length)
  return Array.from({ length }, (_, at) => [chatParts[at] ?? [], messageParts[at] ?? []])
}
const maxBytes = 4 * 1024 ** 2
/** The content types of session-manager's answers. Other types come from another program. */
const sessionManagerTypes =
  /^(application\/(json|problem\+json)|image\/(png|svg\+xml)|text\/plain)\b/

export interface UpstreamOptions {
  baseUrl: string
  token: string
  /** The file that has the hub's variables. */
  envFile: string
  /**
   * The account that must be found there: a name in FURTHER_SESSION_MANAGERS. Without it, any
   * account but those of `others`.
   */
  account?: string
  others?: readonly string[]
}

/** The system's code for an error of a connection, or else its name. */
const codeOf = (cause: unknown): string => {
  const { code } = cause as NodeJS.ErrnoException
  // A DOMException, as of a timeout, has a number for its code.
  if (typeof code === 'string') return code
  return cause instanceof Error ? cause.name : reasonOf(cause)
}

const describeNetworkError = (code: string, isTimeout: boolean): string => {
  if (code === 'ECONNREFUSED') return 'nothing listens there'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name cannot be resolved'
  return isTimeout ? 'it does not answer in time' : 'the connection failed'
}

/** The problems of a session-manager: what is wrong with it, and what to do. */
class UpstreamProblems {
  readonly #baseUrl: string
  readonly #envFile: string
  readonly #account: string | undefined

  constructor({ baseUrl, envFile, account }: UpstreamOptions) {
    this.#baseUrl = baseUrl
    this.#envFile = envFile
    this.#account = account
  }

  unreachable(error: unknown): ProblemError {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const code = codeOf(cause)
    const isTimeout = code === 'TimeoutError' || /TIMEDOUT|_TIMEOUT$/.test(code)
    const reason = describeNetworkError(code, isTimeout)
    const unit =
      this.#account === undefined
        ? 'leadmaster-session-manager'
        : `leadmaster-session-manager@${this.#account}`
    // It may well run and be busy, such as with a large file that it rewrites after an erasure.
    const fix = isTimeout
      ? `journalctl -u ${unit} tells whether it is busy or hangs;`
      : `start ${unit} or,`
    return new ProblemError(
      'session-manager-unreachable',
      `session-manager cannot be reached at ${this.#baseUrl}: ${reason} (${code}); ` +
        `${fix} if it listens elsewhere, ${this.#correctUrl()}`,
      undefined,
      this.#account
    )
  }

  notSessionManager(reason: string): ProblemError {
    return this.#invalid(
      `what answers at ${this.#baseUrl} is not a session-manager: ${reason}; ${this.#correctUrl()}`
    )
  }

  tokenRefused(): ProblemError {
    return this.#invalid(
      `session-manager at ${this.#baseUrl} refuses our token: ` +
        `SESSION_MANAGER_TOKEN in ${this.#envFile} is not the one in session-manager.env; ` +
        'make them equal and restart the one you changed'
    )
  }

  requestRefused(reason: string): ProblemError {
    return this.#invalid(`session-manager at ${this.#baseUrl} does not do it, ${reason}`)
  }

  /** @param rest what the account should have been */
  otherAccount(account: string, rest: string): ProblemError {
    return this.#invalid(
      `session-manager at ${this.#baseUrl} is of account "${account}", ${rest}: ` +
        this.#correctUrl()
    )
  }

  #correctUrl(): string {
    const variable =
      this.#account === undefined ? 'SESSION_MANAGER_BASE_URL' : 'FURTHER_SESSION_MANAGERS'
    return `correct ${variable} in ${this.#envFile}`
  }

  #invalid(detail: string): ProblemError {
    return new ProblemError('session-manager-invalid', detail, undefined, this.#account)
  }
}

/** Names a request and its answer, for messages. */
const describeAnswer = ({ method, path }: Asked, { status, contentType }: Answered): string =>
  `${method} ${path.split('?')[0]} gives HTTP ${status}, ${contentType || 'no Content-Type'}`

/** The member of a JSON object, undefined when it has no such member. */
const memberOf = (value: unknown, name: 'detail' | 'service'): string | undefined =>
  typeof value === 'object' && value !== null && name in value
    ? harmless(String((value as Record<string, unknown>)[name]))
    : undefined

const withId = (requestId: string | undefined): Record<string, string> =>
  requestId === undefined ? {} : { 'x-request-id': requestId }

class SessionManagerClient implements Upstream {
  readonly baseUrl: string
  readonly account?: string
  readonly #token: string
  readonly #others: readonly string[]
  readonly #problems: UpstreamProblems
  readonly #connections: RequestConnections
  readonly #shared = singleflight<Answered>()

  constructor(options: UpstreamOptions) {
    const { baseUrl, token, account, others = [] } = options
    this.baseUrl = baseUrl
    if (account !== undefined) this.account = account
    this.#token = token
    this.#others = others
    this.#problems = new UpstreamProblems(options)
    this.#connections = new RequestConnections(baseUrl, maxBytes)
  }

  async verify(): Promise<Identity> {
    const { account, version } = await this.#askJson(Health, {
      method: 'GET',
      path: '/health',
      headers: {},
      timeoutMs: defaultTimeoutMs
    })
    this.#checkAccount(account)
    const status = await this.#askJson(Status, {
      method: 'GET',
      path: '/status',
      headers: this.#headers(),
      timeoutMs: defaultTimeoutMs
    })
    return { account, version, status }
  }

  pass(request: PassedRequest): Promise<Answered> {
    const { method, accept, path, body } = request
    return method === 'GET' && body === undefined
      ? this.#shared(`${accept}\n${path}`, () => this.#pass(request))
      : this.#pass(request)
  }

  async open(after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const headers = this.#headers({ 'last-event-id': String(after) })
    const answer = await openStream(this.baseUrl, '/inbound/stream', headers, signal).catch(
      (error: unknown) => {
        throw this.#problems.unreachable(error)
      }
    )
    const {
      statusCode,
      headers: { 'content-type': type = '' }
    } = answer
    if (statusCode === 200 && type.startsWith('text/event-stream'))
      return Readable.toWeb(answer) as ReadableStream<Uint8Array>
    answer.destroy()
    if (statusCode === 401) throw this.#problems.tokenRefused()
    throw this.#problems.notSessionManager(
      `GET /inbound/stream gives HTTP ${statusCode}, ${type || 'no Content-Type'}`
    )
  }

  media(sha256: string, request: MediaRequest): Promise<MediaAnswer> {
    return fetchMedia(sha256, request, {
      request: (path, { headers, signal }) =>
        this.#fetch(path, { headers: this.#headers(headers), signal }),
      notSessionManager: (reason) => this.#problems.notSessionManager(reason)
    })
  }

  async erase(request: EraseRequest & { requestId?: string }): Promise<Erased> {
    const { chat_ids, message_ids = [], more = false, ...rest } = request
    const erased: Erased = { records: 0, media_files: 0 }
    const batches = inRequests(chat_ids, message_ids)
    // An empty erasure is one request, too.
    if (batches.length === 0) batches.push([[], []])
    for (const [at, [chats, messages]] of batches.entries()) {
      const answer = await this.#eraseBatch(
        omitUndefined({
          chat_ids: chats,
          message_ids: messages,
          more: more || at < batches.length - 1 ? true : undefined,
          ...rest
        })
      )
      erased.records += answer.records
      erased.media_files += answer.media_files
      if (answer.chat_ids !== undefined)
        erased.chat_ids = [...(erased.chat_ids ?? []), ...answer.chat_ids]
    }
    return erased
  }

  async erased(question: ErasedQuestion): Promise<ErasedAnswer> {
    const erased: ErasedAnswer = { chat_ids: [], message_ids: [] }
    for (const [chat_ids, messages] of inRequests(question.chat_ids, question.messages)) {
      const answer = await this.#askErased({ chat_ids, messages })
      erased.chat_ids.push(...answer.chat_ids)
      erased.message_ids.push(...answer.message_ids)
    }
    return erased
  }

  #checkAccount(account: string | undefined): asserts account is string {
    const problems = this.#problems
    if (account === undefined) throw problems.notSessionManager('GET /health tells no account')
    if (this.account !== undefined && account !== this.account)
      throw problems.otherAccount(account, `not "${this.account}"`)
    if (this.#others.includes(account))
      throw problems.otherAccount(account, 'which FURTHER_SESSION_MANAGERS names too')
  }

  #askErased(question: ErasedQuestion): Promise<ErasedAnswer> {
    return this.#askJson(ErasedAnswer, {
      method: 'POST',
      path: '/erased',
      headers: this.#headers(),
      body: JSON.stringify(question),
      timeoutMs: questionTimeoutMs
    })
  }

  #eraseBatch({ requestId, ...body }: EraseRequest & { requestId?: string }): Promise<Erased> {
    return this.#askJson(Erased, {
      method: 'POST',
      path: '/erase',
      headers: this.#headers(withId(requestId)),
      body: JSON.stringify(body),
      timeoutMs: eraseTimeoutMs
    })
  }

  async #pass(request: PassedRequest): Promise<Answered> {
    const { method, path, accept = 'application/json', body, requestId } = request
    const asked = omitUndefined({
      method,
      path,
      headers: this.#headers({ accept, ...withId(requestId) }),
      timeoutMs: request.timeoutMs ?? defaultTimeoutMs,
      body: body === undefined ? undefined : JSON.stringify(body)
    })
    const answer = await this.#ask(asked)
    if (!sessionManagerTypes.test(answer.contentType))
      throw this.#problems.notSessionManager(describeAnswer(asked, answer))
    return answer
  }

  async #askJson<S extends TSchema>(schema: S, asked: Asked): Promise<Static<S>> {
    const problems = this.#problems
    const answer = await this.#ask(asked)
    let value: unknown
    try {
      value = JSON.parse(answer.body.toString())
    } catch {
      throw problems.notSessionManager(describeAnswer(asked, answer))
    }
    if (answer.contentType.startsWith('application/problem+json')) {
      const detail = memberOf(value, 'detail')
      const reason = detail === undefined ? '' : `: ${detail}`
      const fix = answer.status === 404 ? '; upgrade it to the release of central-hub' : ''
      throw problems.requestRefused(`${describeAnswer(asked, answer)}${reason}${fix}`)
    }
    const name = memberOf(value, 'service')?.slice(0, 40) ?? service
    if (name !== service) throw problems.notSessionManager(`it says it is "${name}"`)
    if (!Compile(schema).Check(value))
      throw problems.notSessionManager(describeAnswer(asked, answer))
    return value as Static<S>
  }

  async #ask(asked: Asked): Promise<Answered> {
    const answer = await this.#connections.ask(asked).catch((error: unknown) => {
      throw error instanceof AnswerTooLong
        ? this.#problems.notSessionManager(`its answer is longer than ${maxBytes} bytes`)
        : this.#problems.unreachable(error)
    })
    if (answer.status === 401) throw this.#problems.tokenRefused()
    return answer
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    let answer: Response
    try {
      answer = await fetch(this.baseUrl + path, { redirect: 'manual', ...init })
    } catch (error) {
      throw this.#problems.unreachable(error)
    }
    if (answer.status !== 401) return answer
    await answer.body?.cancel()
    throw this.#problems.tokenRefused()
  }

  #headers(more: Record<string, string> = {}): Record<string, string> {
    return { authorization: `Bearer ${this.#token}`, ...more }
  }
}

export const createUpstream = (options: UpstreamOptions): Upstream =>
  new SessionManagerClient(options)
