import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'
import { burst } from '../../whatsapp-web/burst.ts'
import type { WhatsAppWeb } from '../../whatsapp-web/server.ts'
import { startPeer, type Peer } from '../daemons.ts'
import { cpuMs } from '../../lab/processes.ts'
import type { Row } from '../row.ts'
import { alternate, percentile, ratios, spread } from '../../lab/statistics.ts'
import { askPeer, startLinked, startLinkedPeer, startPage } from '../whatsapp.ts'

/**
 * From the event in the page to the disk, against the library with a handler that does nothing, and
 * the usual way.
 */

/**
 * @wppconnect-team/wppconnect is no peer here. Tried with 2.3.3: it loads the simulated page, a QR
 * is shown, and after 30 s it fails with "wapi.js failed, TimeoutError: Waiting failed". Its wa-js
 * finds WhatsApp's functions by looking through the loader of the real page's own bundles, of which
 * the simulated page has but the modules that whatsapp-web.js asks for by name. By default it
 * starts Chromium with --no-sandbox and --ignore-certificate-errors.
 */

/** More a second than any of them can take. */
const flood = 12_000

const row: Row = async (bench) => {
  const ours = await startPage(bench)
  const { daemon, stateDir } = await startLinked(bench, ours)
  const journal = new DatabaseSync(join(stateDir, 'journal.db'), { readOnly: true })
  bench.onEnd(() => journal.close())
  const lastSeq = journal.prepare('SELECT coalesce(max(seq), 0) AS seq FROM records')
  const onDisk = (): number => Number(lastSeq.get()?.['seq'])

  const limit = await startPage(bench)
  const library = await startLinkedPeer(bench, limit, 'library.js')

  const usual: { posts: 1 | 2; web: WhatsAppWeb; taker: Peer }[] = []
  for (const posts of [1, 2] as const) {
    const taker = await startPeer(bench, 'post-taker.js', {
      database: join(bench.directory, `posts-${posts}.db`)
    })
    const web = await startPage(bench)
    await startLinkedPeer(bench, web, 'posting.js', { hub: taker.url, posts })
    usual.push({ posts, web, taker })
  }

  const [rounds, count, fewer] = bench.quick ? [3, 3_000, 300] : [7, 20_000, 2_000]
  const send = (
    web: WhatsAppWeb,
    messages: number,
    perSecond = flood,
    onSent?: (id: string) => void
  ): Promise<string[]> =>
    burst(web.phone, { count: messages, perSecond, chats: 200, ...(onSent ? { onSent } : {}) })
  /** Messages a second until `counted` has grown by all of them. */
  const rate = async (
    web: WhatsAppWeb,
    messages: number,
    counted: () => Promise<{ count: number; last_at: number }>
  ): Promise<number> => {
    const { count: before } = await counted()
    const started = Date.now()
    await send(web, messages)
    for (const end = Date.now() + 180_000; ; await delay(10)) {
      const { count: now, last_at } = await counted()
      if (now - before >= messages) return (messages * 1_000) / (last_at - started)
      if (Date.now() > end)
        throw new Error(`only ${now - before} of ${messages} after three minutes`)
    }
  }
  /** The same, and the CPU time of the process for one message, µs. */
  const cost: Record<'ours' | 'limit', number[]> = { ours: [], limit: [] }
  const noting = async (
    who: 'ours' | 'limit',
    pid: number,
    run: Promise<number>
  ): Promise<number> => {
    const before = cpuMs(pid)
    const result = await run
    cost[who].push(((cpuMs(pid) - before) * 1_000) / count)
    return result
  }
  const runs = await alternate(rounds, {
    ours: () =>
      noting(
        'ours',
        daemon.pid,
        rate(ours, count, async () => ({ count: onDisk(), last_at: Date.now() }))
      ),
    limit: () =>
      noting(
        'limit',
        library.pid,
        rate(limit, count, () => askPeer(library))
      ),
    one: () =>
      rate((usual[0] as (typeof usual)[0]).web, fewer, () =>
        askPeer((usual[0] as (typeof usual)[0]).taker)
      ),
    two: () =>
      rate((usual[1] as (typeof usual)[0]).web, fewer, () =>
        askPeer((usual[1] as (typeof usual)[0]).taker)
      )
  })

  /**
   * p99 from the event to the disk, or to the handler, at a rate that all but the usual way bear,
   * ms.
   */
  const [steady, seconds] = bench.quick ? [500, 3] : [1_000, 10]
  const p99 = await alternate(rounds, {
    ours: async () => {
      const from = onDisk()
      const sent: number[] = []
      const done: number[] = []
      const sending = send(ours, steady * seconds, steady, () => sent.push(Date.now()))
      while (done.length < steady * seconds) {
        await delay(1)
        const [seq, at] = [onDisk(), Date.now()]
        while (done.length < seq - from) done.push(at)
      }
      await sending
      return percentile(
        done.map((at, index) => at - (sent[index] as number)),
        0.99
      )
    },
    limit: async () => {
      await askPeer(library, '/times')
      const sent: number[] = []
      await send(limit, steady * seconds, steady, () => sent.push(Date.now()))
      const done: number[] = []
      while (done.length < sent.length) {
        await delay(50)
        done.push(...(await askPeer<number[]>(library, '/times')))
      }
      return percentile(
        done.map((at, index) => at - (sent[index] as number)),
        0.99
      )
    }
  })
  const toLimit = ratios(runs.ours, runs.limit)
  const figure = (posts: 'one' | 'two') => {
    const ratio = ratios(runs.ours, runs[posts])
    return {
      what: 'sustained',
      unit: '/s',
      ours: spread(runs.ours),
      against: {
        name: `${posts} HTTP post${posts === 'two' ? 's' : ''} a message`,
        figure: spread(runs[posts])
      },
      ratio,
      target: { text: '≥ 10', met: ratio.median >= 10 }
    }
  }
  return {
    figures: [
      {
        what: 'sustained',
        unit: '/s',
        ours: spread(runs.ours),
        against: { name: 'whatsapp-web.js, empty handler', figure: spread(runs.limit) },
        ratio: toLimit,
        target: { text: '≥ 0.9', met: toLimit.median >= 0.9 }
      },
      figure('one'),
      figure('two'),
      {
        what: 'CPU of a message in node',
        unit: 'µs',
        ours: spread(cost.ours),
        against: { name: 'whatsapp-web.js, empty handler', figure: spread(cost.limit) },
        ratio: ratios(cost.ours, cost.limit)
      },
      {
        what: `p99 at ${steady} msg/s`,
        unit: 'ms',
        ours: spread(p99.ours),
        against: { name: 'to the empty handler', figure: spread(p99.limit) }
      }
    ],
    notes: [
      '@wppconnect-team/wppconnect does not start on the simulated page: its wa-js looks through the bundles of the real one',
      'the simulated WhatsApp and Chromium share the cores with what is measured'
    ]
  }
}

export default row
