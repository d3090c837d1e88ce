import type { Asked, Check } from './check.ts'
import { fault, note, ok, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { meant, proposal, running } from '../installation/proposal.ts'
import {
  copySecret,
  freshSecret,
  removeVariable,
  renameVariable,
  setVariable,
  word,
  type EditedFile
} from '../installation/shell.ts'
import {
  andRestart,
  knows,
  restart,
  type Service,
  type Installation
} from '../installation/installation.ts'

/** Checks the env files: they exist, are closed to others, and have values that services accept. */

const name = 'env file'
const secrets: Record<Service['kind'], readonly string[]> = {
  'session-manager': ['SESSION_MANAGER_TOKEN'],
  'central-hub': ['SESSION_MANAGER_TOKEN', 'HUB_API_TOKEN']
}
const shared = 'SESSION_MANAGER_TOKEN'

export const edited = ({ envFile, text = '' }: Service): EditedFile => ({ path: envFile, text })

export const checkEnvFiles: Check = async ({ host, installation }) => {
  const findings: Finding[] = []
  for (const service of installation.services)
    findings.push(...(await checkOne(host, installation, service, findings)))
  return findings
}

const checkOne = async (
  host: Host,
  installation: Installation,
  service: Service,
  before: readonly Finding[]
): Promise<Finding[]> => {
  const unreadable = await checkReadable(host, installation, service)
  if (unreadable !== undefined) return [unreadable]
  const access = await checkAccess(host, installation, service)
  const syntax = checkSyntax(installation, service)
  const spoilt = new Set(syntax.flatMap(({ spoils }) => spoils))
  const values = await checkValues(host, installation, service, spoilt, before)
  const all = [...access, ...syntax.map(({ finding }) => finding), ...values]
  return all.some(({ state }) => state === 'fault')
    ? all
    : [ok(name, service.name, `${service.envFile} is accepted`), ...all]
}

/** Whether the file exists and this user may read it. */
const checkReadable = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<Finding | undefined> => {
  const { envFile } = service
  const asRoot = `sudo ${word(`${installation.release}/scripts/doctor`)}`
  const stat = await host.stat(envFile)
  if (stat === undefined && (await host.isClosed(envFile)))
    return fault(name, service.name, `${envFile} may not be looked at by you`, asRoot)
  if (stat === undefined) {
    const fix = await install(host, installation, service)
    return fault(name, service.name, `${envFile} is missing`, fix)
  }
  if (service.text === undefined)
    return fault(name, service.name, `${envFile} cannot be read by you`, asRoot)
  return undefined
}

/** @param spoilt variables with a syntax error, or `*`: their values are not checked */
const checkValues = async (
  host: Host,
  installation: Installation,
  service: Service,
  spoilt: ReadonlySet<string>,
  before: readonly Finding[]
): Promise<Finding[]> => {
  const values: Finding[] = []
  for (const error of service.faults) {
    const variable = /^(.*?)(?:=| is )/s.exec(error)?.[1] ?? ''
    if (spoilt.has('*') || spoilt.has(variable)) continue
    values.push(await explain(host, installation, service, variable, error, [...before, ...values]))
  }
  // A variable that is missing because of a typing error is fixed by the same rename.
  const renamed = values.flatMap(({ detail }) => /did you mean (\w+)\?/.exec(detail)?.[1] ?? [])
  return values.filter(
    ({ detail }) => !renamed.some((meantName) => detail.startsWith(`${meantName} is missing`))
  )
}

/** How a mode is too open to other users than the owner. */
const opennessOf = (mode: number): string[] => {
  if ((mode & 0o007) > 0) return ['is open to every user']
  return (mode & 0o020) > 0 ? ['can be changed by its group'] : []
}

/** Checks who may read and write the file, which holds secrets and controls the service. */
const checkAccess = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<Finding[]> => {
  const stat = await host.stat(service.envFile)
  if (stat === undefined) return []
  const owner = installation.byRoot ? 0 : service.user?.uid
  // A drop-in may let the service run as root, who may read the file of any group. Then the drop-in
  // is the fault.
  const group = service.user?.uid === 0 ? undefined : service.user?.gid
  const mode = stat.mode.toString(8).padStart(4, '0')
  const wrong = [
    ...(stat.uid === owner ? [] : [`belongs to uid ${stat.uid}`]),
    ...opennessOf(stat.mode),
    ...((stat.mode & 0o040) > 0 &&
    group !== undefined &&
    stat.gid !== group &&
    stat.gid !== 0 &&
    owner === 0
      ? [`can be read by group ${stat.gid}`]
      : [])
  ]
  if (wrong.length === 0) return []
  const chown = owner === 0 ? `chown root:${service.userName} ${word(service.envFile)} && ` : ''
  return [
    fault(
      name,
      service.name,
      `${service.envFile} (mode ${mode}) ${wrong.join(' and ')}, and it holds secrets`,
      `${chown}chmod 0640 ${word(service.envFile)}`
    )
  ]
}

/** A line that systemd reads in another way than it was meant. */
interface SyntaxFault {
  finding: Finding
  /** Variables that are only at fault because of this line; `*`: all. */
  spoils: string[]
}

interface Checked {
  installation: Installation
  service: Service
}

const syntaxFault = (
  { installation, service }: Checked,
  detail: string,
  fix: string,
  ...spoils: string[]
): SyntaxFault => ({
  finding: fault(name, service.name, detail, andRestart(installation, fix, service)),
  spoils
})

const checkSyntax = (installation: Installation, service: Service): SyntaxFault[] => {
  const checked = { installation, service }
  const ofFile = checkWholeFile(checked)
  if (ofFile !== undefined) return [ofFile]
  return [...checkStrays(checked), ...checkNames(checked), ...checkRepeated(service)]
}

/** Errors that change how the rest of the file is read. */
const checkWholeFile = (checked: Checked): SyntaxFault | undefined => {
  const { text, envFile, file } = checked.service
  const path = word(envFile)
  if (text?.startsWith('\uFEFF'))
    return syntaxFault(
      checked,
      'it begins with a byte order mark, which spoils its first line',
      `sed -i '1s/^\\xEF\\xBB\\xBF//' ${path}`,
      '*'
    )
  const runsOn = file.assignments.find(({ value }) => value.includes('\n'))
  const unclosed = file.unclosed ?? runsOn?.line
  if (unclosed === undefined) return undefined
  return syntaxFault(
    checked,
    `line ${unclosed} opens a quote that it does not close: what follows is swallowed`,
    `sed -i ${word(`${unclosed}s/["']//g`)} ${path}`,
    '*'
  )
}

/** Lines without an assignment, the last one first: deleting a line moves those after it. */
const checkStrays = (checked: Checked): SyntaxFault[] => {
  const { envFile, file, kind } = checked.service
  const path = word(envFile)
  return [...file.strays].reverse().map(({ line, text }) => {
    const [, lead = '', variable = ''] =
      /^((?:export\s+)?)([A-Za-z_]\w*)\s*[:\s]\s*\S/.exec(text) ?? []
    if (variable === '' || knows(kind, variable) !== 'own')
      return syntaxFault(
        checked,
        `line ${line} is neither a comment nor NAME=VALUE: systemd ignores it`,
        `sed -i ${line}d ${path}`
      )
    const before = lead === '' ? '' : 'export\\s+'
    const change = `${line}s/^\\s*${before}(${variable})\\s*:?\\s*/\\1=/`
    return syntaxFault(
      checked,
      `line ${line} has ${variable} but no =: systemd ignores it`,
      `sed -i -E ${word(change)} ${path}`,
      variable
    )
  })
}

/** Assignments whose left side is no name of a variable. */
const checkNames = (checked: Checked): SyntaxFault[] => {
  const { envFile, file } = checked.service
  const path = word(envFile)
  const invalid = file.assignments.filter((each) => !/^[A-Za-z_]\w*$/.test(each.name))
  return invalid.map(({ name: left }) => {
    const [, exported] = /^export\s+([A-Za-z_]\w*)$/.exec(left) ?? []
    if (exported !== undefined)
      return syntaxFault(
        checked,
        `"export" before ${exported}: systemd ignores that line`,
        `sed -i -E ${word(`s/^\\s*export\\s+(${exported})\\s*=/\\1=/`)} ${path}`,
        left,
        exported
      )
    return syntaxFault(
      checked,
      `a line has "${left.slice(0, 40)}" before its =, which is no name of a variable: ` +
        'systemd ignores it',
      `sed -i ${file.assignments.find((each) => each.name === left)?.line}d ${path}`,
      left
    )
  })
}

/** Variables with several lines, of which the last one counts. */
const checkRepeated = ({ name: service, envFile, file }: Service): SyntaxFault[] => {
  const byName = Object.groupBy(file.assignments, (each) => each.name)
  return Object.entries(byName).flatMap(([variable, assignments]) => {
    const lines = (assignments ?? []).map(({ line }) => line)
    if (lines.length < 2) return []
    const deleted = lines.slice(0, -1).map((line) => `${line}d`)
    const finding = note(
      name,
      service,
      `${variable} stands in lines ${lines.join(', ')}: the last one holds`,
      `sed -i ${word(deleted.join(';'))} ${word(envFile)}`
    )
    return [{ finding, spoils: [] }]
  })
}

/** A finding for an error of the service, with the command that fixes it. */
const explain = async (
  host: Host,
  installation: Installation,
  service: Service,
  variable: string,
  error: string,
  before: readonly Finding[]
): Promise<Finding> => {
  const file = edited(service)
  const fixedBy = (fix: string): Finding =>
    fault(name, service.name, error, andRestart(installation, fix, service))
  const near = /did you mean (\w+)\?/.exec(error)?.[1]
  if (/ is given twice, /.test(error)) return fixedBy(removeVariable(file, variable))
  // A rename to a name that the file already has would put two such lines there.
  if (near !== undefined && !(near in service.file.variables))
    return fixedBy(renameVariable(file, variable, near))
  if (/ is unknown: /.test(error)) return fixedBy(removeVariable(file, variable))
  if (secrets[service.kind].includes(variable))
    return explainSecret(installation, service, variable, error, before)
  const value = service.file.variables[variable]
  const better =
    (value === undefined || value === '' ? undefined : meant(service, variable, value)) ??
    (await running(host, service, variable)) ??
    (await proposal(host, installation, service, variable))
  if (better === undefined) return fixedBy(removeVariable(file, variable))
  return fixedBy(setVariable(file, variable, better))
}

const accepted = (service: Service, variable: string): boolean =>
  service.variables[variable] !== undefined &&
  !service.faults.some(
    (error) => error.startsWith(`${variable} is `) || error.startsWith(`${variable}=`)
  )

/**
 * A finding for a missing or malformed token. A valid token of another file is copied. Without a
 * valid token, all files that share it get a new one.
 */
const explainSecret = (
  installation: Installation,
  service: Service,
  variable: string,
  error: string,
  before: readonly Finding[]
): Finding => {
  const fixedBy = (fix: string, ...also: Service[]): Finding =>
    fault(name, service.name, error, andRestart(installation, fix, service, ...also))
  if (variable !== shared) return fixedBy(freshSecret(variable, [edited(service)]))
  const others = installation.services.filter(
    (other) => other !== service && other.text !== undefined
  )
  const valid = others.find(
    (other) => accepted(other, variable) && !other.credentials.names.includes(variable)
  )
  if (valid) return fixedBy(copySecret(variable, edited(valid), edited(service)))
  const isExplained = before.some(
    (finding) =>
      (finding.state === 'fault' && finding.detail.startsWith(`${variable} is`)) ||
      finding.detail.startsWith(`${variable}=`)
  )
  if (isExplained) return note(name, service.name, `${error}: mended with the one before`)
  return fixedBy(freshSecret(variable, [service, ...others].map(edited)), ...others)
}

/** The command that makes an env file of the template, with values that fit to the other files. */
const install = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<string> => {
  const from = `${installation.release}/deploy/env/${service.kind}.env`
  const text = (await host.readFile(from)) ?? ''
  const file = { path: service.envFile, text }
  const owner = installation.byRoot ? `-o root -g ${service.userName} ` : ''
  const steps = [`install -m 0640 ${owner}${word(from)} ${word(service.envFile)}`]
  for (const variable of Object.keys(service.file.variables).length > 0
    ? []
    : ['HOST', 'PORT', 'ACCOUNT', 'STATE_DIR', 'SESSION_MANAGER_BASE_URL', 'ENV_FILE']) {
    if (knows(service.kind, variable) !== 'own') continue
    const value = await proposal(host, installation, service, variable)
    if (
      value !== undefined &&
      !new RegExp(`^#?${variable}=${value.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm').test(text)
    )
      steps.push(setVariable(file, variable, value))
  }
  const other = installation.services.find(
    (each) => each !== service && accepted(each, shared) && !each.credentials.names.includes(shared)
  )
  const fresh = secrets[service.kind].filter(
    (variable) => variable !== shared || other === undefined
  )
  if (other) steps.push(copySecret(shared, edited(other), file))
  for (const variable of fresh) steps.push(freshSecret(variable, [file]))
  return andRestart(installation, steps.join(' && '), service)
}

/** Compares SESSION_MANAGER_TOKEN of all files. The token is never shown. */
export const checkTokens: Check = async ({ installation, cause }: Asked) => {
  const check = 'tokens'
  const [hub] = installation.services.filter(({ kind }) => kind === 'central-hub')
  if (hub === undefined || !accepted(hub, shared)) return []
  // A credential that only the service can read cannot be compared here.
  const isUnknown = (service: Service): boolean =>
    service.credentials.names.includes(shared) && service.credentials.values[shared] === undefined
  return installation.services.flatMap((service) => {
    if (
      service === hub ||
      isUnknown(service) ||
      isUnknown(hub) ||
      cause(service.name, name) ||
      !accepted(service, shared)
    )
      return []
    if (service.variables[shared] === hub.variables[shared])
      return [ok(check, service.name, `${shared} is the same in ${hub.envFile}`)]
    const credential = [service, hub].find(({ credentials }) => credentials.names.includes(shared))
    if (credential) {
      return [
        fault(
          check,
          service.name,
          `${shared} of ${service.name} and of ${hub.name} differ: the hub is refused`,
          `systemctl cat ${credential.unit} | grep LoadCredential # where one of them comes ` +
            `from: make both equal, then ${restart(installation, service, hub)}`
        )
      ]
    }
    // The token of the first session-manager counts: the hub has one token for all.
    const first = installation.services[0] as Service
    const [from, to] = service === first ? [service, hub] : [first, service]
    return [
      fault(
        check,
        service.name,
        `${shared} in ${service.envFile} is not the one in ${hub.envFile}: the hub is refused`,
        andRestart(installation, copySecret(shared, edited(from), edited(to)), to)
      )
    ]
  })
}
