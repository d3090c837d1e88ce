import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readEnvFile } from '../../platform/env-file.ts'
import { EnvironmentError, readEnv, type Source } from '../../platform/env.ts'
import { databaseUrl } from '../../platform/env-values.ts'
import { Refused } from './refused.ts'

/** The source and the destination of a migration. */
export interface Places {
  /** The store's file. */
  file: string
  /** DATABASE_URL, and the env file that has it. */
  url: string
  envFile: string
  /** systemd runs the hub. */
  installed: boolean
}

export interface Options {
  from?: string | undefined
  'to-env'?: string | undefined
}

const etc = '/etc/leadmaster/central-hub.env'

const read = (path: string): Readonly<Record<string, string>> => {
  try {
    return readEnvFile(readFileSync(path, 'utf8')).variables
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refused(
      code === 'EACCES'
        ? `${path} may not be read by this user: run this as root`
        : `${path} cannot be read (${code})`
    )
  }
}

/**
 * The env file of this machine's hub: that of the run in LEADMASTER_HOME, of the installation, or
 * of the clone.
 */
const findEnvFile = (env: Source, release: string): string => {
  const home = env['LEADMASTER_HOME']
  const candidates = home
    ? [join(resolve(home), 'central-hub.env')]
    : [etc, join(release, '.leadmaster/central-hub.env')]
  const found = candidates.find((path) => existsSync(path))
  if (found !== undefined) return found
  throw new Refused(
    `there is no ${candidates.join(' and no ')}, or this user may not see it: run this as ` +
      'root, or give --from and --to-env'
  )
}

const fileIn = (path: string): string =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ? join(path, 'hub.db') : path

/** @throws {Refused} when the source or the destination is not known */
export const findPlaces = (options: Options, env: Source, release: string): Places => {
  const own =
    options.from !== undefined && options['to-env'] !== undefined
      ? undefined
      : findEnvFile(env, release)
  const envFile = options['to-env'] === undefined ? (own as string) : resolve(options['to-env'])
  const { DATABASE_URL = '' } = read(envFile)
  if (DATABASE_URL === '')
    throw new Refused(
      `${envFile} has no DATABASE_URL: add the line that the hub is to have, such as ` +
        'DATABASE_URL=postgres://leadmaster:PASSWORD@127.0.0.1:5432/leadmaster'
    )
  try {
    readEnv({ DATABASE_URL }, { DATABASE_URL: databaseUrl() })
  } catch (error) {
    throw error instanceof EnvironmentError
      ? new Refused(`${envFile}: ${error.faults.join('; ')}`)
      : error
  }
  const stateDir = options.from === undefined ? read(own as string)['STATE_DIR'] : undefined
  if (options.from === undefined && !stateDir)
    throw new Refused(
      `${own} has no STATE_DIR, in which the store's file would be: name it by --from`
    )
  const file =
    options.from === undefined ? join(stateDir as string, 'hub.db') : fileIn(resolve(options.from))
  return { file, url: DATABASE_URL, envFile, installed: own === etc || envFile === etc }
}
