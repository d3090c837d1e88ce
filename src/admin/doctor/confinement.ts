import type { Asked, Check } from './check.ts'
import { fault, note, type Finding } from './finding.ts'
import { word } from '../installation/shell.ts'
import { listed, rules, type Rule } from '../installation/unit-rules.ts'
import {
  isDebian,
  upCommand,
  type Service,
  type Installation
} from '../installation/installation.ts'

/**
 * Checks what a unit allows its service, and what an operator's drop-in changes. The values are
 * those in force, whichever file sets them.
 */

const name = 'drop-in'
/** The files of a unit, in the order in which systemd reads them. */
const unitFiles = ({ properties }: Service): string[] =>
  [properties['FragmentPath'] ?? '', ...listed(properties['DropInPaths'])].filter(Boolean)

/** The last file that sets a setting. */
export const fileOf = async (
  { host }: Asked,
  service: Service,
  setting: string
): Promise<{ path: string; text: string } | undefined> => {
  for (const path of unitFiles(service).reverse()) {
    const text = (await host.readFile(path)) ?? ''
    if (new RegExp(`^\\s*${setting}\\s*=`, 'm').test(text)) return { path, text }
  }
  return undefined
}

/** Whether a drop-in is only for this unit. One for all services of the machine is not changed. */
export const isOwn = (path: string, { unit }: Service): boolean =>
  path.includes(`/${unit}.service.d/`) || path.includes(`/${unit.replace(/@.*$/, '@')}.service.d/`)

export const reloaded = (fix: string, { unit }: Service): string =>
  `${fix} && systemctl daemon-reload && systemctl restart ${unit}`

/**
 * The command that restores the shipped unit file. A file by `systemctl edit --full` hides that of
 * the package.
 */
const reinstall = (installation: Installation, service: Service): string =>
  isDebian(installation) && service.properties['FragmentPath']?.startsWith('/etc/')
    ? reloaded(`rm ${word(service.properties['FragmentPath'])}`, service)
    : `${upCommand(installation)} && systemctl restart ${service.unit}`

/** The command that undoes a setting. */
const takeBack = async (
  asked: Asked,
  service: Service,
  { setting, undo }: Rule,
  file: { path: string; text: string } | undefined
): Promise<string> => {
  if (file === undefined || file.path === service.properties['FragmentPath'])
    return reinstall(asked.installation, service)
  if (isOwn(file.path, service)) {
    const isContinued = new RegExp(`^\\s*${setting}\\s*=.*\\\\$`, 'm').test(file.text)
    const change = isContinued
      ? `mv ${word(file.path)} ${word(`${file.path}.off`)}`
      : `sed -i -E ${word(`s/^\\s*${setting}\\s*=/#&/`)} ${word(file.path)}`
    return reloaded(change, service)
  }
  const directory = `/etc/systemd/system/${service.unit}.service.d`
  const lines = [...new Set([`${setting}=`, `${setting}=${undo(service.kind)}`])].join('\\n')
  return reloaded(
    `mkdir -p ${directory} && printf '[Service]\\n${lines}\\n' ` +
      `>>${directory}/zz-leadmaster-${setting}.conf`,
    service
  )
}

/** Finds settings with which a service does not work. Other changed settings are notes. */
export const checkConfinement: Check = async (asked) => {
  if (asked.installation.mode !== 'systemd') return []
  return (
    await Promise.all(asked.installation.services.map((service) => checkOne(asked, service)))
  ).flat()
}

const checkOne = async (asked: Asked, service: Service): Promise<Finding[]> => {
  const { properties, kind } = service
  if (properties['LoadState'] !== 'loaded') return []
  const findings: Finding[] = []
  for (const rule of rules) {
    const value = properties[rule.property ?? rule.setting]
    if (value === undefined) continue
    const effect = rule.breaks(value, kind, properties)
    if (effect === undefined) continue
    const file = await fileOf(asked, service, rule.setting)
    const where = file === undefined ? `${service.unit} has` : `${file.path} sets`
    findings.push(
      fault(
        name,
        service.name,
        `${where} ${rule.setting}=${shown(rule, value)}: ${effect}`,
        await takeBack(asked, service, rule, file)
      )
    )
  }
  return [...findings, ...(await changedSettings(asked, service, findings))]
}

const shown = ({ setting }: Rule, value: string): string =>
  (setting === 'ExecStart' ? (/argv\[\]=([^;]*?) ;/.exec(value)?.[1] ?? value) : value).slice(
    0,
    100
  )

/** Settings that other checks read, or that are harmless. */
const ignored = new Set([
  'Environment',
  'EnvironmentFile',
  'PassEnvironment',
  'UnsetEnvironment',
  'LoadCredential',
  'LoadCredentialEncrypted',
  'SetCredential',
  'SetCredentialEncrypted',
  'RestartSteps',
  'RestartMaxDelaySec'
])

/** Settings of the shipped unit that a drop-in changes. */
const changedSettings = async (
  { host }: Asked,
  service: Service,
  known: readonly Finding[]
): Promise<Finding[]> => {
  const settingsOf = (text: string): [string, string][] =>
    [...text.matchAll(/^[ \t]*([A-Za-z]+)[ \t]*=(.*)$/gm)].map(([, setting = '', value = '']) => [
      setting,
      value.trim()
    ])
  const [fragment = '', ...dropIns] = unitFiles(service)
  const shipped = new Set(
    settingsOf((await host.readFile(fragment)) ?? '').map(([setting]) => setting)
  )
  const findings: Finding[] = []
  for (const path of dropIns) {
    const all = settingsOf((await host.readFile(path)) ?? '')
    const changed = all.filter(
      ([setting]) =>
        shipped.has(setting) &&
        !ignored.has(setting) &&
        !known.some(({ detail }) => detail.startsWith(`${path} sets ${setting}=`))
    )
    if (changed.length > 0)
      findings.push(
        note(
          name,
          service.name,
          `${path} changes what its unit says: ${changed
            .map(([setting, value]) => `${setting}=${value}`)
            .join(', ')
            .slice(0, 200)}`
        )
      )
  }
  return findings
}
