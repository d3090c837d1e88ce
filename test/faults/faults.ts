import { descendants, killAll } from '../lab/processes.ts'
import { lowestFree, limitFiles } from './machine.ts'
import type { Phase } from './result.ts'
import type { Rig } from './rig.ts'

/** Everything that is done to a stack: each in words, and truly. */

export interface Fault {
  name: string
  /** What must be there for it to hit: a process, the browser, a page that is connected. */
  needs: 'process' | 'chromium' | 'page'
  /** The hub is what it hits. */
  ofHub?: boolean
  /** It makes sense only with a machine of the cell's own, which needs root. */
  isolated?: boolean
  proxied?: boolean
  /** Of session-manager, where what the rig hastens would hide how the fault is met. */
  env?: Record<string, string>
  /** How long it lasts, ms; without, it is over at once. */
  holdMs?: number
  /** Words by which somebody who reads them knows what is the matter. */
  names: RegExp
  /** Does it. @returns what it did, in words, and how it ends if it lasts */
  make(rig: Rig): Promise<{ did: string; end?: () => unknown }>
  /** What a person has to do before it can recover. */
  person?: (rig: Rig) => Promise<void>
  /** What is written meanwhile tells nobody: only reading back finds it. */
  silent?: boolean
  /** Nothing stands still for it: that nothing is to be seen is as it should be. */
  quiet?: boolean
  /** Where it makes no sense, and why. */
  not?: Partial<Record<Phase, string>>
}

const killed = async (rig: Rig, ...types: string[]): Promise<{ did: string }> => {
  const found = await Promise.all(
    types.map(async (type) => ({ type, pids: await rig.web.chromium(type) }))
  )
  for (const { pids } of found) killAll(pids)
  const words = found.map(({ type, pids }) =>
    pids.length === 0
      ? `there is no ${type} process in this Chromium`
      : `SIGKILL to ${pids.length} ${type} process${pids.length === 1 ? '' : 'es'}`
  )
  return { did: words.join('; ') }
}

const scan = async (rig: Rig): Promise<void> => {
  if (!(await rig.until(() => rig.web.shownQr() !== undefined, 120_000)))
    throw new Error('no code was shown to scan')
  await rig.web.scan()
}

const nodes = (rig: Rig): number[] =>
  [rig.sessionManager.pid(), rig.hub.pid()].filter((pid) => pid !== undefined)

/** How far a daemon's time of day is from ours, h. */
const hoursOff = async (url: string): Promise<string> => {
  const { timestamp } = (await (await fetch(`${url}/health`)).json()) as { timestamp: string }
  return ((Date.parse(timestamp) - Date.now()) / 3_600_000).toFixed(1)
}

const state = (name: string, more: Partial<Fault> & Pick<Fault, 'names'>): Fault => ({
  name,
  needs: 'page',
  make: async ({ web }) => (
    web.state(name.split(' ').at(-1) as string),
    { did: `the page's socket goes to ${name.split(' ').at(-1)}` }
  ),
  ...more
})

const clock = (name: string, seconds: number): Fault => ({
  name,
  needs: 'chromium',
  isolated: true,
  holdMs: 12_000,
  silent: true,
  quiet: true,
  names: /clock|time of day|jump/i,
  make: async ({ machine, sessionManager, hub }) => {
    machine?.clock(seconds)
    const told = await Promise.all(
      [sessionManager, hub].map(
        async ({ name, url }) => `${name} says ${await hoursOff(url).catch(() => 'nothing')}`
      )
    )
    return {
      did: `the time of day of both daemons and Chromium is ${seconds / 3_600} h off (${told.join(', ')}), then right again`,
      end: () => machine?.clock(0)
    }
  }
})

const upstream = (
  name: string,
  how: 'slow' | 'hung' | 'half-open',
  holdMs: number,
  did: string
): Fault => ({
  name,
  needs: 'process',
  proxied: true,
  holdMs,
  names: /does not answer|no byte came|cannot be reached|stalled|TIMEOUT/i,
  make: async ({ proxy }) => {
    proxy?.be(how)
    return { did, end: () => proxy?.be('well') }
  }
})

export const faults: readonly Fault[] = [
  {
    name: 'session-manager killed',
    needs: 'process',
    names: /session-manager.*(killed|cannot be reached)/,
    make: async ({ sessionManager }) => (sessionManager.kill('SIGKILL'), { did: 'SIGKILL' })
  },
  {
    name: 'hub killed',
    needs: 'process',
    ofHub: true,
    names: /central-hub.*killed|hub does not answer/,
    make: async ({ hub }) => (hub.kill('SIGKILL'), { did: 'SIGKILL' })
  },
  {
    name: 'Chromium killed',
    needs: 'chromium',
    names: /Chromium (exited|or its page closed)|browser/i,
    make: async ({ web }) => (
      killAll((await web.chromium()).slice(0, 1)), { did: 'SIGKILL to the browser process' }
    )
  },
  // so a page crashes; to close it, one would need the pipe to Chromium that only session-manager
  // has
  {
    name: 'renderer killed',
    needs: 'chromium',
    names: /page crashed|page closed|Chromium exited/,
    make: (rig) => killed(rig, 'renderer')
  },
  {
    name: 'GPU and utility processes killed',
    needs: 'chromium',
    names: /page crashed|page closed|Chromium|lost its connection/,
    make: (rig) => killed(rig, 'gpu-process', 'utility')
  },
  {
    name: 'page hangs',
    needs: 'page',
    names: /page does not answer/,
    make: async ({ web }) => (web.hangPage(), { did: 'an endless loop in the page' })
  },
  {
    name: 'network cut',
    needs: 'chromium',
    holdMs: 10_000,
    names: /lost its connection|unreachable/,
    make: async ({ web }) => {
      await web.network(false)
      return {
        did: 'every connection to WhatsApp cut, and none taken',
        end: () => web.network(true)
      }
    }
  },
  {
    name: 'disk full',
    needs: 'process',
    isolated: true,
    holdMs: 10_000,
    names: /full|disk|ENOSPC|journal cannot be written|no space/i,
    make: async ({ machine }) => (
      machine?.full(true),
      { did: 'both state directories filled, and kept so', end: () => machine?.full(false) }
    )
  },
  {
    name: 'disk slow',
    needs: 'process',
    isolated: true,
    holdMs: 10_000,
    names: /slow|disk|late/i,
    make: async ({ machine }) => (
      machine?.slow(1_000),
      { did: 'each fsync takes 1 s longer, each write 0.1 s', end: () => machine?.slow(0) }
    )
  },
  {
    name: 'disk read-only',
    needs: 'process',
    isolated: true,
    holdMs: 10_000,
    names: /read-?only|EROFS|journal cannot be written|disk I\/O/i,
    make: async ({ machine }) => (
      machine?.readOnly(true),
      {
        did: 'EROFS for all that is written in both state directories',
        end: () => machine?.readOnly(false)
      }
    )
  },
  clock('clock +1 day', 86_400),
  clock('clock -1 day', -86_400),
  {
    name: 'memory pressure',
    needs: 'chromium',
    isolated: true,
    holdMs: 10_000,
    quiet: true,
    names: /crashed|killed|closed|exited|memory/i,
    make: async ({ machine, sessionManager }) => {
      const pid = sessionManager.pid()
      const end = machine?.squeeze(
        pid === undefined ? [] : [pid, ...descendants(pid).map((found) => found.pid)]
      )
      return {
        did: 'session-manager and its Chromium may take 4 MiB more than they have; the kernel kills for it',
        ...(end ? { end } : {})
      }
    }
  },
  {
    name: 'no file descriptors',
    needs: 'process',
    isolated: true,
    holdMs: 10_000,
    quiet: true,
    names: /EMFILE|too many open files|descriptor/i,
    make: async (rig) => {
      const pids = nodes(rig)
      for (const pid of pids) limitFiles(pid, lowestFree(pid))
      return {
        did: `neither daemon (${pids.length} running) can open a file or take a connection`,
        end: () => nodes(rig).forEach((pid) => limitFiles(pid, undefined))
      }
    }
  },
  {
    name: 'logout',
    needs: 'page',
    names: /unlinked this device|QR/,
    make: async ({ web }) => (
      web.logout(),
      { did: 'the phone unlinks its devices; a person scans the code that is shown then' }
    ),
    person: scan
  },
  state('CONFLICT', { names: /another browser|CONFLICT/ }),
  state('TOS_BLOCK', { names: /blocked this account/ }),
  state('TIMEOUT', {
    names: /TIMEOUT/,
    holdMs: 5_000,
    make: async ({ web }) => (
      web.state('TIMEOUT'),
      {
        did: "the page's socket goes to TIMEOUT, and to CONNECTED 5 s later",
        end: () => web.state('CONNECTED')
      }
    )
  }),
  {
    name: 'version changed',
    needs: 'page',
    holdMs: 15_000,
    names: /version|lacks|missing|module/i,
    make: async ({ web }) => {
      web.scenario.missing = ['WAWebSocketModel']
      web.state('DEPRECATED_VERSION')
      return {
        did: 'DEPRECATED_VERSION; the page loaded next lacks WAWebSocketModel for 15 s',
        end: () => (web.scenario.missing = [])
      }
    }
  },
  {
    name: 'silent stall',
    needs: 'page',
    env: { BACKFILL_INTERVAL: '5m', LOG_LEVEL: 'debug' },
    names: /stall|silent|told nobody|missed|read back/i,
    make: async ({ web, sessionManager, status, until }) => {
      // not in the moment of READY, in which what comes may still be read back as missed before
      if ((await status())?.status === 'READY')
        await until(
          async () => sessionManager.lines.some(({ event }) => event === 'stall_watch'),
          10_000
        )
      web.stall(true, 'reload')
      return { did: 'the page takes everything in and tells nobody, until it is loaded anew' }
    }
  },
  {
    name: 'session-manager stopped (SIGSTOP)',
    needs: 'process',
    names: /does not answer|Watchdog|no byte came/,
    make: async ({ sessionManager }) => (
      sessionManager.kill('SIGSTOP'), { did: 'SIGSTOP, and nobody sends SIGCONT' }
    )
  },
  upstream(
    'upstream hung',
    'hung',
    15_000,
    'connections to session-manager are taken, and nothing goes through for 15 s'
  ),
  {
    ...upstream(
      'upstream slow',
      'slow',
      15_000,
      'all between the hub and session-manager takes 1.5 s, each way, for 15 s'
    ),
    quiet: true
  },
  upstream(
    'half-open TCP',
    'half-open',
    5_000,
    'what is open between the hub and session-manager is dead from then on, and nobody is told'
  )
]

/** Resolves once what the fault hits is there. @returns whether it is */
export const thereFor = (fault: Fault, rig: Rig): Promise<boolean> =>
  rig.until(async () => {
    if (fault.needs === 'process')
      return (fault.ofHub ? rig.hub : rig.sessionManager).pid() !== undefined
    if (fault.needs === 'page') return rig.web.isConnected()
    return (await rig.web.chromium('renderer')).length > 0
  }, 60_000)
