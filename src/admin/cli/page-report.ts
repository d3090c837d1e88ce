import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { PageReport } from '../../client/index.ts'
import { command, Fault } from './command.ts'

const help = `What WhatsApp Web's page is made of, for the people who maintain LeadMaster: which of
its modules are there, and the names and types of the fields of the newest messages. No text, phone
number, id or name of a person is in it. The file is printed, so that you can read it first. It is
sent nowhere: you decide whether to send it.

options:
  --output FILE         where it is written; leadmaster-page-report.json here unless given
  --account NAME        of this account; the first one unless given`

const inLine = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(inLine).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, each]) => `${JSON.stringify(name)}: ${inLine(each)}`
  )
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

/** An object with one line for each member. */
const block = (facts: object, indent: string): string => {
  const lines = Object.entries(facts).map(
    ([name, value]) => `${indent}  ${JSON.stringify(name)}: ${inLine(value)}`
  )
  return lines.length === 0 ? '{}' : `{\n${lines.join(',\n')}\n${indent}}`
}

/** Readable JSON: a line for each check, each module, and each field of a message. */
export const reportText = ({ checks, modules, messages, ...head }: PageReport): string => {
  const members = Object.entries(head).map(
    ([name, value]) => `  ${JSON.stringify(name)}: ${inLine(value)}`
  )
  const types = Object.entries(messages).map(
    ([type, fields]) => `    ${JSON.stringify(type)}: ${block(fields, '    ')}`
  )
  return `{
${members.join(',\n')},
  "checks": [
${checks.map((check) => `    ${inLine(check)}`).join(',\n')}
  ],
  "modules": ${block(modules, '  ')},
  "messages": {
${types.join(',\n')}
  }
}
`
}

const write = (file: string, text: string): void => {
  try {
    writeFileSync(file, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST')
      throw new Fault(`${file} is there already: move it away, or give another name by --output`)
    throw new Fault(`${file} cannot be written (${code}): give another place by --output`)
  }
}

const advice = (file: string): string => `
The report above is in ${file}. Nothing was sent.
Read it: it should hold names and types only. If you find anything of a person in it, do not send
it, and tell us that.
To send it, attach the file to a new issue of the LeadMaster project, with what you did and what you
saw.
To compare it with the simulated WhatsApp Web, in a clone: ./scripts/simulate --like ${file}
`

export const pageReport = command({
  name: 'page-report',
  summary: "Writes what WhatsApp Web's page is made of to a file",
  help,
  options: {
    output: { type: 'string', default: 'leadmaster-page-report.json' },
    account: { type: 'string' }
  },
  run: async ({ output, account }, { hub: find, signal, say, note }) => {
    const hub = find()
    const options = { signal }
    const report = await (account === undefined
      ? hub.getPageReport({}, options)
      : hub.getAccountPageReport({ account }, options))
    const text = reportText(report)
    const file = resolve(output)
    write(file, text)
    say(text)
    note(advice(file))
    return 0
  }
})
