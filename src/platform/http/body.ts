import type { IncomingMessage } from 'node:http'
import type { Middleware } from 'polka'
import { once } from '../async.ts'
import { ProblemError } from './problem.ts'

const maxBodyBytes = 64 * 1024
export const tooLarge = (): ProblemError =>
  new ProblemError('payload-too-large', `the body may have at most ${maxBodyBytes} bytes`)
/**
 * No body of the API is nested so deeply. Code that walks through a body, such as JSON.stringify,
 * runs out of stack at some thousands of levels.
 */
const maxLevels = 64

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner)))

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

const isJson = ({ headers }: IncomingMessage): boolean =>
  /^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')

/**
 * For a route that takes JSON: a body of another type, or of none that is named, is refused.
 * Without a body nothing is.
 * @throws {ProblemError} unsupported-media-type
 */
export const requireJson = (req: IncomingMessage): void => {
  if (!hasBody(req) || isJson(req)) return
  if (req.headers['content-length'] === '0') return
  throw new ProblemError(
    'unsupported-media-type',
    'send the body as JSON, with Content-Type: application/json'
  )
}

/** body-parser refuses such a body, too, but only once the whole body has come. */
const saysTooMuch = (req: IncomingMessage): boolean =>
  Number(req.headers['content-length']) > maxBodyBytes && isJson(req)

/** Reads a JSON body, if there is one, into `req.body`. */
export const createReadBody = (): Middleware => {
  // with its table of media types it is much to load, and many requests have no body
  const parser = once(
    async () =>
      (await import('body-parser')).default.json({
        limit: maxBodyBytes,
        strict: true
      }) as unknown as Middleware
  )
  return async (req, res, next) => {
    if (!hasBody(req)) return next()
    if (saysTooMuch(req)) return next(tooLarge())
    const json = await parser()
    return json(req, res, (error) => {
      // A body that breaks off immediately, such as at a malformed chunk, is no body to
      // body-parser.
      if (error === undefined && !req.complete && isJson(req))
        return next(new ProblemError('bad-request', 'the body breaks off'))
      if (error === undefined && isDeeperThan(maxLevels, req.body))
        return next(
          new ProblemError('bad-request', `the body may be nested ${maxLevels} levels deep`)
        )
      return next(error)
    })
  }
}
