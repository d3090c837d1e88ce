import { backupsAmong } from '../backup/names.ts'
import { settingsFile } from '../backup/settings.ts'
import { span } from '../text.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import type { Check } from './check.ts'
import { fault, note, ok, type Finding } from './finding.ts'
import { setVariable, word, type EditedFile } from '../installation/shell.ts'

/** Checks that the nightly backups are made, when their timer is enabled. */

const name = 'backup'
const timer = 'leadmaster-backup.timer'
const service = 'leadmaster-backup.service'
const defaultTo = '/var/backups/leadmaster'
/** The highest age of the newest backup, ms. One night may be missed. */
const tooOldMs = 49 * 3_600_000
const retry = `systemctl start ${service}; journalctl -u ${service} -n 20 -o cat`

export const checkBackups: Check = async ({ host, installation }) => {
  if (installation.mode !== 'systemd') return []
  const show = async (unit: string, property: string): Promise<string> =>
    (await host.run(['systemctl', 'show', unit, '--property', property, '--value'])).stdout.trim()
  if ((await show(timer, 'UnitFileState')) !== 'enabled') return []
  const path = settingsFile(installation.directory)
  const text = (await host.readFile(path)) ?? ''
  const { BACKUP_TO: to } = readEnvFile(text).variables
  if (!to) return [withoutDestination({ path, text })]
  const hidden = whyHidden(
    to,
    await show(service, 'ProtectHome'),
    (await show(service, 'ReadWritePaths')).split(' ')
  )
  if (hidden !== undefined) return [fault(name, 'host', `BACKUP_TO=${to} ${hidden}`, open(to))]
  const [newest] = backupsAmong(await host.readdir(to))
  const age = newest === undefined ? undefined : host.now() - newest.at
  return [checkNewest(to, age, await show(service, 'Result'))]
}

const withoutDestination = (file: EditedFile): Finding =>
  fault(
    name,
    'host',
    `${timer} is enabled, but ${file.path} does not say where to (BACKUP_TO)`,
    [
      `install -d -m 700 ${defaultTo}`,
      setVariable(file, 'BACKUP_TO', defaultTo),
      `chmod 600 ${word(file.path)}`,
      `systemctl start ${service}`
    ].join(' && ')
  )

/**
 * @param ageMs of the newest backup; undefined when there is no backup
 * @param result of the last run of the unit
 */
const checkNewest = (to: string, ageMs: number | undefined, result: string): Finding => {
  if (result !== '' && result !== 'success') {
    const newest = ageMs === undefined ? '' : `; the newest in ${to} is ${span(ageMs)} old`
    return fault(name, 'host', `the last backup failed (${result})${newest}`, retry)
  }
  if (ageMs === undefined)
    return note(
      name,
      'host',
      `there is no backup in ${to} yet: ${timer} makes the first one`,
      retry
    )
  if (ageMs > tooOldMs) {
    const detail = `the newest backup in ${to} is ${span(ageMs)} old`
    return fault(name, 'host', detail, `systemctl start ${timer}; ${retry}`)
  }
  return ok(name, 'host', `the newest in ${to} is ${span(ageMs)} old`)
}

const isBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}/`)

/** Why the unit cannot write backups to a directory; undefined when it can. */
const whyHidden = (
  to: string,
  protectHome: string,
  writable: readonly string[]
): string | undefined => {
  const isHome = ['/home', '/root', '/run/user'].some((directory) => isBelow(to, directory))
  if (isHome && protectHome !== 'no')
    return `is below a home directory, which ${service} does not see (ProtectHome=${protectHome})`
  const directories = writable
    .map((path) => path.replace(/^[-+]+/, ''))
    .filter((path) => path.startsWith('/'))
  if (directories.length === 0 || directories.some((directory) => isBelow(to, directory)))
    return undefined
  return `is closed to ${service}, which may write below ${directories.join(', ')} alone`
}

/** The command that opens a directory to the unit by a drop-in. */
const open = (to: string): string => {
  const directory = `/etc/systemd/system/${service}.d`
  const lines = '[Service]\\nProtectHome=no\\nReadWritePaths=%s\\n'
  return [
    `mkdir -p ${directory} ${word(to)}`,
    `printf '${lines}' ${word(to)} >${directory}/backup-to.conf`,
    'systemctl daemon-reload',
    `systemctl start ${service}`
  ].join(' && ')
}
