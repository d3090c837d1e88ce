import { span, width } from '../text.ts'

const terminalMs = 200
const linesMs = 5_000
/** The rate is measured over this time, ms. */
const windowMs = 15_000

const whole = new Intl.NumberFormat('en')
export const count = (rows: number): string => whole.format(rows)

interface ProgressOptions {
  /** The action, such as `copying`. */
  doing: string
  total: number
  done: number
  write(text: string): void
  terminal: boolean
  columns: number
  now?: () => number
}

interface Sample {
  at: number
  done: number
}

/**
 * Shows how far an action is. On a terminal it writes over one line. Otherwise it writes a line
 * every few seconds.
 */
export class Progress {
  readonly #options: ProgressOptions
  readonly #now: () => number
  readonly #samples: [Sample, ...Sample[]]
  #done: number
  #shownAt: number
  #isLineOpen = false

  constructor(options: ProgressOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#done = options.done
    this.#shownAt = this.#now()
    this.#samples = [{ at: this.#shownAt, done: this.#done }]
  }

  /** @param rows how many rows were added */
  add(table: string, rows: number): void {
    const { terminal, columns, write } = this.#options
    this.#done += rows
    const at = this.#now()
    if (at - this.#shownAt < (terminal ? terminalMs : linesMs)) return
    this.#shownAt = at
    this.#addSample(at)
    const text = this.#describe(table)
    this.#isLineOpen = terminal
    write(
      terminal
        ? `\r${width(text) < columns ? text : text.slice(0, columns - 1)}\u001b[K`
        : `${text}\n`
    )
  }

  /** Ends the line, so that something else can be written. */
  end(): void {
    if (this.#isLineOpen) this.#options.write('\r\u001b[K')
    this.#isLineOpen = false
  }

  #addSample(at: number): void {
    const samples = this.#samples
    samples.push({ at, done: this.#done })
    while (samples.length > 2 && at - (samples[1] as Sample).at >= windowMs) samples.shift()
  }

  #describe(table: string): string {
    const { doing, total } = this.#options
    const done = this.#done
    const [first] = this.#samples
    const rate = ((done - first.done) * 1_000) / Math.max(1, this.#now() - first.at)
    const left = rate > 0 ? `, ${span(Math.ceil((total - done) / rate) * 1_000)} left` : ''
    return (
      `migrate: ${doing} ${table}: ${count(done)} of ${count(total)} rows, ` +
      `${Math.floor((done * 100) / Math.max(1, total))} %, ` +
      `${count(Math.round(rate))} rows/s${left}`
    )
  }
}
