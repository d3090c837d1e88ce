/**
 * One request to the hub, as this page makes it; the cookie of the sign-in goes along by itself.
 */

/** @typedef {import('../../contract/problem.ts').Problem} Problem */

export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }
  /**
   * The last part of its type, such as `unauthorized`; `no-answer` when the hub did not answer at
   * all.
   */
  get kind() {
    return this.problem.type.split(':').at(-1) ?? ''
  }
}

const timeoutMs = 35_000
let clockOffsetMs = 0
let signedOut = () => {}
/**
 * How often somebody may have signed in since: a refusal of what was asked before says nothing of
 * now.
 */
let signIns = 0

/** Now, by the hub's clock: this computer's may be wrong. */
export const hubNow = () => Date.now() + clockOffsetMs

/** @param {() => void} run what to do when the hub asks to sign in */
export const onSignedOut = (run) => {
  signedOut = run
}

/** Somebody signed in, in this tab or another. */
export const signedIn = () => {
  signIns += 1
}

/** @param {unknown} body */
const toBody = (body) => {
  if (body === undefined) return null
  return typeof body === 'string' || body instanceof Blob ? body : JSON.stringify(body)
}

/** @param {unknown} body @param {string} type @param {string | null} ifMatch */
const headersOf = (body, type, ifMatch) => {
  /** @type {Record<string, string>} */
  const headers = {}
  if (body !== undefined) headers['content-type'] = type
  if (ifMatch !== null) headers['if-match'] = ifMatch
  return headers
}

/** @param {unknown} value @returns {value is Problem} */
export const isProblem = (value) =>
  typeof value === 'object' && value !== null && 'type' in value && 'title' in value

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON; text and files as they are, as `type`
 * @property {string} [type]
 * @property {string | null} [ifMatch] the ETag of what is to be changed: refused as
 * `precondition-failed` if it is another by then
 * @property {AbortSignal | undefined} [signal]
 * @property {number} [also] a status that is an answer too, no error
 * @property {number} [withinMs]
 */

/**
 * @param {'GET' | 'POST' | 'PATCH' | 'DELETE'} method @param {string} path @param {Options}
 * [options]
 * @returns {Promise<{ value: any, etag: string | null }>} the body, and its ETag
 * @throws {ApiError}
 */
export const request = async (
  method,
  path,
  { body, type = 'application/json', ifMatch = null, signal, also, withinMs = timeoutMs } = {}
) => {
  const timeout = AbortSignal.timeout(withinMs)
  const asked = signIns
  let answer, value
  try {
    answer = await fetch(path, {
      method,
      headers: headersOf(body, type, ifMatch),
      body: toBody(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout
    })
    value = answer.status === 204 ? undefined : await answer.json()
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError({ type: 'no-answer', title: 'no answer', status: 0 })
  }
  const date = Date.parse(answer.headers.get('date') ?? '')
  // the header has whole seconds: a smaller difference means nothing
  if (Math.abs(date - Date.now()) > 2_000) clockOffsetMs = date - Date.now()
  if (answer.ok || answer.status === also) return { value, etag: answer.headers.get('etag') }
  const error = new ApiError(
    isProblem(value)
      ? value
      : { type: 'no-answer', title: `HTTP ${answer.status}`, status: answer.status }
  )
  // A wrong password is told where it was typed.
  const isOut = answer.status === 401 && path !== '/api/sign-in' && error.kind !== 'sign-in-failed'
  if (isOut && asked === signIns) signedOut()
  throw error
}

/** @param {Record<string, string | number | undefined | null>} params what is empty is left out */
export const query = (params) => {
  const given = Object.entries(params).flatMap(([name, value]) =>
    value === undefined || value === null || value === '' ? [] : [[name, String(value)]]
  )
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
