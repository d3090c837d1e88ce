import { readConfig as readCentralHub, type Config as HubConfig } from '../../central-hub/config.ts'
import { readEnvFile, type EnvFile } from '../../platform/env-file.ts'
import { EnvironmentError, type Source } from '../../platform/env.ts'
import {
  readConfig as readSessionManager,
  type Config as ManagerConfig
} from '../../session-manager/config.ts'
import { readCredentials, type Credentials } from './credentials.ts'
import type { Host } from './host.ts'
import { commandLine, findProcess } from './processes.ts'
import { word } from './shell.ts'
import { confinement } from './unit-rules.ts'

/** The services of this machine, the files that configure them, and how they are run. */
export interface Installation {
  /** Whether systemd runs the services, or scripts/up in the foreground. */
  mode: 'systemd' | 'foreground'
  /** Where the env files are. */
  directory: string
  /** The release or clone that this program belongs to. */
  release: string
  /** The services run in the foreground on a simulated WhatsApp. */
  simulated: boolean
  /** The scripts/up that runs the services; undefined with systemd or when started by hand. */
  runner: Runner | undefined
  /** Root starts the services and owns the env files. */
  byRoot: boolean
  services: readonly Service[]
}

interface Runner {
  pid: number
  /** Its arguments, such as --simulated. */
  args: readonly string[]
}

export interface User {
  name: string
  uid: number
  gid: number
}

export type Kind = 'session-manager' | 'central-hub'

interface Common {
  /** The name that is shown: session-manager, session-manager@sales, central-hub. */
  name: string
  unit: string
  /** The name of a further account. */
  instance?: string
  envFile: string
  /** The text of the env file; undefined when it is missing or cannot be read. */
  text: string | undefined
  file: EnvFile
  /** The file's variables and the credentials. An unreadable credential has a placeholder. */
  variables: Readonly<Record<string, string>>
  credentials: Credentials
  /** The errors with which the service would refuse these variables. */
  faults: readonly string[]
  /** The unit's properties; empty without systemd. */
  properties: Readonly<Record<string, string>>
  pid: number | undefined
  /** The user that it runs as, or would run as; undefined when there is no such user. */
  user: User | undefined
  userName: string
  /** The default directory of its state. */
  stateDir: string
}
export type Manager = Common & { kind: 'session-manager'; config: ManagerConfig | undefined }
export type Hub = Common & { kind: 'central-hub'; config: HubConfig | undefined }
export type Service = Manager | Hub

export const managers = ({ services }: Installation): Manager[] =>
  services.filter((service) => service.kind === 'session-manager')
export const hubs = ({ services }: Installation): Hub[] =>
  services.filter((service) => service.kind === 'central-hub')

/** The placeholder of a credential that doctor cannot read. */
const unreadable = 'x'.repeat(32)

const readers = { 'session-manager': readSessionManager, 'central-hub': readCentralHub }

/** All errors with which a service would refuse these variables, in its own words. */
export const refusals = (kind: Kind, variables: Source): readonly string[] => {
  try {
    readers[kind](variables)
    return []
  } catch (error) {
    if (error instanceof EnvironmentError) return error.faults
    throw error
  }
}

/**
 * Whether a service knows this variable. `foreign`: systemd, a shell or Node sets it. `unknown`:
 * the service refuses it.
 */
export const knows = (kind: Kind, name: string): 'own' | 'foreign' | 'unknown' => {
  const errors = refusals(kind, { [name]: '' })
  if (errors.some((text) => text.startsWith(`${name} is unknown`))) return 'unknown'
  return errors.some((text) => text.startsWith(`${name} is empty`)) ? 'own' : 'foreign'
}

/** The properties of a unit that are read. */
const unitProperties = [
  'LoadState',
  'UnitFileState',
  'ActiveState',
  'SubState',
  'Result',
  'ExecMainStatus',
  'ExecMainCode',
  'NRestarts',
  'StatusText',
  'NeedDaemonReload',
  'MainPID',
  'FragmentPath',
  'DropInPaths',
  'Environment',
  'EnvironmentFiles',
  'PassEnvironment',
  'UnsetEnvironment',
  'StateDirectory',
  'ReadWritePaths',
  'TemporaryFileSystem',
  'TimeoutStopUSec',
  'ActiveEnterTimestamp',
  'ExecMainExitTimestamp',
  'InvocationID',
  ...confinement
]

const showUnit = async (host: Host, unit: string): Promise<Record<string, string>> => {
  const { stdout } = await host.run([
    'systemctl',
    'show',
    unit,
    '--property',
    unitProperties.join(',')
  ])
  const properties: Record<string, string> = {}
  for (const line of stdout.split('\n')) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    // A property that may be set several times is shown in several lines.
    if (name === undefined) continue
    properties[name] = properties[name] ? `${properties[name]} ${value}` : value
  }
  return properties
}

/** Names of further accounts, by their env files and by their units. */
const findInstances = async (
  host: Host,
  directory: string,
  systemd: boolean
): Promise<string[]> => {
  const files = (await host.readdir(directory)).flatMap(
    (file) => /^session-manager-([\w-]+)\.env$/.exec(file)?.[1] ?? []
  )
  const listed = systemd
    ? await Promise.all(
        ['list-units', 'list-unit-files'].map((list) =>
          host.run([
            'systemctl',
            list,
            '--all',
            '--plain',
            '--no-legend',
            'leadmaster-session-manager@*.service'
          ])
        )
      )
    : []
  const units = listed.flatMap(({ stdout }) =>
    [...stdout.matchAll(/\bleadmaster-session-manager@([\w-]+)\.service/g)].map(
      ([, instance = '']) => instance
    )
  )
  return [...new Set([...files, ...units])].sort()
}

export const findUser = async (host: Host, name: string): Promise<User | undefined> => {
  const { stdout } = await host.run(['getent', 'passwd', name])
  const [user, , uid, gid] = stdout.trim().split(':')
  return user ? { name: user, uid: Number(uid), gid: Number(gid) } : undefined
}

const etc = '/etc/leadmaster'

/** The scripts/up that runs with these env files, found by the lock that it holds. */
const findRunner = async (host: Host, directory: string): Promise<Runner | undefined> => {
  const pid = Number((await host.readFile(`${directory}/lock`))?.trim() || NaN)
  if (!Number.isInteger(pid)) return undefined
  const args = await commandLine(host, pid)
  const at = args.findIndex((arg) => /(^|\/)scripts\/up\.ts$/.test(arg))
  if (at < 0 || args[at + 1] !== directory) return undefined
  return { pid, args: args.slice(at + 3) } // after the directory and the caller's directory
}

/** Where the env files are, and who runs the services. */
type Place = Pick<Installation, 'mode' | 'directory'>

/** Chooses a LeadMaster of this machine; undefined when there is no LeadMaster. */
const placeOf = async (
  host: Host,
  release: string,
  home: string | undefined
): Promise<Place | undefined> => {
  if (home !== undefined) return { mode: 'foreground', directory: home }
  const exists = async (path: string): Promise<boolean> => (await host.stat(path)) !== undefined
  const isBooted = await exists('/run/systemd/system')
  const clone = `${release}/.leadmaster`
  // A scripts/up that runs in this clone comes before an installed LeadMaster.
  if (isBooted && (await exists(etc)) && (await findRunner(host, clone)) === undefined)
    return { mode: 'systemd', directory: etc }
  if (await exists(clone)) return { mode: 'foreground', directory: clone }
  // It is installed in a container without systemd.
  if (await exists(etc)) return { mode: 'foreground', directory: etc }
  return isBooted ? { mode: 'systemd', directory: etc } : undefined
}

/**
 * The user of a service in the foreground. Without a process it is leadmaster when root starts it,
 * and the user who starts it otherwise.
 */
const foregroundUser = async (
  host: Host,
  owner: number,
  pid: number | undefined
): Promise<string> => {
  const status = pid === undefined ? undefined : await host.readFile(`/proc/${pid}/status`)
  const uid = /^Uid:\s+(\d+)/m.exec(status ?? '')?.[1]
  return uid ?? (owner === 0 ? 'leadmaster' : String(owner))
}

/** The user of a unit. systemd runs a unit without User= as root. */
const unitUser = ({ LoadState, User }: Readonly<Record<string, string>>): string =>
  User || (LoadState === 'loaded' ? 'root' : 'leadmaster')

/** What all services of an installation share. */
interface Setting {
  host: Host
  place: Place
  isSimulated: boolean
  /** The uid that the services belong to. */
  owner: number
}

/**
 * @param home the directory of a run in the foreground; undefined: the installation
 * @returns undefined when there is neither an installation nor a run in the foreground
 */
export const readInstallation = async (
  host: Host,
  release: string,
  home: string | undefined
): Promise<Installation | undefined> => {
  const place = await placeOf(host, release, home)
  if (place === undefined) return undefined
  const { mode, directory } = place
  const isSimulated =
    mode === 'foreground' && (await host.readFile(`${directory}/kind`))?.trim() === 'simulated'
  const owner = mode === 'foreground' ? ((await host.stat(directory))?.uid ?? host.uid) : 0
  const setting = { host, place, isSimulated, owner }
  const instances = await findInstances(host, directory, mode === 'systemd')
  const services = await Promise.all([
    readManager(setting, undefined),
    ...instances.map((instance) => readManager(setting, instance)),
    readHub(setting)
  ])
  const runner = mode === 'foreground' ? await findRunner(host, directory) : undefined
  return { mode, directory, release, simulated: isSimulated, runner, byRoot: owner === 0, services }
}

const readManager = async (setting: Setting, instance: string | undefined): Promise<Manager> => {
  const common = await readService(setting, 'session-manager', instance)
  const config = common.faults.length === 0 ? readSessionManager(common.variables) : undefined
  return { ...common, kind: 'session-manager', config }
}

const readHub = async (setting: Setting): Promise<Hub> => {
  const common = await readService(setting, 'central-hub', undefined)
  const config = common.faults.length === 0 ? readCentralHub(common.variables) : undefined
  return { ...common, kind: 'central-hub', config }
}

const readService = async (
  { host, place, isSimulated, owner }: Setting,
  kind: Kind,
  instance: string | undefined
): Promise<Common> => {
  const { mode, directory } = place
  const fileName = `${kind}${instance === undefined ? '' : `-${instance}`}`
  const unit = `leadmaster-${kind}${instance === undefined ? '' : `@${instance}`}`
  const properties = mode === 'systemd' ? await showUnit(host, `${unit}.service`) : {}
  const given = await readGiven(host, kind, `${directory}/${fileName}.env`, unit, properties)
  const byDefault = await findUser(host, owner === 0 ? 'leadmaster' : String(owner))
  const pid =
    mode === 'systemd'
      ? Number(properties['MainPID'] ?? 0) || undefined
      : await findProcess(host, {
          kind,
          home: directory,
          variables: given.file.variables,
          uid: byDefault?.uid
        })
  const userName =
    mode === 'systemd' ? unitUser(properties) : await foregroundUser(host, owner, pid)
  const user = await findUser(host, userName)
  const common: Common = {
    name: instance === undefined ? kind : `${kind}@${instance}`,
    unit,
    ...given,
    properties,
    pid,
    user,
    userName: user?.name ?? userName,
    stateDir: stateDirOf(place, isSimulated, fileName, properties)
  }
  if (instance !== undefined) common.instance = instance
  return common
}

/** The default directory of a service's state. */
const stateDirOf = (
  { mode, directory }: Place,
  isSimulated: boolean,
  file: string,
  properties: Readonly<Record<string, string>>
): string => {
  const [own = `leadmaster/${file}`] =
    properties['StateDirectory']?.split(' ').filter(Boolean) ?? []
  if (mode === 'systemd' || directory === etc) return `/var/lib/${own}`
  return `${directory}/${isSimulated ? 'simulated' : 'real'}/${file}`
}

/** Reads what the env file and credentials give to a service. */
const readGiven = async (
  host: Host,
  kind: Kind,
  envFile: string,
  unit: string,
  properties: Readonly<Record<string, string>>
): Promise<Pick<Common, 'envFile' | 'text' | 'file' | 'credentials' | 'variables' | 'faults'>> => {
  const text = await host.readFile(envFile)
  const file = readEnvFile(text ?? '')
  const unitFiles = [
    properties['FragmentPath'] ?? '',
    ...(properties['DropInPaths'] ?? '').split(' ')
  ].filter(Boolean)
  const credentials = await readCredentials(host, unit, unitFiles)
  const variables = {
    ...file.variables,
    ...Object.fromEntries(
      credentials.names.map((name) => [name, credentials.values[name] ?? unreadable])
    )
  }
  const twice = credentials.names
    .filter((name) => file.variables[name])
    .map((name) => `${name} is given twice, as a credential and in the env file`)
  return {
    envFile,
    text,
    file,
    credentials,
    variables,
    faults: [...twice, ...refusals(kind, variables)]
  }
}

/** systemd has started it, and it is not ready yet. */
export const isStarting = ({ properties }: Service): boolean =>
  properties['ActiveState'] === 'activating'

/** It is installed by the Debian package. */
export const isDebian = ({ release }: Installation): boolean => release === '/usr/lib/leadmaster'

/** The command that installs LeadMaster, or starts everything in the foreground. */
export const upCommand = ({
  mode,
  directory,
  release,
  simulated,
  runner
}: Installation): string => {
  if (mode === 'systemd' && release === '/usr/lib/leadmaster')
    return 'apt-get install --reinstall --yes leadmaster'
  const home =
    mode === 'systemd' || directory === `${release}/.leadmaster`
      ? ''
      : `LEADMASTER_HOME=${word(directory)} `
  const args = runner?.args ?? (simulated ? ['--simulated'] : [])
  return [`${home}${word(`${release}/scripts/up`)}`, ...args.map(word)].join(' ')
}

/** The command that starts one service with its env file, without systemd and scripts/up. */
const startByHand = (
  { release, byRoot, directory }: Installation,
  { kind, envFile, userName, config, stateDir }: Service
): string => {
  const isClone = directory !== etc
  const node = `--env-file=${word(envFile)} dist/${kind}/main.js`
  if (isClone)
    return (
      `${word(`${release}/scripts/unprivileged`)} --own ` +
      `${word(config?.STATE_DIR ?? stateDir)} node ${node}`
    )
  const as = byRoot ? `setpriv --reuid=${userName} --regid=${userName} --init-groups ` : ''
  return (
    `cd ${word(release)} && ${as}env -i PATH="$PATH" HOME=/nonexistent runtime/bin/node ` +
    `${node}`
  )
}

/** The command that restarts services, so that they read their env files. */
export const restart = (installation: Installation, ...services: readonly Service[]): string => {
  if (installation.mode === 'systemd')
    return `systemctl restart ${services.map(({ unit }) => unit).join(' ')}`
  const lock = word(`${installation.directory}/lock`)
  if (installation.runner)
    return `kill $(cat ${lock}); flock ${lock} true; ${upCommand(installation)}`
  const running = services.filter(({ pid }) => pid !== undefined)
  if (running.length === 0) return start(installation, ...services)
  return (
    `kill ${running.map(({ pid }) => pid).join(' ')} # then start ` +
    `${running.map(({ name }) => name).join(' and ')} again as before, with what the env file ` +
    'says now'
  )
}

/** The command that starts services in the foreground. scripts/up only helps where none runs. */
export const start = (installation: Installation, ...services: readonly Service[]): string => {
  const isAlone =
    installation.directory !== etc && installation.services.every(({ pid }) => pid === undefined)
  return isAlone
    ? upCommand(installation)
    : services.map((service) => `(${startByHand(installation, service)} &)`).join('; ')
}

/** A fix and a restart of services. In the foreground the person restarts scripts/up. */
export const andRestart = (
  installation: Installation,
  fix: string,
  ...services: readonly Service[]
): string =>
  installation.mode === 'systemd'
    ? `${fix} && ${restart(installation, ...services)}`
    : `${fix} # then end scripts/up and start it again`

/** Whether a process has another mount namespace than doctor. */
const seesOtherFiles = async (host: Host, pid: number): Promise<boolean> => {
  const [own, theirs] = await Promise.all(
    ['self', pid].map((each) => host.readlink(`/proc/${each}/ns/mnt`))
  )
  return theirs !== undefined && own !== theirs
}

/**
 * A command that runs as a service's user. In the foreground it runs in the mount namespace of a
 * running service, which shows it closed directories too.
 */
export const asUser = async (
  host: Host,
  { mode, services }: Installation,
  { user }: Service,
  ...command: readonly string[]
): Promise<string[]> => {
  if (host.uid !== 0 || user === undefined || user.uid === 0) return [...command]
  const pid =
    mode === 'foreground' ? services.find((service) => service.pid !== undefined)?.pid : undefined
  const among =
    pid !== undefined && (await seesOtherFiles(host, pid))
      ? ['nsenter', `--target=${pid}`, '--mount', '--']
      : []
  return [
    ...among,
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--init-groups',
    '--',
    ...command
  ]
}
