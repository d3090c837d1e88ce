import { Compile } from 'typebox/compile'
import type { Readiness } from '../../contract/lead.ts'
import { InboundPage, type JournalRecord } from '../../contract/record.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Follower, FollowerOptions } from '../follow/follower.ts'
import type { StreamFollower } from './jetstream/follow-stream.ts'
import type { Identity, Upstream } from '../follow/upstream.ts'

/**
 * The requests to session-managers by HTTP that remain while their records come from NATS. Nothing
 * here loads NATS.
 */

/** The event stream after this record carries the session alone. */
const noRecord = Number.MAX_SAFE_INTEGER
/** As many records as fit into an answer, however long they are. */
const maxRecords = 50

/** @returns the options by which a follower follows the session alone */
export const sessionOnly = (
  upstream: FollowerOptions['upstream']
): Pick<FollowerOptions, 'upstream' | 'ingest' | 'cursor'> => {
  let identity: Identity | undefined
  return {
    upstream: {
      baseUrl: upstream.baseUrl,
      verify: async () => (identity = await upstream.verify()),
      open: (_after, signal) => upstream.open(noRecord, signal)
    },
    cursor: async (account) =>
      identity && {
        account,
        journalId: identity.status.journal.id,
        seq: identity.status.journal.last_seq
      },
    ingest: { take: async () => undefined }
  }
}

/** @returns the same follower, whose state says how the account's records come */
export const withStream = (
  follower: Follower,
  stream: StreamFollower,
  expectedAccount: string | undefined
): Follower => ({
  state: () => {
    const { fault: sessionFault, standby: _, ...session } = follower.state()
    const { found, fault: streamFault } = stream.state()
    const records = stream.account(session.account ?? expectedAccount ?? '') ?? {
      following: found,
      seq: 0,
      lastSeq: 0
    }
    const fault = sessionFault ?? streamFault ?? records.fault
    const { following, seq, lastSeq } = records
    return omitUndefined({
      ...session,
      following,
      seq,
      lastSeq,
      standby: found && !following && fault === undefined ? true : undefined,
      fault
    })
  },
  stop: () => follower.stop()
})

export const streamCheck = (stream: StreamFollower): Readiness['checks'][number] => {
  const { found, fault, accounts } = stream.state()
  return {
    name: 'nats',
    ok: found && fault === undefined,
    detail:
      fault ??
      (found
        ? `records of ${accounts} ${accounts === 1 ? 'account' : 'accounts'} come from NATS`
        : 'NATS is not connected yet')
  }
}

/**
 * Reads a part of session-manager's journal.
 * @returns undefined when session-manager has another journal
 * @throws {ProblemError} session-manager-unreachable, -invalid
 */
export const readJournal = async (
  upstream: Pick<Upstream, 'verify' | 'pass'>,
  journalId: string,
  after: number,
  limit: number
): Promise<readonly JournalRecord[] | undefined> => {
  if ((await upstream.verify()).status.journal.id !== journalId) return undefined
  const { body } = await upstream.pass({
    method: 'GET',
    path: `/inbound?after=${after}&limit=${Math.min(maxRecords, limit)}`
  })
  return Compile(InboundPage).Parse(JSON.parse(body.toString())).records
}
