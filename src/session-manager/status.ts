import type { Status } from '../contract/session.ts'
import type { Session } from './session/session.ts'
import { otherThanPinned } from './session/web-versions.ts'

/** What `systemctl status` says of this account, without any personal data. */

const ofSession = (
  { status, reason, qrAttempt, nextAttemptAt, syncPercent, limited }: Session,
  now: number
): string => {
  const next =
    nextAttemptAt === undefined
      ? ''
      : `, next attempt in ${Math.max(0, Math.round((nextAttemptAt - now) / 1_000))} s`
  switch (status) {
    case 'INIT':
      return reason ?? 'starting WhatsApp Web'
    case 'QR_REQUIRED':
      return `awaiting QR scan (attempt ${qrAttempt})`
    case 'PASSKEY_REQUIRED':
      return reason ?? "WhatsApp asks for the account's passkey"
    case 'AUTHENTICATED':
      return `syncing${syncPercent === undefined ? '' : ` (${syncPercent} %)`}`
    case 'READY':
      return `session READY${[reason, limited].flatMap((but) => (but === undefined ? [] : [`, but ${but}`])).join('')}`
    default:
      return `session ${status}: ${reason ?? 'no reason given'}${next}`
  }
}

const ofPinned = ({ status, version }: Session, pinned: string): string => {
  const other = status === 'READY' ? otherThanPinned(pinned, version) : undefined
  if (other !== undefined) return `; ${other}`
  return pinned === '' ? '' : `; WhatsApp Web ${pinned} is pinned`
}

const ofForward = (forward: Status['forward']): string =>
  forward?.fault === undefined ? '' : `; ${forward.behind} records wait: ${forward.fault}`

/**
 * @param pinned the version of WhatsApp Web that is pinned, or ''
 * @param forward how far NATS is, if records are forwarded
 */
export const describeStatus = (
  { session, pinned, forward }: { session: Session; pinned: string; forward: Status['forward'] },
  now: number
): string => `${ofSession(session, now)}${ofPinned(session, pinned)}${ofForward(forward)}`
