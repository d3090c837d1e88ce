import { join } from 'node:path'
import t from 'tap'
import { apiToken, centralHubEnv, freePort, startDaemon } from '../../end-to-end/daemon.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { newRecord } from '../../session-manager/journal/new-records.ts'
import { fakeSessionManager } from '../follow/fake-session-manager.ts'
import { openMany, openStalled, stamped } from './many-clients.ts'
import { bearer } from './rig.ts'

/**
 * A thousand frontends on one hub, a tenth of which never read. The comments tell how long
 * deliveries took.
 */

const [live, stalled] = [900, 100]
/** More than the kernel holds for a socket of the loopback, 4 MB: who reads nothing is noticed. */
const history = Array.from({ length: 2_000 }, (_, index) =>
  newRecord(`history-${index}`, { body: 'x'.repeat(4_000) })
)
const messagesARound = 40

t.test(
  '1,000 clients: each event reaches all who read, once and in order, whatever the others do',
  { timeout: 900_000 },
  async (t) => {
    const upstream = await fakeSessionManager(t)
    upstream.journal.append(history, 'live')
    const hub = startDaemon('central-hub', {
      ...centralHubEnv({
        port: await freePort(),
        stateDir: join(ownDirectory(t), 'state'),
        sessionManager: upstream.url
      }),
      RATE_LIMIT: '0'
    })
    t.teardown(() => hub.end('SIGKILL'))
    await hub.seen('following')
    const metric = async (name: string): Promise<number> => {
      const text = await (
        await fetch(`${hub.url}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } })
      ).text()
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(`${name} `))
          ?.slice(name.length)
      )
    }
    const first = await openSse(`${hub.url}/api/events?after=0`, bearer)
    await first.until(
      ({ event, data }) => event === 'message' && data.includes(`"seq":${history.length},`)
    )
    first.close()
    const rss = async (): Promise<string> =>
      `${Math.round((await metric('process_resident_memory_bytes')) / 1024 ** 2)} MiB`
    const before = await rss()
    const clients = await openMany(t, hub.url, live)
    t.equal(await metric('sse_clients'), live)

    let written = 0
    /** Each message is followed by the next only when all have it. */
    const round = async (what: string): Promise<void> => {
      for (let count = 0; count < messagesARound; count += 1) {
        const [position = 0] = clients.positions()
        upstream.journal.append([newRecord(`live-${(written += 1)}`, { body: stamped() })], 'live')
        await clients.reached(position + 2) // the message, and its lead
      }
      const took = clients.deliveries()
      t.equal(took.length, live * messagesARound, `${what}: every message reached every client`)
      const [p50, p99] = [0.5, 0.99].map((share) =>
        took[Math.floor(took.length * share)]?.toFixed(1)
      )
      t.comment(
        `${what}: p50 ${p50} ms, p99 ${p99} ms of ${took.length} deliveries; the hub has ${await rss()}`
      )
    }
    const dropped = (): typeof hub.lines =>
      hub.lines.filter(({ event }) => event === 'stream_dropped')

    await round('without stalled clients')
    await openStalled(t, hub.url, stalled)
    await round(`with ${stalled} stalled clients`)
    let seen = 0
    await hub.seen('stream_dropped', () => (seen += 1) === stalled, 120_000)
    await round('after they were dropped')
    await openStalled(t, hub.url, stalled)
    await round(`with another ${stalled}`)
    t.comment(`the hub had ${before} before the first client`)

    t.same(clients.faults, [], 'no gap, no repetition')
    t.equal(clients.connected(), live, 'none of those who read was dropped')
    t.equal(await metric('sse_dropped_total{reason="stalled"}'), stalled)
    t.ok(
      dropped().every(
        ({ reason, request_id }) => reason === 'stalled' && typeof request_id === 'string'
      )
    )
    const queued = dropped().map((line) => line['queued_bytes'] as number)
    t.ok(
      Math.max(...queued) < 256 * 1024,
      `${Math.max(...queued)} bytes were queued for one at most`
    )
  }
)
