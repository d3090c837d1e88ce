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

/** The state directories: there, the services' own, closed to others, writable, with room. */

const name = 'state directory'
const MiB = 1024 ** 2

/** The directories above a path, the highest first. */
const above = (path: string): string[] =>
  path
    .split('/')
    .slice(1, -1)
    .map((_, index, parts) => `/${parts.slice(0, index + 1).join('/')}`)

/** Whose permission bits of a directory count for a user. */
const classOf = ({ uid, gid }: Stat, user: User): 'u' | 'g' | 'o' => {
  if (uid === user.uid) return 'u'
  return gid === user.gid ? 'g' : 'o'
}
const mayEnter = (found: Stat, user: User): boolean =>
  ((found.mode >> { u: 6, g: 3, o: 0 }[classOf(found, user)]) & 1) === 1

/**
 * Whether the unit shows its service an empty directory in the place of this one, which has the
 * state bound into it.
 */
const isReplaced = ({ properties }: Service, path: string): boolean =>
  (properties['TemporaryFileSystem'] ?? '')
    .split(' ')
    .some((each) => each.replace(/:.*$/, '') === path)

/**
 * Whether a service cannot write to its state directory: asked within its unit, where that shows it
 * other directories.
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

/** The mount that a path is on, if it is read-only. */
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

const checkOne = async ({ host, installation }: Asked, service: Service): Promise<Finding[]> => {
  const { config, user, userName } = service
  if (!config) return []
  if (user === undefined) {
    const make =
      'useradd --system --user-group --home-dir /nonexistent --no-create-home --shell ' +
      `/usr/sbin/nologin ${userName}`
    return [
      fault(
        name,
        service.name,
        `there is no user ${userName}, whom the service runs as`,
        `${make} && ${restart(installation, service)}`
      )
    ]
  }
  const dir = config.STATE_DIR
  const path = word(dir)
  const wrong = (detail: string, mend: string): Finding[] => [
    fault(name, service.name, `${dir} ${detail}`, mend)
  ]
  const mended = (mend: string): string => andRestart(installation, mend, service)

  const twin = installation.services.find(
    (other) => other !== service && other.kind === service.kind && other.config?.STATE_DIR === dir
  )
  if (twin && service.instance !== undefined)
    return wrong(
      `is that of ${twin.name} too: two accounts would share a journal`,
      mended(setVariable(edited(service), 'STATE_DIR', service.stateDir))
    )
  const outside = checkConfined(installation, service, dir)
  if (outside)
    return wrong(
      `is closed to the unit, which may write to ${service.stateDir} alone; or keep it there ` +
        `with ReadWritePaths=, by systemctl edit ${service.unit}`,
      outside
    )

  // scripts/up as root shows closed directories to the services in a mount namespace of their own
  if (installation.mode === 'systemd' || host.uid !== 0) {
    for (const parent of above(dir).filter((each) => !isReplaced(service, each))) {
      const found = await host.stat(parent)
      if (found && !mayEnter(found, user))
        return wrong(
          `cannot be reached by ${user.name}: ${parent} is closed to it (mode ${octal(found)})`,
          mended(`chmod ${classOf(found, user)}+x ${word(parent)}`)
        )
    }
  }
  const found = await host.stat(dir)
  if (found === undefined) {
    if (service.pid === undefined && dir === service.stateDir)
      return [note(name, service.name, `${dir} is made at the first start`)]
    return wrong(
      'is missing',
      mended(
        `install -d -m 0700${host.uid === 0 ? ` -o ${user.name} -g ${user.name}` : ''} ${path}`
      )
    )
  }
  if (found.type !== 'directory')
    return wrong(
      'is no directory',
      mended(
        `mv ${path} ${path}.aside && install -d -m ` +
          `0700${host.uid === 0 ? ` -o ${user.name} -g ${user.name}` : ''} ${path}`
      )
    )
  const readOnly = await readOnlyMount(host, dir)
  if (readOnly !== undefined)
    return wrong(
      `is on a file system mounted read-only (${readOnly})`,
      mended(`mount -o remount,rw ${word(readOnly)}`)
    )
  const own = `chown -R ${user.name}: ${path}`
  if (found.uid !== user.uid)
    return wrong(`belongs to uid ${found.uid}, not to ${user.name}`, mended(own))
  if ((found.mode & 0o077) > 0)
    return wrong(
      `can be entered by other users (mode ${octal(found)}): it holds messages and the linked ` +
        'device',
      `chmod 0700 ${path}`
    )
  if ((found.mode & 0o700) !== 0o700)
    return wrong(`is closed to its own user (mode ${octal(found)})`, mended(`chmod 0700 ${path}`))
  for (const entry of await host.readdir(dir)) {
    const inner = await host.stat(`${dir}/${entry}`)
    if (inner === undefined) continue
    if (inner.uid !== user.uid)
      return wrong(
        `has ${entry}, which belongs to uid ${inner.uid}, not to ${user.name}`,
        mended(own)
      )
    if ((inner.mode & 0o600) !== 0o600)
      return wrong(
        `has ${entry}, which ${user.name} may not write (mode ${octal(inner)})`,
        mended(
          `chmod u+rw${inner.type === 'directory' ? 'x' : ''} ` +
            `${word(`${dir}/${entry}`)}${databases.has(entry) ? '*' : ''}`
        )
      )
  }
  const closed =
    (installation.mode === 'systemd' || host.uid !== 0) &&
    (await isClosedTo(host, installation, service, dir))
  // All permissions are right: where a drop-in may hide it, the unit's own check names that.
  if (closed && (service.properties['DropInPaths'] ?? '') !== '') return []
  if (closed)
    return wrong(`cannot be written by ${user.name}`, mended(`${own} && chmod 0700 ${path}`))
  return [ok(name, service.name, `${dir} is ${user.name}'s alone`)]
}

/** SQLite gives a database's mode to the files it makes beside it. */
const databases = new Set(['journal.db', 'hub.db'])

const octal = ({ mode }: Stat): string => mode.toString(8).padStart(4, '0')

/**
 * Under ProtectSystem=strict a unit writes to its StateDirectory= and ReadWritePaths= alone.
 * @returns the mend
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

/** Bytes and inodes free where the state is. */
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
    // some file systems count no inodes
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
