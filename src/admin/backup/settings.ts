import { join } from 'node:path'
import type { Host } from '../installation/host.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import {
  EnvironmentError,
  processEnv,
  readEnv,
  withCredentials,
  type Schema
} from '../../platform/env.ts'
import { path, token, whole } from '../../platform/env-values.ts'
import { Refused } from './refused.ts'

/** backup.env beside the services' files; deploy/env/backup.env explains it. */
export interface Settings {
  /** Where backups go; empty: nowhere yet. */
  BACKUP_TO: string
  BACKUP_KEEP: number
  /** Empty: backups are not encrypted. */
  BACKUP_KEY: string
}

export const schema: Schema<Settings> = {
  BACKUP_TO: path({ default: '' }),
  BACKUP_KEEP: whole(1, 10_000)({ default: 7 }),
  BACKUP_KEY: token({ default: '' })
}

export const settingsFile = (directory: string): string => join(directory, 'backup.env')

/**
 * Reads backup.env, if it exists, and the credentials that systemd passes.
 * @throws {Refused} naming every error
 */
export const readSettings = async (host: Host, directory: string): Promise<Settings> => {
  const file = settingsFile(directory)
  if ((await host.stat(file)) !== undefined && (await host.readFile(file)) === undefined)
    throw new Refused(`${file} may not be read by this user: run this as root`)
  const { variables } = readEnvFile((await host.readFile(file)) ?? '')
  try {
    return readEnv(
      withCredentials({ ...variables, CREDENTIALS_DIRECTORY: processEnv['CREDENTIALS_DIRECTORY'] }),
      schema
    )
  } catch (error) {
    throw error instanceof EnvironmentError
      ? new Refused(`${file}: ${error.faults.join('; ')}`)
      : error
  }
}
