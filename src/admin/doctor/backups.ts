import { backupsAmong } from '../backup/names.ts'
import { settingsFile } from '../backup/settings.ts'
import { span } from '../text.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import type { Check } from './check.ts'
import { fault, note, ok } from './finding.ts'
import { setVariable, word } from '../installation/shell.ts'

/** The nightly backups, where their timer is enabled: whether they are made. */

const name = 'backup'
const timer = 'leadmaster-backup.timer'
const service = 'leadmaster-backup.service'
/** A night may be missed while the machine is off, ms. */
const tooOldMs = 49 * 3_600_000
const again = `systemctl start ${service}; journalctl -u ${service} -n 20 -o cat`

export const checkBackups: Check = async ({ host, installation }) => {
  if (installation.mode !== 'systemd') return []
  const show = async (unit: string, property: string): Promise<string> =>
    (await host.run(['systemctl', 'show', unit, '--property', property, '--value'])).stdout.trim()
  if ((await show(timer, 'UnitFileState')) !== 'enabled') return []
  const path = settingsFile(installation.directory)
  const text = (await host.readFile(path)) ?? ''
  const { BACKUP_TO: to } = readEnvFile(text).variables
  if (!to)
    return [
      fault(
        name,
        'host',
        `${timer} is enabled, but ${path} does not say where to (BACKUP_TO)`,
        'install -d -m 700 /var/backups/leadmaster && ' +
          `${setVariable({ path, text }, 'BACKUP_TO', '/var/backups/leadmaster')} && chmod 600 ` +
          `${word(path)} && systemctl start ${service}`
      )
    ]
  const hidden = whyHidden(
    to,
    await show(service, 'ProtectHome'),
    (await show(service, 'ReadWritePaths')).split(' ')
  )
  if (hidden !== undefined) return [fault(name, 'host', `BACKUP_TO=${to} ${hidden}`, open(to))]
  const [newest] = backupsAmong(await host.readdir(to))
  const result = await show(service, 'Result')
  if (result !== '' && result !== 'success')
    return [
      fault(
        name,
        'host',
        'the last backup failed ' +
          `(${result})${newest === undefined ? '' : `; the newest in ${to} is ${span(host.now() - newest.at)} old`}`,
        again
      )
    ]
  if (newest === undefined)
    return [
      note(name, 'host', `there is no backup in ${to} yet: ${timer} makes the first one`, again)
    ]
  const age = host.now() - newest.at
  if (age > tooOldMs)
    return [
      fault(
        name,
        'host',
        `the newest backup in ${to} is ${span(age)} old`,
        `systemctl start ${timer}; ${again}`
      )
    ]
  return [ok(name, 'host', `the newest in ${to} is ${span(age)} old`)]
}

const isBelow = (path: string, directory: string): boolean =>
  path === directory || path.startsWith(`${directory}/`)

/** What keeps the unit from writing backups to a directory; undefined when nothing does. */
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

/** A drop-in that opens a directory to the unit. */
const open = (to: string): string => {
  const directory = `/etc/systemd/system/${service}.d`
  return (
    `mkdir -p ${directory} ${word(to)} && printf '[Service]\\nProtectHome=no\\n` +
    `ReadWritePaths=%s\\n' ${word(to)} >${directory}/backup-to.conf && systemctl ` +
    `daemon-reload && systemctl start ${service}`
  )
}
