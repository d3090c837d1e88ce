import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http'
import type { Middleware } from 'polka'

/** Headers as node writes them fastest: name, value, name, value …; the names in lower case. */
export type FlatHeaders = readonly string[]

/** What a middleware sets on the answer to such a request, where that is the same each time. */
export const headersOf = (
  middleware: Middleware,
  req: { method: string; headers: Record<string, string> }
): FlatHeaders => {
  const set = new Map<string, string>()
  const res = {
    getHeader: (name: string) => set.get(name.toLowerCase()),
    setHeader: (name: string, value: string) => void set.set(name.toLowerCase(), value),
    removeHeader: (name: string) => void set.delete(name.toLowerCase())
  }
  void middleware(req as never, res as never, () => undefined)
  return [...set].flat()
}

/** Up to here a body is copied rather than written by itself, bytes. */
const smallBytes = 4_096

/**
 * Ends an answer. A small body leaves with the headers: Latin-1, as which node writes those, keeps
 * any bytes as they are.
 */
export const endWith = (res: ServerResponse, body: Buffer): void =>
  void (body.length > smallBytes ? res.end(body) : res.end(body.toString('latin1'), 'latin1'))

const json = /^application\/(problem\+)?json/

/**
 * An answer with headers that it carries for every writer. Node gets all headers in one call:
 * setting each header costs more than routing.
 */
export class Answer extends ServerResponse {
  /** Sent unless the writer gives one of the same name, in lower case; of Vary, both. */
  carried: readonly FlatHeaders[] = []
  /** The pattern of the route that answers. */
  route = 'none'
  isJson = false

  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    more?: OutgoingHttpHeaders | OutgoingHttpHeader[]
  ): this {
    const given = typeof reason === 'string' ? more : reason
    if (typeof reason === 'string' || Array.isArray(given) || this.getHeaderNames().length > 0) {
      this.setCarried()
      this.isJson = json.test(
        String(
          this.getHeader('content-type') ??
            (given as OutgoingHttpHeaders | undefined)?.['content-type']
        )
      )
      return typeof reason === 'string'
        ? super.writeHead(status, reason, more)
        : super.writeHead(status, given)
    }
    const all: OutgoingHttpHeader[] = []
    for (const name in given) if (given[name] !== undefined) all.push(name, given[name])
    for (const headers of this.carried) {
      for (let at = 0; at < headers.length; at += 2) {
        const name = headers[at] as string
        if (given?.[name] === undefined || name === 'vary')
          all.push(name, headers[at + 1] as string)
      }
    }
    this.carried = []
    this.isJson = json.test(String(given?.['content-type']))
    return super.writeHead(status, all)
  }

  /** For a writer that sets headers one by one. */
  private setCarried(): void {
    for (const headers of this.carried) {
      for (let at = 0; at < headers.length; at += 2) {
        const [name, value] = [headers[at] as string, headers[at + 1] as string]
        if (name === 'vary') this.appendHeader(name, value)
        else if (!this.hasHeader(name)) this.setHeader(name, value)
      }
    }
    this.carried = []
  }
}
