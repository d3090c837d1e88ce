import { makeValidator } from 'envalid'
import ipaddr from 'ipaddr.js'
import { isSupportedCountry, type CountryCode } from 'libphonenumber-js'

/**
 * What a variable of the environment may be: envalid's validators, whose errors say in plain words
 * what was expected.
 */

const expect =
  <T>(expected: string, parse: (text: string) => T | undefined) =>
  (text: string): T => {
    const value = text === '' ? undefined : parse(text)
    if (value === undefined) throw new Error(expected)
    return value
  }

const wholeNumber = (text: string, min: number, max: number): number | undefined => {
  const value = /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : undefined
  return value !== undefined && value >= min && value <= max ? value : undefined
}

/** Text that is not empty and has no control character or space at its ends. */
export const text = makeValidator<string>(
  expect('text that is not empty, without spaces at its ends', (value) =>
    value.trim() === value ? value : undefined
  )
)

/** An absolute path. */
export const path = makeValidator<string>(
  expect('an absolute path, such as /var/lib/leadmaster', (value) =>
    /^\/[^\0]*$/.test(value) ? value : undefined
  )
)

/** A short name: letters, digits, `-` and `_`. */
export const name = makeValidator<string>(
  expect('1 to 32 letters, digits, "-" or "_"', (value) =>
    /^[\w-]{1,32}$/.test(value) ? value : undefined
  )
)

/** A version of WhatsApp Web, as a page tells it. */
export const webVersion = makeValidator<string>(
  expect('a version of WhatsApp Web, such as 2.3000.1031521324', (value) =>
    /^\d{1,9}\.\d{1,9}\.\d{1,12}(-[a-z\d]{1,7})?$/.test(value) ? value : undefined
  )
)

/** A TCP port, 1 to 65535. */
export const port = makeValidator<number>(
  expect('a port, a whole number from 1 to 65535', (value) => wholeNumber(value, 1, 65_535))
)

/** A whole number of a range. */
export const whole = (min: number, max: number) =>
  makeValidator<number>(
    expect(`a whole number from ${min} to ${max}`, (value) => wholeNumber(value, min, max))
  )

/**
 * A secret of 32 to 512 visible ASCII characters, fit for `Authorization: Bearer` (RFC 6750 section
 * 2.1).
 */
export const token = makeValidator<string>(
  expect('32 to 512 letters, digits or any of -._~+/=', (value) =>
    /^[\w\-.~+/]{32,512}=*$/.test(value) ? value : undefined
  )
)

/** A country whose phone numbers are known: ISO 3166-1 alpha-2; empty when none is given. */
export const country = makeValidator<CountryCode | ''>(
  expect('the two letters of a country, such as MX', (value) =>
    isSupportedCountry(value) ? value : undefined
  )
)

/**
 * Beginnings of texts, separated by `|`: 1 to 50, each of 5 to 200 characters, so that none is what
 * anybody may write.
 */
export const beginnings = makeValidator<string[]>(
  expect(
    '1 to 50 beginnings of texts of 5 to 200 characters, separated by "|", ' +
      'such as Gracias por escribirnos|Estamos fuera',
    (value) => {
      const texts = value.split('|').map((text) => text.trim())
      return texts.length <= 50 && texts.every((text) => text.length >= 5 && text.length <= 200)
        ? texts
        : undefined
    }
  )
)

/** An IP address or host name to listen on. */
export const host = makeValidator<string>(
  expect('an IP address or host name to listen on, such as 127.0.0.1', (value) =>
    /^[A-Za-z0-9.:-]{1,253}$/.test(value) ? value : undefined
  )
)

/**
 * Where another program is reached: scheme, host and port, no path (the trailing slash may stay).
 */
export const baseUrl = makeValidator<string>(
  expect('a URL of scheme, host and port, such as http://127.0.0.1:3001', (value) =>
    toBaseUrl(value)
  )
)

/** Where people reach this service in their browsers: scheme, host and, if need be, port. */
export const publicUrl = makeValidator<string>(
  expect('a URL of scheme and host without a path, such as https://hub.example.com', (value) =>
    toBaseUrl(value)
  )
)

const toBaseUrl = (value: string): string | undefined => {
  // The URL parser alone would repair spaces, control characters, backslashes and missing slashes.
  const url =
    /^https?:\/\/[^\s\p{Cc}\\/?#@]+\/?$/iu.test(value) && URL.canParse(value)
      ? new URL(value)
      : undefined
  return url === undefined || url.port === '0' ? undefined : url.origin
}

/**
 * Text of a URL's user or password: every `%` begins an escape, and nothing in it is a control
 * character.
 */
const isEncoded = (part: string): boolean => {
  try {
    return !/\p{Cc}/u.test(decodeURIComponent(part))
  } catch {
    return false
  }
}

/** A proxy for HTTP: scheme, host and port, with user and password where the proxy wants them. */
export const proxyUrl = makeValidator<string>(
  expect(
    'a URL such as http://proxy.example.com:3128 or ' +
      'http://USER:PASSWORD@proxy.example.com:3128, with %40 for an @ in the password',
    (value) => {
      const url =
        /^https?:\/\/([^\s\p{Cc}\\/?#@]+@)?[^\s\p{Cc}\\/?#@]+\/?$/iu.test(value) &&
        URL.canParse(value)
          ? new URL(value)
          : undefined
      if (url === undefined || url.port === '0' || (url.username === '') !== (url.password === ''))
        return undefined
      return isEncoded(url.username) && isEncoded(url.password)
        ? value.replace(/\/$/, '')
        : undefined
    }
  )
)

/**
 * Where a database of PostgreSQL's is:
 * https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING-URIS, of which `sslmode`
 * and `sslrootcert` may be set.
 */
export const databaseUrl = makeValidator<string>(
  expect(
    'a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full',
    (value) => {
      const url =
        /^postgres(ql)?:\/\/[^\s\\\p{Cc}]+$/u.test(value) && URL.canParse(value)
          ? new URL(value)
          : undefined
      const known = [...(url?.searchParams.entries() ?? [])].every(
        ([name, given]) =>
          (name === 'sslmode' && /^(disable|require|verify-full)$/.test(given)) ||
          (name === 'sslrootcert' && given.startsWith('/'))
      )
      return url !== undefined &&
        url.hostname !== '' &&
        url.username !== '' &&
        /^\/[^/]+$/.test(url.pathname) &&
        url.hash === '' &&
        known
        ? value
        : undefined
    }
  )
)

/** A comma-separated list of what `item` accepts. */
export const list = (expected: string, item: RegExp) =>
  makeValidator<string[]>(
    expect(expected, (value) => {
      const items = value.split(',').map((part) => part.trim())
      return items.every((part) => item.test(part)) ? items : undefined
    })
  )

const isNetwork = (text: string): boolean =>
  text.includes('.') ? ipaddr.IPv4.isValidCIDRFourPartDecimal(text) : ipaddr.IPv6.isValidCIDR(text)

/** A comma-separated list of IP networks. */
export const networks = makeValidator<string[]>(
  expect('networks, separated by commas, such as 10.0.0.0/8,fd00::/8', (value) => {
    const items = value.split(',').map((part) => part.trim())
    return items.every(isNetwork) ? items : undefined
  })
)

/** Further programs by name: `sales=http://127.0.0.1:3002,support=http://127.0.0.1:3003`. */
export const namedUrls = makeValidator<Record<string, string>>(
  expect(
    'name=URL, separated by commas, each name once, such as sales=http://127.0.0.1:3002',
    (value) => {
      const urls: Record<string, string> = {}
      for (const part of value.split(',')) {
        const [, named, given = ''] = /^([\w-]{1,32})=(.*)$/.exec(part.trim()) ?? []
        const url = toBaseUrl(given)
        if (
          named === undefined ||
          url === undefined ||
          named in urls ||
          Object.values(urls).includes(url)
        )
          return undefined
        urls[named] = url
      }
      return urls
    }
  )
)

/** Where files are kept: a directory, or a bucket and what keys in it begin with. */
export const storeUrl = makeValidator<string>(
  expect('file:///DIRECTORY or s3://BUCKET/PREFIX', (value) =>
    /^(file:\/\/(\/[\w.~-]+)+|s3:\/\/[a-z0-9.-]{3,63}(\/[\w.~-]+)*)\/?$/.test(value)
      ? value.replace(/\/$/, '')
      : undefined
  )
)

const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A span of time such as `500ms`, `30s`, `5m`, `24h` or `90d`; gives ms. */
export const duration = (min: string, max: string) => {
  const parse = (value: string): number | undefined => {
    const [, digits, unit] = /^(\d{1,9})(ms|s|m|h|d)$/.exec(value) ?? []
    return digits === undefined
      ? undefined
      : Number(digits) * durationUnits[unit as keyof typeof durationUnits]
  }
  const [least = 0, most = Infinity] = [parse(min), parse(max)]
  return makeValidator<number>(
    expect(`a duration from ${min} to ${max}, such as 500ms, 30s, 5m or 24h`, (value) => {
      const ms = parse(value)
      return ms !== undefined && ms >= least && ms <= most ? ms : undefined
    })
  )
}

const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const

/** A size such as `512KiB` or `25MiB`; gives bytes. */
export const size = makeValidator<number>(
  expect('a size from 0B to 1GiB, such as 512KiB or 25MiB', (value) => {
    const [, digits, unit] = /^(\d{1,9})(B|KiB|MiB|GiB)$/.exec(value) ?? []
    const bytes =
      digits === undefined ? undefined : Number(digits) * sizeUnits[unit as keyof typeof sizeUnits]
    return bytes !== undefined && bytes <= 1024 ** 3 ? bytes : undefined
  })
)

/** One of a few words. */
export const oneOf = <T extends string>(...words: readonly T[]) =>
  makeValidator<T>(
    expect(`one of ${words.join(', ')}`, (value) => words.find((word) => word === value))
  )

/** Servers of NATS, each `nats://` or `tls://`, with user and password where they are wanted. */
export const natsServers = makeValidator<string[]>(
  expect('nats://HOST:PORT or tls://HOST:PORT, several separated by commas', (value) => {
    const servers = value.split(',').map((part) => part.trim())
    const areServers = servers.every(
      (server) => /^(nats|tls):\/\/([^\s/@]+@)?[^\s/?#@]+$/.test(server) && URL.canParse(server)
    )
    // The whole value is checked: a line break at an end would be trimmed.
    return areServers && !/\p{Cc}/u.test(value) ? servers : undefined
  })
)
