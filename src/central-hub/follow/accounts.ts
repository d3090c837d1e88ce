import type { Accounts, Status } from '../../contract/session.ts'
import type { Problem } from '../../contract/problem.ts'
import type { Readiness } from '../../contract/lead.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import type { Follower } from './follower.ts'
import type { Upstream } from './upstream.ts'

/** One session-manager that the hub follows. */
export interface Account {
  upstream: Upstream
  follower: Follower
  /** What it said last of its session, or why it cannot be asked. */
  session(): Status | Problem | undefined
}

/** The name of an account: the first one's is known only once it has told. */
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

type Following = ReturnType<Follower['state']>

/** How far the journal is followed, or why it is not. */
const followingInPlainWords = ({
  following,
  elsewhere,
  fault,
  seq,
  lastSeq
}: Following): string => {
  if (following) return `record ${seq} of ${lastSeq} taken`
  if (elsewhere === true) return 'another hub of the same database follows'
  return fault ?? 'the stream of the journal is not open yet'
}

/** Two checks an account; those of the first have plain names. */
export const accountChecks = (accounts: readonly Account[]): Readiness['checks'] =>
  accounts.flatMap(({ upstream, follower }) => {
    const state = follower.state()
    const { verified, following, elsewhere, fault, account } = state
    const of = upstream.account === undefined ? '' : ` ${upstream.account}`
    const wired = `session-manager of account ${account ?? '?'} answers at ${upstream.baseUrl}`
    return [
      {
        name: `session-manager${of}`,
        ok: verified,
        detail: verified ? wired : (fault ?? `asking ${upstream.baseUrl} who it is`)
      },
      {
        name: `following${of}`,
        ok: following || elsewhere === true,
        detail: followingInPlainWords(state)
      }
    ]
  })

const sessionInPlainWords = ({ status, limited, reason }: Status): string => {
  if (status === 'READY' && limited) return `session READY, but ${limited}`
  return status === 'ERROR' && reason ? `session ERROR: ${reason}` : `session ${status}`
}

/** What the hub does with a session-manager: the beginning of a sentence. */
const doing = ({ following, elsewhere }: Following): string => {
  if (following) return 'following'
  return elsewhere === true ? 'standing by for' : 'connecting to'
}

/** What `systemctl status` says of session-managers, without any personal data. */
export const accountsInPlainWords = (accounts: readonly Account[]): string =>
  accounts
    .map(({ upstream, follower, session }) => {
      const state = follower.state()
      if (state.fault !== undefined) return state.fault
      const now = session()
      const status = now !== undefined && 'journal' in now ? `, ${sessionInPlainWords(now)}` : ''
      return `${doing(state)} session-manager${upstream.account === undefined ? '' : ` ${upstream.account}`} at ${upstream.baseUrl}${status}`
    })
    .join('; ')
