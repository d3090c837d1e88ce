import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { tryRelease } from './compile-ahead.ts'
import type { Service } from './unit-options.ts'

/**
 * `scripts/up` on a machine with systemd, after setup. It makes a release of dist, the user, the
 * env files and the units. It starts the services, and goes back to the previous release when they
 * do not get ready. Every step checks what is there, so that it can be repeated after any
 * interruption. It also runs from a release, without src: it imports only built modules.
 */

const { fillEnvFile, parseEnvFile } = (await import(
  new URL('../dist/platform/env-file.js', import.meta.url).href
)) as typeof import('../src/platform/env-file.ts')

const { readLogLine } = (await import(
  new URL('../dist/platform/log-line.js', import.meta.url).href
)) as typeof import('../src/platform/log-line.ts')

const source = resolve(import.meta.dirname, '..')
const opt = '/opt/leadmaster'
const releases = join(opt, 'releases')
const current = join(opt, 'current')
const etc = '/etc/leadmaster'
const units = '/etc/systemd/system'
/** Commands, each with its script. */
const onPath = {
  '/usr/local/bin/leadmaster': 'leadmaster',
  '/usr/local/bin/leadmaster-doctor': 'doctor'
}
/** How many releases are kept. */
const keptReleases = 3
/** The time for the hub to get ready after both services run, ms. It asks session-manager first. */
const readyMs = 30_000
/** The time for a service to start by its restarts when its first start failed, ms. */
const secondChanceMs = 10_000

process.stderr.on('error', () => undefined) // the reader is gone, but the installation continues
const say = (text: string): void =>
  void process.stderr.write(`${text.replace(/^(?=.)/gm, 'up: ')}\n`)
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
/** Runs a program that may fail, and keeps its output. */
const tried = (program: string, ...args: string[]): { ok: boolean; said: string } => {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  return { ok: status === 0, said: `${stdout}${stderr}`.trim() }
}
const property = (unit: string, name: string): string =>
  run('systemctl', 'show', unit, '--value', '-p', name).trim()
const textOf = (path: string): string | undefined =>
  existsSync(path) ? readFileSync(path, 'utf8') : undefined

// --- the release: all that the services need, under a name that its content gives ---
const parts = [
  'LICENSE',
  'README.md',
  'package.json',
  'package-lock.json',
  'deploy/env',
  'deploy/prometheus',
  'deploy/systemd',
  'dist'
]
/** The scripts that work without src. */
const scripts = [
  'backup',
  'compile-ahead.ts',
  'doctor',
  'install.ts',
  'leadmaster',
  'migrate',
  'restore',
  'uninstall',
  'unit-options.ts',
  'up'
]

const filesOf = (path: string): string[] =>
  statSync(path).isDirectory()
    ? readdirSync(path)
        .sort()
        .flatMap((entry) => filesOf(join(path, entry)))
    : [path]

/** The name by the content of a release. node_modules depends on the lockfile. */
const releaseName = (root: string): string => {
  const hash = createHash('sha256').update(process.arch)
  for (const part of [...parts, ...scripts.map((script) => `scripts/${script}`)]) {
    for (const file of filesOf(join(root, part)))
      hash.update(`\0${file.slice(root.length)}\0`).update(readFileSync(file))
  }
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
  }
  return `${version}-${hash.digest('hex').slice(0, 12)}`
}

/** The installed packages for production. A package within another is copied with that one. */
const packages = (): string[] => {
  const lock = JSON.parse(readFileSync(join(source, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  return Object.entries(lock.packages).flatMap(([path, { dev }]) =>
    /^node_modules\/(?!.*node_modules)/.test(path) && !dev && existsSync(join(source, path))
      ? [path]
      : []
  )
}

/**
 * Makes a release beside its place, and renames it when it is on disk, so that an incomplete one is
 * never used.
 * @returns its directory
 */
const makeRelease = (): string => {
  if (dirname(source) === releases) return source
  const name = releaseName(source)
  const made = join(releases, name)
  if (existsSync(made)) return made
  say(`making the release ${made}`)
  mkdirSync(releases, { recursive: true, mode: 0o755 })
  const aside = join(releases, '.new')
  rmSync(aside, { recursive: true, force: true })
  mkdirSync(join(aside, 'scripts'), { recursive: true })
  const copy = (paths: readonly string[]): string =>
    run('cp', '-a', '--parents', '--reflink=auto', ...paths, aside)
  process.chdir(source)
  copy([...parts, ...scripts.map((script) => `scripts/${script}`), ...packages()])
  const runtime = `node_modules/node-linux-${process.arch}`
  rmSync(join(aside, runtime, 'include'), { recursive: true }) // for compilers
  symlinkSync(runtime, join(aside, 'runtime'))
  run('chown', '-hR', 'root:root', aside)
  run('chmod', '-R', 'u=rwX,go=rX', aside)
  if (releaseName(aside) !== name)
    throw new Error(`${source} changed while it was copied: start scripts/up again`)
  run(
    join(aside, 'runtime/bin/node'),
    '-e',
    'process.chdir(process.argv[1]); require(require.resolve("sd-notify", { paths: ["."] }))',
    aside
  )
  run('sync', '--file-system', aside)
  renameSync(aside, made)
  return made
}

const linkTo = (path: string, target: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && readlinkSync(path) === target)
    return
  rmSync(`${path}.new`, { force: true })
  symlinkSync(target, `${path}.new`)
  renameSync(`${path}.new`, path)
}

/** When a release was ready last; undefined when it never was. */
const wasReady = (release: string): number | undefined =>
  statSync(join(release, '.was-ready'), { throwIfNoEntry: false })?.mtimeMs
const byReadiness = (): string[] =>
  readdirSync(releases)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(releases, name))
    .sort((a, b) => (wasReady(b) ?? 0) - (wasReady(a) ?? 0))

// --- what belongs to the machine ---
/** The installed files of a release, by their paths. */
const places = (release: string): Map<string, string> => {
  const from = join(release, 'deploy/systemd')
  const found = new Map<string, string>()
  for (const file of readdirSync(from)) {
    if (/\.(service|target|slice|timer)$/.test(file)) found.set(join(units, file), join(from, file))
  }
  found.set('/etc/sysusers.d/leadmaster.conf', join(from, 'leadmaster.sysusers'))
  found.set('/etc/tmpfiles.d/leadmaster.conf', join(from, 'leadmaster.tmpfiles'))
  const version = Number(/^systemd (\d+)/.exec(run('systemctl', '--version'))?.[1])
  const rising = join(from, 'rising-delay.conf')
  if (version >= 254 && existsSync(rising))
    found.set(join(units, 'leadmaster-.service.d/rising-delay.conf'), rising)
  return found
}

const installFile = (path: string, from: string): boolean => {
  const text = readFileSync(from, 'utf8')
  if (textOf(path) === text) return false
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, text, { mode: 0o644 })
  renameSync(`${path}.new`, path)
  return true
}

/** @returns whether anything changed */
const installFiles = (release: string): boolean => {
  const wanted = places(release)
  const known = [
    ...wanted.keys(),
    join(units, 'leadmaster-.service.d/rising-delay.conf'),
    ...byReadiness().flatMap((other) => [...places(other).keys()])
  ]
  let changed = false
  for (const path of new Set(known)) {
    const from = wanted.get(path)
    if (from !== undefined) changed = installFile(path, from) || changed
    else if (existsSync(path)) {
      if (dirname(path) === units) tried('systemctl', 'disable', '--now', basename(path))
      rmSync(path)
      changed = true
    }
  }
  return changed
}

/** Makes the user by the release's own file, before that is installed. */
const makeUser = (release: string): void => {
  run('systemd-sysusers', join(release, 'deploy/systemd/leadmaster.sysusers'))
}

const makeDirectories = (): void => {
  run('systemd-tmpfiles', '--create', '/etc/tmpfiles.d/leadmaster.conf')
}

const envFile = (service: Service): string => join(etc, `${service}.env`)
const env = (service: Service): Readonly<Record<string, string>> | undefined => {
  const text = textOf(envFile(service))
  return text === undefined ? undefined : parseEnvFile(text)
}

/** Makes the env files that are missing. */
const makeEnvFiles = (release: string): void => {
  const make = (service: Service, values: () => Record<string, string>): void => {
    if (existsSync(envFile(service))) return
    const made = `${envFile(service)}.new`
    rmSync(made, { force: true })
    writeFileSync(
      made,
      fillEnvFile(readFileSync(join(release, `deploy/env/${service}.env`), 'utf8'), values()),
      { mode: 0o600, flag: 'wx' }
    )
    chownSync(made, 0, Number(run('id', '-g', 'leadmaster')))
    chmodSync(made, 0o640)
    renameSync(made, envFile(service))
    say(`made ${envFile(service)} with fresh tokens`)
  }
  make('session-manager', () => ({
    SESSION_MANAGER_TOKEN:
      env('central-hub')?.['SESSION_MANAGER_TOKEN'] || randomBytes(32).toString('hex')
  }))
  make('central-hub', () => {
    const {
      HOST = '127.0.0.1',
      PORT = '3001',
      SESSION_MANAGER_TOKEN = ''
    } = env('session-manager') ?? {}
    const host = HOST === '0.0.0.0' ? '127.0.0.1' : HOST === '::' ? '::1' : HOST
    return {
      SESSION_MANAGER_BASE_URL: `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`,
      SESSION_MANAGER_TOKEN,
      HUB_API_TOKEN: randomBytes(32).toString('hex')
    }
  })
}

// --- the units at work ---
/** The units that the first install enables. */
const shipped = [
  'leadmaster-session-manager.service',
  'leadmaster-central-hub.service',
  'leadmaster.target'
]

/** Units of further accounts: at the first install those with an env file, later the enabled. */
const accounts = (first: boolean): string[] =>
  first
    ? readdirSync(etc)
        .flatMap((file) => /^session-manager-([\w-]+)\.env$/.exec(file)?.[1] ?? [])
        .map((name) => `leadmaster-session-manager@${name}.service`)
    : wanted().filter((unit) => unit.includes('@'))

/** The units that were enabled before scripts/uninstall, one a line. */
const enabledBefore = join(etc, 'enabled-units')

/**
 * Enables the units that were enabled before scripts/uninstall, and no others.
 * @returns whether there was such a list
 */
const enableAgain = (): boolean => {
  const listed = textOf(enabledBefore)
    ?.split('\n')
    .filter((unit) => /^leadmaster[\w@.-]*\.(service|target|timer)$/.test(unit))
  if (listed === undefined) return false
  for (const unit of listed) {
    if (existsSync(join(units, unit.replace(/@[^.]+/, '@'))))
      run('systemctl', 'enable', '--quiet', unit)
  }
  const further = listed.filter((unit) => !shipped.includes(unit))
  if (further.length > 0) say(`enabled again, as before scripts/uninstall: ${further.join(', ')}`)
  for (const unit of shipped.filter((each) => !listed.includes(each)))
    say(`${unit} was disabled before scripts/uninstall, and stays so`)
  if (listed.includes('leadmaster-backup.timer'))
    tried('systemctl', 'start', 'leadmaster-backup.timer')
  rmSync(enabledBefore)
  return true
}

/** Enables all units at the first install. Later a disabled unit stays disabled. */
const enable = (first: boolean, changed: boolean): void => {
  if (first && enableAgain()) return
  for (const unit of [...shipped, ...accounts(first)]) {
    const state = property(unit, 'UnitFileState')
    if (first) run('systemctl', 'enable', '--quiet', unit)
    else if (state === 'enabled') {
      if (changed) run('systemctl', 'reenable', '--quiet', unit)
    } else say(`${unit} is ${state || 'not enabled'}, and stays so`)
  }
}

/** The enabled services, session-managers first. They must run. */
const wanted = (): string[] =>
  property('leadmaster.target', 'Wants')
    .split(' ')
    .filter((unit) => /^leadmaster-.*\.service$/.test(unit))
    .sort()
    .reverse()

const isActive = (unit: string): boolean => property(unit, 'ActiveState') === 'active'

/** The release of a unit's process; undefined when there is no process. */
const runningFrom = (unit: string): string | undefined => {
  const pid = property(unit, 'MainPID')
  try {
    return pid === '0' ? undefined : readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return undefined
  }
}

const urlOf = (service: Service): string => {
  const { HOST = '127.0.0.1', PORT = '' } = env(service) ?? {}
  const host = HOST === '0.0.0.0' ? '127.0.0.1' : HOST === '::' ? '::1' : HOST
  return `http://${host.includes(':') ? `[${host}]` : host}:${PORT}`
}
/** The token when systemd passes it as a credential. */
const credential = '/run/credentials/leadmaster-central-hub.service/HUB_API_TOKEN'
const hub = async <T>(path: string): Promise<T | undefined> => {
  const token = env('central-hub')?.['HUB_API_TOKEN'] ?? textOf(credential)?.trim() ?? ''
  const authorization = `Bearer ${token}`
  try {
    return (await (
      await fetch(`${urlOf('central-hub')}${path}`, {
        headers: { authorization },
        signal: AbortSignal.timeout(5_000)
      })
    ).json()) as T
  } catch {
    return undefined
  }
}

/** Why the hub is not ready, in its own words; undefined when it is ready. */
const unready = async (): Promise<string | undefined> => {
  const answer = await hub<{
    ready?: boolean
    detail?: string
    checks?: { name: string; ok: boolean; detail: string }[]
  }>('/ready')
  if (answer?.ready === true) return undefined
  const failing = answer?.checks
    ?.filter(({ ok }) => !ok)
    .map(({ name, detail }) => `${name}: ${detail}`)
  return (
    failing?.join('; ') ||
    answer?.detail ||
    `nothing answers at ${urlOf('central-hub')}/ready as the hub does`
  )
}

/**
 * Starts the services that do not run from this release, and waits for them.
 * @returns what is wrong; undefined when all services are ready
 */
const bringUp = async (release: string): Promise<string | undefined> => {
  const all = wanted()
  // A process that is starting counts as running: a process that hangs would take its whole time.
  const stale = all.filter(
    (unit) => ![undefined, realpathSync(release)].includes(runningFrom(unit))
  )
  const down = all.filter((unit) => !isActive(unit) && !stale.includes(unit))
  if (stale.length > 0) say(`restarting ${stale.join(', ')}`)
  if (down.length > 0) say(`starting ${down.join(', ')}`)
  if (stale.length > 0) tried('systemctl', 'restart', ...stale)
  if (down.length > 0) tried('systemctl', 'start', ...down)
  tried('systemctl', 'start', '--no-block', 'leadmaster.target')
  for (const end = Date.now() + secondChanceMs; ; await delay(500)) {
    const left = all.filter((unit) => !isActive(unit))
    if (left.length === 0) break
    const refused = left.find(
      (unit) =>
        property(unit, 'ExecMainStatus') === '78' && property(unit, 'ActiveState') === 'failed'
    )
    if (refused !== undefined) return `${refused} refuses its environment`
    if (Date.now() > end) return `${left.join(' and ')} did not start`
  }
  if (!all.includes('leadmaster-central-hub.service')) return undefined
  for (const end = Date.now() + readyMs; ; await delay(250)) {
    const why = await unready()
    if (why === undefined) return undefined
    if (Date.now() > end) return `central-hub is not ready: ${why}`
  }
}

/**
 * The last lines of a unit's processes, without those of systemd. They are enough for an error that
 * Node prints whole, also while the next start prints the same again.
 */
const lastLines = (unit: string): string => {
  const lines = run(
    'journalctl',
    `_SYSTEMD_UNIT=${unit}`,
    '--since',
    since,
    '-n',
    '20',
    '-o',
    'cat',
    '--no-pager'
  )
    .split('\n')
    .filter((line) => line.trim() !== '')
  return lines.map((line) => `    ${readLogLine(line).text.slice(0, 500)}`).join('\n')
}
const lastWords = (): string =>
  wanted()
    .filter((unit) => !isActive(unit))
    .map((unit) => `the last of ${unit} (journalctl -u ${unit} has all):\n${lastLines(unit)}`)
    .join('\n')

/**
 * Starts the programs of a release once, while the previous release runs. A release that is in use
 * and was ready is not tried.
 * @returns why the release is refused; undefined when it is not
 */
const whyRefused = async (release: string): Promise<string | undefined> => {
  // An old release does not have this script.
  if (!existsSync(join(release, 'scripts/compile-ahead.ts'))) return undefined
  if (
    existsSync(current) &&
    realpathSync(current) === realpathSync(release) &&
    wasReady(release) !== undefined
  )
    return undefined
  makeUser(release)
  const id = (flag: string): number => Number(run('id', flag, 'leadmaster'))
  try {
    await tryRelease(release, { uid: id('-u'), gid: id('-g') })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Installs and starts a release. @returns what is wrong; undefined when it is ready */
const activate = async (release: string, first: boolean): Promise<string | undefined> => {
  linkTo(current, join('releases', basename(release)))
  const changed = installFiles(release)
  makeUser(release)
  makeDirectories()
  makeEnvFiles(release)
  for (const [path, script] of Object.entries(onPath)) {
    // An old release may not have the script.
    if (existsSync(join(release, 'scripts', script))) linkTo(path, join(current, 'scripts', script))
    else rmSync(path, { force: true })
  }
  if (changed) run('systemctl', 'daemon-reload')
  enable(first, changed)
  return bringUp(release)
}

const prune = (inUse: string): void => {
  const old = byReadiness()
    .filter((release) => release !== inUse)
    .slice(keptReleases - 1)
  for (const release of old) {
    say(`removing the old release ${release}`)
    rmSync(release, { recursive: true, force: true })
  }
}

/** A note for an operator who has no backups. */
const backupNote = (): string =>
  property('leadmaster-backup.timer', 'UnitFileState') === 'enabled'
    ? ''
    : 'There are no backups: deploy/systemd/README.md, "Backups", says how to have one every ' +
      'night.\n'

const nextStep = async (): Promise<void> => {
  const url = urlOf('central-hub')
  const tokenCommand =
    env('central-hub')?.['HUB_API_TOKEN'] === undefined
      ? `cat ${credential}`
      : `sed -n 's/^HUB_API_TOKEN=//p' ${envFile('central-hub')} | tr -d "\\"' \\r"`
  const session = await hub<{ linked?: boolean; status?: string }>('/api/whatsapp/status')
  const link = session?.linked
    ? `A phone is linked; the session is ${session.status}.`
    : 'Next, link a phone: leadmaster qr'
  say(`
LeadMaster runs: systemctl status 'leadmaster-*', journalctl -u 'leadmaster-*'. \
leadmaster status tells how it is, leadmaster-doctor checks its wiring.
  page     ${url}/
  people   leadmaster operators add NAME --role admin adds the first, the page the others
  token    ${tokenCommand}
  leads    curl -H "Authorization: Bearer $(${tokenCommand})" ${url}/api/leads
${link}
${backupNote()}`)
}

// --- the way up ---
if (tried('dpkg-query', '-W', '-f', '${db:Status-Status}', 'leadmaster').said === 'installed') {
  say(
    'LeadMaster is installed as a Debian package: upgrade that, or apt-get remove leadmaster ' +
      'first (data and env files stay)'
  )
  process.exit(1)
}
const since = `@${Math.floor(Date.now() / 1_000)}`
const release = makeRelease()
const refusal = await whyRefused(release)
if (refusal !== undefined) {
  say(`the release ${basename(release)} is refused: ${refusal}`)
  const running = byReadiness().find(
    (other) => other !== release && existsSync(current) && realpathSync(current) === other
  )
  const isUsed = existsSync(current) && realpathSync(current) === realpathSync(release)
  if (release !== source && !isUsed) rmSync(release, { recursive: true, force: true })
  say(
    running === undefined
      ? 'Nothing was started.'
      : `Nothing was changed: the release ${basename(running)} runs as before.`
  )
  process.exit(1)
}
const first = byReadiness().every((other) => wasReady(other) === undefined)
const wasWell = !first && (await unready()) === undefined
const previous = byReadiness().find((other) => other !== release && wasReady(other) !== undefined)
const error = await activate(release, first)
// A hub that was not ready before may have another reason, such as an account whose session-manager
// is stopped.
const isBearable = error?.startsWith('central-hub is not ready') && !first && !wasWell
if (error === undefined || isBearable) {
  writeFileSync(join(release, '.was-ready'), '')
  utimesSync(join(release, '.was-ready'), new Date(), new Date())
  if (error !== undefined) say(`${error}. It was not before either.`)
  prune(release)
  await nextStep()
  process.exit(0)
}
say(`the release ${basename(release)} did not get ready: ${error}`)
const words = lastWords()
if (words !== '') say(words)
if (previous === undefined) {
  say(
    'There is no release to go back to: it is left as it is, and tried again by systemd. ' +
      'leadmaster-doctor says what to mend.'
  )
  process.exit(1)
}
say(`going back to ${basename(previous)}`)
const previousError = await activate(previous, false)
if (previousError === undefined) {
  if (release !== source) rmSync(release, { recursive: true, force: true })
  say(`LeadMaster runs again as before, with the release ${basename(previous)}`)
} else {
  say(`the release ${basename(previous)} does not get ready either: ${previousError}`)
  say(lastWords())
}
process.exit(1)
