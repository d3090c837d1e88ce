import { styleText } from 'node:util'
import type { Finding } from './finding.ts'

type Format = Parameters<typeof styleText>[0]

const formats: Readonly<Record<Finding['state'], Format>> = {
  fault: ['red', 'bold'],
  ok: 'green',
  note: 'yellow'
}

/** The findings as text: a line for each, and a line for its command. */
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
    const heading = paint('bold', state === 'fault' ? 'mend:' : 'command:')
    return [line, `${' '.repeat(7)}${heading} ${mend}`]
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
  if (first.mend === undefined) {
    const which = faults.length === 1 ? 'it' : 'the first'
    return `${count}: there is no command that mends ${which}, see what it says.`
  }
  const which = faults.length === 1 ? 'its mend' : 'the first mend'
  return `${count}: paste ${which}, then run doctor again.`
}
