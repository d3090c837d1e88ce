import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, type Finding } from './finding.ts'
import type { Host, Stat } from '../installation/host.ts'
import { setVariable, word } from '../installation/shell.ts'
import { runAsUnit } from './transient.ts'
import {
  andRestart,
  asUser,
  restart,
  type Service,
  type User,
  type Installation
} from '../installation/installation.ts'

/**
 * Checks the state directories: they exist, belong to the services, are closed to others, can be
 * written, and have space.
 */

const name = 'state directory'
const MiB = 1024 ** 2

/** The directories above a path, the highest first. */
const above = (path: string): string[] =>
  path
    .split('/')
    .slice(1, -1)
    .map((_, index, parts) => `/${parts.slice(0, index + 1).join('/')}`)

/** Which permission bits of a directory apply to a user. */
const classOf = ({ uid, gid }: Stat, user: User): 'u' | 'g' | 'o' => {
  if (uid === user.uid) return 'u'
  return gid === user.gid ? 'g' : 'o'
}
const mayEnter = (stat: Stat, user: User): boolean =>
  ((stat.mode >> { u: 6, g: 3, o: 0 }[classOf(stat, user)]) & 1) === 1

/**
 * Whether the unit shows its service an empty directory in this place, with the state bound into
 * it.
 */
const isReplaced = ({ properties }: Service, path: string): boolean =>
  (properties['TemporaryFileSystem'] ?? '')
    .split(' ')
    .some((each) => each.replace(/:.*$/, '') === path)

/**
 * Whether a service cannot write to its state directory. It is tried within the unit when the unit
 * replaces a parent.
 */
const isClosedTo = async (
  host: Host,
  installation: Installation,
  service: Service,
  dir: string
): Promise<boolean> => {
  const test = ['test', '-w', dir]
  if (!above(dir).some((parent) => isReplaced(service, parent)))
    return (await host.run(await asUser(host, installation, service, ...test))).code === 1
  return (await runAsUnit(host, installation, service, test, 10_000))?.code === 1
}

/** The read-only mount that a path is on; undefined when the mount is writable. */
const readOnlyMount = async (host: Host, path: string): Promise<string | undefined> => {
  const mounts = ((await host.readFile('/proc/mounts')) ?? '')
    .split('\n')
    .map((line) => line.split(' '))
  const under = mounts.filter(
    ([, point = '']) => path === point || path.startsWith(point === '/' ? '/' : `${point}/`)
  )
  const [, point, , options = ''] =
    under.sort(([, a = ''], [, b = '']) => a.length - b.length).at(-1) ?? []
  return options.split(',').includes('ro') ? point : undefined
}

export const checkDirectories: Check = async (asked) =>
  (await Promise.all(asked.installation.services.map((service) => checkOne(asked, service)))).flat()

interface StateDirectory {
  host: Host
  installation: Installation
  service: Service
  user: User
  dir: string
}

/** The findings of a step; undefined when it found no fault, so that the next step follows. */
type Step = Finding[] | undefined

const wrong = ({ service, dir }: StateDirectory, detail: string, fix: string): Finding[] => [
  fault(name, service.name, `${dir} ${detail}`, fix)
]

const withRestart = ({ installation, service }: StateDirectory, fix: string): string =>
  andRestart(installation, fix, service)

const checkOne = async ({ host, installation }: Asked, service: Service): Promise<Finding[]> => {
  const { config, user } = service
  if (!config) return []
  if (user === undefined) return [missingUser(installation, service)]
  const state = { host, installation, service, user, dir: config.STATE_DIR }
  return (
    checkPlace(state) ??
    (await checkParents(state)) ??
    (await checkDirectory(state)) ??
    (await checkEntries(state)) ??
    (await checkWriting(state))
  )
}

const missingUser = (installation: Installation, service: Service): Finding => {
  const { userName } = service
  const make =
    'useradd --system --user-group --home-dir /nonexistent --no-create-home --shell ' +
    `/usr/sbin/nologin ${userName}`
  return fault(
    name,
    service.name,
    `there is no user ${userName}, whom the service runs as`,
    `${make} && ${restart(installation, service)}`
  )
}

/** Whether the directory belongs to this service alone, and its unit may write to it. */
const checkPlace = (state: StateDirectory): Step => {
  const { installation, service, dir } = state
  const twin = installation.services.find(
    (other) => other !== service && other.kind === service.kind && other.config?.STATE_DIR === dir
  )
  if (twin && service.instance !== undefined)
    return wrong(
      state,
      `is that of ${twin.name} too: two accounts would share a journal`,
      withRestart(state, setVariable(edited(service), 'STATE_DIR', service.stateDir))
    )
  const fix = checkConfined(installation, service, dir)
  if (fix === undefined) return undefined
  return wrong(
    state,
    `is closed to the unit, which may write to ${service.stateDir} alone; or keep it there ` +
      `with ReadWritePaths=, by systemctl edit ${service.unit}`,
    fix
  )
}

const checkParents = async (state: StateDirectory): Promise<Step> => {
  const { host, installation, service, user, dir } = state
  // scripts/up as root shows closed directories to the services in a mount namespace of their own.
  if (installation.mode !== 'systemd' && host.uid === 0) return undefined
  for (const parent of above(dir).filter((each) => !isReplaced(service, each))) {
    const stat = await host.stat(parent)
    if (stat && !mayEnter(stat, user))
      return wrong(
        state,
        `cannot be reached by ${user.name}: ${parent} is closed to it (mode ${octal(stat)})`,
        withRestart(state, `chmod ${classOf(stat, user)}+x ${word(parent)}`)
      )
  }
  return undefined
}

/** The command that makes the directory. */
const makeCommand = ({ host, user, dir }: StateDirectory): string =>
  `install -d -m 0700${host.uid === 0 ? ` -o ${user.name} -g ${user.name}` : ''} ${word(dir)}`

/** The command that gives the directory to the service's user. */
const ownCommand = ({ user, dir }: StateDirectory): string => `chown -R ${user.name}: ${word(dir)}`

const checkDirectory = async (state: StateDirectory): Promise<Step> => {
  const { host, service, user, dir } = state
  const path = word(dir)
  const stat = await host.stat(dir)
  if (stat === undefined) {
    if (service.pid === undefined && dir === service.stateDir)
      return [note(name, service.name, `${dir} is made at the first start`)]
    return wrong(state, 'is missing', withRestart(state, makeCommand(state)))
  }
  if (stat.type !== 'directory') {
    const fix = `mv ${path} ${path}.aside && ${makeCommand(state)}`
    return wrong(state, 'is no directory', withRestart(state, fix))
  }
  const readOnly = await readOnlyMount(host, dir)
  if (readOnly !== undefined)
    return wrong(
      state,
      `is on a file system mounted read-only (${readOnly})`,
      withRestart(state, `mount -o remount,rw ${word(readOnly)}`)
    )
  if (stat.uid !== user.uid) {
    const detail = `belongs to uid ${stat.uid}, not to ${user.name}`
    return wrong(state, detail, withRestart(state, ownCommand(state)))
  }
  if ((stat.mode & 0o077) > 0)
    return wrong(
      state,
      `can be entered by other users (mode ${octal(stat)}): it holds messages and the linked ` +
        'device',
      `chmod 0700 ${path}`
    )
  if ((stat.mode & 0o700) !== 0o700) {
    const detail = `is closed to its own user (mode ${octal(stat)})`
    return wrong(state, detail, withRestart(state, `chmod 0700 ${path}`))
  }
  return undefined
}

const checkEntries = async (state: StateDirectory): Promise<Step> => {
  const { host, user, dir } = state
  for (const entry of await host.readdir(dir)) {
    const stat = await host.stat(`${dir}/${entry}`)
    if (stat === undefined) continue
    if (stat.uid !== user.uid)
      return wrong(
        state,
        `has ${entry}, which belongs to uid ${stat.uid}, not to ${user.name}`,
        withRestart(state, ownCommand(state))
      )
    if ((stat.mode & 0o600) !== 0o600) {
      const bits = stat.type === 'directory' ? 'rwx' : 'rw'
      const path = `${word(`${dir}/${entry}`)}${databases.has(entry) ? '*' : ''}`
      return wrong(
        state,
        `has ${entry}, which ${user.name} may not write (mode ${octal(stat)})`,
        withRestart(state, `chmod u+${bits} ${path}`)
      )
    }
  }
  return undefined
}

const checkWriting = async (state: StateDirectory): Promise<Finding[]> => {
  const { host, installation, service, user, dir } = state
  const isClosed =
    (installation.mode === 'systemd' || host.uid !== 0) &&
    (await isClosedTo(host, installation, service, dir))
  if (!isClosed) return [ok(name, service.name, `${dir} is ${user.name}'s alone`)]
  // The permissions are right. A drop-in may hide the directory, which the unit's check names.
  if ((service.properties['DropInPaths'] ?? '') !== '') return []
  return wrong(
    state,
    `cannot be written by ${user.name}`,
    withRestart(state, `${ownCommand(state)} && chmod 0700 ${word(dir)}`)
  )
}

/** Databases. SQLite gives their mode to the files that it makes beside them. */
const databases = new Set(['journal.db', 'hub.db'])

const octal = ({ mode }: Stat): string => mode.toString(8).padStart(4, '0')

/**
 * Under ProtectSystem=strict a unit writes only to its StateDirectory= and ReadWritePaths=.
 * @returns the command that fixes it; undefined when the unit may write there
 */
const checkConfined = (
  installation: Installation,
  service: Service,
  dir: string
): string | undefined => {
  const { properties } = service
  if (installation.mode !== 'systemd' || properties['LoadState'] !== 'loaded') return undefined
  const open = [
    ...(properties['StateDirectory'] ?? '')
      .split(' ')
      .filter(Boolean)
      .map((each) => `/var/lib/${each}`),
    ...(properties['ReadWritePaths'] ?? '')
      .split(' ')
      .filter(Boolean)
      .map((each) => each.replace(/^[-+]+/, ''))
  ]
  if (open.length === 0 || open.some((each) => dir === each || dir.startsWith(`${each}/`)))
    return undefined
  return andRestart(
    installation,
    setVariable(edited(service), 'STATE_DIR', service.stateDir),
    service
  )
}

/** Checks the free bytes and inodes of the disk with the state. */
export const checkDisk: Check = async ({ host, installation }) => {
  const findings: Finding[] = []
  const seen = new Set<string>()
  for (const { config, name: service } of installation.services) {
    if (!config) continue
    let dir = config.STATE_DIR
    while (dir !== '' && (await host.stat(dir)) === undefined)
      dir = dir.slice(0, dir.lastIndexOf('/'))
    const space = await host.statfs(dir || '/')
    if (!space) continue
    const key = `${space.bytes} ${space.inodes} ${space.freeInodes}`
    if (seen.has(key)) continue
    seen.add(key)
    const free =
      `${Math.floor(space.freeBytes / MiB)} MiB (${percent(space.freeBytes, space.bytes)} %) ` +
      `are free at ${config.STATE_DIR}`
    const find =
      'apt-get clean; journalctl --vacuum-size=200M; du -xh --max-depth=3 $(findmnt -no ' +
      `TARGET -T ${word(dir || '/')}) 2>/dev/null | sort -h | tail -n 15 # then delete what ` +
      'fills it'
    if (space.freeBytes < 512 * MiB || space.freeBytes < space.bytes * 0.02)
      findings.push(
        fault('disk', service, `only ${free}: messages cannot be captured once it is full`, find)
      )
    // Some file systems do not count inodes.
    else if (space.inodes > 0 && space.freeInodes < space.inodes * 0.02)
      findings.push(
        fault(
          'disk',
          service,
          `only ${percent(space.freeInodes, space.inodes)} % of the inodes are free at ` +
            `${config.STATE_DIR}`,
          find
        )
      )
    else findings.push(ok('disk', service, free))
  }
  return findings
}

const percent = (part: number, whole: number): number =>
  Math.floor((part / Math.max(1, whole)) * 100)
