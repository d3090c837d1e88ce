import { join } from 'node:path'
import { apiToken } from '../../end-to-end/daemon.ts'
import { startHub } from '../daemons.ts'
import { fillStore, firstAt, nameOf, phoneOf, rareWord } from '../fill.ts'
import { askInTurn } from '../requests.ts'
import type { Plot } from '../../lab/plot.ts'
import type { Figure, Row } from '../row.ts'
import { alternate, percentile, ratios, spread } from '../../lab/statistics.ts'

/** What lists and searches cost as the store grows, over HTTP, against the smallest store. */

/** Paths of one kind, for the request numbered `at`. */
type Ask = (at: number, size: { messages: number; leads: number }) => string

/**
 * The position of a page in a list of this order, as next_cursor gives it: each another one, for
 * answers are kept.
 */
const cursorOf = (order: string, key: number, id: number): string =>
  Buffer.from(JSON.stringify([order, key, id])).toString('base64url')

const kinds: Record<string, Ask> = {
  'leads, first page': () => '/api/leads?limit=50',
  // each lead wrote among the last messages
  'leads, deep page': (at, { messages, leads }) =>
    `/api/leads?limit=50&cursor=${cursorOf('recent', firstAt + messages - 1 - ((at * 7_919) % leads), at + 1)}`,
  'leads who wait': () => '/api/leads?waiting=true&limit=50',
  'leads by name': (at, { leads }) =>
    `/api/leads?limit=50&q=${encodeURIComponent(nameOf((at * 31) % leads))}`,
  'leads by part of a name': () => '/api/leads?limit=50&q=garc',
  'leads by number': (at, { leads }) =>
    `/api/leads?limit=50&q=${phoneOf((at * 31) % leads).slice(-8)}`,
  'leads by a common word': () => '/api/leads?limit=50&q=camioneta',
  'one lead': (at, { leads }) => `/api/leads/${((at * 31) % leads) + 1}`,
  'a conversation': (at, { leads }) => `/api/leads/${((at * 31) % leads) + 1}/messages?limit=50`,
  'messages, newest': () => '/api/messages?limit=50',
  'messages, deep page': (at, { messages }) =>
    `/api/messages?limit=50&cursor=${cursorOf('newest', firstAt + ((at * 7_919) % messages), at + 1)}`,
  'messages by a rare word': (at, { messages }) =>
    `/api/messages?limit=50&q=${rareWord((at * 1_000) % messages)}`,
  'messages by a common word': () => '/api/messages?limit=50&q=hola',
  'messages by two words': () => '/api/messages?limit=50&q=precio+factu',
  'messages by two that never meet': () => '/api/messages?limit=50&q=precio+camio'
}

const row: Row = async (bench) => {
  const sizes = [
    { messages: 1_000, leads: 100 },
    { messages: 100_000, leads: 10_000 },
    ...(bench.quick ? [] : [{ messages: 1_000_000, leads: 100_000 }])
  ]
  const hubs: string[] = []
  for (const size of sizes) {
    const stateDir = join(bench.directory, `hub-${size.messages}`)
    bench.say(`filling a store with ${size.messages} messages of ${size.leads} leads`)
    await fillStore(stateDir, size)
    hubs.push(
      (
        await startHub(bench, {
          stateDir,
          sessionManager: 'http://127.0.0.1:9',
          env: { UPSTREAM_MAX_DELAY: '10m' }
        })
      ).url
    )
  }
  const [rounds, count] = bench.quick ? [3, 120] : [5, 500]
  const figures: Figure[] = []
  const lines: Plot['lines'] = []
  for (const [what, ask] of Object.entries(kinds)) {
    const urls = sizes.map((size, at) =>
      Array.from({ length: count }, (_, n) => `${hubs[at]}${ask(n, size)}`)
    )
    for (const of of urls) await askInTurn(of, apiToken)
    const runs = await alternate(
      rounds,
      Object.fromEntries(
        urls.map((of, at) => [at, async () => percentile(await askInTurn(of, apiToken), 0.99)])
      )
    )
    const [smallest, largest] = [runs[0] as number[], runs[sizes.length - 1] as number[]]
    const growth = ratios(largest, smallest)
    bench.say(`${what}: ${growth.median.toFixed(2)} times the smallest`)
    figures.push({
      what: `${what}, p99 at ${sizes.at(-1)?.messages}`,
      unit: 'ms',
      ours: spread(largest),
      against: { name: `itself at ${sizes[0]?.messages}`, figure: spread(smallest) },
      ratio: growth,
      target: { text: '< 2', met: growth.median < 2 }
    })
    lines.push({
      name: what,
      points: sizes.map(({ messages }, at) => [messages, spread(runs[at] as number[]).median])
    })
  }
  return {
    figures,
    plots: [
      {
        name: 'lists',
        title: 'Lists and search: p99 as the store grows',
        x: 'messages in the store',
        y: 'ms',
        lines
      }
    ]
  }
}

export default row
