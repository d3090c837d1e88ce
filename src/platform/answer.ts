import { ServerResponse, type OutgoingHttpHeader, type OutgoingHttpHeaders } from 'node:http'
import type { Middleware } from 'polka'

/** Headers as node writes them fastest: name, value, name, value …; the names in lower case. */
export type FlatHeaders = string[]

/** What a middleware sets on the answer to such a request, where that is the same each time. */
export const headersOf = (middleware: Middleware, req: { method: string; headers: Record<string, string> }): FlatHeaders => {
  const set = new Map<string, string>()
  const res = {
    getHeader: (name: string) => set.get(name.toLowerCase()),
    setHeader: (name: string, value: string) => void set.set(name.toLowerCase(), value),
    removeHeader: (name: string) => void set.delete(name.toLowerCase())
  }
  void middleware(req as never, res as never, () => undefined)
  return [...set].flat()
}

const json = /^application\/(problem\+)?json/

/** An answer with headers that it carries whoever writes it: node is given all of them at once, for setting each costs more than routing. */
export class Answer extends ServerResponse {
  /** Sent unless the writer gives one of the same name; of Vary, both. */
  carried: FlatHeaders = []
  /** The pattern of the route that answers. */
  route = 'none'
  isJson = false

  override writeHead(status: number, reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[], more?: OutgoingHttpHeaders | OutgoingHttpHeader[]): this {
    const given = typeof reason === 'string' ? more : reason
    if (typeof reason === 'string' || Array.isArray(given) || this.getHeaderNames().length > 0) {
      this.setCarried()
      this.isJson = json.test(String(this.getHeader('content-type') ?? (given as OutgoingHttpHeaders | undefined)?.['content-type']))
      return typeof reason === 'string' ? super.writeHead(status, reason, more) : super.writeHead(status, given)
    }
    const all: OutgoingHttpHeader[] = []
    const names = new Set<string>()
    for (const [name, value] of Object.entries(given ?? {})) {
      if (value === undefined) continue
      const lower = name.toLowerCase()
      names.add(lower)
      all.push(name, value)
      if (lower === 'content-type') this.isJson = json.test(String(value))
    }
    const { carried } = this
    for (let at = 0; at < carried.length; at += 2) {
      const name = carried[at] as string
      if (name === 'vary' || !names.has(name)) all.push(name, carried[at + 1] as string)
    }
    this.carried = []
    return super.writeHead(status, all)
  }

  /** For a writer that sets headers one by one. */
  private setCarried(): void {
    const { carried } = this
    for (let at = 0; at < carried.length; at += 2) {
      const [name, value] = [carried[at] as string, carried[at + 1] as string]
      if (name === 'vary') this.appendHeader(name, value)
      else if (!this.hasHeader(name)) this.setHeader(name, value)
    }
    this.carried = []
  }
}
