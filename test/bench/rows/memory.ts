import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { apiToken } from '../../end-to-end/daemon.ts'
import { burst } from '../../whatsapp-web/burst.ts'
import type { WhatsAppWeb } from '../../whatsapp-web/server.ts'
import { startHub } from '../daemons.ts'
import { memoryMb, residentMb } from '../../lab/processes.ts'
import type { Bench, Figure, Row } from '../row.ts'
import { spread } from '../../lab/statistics.ts'
import { askPeer, startLinked, startLinkedPeer, startPage } from '../whatsapp.ts'

/**
 * What the hub, session-manager's node and Chromium hold, idle and as messages come; then the same
 * page with the library and its own launch options. One browser at a time, for they would share the
 * pages of their program.
 */

type Sizes = Record<string, number>

/** Sizes when idle, and after each step of messages, MB. */
const grow = async (
  bench: Bench,
  web: WhatsAppWeb,
  taken: () => Promise<number>,
  measure: () => Promise<Sizes>
): Promise<{ idle: Sizes; grown: (Sizes & { count: number })[] }> => {
  const [total, step, perSecond, settleMs] = bench.quick
    ? [4_000, 1_000, 1_000, 3_000]
    : [100_000, 10_000, 1_000, 20_000]
  await delay(settleMs)
  const idle = await measure()
  const grown: (Sizes & { count: number })[] = []
  for (let count = step; count <= total; count += step) {
    await burst(web.phone, { count: step, perSecond, chats: 500 })
    for (const end = Date.now() + 300_000; (await taken()) < count; await delay(200))
      if (Date.now() > end) throw new Error(`${count} messages were not taken within five minutes`)
    await delay(2_000)
    const sizes = await measure()
    bench.say(
      `${count} messages: ${Object.entries(sizes)
        .map(([name, mb]) => `${name} ${mb.toFixed(0)} MB`)
        .join(', ')}`
    )
    grown.push({ ...sizes, count })
  }
  return { idle, grown }
}

/** The last record the hub has taken. */
const followSeq = async (url: string): Promise<number> => {
  const metrics = await (
    await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } })
  ).text()
  return Number(/^follow_seq\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? 0)
}

const chromiumMb = async (web: WhatsAppWeb): Promise<Sizes> => {
  const { all, own } = memoryMb(await web.chromium())
  return { chromium: all, 'Chromium without files': own }
}

const ofLeadMaster = async (bench: Bench) => {
  const web = await startPage(bench)
  const { daemon: sessionManager } = await startLinked(bench, web)
  const hub = await startHub(bench, {
    stateDir: join(bench.directory, 'hub'),
    sessionManager: sessionManager.url
  })
  await hub.seen('following')
  const sizes = await grow(
    bench,
    web,
    () => followSeq(hub.url),
    async () => ({
      hub: residentMb(hub.pid),
      node: residentMb(sessionManager.pid),
      ...(await chromiumMb(web))
    })
  )
  await hub.end()
  await sessionManager.end()
  await web.close()
  return sizes
}

const ofLibrary = async (bench: Bench) => {
  const web = await startPage(bench, undefined, '/usr/bin/chromium')
  const peer = await startLinkedPeer(bench, web, 'library.js')
  return grow(
    bench,
    web,
    async () => (await askPeer<{ count: number }>(peer)).count,
    async () => ({ node: residentMb(peer.pid), ...(await chromiumMb(web)) })
  )
}

const row: Row = async (bench) => {
  const [ours, library] = [await ofLeadMaster(bench), await ofLibrary(bench)]
  const [first, last, lastOfLibrary] = [ours.grown[0], ours.grown.at(-1), library.grown.at(-1)]
  if (first === undefined || last === undefined || lastOfLibrary === undefined)
    throw new Error('nothing was measured')
  const one = (mb: number | undefined) => spread([mb ?? NaN])
  const below = (what: string, mb: number | undefined, most: number): Figure => ({
    what,
    unit: 'MB',
    ours: one(mb),
    target: { text: `< ${most}`, met: (mb ?? NaN) < most }
  })
  const held = (
    what: string,
    mb: number | undefined,
    name: string,
    other: number | undefined,
    most?: number
  ): Figure => {
    const ratio = (mb ?? NaN) / (other ?? NaN)
    return {
      what,
      unit: 'MB',
      ours: one(mb),
      against: { name, figure: one(other) },
      ratio: one(ratio),
      ...(most === undefined ? {} : { target: { text: `≤ ${most}`, met: ratio <= most } })
    }
  }
  const defaults = 'whatsapp-web.js, default launch options'
  return {
    figures: [
      below('hub, idle', ours.idle['hub'], 90),
      below(`hub, after ${last.count}`, last['hub'], 90),
      held(
        "session-manager's node, idle",
        ours.idle['node'],
        'whatsapp-web.js, empty handler',
        library.idle['node']
      ),
      held(
        `session-manager's node, after ${last.count}`,
        last['node'],
        `itself after ${first.count}`,
        first['node'],
        1.1
      ),
      held(
        "Chromium's tree, idle",
        ours.idle['chromium'],
        defaults,
        library.idle['chromium'],
        0.75
      ),
      held(
        `Chromium's tree, after ${last.count}`,
        last['chromium'],
        defaults,
        lastOfLibrary['chromium'],
        0.75
      ),
      held(
        "Chromium's tree without files, idle",
        ours.idle['Chromium without files'],
        defaults,
        library.idle['Chromium without files'],
        0.75
      ),
      held(
        `Chromium's tree without files, after ${last.count}`,
        last['Chromium without files'],
        defaults,
        lastOfLibrary['Chromium without files'],
        0.75
      )
    ],
    plots: [
      {
        name: 'memory',
        title: 'Memory as messages come',
        x: 'messages',
        y: 'MB',
        lines: [
          ...['hub', 'node', 'chromium'].map((name) => ({
            name,
            points: ours.grown.map((at): [number, number] => [at.count, at[name] ?? NaN])
          })),
          {
            name: 'Chromium, default options',
            points: library.grown.map((at): [number, number] => [at.count, at['chromium'] ?? NaN])
          },
          {
            name: "the library's node",
            points: library.grown.map((at): [number, number] => [at.count, at['node'] ?? NaN])
          }
        ]
      }
    ],
    notes: [
      'resident memory of node; of Chromium the proportional set size, in which memory shared with other processes counts in part: with another Chromium on the machine, only what is without files can be compared'
    ]
  }
}

export default row
