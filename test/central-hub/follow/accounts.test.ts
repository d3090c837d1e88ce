import t from 'tap'
import { describeAccounts, type Account } from '../../../src/central-hub/follow/accounts.ts'
import type { Status } from '../../../src/contract/session.ts'
import { ProblemError } from '../../../src/platform/http/problem.ts'

/**
 * The line of `systemctl status`: whether the hub follows, and what is wrong with the session, in
 * the words of whoever knows.
 */

interface Facts {
  account?: string
  state?: Partial<ReturnType<Account['follower']['state']>>
  session?: ReturnType<Account['session']>
}

const baseUrl = 'http://127.0.0.1:3001'
const account = ({ account: name, state = {}, session }: Facts): Account => ({
  upstream: { baseUrl, ...(name === undefined ? {} : { account: name }) } as Account['upstream'],
  follower: {
    state: () => ({ verified: true, following: true, seq: 0, lastSeq: 0, ...state }),
    stop: async () => undefined
  },
  session: () => session
})
const said = (...facts: Facts[]): string => describeAccounts(facts.map(account))
const status = (is: Status['status'], more: Partial<Status> = {}): Status => ({
  status: is,
  since: '2026-01-01T00:00:00.000Z',
  account: 'main',
  linked: true,
  failures: 0,
  outbound_blocked: 0,
  journal: { id: 'j', last_seq: 0 },
  media: { pending: 0 },
  backfill: { running: false },
  ...more
})
const following = `following session-manager at ${baseUrl}`
const lacks = 'WhatsApp Web 2.3000.1 has changed: its module WALinkify is missing'

t.test(
  'a session that is well, or that gets well by itself, is its status and no more',
  async (t) => {
    for (const is of ['INIT', 'QR_REQUIRED', 'AUTHENTICATED', 'READY', 'DISCONNECTED'] as const)
      t.equal(said({ session: status(is) }), `${following}, session ${is}`)
    t.equal(
      said({ session: status('DISCONNECTED', { reason: 'WhatsApp is unreachable' }) }),
      `${following}, session DISCONNECTED`,
      'session-manager says the reason in its own line'
    )
  }
)

t.test('ERROR: the reason, for an operator should look at it', async (t) => {
  t.equal(
    said({ session: status('ERROR', { reason: lacks }) }),
    `${following}, session ERROR: ${lacks}`
  )
  t.equal(
    said({ session: status('ERROR') }),
    `${following}, session ERROR`,
    'without a reason nothing is left open behind a colon'
  )
})

t.test('READY, but not all works: what does not', async (t) => {
  t.equal(
    said({ session: status('READY', { limited: `${lacks}: media are not fetched` }) }),
    `${following}, session READY, but ${lacks}: media are not fetched`
  )
  t.equal(
    said({ session: status('DISCONNECTED', { limited: lacks }) }),
    `${following}, session DISCONNECTED`,
    'of a session that is not READY that is the least'
  )
  t.equal(
    said({
      session: status('ERROR', { reason: 'Chromium ended while it was starting', limited: lacks })
    }),
    `${following}, session ERROR: Chromium ended while it was starting`
  )
})

t.test('a session that is not known, or cannot be asked for, is left out', async (t) => {
  t.equal(said({ state: { following: false } }), `connecting to session-manager at ${baseUrl}`)
  t.equal(said({ session: new ProblemError('session-manager-unreachable').problem }), following)
})

t.test('another hub follows: this one stands by, and knows the session all the same', async (t) => {
  t.equal(
    said({
      state: { following: false, standby: true },
      session: status('ERROR', { reason: lacks })
    }),
    `standing by for session-manager at ${baseUrl}, session ERROR: ${lacks}`
  )
})

t.test('a wrong wiring comes before all: what was last known of the session is old', async (t) => {
  t.equal(
    said({
      state: { following: false, fault: 'nothing listens there' },
      session: status('ERROR', { reason: lacks })
    }),
    'nothing listens there'
  )
})

t.test('several accounts, each by its name; whose account it is stays out of it', async (t) => {
  const me = { id: '5215512345678@c.us', phone: '+5215512345678', name: 'Ana' }
  const text = said(
    { session: status('READY', { me }) },
    { account: 'sales', session: status('ERROR', { reason: lacks, me }) }
  )
  t.equal(
    text,
    `${following}, session READY; following session-manager sales at ${baseUrl}, session ERROR: ${lacks}`
  )
  t.notMatch(text, /5215512345678|Ana/)
})
