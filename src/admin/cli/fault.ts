import { LeadMasterError } from '../../client/index.ts'
import { Fault } from './command.ts'
import type { Target } from './target.ts'

/** What went wrong in plain words, and what to do. undefined: it is a fault of this program. */
export const describeError = (error: unknown, target: Target | undefined): string | undefined => {
  if (error instanceof Fault) return error.message
  if (!(error instanceof LeadMasterError) || target === undefined) return undefined
  const { url, urlFrom, tokenFrom } = target
  switch (error.type) {
    case 'unreachable':
      return (
        `nobody answers at ${url} (from ${urlFrom}): does the hub run? systemctl status ` +
        'leadmaster-central-hub tells, ./scripts/up starts it, and leadmaster doctor finds ' +
        'what is wrong'
      )
    case 'unauthorized':
      return (
        `the hub at ${url} does not take the token from ${tokenFrom}: it must be the ` +
        `HUB_API_TOKEN of that hub's env file`
      )
    case 'unexpected-answer':
      return `what answers at ${url} (from ${urlFrom}) is not LeadMaster's hub (${error.message})`
    default: {
      const errors = error.errors.map(({ field, message }) => `${field}: ${message}`)
      return [error.message, ...errors].join('; ')
    }
  }
}
