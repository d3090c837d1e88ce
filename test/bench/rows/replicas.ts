import { setTimeout as delay } from 'node:timers/promises'
import { apiToken } from '../../end-to-end/daemon.ts'
import { startFleet, type Cpu, type Hubs } from '../fleet.ts'
import { bear } from '../load.ts'
import { residentMb } from '../../lab/processes.ts'
import type { Figure, Row } from '../row.ts'
import { ratios, spread } from '../../lab/statistics.ts'

/**
 * 1, 2 and 4 hubs on one PostgreSQL: what they take of the records of 200 accounts in NATS, how
 * many requests they answer, and what a record and a request cost each hub and the database.
 */

const accounts = 200
const path = '/api/leads?limit=50'

/** What some of the time cost, for one record or request, µs. */
interface Cost {
  rate: number
  hub: number
  database: number
  nats: number
  /** Of the hub that did most, of all. */
  most: number
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
const between = (before: Cpu, after: Cpu, count: number, ms: number): Cost => {
  const hubs = after.hubs.map((value, at) => value - (before.hubs[at] as number))
  const us = (value: number): number => (value * 1_000) / count
  return {
    rate: (count * 1_000) / ms,
    hub: us(sum(hubs)),
    database: us(after.database - before.database),
    nats: us(after.nats - before.nats),
    most: Math.max(...hubs) / sum(hubs)
  }
}

const row: Row = async (bench) => {
  const [each, rounds, seconds] = bench.quick ? [10, 1, 1] : [50, 2, 3]
  const fleet = await startFleet(bench, accounts)
  const sizeOf = ({ daemons }: Hubs): number =>
    Math.max(...daemons.map(({ pid }) => residentMb(pid)))
  const taken = async (
    hubs: Hubs,
    count: number,
    look: () => void = () => undefined
  ): Promise<void> => {
    for (const end = Date.now() + 120_000; (await hubs.taken()) < count; await delay(50)) {
      if (Date.now() > end) throw new Error(`${count} records were not taken within two minutes`)
      look()
    }
  }

  // as it is in the day: each account's messages by themselves
  const day = await fleet.hubs(1)
  const settleMs = bench.quick ? 1_000 : 8_000
  day.release()
  await delay(settleMs)
  const idle = sizeOf(day)
  let total = await fleet.publish({ each: 1 })
  await taken(day, total)
  const [before, started] = [day.cpu(), performance.now()]
  const perSecond = 400
  const live = await fleet.publish({ each: bench.quick ? 2 : 20, at: perSecond })
  total += live
  await taken(day, total)
  const ofDay = between(before, day.cpu(), live, performance.now() - started)
  const busy = sizeOf(day)
  await day.end()
  // nothing comes: what it costs to wait for it, and to stand by
  const pair = await fleet.hubs(2)
  pair.release()
  await taken(pair, total)
  await delay(settleMs)
  const quiet = pair.cpu()
  await delay(settleMs)
  const waiting = pair.cpu()
  await pair.end()
  const share = (from: number, to: number): number => ((to - from) * 100) / settleMs
  const quietShares = waiting.hubs
    .map((value, at) => share(quiet.hubs[at] as number, value))
    .toSorted((a, b) => a - b)
  bench.say(
    `while nothing comes, two hubs use ${quietShares.map((value) => value.toFixed(1)).join(' and ')} % of a core, the database ${share(quiet.database, waiting.database).toFixed(1)} %, NATS ${share(quiet.nats, waiting.nats).toFixed(1)} %`
  )
  bench.say(
    `at ${ofDay.rate.toFixed(0)}/s: a record costs the hub ${ofDay.hub.toFixed(0)} µs, the database ${ofDay.database.toFixed(0)} µs, NATS ${ofDay.nats.toFixed(0)} µs`
  )

  total += await fleet.publish({ each })
  const catchUp = async (hubs: Hubs): Promise<Cost & { mb: number }> => {
    const [cpu, had, from] = [hubs.cpu(), await hubs.taken(), performance.now()]
    let mb = 0
    hubs.release()
    await taken(hubs, total, () => (mb = Math.max(mb, sizeOf(hubs))))
    return { ...between(cpu, hubs.cpu(), total - had, performance.now() - from), mb }
  }
  const answer = async (hubs: Hubs): Promise<Cost> => {
    const bearAll = (time: number) =>
      Promise.all(
        hubs.daemons.map((hub) =>
          bear(bench, hub, hub.url + path, {
            connections: 64 / hubs.daemons.length,
            seconds: time,
            bearer: apiToken
          })
        )
      )
    await bearAll(1)
    const [cpu, from] = [hubs.cpu(), performance.now()]
    const loads = await bearAll(seconds)
    return {
      ...between(
        cpu,
        hubs.cpu(),
        sum(loads.map(({ rate }) => rate)) * seconds,
        performance.now() - from
      ),
      rate: sum(loads.map(({ rate }) => rate))
    }
  }
  const runs: Record<string, { taking: (Cost & { mb: number })[]; answering: Cost[] }> = {}
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, count, on] of [
      ['file', 1, 'file'],
      ['1', 1, 'database'],
      ['2', 2, 'database'],
      ['4', 4, 'database']
    ] as const) {
      const hubs = await fleet.hubs(count, on)
      const run = (runs[name] ??= { taking: [], answering: [] })
      const took = await catchUp(hubs)
      const answered = await answer(hubs)
      run.taking.push(took)
      run.answering.push(answered)
      const faults = hubs.daemons
        .flatMap(({ lines }) => lines)
        .filter(({ level }) => level !== 'info')
      for (const [event, of] of Map.groupBy(faults, ({ event = '' }) => event))
        bench.say(`${name}: ${of.length} times ${event}: ${of[0]?.msg}`)
      await hubs.end()
      bench.say(
        `${name}: ${took.rate.toFixed(0)} records/s (hub ${took.hub.toFixed(0)} µs, database ${took.database.toFixed(0)} µs, NATS ${took.nats.toFixed(0)} µs, most by one ${took.most.toFixed(2)}, ${took.mb.toFixed(0)} MB); ${answered.rate.toFixed(0)} requests/s (hub ${answered.hub.toFixed(0)} µs, database ${answered.database.toFixed(0)} µs)`
      )
    }
  }
  const of = (name: string, what: 'taking' | 'answering', key: keyof Cost): number[] =>
    (runs[name]?.[what] ?? []).map((cost) => cost[key])
  const one = (value: number) => spread([value])
  const against = (
    name: string,
    other: string,
    what: 'taking' | 'answering',
    key: keyof Cost
  ): Pick<Figure, 'ours' | 'against' | 'ratio'> => ({
    ours: spread(of(name, what, key)),
    against: {
      name: other === 'file' ? 'one hub on SQLite' : 'one hub',
      figure: spread(of(other, what, key))
    },
    ratio: ratios(of(name, what, key), of(other, what, key))
  })
  const figures: Figure[] = [
    { what: 'records, 1 hub', unit: '/s', ...against('1', 'file', 'taking', 'rate') },
    ...['2', '4'].map(
      (name): Figure => ({
        what: `records, ${name} hubs`,
        unit: '/s',
        ...against(name, '1', 'taking', 'rate')
      })
    ),
    { what: 'requests, 1 hub', unit: '/s', ...against('1', 'file', 'answering', 'rate') },
    ...['2', '4'].map(
      (name): Figure => ({
        what: `requests, ${name} hubs`,
        unit: '/s',
        ...against(name, '1', 'answering', 'rate')
      })
    ),
    { what: 'CPU of a record, hub', unit: 'µs', ...against('1', 'file', 'taking', 'hub') },
    { what: 'CPU of a record, database', unit: 'µs', ours: spread(of('1', 'taking', 'database')) },
    { what: 'CPU of a record, NATS', unit: 'µs', ours: spread(of('1', 'taking', 'nats')) },
    { what: 'CPU of a request, hub', unit: 'µs', ...against('1', 'file', 'answering', 'hub') },
    {
      what: 'CPU of a request, database',
      unit: 'µs',
      ours: spread(of('1', 'answering', 'database'))
    },
    { what: 'CPU of a record by itself, hub', unit: 'µs', ours: one(ofDay.hub) },
    { what: 'CPU of a record by itself, database', unit: 'µs', ours: one(ofDay.database) },
    {
      what: 'CPU of two hubs while nothing comes',
      unit: '% of a core',
      ours: one(sum(quietShares))
    },
    { what: 'memory of a hub, idle', unit: 'MB', ours: one(idle) },
    { what: `memory of a hub, at ${perSecond} records/s`, unit: 'MB', ours: one(busy) },
    {
      what: 'memory of a hub, catching up',
      unit: 'MB',
      ours: spread((runs['1']?.taking ?? []).map(({ mb }) => mb))
    }
  ]
  return {
    figures,
    notes: [
      `${accounts} accounts; hubs, PostgreSQL (fsync on), NATS and the load generator share the cores, so that more hubs cannot be faster than the machine: what a record and a request cost is what tells what more cores would bear`,
      `records come in groups while hubs catch up, and mostly one by one at ${perSecond}/s; requests are GET ${path}, on 64 connections altogether`
    ]
  }
}

export default row
