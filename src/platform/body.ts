import type { IncomingMessage } from 'node:http'
import bodyParser from 'body-parser'
import type { Middleware } from 'polka'
import { ProblemError } from './problem.ts'

export const maxBodyBytes = 64 * 1024
/** No body of ours is nested so deeply, and whatever walks through one, such as JSON.stringify, runs out of stack at some thousands. */
const maxLevels = 64

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === 'object' && value !== null && (levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner)))

const hasBody = ({ headers }: IncomingMessage): boolean => headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined

/** Reads a JSON body, if there is one, into `req.body`. */
export const createReadBody = (): Middleware => {
  const json = bodyParser.json({ limit: maxBodyBytes, strict: true }) as unknown as Middleware
  return (req, res, next) => {
    if (!hasBody(req)) return next()
    return json(req, res, (error) => {
      if (error === undefined && isDeeperThan(maxLevels, req.body)) return next(new ProblemError('bad-request', `the body may be nested ${maxLevels} levels deep`))
      return next(error)
    })
  }
}
