import type { Count } from '../lab/verdict.ts'

/** What a cell of the matrix is given, and what it gives. */

export const phases = ['idle', 'load', 'start', 'stop', 'backfill'] as const
export type Phase = (typeof phases)[number]

/** What the phases are called where people read of them. */
export const phaseTitles: Readonly<Record<Phase, string>> = {
  idle: 'idle',
  load: '50 msg/s',
  start: 'during start',
  stop: 'during stop',
  backfill: 'during backfill'
}

/** Something that an operator could see, in the very words, and how long after the fault. */
export interface Sight {
  at_s: number
  where: 'status' | 'ready' | 'log session-manager' | 'log central-hub' | 'systemd'
  words: string
}

/** A cell that was run. All times in seconds. */
export interface Ran {
  fault: string
  phase: Phase
  /** What was done, in words. */
  did: string
  /** How long the fault lasted; 0: it was over at once. */
  held_s: number
  /** Nothing stood still for it, so nothing has to be seen. */
  quiet?: boolean
  /** From the fault to the first words that name it. */
  named_s?: number
  /**
   * From the end of the fault (of the stop: from the next start) until READY with everything in the
   * hub's REST.
   */
  recover_s?: number
  journal: Count
  hub: Count
  sse: Count
  /** How often the frontend had to read its lists again. */
  resets: number
  starts: Readonly<Record<string, number>>
  saw: Sight[]
  /** What any page tried to send. */
  outbound: number
  at: string
  seconds: number
}

/** One that was not, and why, in words. */
export interface Left {
  fault: string
  phase: Phase
  left: string
}

export type Cell = Ran | Left

export const isRan = (cell: Cell): cell is Ran => !('left' in cell)

const asItShould = ({ lost, twice, strange }: Count): boolean => lost + twice + strange === 0

/**
 * The first thing that an operator could see of the fault: a daemon that starts or stops is not
 * READY, and that is none.
 */
export const noticed = ({ phase, saw }: Pick<Ran, 'phase' | 'saw'>): Sight | undefined => {
  const down =
    /the hub does not answer \(ECONN|not started yet|asking http|is not open yet|nothing listens there/
  return saw.find(({ where, words }) => {
    // it says no more than that the machine is busy
    if (where !== 'status' && where !== 'ready') return words !== 'warn: slow request'
    return (
      !/^(ready|READY|INIT|AUTHENTICATED)$/.test(words) &&
      !((phase === 'start' || phase === 'stop') && down.test(words))
    )
  })
}

/** What is not as it should be, in words. */
export const wrong = (cell: Cell): string[] => {
  if (!isRan(cell)) return []
  const { fault, phase, recover_s, quiet, journal, hub, sse, outbound } = cell
  const faults = [
    ...Object.entries({ journal, hub, sse })
      .filter(([, count]) => !asItShould(count))
      .map(([where, count]) => `the ${where} has ${JSON.stringify(count)}`),
    ...(recover_s === undefined ? ['it did not recover by itself in the time given'] : []),
    // what is not READY yet, or no more, has nothing to tell of that
    ...(noticed(cell) === undefined && !quiet && phase !== 'start' && phase !== 'stop'
      ? ['nothing was to be seen of it']
      : []),
    ...(outbound > 0 ? [`a page tried to send ${outbound} times`] : [])
  ]
  return faults.map((what) => `${fault}, ${phaseTitles[phase]}: ${what}`)
}
