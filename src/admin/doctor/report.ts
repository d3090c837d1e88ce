import { styleText } from 'node:util'
import type { Finding } from './finding.ts'

type Format = Parameters<typeof styleText>[0]

const formats: Readonly<Record<Finding['state'], Format>> = {
  fault: ['red', 'bold'],
  ok: 'green',
  note: 'yellow'
}

/**
 * The findings as a person reads them: a line each, and under it the command, if there is one.
 */
export const formatReport = (
  title: string,
  findings: readonly Finding[],
  colour: boolean
): string => {
  const paint = (format: Format, text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text
  const width = (pick: (each: Finding) => string): number =>
    Math.max(0, ...findings.map((each) => pick(each).length))
  const [names, services] = [width(({ name }) => name), width(({ service }) => service)]
  const lines = findings.flatMap(({ name, service, state, detail, mend }) => {
    const label = paint(formats[state], state.padEnd(5))
    const line = `${label}  ${service.padEnd(services)}  ${name.padEnd(names)}  ${detail}`
    if (mend === undefined) return [line]
    const what = paint('bold', state === 'fault' ? 'mend:' : 'command:')
    return [line, `${' '.repeat(7)}${what} ${mend}`]
  })
  return [
    title,
    '',
    ...lines,
    '',
    verdict(findings.filter(({ state }) => state === 'fault')),
    ''
  ].join('\n')
}

const verdict = (faults: readonly Finding[]): string => {
  const [first] = faults
  if (first === undefined) return 'All is wired right.'
  const count = faults.length === 1 ? 'One fault' : `${faults.length} faults`
  if (first.mend === undefined)
    return (
      `${count}: there is no command that mends ${faults.length === 1 ? 'it' : 'the first'}, ` +
      'see what it says.'
    )
  return (
    `${count}: paste ${faults.length === 1 ? 'its mend' : 'the first mend'}, then run doctor ` +
    'again.'
  )
}
