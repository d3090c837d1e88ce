import type { Request } from '../../platform/http/http.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import type { Actor } from '../store/team/actor.ts'

declare module 'node:http' {
  interface IncomingMessage {
    /** Who makes the request; undefined where nobody has to be known. Set by access.ts. */
    actor?: Actor
  }
}

/** Who makes the request. @throws {ProblemError} unauthorized when nobody is known */
export const actorOf = ({ actor }: Pick<Request, 'actor'>): Actor => {
  if (actor !== undefined) return actor
  throw new ProblemError(
    'unauthorized',
    'send Authorization: Bearer with HUB_API_TOKEN or an API key, or sign in'
  )
}
