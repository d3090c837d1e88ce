import type { Accounts, Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Readiness } from '../../contract/lead.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Follower, FollowerState } from './follower.ts'
import type { Upstream } from './upstream.ts'

/** One session-manager that the hub follows. */
export interface Account {
  upstream: Upstream
  follower: Follower
  /** What session-manager said last of its session, or why it cannot be asked. */
  session(): Status | Problem | undefined
}

/** The name of an account. That of the first one is known once its session-manager has answered. */
export const accountName = ({ upstream, follower }: Account): string | undefined =>
  upstream.account ?? follower.state().account

/** The body of `GET /api/whatsapp/accounts`. */
export const listAccounts = (accounts: readonly Account[]): Accounts => ({
  accounts: accounts.map((account) => {
    const { verified, following, fault } = account.follower.state()
    return omitUndefined({
      account: accountName(account) ?? null,
      base_url: account.upstream.baseUrl,
      verified,
      following,
      fault
    })
  })
})

/** Says how far the journal is followed, or why it is not. */
const describeFollowing = ({ following, standby, fault, seq, lastSeq }: FollowerState): string => {
  if (following) return `record ${seq} of ${lastSeq} taken`
  if (standby === true) return 'another hub of the same database follows'
  return fault ?? 'the stream of the journal is not open yet'
}

/**
 * Whether the store has all that session-managers have captured, and how their sessions are: what
 * came while no hub ran is taken.
 */
export const isCurrent = (accounts: readonly Account[]): boolean =>
  accounts.every(({ follower, session }) => {
    const { following, standby, seq, lastSeq } = follower.state()
    return standby === true || (following && seq >= lastSeq && session() !== undefined)
  })

/** ` NAME` of an account of FURTHER_SESSION_MANAGERS, '' for the first one. */
const suffixOf = ({ account }: Upstream): string => (account === undefined ? '' : ` ${account}`)

/** Two checks for each account. Those of the first account have plain names. */
export const accountChecks = (accounts: readonly Account[]): Readiness['checks'] =>
  accounts.flatMap(({ upstream, follower }) => {
    const state = follower.state()
    const { verified, following, standby, fault, account } = state
    const suffix = suffixOf(upstream)
    const wired = `session-manager of account ${account ?? '?'} answers at ${upstream.baseUrl}`
    return [
      {
        name: `session-manager${suffix}`,
        ok: verified,
        detail: verified ? wired : (fault ?? `asking ${upstream.baseUrl} who it is`)
      },
      {
        name: `following${suffix}`,
        ok: following || standby === true,
        detail: describeFollowing(state)
      }
    ]
  })

const describeSession = ({ status, limited, reason }: Status): string => {
  if (status === 'READY' && limited) return `session READY, but ${limited}`
  return status === 'ERROR' && reason ? `session ERROR: ${reason}` : `session ${status}`
}

/** What the hub does with a session-manager: the beginning of a sentence. */
const describeActivity = ({ following, standby }: FollowerState): string => {
  if (following) return 'following'
  return standby === true ? 'standing by for' : 'connecting to'
}

/** The text that `systemctl status` shows of session-managers. It has no personal data. */
export const describeAccounts = (accounts: readonly Account[]): string =>
  accounts
    .map(({ upstream, follower, session }) => {
      const state = follower.state()
      if (state.fault !== undefined) return state.fault
      const now = session()
      const status = now !== undefined && 'journal' in now ? `, ${describeSession(now)}` : ''
      const name = `session-manager${suffixOf(upstream)}`
      return `${describeActivity(state)} ${name} at ${upstream.baseUrl}${status}`
    })
    .join('; ')
