import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { apiToken, ask } from '../../end-to-end/daemon.ts'
import { burst } from '../../whatsapp-web/burst.ts'
import type { WhatsAppWeb } from '../../whatsapp-web/server.ts'
import { startHub } from '../daemons.ts'
import { proportionalMb, residentMb } from '../process.ts'
import type { Figure, Row } from '../row.ts'
import { spread } from '../statistics.ts'
import { askPeer, startLinked, startLinkedPeer, startPage } from '../whatsapp.ts'

/** What the hub, session-manager's node and Chromium hold, idle and as messages come, against the library's own launch. */

const row: Row = async (bench) => {
  const [total, step, perSecond] = bench.quick ? [10_000, 2_500, 1_500] : [100_000, 10_000, 1_500]
  const ours = await startPage(bench)
  const { daemon: sessionManager } = await startLinked(bench, ours)
  const hub = await startHub(bench, { stateDir: join(bench.directory, 'hub'), sessionManager: sessionManager.url })
  await hub.seen('following')
  const plain = await startPage(bench)
  const library = await startLinkedPeer(bench, plain, 'library.js')
  const settle = bench.quick ? 5_000 : 20_000

  const chromium = async (web: WhatsAppWeb): Promise<number> => proportionalMb(await web.chromium())
  const measure = async () => ({ hub: residentMb(hub.pid), node: residentMb(sessionManager.pid), chromium: await chromium(ours), other: await chromium(plain), otherNode: residentMb(library.pid) })
  await delay(settle)
  const idle = await measure()
  const grown: ({ count: number } & Awaited<ReturnType<typeof measure>>)[] = []
  for (let count = step; count <= total; count += step) {
    for (const web of [ours, plain]) await burst(web.phone, { count: step, perSecond, chats: 500 })
    const taken = async (): Promise<boolean> => {
      const { body } = await ask<{ checks: { ok: boolean }[] }>(`${hub.url}/ready`, apiToken)
      const metrics = await (await fetch(`${hub.url}/metrics`, { headers: { authorization: `Bearer ${apiToken}` } })).text()
      const seq = Number(/^follow_seq\{[^}]*\} (\d+)$/m.exec(metrics)?.[1] ?? 0)
      return body.checks.length > 0 && seq >= count && (await askPeer<{ count: number }>(library)).count >= count
    }
    for (const end = Date.now() + 180_000; !(await taken()); await delay(200)) if (Date.now() > end) throw new Error(`${count} messages were not taken within three minutes`)
    await delay(2_000)
    grown.push({ count, ...(await measure()) })
    bench.say(`${count} messages: hub ${grown.at(-1)?.hub.toFixed(0)} MB, node ${grown.at(-1)?.node.toFixed(0)} MB, Chromium ${grown.at(-1)?.chromium.toFixed(0)} MB, default Chromium ${grown.at(-1)?.other.toFixed(0)} MB`)
  }
  const [first, last] = [grown[0], grown.at(-1)] as [(typeof grown)[0], (typeof grown)[0]]
  const one = (mb: number) => spread([mb])
  const tree = (what: string, { chromium: mb, other }: { chromium: number; other: number }): Figure =>
    ({ what, unit: 'MB', ours: one(mb), against: { name: 'default launch options', figure: one(other) }, ratio: one(mb / other), target: { text: '≤ 0.75', met: mb / other <= 0.75 } })
  return {
    figures: [
      { what: 'hub, idle', unit: 'MB', ours: one(idle.hub), target: { text: '< 90', met: idle.hub < 90 } },
      { what: `hub, after ${total}`, unit: 'MB', ours: one(last.hub), target: { text: '< 90', met: last.hub < 90 } },
      { what: "session-manager's node, idle", unit: 'MB', ours: one(idle.node) },
      { what: `session-manager's node, after ${total}`, unit: 'MB', ours: one(last.node), against: { name: `itself after ${first.count}`, figure: one(first.node) }, ratio: one(last.node / first.node), target: { text: '≤ 1.1', met: last.node <= first.node * 1.1 } },
      tree("Chromium's tree, idle", idle),
      tree(`Chromium's tree, after ${total}`, last)
    ],
    plots: [{
      name: 'memory', title: 'Memory as messages come', x: 'messages', y: 'MB',
      lines: (['hub', 'node', 'chromium', 'other'] as const).map((name) => ({ name: name === 'other' ? 'Chromium, defaults' : name, points: grown.map((at) => [at.count, at[name]]) }))
    }],
    notes: ['resident memory of node; of Chromium the proportional set size, in which shared memory counts once']
  }
}

export default row
