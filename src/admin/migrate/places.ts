import { existsSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readEnvFile } from '../../platform/env-file.ts'
import { EnvironmentError, readEnv, type Source } from '../../platform/env.ts'
import { databaseUrl } from '../../platform/env-values.ts'
import { Refused } from './refused.ts'

/** What is migrated, and where to. */
export interface Places {
  /** The store's file. */
  file: string
  /** DATABASE_URL, and the env file that it is from. */
  url: string
  envFile: string
  /** The hub runs by systemd. */
  installed: boolean
}

export interface Given {
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
 * The env file of the hub of this machine: of the run that LEADMASTER_HOME names, the installation,
 * or the clone.
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

/** @throws {Refused} when something is not to be found */
export const findPlaces = (given: Given, env: Source, release: string): Places => {
  const own =
    given.from !== undefined && given['to-env'] !== undefined
      ? undefined
      : findEnvFile(env, release)
  const envFile = given['to-env'] === undefined ? (own as string) : resolve(given['to-env'])
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
  const stateDir = given.from === undefined ? read(own as string)['STATE_DIR'] : undefined
  if (given.from === undefined && !stateDir)
    throw new Refused(
      `${own} has no STATE_DIR, in which the store's file would be: name it by --from`
    )
  const file =
    given.from === undefined ? join(stateDir as string, 'hub.db') : fileIn(resolve(given.from))
  return { file, url: DATABASE_URL, envFile, installed: own === etc || envFile === etc }
}
