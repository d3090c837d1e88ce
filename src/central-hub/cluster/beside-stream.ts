import { Compile } from 'typebox/compile'
import type { Readiness } from '../../contract/lead.ts'
import { InboundPage, type JournalRecord } from '../../contract/record.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Follower, FollowerOptions } from '../follow/follower.ts'
import type { StreamFollower } from './jetstream/follow-stream.ts'
import type { Identity, Upstream } from '../follow/upstream.ts'

/**
 * What is still asked of session-managers by HTTP while their records come from NATS. Nothing here
 * loads NATS.
 */

/** After no record: the event stream then tells of the session alone. */
const noRecord = Number.MAX_SAFE_INTEGER
/** As many records as fit into an answer, however long they are. */
const maxAtOnce = 50

/** Follows the session alone: the options that differ. */
export const sessionOnly = (
  upstream: Upstream
): Pick<FollowerOptions, 'upstream' | 'ingest' | 'cursor'> => {
  let identity: Identity | undefined
  return {
    upstream: {
      ...upstream,
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

/** The same follower, with how the account's records come. */
export const withStream = (
  follower: Follower,
  stream: StreamFollower,
  named: string | undefined
): Follower => ({
  state: () => {
    const { fault: own, elsewhere: _, ...session } = follower.state()
    const { found, fault: whole } = stream.state()
    const records = stream.account(session.account ?? named ?? '') ?? {
      following: found,
      seq: 0,
      lastSeq: 0
    }
    const fault = own ?? whole ?? records.fault
    const { following, seq, lastSeq } = records
    return omitUndefined({
      ...session,
      following,
      seq,
      lastSeq,
      elsewhere: found && !following && fault === undefined ? true : undefined,
      fault
    })
  },
  stop: follower.stop
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
 * Reads a part of session-manager's journal; undefined when it has another journal by now. @throws
 * {ProblemError} session-manager-unreachable, -invalid
 */
export const readJournal = async (
  upstream: Upstream,
  journalId: string,
  after: number,
  limit: number
): Promise<readonly JournalRecord[] | undefined> => {
  if ((await upstream.verify()).status.journal.id !== journalId) return undefined
  const { body } = await upstream.pass({
    method: 'GET',
    path: `/inbound?after=${after}&limit=${Math.min(maxAtOnce, limit)}`
  })
  return Compile(InboundPage).Parse(JSON.parse(body.toString())).records
}
