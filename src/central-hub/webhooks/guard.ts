import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'
import { PlainError, reasonOf } from '../../platform/harmless.ts'
import { withTimeout } from '../../platform/async.ts'

/**
 * Keeps webhooks from reaching what only this machine or its network may reach (server-side request
 * forgery): whoever may set a URL must not get at a cloud's metadata service, a router or
 * session-manager through the hub. A name is refused if any of its addresses is not public, and a
 * connection goes to exactly an address that was checked, so that a name that changes in between
 * (DNS rebinding) gains nothing.
 */
export interface Guard {
  /** @throws {RefusedUrl} saying why nothing is posted to this URL */
  check(url: string): Promise<void>
  /**
   * @throws {RefusedUrl} when the URL's host is an address, for which no name is looked up, and is
   * not allowed
   */
  checkHost(url: URL): void
  /**
   * Whether a request goes by the proxy, if there is one: what WEBHOOK_PRIVATE_ADDRESSES allows is
   * reached directly. A name that this machine cannot look up is left to the proxy.
   * @throws {RefusedUrl} saying why nothing is posted to this URL
   */
  needsProxy(url: URL): Promise<boolean>
  /** For a socket to connect by: looks a name up, and gives none but checked addresses. */
  lookup: LookupFunction
}

/** A URL that nothing is posted to. Its message holds no more of the URL than the host. */
export class RefusedUrl extends PlainError {}

/** A name that cannot be looked up here. */
class UnknownName extends RefusedUrl {}

export interface GuardOptions {
  /** Networks that are allowed although they are not public, such as 10.0.0.0/8. */
  allowed: readonly string[]
  /** Where the setting stands, for messages. */
  envFile: string
  /** Requests go by a proxy, which looks names up where this machine cannot. */
  hasProxy?: boolean
  /** All addresses of a name; by default as the system has it. */
  resolve?: (name: string) => Promise<string[]>
}

type Address = IPv4 | IPv6

/** A look-up may take this long, ms. */
const lookupMs = 5_000

const inside = (address: Address, networks: readonly [Address, number][]): boolean =>
  networks.some(
    ([network, bits]) => network.kind() === address.kind() && address.match(network, bits)
  )

const globalUnicast = ipaddr.parseCIDR('2000::/3')
const nat64 = ipaddr.parseCIDR('64:ff9b::/96')

/** Where in an IPv6 address the IPv4 one begins, in bytes; undefined when it holds none. */
const embeddedAt = (address: Address): number | undefined => {
  if (inside(address, [nat64]) || address.range() === 'ipv4Mapped') return 12
  return address.range() === '6to4' ? 2 : undefined
}

/** The IPv4 address that an IPv6 one leads to: mapped, by NAT64 (RFC 6052) or 6to4 (RFC 3056). */
const embedded = (address: Address): IPv4 | undefined => {
  if (address.kind() === 'ipv4') return undefined
  const bytes = address.toByteArray()
  const start = embeddedAt(address)
  return start === undefined
    ? undefined
    : (ipaddr.fromByteArray(bytes.slice(start, start + 4)) as IPv4)
}

/** Whether anyone on the Internet could reach it as well. */
const isPublic = (address: Address): boolean => {
  const inner = embedded(address)
  if (inner !== undefined) return isPublic(inner)
  // of IPv6 nothing outside 2000::/3 is public, and in it Teredo, documentation and the like are
  // not
  return (
    address.range() === 'unicast' && (address.kind() === 'ipv4' || inside(address, [globalUnicast]))
  )
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** @throws {RefusedUrl} when it is not a URL that can be posted to */
const parseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new RefusedUrl('expected a URL that begins with http:// or https://')
  if (url.username !== '' || url.password !== '')
    throw new RefusedUrl(
      'a URL with a user or password in it is not taken: deliveries are signed, verify that instead'
    )
  if (url.port === '0') throw new RefusedUrl('port 0 is none')
  return url
}

const systemResolve = async (name: string): Promise<string[]> =>
  (await systemLookup(name, { all: true, verbatim: true })).map(({ address }) => address)

export const createGuard = ({
  allowed,
  envFile,
  hasProxy = false,
  resolve = systemResolve
}: GuardOptions): Guard => {
  const networks = allowed.map((network) => ipaddr.parseCIDR(network) as [Address, number])
  const isAllowed = (text: string): boolean => {
    const address = ipaddr.parse(text)
    const inner = embedded(address)
    return (
      isPublic(address) ||
      inside(address, networks) ||
      (inner !== undefined && inside(inner, networks))
    )
  }
  const refuse = (host: string, address: string): RefusedUrl => {
    const what =
      host === address ? `the address ${address}` : `${host} has the address ${address}, which`
    return new RefusedUrl(
      `${what} is not public: if it is to be reached, allow its network by WEBHOOK_PRIVATE_ADDRESSES in ${envFile}`
    )
  }

  const addressesOf = async (host: string): Promise<string[]> => {
    const addresses =
      isIP(host) !== 0
        ? [host]
        : await withTimeout(resolve(host), lookupMs).catch((error: NodeJS.ErrnoException) => {
            throw new UnknownName(
              `the name ${host} cannot be looked up (${error.code ?? reasonOf(error)})`
            )
          })
    if (addresses.length === 0) throw new UnknownName(`the name ${host} has no address`)
    const refused = addresses.find((address) => !isAllowed(address))
    if (refused !== undefined) throw refuse(host, refused)
    return addresses
  }

  const needsProxy = async (url: URL): Promise<boolean> => {
    try {
      const addresses = await addressesOf(hostOf(url))
      return addresses.every((address) => isPublic(ipaddr.parse(address)))
    } catch (error) {
      if (error instanceof UnknownName) return true
      throw error
    }
  }

  return {
    check: async (text) => {
      const url = parseUrl(text)
      if (hasProxy) await needsProxy(url)
      else await addressesOf(hostOf(url))
    },
    needsProxy,
    checkHost: (url) => {
      const host = hostOf(url)
      if (isIP(host) !== 0 && !isAllowed(host)) throw refuse(host, host)
    },
    lookup: (host, options, done) => {
      void addressesOf(host).then(
        (addresses) => {
          const found = addresses.map((address) => ({ address, family: isIP(address) }))
          const [first] = found as [(typeof found)[number]]
          if (options.all === true) done(null, found)
          else done(null, first.address, first.family)
        },
        (error: Error) => done(error, [])
      )
    }
  }
}
