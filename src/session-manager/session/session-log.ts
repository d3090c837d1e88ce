import type { Log } from '../../platform/log.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Session } from './session.ts'

/** Logs what became of the session, each thing once, in the words an operator needs. */
export const logSession = (log: Log, after: Session, before: Session, now: number): void => {
  if (after.limited !== before.limited && after.status === 'READY') {
    if (after.limited === undefined)
      log.info({ event: 'page_whole' }, 'WhatsApp Web has all that was missing in it')
    else log.warn({ event: 'page_limited', reason: after.limited }, `READY, but ${after.limited}`)
  }
  const { status, reason, failures, nextAttemptAt, off } = after
  if (status === before.status && reason === before.reason) return
  const line = omitUndefined({
    event: 'session',
    status,
    failures,
    reason,
    retry_ms: nextAttemptAt === undefined ? undefined : Math.max(0, nextAttemptAt - now)
  })
  const text = `session ${status}${reason === undefined ? '' : `: ${reason}`}`
  if (status === 'ERROR') log.error(line, text)
  else if ((status === 'DISCONNECTED' && !off) || after.passkey?.stage === 'failed')
    log.warn(line, text)
  else log.info(line, text)
}
