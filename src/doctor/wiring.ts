import { readConfig as readCentralHub, type Config as HubConfig } from '../central-hub/config.ts'
import { readEnvFile, type EnvFile } from '../platform/env-file.ts'
import { EnvironmentError, type Source } from '../platform/env.ts'
import { readConfig as readSessionManager, type Config as ManagerConfig } from '../session-manager/config.ts'
import { readCredentials, type Credentials } from './credentials.ts'
import type { Host } from './host.ts'
import { findProcess } from './processes.ts'
import { word } from './shell.ts'

/** What is there to be checked: the services, the files they are configured by, and how they are run. */
export interface Wiring {
  /** Run by systemd, or in the foreground by scripts/up. */
  mode: 'systemd' | 'foreground'
  /** Where the env files are. */
  directory: string
  /** The release or clone that doctor is part of. */
  release: string
  /** In the foreground: on a simulated WhatsApp. */
  simulated: boolean
  /** Whom the services run as; undefined when there is no such user. */
  user: User | undefined
  userName: string
  /** Root starts the services, and the env files are root's. */
  byRoot: boolean
  services: readonly Service[]
}

export interface User {
  name: string
  uid: number
  gid: number
}

export type Kind = 'session-manager' | 'central-hub'

interface Common {
  /** As it is shown: session-manager, session-manager@sales, central-hub. */
  name: string
  unit: string
  /** Of a further account. */
  instance?: string
  envFile: string
  /** Of the env file; undefined when it is missing or cannot be read. */
  text: string | undefined
  file: EnvFile
  /** What the service is given: the file's variables, and credentials. One that cannot be read has a value of no meaning. */
  variables: Readonly<Record<string, string>>
  credentials: Credentials
  /** What the service would refuse of it. */
  faults: readonly string[]
  /** What systemd says of the unit; empty without systemd. */
  properties: Readonly<Record<string, string>>
  pid: number | undefined
  /** Where its state is by custom. */
  stateDir: string
}
export type Manager = Common & { kind: 'session-manager'; config: ManagerConfig | undefined }
export type Hub = Common & { kind: 'central-hub'; config: HubConfig | undefined }
export type Service = Manager | Hub

export const managers = ({ services }: Wiring): Manager[] => services.filter((service) => service.kind === 'session-manager')
export const hubs = ({ services }: Wiring): Hub[] => services.filter((service) => service.kind === 'central-hub')

/** Stands for a credential that doctor cannot read. */
const unreadable = 'x'.repeat(32)

const readers = { 'session-manager': readSessionManager, 'central-hub': readCentralHub }

/** What a service would say to these variables: every fault, in its own words. */
export const refusals = (kind: Kind, variables: Source): readonly string[] => {
  try {
    readers[kind](variables)
    return []
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults
    throw error
  }
}

/** Whether a service knows this variable: `own`, `foreign` for what systemd, a shell or Node set, or `unknown`. */
export const knows = (kind: Kind, name: string): 'own' | 'foreign' | 'unknown' => {
  const said = refusals(kind, { [name]: '' })
  if (said.some((text) => text.startsWith(`${name} is unknown`))) return 'unknown'
  return said.some((text) => text.startsWith(`${name} is empty`)) ? 'own' : 'foreign'
}

const asked = [
  'LoadState', 'UnitFileState', 'ActiveState', 'SubState', 'Result', 'ExecMainStatus', 'NRestarts', 'StatusText', 'NeedDaemonReload', 'MainPID', 'FragmentPath',
  'DropInPaths', 'Environment', 'PassEnvironment', 'UnsetEnvironment', 'StateDirectory', 'ReadWritePaths', 'TimeoutStopUSec', 'User', 'ActiveEnterTimestamp'
]

const showUnit = async (host: Host, unit: string): Promise<Record<string, string>> => {
  const { stdout } = await host.run(['systemctl', 'show', unit, '--property', asked.join(',')])
  return Object.fromEntries(stdout.split('\n').flatMap((line) => (line.includes('=') ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]] : [])))
}

/** Accounts beside the first: by the env files and by the units. */
const findInstances = async (host: Host, directory: string, systemd: boolean): Promise<string[]> => {
  const files = (await host.readdir(directory)).flatMap((file) => /^session-manager-([\w-]+)\.env$/.exec(file)?.[1] ?? [])
  const listed = systemd ? await Promise.all(['list-units', 'list-unit-files'].map((list) => host.run(['systemctl', list, '--all', '--plain', '--no-legend', 'leadmaster-session-manager@*.service']))) : []
  const units = listed.flatMap(({ stdout }) => [...stdout.matchAll(/\bleadmaster-session-manager@([\w-]+)\.service/g)].map(([, instance = '']) => instance))
  return [...new Set([...files, ...units])].sort()
}

export const findUser = async (host: Host, name: string): Promise<User | undefined> => {
  const [found, , uid, gid] = (await host.run(['getent', 'passwd', name])).stdout.trim().split(':')
  return found ? { name: found, uid: Number(uid), gid: Number(gid) } : undefined
}

/**
 * @param home the directory of a run in the foreground, if one is meant
 * @returns undefined when there is neither an installation nor a run in the foreground
 */
export const readWiring = async (host: Host, release: string, home: string | undefined): Promise<Wiring | undefined> => {
  const booted = (await host.stat('/run/systemd/system')) !== undefined
  const installed = (await host.stat('/etc/leadmaster')) !== undefined
  const clone = (await host.stat(`${release}/.leadmaster`)) === undefined ? undefined : `${release}/.leadmaster`
  const foreground = home ?? (booted && installed ? undefined : clone)
  if (foreground === undefined && !booted) return undefined
  const mode = foreground === undefined ? 'systemd' : 'foreground'
  const directory = foreground ?? '/etc/leadmaster'
  const simulated = mode === 'foreground' && (await host.readFile(`${directory}/kind`))?.trim() === 'simulated'

  const named = [
    { kind: 'session-manager' as const, instance: undefined },
    ...(await findInstances(host, directory, mode === 'systemd')).map((instance) => ({ kind: 'session-manager' as const, instance })),
    { kind: 'central-hub' as const, instance: undefined }
  ]
  const services = await Promise.all(
    named.map(async ({ kind, instance }): Promise<Service> => {
      const unit = `leadmaster-${kind}${instance === undefined ? '' : `@${instance}`}`
      const envFile = `${directory}/${kind}${instance === undefined ? '' : `-${instance}`}.env`
      const text = await host.readFile(envFile)
      const file = readEnvFile(text ?? '')
      const properties = mode === 'systemd' ? await showUnit(host, `${unit}.service`) : {}
      const unitFiles = [properties['FragmentPath'] ?? '', ...(properties['DropInPaths'] ?? '').split(' ')].filter(Boolean)
      const credentials = await readCredentials(host, unit, unitFiles)
      const variables = { ...file.variables, ...Object.fromEntries(credentials.names.map((name) => [name, credentials.values[name] ?? unreadable])) }
      const twice = credentials.names.filter((name) => file.variables[name]).map((name) => `${name} is given twice, as a credential and in the env file`)
      const faults = [...twice, ...refusals(kind, variables)]
      const [own = `leadmaster/${kind}${instance === undefined ? '' : `-${instance}`}`] = properties['StateDirectory']?.split(' ').filter(Boolean) ?? []
      const common = {
        name: instance === undefined ? kind : `${kind}@${instance}`,
        unit, envFile, text, file, variables, credentials, faults, properties,
        ...(instance === undefined ? {} : { instance }),
        pid: mode === 'systemd' ? Number(properties['MainPID'] ?? 0) || undefined : await findProcess(host, kind, directory, file.variables),
        stateDir: mode === 'systemd' ? `/var/lib/${own}` : `${directory}/${simulated ? 'simulated' : 'real'}/${kind}${instance === undefined ? '' : `-${instance}`}`
      }
      return kind === 'session-manager'
        ? { ...common, kind, config: faults.length === 0 ? readSessionManager(variables) : undefined }
        : { ...common, kind, config: faults.length === 0 ? readCentralHub(variables) : undefined }
    })
  )
  // in the foreground root hands the services to leadmaster, and anybody else runs them as himself
  const owner = mode === 'foreground' ? ((await host.stat(directory))?.uid ?? host.uid) : 0
  const userName = owner === 0 ? services[0]?.properties['User'] || 'leadmaster' : String(owner)
  const user = await findUser(host, userName)
  return { mode, directory, release, simulated, user, userName: user?.name ?? userName, byRoot: owner === 0, services }
}

/** The command that installs, or starts everything in the foreground. */
export const upCommand = ({ mode, directory, release, simulated }: Wiring): string =>
  `${mode === 'systemd' || directory === `${release}/.leadmaster` ? '' : `LEADMASTER_HOME=${word(directory)} `}${word(`${release}/scripts/up`)}${simulated ? ' --simulated' : ''}`

/** The command that starts a service anew with what its file says now. */
export const restart = (wiring: Wiring, ...services: readonly Service[]): string =>
  wiring.mode === 'systemd'
    ? `systemctl restart ${services.map(({ unit }) => unit).join(' ')}`
    : `kill $(cat ${word(`${wiring.directory}/lock`)}); flock ${word(`${wiring.directory}/lock`)} true; ${upCommand(wiring)}`

/** A mend after which services must be started anew; in the foreground that is left to whoever runs scripts/up. */
export const andRestart = (wiring: Wiring, mend: string, ...services: readonly Service[]): string =>
  wiring.mode === 'systemd' ? `${mend} && ${restart(wiring, ...services)}` : `${mend} # then end scripts/up and start it anew`

/** Runs a command as the services' user; in the foreground among the files that a running service sees, closed ones above it too. */
export const asUser = (host: Host, { mode, user, services }: Wiring, ...command: readonly string[]): string[] => {
  if (host.uid !== 0 || user === undefined || user.uid === 0) return [...command]
  const pid = mode === 'foreground' ? services.find((service) => service.pid !== undefined)?.pid : undefined
  const among = pid === undefined ? [] : ['nsenter', `--target=${pid}`, '--mount', '--']
  return [...among, 'setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--', ...command]
}
