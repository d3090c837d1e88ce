import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { cleanEnv, type ValidatorSpec } from 'envalid'
import leven from 'leven'
import { PlainError, withoutIds } from './harmless.ts'

/** The only place that reads `process.env`. It is strict and names all errors together. */

/**
 * systemd.exec(5) "Environment Variables in Spawned Processes", sd_notify(3), and what a login
 * shell or Node itself sets.
 */
const foreign = new Set([
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
  'INVOCATION_ID',
  'JOURNAL_STREAM',
  'SYSTEMD_EXEC_PID',
  'MAINPID',
  'STATE_DIRECTORY',
  'RUNTIME_DIRECTORY',
  'CACHE_DIRECTORY',
  'LOGS_DIRECTORY',
  'CONFIGURATION_DIRECTORY',
  'CREDENTIALS_DIRECTORY',
  'MANAGERPID',
  'MANAGERPIDFDID',
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'LOG_NAMESPACE',
  'PIDFILE',
  'FDSTORE',
  'DEBUG_INVOCATION',
  'MEMORY_PRESSURE_WATCH',
  'MEMORY_PRESSURE_WRITE',
  'USER',
  'LOGNAME',
  'HOME',
  'SHELL',
  'PATH',
  'LANG',
  'LANGUAGE',
  'TERM',
  'TZ',
  'PWD',
  'OLDPWD',
  'SHLVL',
  '_',
  'HOSTNAME',
  'MAIL',
  'TMPDIR',
  'COLORTERM',
  'NODE_OPTIONS',
  'NODE_EXTRA_CA_CERTS',
  'NODE_COMPILE_CACHE',
  'NODE_V8_COVERAGE',
  'NODE_NO_WARNINGS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS'
])
const isForeign = (name: string): boolean => foreign.has(name) || name.startsWith('LC_')

const secretName = /TOKEN|SECRET|PASSWORD|KEY/

export type Source = Readonly<Record<string, string | undefined>>
export type Schema<T> = { [K in keyof T]: ValidatorSpec<T[K]> }

/** A bad environment. `faults` has one plain sentence for each bad variable. */
export class EnvironmentError extends PlainError {
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    const count = faults.length === 1 ? '1 fault' : `${faults.length} faults`
    super(`${count} in the environment: ${faults.join('; ')}`)
    this.faults = faults
  }
}

/**
 * The validated environment of a daemon, a plain object.
 * @throws {EnvironmentError} when a variable is missing, empty, malformed, out of range or unknown
 */
export const readEnv = <T extends object>(source: Source, schema: Schema<T>): T => {
  const faults: string[] = []
  const declared = Object.keys(schema)
  for (const name of Object.keys(source)) {
    if (declared.includes(name) || isForeign(name)) continue
    const [near] = declared
      .map((known) => ({ known, distance: leven(known, name.toUpperCase()) }))
      .filter(({ known, distance }) => distance <= Math.max(1, Math.floor(known.length / 4)))
      .sort((a, b) => a.distance - b.distance)
    // systemd's units drop these; in the foreground they arrive
    if (/_proxy$/i.test(name) && declared.includes('PROXY_URL')) {
      faults.push(`${name} is unknown: PROXY_URL sets the proxy`)
      continue
    }
    faults.push(
      near ? `${name} is unknown: did you mean ${near.known}?` : `${name} is unknown: remove it`
    )
  }
  const values = cleanEnv(source, schema, {
    reporter: ({ errors }) => {
      for (const name of declared) {
        const error: unknown = (errors as Record<string, unknown>)[name]
        if (error !== undefined)
          faults.push(describe(name, source[name], error, schema[name as keyof T].desc))
      }
    }
  })
  if (faults.length > 0) throw new EnvironmentError(faults)
  return { ...values } as T
}

/**
 * The environment with what systemd hands over as credentials, each a file named like its variable:
 * LoadCredential=, systemd.exec(5). An empty variable, as a template has it, gives way to the
 * credential.
 * @throws {EnvironmentError} when a variable is given both ways
 */
export const withCredentials = (source: Source): Source => {
  const directory = source['CREDENTIALS_DIRECTORY']
  if (directory === undefined) return source
  const credentials = Object.fromEntries(
    readdirSync(directory).map((name) => [
      name,
      readFileSync(join(directory, name), 'utf8').replace(/\r?\n$/, '')
    ])
  )
  const twice = Object.keys(credentials).filter((name) => source[name])
  if (twice.length > 0)
    throw new EnvironmentError(
      twice.map(
        (name) => `${name} is given twice, as a credential and in the environment file: remove one`
      )
    )
  return { ...source, ...credentials }
}

const describe = (
  name: string,
  value: string | undefined,
  error: unknown,
  desc?: string
): string => {
  if (value === undefined) return `${name} is missing: ${desc ?? 'it is required'}`
  const expected = error instanceof Error ? error.message : String(error)
  if (value === '') return `${name} is empty: expected ${expected}`
  const shown = secretName.test(name) ? '(hidden)' : quoted(withoutIds(withoutAnyPassword(value)))
  return `${name}=${shown} is refused: expected ${expected}`
}

/**
 * In quotes, with no control character as such: JSON leaves DEL and those from U+0080 on, which a
 * terminal may obey.
 */
const quoted = (value: string): string =>
  JSON.stringify(value).replace(
    /\p{Cc}/gu,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
  )

/** A URL may hold a password before its @. */
const withoutLogin = (value: string): string => value.replace(/\/\/.*@/s, '//(hidden)@')

/**
 * A refused value may not be a URL only because of its beginning. PostgreSQL's own tools also take
 * a password as a parameter.
 */
const withoutAnyPassword = (value: string): string =>
  value
    .replace(
      /^((?:[\w-]+=)?[a-z]+:\/\/)?(.*)@/is,
      (whole, scheme: string | undefined, login: string) =>
        scheme === undefined && !login.includes(':') ? whole : `${scheme ?? ''}(hidden)@`
    )
    .replace(/(password\s*=)[^&]*/is, '$1(hidden)')

/** The same environment with its secrets masked, for the log line at start. */
export const masked = (env: object): Record<string, unknown> => {
  const shown = (value: unknown): unknown => {
    if (typeof value === 'string') return withoutLogin(value)
    return Array.isArray(value) ? value.map(shown) : value
  }
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      secretName.test(name) && value !== '' ? '(set)' : shown(value)
    ])
  )
}

/** What sd_notify(3) and journald give by the environment. */
export const systemdEnv = (source: Source = process.env) => ({
  notifySocket: source['NOTIFY_SOCKET'],
  underJournal: source['JOURNAL_STREAM'] !== undefined
})

/**
 * Has SQLite keep its temporary files in a directory: it reads this before the process opens its
 * first database, and otherwise takes /var/tmp.
 * https://sqlite.org/tempfiles.html#temporary_file_storage_locations
 */
export const setSqliteDirectory = (directory: string): void => {
  process.env['SQLITE_TMPDIR'] = directory
}

/** `process.env`, for `main.ts` to hand on. */
export const processEnv: Source = process.env
