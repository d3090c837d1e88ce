import { lookup as systemLookup } from 'node:dns/promises'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js'
import { PlainError, reasonOf } from '../../platform/harmless.ts'
import { withTimeout } from '../../platform/async.ts'

/** A URL that nothing is posted to. Its message holds no more of the URL than the host. */
export class RefusedUrl extends PlainError {}

/** A name that cannot be looked up here. */
class UnknownName extends RefusedUrl {}

export interface SsrfGuardOptions {
  /** Networks that are allowed although they are not public, such as 10.0.0.0/8. */
  allowed: readonly string[]
  /** The file that has the setting, for messages. */
  envFile: string
  /** Whether requests go by a proxy, which looks up names that this machine cannot. */
  hasProxy?: boolean
  /** Gives all addresses of a name; by default, those of the system. */
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

/** At which byte of an IPv6 address its IPv4 address begins; undefined when it has none. */
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
  // Of IPv6 only 2000::/3 is public, without Teredo, documentation and the like.
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

/**
 * Keeps webhooks from reaching addresses that only this machine or its network may reach
 * (server-side request forgery). A person who may set a URL must not reach a cloud's metadata
 * service, a router or session-manager through the hub. A name is refused if any of its addresses
 * is not public. A connection goes to exactly an address that was checked, so a name that changes
 * in between (DNS rebinding) gains nothing.
 */
export class SsrfGuard {
  readonly #networks: readonly [Address, number][]
  readonly #envFile: string
  readonly #hasProxy: boolean
  readonly #resolve: (name: string) => Promise<string[]>

  constructor({ allowed, envFile, hasProxy = false, resolve = systemResolve }: SsrfGuardOptions) {
    this.#networks = allowed.map((network) => ipaddr.parseCIDR(network) as [Address, number])
    this.#envFile = envFile
    this.#hasProxy = hasProxy
    this.#resolve = resolve
  }

  /** @throws {RefusedUrl} saying why nothing is posted to this URL */
  async check(text: string): Promise<void> {
    const url = parseUrl(text)
    if (this.#hasProxy) await this.needsProxy(url)
    else await this.#addressesOf(hostOf(url))
  }

  /**
   * Whether a request goes by the proxy, if there is one. Networks of WEBHOOK_PRIVATE_ADDRESSES are
   * reached directly. A name that this machine cannot look up is left to the proxy.
   * @throws {RefusedUrl} saying why nothing is posted to this URL
   */
  async needsProxy(url: URL): Promise<boolean> {
    try {
      const addresses = await this.#addressesOf(hostOf(url))
      return addresses.every((address) => isPublic(ipaddr.parse(address)))
    } catch (error) {
      if (error instanceof UnknownName) return true
      throw error
    }
  }

  /**
   * Checks a URL whose host is an address, for which no name is looked up.
   * @throws {RefusedUrl} when the address is not allowed
   */
  checkHost(url: URL): void {
    const host = hostOf(url)
    if (isIP(host) !== 0 && !this.#isAllowed(host)) throw this.#refusal(host, host)
  }

  /**
   * Looks a name up for a socket, and gives only checked addresses. An arrow function, because it
   * is handed over as a callback.
   */
  readonly lookup: LookupFunction = (host, options, done) => {
    void this.#addressesOf(host).then(
      (texts) => {
        const addresses = texts.map((address) => ({ address, family: isIP(address) }))
        const [first] = addresses as [(typeof addresses)[number]]
        if (options.all === true) done(null, addresses)
        else done(null, first.address, first.family)
      },
      (error: Error) => done(error, [])
    )
  }

  async #addressesOf(host: string): Promise<string[]> {
    const addresses = isIP(host) !== 0 ? [host] : await this.#lookUp(host)
    if (addresses.length === 0) throw new UnknownName(`the name ${host} has no address`)
    const refused = addresses.find((address) => !this.#isAllowed(address))
    if (refused !== undefined) throw this.#refusal(host, refused)
    return addresses
  }

  #lookUp(host: string): Promise<string[]> {
    return withTimeout(this.#resolve(host), lookupMs).catch((error: NodeJS.ErrnoException) => {
      throw new UnknownName(
        `the name ${host} cannot be looked up (${error.code ?? reasonOf(error)})`
      )
    })
  }

  #isAllowed(text: string): boolean {
    const address = ipaddr.parse(text)
    const inner = embedded(address)
    return (
      isPublic(address) ||
      inside(address, this.#networks) ||
      (inner !== undefined && inside(inner, this.#networks))
    )
  }

  #refusal(host: string, address: string): RefusedUrl {
    const subject =
      host === address ? `the address ${address}` : `${host} has the address ${address}, which`
    return new RefusedUrl(
      `${subject} is not public: if it is to be reached, ` +
        `allow its network by WEBHOOK_PRIVATE_ADDRESSES in ${this.#envFile}`
    )
  }
}
