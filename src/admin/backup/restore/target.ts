import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Host } from '../../installation/host.ts'
import { findUser, type User } from '../../installation/installation.ts'
import { isOpen } from '../databases.ts'
import type { Manifest, Part } from '../manifest.ts'
import { Refused } from '../refused.ts'

/** Where a backup is put back, and whether it may be. */

export interface Target {
  /** The directory of the env files. */
  directory: string
  /** systemd runs the services. */
  installed: boolean
  places: Place[]
  /** The owner of the state; undefined: the user of this process. */
  owner: User | undefined
}

export interface Place {
  part: Part
  envFile: string
  stateDir: string
}

const etc = '/etc/leadmaster'

/**
 * The state directory of a service. In another directory than that of the backup it is where
 * `scripts/up` in the foreground has it.
 */
const stateDirIn = (
  directory: string,
  { directory: before, simulated }: Manifest,
  { state_dir, name }: Part
): string => {
  if (directory === before) return state_dir
  const inside = relative(before, state_dir)
  return inside !== '' && !inside.startsWith('..')
    ? join(directory, inside)
    : join(directory, simulated ? 'simulated' : 'real', name)
}

const ownerOf = async (host: Host, release: string): Promise<User | undefined> => {
  if (host.uid !== 0) return undefined
  const sysusers = join(release, 'deploy/systemd/leadmaster.sysusers')
  const user = await findUser(host, 'leadmaster')
  if (user !== undefined || !existsSync(sysusers)) return user
  await host.run(['systemd-sysusers', sysusers])
  return findUser(host, 'leadmaster')
}

/** @param home the directory of a run in the foreground; undefined: the installation */
export const findTarget = async (
  host: Host,
  manifest: Manifest,
  release: string,
  home: string | undefined
): Promise<Target> => {
  const directory = home ?? (manifest.installed ? etc : join(release, '.leadmaster'))
  if (directory === etc && host.uid !== 0)
    throw new Refused(
      'run this as root, or name another directory than /etc/leadmaster by LEADMASTER_HOME'
    )
  const owner = await ownerOf(host, release)
  if (host.uid === 0 && owner === undefined)
    throw new Refused(
      'there is no user leadmaster, whom the services run as: scripts/up makes it, or useradd ' +
        '--system leadmaster'
    )
  const places = manifest.services.map((part) => ({
    part,
    envFile: join(directory, `${part.name}.env`),
    stateDir: resolve(stateDirIn(directory, manifest, part))
  }))
  return { directory, installed: directory === etc, places, owner }
}

/** @throws {Refused} when a service runs that uses the destination */
export const refuseWhileRunning = async (
  host: Host,
  { installed, places }: Target
): Promise<void> => {
  if (installed) {
    const { stdout } = await host.run([
      'systemctl',
      'list-units',
      '--plain',
      '--no-legend',
      '--state=active,activating,reloading,deactivating',
      'leadmaster-session-manager*.service',
      'leadmaster-central-hub.service'
    ])
    const running = stdout.split('\n').flatMap((line) => line.split(' ')[0] || [])
    if (running.length > 0)
      throw new Refused(
        `${running.join(' and ')} run: systemctl stop 'leadmaster-*', then begin again`
      )
  }
  for (const { stateDir } of places) {
    for (const file of ['hub.db', 'journal.db'].map((name) => join(stateDir, name))) {
      if (existsSync(file) && isOpen(file))
        throw new Refused(
          `${file} is in use: stop the services (systemctl stop 'leadmaster-*', or Ctrl-C for ` +
            'scripts/up), then begin again'
        )
    }
  }
}

/** Files and directories that are in the place of the backup. */
export const occupied = ({ places }: Target): string[] =>
  places.flatMap(({ envFile, stateDir }) => [
    ...(existsSync(envFile) ? [envFile] : []),
    ...(existsSync(stateDir) && readdirSync(stateDir).length > 0 ? [stateDir] : [])
  ])

/** Makes the directories above the state, as the unit or scripts/up would. */
export const makeDirectories = ({ directory, places }: Target): void => {
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  for (const { stateDir } of places)
    mkdirSync(join(stateDir, '..'), { recursive: true, mode: 0o755 })
}
