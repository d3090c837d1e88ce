import type { Host } from '../installation/host.ts'
import { fault, unexplained, type Finding } from './finding.ts'
import { startedAt } from '../installation/processes.ts'
import { restart, type Service, type Installation } from '../installation/installation.ts'

/** A restart does not help a service that was started within this time, ms. */
const triedMs = 10 * 60_000

/**
 * A fault of a running service whose only possible fix is a restart. It is offered once.
 * @param about the service of the finding, when that is another one
 */
export const restartFault = async (
  host: Host,
  installation: Installation,
  name: string,
  service: Service,
  detail: string,
  about: Service = service
): Promise<Finding> => {
  const started = service.pid === undefined ? undefined : await startedAt(host, service.pid)
  const ageMs = started === undefined ? Number.POSITIVE_INFINITY : host.now() - started
  if (ageMs > triedMs) return fault(name, about.name, detail, restart(installation, service))
  const log = installation.mode === 'systemd' ? `: journalctl -u ${service.unit} may say more` : ''
  return unexplained(
    name,
    about.name,
    `${detail}. ${service.name} was started ${Math.round(ageMs / 1_000)} s ago, so that ` +
      `another restart will hardly help${log}`
  )
}
