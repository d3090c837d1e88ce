import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Compile } from 'typebox/compile'
import { PageReport, type PageFindings, type PageModule } from '../../src/contract/page-report.ts'
import { createListener } from '../../src/session-manager/whatsapp/listener.ts'
import { logLines } from '../platform/log-lines.ts'
import { browserDirectory } from './directory.ts'
import { sendOneOfEach } from './one-of-each.ts'
import { eras, startWhatsAppWeb, type Era } from './server.ts'

/** `scripts/simulate --like FILE`: how a report of the real page differs from the simulated one. */

const help = `usage: scripts/simulate --like FILE [--web ERA | --to FILE]

Compares FILE, written by leadmaster page-report, with the simulated page, and lists every
difference: verdicts of the checks, modules, the names that they export, and the fields of each type
of message. The simulated page is started for this, in Chromium. Types of messages that FILE does
not have are not compared.
Exits 0 when there is no difference, 1 when there is, 2 when they could not be compared.
  --web ERA   the simulated page: ${eras.join(', ')}
  --to FILE   another report instead, such as that of a running ./scripts/up --simulated`

const readyMs = 60_000

/** What a report says of the simulated page, with a message of each kind in it. */
export const simulatedFindings = async (web?: Era): Promise<PageFindings> => {
  const { path: directory, remove } = browserDirectory()
  const whatsapp = await startWhatsAppWeb({
    directory: join(directory, 'whatsapp'),
    scenario: web === undefined ? {} : { web }
  })
  const ready = Promise.withResolvers<void>()
  const isLate = new Error(`the simulated page was not READY within ${readyMs} ms`)
  const late = setTimeout(() => ready.reject(isLate), readyMs)
  const listener = createListener({
    chromiumPath: whatsapp.chromiumPath,
    profile: join(directory, 'profile'),
    media: { maxBytes: 0, types: [] },
    log: logLines('error').log,
    onEvent: (event) => {
      if (event.type === 'ready') ready.resolve()
      if (event.type === 'lost') ready.reject(new Error(`the simulated page: ${event.reason}`))
    }
  })
  try {
    await Promise.all([listener.start(), whatsapp.scan(), ready.promise])
    sendOneOfEach(whatsapp.phone)
    await whatsapp.settled()
    return await listener.pageReport()
  } finally {
    clearTimeout(late)
    await listener.stop()
    await whatsapp.close()
    remove()
  }
}

type Names = Readonly<Record<string, string>>

/** @param other what the reference is called */
const differencesOfNames = (
  what: string,
  report: Names,
  reference: Names,
  other: string
): string[] => {
  const names = [...new Set([...Object.keys(report), ...Object.keys(reference)])].sort()
  return names.flatMap((name) => {
    const [mine, theirs] = [report[name], reference[name]]
    if (theirs === undefined) return [`${what} ${name}: ${mine}, only in the report`]
    if (mine === undefined) return [`${what} ${name}: ${theirs}, only in the ${other}`]
    const known = new Set(theirs.split('|'))
    const isSame = mine.split('|').every((kind) => known.has(kind))
    return isSame ? [] : [`${what} ${name}: ${mine} in the report, ${theirs} in the ${other}`]
  })
}

const differencesOfModule = (
  name: string,
  report: PageModule,
  reference: PageModule,
  other: string
): string[] => {
  if (typeof report === 'object' && typeof reference === 'object') {
    return differencesOfNames(`module ${name}:`, report, reference, other)
  }
  if (report === reference) return []
  const stateOf = (module: PageModule): string => (typeof module === 'string' ? module : 'there')
  const [mine, theirs] = [stateOf(report), stateOf(reference)]
  return [`module ${name}: ${mine} in the report, ${theirs} in the ${other}`]
}

const byName = <T>(facts: Readonly<Record<string, T>>): [string, T][] =>
  Object.entries(facts).sort(([a], [b]) => (a < b ? -1 : 1))

/** Each difference in a line. */
export const differences = (
  report: PageFindings,
  reference: PageFindings,
  other = 'simulation'
): string[] => {
  const checks = report.checks.flatMap(({ name, verdict, missing }) => {
    const theirs = reference.checks.find((check) => check.name === name)?.verdict ?? 'not there'
    const mine = [verdict, ...missing].join(' ')
    return verdict === theirs
      ? []
      : [`check ${name}: ${mine} in the report, ${theirs} in the ${other}`]
  })
  const modules = byName(report.modules).flatMap(([name, module]) =>
    differencesOfModule(name, module, reference.modules[name] ?? 'missing', other)
  )
  const messages = byName(report.messages).flatMap(([type, fields]) => {
    const theirs = reference.messages[type]
    if (theirs === undefined) return [`message ${type}: only in the report`]
    return differencesOfNames(`message ${type}:`, fields, theirs, other)
  })
  return [...checks, ...modules, ...messages]
}

const readReport = (file: string): PageReport => {
  const json = readFileSync(file === '-' ? 0 : file, 'utf8')
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    value = undefined
  }
  if (Compile(PageReport).Check(value)) return value
  const name = file === '-' ? 'The file' : file
  throw new Error(`${name} was not written by this version of leadmaster page-report.`)
}

const toEra = (name: string | undefined): Era | undefined => {
  const era = eras.find((each) => each === name)
  if (name === undefined || era !== undefined) return era
  throw new Error(`--web: expected ${eras.join(', ')}`)
}

const text = { type: 'string' } as const

const compare = async (args: readonly string[]): Promise<number> => {
  const options = { like: text, web: text, to: text, help: { type: 'boolean' } } as const
  const { like: file, web, to, help: isHelp } = parseArgs({ args: [...args], options }).values
  if (isHelp === true || file === undefined) {
    console.log(help)
    return isHelp === true ? 0 : 2
  }
  const report = readReport(file)
  const found =
    to === undefined
      ? differences(report, await simulatedFindings(toEra(web)))
      : differences(report, readReport(to), 'other report')
  for (const line of found) console.log(line)
  const revision = report.whatsapp_web ?? 'of an unknown revision'
  console.error(`simulate: WhatsApp Web ${revision}: ${found.length} differences`)
  return found.length === 0 ? 0 : 1
}

/** @returns the exit code */
export const like = async (args: readonly string[]): Promise<number> => {
  try {
    return await compare(args)
  } catch (error) {
    console.error(`simulate: ${error instanceof Error ? error.message : String(error)}`)
    return 2
  }
}
