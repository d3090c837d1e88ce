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

/**
 * What is there to be checked: the services, the files they are configured by, and how they are
 * run.
 */
export interface Installation {
  /** Run by systemd, or in the foreground by scripts/up. */
  mode: 'systemd' | 'foreground'
  /** Where the env files are. */
  directory: string
  /** The release or clone that doctor is part of. */
  release: string
  /** In the foreground: on a simulated WhatsApp. */
  simulated: boolean
  /**
   * The scripts/up that runs the services, in the foreground; undefined when each was started by
   * hand.
   */
  runner: Runner | undefined
  /** Root starts the services, and the env files are root's. */
  byRoot: boolean
  services: readonly Service[]
}

interface Runner {
  pid: number
  /** What it was called with, such as --simulated. */
  args: readonly string[]
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
  /**
   * What the service is given: the file's variables, and credentials. One that cannot be read has a
   * value of no meaning.
   */
  variables: Readonly<Record<string, string>>
  credentials: Credentials
  /** What the service would refuse of it. */
  faults: readonly string[]
  /** What systemd says of the unit; empty without systemd. */
  properties: Readonly<Record<string, string>>
  pid: number | undefined
  /** Whom it runs as, or would run as; undefined when there is no such user. */
  user: User | undefined
  userName: string
  /** Where its state is by custom. */
  stateDir: string
}
export type Manager = Common & { kind: 'session-manager'; config: ManagerConfig | undefined }
export type Hub = Common & { kind: 'central-hub'; config: HubConfig | undefined }
export type Service = Manager | Hub

export const managers = ({ services }: Installation): Manager[] =>
  services.filter((service) => service.kind === 'session-manager')
export const hubs = ({ services }: Installation): Hub[] =>
  services.filter((service) => service.kind === 'central-hub')

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

/**
 * Whether a service knows this variable: `own`, `foreign` for what systemd, a shell or Node set, or
 * `unknown`.
 */
export const knows = (kind: Kind, name: string): 'own' | 'foreign' | 'unknown' => {
  const said = refusals(kind, { [name]: '' })
  if (said.some((text) => text.startsWith(`${name} is unknown`))) return 'unknown'
  return said.some((text) => text.startsWith(`${name} is empty`)) ? 'own' : 'foreign'
}

/** What is asked of systemd about a unit. */
const asked = [
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
  const { stdout } = await host.run(['systemctl', 'show', unit, '--property', asked.join(',')])
  const shown: Record<string, string> = {}
  for (const line of stdout.split('\n')) {
    const [, name, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
    // what may be given several times is shown in several lines
    if (name !== undefined) shown[name] = shown[name] ? `${shown[name]} ${value}` : value
  }
  return shown
}

/** Accounts beside the first: by the env files and by the units. */
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
  const [found, , uid, gid] = (await host.run(['getent', 'passwd', name])).stdout.trim().split(':')
  return found ? { name: found, uid: Number(uid), gid: Number(gid) } : undefined
}

const etc = '/etc/leadmaster'

/** scripts/up as it runs now with these env files, by the lock that it holds. */
const findRunner = async (host: Host, directory: string): Promise<Runner | undefined> => {
  const pid = Number((await host.readFile(`${directory}/lock`))?.trim() || NaN)
  if (!Number.isInteger(pid)) return undefined
  const args = await commandLine(host, pid)
  const at = args.findIndex((arg) => /(^|\/)scripts\/up\.ts$/.test(arg))
  if (at < 0 || args[at + 1] !== directory) return undefined
  return { pid, args: args.slice(at + 3) } // the directory, and where it was called, come first
}

/** Which LeadMaster of this machine is meant, and how it is run; undefined when there is none. */
const placeOf = async (
  host: Host,
  release: string,
  home: string | undefined
): Promise<Pick<Installation, 'mode' | 'directory'> | undefined> => {
  if (home !== undefined) return { mode: 'foreground', directory: home }
  const exists = async (path: string): Promise<boolean> => (await host.stat(path)) !== undefined
  const isBooted = await exists('/run/systemd/system')
  const clone = `${release}/.leadmaster`
  // one who started scripts/up in this clone means that, also where another LeadMaster is installed
  if (isBooted && (await exists(etc)) && (await findRunner(host, clone)) === undefined)
    return { mode: 'systemd', directory: etc }
  if (await exists(clone)) return { mode: 'foreground', directory: clone }
  // installed in a container that no systemd runs
  if (await exists(etc)) return { mode: 'foreground', directory: etc }
  return isBooted ? { mode: 'systemd', directory: etc } : undefined
}

/**
 * Whom a service runs as, in the foreground: as its process does; else root hands it to leadmaster,
 * and anybody else keeps it.
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

/** As systemd does: a unit without User= runs as root. */
const unitUser = ({ LoadState, User }: Readonly<Record<string, string>>): string =>
  User || (LoadState === 'loaded' ? 'root' : 'leadmaster')

/**
 * @param home the directory of a run in the foreground, if one is meant
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
  // in the foreground root hands the services to leadmaster, and anybody else runs them himself
  const owner = mode === 'foreground' ? ((await host.stat(directory))?.uid ?? host.uid) : 0
  const named: { kind: Kind; instance: string | undefined }[] = [
    { kind: 'session-manager', instance: undefined },
    ...(await findInstances(host, directory, mode === 'systemd')).map((instance) => ({
      kind: 'session-manager' as const,
      instance
    })),
    { kind: 'central-hub', instance: undefined }
  ]
  const services = await Promise.all(
    named.map(async ({ kind, instance }): Promise<Service> => {
      const file = `${kind}${instance === undefined ? '' : `-${instance}`}`
      const unit = `leadmaster-${kind}${instance === undefined ? '' : `@${instance}`}`
      const properties = mode === 'systemd' ? await showUnit(host, `${unit}.service`) : {}
      const given = await readGiven(host, kind, `${directory}/${file}.env`, unit, properties)
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
        stateDir: stateDirOf(place, isSimulated, file, properties)
      }
      if (instance !== undefined) common.instance = instance
      return kind === 'session-manager'
        ? {
            ...common,
            kind,
            config: given.faults.length === 0 ? readSessionManager(given.variables) : undefined
          }
        : {
            ...common,
            kind,
            config: given.faults.length === 0 ? readCentralHub(given.variables) : undefined
          }
    })
  )
  const runner = mode === 'foreground' ? await findRunner(host, directory) : undefined
  return { mode, directory, release, simulated: isSimulated, runner, byRoot: owner === 0, services }
}

/** Where the state of a service is by custom. */
const stateDirOf = (
  { mode, directory }: Pick<Installation, 'mode' | 'directory'>,
  isSimulated: boolean,
  file: string,
  properties: Readonly<Record<string, string>>
): string => {
  const [own = `leadmaster/${file}`] =
    properties['StateDirectory']?.split(' ').filter(Boolean) ?? []
  if (mode === 'systemd' || directory === etc) return `/var/lib/${own}`
  return `${directory}/${isSimulated ? 'simulated' : 'real'}/${file}`
}

/** What a service is given by its env file and by credentials. */
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

/** By systemd, and not ready yet. */
export const isStarting = ({ properties }: Service): boolean =>
  properties['ActiveState'] === 'activating'

/** Installed by the Debian package. */
export const isDebian = ({ release }: Installation): boolean => release === '/usr/lib/leadmaster'

/** The command that installs, or starts everything in the foreground. */
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

/** The command that starts a service by hand, with what its env file says. */
export const startByHand = (
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

/** The command that starts a service again with what its file says now. */
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

/**
 * The command that starts services in the foreground. scripts/up starts all, so it is of use where
 * none runs.
 */
export const start = (installation: Installation, ...services: readonly Service[]): string => {
  const isAlone =
    installation.directory !== etc && installation.services.every(({ pid }) => pid === undefined)
  return isAlone
    ? upCommand(installation)
    : services.map((service) => `(${startByHand(installation, service)} &)`).join('; ')
}

/**
 * A mend after which services must be started again; in the foreground that is left to the person
 * who runs scripts/up.
 */
export const andRestart = (
  installation: Installation,
  mend: string,
  ...services: readonly Service[]
): string =>
  installation.mode === 'systemd'
    ? `${mend} && ${restart(installation, ...services)}`
    : `${mend} # then end scripts/up and start it again`

/** Whether a process sees other files than doctor does, in a mount namespace of its own. */
const seesOtherFiles = async (host: Host, pid: number): Promise<boolean> => {
  const [own, theirs] = await Promise.all(
    ['self', pid].map((each) => host.readlink(`/proc/${each}/ns/mnt`))
  )
  return theirs !== undefined && own !== theirs
}

/**
 * A command as a service's user; in the foreground among the files that a running service sees,
 * closed ones above it too.
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
