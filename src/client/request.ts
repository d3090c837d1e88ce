import { errorOf, LeadMasterError } from './error.ts'

export interface ClientOptions {
  /** Where the hub is, such as `http://127.0.0.1:3012`; by default, where the page came from. */
  baseUrl?: string
  /** HUB_API_TOKEN. A page that the hub serves itself signs in instead (`signIn`), and sends the cookie. */
  token?: string
  fetch?: typeof fetch
  /** For the cookie, as fetch has it. */
  credentials?: 'omit' | 'same-origin' | 'include'
}

export interface Init {
  method: string
  headers: Record<string, string>
  body?: string | Blob | Uint8Array<ArrayBuffer>
  signal?: AbortSignal
}

/** Sends a request with what every one carries. @throws {LeadMasterError} unless the answer's status is below 400 */
export type Request = (path: string, init: Init) => Promise<Response>

export const createRequest = (options: ClientOptions): Request => {
  const { token, credentials } = options
  const base = (options.baseUrl ?? '').replace(/\/+$/, '')
  // called as a method of something else, the browser's fetch throws
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args))
  return async (path, { headers, ...init }) => {
    const res = await send(base + path, {
      ...init,
      headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      ...(credentials === undefined ? {} : { credentials })
    }).catch((cause: unknown) => {
      if (init.signal?.aborted) throw cause
      throw new LeadMasterError(`nobody answers at ${base || 'this origin'}`, { type: 'unreachable', cause })
    })
    if (res.status >= 400) throw await errorOf(res)
    return res
  }
}
