import type { Check } from './check.ts'
import { fault, note, ok, skipped } from './finding.ts'
import { environmentOf } from './processes.ts'
import { knows, restart } from './wiring.ts'

/** The env file against what the running process was started with: an edited file counts only after a restart. */

const secretName = /TOKEN|SECRET|PASSWORD|KEY/
const name = 'running environment'

const shown = (value: string | undefined): string => (value === undefined ? 'not set' : JSON.stringify(value.replace(/\/\/.*@/s, '//(hidden)@')))

export const checkRunning: Check = async ({ host, wiring, cause }) => {
  const findings = wiring.services.map(async (service) => {
    if (service.pid === undefined) return []
    // what mends the file restarts the service too
    const because = cause(service.name, 'env file', 'tokens')
    if (because) return [skipped(name, service.name, because)]
    const has = await environmentOf(host, service.pid)
    if (has === undefined) return [note(name, service.name, `the environment of process ${service.pid} cannot be read by you: run doctor as root`)]
    const { variables } = service.file
    const ours = [...new Set([...Object.keys(variables), ...Object.keys(has)])].filter((variable) => knows(service.kind, variable) === 'own')
    const stale = ours.filter((variable) => variables[variable] !== has[variable])
    if (stale.length === 0) return [ok(name, service.name, `process ${service.pid} has what the file says`)]
    const differences = stale.map((variable) =>
      secretName.test(variable) ? `${variable} differs`
      : !(variable in variables) ? `${variable} (${shown(has[variable])}) is not in the file`
      : `${variable} is ${shown(has[variable])}, in the file ${shown(variables[variable])}`
    )
    return [fault(name, service.name, `restart needed, process ${service.pid} has another environment than its file: ${differences.join('; ')}`, restart(wiring, service))]
  })
  return (await Promise.all(findings)).flat()
}
