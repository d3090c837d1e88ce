import { readEnvFile } from '../../platform/env-file.ts'
import type { Asked, Check } from './check.ts'
import { fileOf, reloaded } from './confinement.ts'
import { edited } from './environment.ts'
import { whyItFails } from './failure.ts'
import { fault, note, ok, skipped, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { proposal } from '../installation/proposal.ts'
import { setVariable, word } from '../installation/shell.ts'
import {
  andRestart,
  isDebian,
  isStarting,
  knows,
  managers,
  restart,
  start,
  upCommand,
  type Service,
  type Installation
} from '../installation/installation.ts'

/** Checks the units, or the processes in the foreground, and variables beside the env files. */

const name = 'unit'

/**
 * The services whose fault may prevent this one from starting. The hub waits for session-manager.
 * In the foreground nothing starts before all env files are right.
 */
const mayBlock = (installation: Installation, service: Service): readonly Service[] => {
  if (installation.mode === 'foreground') return installation.services
  const [first] = managers(installation)
  return service.kind === 'central-hub' && first ? [service, first] : [service]
}

export const checkUnits: Check = async (asked) => {
  const { host, installation, cause } = asked
  const findings: Finding[] = []
  const [first] = managers(installation)
  if (
    installation.mode === 'systemd' &&
    installation.services.some(({ properties }) => properties['LoadState'] === 'loaded')
  )
    findings.push(...(await checkTarget(host, installation)))
  for (const service of installation.services) {
    const found =
      installation.mode === 'systemd'
        ? await checkUnit(asked, service)
        : checkProcess(installation, service)
    const because =
      cause(service.name) ??
      mayBlock(installation, service)
        .map(
          (other) =>
            cause(other.name) ??
            findings.find((each) => each.service === other.name && each.state === 'fault')
        )
        .find((each) => each !== undefined)
    const isDown = found.some(({ detail }) => detail.startsWith('not running'))
    const waits =
      isDown && service.kind === 'central-hub' && first !== undefined && isStarting(first)
    if (isDown && because) findings.push(skipped(found.at(-1)?.name ?? name, service.name, because))
    else if (waits) findings.push(note(name, service.name, `waits until ${first.name} is ready`))
    else findings.push(...found)
  }
  return findings
}

/** The command that unmasks a unit. `systemctl unmask` deletes the units of scripts/up. */
const unmask = (installation: Installation, unit: string): string =>
  `systemctl unmask ${unit} && ` +
  `${isDebian(installation) ? `systemctl enable --now ${unit}` : upCommand(installation)}`

const checkTarget = async (host: Host, installation: Installation): Promise<Finding[]> => {
  const { stdout } = await host.run([
    'systemctl',
    'show',
    'leadmaster.target',
    '--property',
    'LoadState,UnitFileState',
    '--value'
  ])
  const [load = '', state = ''] = stdout.split('\n')
  if (load === 'masked')
    return [
      fault(
        name,
        'target',
        'leadmaster.target is masked: nothing starts at boot',
        unmask(installation, 'leadmaster.target')
      )
    ]
  if (state === 'disabled')
    return [
      fault(
        name,
        'target',
        'leadmaster.target is disabled: nothing starts at boot',
        'systemctl enable leadmaster.target'
      )
    ]
  return []
}

const checkProcess = (installation: Installation, service: Service): Finding[] =>
  service.pid === undefined
    ? [fault('process', service.name, 'not running', start(installation, service))]
    : [ok('process', service.name, `runs as process ${service.pid}`)]

/** A service that is up for less than this after `manyRestarts` restarts is in a loop, ms. */
const steadyMs = 60_000
const manyRestarts = 3

const checkUnit = async (asked: Asked, service: Service): Promise<Finding[]> => {
  const { installation } = asked
  const { unit, properties } = service
  const is = (property: string): string => properties[property] ?? ''
  const wrong = (detail: string, fix: string): Finding[] => [fault(name, service.name, detail, fix)]
  if (is('LoadState') === 'masked')
    return wrong(`${unit} is masked: it cannot be started`, unmask(installation, unit))
  if (is('LoadState') === 'not-found' || is('LoadState') === '')
    return wrong(`${unit} is not installed`, upCommand(installation))
  if (is('LoadState') !== 'loaded')
    return wrong(
      `${unit} cannot be loaded (${is('LoadState')})`,
      `systemd-analyze verify ${word(is('FragmentPath') || `${unit}.service`)}; ` +
        `${upCommand(installation)}`
    )
  const more = await checkUnitFile(asked, service)
  const restarts = Number(is('NRestarts') || 0)
  if (is('ActiveState') === 'active') {
    const shown = ok(name, service.name, is('StatusText') || `running as process ${service.pid}`)
    if (restarts === 0) return [...more, shown]
    const isUnsure = restarts >= manyRestarts && isRecent(asked.host, is('ActiveEnterTimestamp'))
    if (isUnsure && (await endedSinceChange(asked, service)))
      return [...more, await whyItFails(asked, service)]
    return [
      ...more,
      shown,
      note(
        name,
        service.name,
        `systemd started it again ${times(restarts)}: journalctl -u ${unit} -p warning says why`
      )
    ]
  }
  if (is('ActiveState') === 'inactive') {
    const command =
      service.instance === undefined
        ? 'systemctl start leadmaster.target'
        : `systemctl enable --now ${unit}`
    return [...more, ...wrong('not running: it was stopped, or never started', command)]
  }
  // A first start may take a while. A service that failed before fails until something changes.
  if (isStarting(service) && restarts === 0 && is('SubState') !== 'auto-restart')
    return [...more, note(name, service.name, `starting: ${is('StatusText') || 'not ready yet'}`)]
  return [...more, await whyItFails(asked, service)]
}

export const times = (count: number): string => (count === 1 ? 'once' : `${count} times`)

/** Whether a time of systemd, such as `Mon 2026-11-30 05:23:48 UTC`, is less than a minute ago. */
const isRecent = (host: Host, shown: string): boolean => {
  const at = Date.parse(shown.replace(/^\w+ /, '').replace(' ', 'T').replace(' UTC', 'Z'))
  return host.now() - at < steadyMs
}

/**
 * Whether the service ended by itself after the last change of its files. systemd goes on counting
 * restarts when a unit is corrected while it waits for its next start.
 */
const endedSinceChange = async (
  { host }: Asked,
  { unit, envFile, properties }: Service
): Promise<boolean> => {
  const changes = [envFile, ...unitFilesOf(properties)].map(
    async (file) => (await host.stat(file))?.ctimeMs ?? 0
  )
  const changedAt = Math.max(...(await Promise.all(changes)))
  const since = `@${Math.floor(changedAt / 1_000)}`
  const { stdout } = await host.run(['journalctl', '-u', unit, '--since', since, '-o', 'cat'])
  // An empty journal does not prove that it is well.
  return stdout.trim() === '' || /Main process exited/.test(stdout)
}

/** Faults in the files of a unit, which may run all the same. */
const checkUnitFile = async (
  { host, installation }: Asked,
  service: Service
): Promise<Finding[]> => {
  const { unit, properties } = service
  const is = (property: string): string => properties[property] ?? ''
  const findings: Finding[] = []
  if (is('NeedDaemonReload') === 'yes')
    findings.push(
      fault(
        name,
        service.name,
        'its unit files were changed since systemd read them',
        `systemctl daemon-reload && ${restart(installation, service)}`
      )
    )
  if (is('UnitFileState') === 'disabled')
    findings.push(
      fault(
        name,
        service.name,
        `${unit} is disabled: it does not start at boot`,
        `systemctl enable ${unit}`
      )
    )
  const stopMs = spanMs(is('TimeoutStopUSec'))
  if (service.config && stopMs !== undefined && service.config.SHUTDOWN_TIMEOUT >= stopMs) {
    const better = (await proposal(host, installation, service, 'SHUTDOWN_TIMEOUT')) ?? '15s'
    findings.push(
      fault(
        name,
        service.name,
        `SHUTDOWN_TIMEOUT is not below TimeoutStopSec= (${is('TimeoutStopUSec')}): systemd ` +
          'kills it while it stops',
        andRestart(installation, setVariable(edited(service), 'SHUTDOWN_TIMEOUT', better), service)
      )
    )
  }
  return findings
}

/** A time span of systemd, such as 1min 30s, in ms. */
const spanMs = (text: string): number | undefined => {
  const units: Record<string, number> = {
    us: 0.001,
    ms: 1,
    s: 1_000,
    min: 60_000,
    h: 3_600_000,
    d: 86_400_000
  }
  const parts = [...text.matchAll(/(\d+)(us|ms|s|min|h|d)\b/g)]
  return parts.length === 0
    ? undefined
    : parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0)
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter(Boolean)

/** The unit's file and its drop-ins. */
const unitFilesOf = ({ FragmentPath = '', DropInPaths }: Service['properties']): string[] =>
  [FragmentPath, ...words(DropInPaths)].filter(Boolean)

/** The effect of a variable that the unit or a drop-in sets. */
const effectOf = ({ kind, file }: Service, variable: string): string => {
  if (variable in file.variables) return 'the env file overrides it'
  if (knows(kind, variable) === 'unknown') return 'the service refuses it'
  return 'it takes effect though the env file does not say so'
}

/** Finds variables that a unit or a drop-in sets, beside the env file. */
export const checkDropIns: Check = async (asked) => {
  const { host, installation } = asked
  const findings: Finding[] = []
  for (const service of installation.services) {
    findings.push(
      ...(await checkEnvironmentFiles(asked, service)),
      ...(await checkUnset(asked, service))
    )
    const { properties, unit } = service
    const dropped = words(properties['UnsetEnvironment'])
    const set = [
      ...(properties['Environment'] ?? '').matchAll(/(?:^|\s)["']?([A-Za-z_]\w*)=/g)
    ].map(([, variable = '']) => variable)
    const suspects = [...new Set([...set, ...words(properties['PassEnvironment'])])].filter(
      (variable) => !dropped.includes(variable) && knows(service.kind, variable) !== 'foreign'
    )
    for (const variable of suspects) {
      const files = unitFilesOf(properties)
      const texts = await Promise.all(
        files.map(async (file) =>
          ((await host.readFile(file)) ?? '')
            .split('\n')
            .some(
              (line) =>
                /^\s*(Pass)?Environment=/.test(line) && new RegExp(`\\b${variable}\\b`).test(line)
            )
        )
      )
      const file = files[texts.lastIndexOf(true)] ?? files.at(-1)
      const effect = effectOf(service, variable)
      const fix =
        file === undefined
          ? `${upCommand(installation)} && systemctl restart ${unit}`
          : `sed -i -E ${word(`/^\\s*(Pass)?Environment=.*\\b${variable}\\b/d`)} ` +
            `${word(file)} && systemctl daemon-reload && systemctl restart ${unit}`
      findings.push(
        fault('drop-in', service.name, `${file ?? unit} gives it ${variable}: ${effect}`, fix)
      )
    }
  }
  return findings
}

/** The command that comments out lines of a file. Without a file it installs the unit again. */
const commentOut = (
  { installation }: Asked,
  path: string | undefined,
  line: string,
  service: Service
): string => {
  if (path === undefined) return `${upCommand(installation)} && systemctl restart ${service.unit}`
  return reloaded(`sed -i -E ${word(`s/^\\s*${line}/#&/`)} ${word(path)}`, service)
}

/**
 * Checks EnvironmentFile= beside the env file. The last file that has a variable counts, and a unit
 * with a missing file does not start.
 */
const checkEnvironmentFiles = async (asked: Asked, service: Service): Promise<Finding[]> => {
  const { host } = asked
  const { properties, envFile, file } = service
  const all = [
    ...(properties['EnvironmentFiles'] ?? '').matchAll(/(\S+) \(ignore_errors=(yes|no)\)/g)
  ].map(([, path = '', ignored]) => ({ path, isOptional: ignored === 'yes' }))
  if (all.length === 0) return []
  const own = all.findIndex(({ path }) => path === envFile)
  const findings: Finding[] = []
  const change = async (detail: string, line: string): Promise<void> => {
    const source = await fileOf(asked, service, 'EnvironmentFile')
    findings.push(
      fault(
        'drop-in',
        service.name,
        `${source?.path ?? service.unit} ${detail}`,
        commentOut(asked, source?.path, line, service)
      )
    )
  }
  if (own < 0) await change(`does not give it ${envFile}`, 'EnvironmentFile\\s*=')
  for (const [at, { path, isOptional }] of all.entries()) {
    if (path === envFile || own < 0) continue
    const line = `EnvironmentFile\\s*=\\s*-?${path.replaceAll('/', '\\/').replaceAll('.', '\\.')}`
    const text = await host.readFile(path)
    if (text === undefined) {
      if (!isOptional) await change(`gives it ${path}, which is not there: it cannot start`, line)
      continue
    }
    const isDropped = (variable: string): boolean =>
      words(properties['UnsetEnvironment']).includes(variable)
    const counts = Object.entries(readEnvFile(text).variables).filter(
      ([variable, value]) =>
        !isDropped(variable) &&
        knows(service.kind, variable) !== 'foreign' &&
        file.variables[variable] !== value &&
        (at > own || !(variable in file.variables))
    )
    if (counts.length > 0)
      await change(
        `gives it ${path}, whose ${counts.map(([variable]) => variable).join(', ')} counts ` +
          `instead of what ${envFile} says`,
        line
      )
  }
  return findings
}

/** Finds variables of the env file that a drop-in unsets. */
const checkUnset = async (asked: Asked, service: Service): Promise<Finding[]> => {
  const dropped = words(service.properties['UnsetEnvironment']).filter(
    (variable) => variable in service.file.variables && knows(service.kind, variable) === 'own'
  )
  const file = await fileOf(asked, service, 'UnsetEnvironment')
  return dropped.map((variable) => {
    const source = file?.path ?? service.unit
    const detail = `${source} drops ${variable}, though ${service.envFile} has it`
    return fault(
      'drop-in',
      service.name,
      detail,
      commentOut(asked, file?.path, `UnsetEnvironment\\s*=.*\\b${variable}\\b`, service)
    )
  })
}

/** Finds variables in systemd's own environment, which units pass to services. */
export const checkManager: Check = async ({ host, installation }) => {
  if (installation.mode !== 'systemd') return []
  const { stdout } = await host.run(['systemctl', 'show-environment'])
  const variables = [...stdout.matchAll(/^([A-Za-z_]\w*)=/gm)].map(([, variable = '']) => variable)
  const findings = variables.flatMap((variable) => {
    const affected = installation.services.filter(
      ({ kind, properties, file }) =>
        !words(properties['UnsetEnvironment']).includes(variable) &&
        !(variable in file.variables) &&
        knows(kind, variable) !== 'foreign'
    )
    const unset = `systemctl unset-environment ${variable}`
    if (affected.length > 0) {
      const effects = Map.groupBy(affected, ({ kind }) =>
        knows(kind, variable) === 'unknown'
          ? 'refuse it at the next start'
          : 'take it, though no env file says so'
      )
      const words = [...effects]
        .map(
          ([effect, services]) =>
            `${services.map((service) => service.name).join(', ')} would ${effect}`
        )
        .join('; ')
      return [
        fault(
          'manager',
          'host',
          `systemd's own environment has ${variable}: ${words}`,
          `${unset} && systemctl restart ${affected.map(({ unit }) => unit).join(' ')}`
        )
      ]
    }
    const known = installation.services.some(({ kind }) => knows(kind, variable) === 'own')
    return known
      ? [
          note(
            'manager',
            'host',
            `systemd's own environment has ${variable}, which changes nothing: the env files ` +
              'override it',
            unset
          )
        ]
      : []
  })
  return findings.length > 0
    ? findings
    : [ok('manager', 'host', "systemd's own environment has none of our variables")]
}
