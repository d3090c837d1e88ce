import { backupsAmong } from '../backup/names.ts'
import { settingsFile } from '../backup/settings.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import type { Host } from '../installation/host.ts'
import { word } from '../installation/shell.ts'
import type { Service, Installation } from '../installation/installation.ts'

/** Damaged databases: a restart does not help, a backup does. */

/** SQLITE_CORRUPT and SQLITE_NOTADB in SQLite's words. https://sqlite.org/rescode.html */
export const isDamage = (words: string | undefined): boolean =>
  /disk image is malformed|file is not a database|database corruption|malformed database/i.test(
    words ?? ''
  )

const databaseOf = ({ kind }: Service): string =>
  kind === 'session-manager' ? 'journal.db' : 'hub.db'

/**
 * The command that restores the newest backup. Without a backup it starts with an empty database,
 * and keeps the damaged one.
 */
export const restoreCommand = async (
  host: Host,
  installation: Installation,
  service: Service
): Promise<string> => {
  const stop =
    installation.mode === 'systemd'
      ? "systemctl stop 'leadmaster-*'"
      : 'true # end scripts/up first'
  const start = installation.mode === 'systemd' ? ' && systemctl start leadmaster.target' : ''
  const { BACKUP_TO: to = '' } = readEnvFile(
    (await host.readFile(settingsFile(installation.directory))) ?? ''
  ).variables
  const [newest] = to === '' ? [] : backupsAmong(await host.readdir(to))
  if (newest !== undefined)
    return (
      `${stop}; ${word(`${installation.release}/scripts/restore`)} ` +
      `${word(`${to}/${newest.name}`)} --replace${start}`
    )
  const file = `${service.config?.STATE_DIR ?? service.stateDir}/${databaseOf(service)}`
  return `${stop}; for file in ${word(file)}*; do mv "$file" "$file.damaged"; done${start}`
}
