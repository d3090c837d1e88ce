import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Whether two secrets are equal, in a time that tells nothing of either, their lengths included. */
export const sameSecret = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b))

/** Whether a request carries `Authorization: Bearer <token>`, RFC 6750. */
export const hasBearer = (req: IncomingMessage, token: string): boolean => {
  const [, given] = /^Bearer +(\S+) *$/i.exec(req.headers.authorization ?? '') ?? []
  return given !== undefined && sameSecret(given, token)
}
