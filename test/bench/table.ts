import { inShort } from '../lab/plot.ts'
import type { Spread } from '../lab/statistics.ts'
import type { Figure } from './row.ts'

const inFull = ({ median, min, max, runs }: Spread): string =>
  runs.length < 2 ? inShort(median) : `${inShort(median)} (${inShort(min)}–${inShort(max)})`

const head = [
  'row',
  'what',
  'LeadMaster',
  'against',
  'its figure',
  'ratio',
  'to reach',
  ''
] as const

const cells = (row: string, { what, unit, ours, against, ratio, target }: Figure): string[] => [
  row,
  what,
  `${inFull(ours)} ${unit}`,
  against?.name ?? '',
  against === undefined ? '' : `${inFull(against.figure)} ${unit}`,
  ratio === undefined ? '' : inFull(ratio),
  target?.text ?? '',
  target === undefined ? '' : target.met ? 'yes' : 'NO'
]

/** The figures as a table in Markdown: medians, with min and max of the rounds in parentheses. */
export const table = (rows: readonly { row: string; figures: readonly Figure[] }[]): string => {
  const lines = [
    [...head],
    ...rows.flatMap(({ row, figures }) => figures.map((figure) => cells(row, figure)))
  ]
  const widths = head.map((_, column) =>
    Math.max(3, ...lines.map((line) => (line[column] as string).length))
  )
  const drawn = lines.map(
    (line) => `| ${line.map((cell, column) => cell.padEnd(widths[column] as number)).join(' | ')} |`
  )
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [drawn[0], rule, ...drawn.slice(1)].join('\n')
}
