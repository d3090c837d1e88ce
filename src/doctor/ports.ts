import type { Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, ok, type Finding } from './finding.ts'
import { holders, listeners, meets, type Process } from './processes.ts'
import { freePort, proposal, urlOf } from './proposal.ts'
import { setVariable } from './shell.ts'
import { andRestart, hubs, managers, restart, type Service, type Wiring } from './wiring.ts'

/** HOST and PORT: one service each, an address of this machine, and nobody else there. */

const name = 'port'

/** Moves a service to another port; the hub must be told of a session-manager's. */
const move = (wiring: Wiring, service: Service, port: number): string => {
  const steps = [setVariable(edited(service), 'PORT', String(port))]
  const [hub] = hubs(wiring)
  const own = service.config === undefined ? '' : urlOf(service.config.HOST, service.config.PORT)
  const followed = service === managers(wiring)[0] && hub?.config?.SESSION_MANAGER_BASE_URL === own
  if (followed) steps.push(setVariable(edited(hub), 'SESSION_MANAGER_BASE_URL', urlOf(service.config?.HOST ?? '127.0.0.1', port)))
  return andRestart(wiring, steps.join(' && '), service, ...(followed ? [hub] : []))
}

/** What keeps a service from listening, or would keep it at its next start. */
export const checkPorts: Check = async ({ host, wiring }) => {
  const all = await listeners(host)
  const lowest = Number((await host.readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start')) ?? 1_024)
  const findings: Finding[] = []
  for (const [index, service] of wiring.services.entries()) {
    const { config } = service
    if (!config) continue
    const { HOST, PORT } = config
    const twin = wiring.services.slice(0, index).find((other) => other.config?.PORT === PORT && meets(other.config.HOST, HOST))
    if (twin) {
      findings.push(fault(name, service.name, `PORT=${PORT} is also that of ${twin.name}: only one can listen there`, move(wiring, service, freePort(wiring, service, service.kind === 'central-hub' ? 3012 : 3001))))
      continue
    }
    if (/^[\d.]+$|:/.test(HOST) && !['0.0.0.0', '::'].includes(HOST) && !host.addresses().includes(HOST)) {
      findings.push(fault(name, service.name, `HOST=${HOST} is no address of this machine`, andRestart(wiring, setVariable(edited(service), 'HOST', (await proposal(host, wiring, service, 'HOST')) ?? '127.0.0.1'), service)))
      continue
    }
    if (PORT < lowest) {
      findings.push(fault(name, service.name, `PORT=${PORT} is for root alone (below ${lowest})`, move(wiring, service, freePort(wiring, service, service.kind === 'central-hub' ? 3012 : 3001))))
      continue
    }
    for (const { inode, address } of all.filter((each) => each.port === PORT && meets(each.address, HOST))) {
      const who = await holders(host, inode)
      if (who.some(({ pid }) => pid === service.pid)) continue
      const [first] = who
      findings.push(
        first
          ? fault(name, service.name, `PORT=${PORT} is taken by ${said(first)}, which is not ${service.name}; end it, or give PORT another value`, end(first))
          : fault(name, service.name, `PORT=${PORT} is taken at ${address} by a process of another user`, `ss -ltnp 'sport = :${PORT}' # as root: it names the process, end it`)
      )
      break
    }
  }
  return findings
}

const said = ({ pid, name: program, unit }: Process): string => `process ${pid} (${program}${unit === undefined ? '' : `, ${unit}`})`
/** A login session's scope or a user's manager is not the program's own unit. */
const end = ({ pid, unit }: Process): string => (unit === undefined || /^user@|^(ssh|getty|serial-getty|session)/.test(unit) ? `kill ${pid}` : `systemctl stop ${unit}`)

/** Who listens now, once everything before is in order. */
export const checkListening: Check = async ({ host, wiring, cause }) => {
  const all = await listeners(host)
  return wiring.services.flatMap((service) => {
    const { config } = service
    if (!config || service.pid === undefined || cause(service.name)) return []
    const { HOST, PORT } = config
    if (all.some(({ address, port }) => port === PORT && meets(address, HOST))) return [ok(name, service.name, `listens on ${HOST}:${PORT}`)]
    return [fault(name, service.name, `nobody listens on ${HOST}:${PORT}, though its process runs`, restart(wiring, service))]
  })
}
