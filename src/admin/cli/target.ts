import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { urlOf } from '../installation/proposal.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import type { Source } from '../../platform/env.ts'
import { Fault, type Common } from './command.ts'

/** The hub that is meant, and where what is known of it comes from. */
export interface Target {
  url: string
  urlFrom: string
  token: string
  tokenFrom: string
}

const etc = '/etc/leadmaster'
/** Where systemd puts a token that is kept out of the env file. */
const credential = '/run/credentials/leadmaster-central-hub.service/HUB_API_TOKEN'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EACCES')
      throw new Fault(
        `${path} may not be read by this user: run it as root, or give --url and --token-file`
      )
    throw new Fault(`${path} cannot be read (${code})`)
  }
}

/**
 * Whether a directory on the way to a path is closed to this user, so that the file may be there or
 * not.
 */
const isClosed = (path: string): boolean => {
  try {
    statSync(path)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

/**
 * The env file of the hub of this machine: of the run that LEADMASTER_HOME names, the installation,
 * or the clone.
 */
const envFile = (env: Source, release: string): string => {
  const home = env['LEADMASTER_HOME']
  const candidates = home
    ? [join(home, 'central-hub.env')]
    : [join(etc, 'central-hub.env'), join(release, '.leadmaster/central-hub.env')]
  const found = candidates.find((path) => existsSync(path))
  if (found !== undefined) return found
  const closed = candidates.find((path) => isClosed(path))
  if (closed !== undefined)
    throw new Fault(
      `${closed} may not be looked at by this user: run it as root, or give --url and --token-file`
    )
  throw new Fault(
    `there is no ${candidates.join(' and no ')}: start LeadMaster by scripts/up, or say where ` +
      'it is by --url and --token-file (LEADMASTER_URL and LEADMASTER_TOKEN)'
  )
}

/** The URL that the command line or the environment gives. */
const givenUrl = (given: Common, env: Source): Pick<Target, 'url' | 'urlFrom'> | undefined => {
  if (given.url) return { url: given.url, urlFrom: '--url' }
  const url = env['LEADMASTER_URL']
  return url ? { url, urlFrom: 'LEADMASTER_URL' } : undefined
}

/** The token that the command line or the environment gives. */
const givenToken = (
  given: Common,
  env: Source
): Pick<Target, 'token' | 'tokenFrom'> | undefined => {
  const file = given['token-file']
  if (file) return { token: read(file).trim(), tokenFrom: file }
  const token = env['LEADMASTER_TOKEN']
  return token ? { token, tokenFrom: 'LEADMASTER_TOKEN' } : undefined
}

/** @throws {Fault} when it is not to be found */
export const findTarget = (given: Common, env: Source, release: string): Target => {
  const url = givenUrl(given, env)
  const token = givenToken(given, env)
  if (url !== undefined && !(/^https?:\/\//.test(url.url) && URL.canParse(url.url)))
    throw new Fault(`${url.urlFrom}: expected a URL such as http://127.0.0.1:3012`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.token))
    throw new Fault(`${token.tokenFrom} does not hold one token and nothing else`)
  if (url && token) return { ...url, ...token }
  // the token of this machine's hub is not for another one
  if (url)
    throw new Fault(
      `${url.urlFrom} wants the token of that hub: give --token-file, or LEADMASTER_TOKEN`
    )
  const file = envFile(env, release)
  const { HOST = '127.0.0.1', PORT = '3012', HUB_API_TOKEN } = readEnvFile(read(file)).variables
  const found = { url: urlOf(HOST, PORT), urlFrom: file }
  if (token) return { ...found, ...token }
  if (HUB_API_TOKEN) return { ...found, token: HUB_API_TOKEN, tokenFrom: file }
  if (existsSync(credential))
    return { ...found, token: read(credential).trim(), tokenFrom: credential }
  throw new Fault(`${file} has no HUB_API_TOKEN: give it by --token-file, or LEADMASTER_TOKEN`)
}
