import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cpuMs } from '../lab/processes.ts'
import type { Bench } from './row.ts'

/** What a server bore. */
export interface Load {
  /** Requests answered a second. */
  rate: number
  /** ms, to the millisecond. */
  p99: number
  /** Of the server's process, for one request, µs. */
  cpuUs: number
}

interface Report {
  requests: { average: number; total: number }
  latency: { p99: number }
  errors: number
  non2xx: number
}

/**
 * Has autocannon, in a process of its own, ask for one URL over and over, on so many connections.
 * @throws when an answer is not 2xx
 */
export const bear = async (
  bench: Bench,
  server: { pid: number },
  url: string,
  options: { connections: number; seconds: number; bearer: string }
): Promise<Load> => {
  const { connections, seconds, bearer } = options
  const before = cpuMs(server.pid)
  const args = [
    join(bench.peers, 'node_modules/autocannon/autocannon.js'),
    '--json',
    '--connections',
    `${connections}`,
    '--duration',
    `${seconds}`,
    '--headers',
    `authorization=Bearer ${bearer}`,
    url
  ]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 })
  const { requests, latency, errors, non2xx } = JSON.parse(stdout) as Report
  if (errors > 0 || non2xx > 0)
    throw new Error(
      `${url} at ${connections} connections: ${errors} errors, ${non2xx} answers that are not 2xx`
    )
  return {
    rate: requests.average,
    p99: latency.p99,
    cpuUs: ((cpuMs(server.pid) - before) * 1_000) / requests.total
  }
}
