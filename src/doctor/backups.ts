import { backupsAmong } from '../backup/names.ts'
import { settingsFile } from '../backup/settings.ts'
import { span } from '../cli/text.ts'
import { readEnvFile } from '../platform/env-file.ts'
import type { Check } from './check.ts'
import { fault, note, ok } from './finding.ts'
import { setVariable, word } from './shell.ts'

/** The nightly backups, where their timer is enabled: whether they are made. */

const name = 'backup'
const timer = 'leadmaster-backup.timer'
const service = 'leadmaster-backup.service'
/** A night may be missed while the machine is off, ms. */
const tooOldMs = 49 * 3_600_000
const again = `systemctl start ${service}; journalctl -u ${service} -n 20 -o cat`

export const checkBackups: Check = async ({ host, wiring }) => {
  if (wiring.mode !== 'systemd') return []
  const show = async (unit: string, property: string): Promise<string> => (await host.run(['systemctl', 'show', unit, '--property', property, '--value'])).stdout.trim()
  if ((await show(timer, 'UnitFileState')) !== 'enabled') return []
  const path = settingsFile(wiring.directory)
  const text = (await host.readFile(path)) ?? ''
  const { BACKUP_TO: to } = readEnvFile(text).variables
  if (!to) return [fault(name, 'host', `${timer} is enabled, but ${path} does not say where to (BACKUP_TO)`, `install -d -m 700 /var/backups/leadmaster && ${setVariable({ path, text }, 'BACKUP_TO', '/var/backups/leadmaster')} && chmod 600 ${word(path)} && systemctl start ${service}`)]
  const [newest] = backupsAmong(await host.readdir(to))
  const result = await show(service, 'Result')
  if (result !== '' && result !== 'success') return [fault(name, 'host', `the last backup failed (${result})${newest === undefined ? '' : `; the newest in ${to} is ${span(host.now() - newest.at)} old`}`, again)]
  if (newest === undefined) return [note(name, 'host', `there is no backup in ${to} yet: ${timer} makes the first one`, again)]
  const age = host.now() - newest.at
  if (age > tooOldMs) return [fault(name, 'host', `the newest backup in ${to} is ${span(age)} old`, `systemctl start ${timer}; ${again}`)]
  return [ok(name, 'host', `the newest in ${to} is ${span(age)} old`)]
}
