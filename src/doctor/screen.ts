import { styleText } from 'node:util'
import type { Finding } from './finding.ts'

/** The findings as a person reads them: a line each, and under what is at fault how it is mended. */
export const screen = (title: string, findings: readonly Finding[], colour: boolean): string => {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string => (colour ? styleText(format, text, { validateStream: false }) : text)
  const width = (pick: (each: Finding) => string): number => Math.max(0, ...findings.map((each) => pick(each).length))
  const [names, services] = [width(({ name }) => name), width(({ service }) => service)]
  const lines = findings.flatMap(({ name, service, state, detail, mend }) => {
    const label = paint(state === 'fault' ? ['red', 'bold'] : state === 'ok' ? 'green' : 'yellow', state.padEnd(5))
    const line = `${label}  ${service.padEnd(services)}  ${name.padEnd(names)}  ${detail}`
    return mend === undefined ? [line] : [line, `${' '.repeat(7)}${paint('bold', state === 'fault' ? 'mend:' : 'command:')} ${mend}`]
  })
  const faults = findings.filter(({ state }) => state === 'fault').length
  const verdict = faults === 0 ? 'All is wired right.' : `${faults === 1 ? 'One fault' : `${faults} faults`}: paste ${faults === 1 ? 'its mend' : 'the first mend'}, then run doctor again.`
  return [title, '', ...lines, '', verdict, ''].join('\n')
}
