import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LeadMasterError } from '../../client/index.ts'
import { urlOf } from '../installation/proposal.ts'
import { readEnvFile } from '../../platform/env-file.ts'
import type { Source } from '../../platform/env.ts'
import { Fault, type Common } from './command.ts'

/** The hub, and the sources of its URL and token. */
export interface Target {
  url: string
  urlFrom: string
  token: string
  tokenFrom: string
}

const etc = '/etc/leadmaster'
/** The token when systemd passes it as a credential. */
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

/** Whether a directory above a path is closed to this user, so that the file may exist or not. */
const isClosed = (path: string): boolean => {
  try {
    statSync(path)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

/**
 * The env file of this machine's hub: that of the run in LEADMASTER_HOME, of the installation, or
 * of the clone.
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

/** The URL of the command line or the environment. */
const givenUrl = (given: Common, env: Source): Pick<Target, 'url' | 'urlFrom'> | undefined => {
  if (given.url) return { url: given.url, urlFrom: '--url' }
  const url = env['LEADMASTER_URL']
  return url ? { url, urlFrom: 'LEADMASTER_URL' } : undefined
}

/** The token of the command line or the environment. */
const givenToken = (
  given: Common,
  env: Source
): Pick<Target, 'token' | 'tokenFrom'> | undefined => {
  const file = given['token-file']
  if (file) return { token: read(file).trim(), tokenFrom: file }
  const token = env['LEADMASTER_TOKEN']
  return token ? { token, tokenFrom: 'LEADMASTER_TOKEN' } : undefined
}

/** @throws {Fault} when there is no hub, or no token for it */
export const findTarget = (given: Common, env: Source, release: string): Target => {
  const url = givenUrl(given, env)
  const token = givenToken(given, env)
  if (url !== undefined && !(/^https?:\/\//.test(url.url) && URL.canParse(url.url)))
    throw new Fault(`${url.urlFrom}: expected a URL such as http://127.0.0.1:3012`)
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token.token))
    throw new Fault(`${token.tokenFrom} does not hold one token and nothing else`)
  if (url && token) return { ...url, ...token }
  // The token of this machine's hub is never sent to another hub.
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

/** An error in plain words, with what to do; undefined when it is a bug of this program. */
export const describeError = (error: unknown, target: Target | undefined): string | undefined => {
  if (error instanceof Fault) return error.message
  if (!(error instanceof LeadMasterError) || target === undefined) return undefined
  const { url, urlFrom, tokenFrom } = target
  switch (error.type) {
    case 'unreachable':
      return (
        `nobody answers at ${url} (from ${urlFrom}): does the hub run? systemctl status ` +
        'leadmaster-central-hub tells, ./scripts/up starts it, and leadmaster doctor finds ' +
        'what is wrong'
      )
    case 'unauthorized':
      return (
        `the hub at ${url} does not take the token from ${tokenFrom}: it must be the ` +
        `HUB_API_TOKEN of that hub's env file`
      )
    case 'unexpected-answer':
      return `what answers at ${url} (from ${urlFrom}) is not LeadMaster's hub (${error.message})`
    default: {
      const errors = error.errors.map(({ field, message }) => `${field}: ${message}`)
      return [error.message, ...errors].join('; ')
    }
  }
}
