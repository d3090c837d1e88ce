import { delay } from './delay.ts'
import { errorOf, LeadMasterError } from './error.ts'
import { unreachable } from './reach.ts'

export interface ClientOptions {
  /** Where the hub is, such as `http://127.0.0.1:3012`; by default, where the page came from. */
  baseUrl?: string
  /**
   * HUB_API_TOKEN. A page that the hub serves itself signs in instead (`signIn`), and sends the
   * cookie.
   */
  token?: string
  fetch?: typeof fetch
  /** For the cookie, as fetch has it. */
  credentials?: 'omit' | 'same-origin' | 'include'
  /**
   * How long a read is tried again while the hub is away, such as for a restart, ms. By default
   * 5,000; 0 tries once. A write is never repeated: send it again with the same `idempotencyKey`.
   */
  retryReadsMs?: number
}

export interface Init {
  method: string
  headers: Record<string, string>
  body?: string | Blob | Uint8Array<ArrayBuffer>
  signal?: AbortSignal
}

export interface RequestOptions {
  /** How long a read is tried again, ms; by default `retryReadsMs` of the client. */
  retryMs?: number
  /** Statuses of 400 or more that are not errors. */
  answers?: readonly number[]
}

/**
 * Sends a request with the headers of every request.
 * @throws {LeadMasterError} unless the answer's status is below 400
 */
export type Request = (path: string, init: Init, options?: RequestOptions) => Promise<Response>

/** Delay between attempts, ms. It doubles with each attempt. */
const firstDelayMs = 200
const longestDelayMs = 2_000

/** Whether the hub is away for a while: nobody answers, or a proxy says so. */
const isAway = (error: unknown): boolean =>
  error instanceof LeadMasterError &&
  (error.type === 'unreachable' ||
    (error.type === 'unexpected-answer' && [502, 503, 504].includes(error.status)))

const isProblem = (res: Response): boolean =>
  res.headers.get('content-type')?.startsWith('application/problem+json') === true

const isInPage = (): boolean => 'location' in globalThis

/** @throws {TypeError} if baseUrl cannot be the address of a hub */
function baseOf({ baseUrl = '' }: ClientOptions): string {
  const base = baseUrl.replace(/\/+$/, '')
  const isPath = base === '' || base.startsWith('/')
  if (!isPath && !(/^https?:\/\//i.test(base) && URL.canParse(base))) {
    throw new TypeError(
      `baseUrl: expected where the hub is, such as http://127.0.0.1:3012, not ${baseUrl}`
    )
  }
  return base
}

export function createRequest(options: ClientOptions): Request {
  const { token, credentials, retryReadsMs = 5_000 } = options
  const base = baseOf(options)
  // The browser's fetch throws when it is called as a method of another object.
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args))
  let hasAnswered = false

  const attempt = async (
    path: string,
    { headers, ...init }: Init,
    answers: readonly number[]
  ): Promise<Response> => {
    const carried: Record<string, string> =
      token === undefined ? headers : { authorization: `Bearer ${token}`, ...headers }
    const whole: RequestInit = { ...init, headers: carried }
    if (credentials !== undefined) whole.credentials = credentials
    const res = await send(base + path, whole).catch(async (cause: unknown) => {
      if (init.signal?.aborted) throw cause
      throw await unreachable({ base, cause, hasAnswered, fetch: send })
    })
    hasAnswered = true
    const isAnswer = res.status < 400 || (answers.includes(res.status) && !isProblem(res))
    if (!isAnswer) throw await errorOf(res)
    return res
  }

  return async (path, init, { retryMs = retryReadsMs, answers = [] } = {}) => {
    if (options.fetch === undefined && !isInPage() && !base.startsWith('http')) {
      throw new TypeError(
        'baseUrl: outside of a browser it must say where the hub is, such as http://127.0.0.1:3012'
      )
    }
    const until = performance.now() + (init.method === 'GET' ? retryMs : 0)
    for (let wait = firstDelayMs; ; wait = Math.min(longestDelayMs, wait * 2)) {
      try {
        return await attempt(path, init, answers)
      } catch (error) {
        // Random, so that the clients of a restarted hub do not all ask in the same moment.
        const ms = wait * (0.5 + Math.random() / 2)
        if (!isAway(error) || performance.now() + ms > until) throw error
        await delay(ms, init.signal)
        init.signal?.throwIfAborted()
      }
    }
  }
}
