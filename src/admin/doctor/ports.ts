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

/** HOST and PORT: one service each, an address of this machine, and nobody else there. */

const name = 'port'

/** Moves a service to another port; the hub must be told of a session-manager's. */
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

/** The port that a service usually has. */
const usualPort = ({ kind }: Service): number => (kind === 'central-hub' ? 3012 : 3001)

/** What keeps a service from listening, or would keep it at its next start. */
export const checkPorts: Check = async (asked) => {
  const { host, installation } = asked
  const open = await listeners(host)
  const lowest = Number(
    (await host.readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start')) ?? 1_024
  )
  const findings: Finding[] = []
  for (const [index, service] of installation.services.entries()) {
    const { config } = service
    if (!config) continue
    const { HOST, PORT } = config
    const elsewhere = (): string =>
      move(installation, service, freePort(installation, service, usualPort(service), open))
    const twin = installation.services
      .slice(0, index)
      .find((other) => other.config?.PORT === PORT && meets(other.config.HOST, HOST))
    if (twin) {
      findings.push(
        fault(
          name,
          service.name,
          `PORT=${PORT} is also that of ${twin.name}: only one can listen there`,
          elsewhere()
        )
      )
    } else if (
      isAddress(HOST) &&
      !['0.0.0.0', '::'].includes(HOST) &&
      !host.addresses().includes(HOST)
    ) {
      const better = (await proposal(host, installation, service, 'HOST')) ?? '127.0.0.1'
      findings.push(
        fault(
          name,
          service.name,
          `HOST=${HOST} is no address of this machine`,
          andRestart(installation, setVariable(edited(service), 'HOST', better), service)
        )
      )
    } else if (PORT < lowest) {
      findings.push(
        fault(name, service.name, `PORT=${PORT} is for root alone (below ${lowest})`, elsewhere())
      )
    } else {
      const taken = await takenBy(asked, service, open)
      const own = installation.services.find(({ pid }) => pid !== undefined && pid === taken?.pid)
      // whoever it is may have its reasons to run: to end it is for a person to decide
      if (own)
        findings.push(
          fault(
            name,
            service.name,
            `PORT=${PORT} is still held by ${own.name} (process ${own.pid}), whose file names ` +
              'another port: restart needed',
            restart(installation, own, service)
          )
        )
      else if (taken)
        findings.push(
          fault(
            name,
            service.name,
            `PORT=${PORT} is taken by ${taken.words}: end that, or have ${service.name} ` +
              'listen elsewhere',
            elsewhere()
          )
        )
    }
  }
  return findings
}

const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host)

/** Who else listens where a service is to listen; undefined when nobody does. */
const takenBy = async (
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
    // where nobody may look into the service's process, as root of a container, that it is its
    // user's has to do
    if (
      service.pid !== undefined &&
      uid === service.user?.uid &&
      !(await canLookInto(host, service.pid))
    )
      continue
    return {
      words:
        `a process of uid ${uid} at ${address}, which root can name: ss -ltnp 'sport = ` +
        `:${PORT}'`
    }
  }
  return undefined
}

const describeHolder = ({ pid, name: program, kind, unit }: Process): string =>
  `process ${pid} ` +
  `(${program}${unit === undefined ? '' : `, ${unit}`})${kind === undefined ? '' : ' of another LeadMaster'}`

/** Who listens now, once everything before is in order. */
export const checkListening: Check = async ({ host, installation, cause }) => {
  const open = await listeners(host)
  const findings: Finding[] = []
  for (const service of installation.services) {
    const { config } = service
    // one that is starting, or starts again and again, is judged by its unit
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
