import { setTimeout as delay } from 'node:timers/promises'
import { ask, token, type Daemon } from '../end-to-end/daemon.ts'
import type { WhatsAppWeb } from '../whatsapp-web/server.ts'

/**
 * What the session goes through over the day: it is lost in each of the ways there are, and the
 * device is unlinked.
 */

export interface Outage {
  kind: string
  at: string
  /** Until it was READY again. */
  seconds: number
  /** Codes that were shown, of a rotation. */
  codes?: number
  failed?: string
}

const lostMs = 60_000
const readyMs = 150_000
const codesEach = 3

export interface OutagesOptions {
  web: WhatsAppWeb
  daemon: Daemon
  reconnects: number
  rotations: number
  /** The time they are spread over, ms. */
  ms: number
}

type Way = { kind: string; fail: () => unknown; mend?: () => unknown }

/** Runs them all, spread evenly; when the time is up, what was not begun is left out. */
export const runOutages = async ({
  web,
  daemon,
  reconnects,
  rotations,
  ms
}: OutagesOptions): Promise<Outage[]> => {
  const post = (path: string): Promise<unknown> =>
    ask(`${daemon.url}${path}`, token, { method: 'POST' })
  const ways: readonly Way[] = [
    { kind: 'network cut', fail: () => web.network(false), mend: () => web.network(true) },
    { kind: 'page crashed', fail: () => web.crashPage() },
    // by itself it waits ever longer after each conflict
    { kind: 'conflict', fail: () => web.state('CONFLICT'), mend: () => post('/connect') },
    { kind: 'timeout', fail: () => web.state('TIMEOUT'), mend: () => web.state('CONNECTED') },
    {
      kind: 'browser killed',
      fail: async () => {
        const [browser] = await web.chromium()
        if (browser !== undefined) process.kill(browser, 'SIGKILL')
      }
    },
    {
      kind: 'disconnect and connect',
      fail: () => post('/disconnect'),
      mend: () => post('/connect')
    }
  ]
  const is =
    (before: number, ...statuses: string[]) =>
    (line: Record<string, unknown>): boolean =>
      statuses.includes(line['status'] as string) &&
      daemon.lines.indexOf(line as (typeof daemon.lines)[number]) >= before

  const reconnect = async ({ fail, mend }: Way): Promise<void> => {
    const before = daemon.lines.length
    const lost = daemon.seen('session', is(before, 'DISCONNECTED', 'ERROR'), lostMs)
    await Promise.all([fail(), lost])
    await delay(Math.random() * 1_000)
    await mend?.()
    await daemon.seen('session', is(before, 'READY'), readyMs)
  }
  const rotate = async (): Promise<number> => {
    const before = daemon.lines.length
    const asked = daemon.seen('session', is(before, 'QR_REQUIRED'), readyMs)
    web.logout()
    await asked
    let code = await web.qr()
    for (let codes = 1; codes < codesEach; codes += 1) code = await web.qr(code)
    await web.scan()
    await daemon.seen('session', is(before, 'READY'), readyMs)
    return codesEach
  }

  const ran: Outage[] = []
  const total = reconnects + rotations
  const restMs = Math.min(4_000, ms / total / 4)
  const started = performance.now()
  let [done, rotated] = [0, 0]
  for (let index = 0; index < total; index += 1) {
    // on a busy machine they come late, and yet not one on the heels of another: what was missed is
    // to be read back
    await delay(Math.max(restMs, started + (ms * index) / total - performance.now()))
    if (performance.now() - started > ms) break
    const rotation = rotated < Math.floor(((index + 1) * rotations) / total)
    const way = ways[done % ways.length] as Way
    const [at, from] = [new Date().toISOString(), performance.now()]
    const outage: Outage = { kind: rotation ? 'QR rotated' : way.kind, at, seconds: 0 }
    try {
      if (rotation) outage.codes = await rotate()
      else await reconnect(way)
    } catch (error) {
      outage.failed = error instanceof Error ? error.message : String(error)
      // the next one begins with everything as it should be
      await web.network(true)
      await post('/connect')
    }
    if (rotation) rotated += 1
    else done += 1
    ran.push({ ...outage, seconds: Math.round(performance.now() - from) / 1_000 })
  }
  return ran
}
