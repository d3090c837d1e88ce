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
 * Checks the hub's URLs: against HOST and PORT of the session-managers, and against who answers
 * there.
 */

const name = 'base URL'

/** Names that a session-manager answers to beside its own HOST. */
const loopbackNames = ['localhost', '127.0.0.1', '::1']
const wildcards = ['0.0.0.0', '::']

const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '')

/** Why a URL does not reach a session-manager of this machine; undefined when it does. */
const describeWrongUrl = (url: string, { name: manager, config }: Manager): string | undefined => {
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
    return `but ${manager} answers only to ${namesOf(HOST)} as its name (to others HTTP 421)`
  return `but ${manager} is to listen on ${HOST}:${PORT}`
}

const namesOf = (host: string): string => [...new Set(['localhost', '127.0.0.1', host])].join(', ')

const urlFor = ({ HOST, PORT }: NonNullable<Manager['config']>): string => urlOf(HOST, PORT)

const namedUrls = (urls: Readonly<Record<string, string>>): string =>
  Object.entries(urls)
    .map(([account, url]) => `${account}=${url}`)
    .join(',')

/** The hub whose URLs are checked against the files of the session-managers. */
interface Wiring {
  installation: Installation
  hub: Hub
  config: NonNullable<Hub['config']>
}

/** The command that sets a variable of the hub, or removes it when the value is empty. */
const changeHub = ({ installation, hub }: Wiring, variable: string, value: string): string => {
  const file = edited(hub)
  return andRestart(
    installation,
    value === '' ? removeVariable(file, variable) : setVariable(file, variable, value),
    hub
  )
}

const checkBaseUrl = (wiring: Wiring, first: Manager): Finding[] => {
  const { SESSION_MANAGER_BASE_URL: base } = wiring.config
  const error = describeWrongUrl(base, first)
  if (!first.config || error === undefined) return []
  const fix = changeHub(wiring, 'SESSION_MANAGER_BASE_URL', urlFor(first.config))
  return [fault(name, wiring.hub.name, `SESSION_MANAGER_BASE_URL=${base}, ${error}`, fix)]
}

const checkHubEnvFile = (wiring: Wiring): Finding[] => {
  const { hub, config } = wiring
  if (config.ENV_FILE === hub.envFile) return []
  return [
    fault(
      name,
      hub.name,
      `ENV_FILE=${config.ENV_FILE}, but its file is ${hub.envFile}: its messages name ` +
        'the wrong one',
      changeHub(wiring, 'ENV_FILE', hub.envFile)
    )
  ]
}

const sameAccount = (installation: Installation, manager: Manager, twin: Manager): Finding =>
  fault(
    name,
    manager.name,
    `ACCOUNT=${manager.config?.ACCOUNT} is also that of ${twin.name}`,
    andRestart(
      installation,
      setVariable(edited(manager), 'ACCOUNT', manager.instance ?? 'further'),
      manager
    )
  )

/** A session-manager beside the first one: FURTHER_SESSION_MANAGERS must name it. */
const checkFurther = (wiring: Wiring, manager: Manager): Finding[] => {
  const { installation, hub } = wiring
  if (!manager.config) return []
  const { ACCOUNT } = manager.config
  const twin = managers(installation).find(
    (other) => other !== manager && other.config?.ACCOUNT === ACCOUNT
  )
  if (twin) return [sameAccount(installation, manager, twin)]
  const urls = wiring.config.FURTHER_SESSION_MANAGERS
  const url = urls[ACCOUNT]
  const fix = changeHub(
    wiring,
    'FURTHER_SESSION_MANAGERS',
    namedUrls({ ...urls, [ACCOUNT]: urlFor(manager.config) })
  )
  if (url === undefined) {
    const detail = `FURTHER_SESSION_MANAGERS does not have ${ACCOUNT}`
    return [fault(name, hub.name, `${detail}: the hub does not follow ${manager.name}`, fix)]
  }
  const error = describeWrongUrl(url, manager)
  if (error === undefined) return []
  return [fault(name, hub.name, `FURTHER_SESSION_MANAGERS has ${ACCOUNT}=${url}, ${error}`, fix)]
}

/** URLs of this machine that belong to no session-manager. */
const checkLeftUrls = (wiring: Wiring): Finding[] => {
  const { installation, hub } = wiring
  const urls = wiring.config.FURTHER_SESSION_MANAGERS
  return Object.entries(urls).flatMap(([account, url]) => {
    const isLocal = ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(url).hostname)
    const mayExist = managers(installation).some(
      ({ config }) => config === undefined || config.ACCOUNT === account
    )
    if (!isLocal || mayExist) return []
    const { [account]: _gone, ...rest } = urls
    return [
      fault(
        name,
        hub.name,
        `FURTHER_SESSION_MANAGERS has ${account}=${url}, but no session-manager here has ` +
          `ACCOUNT=${account}`,
        changeHub(wiring, 'FURTHER_SESSION_MANAGERS', namedUrls(rest))
      )
    ]
  })
}

/** Compares the env files with each other. */
export const checkWiring: Check = async ({ installation, cause }) => {
  const [hub] = hubs(installation)
  if (!hub?.config) return []
  const wiring = { installation, hub, config: hub.config }
  const [first, ...further] = managers(installation)
  const ofFirst = first && !cause(first.name, 'port') ? checkBaseUrl(wiring, first) : []
  return [
    ...ofFirst,
    ...checkHubEnvFile(wiring),
    ...further.flatMap((manager) => checkFurther(wiring, manager)),
    ...checkLeftUrls(wiring)
  ]
}

/** HOST as a URL has it. */
const inUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host)

/** PUBLIC_URL of the hub: whether the hub answers to the name in its links. */
export const checkPublicUrl: Check = async ({ installation }) => {
  const [hub] = hubs(installation)
  if (!hub?.config || hub.config.PUBLIC_URL === '') return []
  const { PUBLIC_URL, ALLOWED_HOSTS, HOST } = hub.config
  const { hostname } = new URL(PUBLIC_URL)
  const answersTo = ['localhost', '127.0.0.1', '[::1]', inUrl(HOST), ...ALLOWED_HOSTS]
  if (answersTo.includes(hostname)) return []
  const detail =
    `PUBLIC_URL=${PUBLIC_URL}, but ALLOWED_HOSTS does not have ${hostname}: the hub refuses ` +
    'who follows its links (HTTP 421)'
  const fix = setVariable(edited(hub), 'ALLOWED_HOSTS', [...ALLOWED_HOSTS, hostname].join(','))
  return [fault('public URL', hub.name, detail, andRestart(installation, fix, hub))]
}

/** The session-manager of an account, and its answer. */
export interface Answered {
  manager: Manager | undefined
  identity: Identity
}

/** Asks who answers at each URL, as the hub does. */
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
      findings.push(await unidentified(host, installation, hub, manager, reasonOf(error)))
    }
  }
  await ask(base, undefined)
  for (const [account, url] of Object.entries(named)) await ask(url, account)
  return { findings, answered }
}

const unidentified = async (
  host: Host,
  installation: Installation,
  hub: Hub,
  manager: Manager | undefined,
  detail: string
): Promise<Finding> =>
  manager?.config
    ? restartFault(host, installation, name, manager, detail, hub)
    : note(name, hub.name, detail)
