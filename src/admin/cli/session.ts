import type { Client, Status } from '../../client/index.ts'
import { LeadMasterError } from '../../client/index.ts'
import { since, span } from '../text.ts'

/** A session with WhatsApp as a person reads it. */

/** The account as an option, to be pasted: the first one needs none. */
const option = (account: string | undefined): string =>
  account === undefined ? '' : ` --account ${account}`

/** @param account its name, if it must be named in a command */
export const sessionInWords = (session: Status, account?: string): string => {
  const {
    status,
    me,
    reason,
    sync_percent: percent,
    last_message_at: last,
    next_attempt_at: next
  } = session
  switch (status) {
    case 'READY':
      return [
        me?.phone ?? 'linked',
        `since ${since(session.since)}`,
        last === undefined ? 'no message yet' : `last message ${since(last)} ago`
      ].join(', ')
    case 'QR_REQUIRED':
      return `no phone is linked: leadmaster qr${option(account)}`
    case 'PASSKEY_REQUIRED':
      return (
        `WhatsApp asks for the passkey of the account: leadmaster qr${option(account)} leads ` +
        'through it'
      )
    case 'AUTHENTICATED':
      return (
        'linked, WhatsApp Web is ' +
        `syncing${percent === undefined ? '' : ` (${Math.round(percent)} %)`}`
      )
    case 'INIT':
      return 'Chromium is starting, or WhatsApp Web is loading'
    default:
      if (session.off === true)
        return `turned off on request: leadmaster connect${option(account)} turns it on`
      return `${reason ?? 'not connected'}${next === undefined ? '' : `; tried again in ${span(Date.parse(next) - Date.now())}`}`
  }
}

/**
 * What session-manager says of an account's session, or why it cannot be asked. @param account
 * undefined: the first one
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
