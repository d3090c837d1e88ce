import type { Plot } from '../lab/plot.ts'
import type { Spread } from '../lab/statistics.ts'

/** One line of the table: a figure of ours, what it is held against, and what it is to reach. */
export interface Figure {
  what: string
  unit: string
  ours: Spread
  against?: { name: string; figure: Spread }
  /** As the target counts it: ours to the other, or the other to ours. */
  ratio?: Spread
  target?: { text: string; met: boolean }
}

/** What a row gives: all of it goes into the JSON. */
export interface Outcome {
  figures: Figure[]
  plots?: Plot[]
  /** What must be known to read the figures. */
  notes?: string[]
}

/** What a row is given. */
export interface Bench {
  /** The short form: fewer rounds of less. */
  quick: boolean
  /** A directory of the row's own, on the machine's disk, removed afterwards. */
  directory: string
  /** Where `src` was built to. */
  dist: string
  /** The directory whose node_modules hold the peers. */
  peers: string
  /** Where to write CPU profiles of the daemons, if they are wanted. */
  profiles: string | undefined
  /** Says how far it is. */
  say: (text: string) => void
  /** Undone at the end of the row, the last one first. */
  onEnd: (undo: () => Promise<unknown> | unknown) => void
}

export type Row = (bench: Bench) => Promise<Outcome>
