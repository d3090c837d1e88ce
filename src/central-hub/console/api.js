/** The hub's REST as this page calls it; the cookie of the sign-in goes along by itself. */

/** @typedef {import('../../contract/problem.ts').Problem} Problem */

export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail ?? problem.title)
    this.problem = problem
  }
  /** The last part of its type, such as `unauthorized`; `no-answer` when the hub did not answer at all. */
  get kind() {
    return this.problem.type.split(':').at(-1) ?? ''
  }
}

const timeoutMs = 35_000
let clockOffsetMs = 0
let signedOut = () => {}

/** Now, by the hub's clock: this computer's may be wrong. */
export const hubNow = () => Date.now() + clockOffsetMs

/** @param {() => void} run what to do when the hub asks to sign in */
export const onSignedOut = (run) => {
  signedOut = run
}

/** @param {unknown} value @returns {value is Problem} */
export const isProblem = (value) => typeof value === 'object' && value !== null && 'type' in value && 'title' in value

/**
 * @param {'GET' | 'POST' | 'PATCH'} method @param {string} path
 * @param {{ body?: unknown, signal?: AbortSignal, also?: number }} [options] `also`: a status that is an answer too, no error
 * @returns {Promise<any>} the body
 * @throws {ApiError}
 */
const request = async (method, path, { body, signal, also } = {}) => {
  const timeout = AbortSignal.timeout(timeoutMs)
  let answer, value
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
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
  if (answer.ok || answer.status === also) return value
  const error = new ApiError(isProblem(value) ? value : { type: 'no-answer', title: `HTTP ${answer.status}`, status: answer.status })
  if (answer.status === 401 && path !== '/api/sign-in') signedOut()
  throw error
}

/** @param {Record<string, string | number | undefined | null>} params */
const query = (params) => {
  const given = Object.entries(params).flatMap(([name, value]) => (value === undefined || value === null || value === '' ? [] : [[name, String(value)]]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

/** @typedef {{ waiting?: string, state?: string | undefined, q?: string, limit?: number, cursor?: string | null }} LeadQuery */

export const api = {
  /** @param {string} token */
  signIn: (token) => request('POST', '/api/sign-in', { body: { token } }),
  signOut: () => request('POST', '/api/sign-out'),
  /** @param {LeadQuery} params @returns {Promise<import('../../contract/lead.ts').LeadPage>} */
  leads: (params) => request('GET', `/api/leads${query(params)}`),
  /** @param {number} id @param {AbortSignal} [signal] @returns {Promise<import('../../contract/lead.ts').Lead>} */
  lead: (id, signal) => request('GET', `/api/leads/${id}`, signal ? { signal } : {}),
  /** @param {number} id @param {import('../../contract/lead.ts').LeadPatch} patch @returns {Promise<import('../../contract/lead.ts').Lead>} */
  patchLead: (id, patch) => request('PATCH', `/api/leads/${id}`, { body: patch }),
  /** @param {number} id @param {string | null} cursor @param {AbortSignal} signal @returns {Promise<import('../../contract/lead.ts').MessagePage>} */
  messages: (id, cursor, signal) => request('GET', `/api/leads/${id}/messages${query({ limit: 50, cursor })}`, { signal }),
  /** @returns {Promise<import('../../contract/session.ts').Accounts>} */
  accounts: () => request('GET', '/api/whatsapp/accounts'),
  /** The session of one account; of the first without a name. @param {string} [account] */
  session: (account) => {
    const at = account === undefined ? '/api/whatsapp' : `/api/whatsapp/accounts/${encodeURIComponent(account)}`
    return {
      /** @returns {Promise<import('../../contract/session.ts').Qr>} */
      qr: () => request('GET', `${at}/qr`),
      connect: () => request('POST', `${at}/connect`),
      /** @param {boolean} logout */
      disconnect: (logout) => request('POST', `${at}/disconnect${logout ? '?logout=true' : ''}`)
    }
  },
  /** @returns {Promise<import('../../contract/lead.ts').Readiness>} */
  ready: () => request('GET', '/ready', { also: 503 })
}
