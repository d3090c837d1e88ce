import { isRan, noticed, phases, phaseTitles, wrong, type Cell, type Ran } from './result.ts'

/** The matrix as people read it, in Markdown. */

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const plain = (words: string): string =>
  words
    .replace(/\|/g, '\\|')
    .replace(/</g, '&lt;')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/\s+/g, ' ')

const inCell = (cell: Cell | undefined): string => {
  if (cell === undefined) return 'not run'
  if (!isRan(cell)) return plain(cell.left)
  const { recover_s, journal, hub, sse } = cell
  const notice_s = noticed(cell)?.at_s
  const [lost, twice] = [journal.lost + hub.lost + sse.lost, journal.twice + hub.twice + sse.twice]
  const counted = lost + twice === 0 ? '' : `, **${lost} lost, ${twice} twice**`
  return `${notice_s === undefined ? 'not seen' : notice_s.toFixed(1)} / ${recover_s === undefined ? '**never**' : recover_s.toFixed(1)}${counted}`
}

/** Of what was seen, and how long each may be. */
const most = 2
const longest = 170

/**
 * What an operator saw of a fault, when it hit an idle stack if that was run; and what was done.
 * One line.
 */
const words = (ran: readonly Ran[]): string[] => {
  const best =
    ran.find(({ phase, saw }) => phase === 'idle' && noticed({ phase, saw }) !== undefined) ??
    ran.find((cell) => noticed(cell) !== undefined) ??
    ran[0]
  if (best === undefined) return []
  const shown: { where: string; said: string; bare: string }[] = []
  for (const { where, words: told } of best.saw) {
    const said = plain(told)
    // the log and /status say the same
    const bare = said.replace(/^(warn|error|fatal): (session )?/, '')
    if (
      /^(ready|READY|INIT|AUTHENTICATED|warn: slow request)$/.test(said) ||
      shown.some((other) => other.bare.endsWith(bare) || bare.endsWith(other.bare))
    )
      continue
    shown.push({
      where: where === 'status' ? '/status' : where === 'ready' ? '/ready' : where,
      said,
      bare
    })
  }
  const quoted = shown
    .slice(0, most)
    .map(
      ({ where, said }) =>
        `${where}: “${said.length > longest ? `${said.slice(0, longest)}…` : said}”`
    )
  return [
    `- **${best.fault}** (${plain(best.did)}). ${quoted.length === 0 ? 'Nothing: nothing stood still.' : quoted.join('; ')}`
  ]
}

export const table = (
  names: readonly string[],
  cells: readonly Cell[],
  machine: string
): string => {
  const of = (name: string): Cell[] => cells.filter(({ fault }) => fault === name)
  const ran = cells.filter(isRan)
  const sum = (pick: (cell: Ran) => number): number =>
    ran.reduce((total, cell) => total + pick(cell), 0)
  const all = (what: 'lost' | 'twice' | 'expected') =>
    sum(({ journal, hub, sse }) => journal[what] + hub[what] + sse[what])
  return [
    row(['Fault', ...phases.map((phase) => phaseTitles[phase])]),
    row(['---', ...phases.map(() => '---')]),
    ...names.map((name) =>
      row([name, ...phases.map((phase) => inCell(of(name).find((cell) => cell.phase === phase)))])
    ),
    '',
    `Each cell: seconds from the fault to the first thing an operator can see of it / seconds from its end (in “during stop”: from the next start) until READY with every message in the hub's REST. ${ran.length} of ${names.length * phases.length} cells run; over all of them ${sum(({ hub }) => hub.expected)} messages written, each looked for by its id in the journal, in the hub and in what a frontend was told: ${all('lost')} lost, ${all('twice')} twice. Machine: ${machine}.`,
    ...(cells.flatMap(wrong).length === 0
      ? []
      : [
          '',
          'Not as it should be:',
          '',
          ...cells.flatMap(wrong).map((what) => `- ${plain(what)}`)
        ]),
    '',
    'What the operator sees:',
    '',
    ...names.flatMap((name) => words(of(name).filter(isRan))),
    ''
  ].join('\n')
}
