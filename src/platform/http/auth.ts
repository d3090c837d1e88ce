import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

/**
 * Whether two secrets are equal, in a time that tells nothing of either, their lengths included.
 */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/**
 * As much of what is given is compared: more than a token has, so that one it is only the beginning
 * of differs.
 */
const comparedBytes = 512

/** The text, filled up with a byte that UTF-8 does not have. */
const filled = (into: Buffer, text: string): Buffer => {
  into.fill(0xff)
  into.write(text, 'utf8')
  return into
}

/** What a request carries as `Authorization: Bearer`, RFC 6750; undefined: nothing. */
export const bearerOf = ({ headers }: IncomingMessage): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]

/**
 * Whether a request carries `Authorization: Bearer <token>`, RFC 6750; compared as sameSecret does,
 * for less.
 */
export const bearerCheck = (token: string): ((req: IncomingMessage) => boolean) => {
  const size = Math.max(comparedBytes, Buffer.byteLength(token) + 1)
  const [expected, compared] = [filled(Buffer.alloc(size), token), Buffer.alloc(size)]
  return (req) => {
    const given = bearerOf(req)
    return given !== undefined && timingSafeEqual(filled(compared, given), expected)
  }
}
