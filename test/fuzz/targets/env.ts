import { readConfig as readHub } from '../../../src/central-hub/config.ts'
import { EnvironmentError, masked, readEnv } from '../../../src/platform/env.ts'
import {
  baseUrl,
  country,
  databaseUrl,
  duration,
  host,
  list,
  name,
  namedUrls,
  natsServers,
  networks,
  path,
  port,
  size,
  storeUrl,
  text,
  token,
  whole
} from '../../../src/platform/env-values.ts'
import { fillEnvFile, parseEnvFile, readEnvFile } from '../../../src/platform/env-file.ts'
import { readConfig as readSessionManager } from '../../../src/session-manager/config.ts'
import { bounded, must, same } from '../property.ts'
import { asSystemd } from '../systemd-env-file.ts'

/** Environment files and the values in them: the first byte says what the rest is read as. */

const isEnvironmentError = (error: unknown): boolean => error instanceof EnvironmentError

/** What a reader gives, undefined when it refuses. */
const accepted = <T>(read: () => T): T | undefined => {
  try {
    return read()
  } catch (error) {
    if (isEnvironmentError(error)) return undefined
    throw error
  }
}

/** Names that systemd takes; ours gives the others, too, so that they can be told of. */
const isName = ([name]: [string, string]): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name)

const file = (content: string): void => {
  // at a NUL systemd ends
  if (content.includes('\0')) return
  const systemd = asSystemd(content)
  const { variables, assignments, unclosed } = readEnvFile(content)
  if (unclosed !== undefined) return must(systemd.open, 'systemd sees no open quote', content)
  must(!systemd.open, 'systemd sees an open quote', content)
  const last = Object.fromEntries(assignments.map((each) => [each.name, each.value]))
  same({ ...variables }, last, 'variables and assignments')
  same(
    Object.fromEntries(Object.entries(variables).filter(isName)),
    systemd.variables,
    'systemd reads it otherwise'
  )
}

/** What a file is filled with is read back, by systemd too. */
const filling = (value: string): void => {
  if (value.includes('\0')) return
  const filled = fillEnvFile('#A=\nB=1\n', { A: value })
  const wanted = { A: value, B: '1' }
  same({ ...parseEnvFile(filled) }, wanted, 'filled and read back')
  same(asSystemd(filled).variables, wanted, 'filled and read by systemd')
}

const items = list('items', /^[a-z0-9.-]{1,253}$/)
const whatIsTaken: Record<string, (value: string) => boolean> = {
  duration: (value) => {
    const ms = accepted(() => readEnv({ X: value }, { X: duration('1s', '7d')({}) }))?.X
    if (ms === undefined) return false
    must(Number.isInteger(ms) && ms >= 1_000 && ms <= 604_800_000, 'a duration out of range', ms)
    return accepted(() => readEnv({ X: `${ms}ms` }, { X: duration('1s', '7d')({}) }))?.X === ms
  },
  size: (value) => {
    const bytes = accepted(() => readEnv({ X: value }, { X: size({}) }))?.X
    if (bytes === undefined) return false
    must(Number.isInteger(bytes) && bytes >= 0 && bytes <= 2 ** 31, 'a size out of range', bytes)
    return true
  },
  port: (value) => {
    const taken = accepted(() => readEnv({ X: value }, { X: port({}) }))?.X
    if (taken === undefined) return false
    must(taken >= 1 && taken <= 65_535 && String(taken) === value, 'a port', value, taken)
    return true
  },
  whole: (value) => {
    const taken = accepted(() => readEnv({ X: value }, { X: whole(-5, 10 ** 15)({}) }))?.X
    if (taken === undefined) return false
    must(
      taken >= -5 && taken <= 10 ** 15 && String(taken) === value,
      'a whole number',
      value,
      taken
    )
    return true
  },
  baseUrl: (value) => {
    const taken = accepted(() => readEnv({ X: value }, { X: baseUrl({}) }))?.X
    if (taken === undefined) return false
    must(
      new URL(taken).origin === taken &&
        accepted(() => readEnv({ X: taken }, { X: baseUrl({}) }))?.X === taken,
      'an origin',
      value,
      taken
    )
    return true
  },
  namedUrls: (value) => {
    const taken = accepted(() => readEnv({ X: value }, { X: namedUrls({}) }))?.X
    if (taken === undefined) return false
    const written = Object.entries(taken)
      .map(([key, url]) => `${key}=${url}`)
      .join(',')
    must(value.split(',').length === Object.keys(taken).length, 'a name is lost', value, taken)
    same(
      { ...accepted(() => readEnv({ X: written }, { X: namedUrls({}) }))?.X },
      { ...taken },
      'named URLs'
    )
    return true
  },
  networks: (value) =>
    accepted(() => readEnv({ X: value }, { X: networks({}) }))?.X.every((each) =>
      /^[0-9a-fA-F.:]+\/\d+$/.test(each)
    ) ?? false,
  databaseUrl: (value) =>
    URL.canParse(accepted(() => readEnv({ X: value }, { X: databaseUrl({}) }))?.X ?? ''),
  natsServers: (value) =>
    accepted(() => readEnv({ X: value }, { X: natsServers({}) }))?.X.every((each) =>
      URL.canParse(each)
    ) ?? false,
  list: (value) =>
    accepted(() => readEnv({ X: value }, { X: items({}) }))?.X.every(
      (each) => each !== '' && each.trim() === each
    ) ?? false,
  token: (value) =>
    /^[\x21-\x7e]{32,}$/.test(accepted(() => readEnv({ X: value }, { X: token({}) }))?.X ?? ''),
  others: (value) =>
    [text, path, name, country, host, storeUrl].some(
      (make) => accepted(() => readEnv({ X: value }, { X: make({}) })) !== undefined
    )
}
/** Nothing with a line break or a NUL is taken by a rule for one line. */
const value = (given: string): void => {
  for (const [rule, takes] of Object.entries(whatIsTaken)) {
    const taken = takes(given)
    if (taken && !['others', 'list', 'namedUrls', 'networks'].includes(rule))
      must(!/[\r\n\0]/.test(given), `${rule} takes a line break`, given)
  }
}

const config = (content: string): void => {
  const source = readEnvFile(content).variables
  for (const read of [readHub, readSessionManager]) {
    const taken = accepted(() => read(source))
    if (taken === undefined) continue
    const shown = JSON.stringify(masked(taken))
    for (const [variable, secret] of Object.entries(taken))
      if (/TOKEN|SECRET/.test(variable) && typeof secret === 'string' && secret !== '')
        must(!shown.includes(secret), 'a secret is shown', variable)
  }
}

const readers = [file, file, file, filling, value, value, config]

export const fuzz = (bytes: Buffer): Promise<void> =>
  bounded(() => {
    const [kind = 0] = bytes
    readers[kind % readers.length]?.(bytes.subarray(1).toString())
  })
