import t from 'tap'
import { describeStatus } from '../../src/session-manager/status.ts'
import { initialSession, type Session } from '../../src/session-manager/session/session.ts'

const now = 1_700_000_000_000
const said = (
  session: Partial<Session>,
  more: Partial<Parameters<typeof describeStatus>[0]> = {}
): string =>
  describeStatus(
    { session: { ...initialSession(now), ...session }, pinned: '', forward: undefined, ...more },
    now
  )
const lost = { status: 'DISCONNECTED', reason: 'the page crashed' } as const

t.test('the session', async (t) => {
  const starting: Partial<Session> = { status: 'INIT' }
  for (const [session, words] of [
    [lost, 'session DISCONNECTED: the page crashed'],
    [
      { ...lost, nextAttemptAt: now + 2_400 },
      'session DISCONNECTED: the page crashed, next attempt in 2 s'
    ],
    [
      { ...lost, nextAttemptAt: now - 5_000 },
      'session DISCONNECTED: the page crashed, next attempt in 0 s'
    ],
    [{ status: 'ERROR', reason: 'Chromium exited' }, 'session ERROR: Chromium exited'],
    [{ status: 'QR_REQUIRED', qrAttempt: 3 }, 'awaiting QR scan (attempt 3)'],
    [{ status: 'AUTHENTICATED' }, 'syncing'],
    [{ status: 'AUTHENTICATED', syncPercent: 60 }, 'syncing (60 %)']
  ] as const) {
    t.equal(said(session), words)
  }
  const { reason: _, ...fresh } = initialSession(now)
  t.equal(
    describeStatus({ session: { ...fresh, ...starting }, pinned: '', forward: undefined }, now),
    'starting WhatsApp Web'
  )
  t.equal(
    said({ ...starting, reason: 'the account is run by another host' }),
    'the account is run by another host'
  )
  t.equal(
    describeStatus({ session: { ...fresh, status: 'READY' }, pinned: '', forward: undefined }, now),
    'session READY'
  )
  t.equal(
    said({
      status: 'READY',
      reason: 'messages are not told of',
      limited: 'votes are not captured'
    }),
    'session READY, but messages are not told of, but votes are not captured'
  )
  t.equal(
    describeStatus({ session: { ...fresh, status: 'ERROR' }, pinned: '', forward: undefined }, now),
    'session ERROR: no reason given'
  )
})

t.test('a journal that cannot be written', async (t) => {
  t.equal(
    said({ status: 'READY' }, { unwritable: 'the disk of /var/lib/leadmaster is full' }),
    'session READY, but not started yet; the journal cannot be written: the disk of /var/lib/leadmaster is full'
  )
})

t.test('a pinned version, and the page telling another', async (t) => {
  const pinned = '2.3000.1'
  t.equal(
    said(lost, { pinned }),
    'session DISCONNECTED: the page crashed; WhatsApp Web 2.3000.1 is pinned'
  )
  t.match(
    said({ status: 'READY', version: '2.3000.2' }, { pinned }),
    /; WhatsApp Web tells version 2\.3000\.2, though WEB_VERSION=2\.3000\.1 is pinned$/
  )
  t.match(
    said({ status: 'READY', version: pinned }, { pinned }),
    /; WhatsApp Web 2\.3000\.1 is pinned$/
  )
})

t.test('records that NATS has not', async (t) => {
  t.equal(said(lost, { forward: { seq: 1, behind: 0 } }), 'session DISCONNECTED: the page crashed')
  t.equal(
    said(lost, { forward: { seq: 1, behind: 4, fault: 'NATS does not answer' } }),
    'session DISCONNECTED: the page crashed; 4 records wait: NATS does not answer'
  )
})
