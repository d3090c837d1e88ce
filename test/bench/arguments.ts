import { parseArgs } from 'node:util'

/** The rows in the order in which they run. */
export const rowNames = [
  'rest',
  'hop',
  'start',
  'lists',
  'follow',
  'backfill',
  'delivery',
  'capture',
  'memory',
  'replicas'
] as const
export type RowName = (typeof rowNames)[number]

export const usage = `usage: npm run bench -- [--quick] [--only ROW]... [--json FILE] [--plots DIR] [--profiles DIR]
rows: ${rowNames.join(', ')}`

export interface Arguments {
  quick: boolean
  rows: readonly RowName[]
  json: string | undefined
  plots: string | undefined
  /** For CPU profiles of the daemons; they cost some of what is measured. */
  profiles: string | undefined
}

/** @throws when they are not as `usage` says */
export const readArguments = (args: readonly string[]): Arguments => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      json: { type: 'string' },
      plots: { type: 'string' },
      profiles: { type: 'string' }
    }
  })
  const unknown = values.only?.find((name) => !rowNames.some((row) => row === name))
  if (unknown !== undefined) throw new Error(`there is no row "${unknown}"`)
  return {
    quick: values.quick,
    rows: rowNames.filter((row) => values.only?.includes(row) ?? true),
    json: values.json,
    plots: values.plots,
    profiles: values.profiles
  }
}
