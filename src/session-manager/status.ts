import type { Status } from '../contract/session.ts'
import { omitUndefined } from '../platform/omit-undefined.ts'
import type { Forwarding } from './cluster/forward.ts'
import type { Config } from './config.ts'
import type { Journal } from './journal/journal.ts'
import type { Recording } from './recording.ts'
import type { Connection } from './session/connection.ts'
import type { Session } from './session/session.ts'
import { otherThanPinned } from './session/web-versions.ts'

/** What `systemctl status` (one line) and `/status` (all of it) show about this account. */

const describeSession = (
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
    case 'READY': {
      const limits = [reason, limited].filter((limit) => limit !== undefined)
      return `session READY${limits.map((limit) => `, but ${limit}`).join('')}`
    }
    default:
      return `session ${status}: ${reason ?? 'no reason given'}${next}`
  }
}

const describePinned = ({ status, version }: Session, pinned: string): string => {
  const other = status === 'READY' ? otherThanPinned(pinned, version) : undefined
  if (other !== undefined) return `; ${other}`
  return pinned === '' ? '' : `; WhatsApp Web ${pinned} is pinned`
}

const describeUnwritable = (reason: string | undefined): string =>
  reason === undefined ? '' : `; the journal cannot be written: ${reason}`

const describeForward = (forward: Status['forward']): string =>
  forward?.fault === undefined ? '' : `; ${forward.behind} records wait: ${forward.fault}`

interface StatusFacts {
  session: Session
  unwritable?: string | undefined
  pinned: string
  forward: Status['forward']
}

/**
 * One line for `systemctl status`, without personal data.
 * @param unwritable why the journal cannot be written, if it cannot
 * @param pinned the version of WhatsApp Web that is pinned, or ''
 * @param forward how far NATS is, if records are forwarded
 */
export const describeStatus = (
  { session, unwritable, pinned, forward }: StatusFacts,
  now: number
): string =>
  describeSession(session, now) +
  describeUnwritable(unwritable) +
  describePinned(session, pinned) +
  describeForward(forward)

/** Calls back when the status may have changed. */
export class StatusChanges {
  readonly #listeners = new Set<() => void>()

  /** @returns what ends it */
  subscribe(onChange: () => void): () => void {
    this.#listeners.add(onChange)
    return () => this.#listeners.delete(onChange)
  }

  emit(): void {
    for (const onChange of this.#listeners) onChange()
  }
}

interface StatusSources {
  config: Config
  journal: Journal
  recording: Recording
  connection: Connection
  forwarding: Forwarding | undefined
}

const toIso = (ms: number): string => new Date(ms).toISOString()
const toIsoIfAny = (ms: number | undefined): string | undefined =>
  ms === undefined ? undefined : toIso(ms)

/** Reads the status of the daemon from its parts. */
export class StatusReader {
  readonly #sources: StatusSources

  constructor(sources: StatusSources) {
    this.#sources = sources
  }

  /** The line for `systemctl status`. */
  describe(address: string): string {
    const { config, connection, recording, forwarding } = this.#sources
    const facts = {
      session: connection.session(),
      unwritable: recording.writer.failure()?.reason,
      pinned: config.WEB_VERSION,
      forward: forwarding?.state()
    }
    return `listening on ${address}, ${describeStatus(facts, Date.now())}`
  }

  /** The body of `/status`. */
  read(): Status {
    const { config, journal, recording, connection, forwarding } = this.#sources
    const session = connection.session()
    const { status, limited, limits } = session
    const lastMessageAt = journal.lastMessageAt()
    const failure = recording.writer.failure()
    return omitUndefined({
      status,
      since: toIso(session.since),
      reason: failure ? `the journal cannot be written: ${failure.reason}` : session.reason,
      limited,
      limited_by: limited === undefined ? undefined : Object.keys(limits ?? {}),
      account: config.ACCOUNT,
      linked: journal.mark('linked_at') !== undefined,
      me: session.me,
      last_message_at: lastMessageAt === undefined ? undefined : toIso(lastMessageAt * 1_000),
      sync_percent: session.syncPercent,
      // While READY nothing fails. The session keeps the number for the next wait.
      failures: status === 'READY' ? 0 : session.failures,
      off: session.off || undefined,
      next_attempt_at: toIsoIfAny(session.nextAttemptAt),
      whatsapp_web_version: session.version,
      whatsapp_web_pinned: config.WEB_VERSION || undefined,
      outbound_blocked: connection.outboundBlocked(),
      guard: connection.guard(),
      journal: this.#journal(),
      media: this.#media(),
      backfill: this.#backfill(),
      forward: forwarding?.state()
    })
  }

  #journal(): Status['journal'] {
    const { journal } = this.#sources
    return omitUndefined({
      id: journal.id,
      last_seq: journal.lastSeq(),
      erasures: journal.latestErasure()
    })
  }

  #media(): Status['media'] {
    const { journal, recording } = this.#sources
    return omitUndefined({
      pending: journal.pendingMediaCount(),
      outage: recording.media.outage()
    })
  }

  #backfill(): Status['backfill'] {
    const { journal, recording } = this.#sources
    const { backfill } = recording
    return omitUndefined({
      running: backfill.running(),
      complete_until: toIsoIfAny(journal.mark('complete_until')),
      unread_chats: backfill.unreadChats(),
      unread_messages: backfill.unreadMessages()
    })
  }
}
