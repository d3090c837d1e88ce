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

/** The env files: there, closed to others, of good syntax, and accepted by the service. */

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
  const found = await host.stat(service.envFile)
  if (found === undefined && (await host.isClosed(service.envFile)))
    return [
      fault(
        name,
        service.name,
        `${service.envFile} may not be looked at by you`,
        `sudo ${word(`${installation.release}/scripts/doctor`)}`
      )
    ]
  if (found === undefined)
    return [
      fault(
        name,
        service.name,
        `${service.envFile} is missing`,
        await install(host, installation, service)
      )
    ]
  if (service.text === undefined)
    return [
      fault(
        name,
        service.name,
        `${service.envFile} cannot be read by you`,
        `sudo ${word(`${installation.release}/scripts/doctor`)}`
      )
    ]
  const access = await checkAccess(host, installation, service)
  const syntax = checkSyntax(installation, service)
  const spoilt = new Set(syntax.flatMap(({ spoils }) => spoils))
  const values: Finding[] = []
  for (const said of service.faults) {
    const variable = /^(.*?)(?:=| is )/s.exec(said)?.[1] ?? ''
    if (spoilt.has('*') || spoilt.has(variable)) continue
    values.push(await explain(host, installation, service, variable, said, [...before, ...values]))
  }
  // one that is missing only because another is a near miss of it is mended by the same rename
  const renamed = values.flatMap(({ detail }) => /did you mean (\w+)\?/.exec(detail)?.[1] ?? [])
  const causes = values.filter(
    ({ detail }) => !renamed.some((meantName) => detail.startsWith(`${meantName} is missing`))
  )
  const all = [...access, ...syntax.map(({ finding }) => finding), ...causes]
  return all.some(({ state }) => state === 'fault')
    ? all
    : [ok(name, service.name, `${service.envFile} is accepted`), ...all]
}

/** How a mode is too open to users other than the owner. */
const opennessOf = (mode: number): string[] => {
  if ((mode & 0o007) > 0) return ['is open to every user']
  return (mode & 0o020) > 0 ? ['can be changed by its group'] : []
}

/** Who may read and write it: it holds secrets, and a user who writes it commands the service. */
const checkAccess = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<Finding[]> => {
  const found = await host.stat(service.envFile)
  if (found === undefined) return []
  const owner = installation.byRoot ? 0 : service.user?.uid
  // A drop-in may let the service run as root, who may read the file whatever its group is: the
  // drop-in is the fault.
  const group = service.user?.uid === 0 ? undefined : service.user?.gid
  const mode = found.mode.toString(8).padStart(4, '0')
  const wrong = [
    ...(found.uid === owner ? [] : [`belongs to uid ${found.uid}`]),
    ...opennessOf(found.mode),
    ...((found.mode & 0o040) > 0 &&
    group !== undefined &&
    found.gid !== group &&
    found.gid !== 0 &&
    owner === 0
      ? [`can be read by group ${found.gid}`]
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

/**
 * Lines that systemd does not read as they were meant. `spoils` names the variables that are at
 * fault only because of it.
 */
const checkSyntax = (
  installation: Installation,
  service: Service
): { finding: Finding; spoils: string[] }[] => {
  const { envFile, file, kind } = service
  const path = word(envFile)
  const results: { finding: Finding; spoils: string[] }[] = []
  const add = (detail: string, mend: string, ...spoils: string[]): void =>
    void results.push({
      finding: fault(name, service.name, detail, andRestart(installation, mend, service)),
      spoils
    })

  if (service.text?.startsWith('\uFEFF')) {
    add(
      'it begins with a byte order mark, which spoils its first line',
      `sed -i '1s/^\\xEF\\xBB\\xBF//' ${path}`,
      '*'
    )
    return results
  }
  const runsOn = file.assignments.find(({ value }) => value.includes('\n'))
  const unclosed = file.unclosed ?? runsOn?.line
  if (unclosed !== undefined) {
    add(
      `line ${unclosed} opens a quote that it does not close: what follows is swallowed`,
      `sed -i ${word(`${unclosed}s/["']//g`)} ${path}`,
      '*'
    )
    return results
  }
  // the last first: deleting a line moves those after it
  for (const { line, text } of [...file.strays].reverse()) {
    const [, lead = '', variable = ''] =
      /^((?:export\s+)?)([A-Za-z_]\w*)\s*[:\s]\s*\S/.exec(text) ?? []
    if (variable !== '' && knows(kind, variable) === 'own')
      add(
        `line ${line} has ${variable} but no =: systemd ignores it`,
        'sed -i -E ' +
          `${word(`${line}s/^\\s*${lead === '' ? '' : 'export\\s+'}(${variable})\\s*:?\\s*/\\1=/`)} ` +
          `${path}`,
        variable
      )
    else
      add(
        `line ${line} is neither a comment nor NAME=VALUE: systemd ignores it`,
        `sed -i ${line}d ${path}`
      )
  }
  for (const { name: left } of file.assignments) {
    if (/^[A-Za-z_]\w*$/.test(left)) continue
    const [, exported] = /^export\s+([A-Za-z_]\w*)$/.exec(left) ?? []
    if (exported !== undefined)
      add(
        `"export" before ${exported}: systemd ignores that line`,
        `sed -i -E ${word(`s/^\\s*export\\s+(${exported})\\s*=/\\1=/`)} ${path}`,
        left,
        exported
      )
    else
      add(
        `a line has "${left.slice(0, 40)}" before its =, which is no name of a variable: ` +
          'systemd ignores it',
        `sed -i ${file.assignments.find((each) => each.name === left)?.line}d ${path}`,
        left
      )
  }
  for (const [variable, lines] of Object.entries(
    Object.groupBy(file.assignments, (each) => each.name)
  )) {
    const all = (lines ?? []).map(({ line }) => line)
    if (all.length < 2) continue
    const earlier = all.slice(0, -1)
    results.push({
      finding: note(
        name,
        service.name,
        `${variable} stands in lines ${all.join(', ')}: the last one holds`,
        `sed -i ${word(earlier.map((line) => `${line}d`).join(';'))} ${path}`
      ),
      spoils: []
    })
  }
  return results
}

/** A fault as the service names it, with its mend. */
const explain = async (
  host: Host,
  installation: Installation,
  service: Service,
  variable: string,
  said: string,
  before: readonly Finding[]
): Promise<Finding> => {
  const file = edited(service)
  const mended = (mend: string, ...also: Service[]): Finding =>
    fault(name, service.name, said, andRestart(installation, mend, service, ...also))
  const near = /did you mean (\w+)\?/.exec(said)?.[1]
  // to rename it would put two lines of one variable into the file
  if (/ is given twice, /.test(said)) return mended(removeVariable(file, variable))
  if (near !== undefined && !(near in service.file.variables))
    return mended(renameVariable(file, variable, near))
  if (/ is unknown: /.test(said)) return mended(removeVariable(file, variable))
  if (secrets[service.kind].includes(variable))
    return secret(installation, service, variable, said, before)
  const value = service.file.variables[variable]
  const better =
    (value === undefined || value === '' ? undefined : meant(service, variable, value)) ??
    (await running(host, service, variable)) ??
    (await proposal(host, installation, service, variable))
  if (better === undefined) return mended(removeVariable(file, variable))
  return mended(setVariable(file, variable, better))
}

const accepted = (service: Service, variable: string): boolean =>
  service.variables[variable] !== undefined &&
  !service.faults.some(
    (said) => said.startsWith(`${variable} is `) || said.startsWith(`${variable}=`)
  )

/**
 * A missing or malformed token: a good one of another file that must be the same, else a fresh one
 * in all of them.
 */
const secret = (
  installation: Installation,
  service: Service,
  variable: string,
  said: string,
  before: readonly Finding[]
): Finding => {
  if (variable !== shared)
    return fault(
      name,
      service.name,
      said,
      andRestart(installation, freshSecret(variable, [edited(service)]), service)
    )
  const others = installation.services.filter(
    (other) => other !== service && other.text !== undefined
  )
  const good = others.find(
    (other) => accepted(other, variable) && !other.credentials.names.includes(variable)
  )
  if (good)
    return fault(
      name,
      service.name,
      said,
      andRestart(installation, copySecret(variable, edited(good), edited(service)), service)
    )
  if (
    before.some(
      (finding) =>
        (finding.state === 'fault' && finding.detail.startsWith(`${variable} is`)) ||
        finding.detail.startsWith(`${variable}=`)
    )
  ) {
    return note(name, service.name, `${said}: mended with the one before`)
  }
  return fault(
    name,
    service.name,
    said,
    andRestart(
      installation,
      freshSecret(variable, [service, ...others].map(edited)),
      service,
      ...others
    )
  )
}

/** Makes an env file from the template, with what must fit to the others. */
const install = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<string> => {
  const from = `${installation.release}/deploy/env/${service.kind}.env`
  const text = (await host.readFile(from)) ?? ''
  const file = { path: service.envFile, text }
  const steps = [
    'install -m 0640 ' +
      `${installation.byRoot ? `-o root -g ${service.userName} ` : ''}${word(from)} ` +
      `${word(service.envFile)}`
  ]
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

/** The SESSION_MANAGER_TOKEN of all files: compared, never shown. */
export const checkTokens: Check = async ({ installation, cause }: Asked) => {
  const check = 'tokens'
  const [hub] = installation.services.filter(({ kind }) => kind === 'central-hub')
  if (hub === undefined || !accepted(hub, shared)) return []
  // a credential that only the service can read is compared by the hub itself: it would be refused
  const unknown = (service: Service): boolean =>
    service.credentials.names.includes(shared) && service.credentials.values[shared] === undefined
  return installation.services.flatMap((service) => {
    if (
      service === hub ||
      unknown(service) ||
      unknown(hub) ||
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
    // the first session-manager's counts: the hub has one token for all
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
