/** What Stryker reports, and what is counted of it. */

/** A part of the report of Stryker, by its mutation-testing-report-schema. */
export interface StrykerReport {
  files: Record<string, { source: string; mutants: StrykerMutant[] }>
}

export interface StrykerMutant {
  mutatorName: string
  replacement?: string
  status:
    | 'Killed'
    | 'Survived'
    | 'NoCoverage'
    | 'Timeout'
    | 'CompileError'
    | 'RuntimeError'
    | 'Ignored'
    | 'Pending'
  location: { start: Place; end: Place }
}

/** Both count from 1. */
interface Place {
  line: number
  column: number
}

/** A survivor that changes nothing that a user or an operator could see. */
export interface WithoutEffect {
  /** Below src. */
  file: string
  /**
   * The line or the statement where the mutant begins. White space, parentheses and commas do not
   * count.
   */
  line: string
  /** What Stryker puts there, without line ends and their indentation. */
  replacement: string
  reason: string
}

export interface Survivor {
  file: string
  line: number
  /** How much of the bare source comes before it. */
  place: number
  /** The source line, the part that is replaced, and by what. */
  source: string
  original: string
  replacement: string
}

export interface Score {
  /** All that could be judged: not the ignored ones. */
  mutants: number
  killed: number
  timedOut: number
  survivors: Survivor[]
  /** Survivors of which the list says why they have no effect. */
  withoutEffect: Survivor[]
  /** Percent caught, of those with an effect. */
  score: number
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ').trim()

const textBetween = (
  lines: readonly string[],
  { start, end }: StrykerMutant['location']
): string => {
  const part = lines.slice(start.line - 1, end.line)
  if (part.length === 0) return ''
  part[part.length - 1] = (part.at(-1) ?? '').slice(0, end.column - 1)
  part[0] = (part[0] ?? '').slice(start.column - 1)
  return oneLine(part.join('\n'))
}

/**
 * What is left of a source whatever its format: no white space, parentheses, commas and semicolons.
 */
const bare = (text: string): string => text.replace(/[\s(),;]/g, '')

/** Where a line or a statement begins in a source, both of any format. */
const placesOf = (source: string, line: string): number[] => {
  const [whole, part] = [bare(source), bare(line)]
  const places: number[] = []
  for (let at = whole.indexOf(part); at >= 0; at = whole.indexOf(part, at + 1)) places.push(at)
  return places
}

/** Whether a source has a line or a statement, in any format. */
export const has = (source: string, line: string): boolean => placesOf(source, line).length > 0

const survivorOf = (file: string, source: string, mutant: StrykerMutant): Survivor => {
  const lines = source.split('\n')
  const { line, column } = mutant.location.start
  const before = [...lines.slice(0, line - 1), (lines[line - 1] ?? '').slice(0, column - 1)].join(
    '\n'
  )
  return {
    file,
    line,
    place: bare(before).length,
    source: (lines[line - 1] ?? '').trim(),
    original: textBetween(lines, mutant.location),
    replacement: oneLine(mutant.replacement ?? '')
  }
}

const isListed = (survivor: Survivor, source: string, list: readonly WithoutEffect[]): boolean =>
  list.some(
    ({ file, line, replacement }) =>
      survivor.file === `src/${file}` &&
      replacement === survivor.replacement &&
      placesOf(source, line).some(
        (at) => at <= survivor.place && survivor.place < at + bare(line).length
      )
  )

/** Counts a report. A mutant that makes a test run out of time is caught. */
export const scoreOf = (report: StrykerReport, list: readonly WithoutEffect[]): Score => {
  let [killed, timedOut] = [0, 0]
  const [withoutEffect, survivors]: [Survivor[], Survivor[]] = [[], []]
  for (const [file, { source, mutants }] of Object.entries(report.files)) {
    for (const mutant of mutants) {
      if (mutant.status === 'Killed' || mutant.status === 'RuntimeError') killed += 1
      if (mutant.status === 'Timeout') timedOut += 1
      if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue
      const survivor = survivorOf(file, source, mutant)
      if (isListed(survivor, source, list)) withoutEffect.push(survivor)
      else survivors.push(survivor)
    }
  }
  const caught = killed + timedOut
  const score = Math.floor((1_000 * caught) / (caught + survivors.length)) / 10
  return {
    mutants: caught + withoutEffect.length + survivors.length,
    killed,
    timedOut,
    survivors,
    withoutEffect,
    score
  }
}

/** A table in Markdown, one row for each module. */
export const tableOf = (rows: readonly { name: string; commit: string; score: Score }[]): string =>
  [
    '| module | mutants | caught | of them by time | without effect | survived | score | commit |',
    '|---|---|---|---|---|---|---|---|',
    ...rows.map(({ name, commit, score }) =>
      [
        '',
        name,
        score.mutants,
        score.killed + score.timedOut,
        score.timedOut,
        score.withoutEffect.length,
        score.survivors.length,
        `${score.score.toFixed(1)} %`,
        commit,
        ''
      ]
        .join(' | ')
        .trim()
    )
  ].join('\n')
