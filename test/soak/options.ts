import { parseArgs } from 'node:util'

export const usage = `usage: npm run soak -- [--minutes N] [--messages N] [--reconnects N] [--rotations N] [--json FILE] [--plots DIR] [--keep DIR]
  --minutes N    that the simulated day takes, 65 if left out
  --messages N   written in it, 1000000 if left out
  --reconnects N times that the session is lost, 200; --rotations N times that the device is unlinked and a QR scanned, 50
  --keep DIR     an empty directory for what runs; samples, logs and databases stay in it`

/** What a soak is to do. */
export interface Options {
  minutes: number
  messages: number
  reconnects: number
  rotations: number
  /** How long the hub keeps messages, by the simulated clock. */
  keptHours: number
  /** How often all is measured, ms. */
  sampleMs: number
  /** Where src was built to; without it the daemons run from src. */
  dist?: string
  /** Of the run's own. */
  directory: string
}

export interface Arguments extends Omit<Options, 'directory' | 'keptHours' | 'sampleMs' | 'dist'> {
  json: string | undefined
  plots: string | undefined
  keep: string | undefined
}

/** @throws when they are not as `usage` says */
export const readArguments = (args: readonly string[]): Arguments => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: text,
      messages: text,
      reconnects: text,
      rotations: text,
      json: text,
      plots: text,
      keep: text
    }
  })
  const number = (
    name: 'minutes' | 'messages' | 'reconnects' | 'rotations',
    usual: number
  ): number => {
    const value = Number(values[name] ?? usual)
    if (!(value >= 0) || (name === 'minutes' ? value === 0 : !Number.isInteger(value)))
      throw new Error(`--${name}: expected a number`)
    return value
  }
  return {
    minutes: number('minutes', 65),
    messages: number('messages', 1_000_000),
    reconnects: number('reconnects', 200),
    rotations: number('rotations', 50),
    json: values.json,
    plots: values.plots,
    keep: values.keep
  }
}
