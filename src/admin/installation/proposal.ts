import { readEnvFile } from '../../platform/env-file.ts'
import type { Host } from './host.ts'
import { environmentOf, type Listener } from './processes.ts'
import { hubs, managers, refusals, type Service, type Installation } from './installation.ts'

/** Proposes values of variables, for the commands that fix an env file. */

/** The host of a URL that reaches a listener at this address. */
const urlHostOf = (address: string): string => {
  if (address === '0.0.0.0') return '127.0.0.1'
  if (address === '::') return '[::1]'
  return address.includes(':') ? `[${address}]` : address
}

/** A URL that reaches a listener at this address and port. */
export const urlOf = (host: string, port: number | string): string =>
  `http://${urlHostOf(host)}:${port}`

const template = async (host: Host, { release }: Installation, service: Service): Promise<string> =>
  (await host.readFile(`${release}/deploy/env/${service.kind}.env`)) ?? ''

/** The value in the template, commented out or not; empty when the template has no value. */
const templateValue = async (
  host: Host,
  installation: Installation,
  service: Service,
  name: string
): Promise<string> => {
  const text = await template(host, installation, service)
  const commented = readEnvFile(text.replace(new RegExp(`^#(?=${name}=)`, 'm'), ''))
  return commented.variables[name] ?? ''
}

/** The first port, from the usual one on, that no other service has and nobody listens on. */
export const freePort = (
  installation: Installation,
  service: Service,
  from: number,
  open: readonly Listener[] = []
): number => {
  const others = installation.services
    .filter((other) => other !== service)
    .map((other) => Number(other.file.variables['PORT']))
  const taken = new Set([...others, ...open.map(({ port }) => port)])
  let port = from
  while (taken.has(port)) port += 1
  return port
}

/**
 * The value that a variable should have when nothing else is known; undefined when the file should
 * not have it. It is not for secrets.
 */
export const proposal = async (
  host: Host,
  installation: Installation,
  service: Service,
  name: string
): Promise<string | undefined> => {
  if (name === 'STATE_DIR') return service.stateDir
  if (name === 'ENV_FILE') return service.envFile
  if (name === 'ACCOUNT' && service.instance !== undefined) return service.instance
  if (name === 'ACCOUNT' && installation.simulated) return 'simulated'
  const value = await templateValue(host, installation, service, name)
  if (name === 'PORT') return proposedPort(installation, service, value)
  if (name === 'SESSION_MANAGER_BASE_URL') {
    const [first] = managers(installation)
    const { HOST, PORT } = first?.file.variables ?? {}
    const url = HOST !== undefined && PORT !== undefined ? urlOf(HOST, PORT) : ''
    return accepts(service, name, url) ? url : value
  }
  return value === '' ? undefined : value
}

/** @param template the port in the template, or empty */
const proposedPort = (installation: Installation, service: Service, template: string): string => {
  if (service === managers(installation)[0]) {
    // The hub's file may have the port.
    const url = hubs(installation)[0]?.config?.SESSION_MANAGER_BASE_URL
    if (url !== undefined && new URL(url).port !== '') return new URL(url).port
  }
  const usual = service.kind === 'central-hub' ? 3012 : 3001
  return String(freePort(installation, service, Number(template) || usual))
}

const accepts = (service: Service, name: string, value: string): boolean =>
  value !== '' &&
  !refusals(service.kind, { [name]: value }).some((error) => error.startsWith(`${name}=`))

/** Whether a process may have a variable from systemd's own environment or from a drop-in. */
const hasOtherSource = async (
  host: Host,
  { properties }: Service,
  name: string
): Promise<boolean> => {
  const { stdout } = await host.run(['systemctl', 'show-environment'])
  return (
    new RegExp(`^${name}=`, 'm').test(stdout) ||
    new RegExp(`(?:^|\\s)["']?${name}=`).test(properties['Environment'] ?? '')
  )
}

/** The value that the running process has, from before the file was changed. */
export const running = async (
  host: Host,
  service: Service,
  name: string
): Promise<string | undefined> => {
  const value =
    service.pid === undefined ? undefined : (await environmentOf(host, service.pid))?.[name]
  if (
    value === undefined ||
    !accepts(service, name, value) ||
    (await hasOtherSource(host, service, name))
  )
    return undefined
  return value
}

/** A correction of a malformed value: the first of a few readings that the service accepts. */
export const meant = (service: Service, name: string, value: string): string | undefined => {
  const bare = value.replace(/\s+#.*$/s, '').trim()
  const readings = [
    bare,
    bare.toLowerCase(),
    bare.replace(/^["']+|["']+$/g, ''),
    `http://${bare}`,
    bare.replace(/^(https?:\/\/[^/]+).*$/, '$1'),
    bare.replace(/^https?:\/\//, '').replace(/:\d+$/, ''),
    `${bare}s`
  ]
  return readings.find((reading) => accepts(service, name, reading))
}
