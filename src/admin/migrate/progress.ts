import { span, width } from '../text.ts'

/**
 * How far it is: on a terminal one line that is written over, elsewhere a line every few seconds.
 */
export interface Progress {
  /** @param rows there are so many more */
  add(what: string, rows: number): void
  /** Ends the line, so that something else can be said. */
  end(): void
}

const terminalMs = 200
const linesMs = 5_000
/** The rate is that of so long, ms. */
const windowMs = 15_000

const whole = new Intl.NumberFormat('en')
export const count = (rows: number): string => whole.format(rows)

interface ProgressOptions {
  /** What is done, such as `copying`. */
  doing: string
  total: number
  done: number
  write(text: string): void
  terminal: boolean
  columns: number
  now?: () => number
}

export const createProgress = ({
  doing,
  total,
  done: before,
  write,
  terminal,
  columns,
  now = Date.now
}: ProgressOptions): Progress => {
  const samples = [{ at: now(), done: before }]
  let done = before
  let shown = samples[0]?.at as number
  let open = false

  const line = (what: string): string => {
    const [first] = samples as [(typeof samples)[0]]
    const rate = ((done - first.done) * 1_000) / Math.max(1, now() - first.at)
    const left = rate > 0 ? `, ${span(Math.ceil((total - done) / rate) * 1_000)} left` : ''
    return (
      `migrate: ${doing} ${what}: ${count(done)} of ${count(total)} rows, ` +
      `${Math.floor((done * 100) / Math.max(1, total))} %, ${count(Math.round(rate))} ` +
      `rows/s${left}`
    )
  }
  return {
    add: (what, rows) => {
      done += rows
      const at = now()
      if (at - shown < (terminal ? terminalMs : linesMs)) return
      shown = at
      samples.push({ at, done })
      while (samples.length > 2 && at - (samples[1] as (typeof samples)[0]).at >= windowMs)
        samples.shift()
      const text = line(what)
      open = terminal
      write(
        terminal
          ? `\r${width(text) < columns ? text : text.slice(0, columns - 1)}\u001b[K`
          : `${text}\n`
      )
    },
    end: () => {
      if (open) write('\r\u001b[K')
      open = false
    }
  }
}
