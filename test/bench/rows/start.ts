import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { centralHubEnv, freePort, sessionManagerEnv, startDaemon } from '../../end-to-end/daemon.ts'
import { notifySocket } from '../../platform/notify-socket.ts'
import { built } from '../daemons.ts'
import { fillStore } from '../fill.ts'
import type { Row } from '../row.ts'
import { cpuMs } from '../../lab/processes.ts'
import { asTest } from '../scope.ts'
import { alternate, median, spread } from '../../lab/statistics.ts'

/** From exec to READY=1, on state that is there already, against Node that does nothing. */

const row: Row = async (bench) => {
  const socket = await notifySocket(asTest(bench))
  const state = {
    hub: join(bench.directory, 'hub'),
    sessionManager: join(bench.directory, 'session-manager')
  }
  await fillStore(state.hub, { messages: 3_000, leads: 1_000 })
  const common = { NODE_ENV: 'production', LOG_LEVEL: 'info', NOTIFY_SOCKET: socket.path }
  const envs = {
    'session-manager': {
      ...sessionManagerEnv({
        port: await freePort(),
        stateDir: state.sessionManager,
        chromiumPath: '/bin/false'
      }),
      RECONNECT_MIN_DELAY: '10m',
      RECONNECT_MAX_DELAY: '1d',
      ...common
    },
    'central-hub': {
      ...centralHubEnv({
        port: await freePort(),
        stateDir: state.hub,
        sessionManager: 'http://127.0.0.1:9'
      }),
      ...common
    }
  }
  const cpu: Record<keyof typeof envs, number[]> = { 'session-manager': [], 'central-hub': [] }
  const toReady = async (service: keyof typeof envs): Promise<number> => {
    const from = socket.received.length
    // both clocks are the system's: the datagram is stamped in another process
    const started = Date.now()
    const daemon = startDaemon(service, envs[service], built(bench, service))
    const isReady = (): { at: number } | undefined =>
      socket.received.slice(from).find(({ state: text }) => text === 'READY=1')
    await daemon.seen('listening')
    while (isReady() === undefined) await new Promise((turn) => setTimeout(turn, 1))
    const { at } = isReady() as { at: number }
    cpu[service].push(cpuMs(daemon.pid))
    await daemon.end()
    return at - started
  }
  const empty = async (): Promise<number> => {
    const started = performance.now()
    await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore', env: {} }), 'exit')
    return performance.now() - started
  }
  const things = {
    hub: () => toReady('central-hub'),
    sessionManager: () => toReady('session-manager'),
    empty
  }
  for (const run of Object.values(things)) await run()
  const { hub, sessionManager, empty: nothing } = await alternate(bench.quick ? 5 : 20, things)
  const figure = (what: string, runs: number[], most: number) => {
    const more = spread(runs.map((ms, round) => ms - (nothing[round] as number)))
    return {
      what,
      unit: 'ms',
      ours: spread(runs),
      against: { name: 'node -e 0', figure: spread(nothing) },
      ratio: more,
      target: { text: `≤ ${most} ms more`, met: median(more.runs) <= most }
    }
  }
  const spent = (service: keyof typeof envs) => ({
    what: `${service}'s CPU by then`,
    unit: 'ms',
    ours: spread(cpu[service].slice(1))
  })
  return {
    figures: [
      figure('hub to READY=1', hub, 150),
      figure('session-manager to READY=1', sessionManager, 200),
      spent('central-hub'),
      spent('session-manager')
    ],
    notes: ['the ratio column holds the difference, ms']
  }
}

export default row
