import type { IncomingMessage } from 'node:http'
import { ProblemError } from './problem.ts'

const loopback = ['localhost', '127.0.0.1', '[::1]']

/** The Host headers a server answers to, with any port: against DNS rebinding. */
export const createAllowedHosts = (names: readonly string[]) => {
  const allowed = new Set([...loopback, ...names])
  /** What came last, for it is nearly always the same. */
  let accepted: string | undefined
  return {
    add: (name: string): void => void allowed.add(name),
    /** @throws {ProblemError} misdirected-request */
    check: ({ headers: { host = '' } }: IncomingMessage): void => {
      if (host === accepted) return
      if (!allowed.has(host.replace(/:\d+$/, '').toLowerCase()))
        throw new ProblemError(
          'misdirected-request',
          'this server does not answer to the Host header it was given'
        )
      accepted = host
    }
  }
}
