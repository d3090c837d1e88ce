import type { Kind } from './installation.ts'

/**
 * Settings of a unit with which its service does not work. systemd.exec(5),
 * systemd.resource-control(5)
 */

const MiB = 1024 ** 2

export interface Rule {
  /** The name in a unit file. */
  setting: string
  /** The name in `systemctl show`, where that is another one. */
  property?: string
  /** What is wrong with a value; undefined when the service works with it. */
  breaks(
    value: string,
    kind: Kind,
    properties: Readonly<Record<string, string>>
  ): string | undefined
  /** The value that overrides a wrong one in a drop-in that must not be changed. */
  undo(kind: Kind): string
}

const isYes = (value: string): boolean => value === 'yes'
const isBelow = (value: string, least: number): boolean =>
  /^\d+$/.test(value) && Number(value) < least
export const listed = (value: string | undefined): string[] =>
  (value ?? '').split(' ').filter(Boolean)
const everywhere = ['0.0.0.0/0', '::/0']
const hasNetworkOf = (prefixes: readonly string[], value: string | undefined): boolean =>
  listed(value).some((each) => prefixes.includes(each))

/** A limit that ends or hinders a service when it is too low. */
const limit = (setting: string, least: (kind: Kind) => number, effect: string): Rule => ({
  setting,
  breaks: (value, kind) => (isBelow(value, least(kind)) ? effect : undefined),
  undo: () => 'infinity'
})
const infinite = (): number => Number.POSITIVE_INFINITY

const noNetwork = (kind: Kind): string =>
  kind === 'session-manager'
    ? 'it can reach neither WhatsApp nor be reached by central-hub'
    : 'it can neither reach session-manager nor be reached by frontends'

const deniedAddresses = (
  value: string,
  kind: Kind,
  { IPAddressAllow }: Readonly<Record<string, string>>
): string | undefined => {
  const deniesAll = hasNetworkOf(everywhere, value)
  const allowsAll = hasNetworkOf(everywhere, IPAddressAllow)
  const allowsLoopback = allowsAll || hasNetworkOf(['127.0.0.0/8', '127.0.0.1/32'], IPAddressAllow)
  const deniesLoopback = deniesAll || hasNetworkOf(['127.0.0.0/8', '127.0.0.1/32'], value)
  if (deniesLoopback && !allowsLoopback)
    return 'it is cut off from the other services on this machine'
  return deniesAll && !allowsAll && kind === 'session-manager'
    ? 'it cannot reach WhatsApp'
    : undefined
}

const needed: Readonly<Record<Kind, { families: string[]; namespaces: string[] }>> = {
  'session-manager': {
    families: ['AF_UNIX', 'AF_INET', 'AF_NETLINK'],
    namespaces: ['user', 'pid', 'net']
  },
  'central-hub': { families: ['AF_UNIX', 'AF_INET'], namespaces: [] }
}

const lacksFamily = (value: string, kind: Kind): string | undefined => {
  if (value === '') return undefined
  const isDenied = (family: string): boolean =>
    value.startsWith('~')
      ? listed(value.slice(1)).includes(family)
      : !listed(value).includes(family)
  const missing = needed[kind].families.filter(isDenied)
  return missing.length > 0 ? `it may not use ${missing.join(', ')}` : undefined
}

const lacksNamespace = (value: string, kind: Kind): string | undefined => {
  if (value === '' || value === 'no' || needed[kind].namespaces.length === 0) return undefined
  const missing = needed[kind].namespaces.filter((each) => !listed(value).includes(each))
  return missing.length > 0
    ? `Chromium may make no namespace (${missing.join(', ')}), which its sandbox consists of`
    : undefined
}

const runsAsRoot: Readonly<Record<Kind, string>> = {
  'session-manager': 'it runs as root, where Chromium refuses to start with its sandbox',
  'central-hub': 'it runs as root, which it never needs'
}

const isOurProgram = (value: string, kind: Kind): boolean =>
  value === '' || value.includes(`/${kind}/main.js`)

export const rules: readonly Rule[] = [
  {
    setting: 'User',
    breaks: (value, kind) =>
      value === 'root' || value === '' || value === '0' ? runsAsRoot[kind] : undefined,
    undo: () => 'leadmaster'
  },
  {
    setting: 'DynamicUser',
    breaks: (value) =>
      isYes(value) ? 'systemd gives it another user and another state directory' : undefined,
    undo: () => 'no'
  },
  {
    setting: 'ExecStart',
    breaks: (value, kind) =>
      isOurProgram(value, kind) ? undefined : 'it starts another program than the service',
    undo: () => ''
  },
  {
    setting: 'Type',
    breaks: (value) =>
      value === 'notify' || value === '' ? undefined : 'systemd does not learn when it is ready',
    undo: () => 'notify'
  },
  {
    setting: 'PrivateNetwork',
    breaks: (value, kind) => (isYes(value) ? noNetwork(kind) : undefined),
    undo: () => 'no'
  },
  { setting: 'IPAddressDeny', breaks: deniedAddresses, undo: () => '' },
  {
    setting: 'RestrictAddressFamilies',
    breaks: lacksFamily,
    undo: (kind) => `AF_INET6 ${needed[kind].families.join(' ')}`
  },
  {
    setting: 'RestrictNamespaces',
    breaks: lacksNamespace,
    undo: (kind) => needed[kind].namespaces.join(' ') || 'yes'
  },
  {
    setting: 'MemoryDenyWriteExecute',
    breaks: (value) => (isYes(value) ? 'V8 may not compile, so Node cannot run' : undefined),
    undo: () => 'no'
  },
  {
    setting: 'RootDirectory',
    breaks: (value) =>
      value === '' || value === '/' ? undefined : 'it sees other files than those of this machine',
    undo: () => ''
  },
  limit('LimitNOFILE', () => 1_024, 'it may open too few files for its connections and Chromium'),
  limit('LimitFSIZE', infinite, 'it cannot write files beyond that size, such as its database'),
  limit('LimitAS', infinite, 'V8 and Chromium reserve more addresses than that'),
  limit('LimitDATA', infinite, 'V8 and Chromium need more memory than that'),
  limit('LimitCPU', infinite, 'it is killed once it has used that much time of the processor'),
  limit(
    'LimitNPROC',
    (kind) => (kind === 'session-manager' ? 512 : 64),
    'it may start too few threads'
  ),
  limit(
    'TasksMax',
    (kind) => (kind === 'session-manager' ? 200 : 24),
    'it may start too few threads'
  ),
  limit(
    'MemoryMax',
    (kind) => (kind === 'session-manager' ? 512 : 128) * MiB,
    'it is killed for memory'
  ),
  limit(
    'MemoryHigh',
    (kind) => (kind === 'session-manager' ? 512 : 128) * MiB,
    'it is slowed down for memory until it hardly runs'
  ),
  {
    setting: 'RuntimeMaxSec',
    property: 'RuntimeMaxUSec',
    breaks: (value) =>
      value === '' || value === 'infinity' ? undefined : 'systemd ends it after that time',
    undo: () => 'infinity'
  }
]

/** The properties that the rules need. */
export const confinement: readonly string[] = [
  ...rules.map(({ setting, property }) => property ?? setting),
  'IPAddressAllow',
  'Group'
]
