import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, ok, type Finding } from './finding.ts'
import {
  canLookInto,
  holders,
  listeners,
  meets,
  type Listener,
  type Process
} from '../installation/processes.ts'
import { freePort, proposal, urlOf } from '../installation/proposal.ts'
import { restartFault } from './restarting.ts'
import { setVariable } from '../installation/shell.ts'
import {
  andRestart,
  hubs,
  isStarting,
  managers,
  restart,
  type Service,
  type Installation
} from '../installation/installation.ts'

/** Checks HOST and PORT: an address of this machine, for one service, where nobody else listens. */

const name = 'port'

/** The command that moves a service to another port. The hub's URL changes too. */
const move = (installation: Installation, service: Service, port: number): string => {
  const steps = [setVariable(edited(service), 'PORT', String(port))]
  const [hub] = hubs(installation)
  const own = service.config === undefined ? '' : urlOf(service.config.HOST, service.config.PORT)
  const followed =
    service === managers(installation)[0] && hub?.config?.SESSION_MANAGER_BASE_URL === own
  if (followed)
    steps.push(
      setVariable(
        edited(hub),
        'SESSION_MANAGER_BASE_URL',
        urlOf(service.config?.HOST ?? '127.0.0.1', port)
      )
    )
  return andRestart(installation, steps.join(' && '), service, ...(followed ? [hub] : []))
}

/** The default port of a service. */
const usualPort = ({ kind }: Service): number => (kind === 'central-hub' ? 3012 : 3001)

/** What is known of the ports of this machine. */
interface Ports {
  open: readonly Listener[]
  /** The first port that other users than root may have. */
  lowest: number
}

/** Finds why a service cannot listen, or could not after its next start. */
export const checkPorts: Check = async (asked) => {
  const { host, installation } = asked
  const open = await listeners(host)
  const lowest = Number(
    (await host.readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start')) ?? 1_024
  )
  const findings: Finding[] = []
  for (const [index, service] of installation.services.entries()) {
    const finding = await checkPort(asked, service, index, { open, lowest })
    if (finding !== undefined) findings.push(finding)
  }
  return findings
}

/** @param index of the service; those before it have precedence */
const checkPort = async (
  asked: Asked,
  service: Service,
  index: number,
  { open, lowest }: Ports
): Promise<Finding | undefined> => {
  const { host, installation } = asked
  if (!service.config) return undefined
  const { HOST, PORT } = service.config
  const moveAway = (): string =>
    move(installation, service, freePort(installation, service, usualPort(service), open))
  const twin = installation.services
    .slice(0, index)
    .find((other) => other.config?.PORT === PORT && meets(other.config.HOST, HOST))
  if (twin) {
    const detail = `PORT=${PORT} is also that of ${twin.name}: only one can listen there`
    return fault(name, service.name, detail, moveAway())
  }
  if (isAddress(HOST) && !['0.0.0.0', '::'].includes(HOST) && !host.addresses().includes(HOST)) {
    const better = (await proposal(host, installation, service, 'HOST')) ?? '127.0.0.1'
    const fix = setVariable(edited(service), 'HOST', better)
    return fault(
      name,
      service.name,
      `HOST=${HOST} is no address of this machine`,
      andRestart(installation, fix, service)
    )
  }
  if (PORT < lowest) {
    const detail = `PORT=${PORT} is for root alone (below ${lowest})`
    return fault(name, service.name, detail, moveAway())
  }
  return checkTaken(asked, service, open, moveAway)
}

/** Whether another process listens where a service is to listen. A person decides who ends. */
const checkTaken = async (
  asked: Asked,
  service: Service,
  open: readonly Listener[],
  moveAway: () => string
): Promise<Finding | undefined> => {
  const { installation } = asked
  const PORT = service.config?.PORT
  const holder = await findHolder(asked, service, open)
  if (holder === undefined) return undefined
  const own = installation.services.find(({ pid }) => pid !== undefined && pid === holder.pid)
  if (own)
    return fault(
      name,
      service.name,
      `PORT=${PORT} is still held by ${own.name} (process ${own.pid}), whose file names ` +
        'another port: restart needed',
      restart(installation, own, service)
    )
  return fault(
    name,
    service.name,
    `PORT=${PORT} is taken by ${holder.words}: end that, or have ${service.name} ` +
      'listen elsewhere',
    moveAway()
  )
}

const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host)

/** Another process that listens where a service is to listen; undefined when nobody does. */
const findHolder = async (
  { host }: Asked,
  service: Service,
  open: readonly Listener[]
): Promise<{ pid?: number; words: string } | undefined> => {
  const { HOST, PORT } = service.config as NonNullable<Service['config']>
  for (const { inode, address, uid } of open.filter(
    (each) => each.port === PORT && meets(each.address, HOST)
  )) {
    const all = await holders(host, inode)
    if (all.some(({ pid }) => pid === service.pid)) continue
    const [first] = all
    if (first !== undefined) return { pid: first.pid, words: describeHolder(first) }
    // Root of a container may not read the service's process. The same user must be enough then.
    if (
      service.pid !== undefined &&
      uid === service.user?.uid &&
      !(await canLookInto(host, service.pid))
    )
      continue
    const find = `ss -ltnp 'sport = :${PORT}'`
    return { words: `a process of uid ${uid} at ${address}, which root can name: ${find}` }
  }
  return undefined
}

const describeHolder = ({ pid, name: program, kind, unit }: Process): string => {
  const ofUnit = unit === undefined ? '' : `, ${unit}`
  const ofOther = kind === undefined ? '' : ' of another LeadMaster'
  return `process ${pid} (${program}${ofUnit})${ofOther}`
}

/** Checks that each running service listens, when no check before found a fault. */
export const checkListening: Check = async ({ host, installation, cause }) => {
  const open = await listeners(host)
  const findings: Finding[] = []
  for (const service of installation.services) {
    const { config } = service
    // A service that is starting is judged by its unit.
    if (!config || service.pid === undefined || cause(service.name) || isStarting(service)) continue
    const { HOST, PORT } = config
    const isHeard = open.some(({ address, port }) => port === PORT && meets(address, HOST))
    if (isHeard) findings.push(ok(name, service.name, `listens on ${HOST}:${PORT}`))
    else
      findings.push(
        await restartFault(
          host,
          installation,
          name,
          service,
          `nobody listens on ${HOST}:${PORT}, though its process runs`
        )
      )
  }
  return findings
}
