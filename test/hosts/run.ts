import { writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { natsReady } from './databases.ts'
import { createDice } from '../dice.ts'
import { draw, kinds, type Fault, type FaultOptions } from './faults.ts'
import { startFrontend, type Frontend } from '../lab/frontend.ts'
import { accounts, layOut, type Layout } from './layout.ts'
import { takeovers } from './owners.ts'
import type { Options, Result, Ran } from './result.ts'
import { startTraffic, type Traffic } from './traffic.ts'
import { readAll } from '../lab/verdict.ts'
import { count, delivery, told } from './verdict.ts'

/**
 * `run.ts OPTIONS RESULT`, where OPTIONS is JSON: the scenario, inside the namespaces that main.ts
 * made. Writes the result to RESULT.
 */

const [given = '{}', resultFile = ''] = process.argv.slice(2)
const options = JSON.parse(given) as Options
const started = Date.now()
const say = (text: string): void =>
  void process.stderr.write(
    `${((Date.now() - started) / 1_000).toFixed(1).padStart(7)} s  ${text}\n`
  )

/** Tries until what the fault is to hit is there. */
const make = async (kind: string, about: FaultOptions): Promise<Fault> => {
  // a cluster of three bears one failure at a time
  if (kind.includes('NATS')) await natsReady(about.layout.nats, say)
  for (const end = Date.now() + 90_000; Date.now() < end; await delay(500)) {
    const fault = kinds[kind]?.(about)
    if (fault !== undefined) return fault
  }
  throw new Error(`there was nothing for "${kind}" to hit in 90 s`)
}

/** Waits until frontends were told of all that is written by now. */
const caughtUp = async ({ sent }: Traffic, frontends: readonly Frontend[]): Promise<void> => {
  const written = sent.size
  for (
    const end = Date.now() + options.recoverMs;
    frontends.some(({ first }) => first.size < written) && Date.now() < end;
  )
    await delay(100)
}

/**
 * One fault after another: mostly once delivery has caught up with the one before, sometimes after
 * no more than a moment.
 */
const runFaults = async (
  layout: Layout,
  traffic: Traffic,
  frontends: readonly Frontend[]
): Promise<Ran[]> => {
  const random = createDice(options.seed)
  const plan = draw(random, (kind) =>
    options.without.includes(kind)
      ? 0
      : kind.startsWith('kill') || kind.endsWith('rolled')
        ? options.times
        : 1
  )
  say(`${plan.length} faults (--seed ${options.seed}): ${plan.join('; ')}`)
  const ran: Ran[] = []
  for (const kind of plan) {
    await delay(options.pauseMs * (0.5 + random()))
    const { at, run } = await make(kind, {
      layout,
      random,
      cutMs: options.cutMs,
      lostMs: options.lostMs
    })
    const from = Date.now()
    say(`${kind}: ${at}`)
    await run()
    ran.push({ kind, at, from, to: Date.now() })
    if (random() < 0.75) await caughtUp(traffic, frontends)
  }
  await delay(options.pauseMs)
  return ran
}

/**
 * Looks at the browsers' processes four times a second. @returns what it saw more than one have
 * open at a time
 */
const watchBrowsers = (layout: Layout): { seen: string[]; stop: () => void } => {
  const seen: string[] = []
  const timer = setInterval(() => {
    for (const account of layout.openTwice()) seen.push(`${new Date().toISOString()} ${account}`)
  }, 250)
  return { seen, stop: () => clearInterval(timer) }
}

/** Waits until a frontend was told of all, as long as there is progress. */
const settle = async ({ sent }: Traffic, frontends: readonly Frontend[]): Promise<void> => {
  const most = (): number => Math.min(...frontends.map(({ first }) => first.size))
  let [before, since] = [most(), Date.now()]
  while (most() < sent.size && Date.now() - since < options.patienceMs) {
    await delay(500)
    if (most() > before) [before, since] = [most(), Date.now()]
  }
}

const firstArrivals = (frontends: readonly Frontend[]): Map<string, number> => {
  const arrived = new Map<string, number>()
  for (const { first } of frontends)
    for (const [key, at] of first) arrived.set(key, Math.min(at, arrived.get(key) ?? Infinity))
  return arrived
}

const layout = await layOut({ ...options, say })
const [urlA = '', urlB = ''] = layout.hubUrls
const frontends = [
  startFrontend('on the first hub', [urlA]),
  startFrontend('on the second hub', [urlB]),
  startFrontend('on either in turn', [urlA, urlB])
]
const browsers = watchBrowsers(layout)
const phones = Object.fromEntries(
  accounts.map((account) => [account, layout.whatsapp[account].phone])
)
const traffic = startTraffic(phones, options)
const progress = setInterval(
  () =>
    say(
      `${traffic.sent.size} written, ${frontends.map(({ first }) => first.size).join(' / ')} delivered`
    ),
  15_000
)
const flowFrom = Date.now()
const faults = await runFaults(layout, traffic, frontends)
await traffic.end()
say(`all ${traffic.sent.size} are written`)
await settle(traffic, frontends)
const flowTo = Date.now()
clearInterval(progress)
browsers.stop()
const held = await Promise.all(
  frontends.slice(0, 2).map(async ({ client }) => count(traffic.sent, await readAll(client)))
)
await Promise.all(frontends.map(({ stop }) => stop()))

const arrived = firstArrivals(frontends)
const nameOf = (address: string): string =>
  Object.values(layout.hosts).find(({ wan }) => wan === address)?.name ?? address
const result: Result = {
  seed: options.seed,
  messages: traffic.sent.size,
  written_per_s: options.perSecond,
  seconds: Math.round((flowTo - flowFrom) / 1_000),
  held,
  told: frontends.map((frontend) => told(traffic.sent, frontend)),
  takeovers: accounts.flatMap((account) =>
    takeovers(account, layout.whatsapp[account].connections(), nameOf)
  ),
  browsers_at_once: browsers.seen,
  outbound: accounts.flatMap((account) =>
    layout.whatsapp[account].outbound().map(({ name }) => `${account}: ${name}`)
  ),
  faults: faults.map(({ kind, at, from, to }, index) => ({
    kind,
    at,
    seconds: (to - from) / 1_000,
    ...delivery(traffic.sent, arrived, from, faults[index + 1]?.from ?? flowTo)
  })),
  starts: [
    ...layout.nats,
    layout.postgres,
    ...layout.hubs,
    ...accounts.flatMap((account) => layout.sessionManagers[account])
  ].map(({ name, starts }) => ({ name, starts: starts() }))
}
writeFileSync(resultFile, JSON.stringify(result, null, 2))
// whatever runs here ends with this process
process.exit(0)
