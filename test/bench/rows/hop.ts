import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { apiToken, token } from '../../end-to-end/daemon.ts'
import { startHub, startPeer, startSessionManager } from '../daemons.ts'
import { askInTurn } from '../requests.ts'
import type { Bench, Row } from '../row.ts'
import { alternate, median, ratios, spread } from '../../lab/statistics.ts'

/**
 * From the hub to session-manager: what the hop adds, how many connections and requests it takes.
 */

/** Passes on whatever comes, and counts the connections. */
const countConnections = async (
  bench: Bench,
  port: number
): Promise<{ url: string; opened: () => number }> => {
  let opened = 0
  const server = createServer((socket) => {
    opened += 1
    const other = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    other.setNoDelay(true)
    socket.pipe(other).pipe(socket)
    for (const end of [socket, other])
      end
        .on('error', () => end.destroy())
        .on('close', () => [socket, other].forEach((each) => each.destroy()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  bench.onEnd(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, opened: () => opened }
}

/** How many requests session-manager has answered on `/status`. */
const statusRequests = async (url: string): Promise<number> => {
  const metrics = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } })
  ).text()
  return Number(
    /^http_request_duration_seconds_count\{[^}]*route="\/status"[^}]*\} (\d+)$/m.exec(
      metrics
    )?.[1] ?? 0
  )
}

const row: Row = async (bench) => {
  const sessionManager = await startSessionManager(bench, {
    stateDir: join(bench.directory, 'session-manager')
  })
  const counted = await countConnections(bench, Number(new URL(sessionManager.url).port))
  const hub = await startHub(bench, {
    stateDir: join(bench.directory, 'hub'),
    sessionManager: sessionManager.url
  })
  const throughCounter = await startHub(bench, {
    stateDir: join(bench.directory, 'counted'),
    sessionManager: counted.url
  })
  await Promise.all([hub.seen('following'), throughCounter.seen('following')])
  const fresh = await startPeer(bench, 'fresh-connection.js', {
    sessionManager: sessionManager.url,
    token
  })

  const [rounds, count] = bench.quick ? [5, 400] : [15, 2_000]
  const half = async (url: string, bearer: string): Promise<number> =>
    median(
      await askInTurn(
        Array.from({ length: count }, () => url),
        bearer
      )
    )
  const things = {
    upstream: () => half(`${sessionManager.url}/status`, token),
    ours: () => half(`${hub.url}/api/whatsapp/status`, apiToken),
    fresh: () => half(`${fresh.url}/api/whatsapp/status`, apiToken)
  }
  for (const run of Object.values(things)) for (let warm = 0; warm < 3; warm += 1) await run()
  const { upstream, ours, fresh: other } = await alternate(rounds, things)
  const added = (whole: number[]): number[] =>
    whole.map((ms, round) => ms - (upstream[round] as number))

  const [before, openedBefore] = [await statusRequests(sessionManager.url), counted.opened()]
  const clients = 64
  const each = bench.quick ? 20 : 100
  const urls = Array.from({ length: each }, () => `${throughCounter.url}/api/whatsapp/status`)
  await Promise.all(Array.from({ length: clients }, () => askInTurn(urls, apiToken)))
  const asked = ((await statusRequests(sessionManager.url)) - before) / (clients * each)
  const connections = counted.opened() - openedBefore
  return {
    figures: [
      {
        what: 'added to p50',
        unit: 'ms',
        ours: spread(added(ours)),
        against: { name: 'a fresh connection each time (bare)', figure: spread(added(other)) },
        target: { text: '< 0.5', met: median(added(ours)) < 0.5 }
      },
      {
        what: 'p50 of the whole',
        unit: 'ms',
        ours: spread(ours),
        against: { name: 'session-manager itself', figure: spread(upstream) },
        ratio: ratios(ours, upstream)
      },
      {
        what: `asked of session-manager per request, ${clients} clients`,
        unit: '',
        ours: spread([asked]),
        target: { text: '< 0.5', met: asked < 0.5 }
      },
      {
        what: `connections opened for ${clients * each} requests`,
        unit: '',
        ours: spread([connections]),
        target: { text: `≤ ${clients}`, met: connections <= clients }
      }
    ]
  }
}

export default row
