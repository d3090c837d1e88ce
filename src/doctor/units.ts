import type { Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, skipped, type Finding } from './finding.ts'
import type { Host } from './host.ts'
import { proposal } from './proposal.ts'
import { setVariable, word } from './shell.ts'
import { andRestart, hubs, knows, managers, restart, upCommand, type Service, type Wiring } from './wiring.ts'

/** The units, or in the foreground the processes; and what they would be given beside their env files. */

const name = 'unit'

export const checkUnits: Check = async ({ host, wiring, cause }) => {
  const findings: Finding[] = []
  const [first] = managers(wiring)
  if (wiring.mode === 'systemd' && wiring.services.some(({ properties }) => properties['LoadState'] === 'loaded')) findings.push(...(await checkTarget(host)))
  for (const service of wiring.services) {
    const found = wiring.mode === 'systemd' ? await checkUnit(host, wiring, service) : checkProcess(wiring, service)
    // the hub starts only once session-manager is ready, and in the foreground nothing starts before all env files are right
    const mayBlock = wiring.mode === 'foreground' ? wiring.services : hubs(wiring).includes(service as never) && first ? [service, first] : [service]
    const because = cause(service.name) ?? mayBlock.map((other) => cause(other.name) ?? findings.find((each) => each.service === other.name && each.state === 'fault')).find((each) => each !== undefined)
    const down = found.some(({ detail }) => detail.startsWith('not running'))
    findings.push(...(down && because ? [skipped(found.at(-1)?.name ?? name, service.name, because)] : found))
  }
  return findings
}

const checkTarget = async (host: Host): Promise<Finding[]> => {
  const { stdout } = await host.run(['systemctl', 'show', 'leadmaster.target', '--property', 'LoadState,UnitFileState', '--value'])
  const [load = '', state = ''] = stdout.split('\n')
  if (load === 'masked') return [fault(name, 'target', 'leadmaster.target is masked: nothing starts at boot', 'systemctl unmask leadmaster.target && systemctl enable --now leadmaster.target')]
  if (state === 'disabled') return [fault(name, 'target', 'leadmaster.target is disabled: nothing starts at boot', 'systemctl enable leadmaster.target')]
  return []
}

const checkProcess = (wiring: Wiring, service: Service): Finding[] =>
  service.pid === undefined
    ? [fault('process', service.name, 'not running', upCommand(wiring))]
    : [ok('process', service.name, `runs as process ${service.pid}`)]

const results: Record<string, string> = {
  'exit-code': 'it ended by itself', timeout: 'it did not get ready or did not stop in time', signal: 'a signal ended it', 'core-dump': 'it crashed',
  watchdog: 'it gave no sign of life for 30 s and was killed', 'oom-kill': 'it was killed for memory', resources: 'systemd could not start it', 'start-limit-hit': 'it failed too often'
}

const checkUnit = async (host: Host, wiring: Wiring, service: Service): Promise<Finding[]> => {
  const { unit, properties } = service
  const is = (property: string): string => properties[property] ?? ''
  const wrong = (detail: string, mend: string): Finding[] => [fault(name, service.name, detail, mend)]
  if (is('LoadState') === 'masked') return wrong(`${unit} is masked: it cannot be started`, `systemctl unmask ${unit} && systemctl enable --now ${unit}`)
  if (is('LoadState') === 'not-found' || is('LoadState') === '') return wrong(`${unit} is not installed`, upCommand(wiring))
  if (is('LoadState') !== 'loaded') return wrong(`${unit} cannot be loaded (${is('LoadState')})`, `systemd-analyze verify ${word(is('FragmentPath') || `${unit}.service`)} # says why; ${upCommand(wiring)} installs it anew`)
  const more: Finding[] = []
  if (is('NeedDaemonReload') === 'yes') more.push(fault(name, service.name, 'its unit files were changed since systemd read them', `systemctl daemon-reload && ${restart(wiring, service)}`))
  if (is('UnitFileState') === 'disabled') more.push(fault(name, service.name, `${unit} is disabled: it does not start at boot`, `systemctl enable ${unit}`))
  const stopMs = spanMs(is('TimeoutStopUSec'))
  if (service.config && stopMs !== undefined && service.config.SHUTDOWN_TIMEOUT >= stopMs) {
    const better = (await proposal(host, wiring, service, 'SHUTDOWN_TIMEOUT')) ?? '15s'
    more.push(fault(name, service.name, `SHUTDOWN_TIMEOUT is not below TimeoutStopSec= (${is('TimeoutStopUSec')}): systemd kills it while it stops`, andRestart(wiring, setVariable(edited(service), 'SHUTDOWN_TIMEOUT', better), service)))
  }
  const state = `${is('ActiveState')} (${is('SubState')})`
  const restarts = Number(is('NRestarts') || 0)
  if (is('ActiveState') === 'active') {
    const shown = [ok(name, service.name, is('StatusText') || `running as process ${service.pid}`)]
    if (restarts > 0) shown.push(note(name, service.name, `systemd started it again ${restarts} times: journalctl -u ${unit} -p warning says why`))
    return [...more, ...shown]
  }
  if (is('ActiveState') === 'inactive') {
    const start = service.instance === undefined ? 'systemctl start leadmaster.target' : `systemctl enable --now ${unit}`
    return [...more, ...wrong('not running: it was stopped, or never started', start)]
  }
  const words = await lastWords(host, unit)
  if (is('ExecMainStatus') === '78') return [...more, ...wrong(`not running: its environment was refused at its start (78), though the file is right now${words}`, restart(wiring, service))]
  const why = results[is('Result')] ?? is('Result')
  const status = is('ExecMainStatus') === '0' ? '' : `, exit status ${is('ExecMainStatus')}`
  if (is('ActiveState') === 'activating' && is('SubState') === 'start') return [...more, note(name, service.name, `starting: ${is('StatusText') || 'not ready yet'}`)]
  return [...more, ...wrong(`not running: ${state}, ${why}${status}, started again ${restarts} times${words}`, `journalctl -u ${unit} -n 20 -o cat; ${restart(wiring, service)}`)]
}

/** The last thing a service said that was fatal; logs hold no secrets and no messages. */
const lastWords = async (host: Host, unit: string): Promise<string> => {
  const { stdout } = await host.run(['journalctl', '-u', unit, '-n', '100', '-o', 'cat', '--no-pager'])
  const fatal = stdout.split('\n').flatMap((line) => {
    try {
      const parsed = JSON.parse(line) as { level?: string; msg?: string } | null
      return parsed?.level === 'fatal' && parsed.msg !== undefined ? [parsed.msg] : []
    } catch {
      return []
    }
  })
  return fatal.length === 0 ? '' : `; it said: ${fatal.at(-1)?.slice(0, 300)}`
}

/** systemd's spans, such as 1min 30s. */
const spanMs = (text: string): number | undefined => {
  const units: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
  const parts = [...text.matchAll(/(\d+)(us|ms|s|min|h|d)\b/g)]
  return parts.length === 0 ? undefined : parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (units[unit] ?? 0), 0)
}

const words = (text: string | undefined): string[] => (text ?? '').split(/\s+/).filter(Boolean)

/** Variables that the unit or a drop-in sets: they are no part of the env file, and what is unknown is refused. */
export const checkDropIns: Check = async ({ host, wiring }) => {
  const findings: Finding[] = []
  for (const service of wiring.services) {
    const { properties, unit } = service
    const dropped = words(properties['UnsetEnvironment'])
    const set = [...(properties['Environment'] ?? '').matchAll(/(?:^|\s)["']?([A-Za-z_]\w*)=/g)].map(([, variable = '']) => variable)
    const suspects = [...new Set([...set, ...words(properties['PassEnvironment'])])].filter((variable) => !dropped.includes(variable) && knows(service.kind, variable) !== 'foreign')
    for (const variable of suspects) {
      const files = [properties['FragmentPath'] ?? '', ...words(properties['DropInPaths'])].filter(Boolean)
      const texts = await Promise.all(files.map(async (file) => ((await host.readFile(file)) ?? '').split('\n').some((line) => /^\s*(Pass)?Environment=/.test(line) && new RegExp(`\\b${variable}\\b`).test(line))))
      const file = files[texts.lastIndexOf(true)] ?? files.at(-1) ?? ''
      const effect = variable in service.file.variables ? 'the env file overrides it' : knows(service.kind, variable) === 'unknown' ? 'the service refuses it' : 'it takes effect though the env file does not say so'
      findings.push(
        fault('drop-in', service.name, `${file} gives it ${variable}: ${effect}`, `sed -i -E ${word(`/^\\s*(Pass)?Environment=.*\\b${variable}\\b/d`)} ${word(file)} && systemctl daemon-reload && systemctl restart ${unit}`)
      )
    }
  }
  return findings
}

/** What the manager holds, by systemctl set-environment or DefaultEnvironment=, and a unit would hand on. */
export const checkManager: Check = async ({ host, wiring }) => {
  if (wiring.mode !== 'systemd') return []
  const { stdout } = await host.run(['systemctl', 'show-environment'])
  const held = [...stdout.matchAll(/^([A-Za-z_]\w*)=/gm)].map(([, variable = '']) => variable)
  const findings = held.flatMap((variable) => {
    const taken = wiring.services.filter(({ kind, properties, file }) => !words(properties['UnsetEnvironment']).includes(variable) && !(variable in file.variables) && knows(kind, variable) !== 'foreign')
    const unset = `systemctl unset-environment ${variable}`
    const [first] = taken
    if (first) {
      const effect = knows(first.kind, variable) === 'unknown' ? 'refuse it at the next start' : 'take it, though no env file says so'
      return [fault('manager', 'host', `systemd's own environment has ${variable}: ${taken.map((service) => service.name).join(', ')} would ${effect}`, `${unset} && systemctl restart ${taken.map(({ unit }) => unit).join(' ')}`)]
    }
    const known = wiring.services.some(({ kind, properties, file }) => knows(kind, variable) === 'own' && (variable in file.variables || words(properties['UnsetEnvironment']).includes(variable)))
    return known ? [note('manager', 'host', `systemd's own environment has ${variable}, which changes nothing: the env files override it`, unset)] : []
  })
  return findings.length > 0 ? findings : [ok('manager', 'host', "systemd's own environment has none of our variables")]
}
