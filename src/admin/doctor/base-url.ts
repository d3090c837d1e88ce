import type { Identity } from '../../central-hub/follow/upstream.ts'
import { reasonOf } from '../../platform/harmless.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Asked, Check } from './check.ts'
import { edited } from './environment.ts'
import { fault, note, ok, skipped, type Finding } from './finding.ts'
import type { Host } from '../installation/host.ts'
import { meets } from '../installation/processes.ts'
import { urlOf } from '../installation/proposal.ts'
import { restartFault } from './restarting.ts'
import { removeVariable, setVariable } from '../installation/shell.ts'
import {
  andRestart,
  hubs,
  managers,
  type Hub,
  type Manager,
  type Installation
} from '../installation/installation.ts'

/**
 * The hub's URLs: against the session-managers' own HOST and PORT, and against who answers there.
 */

const name = 'base URL'

/** Names that a session-manager answers to beside its own HOST: it has no ALLOWED_HOSTS. */
const loopbackNames = ['localhost', '127.0.0.1', '::1']
const wildcards = ['0.0.0.0', '::']

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '')

/**
 * What keeps a URL from leading to a session-manager of this machine; undefined when nothing does.
 */
const astray = (url: string, { name: manager, config }: Manager): string | undefined => {
  if (!config) return undefined
  const { port, protocol } = new URL(url)
  const host = hostOf(url)
  const { HOST, PORT } = config
  const isThere = protocol === 'http:' && Number(port || 80) === PORT
  const isByLoopback =
    loopbackNames.includes(host) && (wildcards.includes(HOST) || loopbackNames.includes(HOST))
  const isOneFamily =
    host === 'localhost' ||
    HOST === 'localhost' ||
    HOST === '::' ||
    host.includes(':') === HOST.includes(':')
  if (
    isThere &&
    (host === HOST || config.ALLOWED_HOSTS.includes(host) || (isByLoopback && isOneFamily))
  )
    return undefined
  if (isThere && (meets(HOST, host) || HOST === 'localhost'))
    return (
      `but ${manager} answers only to ` +
      `${[...new Set(['localhost', '127.0.0.1', HOST])].join(', ')} as its name (to others ` +
      'HTTP 421)'
    )
  return `but ${manager} is to listen on ${HOST}:${PORT}`
}

const urlFor = ({ HOST, PORT }: NonNullable<Manager['config']>): string => urlOf(HOST, PORT)

const namedUrls = (urls: Readonly<Record<string, string>>): string =>
  Object.entries(urls)
    .map(([account, url]) => `${account}=${url}`)
    .join(',')

/** What the files say of one another. */
export const checkWiring: Check = async ({ installation, cause }) => {
  const [hub] = hubs(installation)
  if (!hub?.config) return []
  const file = edited(hub)
  const change = (variable: string, value: string): string =>
    andRestart(
      installation,
      value === '' ? removeVariable(file, variable) : setVariable(file, variable, value),
      hub
    )
  const findings: Finding[] = []
  const [first, ...further] = managers(installation)
  const { SESSION_MANAGER_BASE_URL: base, FURTHER_SESSION_MANAGERS: named } = hub.config
  const strays = first && !cause(first.name, 'port') ? astray(base, first) : undefined
  if (first?.config && strays !== undefined) {
    const mend = change('SESSION_MANAGER_BASE_URL', urlFor(first.config))
    findings.push(fault(name, hub.name, `SESSION_MANAGER_BASE_URL=${base}, ${strays}`, mend))
  }
  if (hub.config.ENV_FILE !== hub.envFile) {
    findings.push(
      fault(
        name,
        hub.name,
        `ENV_FILE=${hub.config.ENV_FILE}, but its file is ${hub.envFile}: its messages name ` +
          'the wrong one',
        change('ENV_FILE', hub.envFile)
      )
    )
  }
  for (const manager of further) {
    if (!manager.config) continue
    const { ACCOUNT } = manager.config
    const twin = managers(installation).find(
      (other) => other !== manager && other.config?.ACCOUNT === ACCOUNT
    )
    if (twin) {
      findings.push(
        fault(
          name,
          manager.name,
          `ACCOUNT=${ACCOUNT} is also that of ${twin.name}`,
          andRestart(
            installation,
            setVariable(edited(manager), 'ACCOUNT', manager.instance ?? 'further'),
            manager
          )
        )
      )
      continue
    }
    const url = named[ACCOUNT]
    const follow = change(
      'FURTHER_SESSION_MANAGERS',
      namedUrls({ ...named, [ACCOUNT]: urlFor(manager.config) })
    )
    const wrong = url === undefined ? undefined : astray(url, manager)
    if (url === undefined)
      findings.push(
        fault(
          name,
          hub.name,
          `FURTHER_SESSION_MANAGERS does not have ${ACCOUNT}: the hub does not follow ` +
            `${manager.name}`,
          follow
        )
      )
    else if (wrong !== undefined)
      findings.push(
        fault(name, hub.name, `FURTHER_SESSION_MANAGERS has ${ACCOUNT}=${url}, ${wrong}`, follow)
      )
  }
  for (const [account, url] of Object.entries(named)) {
    const local = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
    if (
      !local ||
      managers(installation).some(
        ({ config }) => config === undefined || config.ACCOUNT === account
      )
    )
      continue
    const { [account]: _gone, ...rest } = named
    findings.push(
      fault(
        name,
        hub.name,
        `FURTHER_SESSION_MANAGERS has ${account}=${url}, but no session-manager here has ` +
          `ACCOUNT=${account}`,
        change('FURTHER_SESSION_MANAGERS', namedUrls(rest))
      )
    )
  }
  return findings
}

/** The session-manager of one account as it answered. */
export interface Answered {
  manager: Manager | undefined
  identity: Identity
}

/** Who answers, as the hub would ask. */
export const checkIdentities = async ({
  host,
  installation,
  cause
}: Asked): Promise<{ findings: Finding[]; answered: Answered[] }> => {
  const [hub] = hubs(installation)
  if (!hub?.config) return { findings: [], answered: [] }
  const {
    SESSION_MANAGER_BASE_URL: base,
    FURTHER_SESSION_MANAGERS: named,
    SESSION_MANAGER_TOKEN: token
  } = hub.config
  const findings: Finding[] = []
  const answered: Answered[] = []
  const ask = async (url: string, account: string | undefined): Promise<void> => {
    const manager =
      account === undefined
        ? managers(installation)[0]
        : managers(installation).find(({ config }) => config?.ACCOUNT === account)
    const because = (manager && cause(manager.name)) ?? cause(hub.name, 'env file', name, 'port')
    if (because) return void findings.push(skipped(name, hub.name, because))
    try {
      const identity = await host.identify(
        omitUndefined({
          baseUrl: url,
          token,
          envFile: hub.envFile,
          account,
          others: account === undefined ? Object.keys(named) : undefined
        })
      )
      if (manager?.config && identity.account !== manager.config.ACCOUNT) {
        const detail =
          `session-manager at ${url} is of account ${identity.account}, not ` +
          `${manager.config.ACCOUNT} as ${manager.envFile} says`
        findings.push(await restartFault(host, installation, name, manager, detail, hub))
        return
      }
      findings.push(
        ok(name, hub.name, `session-manager of account ${identity.account} answers at ${url}`)
      )
      answered.push({ manager, identity })
    } catch (error) {
      findings.push(await stranger(host, installation, hub, manager, reasonOf(error)))
    }
  }
  await ask(base, undefined)
  for (const [account, url] of Object.entries(named)) await ask(url, account)
  return { findings, answered }
}

const stranger = async (
  host: Host,
  installation: Installation,
  hub: Hub,
  manager: Manager | undefined,
  said: string
): Promise<Finding> =>
  manager?.config
    ? restartFault(host, installation, name, manager, said, hub)
    : note(name, hub.name, said)
