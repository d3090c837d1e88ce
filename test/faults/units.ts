import { spawn, type ChildProcess } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import type { Line } from '../end-to-end/daemon.ts'

/**
 * The part of systemd that the units ask for: Restart=always, RestartSec=, WatchdogSec=,
 * TimeoutStopSec=.
 */

export interface Unit {
  name: 'session-manager' | 'central-hub'
  url: string
  pid(): number | undefined
  starts(): number
  /** Resolves once it is READY=1. */
  start(): Promise<void>
  /** SIGTERM, and SIGKILL when that takes too long. */
  stop(): Promise<void>
  /** try-restart: only if it runs. */
  restart(): Promise<void>
  kill(signal: NodeJS.Signals): void
  /** Of all its processes, in their order. */
  lines: readonly (Line & { at: number })[]
  /** What systemd itself would say of it. */
  said: readonly { at: number; words: string }[]
}

export interface UnitOptions {
  name: Unit['name']
  url: string
  /** What is run, its environment in it. */
  command: readonly string[]
  notify: Notifications
  stopMs: number
  /** Whatever of it still runs once its main process is gone is killed: KillMode=mixed. */
  bury: () => Promise<void>
  /** It was started again after a failure: what requires it is, too. */
  onRestarted?: () => void
}

const restartMs = 3_000
const watchdogMs = 30_000
const abortMs = 5_000

export const makeUnit = ({
  name,
  url,
  command,
  notify,
  stopMs,
  bury,
  onRestarted
}: UnitOptions): Unit => {
  const lines: (Line & { at: number })[] = []
  const said: { at: number; words: string }[] = []
  let child: ChildProcess | undefined
  let wanted = false
  let starts = 0
  let stops = 0
  /** What comes after a process has gone: nothing is begun before that is over. */
  let exiting = Promise.resolve()
  let alive = Date.now()
  let timer: NodeJS.Timeout | undefined
  const say = (words: string): void =>
    void said.push({ at: Date.now(), words: `leadmaster-${name}.service: ${words}` })

  notify.on(name, (state) => {
    if (/^(WATCHDOG|READY)=1/m.test(state)) alive = Date.now()
  })
  /** Looks whether it still says that it lives. */
  const watch = async (mine: ChildProcess): Promise<void> => {
    while (mine === child) {
      await delay(250, undefined, { ref: false })
      if (mine !== child || Date.now() - alive < watchdogMs) continue
      say(`Watchdog timeout (limit 30s)! Killing process ${mine.pid} with signal SIGABRT.`)
      mine.kill('SIGABRT')
      const late = setTimeout(() => mine.kill('SIGKILL'), abortMs)
      await once(mine, 'exit')
      clearTimeout(late)
      return
    }
  }
  const begin = (): void => {
    starts += 1
    alive = Date.now() + 60_000 // TimeoutStartSec= watches it until READY=1
    const [program = '', ...args] = command
    const mine = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child = mine
    const take = (text: string): void => {
      const at = Date.now()
      try {
        lines.push({ ...(JSON.parse(text) as Line), at })
      } catch {
        lines.push({ level: 'raw', service: name, msg: text, at })
      }
    }
    for (const stream of [mine.stdout, mine.stderr]) createInterface(stream).on('line', take)
    mine.once('exit', (code, signal) => {
      exiting = ended(code, signal)
    })
    void watch(mine)
  }
  const ended = async (code: number | null, signal: NodeJS.Signals | null): Promise<void> => {
    child = undefined
    await bury()
    if (wanted || (signal !== null && signal !== 'SIGTERM'))
      say(
        signal === null
          ? `Main process exited, code=exited, status=${code}`
          : `Main process exited, code=killed, status=${signal.slice(3)}`
      )
    if (!wanted) return
    if (code === 78) return // RestartPreventExitStatus=78
    timer = setTimeout(() => {
      say('Scheduled restart job.')
      begin()
      onRestarted?.()
    }, restartMs)
  }
  const stop = async (): Promise<void> => {
    wanted = false
    stops += 1
    clearTimeout(timer)
    if (child !== undefined) await end(child)
    await exiting
  }
  const end = async (mine: ChildProcess): Promise<void> => {
    const late = setTimeout(() => {
      say("State 'stop-sigterm' timed out. Killing.")
      mine.kill('SIGKILL')
    }, stopMs)
    const gone = once(mine, 'exit')
    mine.kill('SIGTERM')
    await gone
    clearTimeout(late)
  }
  return {
    name,
    url,
    lines,
    said,
    stop,
    pid: () => child?.pid,
    starts: () => starts,
    start: async () => {
      wanted = true
      const ready = notify.next(name, /^READY=1/m)
      begin()
      await ready
    },
    restart: async () => {
      if (!wanted) return
      const stopped = stop()
      const mine = stops
      await stopped
      // Somebody else stopped it since.
      if (stops !== mine) return
      wanted = true
      begin()
    },
    kill: (signal) => void child?.kill(signal)
  }
}

export interface Notifications {
  path(name: Unit['name']): string
  on(name: Unit['name'], told: (state: string) => void): void
  /** Resolves with the next that fits. */
  next(name: Unit['name'], fits: RegExp): Promise<void>
  close(): Promise<void>
}

/** Node has no datagram sockets of AF_UNIX: Python holds them and prints what comes. */
const program = `
import json, os, select, socket, sys
names = {}
for name in sys.argv[2:]:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(sys.argv[1] + '/' + name)
    os.chmod(sys.argv[1] + '/' + name, 0o777)
    names[s] = name
print(json.dumps(['', 'bound']), flush=True)
while True:
    for s in select.select(list(names), [], [])[0]:
        print(json.dumps([names[s], s.recv(65536).decode()]), flush=True)
`

/** @param directory short: sun_path holds 108 bytes */
export const openNotifications = async (directory: string): Promise<Notifications> => {
  const python = spawn(
    '/usr/bin/python3',
    ['-c', program, directory, 'session-manager', 'central-hub'],
    { stdio: ['ignore', 'pipe', 'inherit'] }
  )
  const news = new EventEmitter().setMaxListeners(0)
  createInterface(python.stdout).on('line', (line) =>
    news.emit(...(JSON.parse(line) as [string, string]))
  )
  await once(news, '')
  return {
    path: (name) => `${directory}/${name}`,
    on: (name, told) => void news.on(name, told),
    next: (name, fits) =>
      new Promise((resolve) => {
        const look = (state: string): void => {
          if (!fits.test(state)) return
          news.off(name, look)
          resolve()
        }
        news.on(name, look)
      }),
    close: async () => {
      const ended = once(python, 'close')
      python.kill('SIGKILL')
      await ended
    }
  }
}
