import { join } from 'node:path'
import { apiToken, token } from '../../end-to-end/daemon.ts'
import { startHub, startPeer, startSessionManager } from '../daemons.ts'
import { fillStore } from '../fill.ts'
import { bear } from '../load.ts'
import type { Figure, Row } from '../row.ts'
import { alternate, ratios, spread } from '../../lab/statistics.ts'

/**
 * The hub's REST with all its middleware, against the usual hub, and against node:http that sends
 * the same bytes.
 */

const routes = [
  ['status', '/api/whatsapp/status', 0.7],
  ['leads', '/api/leads?limit=50', undefined]
] as const

const row: Row = async (bench) => {
  const stateDir = join(bench.directory, 'hub')
  await fillStore(stateDir, { messages: 3_000, leads: 1_000 })
  const sessionManager = (
    await startSessionManager(bench, { stateDir: join(bench.directory, 'session-manager') })
  ).url
  const hub = await startHub(bench, { stateDir, sessionManager })
  await hub.seen('following')
  const express = await startPeer(bench, 'express-hub.js', {
    sessionManager,
    token,
    apiToken,
    database: join(stateDir, 'hub.db')
  })
  const answers: Record<string, unknown> = {}
  for (const [, path] of routes) {
    const answer = await fetch(hub.url + path, { headers: { authorization: `Bearer ${apiToken}` } })
    // Node writes these by itself
    const headers = [...answer.headers].filter(
      ([name]) => !['date', 'connection', 'keep-alive'].includes(name)
    )
    answers[path] = { headers: Object.fromEntries(headers), body: await answer.text() }
  }
  const bare = await startPeer(bench, 'bare-http.js', { answers })

  const [rounds, seconds] = bench.quick ? [2, 1] : [5, 3]
  const figures: Figure[] = []
  for (const [name, path, ofBare] of routes) {
    for (const connections of bench.quick ? [1, 64] : [1, 64, 512]) {
      const bearAt = (server: { url: string; pid: number }, time = seconds) =>
        bear(bench, server, server.url + path, { connections, seconds: time, bearer: apiToken })
      // the first requests are those that the compiler has not seen
      for (const server of [hub, express, bare]) await bearAt(server, 1)
      const runs = await alternate(rounds, {
        ours: () => bearAt(hub),
        express: () => bearAt(express),
        bare: () => bearAt(bare)
      })
      const of = (who: keyof typeof runs, what: 'rate' | 'p99' | 'cpuUs'): number[] =>
        runs[who].map((load) => load[what])
      const [toExpress, toBare] = [
        ratios(of('ours', 'rate'), of('express', 'rate')),
        ratios(of('ours', 'rate'), of('bare', 'rate'))
      ]
      const at = `${name}, ${connections} conn.`
      bench.say(
        `${at}: ${toExpress.median.toFixed(2)} of Express, ${toBare.median.toFixed(2)} of bare`
      )
      figures.push(
        {
          what: at,
          unit: '/s',
          ours: spread(of('ours', 'rate')),
          against: { name: 'Express 5 + axios', figure: spread(of('express', 'rate')) },
          ratio: toExpress,
          target: { text: '≥ 3', met: toExpress.median >= 3 }
        },
        {
          what: at,
          unit: '/s',
          ours: spread(of('ours', 'rate')),
          against: { name: 'bare node:http', figure: spread(of('bare', 'rate')) },
          ratio: toBare,
          ...(ofBare === undefined
            ? {}
            : { target: { text: `≥ ${ofBare}`, met: toBare.median >= ofBare } })
        },
        {
          what: `${at}, p99`,
          unit: 'ms',
          ours: spread(of('ours', 'p99')),
          against: { name: 'Express 5 + axios', figure: spread(of('express', 'p99')) }
        },
        {
          what: `${at}, CPU of one`,
          unit: 'µs',
          ours: spread(of('ours', 'cpuUs')),
          against: { name: 'Express 5 + axios', figure: spread(of('express', 'cpuUs')) },
          ratio: ratios(of('ours', 'cpuUs'), of('express', 'cpuUs'))
        },
        {
          what: `${at}, CPU of one`,
          unit: 'µs',
          ours: spread(of('ours', 'cpuUs')),
          against: { name: 'bare node:http', figure: spread(of('bare', 'cpuUs')) }
        }
      )
    }
  }
  return {
    figures,
    notes: [
      'session-manager, the server and the load generator (autocannon) share the cores; CPU is that of the server alone, for one request'
    ]
  }
}

export default row
