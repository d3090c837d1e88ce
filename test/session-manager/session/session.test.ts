import fc from 'fast-check'
import t from 'tap'
import type { PasskeyState } from '../../../src/session-manager/whatsapp/passkey-state.ts'
import {
  backoff,
  initialSession,
  refusedBackoff,
  step,
  type Effect,
  type Policy,
  type Session,
  type SessionEvent
} from '../../../src/session-manager/session/session.ts'
import { propertyRuns } from '../../property-runs.ts'

const policy: Policy = {
  startTimeoutMs: 90_000,
  readyTimeoutMs: 180_000,
  minDelayMs: 2_000,
  maxDelayMs: 300_000,
  random: () => 1
}
const me = { id: '5215512345678@c.us', phone: '+5215512345678' }
const now = 1_000_000

const connect: SessionEvent = { type: 'connect' }
const disconnect: SessionEvent = { type: 'disconnect' }
const retry: SessionEvent = { type: 'retry' }
const waiting: SessionEvent = { type: 'waiting', reason: 'another host has it' }
const acquired: SessionEvent = { type: 'acquired' }
const qr: SessionEvent = { type: 'qr', code: 'code' }
const passkey: SessionEvent = {
  type: 'passkey',
  passkey: { stage: 'challenge', since: now, expiresAt: now + 600_000 }
}
const passkeyFailed: SessionEvent = {
  type: 'passkey',
  passkey: { stage: 'failed', since: now, failure: 'nobody answered in time' }
}
const passkeyOver: SessionEvent = { type: 'passkey', passkey: undefined }
const syncing: SessionEvent = { type: 'syncing', percent: 40 }
const authenticated: SessionEvent = { type: 'authenticated' }
const ready: SessionEvent = { type: 'ready', me, version: '2.3000.1' }
const socket = (state: string): SessionEvent => ({ type: 'socket', state })
const lost: SessionEvent = { type: 'lost', reason: 'Chromium exited', fault: false }
const fault: SessionEvent = { type: 'lost', reason: 'WhatsApp Web has changed', fault: true }
const logout: SessionEvent = { type: 'logout' }
const overdue: SessionEvent = { type: 'overdue' }
const stalled: SessionEvent = { type: 'stalled', reason: 'messages are not told of' }
const flowing: SessionEvent = { type: 'stalled', reason: undefined }
const limited: SessionEvent = {
  type: 'limited',
  source: 'page',
  reason: 'WhatsApp Web has changed: media are not fetched'
}
const whole: SessionEvent = { type: 'limited', source: 'page', reason: undefined }
const reload: SessionEvent = {
  type: 'reload',
  reason: 'messages are not told of: loading the page anew'
}

/** The session after these events, a second apart. */
const after = (...events: SessionEvent[]): Session =>
  events.reduce(
    (session, event, index) => step(session, event, now + index * 1_000, policy).session,
    initialSession(now)
  )

const does = (effects: Effect[]): string =>
  effects
    .map((effect) => ('afterMs' in effect ? `${effect.do} ${effect.afterMs}` : effect.do))
    .join(', ') || 'nothing'

const fresh = initialSession(now)
const states = {
  'not started': fresh,
  INIT: after(connect),
  QR_REQUIRED: after(connect, qr),
  PASSKEY_REQUIRED: after(connect, qr, passkey),
  AUTHENTICATED: after(connect, authenticated),
  READY: after(connect, ready),
  'healing itself': after(connect, ready, socket('TIMEOUT')),
  'lost, retry due': after(connect, lost),
  'fault, retry due': after(connect, fault),
  'off on request': after(connect, disconnect)
} satisfies Record<string, Session>

const same = 'same'
const start = 'cancel-retry, start, deadline 90000'
const fail = 'cancel-deadline, stop, retry'

t.test('the table of transitions', async (t) => {
  // from, event, status after, effects
  const table: [keyof typeof states, SessionEvent, string, string][] = [
    ['not started', connect, 'INIT', start],
    ['not started', retry, 'INIT', start],
    ['not started', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],

    ['INIT', connect, same, 'nothing'],
    ['INIT', retry, same, 'nothing'],
    ['INIT', waiting, 'INIT', 'cancel-deadline'],
    ['INIT', acquired, 'INIT', 'deadline 90000'],
    ['INIT', qr, 'QR_REQUIRED', 'cancel-deadline'],
    ['INIT', syncing, 'AUTHENTICATED', 'deadline 180000'],
    ['INIT', authenticated, 'AUTHENTICATED', 'deadline 180000'],
    ['INIT', ready, 'READY', 'cancel-deadline, backfill'],
    ['INIT', socket('TIMEOUT'), same, 'nothing'],
    ['INIT', socket('CONNECTED'), same, 'nothing'],
    ['INIT', lost, 'DISCONNECTED', `${fail} 2000`],
    ['INIT', fault, 'ERROR', `${fail} 2000`],
    ['INIT', overdue, 'DISCONNECTED', `${fail} 2000`],
    ['INIT', logout, 'DISCONNECTED', 'cancel-deadline, stop, delete-device, retry 0'],
    ['INIT', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],

    ['QR_REQUIRED', qr, 'QR_REQUIRED', 'cancel-deadline'],
    ['QR_REQUIRED', connect, same, 'nothing'],
    ['QR_REQUIRED', syncing, 'AUTHENTICATED', 'deadline 180000'],
    ['QR_REQUIRED', authenticated, 'AUTHENTICATED', 'deadline 180000'],
    ['QR_REQUIRED', ready, 'READY', 'cancel-deadline, backfill'],
    ['QR_REQUIRED', lost, 'DISCONNECTED', `${fail} 2000`],
    ['QR_REQUIRED', logout, 'DISCONNECTED', 'cancel-deadline, stop, delete-device, retry 0'],
    ['QR_REQUIRED', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],

    ['INIT', passkey, 'PASSKEY_REQUIRED', 'cancel-deadline'],
    ['INIT', passkeyOver, same, 'nothing'],
    ['QR_REQUIRED', passkey, 'PASSKEY_REQUIRED', 'cancel-deadline'],
    ['QR_REQUIRED', passkeyOver, same, 'nothing'],
    ['PASSKEY_REQUIRED', qr, same, 'nothing'],
    ['PASSKEY_REQUIRED', connect, same, 'nothing'],
    ['PASSKEY_REQUIRED', passkeyFailed, 'PASSKEY_REQUIRED', 'cancel-deadline'],
    ['PASSKEY_REQUIRED', passkeyOver, 'INIT', 'deadline 90000'],
    ['PASSKEY_REQUIRED', authenticated, 'AUTHENTICATED', 'deadline 180000'],
    ['PASSKEY_REQUIRED', syncing, 'AUTHENTICATED', 'deadline 180000'],
    ['PASSKEY_REQUIRED', ready, 'READY', 'cancel-deadline, backfill'],
    ['PASSKEY_REQUIRED', lost, 'DISCONNECTED', `${fail} 2000`],
    ['PASSKEY_REQUIRED', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],
    ['AUTHENTICATED', passkey, same, 'nothing'],
    ['READY', passkey, same, 'nothing'],
    ['READY', passkeyOver, same, 'nothing'],
    ['off on request', passkey, same, 'nothing'],

    ['AUTHENTICATED', qr, same, 'nothing'],
    ['AUTHENTICATED', syncing, 'AUTHENTICATED', 'deadline 180000'],
    ['AUTHENTICATED', authenticated, 'AUTHENTICATED', 'deadline 180000'],
    ['AUTHENTICATED', ready, 'READY', 'cancel-deadline, backfill'],
    ['AUTHENTICATED', socket('TIMEOUT'), same, 'nothing'],
    ['AUTHENTICATED', overdue, 'ERROR', `${fail} 2000`],
    ['AUTHENTICATED', lost, 'DISCONNECTED', `${fail} 2000`],
    ['AUTHENTICATED', logout, 'DISCONNECTED', 'cancel-deadline, stop, delete-device, retry 0'],

    ['READY', waiting, same, 'nothing'],
    ['READY', acquired, same, 'nothing'],
    ['READY', ready, 'READY', 'cancel-deadline, backfill'],
    ['READY', qr, same, 'nothing'],
    ['READY', syncing, same, 'nothing'],
    ['READY', authenticated, same, 'nothing'],
    ['READY', connect, same, 'nothing'],
    ['READY', retry, same, 'nothing'],
    ['READY', socket('CONNECTED'), same, 'nothing'],
    ['READY', socket('OPENING'), 'DISCONNECTED', 'deadline 90000'],
    ['READY', socket('PAIRING'), 'DISCONNECTED', 'deadline 90000'],
    ['READY', socket('TIMEOUT'), 'DISCONNECTED', 'deadline 90000'],
    ['READY', socket('UNLAUNCHED'), 'DISCONNECTED', 'deadline 90000'],
    ['READY', socket('SOMETHING_NEW'), same, 'nothing'],
    ['READY', lost, 'DISCONNECTED', `${fail} 2000`],
    ['READY', fault, 'ERROR', `${fail} 2000`],
    ['READY', logout, 'DISCONNECTED', 'cancel-deadline, stop, delete-device, retry 0'],
    ['READY', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],

    ['healing itself', socket('CONNECTED'), 'READY', 'cancel-deadline, backfill'],
    ['healing itself', socket('OPENING'), same, 'nothing'],
    ['healing itself', ready, 'READY', 'cancel-deadline, backfill'],
    ['healing itself', connect, same, 'nothing'],
    ['healing itself', qr, same, 'nothing'],
    ['healing itself', overdue, 'DISCONNECTED', `${fail} 2000`],
    ['healing itself', lost, 'DISCONNECTED', `${fail} 2000`],

    ['lost, retry due', retry, 'INIT', start],
    ['lost, retry due', connect, 'INIT', start],
    ['lost, retry due', disconnect, 'DISCONNECTED', 'cancel-retry, cancel-deadline, stop'],
    ['fault, retry due', retry, 'INIT', start],
    ['fault, retry due', connect, 'INIT', start],

    ['READY', stalled, 'READY', 'nothing'],
    ['READY', flowing, same, 'nothing'],
    ['READY', limited, 'READY', 'nothing'],
    ['READY', whole, same, 'nothing'],
    ['READY', reload, 'INIT', 'reload, deadline 90000'],
    ['INIT', stalled, same, 'nothing'],
    ['AUTHENTICATED', reload, same, 'nothing'],
    ['healing itself', reload, same, 'nothing'],
    ['lost, retry due', reload, same, 'nothing'],

    ['off on request', connect, 'INIT', start],
    ['off on request', retry, same, 'nothing'],
    ['off on request', disconnect, same, 'nothing']
  ]
  for (const [from, event, status, effects] of table) {
    const name =
      event.type === 'socket' ? `socket ${event.state}` : event === fault ? 'a fault' : event.type
    t.test(`${from}: ${name}`, async (t) => {
      const result = step(states[from], event, now + 5_000, policy)
      if (status === same) t.equal(result.session, states[from], 'nothing changes')
      else t.equal(result.session.status, status)
      t.equal(does(result.effects), effects)
    })
  }
})

t.test('what a start waits for is its reason, until it may go on', async (t) => {
  t.match(after(connect, waiting), { status: 'INIT', since: now, reason: 'another host has it' })
  t.notOk('reason' in after(connect, waiting, acquired))
})

t.test('late events of a browser that is gone change nothing', async (t) => {
  for (const from of [
    'not started',
    'lost, retry due',
    'fault, retry due',
    'off on request'
  ] as const) {
    for (const event of [
      waiting,
      acquired,
      qr,
      syncing,
      authenticated,
      ready,
      socket('CONNECTED'),
      socket('TIMEOUT'),
      limited,
      lost,
      fault,
      logout,
      overdue
    ]) {
      const result = step(states[from], event, now + 5_000, policy)
      t.equal(result.session, states[from], `${from}: ${event.type}`)
      t.same(result.effects, [])
    }
  }
})

t.test('what a status carries', async (t) => {
  t.test(
    'QR_REQUIRED: the code, when it was made and when it ends, and how many there were',
    async (t) => {
      const first = step(states.INIT, qr, now, policy).session
      t.same(first.qr, { code: 'code', generatedAt: now, expiresAt: now + 60_000 })
      t.equal(first.qrAttempt, 1)
      const second = step(first, { type: 'qr', code: 'other' }, now + 60_000, policy).session
      t.same(second.qr, { code: 'other', generatedAt: now + 60_000, expiresAt: now + 80_000 })
      t.equal(second.qrAttempt, 2)
      const asked = step(second, { type: 'qr-renewal' }, now + 81_000, policy).session
      const renewed = step(asked, { type: 'qr', code: 'third' }, now + 82_000, policy).session
      t.same(
        renewed.qr,
        { code: 'third', generatedAt: now + 82_000, expiresAt: now + 142_000 },
        'the first of a new row'
      )
      const after = step(renewed, { type: 'qr', code: 'fourth' }, now + 142_000, policy).session
      t.match(after.qr, { expiresAt: now + 162_000 }, 'the others last 20 s again')
      t.equal(second.since, first.since, 'it is still the same wait')
      t.equal(
        step(step(second, lost, now, policy).session, retry, now, policy).session.qrAttempt,
        0,
        'a new browser counts anew'
      )
    }
  )
  t.test('AUTHENTICATED: how far the sync is, and only then', async (t) => {
    const session = step(states.AUTHENTICATED, syncing, now, policy)
    t.equal(session.session.syncPercent, 40)
    t.equal(
      step(session.session, syncing, now, policy).session,
      session.session,
      'the same figure twice is no progress'
    )
    t.same(step(session.session, syncing, now, policy).effects, [], 'and moves no deadline')
    t.notOk('syncPercent' in step(session.session, ready, now, policy).session)
  })
  t.test(
    'READY: whose account it is and which WhatsApp Web; no reason, no code, no next attempt',
    async (t) => {
      const session = after(connect, lost, retry, qr, syncing, ready)
      t.match(session, { status: 'READY', me, version: '2.3000.1', qrAttempt: 0 })
      for (const key of ['reason', 'qr', 'nextAttemptAt', 'syncPercent'])
        t.notOk(key in session, key)
    }
  )
  t.test(
    'READY, but messages are not told of: the reason, while it is so, and while the page is loaded anew',
    async (t) => {
      const session = after(connect, ready, stalled)
      t.match(session, {
        status: 'READY',
        reason: 'messages are not told of',
        since: states.READY.since
      })
      t.equal(step(session, stalled, now, policy).session, session)
      t.same(step(session, flowing, now, policy).session, states.READY)
      const loading = step(session, reload, now + 9_000, policy).session
      t.match(loading, {
        status: 'INIT',
        reason: 'messages are not told of: loading the page anew',
        running: true,
        since: now + 9_000
      })
      t.notOk('reason' in step(loading, ready, now, policy).session)
    }
  )
  t.test(
    'READY, but not all works: what not, until all does; it is READY all the same',
    async (t) => {
      const session = after(connect, ready, limited)
      const lacks = 'WhatsApp Web has changed: media are not fetched'
      t.same(
        session,
        { ...states.READY, limited: lacks, limits: { page: lacks } },
        'neither the status nor since when, and no reason: messages are captured'
      )
      t.equal(step(session, limited, now, policy).session, session, 'the same again is nothing new')
      t.match(
        step(
          session,
          { type: 'limited', source: 'page', reason: 'reactions are not told of' },
          now,
          policy
        ).session,
        { limited: 'reactions are not told of' }
      )
      t.same(step(session, whole, now, policy).session, states.READY, 'nothing is left of it')
      t.match(
        step(session, stalled, now, policy).session,
        { reason: 'messages are not told of', limited: session.limited },
        'a stall is another matter'
      )
      const healed = [socket('TIMEOUT'), socket('CONNECTED')].reduce(
        (before, event) => step(before, event, now, policy).session,
        session
      )
      t.match(
        healed,
        { status: 'READY', limited: session.limited },
        'the page that lacks it is still the same'
      )
    }
  )
  t.test('limits of several sources are shown together, and each goes by itself', async (t) => {
    const unread = '1 chat cannot be read'
    const both = after(connect, ready, limited, {
      type: 'limited',
      source: 'backfill',
      reason: unread
    })
    t.equal(both.limited, `WhatsApp Web has changed: media are not fetched; ${unread}`)

    const one = step(both, whole, now, policy).session
    t.equal(one.limited, unread)
    const none = step(one, { type: 'limited', source: 'backfill', reason: undefined }, now, policy)
    t.same(none.session, states.READY)
  })
  t.test('what does not work goes with the page that lacks it', async (t) => {
    const session = after(connect, ready, limited)
    for (const gone of [lost, fault, overdue, logout, disconnect, reload]) {
      const name = gone === fault ? 'a fault' : gone.type
      const left = step(session, gone, now + 9_000, policy).session
      t.notOk('limited' in left, name)
      t.notOk(
        'limited' in
          [connect, ready].reduce(
            (before, event) => step(before, event, now + 9_000, policy).session,
            left
          ),
        `${name}, and READY again`
      )
    }
  })
  t.test('READY twice is the same READY', async (t) => {
    const again = step(states.READY, ready, now + 60_000, policy).session
    t.equal(again.since, states.READY.since)
  })
  t.test('lost: the reason as told, and when it is tried again', async (t) => {
    const { session } = step(states.READY, lost, now + 9_000, policy)
    t.match(
      session,
      {
        reason: 'Chromium exited',
        nextAttemptAt: now + 11_000,
        failures: 1,
        since: now + 9_000,
        me
      },
      'whose account it was is still known'
    )
  })
  t.test('overdue: what was waited for, and how long', async (t) => {
    t.equal(
      step(states.INIT, overdue, now, policy).session.reason,
      'WhatsApp Web did not connect within 90 s'
    )
    t.equal(
      step(states['healing itself'], overdue, now, policy).session.reason,
      'WhatsApp Web did not connect within 90 s'
    )
    t.equal(
      step(states.AUTHENTICATED, overdue, now, policy).session.reason,
      'WhatsApp Web authenticated but was not ready within 180 s'
    )
  })
  t.test('whose account it was is forgotten with the linked device', async (t) => {
    t.match(step(states.READY, disconnect, now, policy).session, { me })
    t.notOk('me' in step(states.READY, { type: 'disconnect', unlinked: true }, now, policy).session)
    t.notOk(
      'me' in
        step(after(connect, ready, disconnect), { type: 'disconnect', unlinked: true }, now, policy)
          .session,
      'also when it was off'
    )
    t.notOk(
      'me' in after(connect, ready, lost, retry, qr),
      'a code to scan means that no device is linked'
    )
  })

  t.test(
    'unlinked by the phone: whose account it was is forgotten, and a new code is fetched at once',
    async (t) => {
      const { session } = step(states.READY, logout, now + 9_000, policy)
      t.match(session, {
        status: 'DISCONNECTED',
        reason: 'the phone unlinked this device',
        nextAttemptAt: now + 9_000
      })
      t.notOk('me' in session)
    }
  )
  t.test('off on request: no next attempt and no failures', async (t) => {
    const session = after(connect, lost, disconnect)
    t.match(session, {
      status: 'DISCONNECTED',
      reason: 'disconnected on request',
      off: true,
      failures: 0
    })
    t.notOk('nextAttemptAt' in session)
    t.equal(step(session, connect, now, policy).session.off, false)
  })
})

t.test(
  'failures in a row raise the delay; a connection that held for a minute starts a new row',
  async (t) => {
    const delays: (number | undefined)[] = []
    let session = after(connect)
    for (let count = 0; count < 10; count += 1) {
      session = step(session, lost, now, policy).session
      delays.push((session.nextAttemptAt as number) - now)
      session = step(session, retry, now, policy).session
    }
    t.same(
      delays,
      [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000]
    )

    const ready10 = step(session, ready, now, policy).session
    t.equal(
      step(ready10, lost, now + 59_999, policy).session.failures,
      11,
      'READY for less than a minute is one more failure'
    )
    t.equal(step(ready10, lost, now + 60_000, policy).session.failures, 1)
    t.equal(
      step(ready10, fault, now + 60_000, policy).session.failures,
      11,
      'a fault soon after READY'
    )
    t.equal(
      step(ready10, fault, now + 1_800_000, policy).session.failures,
      1,
      'a fault long after READY'
    )
    const waiting = step(session, qr, now, policy).session
    t.equal(
      step(waiting, lost, now + 60_000, policy).session.failures,
      1,
      'and so is a code that was shown that long'
    )
  }
)

t.test(
  'WhatsApp refuses the account or the device: the wait grows to hours, however long READY lasted in between',
  async (t) => {
    const blocked: SessionEvent = {
      type: 'lost',
      reason: 'WhatsApp has blocked this account (TOS_BLOCK)',
      fault: true,
      isRefused: true
    }
    const conflict: SessionEvent = {
      type: 'lost',
      reason: 'opened in another browser (CONFLICT)',
      fault: false,
      isRefused: true
    }
    const hour = 3_600_000
    for (const [event, heldMs] of [
      [blocked, 0],
      [conflict, 2 * hour],
      [conflict, 23 * hour]
    ] as const) {
      let [session, at] = [after(connect), now]
      const waits: number[] = []
      for (let count = 0; count < 12; count += 1) {
        if (heldMs > 0) session = step(session, ready, at, policy).session
        at += heldMs
        session = step(session, event, at, policy).session
        waits.push((session.nextAttemptAt as number) - at)
        at = session.nextAttemptAt as number
        session = step(session, retry, at, policy).session
      }
      t.same(waits.slice(0, 8), [
        2_000,
        8_000,
        32_000,
        128_000,
        512_000,
        2_048_000,
        8_192_000,
        6 * hour
      ])
      t.ok(waits.slice(8).every((wait) => wait === 6 * hour))

      t.equal(
        (step(step(session, connect, at, policy).session, lost, at, policy).session
          .nextAttemptAt as number) -
          at <=
          policy.maxDelayMs,
        true,
        'any other loss waits as usual'
      )
      const held = step(session, ready, at, policy).session
      const again = step(held, event, at + 24 * hour, policy).session
      t.match(
        again,
        { refusals: 1, nextAttemptAt: at + 24 * hour + 2_000 },
        'after a day READY it is a new row'
      )
      const waiting = step(session, event, at, policy).session
      const asked = step(step(waiting, connect, at, policy).session, event, at, policy).session
      t.match(asked, { refusals: 1 }, 'an operator who connects begins a new row')
      t.match(
        step(waiting, connect, at, policy),
        { session: { status: 'INIT' }, effects: [{ do: 'cancel-retry' }, { do: 'start' }] },
        'and does not wait'
      )
    }
    t.equal(
      refusedBackoff(1_000_000, { ...policy, maxDelayMs: 24 * hour }),
      24 * hour,
      'RECONNECT_MAX_DELAY may be longer'
    )
    t.equal(refusedBackoff(1, { ...policy, random: () => 0 }), 1_000)
  }
)

t.test("the passkey's stage is told in words that hold no secret", async (t) => {
  const request = {
    challenge: 'c2VjcmV0',
    rpId: 'whatsapp.com',
    timeout: 1,
    userVerification: 'required',
    allowCredentials: []
  }
  const secret: PasskeyState = { stage: 'code', since: now, code: 'ABCD-EFGH', request }
  const { reason = '' } = step(
    states.QR_REQUIRED,
    { type: 'passkey', passkey: secret },
    now,
    policy
  ).session

  t.match(reason, /compare the code/)
  t.notMatch(reason, /ABCD|c2VjcmV0/)
  t.equal(
    step(states.PASSKEY_REQUIRED, passkeyFailed, now, policy).session.reason,
    'linking by the passkey failed: nobody answered in time'
  )
})

t.test('backoff stays between half and the whole of min·2ⁿ, and under the cap', async (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 10, max: 600_000 }),
      fc.integer({ min: 10, max: 86_400_000 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (failures, minDelayMs, maxDelayMs, random) => {
        const delay = backoff(failures, { ...policy, minDelayMs, maxDelayMs, random: () => random })
        const whole = Math.min(maxDelayMs, minDelayMs * 2 ** Math.min(failures - 1, 30))
        return Number.isSafeInteger(delay) && delay >= Math.floor(whole / 2) && delay <= whole + 1
      }
    ),
    propertyRuns(t, 100)
  )
  t.equal(backoff(1, { ...policy, random: () => 0 }), 1_000)
  t.equal(backoff(1, { ...policy, random: () => 1 }), 2_000)
  t.equal(backoff(1_000_000, policy), 300_000)
})

t.test('whatever happens, in whatever order, the rules hold', async (t) => {
  const event = fc.oneof(
    fc.constantFrom(
      connect,
      disconnect,
      retry,
      qr,
      passkey,
      passkeyFailed,
      passkeyOver,
      syncing,
      authenticated,
      ready,
      lost,
      fault,
      logout,
      overdue,
      stalled,
      flowing,
      limited,
      whole,
      reload
    ),
    fc.constantFrom('CONNECTED', 'OPENING', 'TIMEOUT', 'UNPAIRED', 'CONFLICT', '').map(socket)
  )
  const require = (rule: boolean, text: string): void => {
    if (!rule) throw new Error(text)
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(event, fc.nat({ max: 120_000 })), { maxLength: 60 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (events, random) => {
        let session = initialSession(0)
        let clock = 0
        let browser = false
        let retryDue = false
        let deadline = false
        let [isStalled, isReloading] = [false, false]
        for (const [what, ms] of events) {
          clock += ms
          // a timer that was cancelled does not fire
          if (what.type === 'overdue' && !deadline) continue
          if (what.type === 'retry' && !retryDue) continue
          if (what.type === 'retry') retryDue = false
          if (what.type === 'overdue') deadline = false
          const before = session
          const result = step(session, what, clock, { ...policy, random: () => random })
          session = result.session
          isStalled =
            session.status === 'READY' &&
            session.since === before.since &&
            (what.type === 'stalled'
              ? what.reason !== undefined
              : isStalled && what.type !== 'ready')
          isReloading =
            (session.status === 'INIT' && session.since === before.since && isReloading) ||
            result.effects.some((effect) => effect.do === 'reload')
          for (const effect of result.effects) {
            if (effect.do === 'start') {
              require(!browser, 'a browser is started while one is running')
              browser = true
            }
            if (effect.do === 'stop') browser = false
            if (effect.do === 'reload') require(browser, 'a page is loaded anew without a browser')
            if (effect.do === 'delete-device')
              require(!browser, 'the profile is deleted under a running browser')
            if (effect.do === 'retry') retryDue = true
            if (effect.do === 'cancel-retry') retryDue = false
            if (effect.do === 'deadline') deadline = true
            if (effect.do === 'cancel-deadline') deadline = false
            if (effect.do === 'backfill')
              require(session.status === 'READY', 'read back while not READY')
          }
          require(session.running === browser, 'running is whether a browser is up')
          require((session.nextAttemptAt !== undefined) ===
            retryDue, 'nextAttemptAt is set exactly when a retry is due')
          require(session.nextAttemptAt === undefined ||
            session.nextAttemptAt >= clock ||
            session === before, 'a retry lies ahead')
          require(!(session.off && (session.running || retryDue)), 'what is off stays off')
          require(session.off ||
            session.running ||
            retryDue ||
            session.failures === 0, 'it never gives up')
          require((session.qr !== undefined) ===
            (session.status === 'QR_REQUIRED'), 'a code exactly while one is needed')
          require((session.passkey !== undefined) ===
            (session.status === 'PASSKEY_REQUIRED'), 'a passkey exactly while one is asked for')
          require(session.syncPercent === undefined ||
            session.status === 'AUTHENTICATED', 'progress only while syncing')
          require((session.reason !== undefined) ===
            (session.status === 'DISCONNECTED' ||
              session.status === 'ERROR' ||
              session.status === 'PASSKEY_REQUIRED' ||
              isStalled ||
              isReloading), 'a reason exactly when there is trouble')
          require(session.limited === undefined ||
            session.running, 'what does not work is of a page that is there')
          require(session.status !== 'READY' ||
            session.me !== undefined, 'READY knows whose account it is')
          require(['DISCONNECTED', 'ERROR'].includes(session.status) ||
            session.running, 'a status of a running browser')
          require(session.since <= clock, 'since lies behind')
          require(session.status === before.status
            ? session.since === before.since
            : session.since === clock, 'since is when the status began')
          const bounded =
            ['INIT', 'AUTHENTICATED'].includes(session.status) ||
            (session.status === 'DISCONNECTED' && session.running)
          require(deadline ===
            bounded, `a deadline exactly while something is awaited: ${session.status} after ${what.type}`)
        }
      }
    ),
    propertyRuns(t, 2_000)
  )
  t.pass('held for 2,000 sequences')
})
