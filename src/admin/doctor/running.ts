import type { Asked, Check } from './check.ts'
import { fault, note, ok, skipped, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { environmentOf, envFilesOf, startedAt } from '../installation/processes.ts'
import { knows, restart, type Service } from '../installation/installation.ts'

/**
 * Compares the env file with the environment of the running process. An edited file counts only
 * after a restart.
 */

const secretName = /TOKEN|SECRET|PASSWORD|KEY/
const name = 'running environment'

const shown = (value: string | undefined): string =>
  value === undefined ? 'not set' : JSON.stringify(value.replace(/\/\/.*@/s, '//(hidden)@'))

export const checkRunning: Check = async (asked) =>
  (await Promise.all(asked.installation.services.map((service) => checkOne(asked, service)))).flat()

const checkOne = async (
  { host, installation, cause }: Asked,
  service: Service
): Promise<Finding[]> => {
  const { pid, envFile, file, kind } = service
  if (pid === undefined) return []
  // The command that fixes the file restarts the service too.
  const because = cause(service.name, 'env file', 'tokens')
  if (because) return [skipped(name, service.name, because)]
  const has = await environmentOf(host, pid)
  if (has === undefined) {
    const why =
      host.uid === 0
        ? ': root of this container may not look into it'
        : ' by you: run doctor as root'
    return [note(name, service.name, `the environment of process ${pid} cannot be read${why}`)]
  }
  if (await isFileNewer(host, pid, envFile)) {
    return [
      fault(
        name,
        service.name,
        `restart needed, ${envFile} was changed after process ${pid} was started with it ` +
          '(--env-file)',
        restart(installation, service)
      )
    ]
  }
  const { variables } = file
  const ours = [...new Set([...Object.keys(variables), ...Object.keys(has)])].filter(
    (variable) => knows(kind, variable) === 'own'
  )
  const stale = ours.filter((variable) => variables[variable] !== has[variable])
  if (stale.length === 0) return [ok(name, service.name, `process ${pid} has what the file says`)]
  const differences = stale.map((variable) =>
    difference(variable, has[variable], variables[variable])
  )
  return [
    fault(
      name,
      service.name,
      `restart needed, process ${pid} has another environment than its file: ` +
        `${differences.join('; ')}`,
      restart(installation, service)
    )
  ]
}

const difference = (
  variable: string,
  has: string | undefined,
  inFile: string | undefined
): string => {
  if (secretName.test(variable)) return `${variable} differs`
  if (inFile === undefined) return `${variable} (${shown(has)}) is not in the file`
  return `${variable} is ${shown(has)}, in the file ${shown(inFile)}`
}

/**
 * Whether the file was changed after a process was started with `node --env-file`. Such variables
 * are not in /proc.
 */
const isFileNewer = async (host: Host, pid: number, envFile: string): Promise<boolean> => {
  if (!(await envFilesOf(host, pid)).includes(envFile)) return false
  const [started, changed] = [await startedAt(host, pid), (await host.stat(envFile))?.mtimeMs]
  // The time of boot is known in whole seconds.
  return started !== undefined && changed !== undefined && changed > started + 1_000
}
