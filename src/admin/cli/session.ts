import type { Client, Status } from '../../client/index.ts'
import { LeadMasterError } from '../../client/index.ts'
import { since, span } from '../text.ts'

/** The session with WhatsApp in plain words. */

/** The account as an option of a command. The first account needs no option. */
const option = (account: string | undefined): string =>
  account === undefined ? '' : ` --account ${account}`

/** @param account the name, when a command must name it */
export const sessionInWords = (session: Status, account?: string): string => {
  const {
    status,
    me,
    reason,
    limited,
    sync_percent: percent,
    last_message_at: last,
    next_attempt_at: next
  } = session
  switch (status) {
    case 'READY':
      return [
        me?.phone ?? 'linked',
        `since ${since(session.since)}`,
        last === undefined ? 'no message yet' : `last message ${since(last)} ago`,
        // what is not captured, and what works in part
        ...[reason, limited].flatMap((limit) => (limit === undefined ? [] : [`but ${limit}`]))
      ].join(', ')
    case 'QR_REQUIRED':
      return `no phone is linked: leadmaster qr${option(account)}`
    case 'PASSKEY_REQUIRED':
      return (
        `WhatsApp asks for the passkey of the account: leadmaster qr${option(account)} leads ` +
        'through it'
      )
    case 'AUTHENTICATED': {
      const progress = percent === undefined ? '' : ` (${Math.round(percent)} %)`
      return `linked, WhatsApp Web is syncing${progress}`
    }
    case 'INIT':
      return 'Chromium is starting, or WhatsApp Web is loading'
    default: {
      if (session.off === true)
        return `turned off on request: leadmaster connect${option(account)} turns it on`
      const wait = next === undefined ? undefined : span(Date.parse(next) - Date.now())
      return `${reason ?? 'not connected'}${wait === undefined ? '' : `; tried again in ${wait}`}`
    }
  }
}

/**
 * The session of an account, or why session-manager cannot be asked.
 * @param account undefined: the first account
 */
export const askSession = async (
  hub: Client,
  account: string | undefined,
  signal: AbortSignal
): Promise<Status | LeadMasterError> => {
  try {
    return await (account === undefined
      ? hub.getStatus({}, { signal })
      : hub.getAccountStatus({ account }, { signal }))
  } catch (error) {
    if (error instanceof LeadMasterError && error.type.startsWith('session-manager-')) return error
    throw error
  }
}
