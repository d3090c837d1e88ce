import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

/** Whether a text is this secret, in a time that tells nothing of it, its length included. */
export const secretCheck = (secret: string): ((given: string) => boolean) => {
  const expected = digest(secret)
  return (given) => timingSafeEqual(digest(given), expected)
}

/** Whether two secrets are equal, in a time that tells nothing of either, their lengths included. */
export const sameSecret = (a: string, b: string): boolean => secretCheck(a)(b)

/** Whether a request carries `Authorization: Bearer <token>`, RFC 6750. */
export const bearerCheck = (token: string): ((req: IncomingMessage) => boolean) => {
  const isToken = secretCheck(token)
  return (req) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? []
    return given !== undefined && isToken(given)
  }
}

/** Whether a request carries `Authorization: Bearer <token>`, RFC 6750. */
export const hasBearer = (req: IncomingMessage, token: string): boolean => bearerCheck(token)(req)
