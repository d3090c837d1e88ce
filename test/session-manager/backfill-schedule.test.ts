import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { group, hour, minute, rig, timed } from './backfill-rig.ts'

/** When runs follow each other, and what waits for them. */

const bad = { chat: 'bad@c.us', why: 'WhatsApp Web raised an error (TypeError)', isBusy: false }

t.test('messages that arrive wait for the run that a second READY asked for, not only for the one in progress', async (t) => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let runs = 0
  const { backfill } = rig(t, async function* () {
    runs += 1
    await gates[runs - 1]?.promise
    yield []
  })
  backfill.wake()
  backfill.wake()
  const held = backfill.caughtUp()
  t.ok(held)

  gates[0]?.resolve()
  while (runs < 2) await turn()
  t.equal(backfill.caughtUp(), held, 'the first run is done')

  gates[1]?.resolve()
  await held
  t.equal(backfill.caughtUp(), undefined)
})

t.test('a chat that cannot be read is tried again when it is due, before the next run of all chats would be', async (t) => {
  for (const isBusy of [true, false]) {
    t.test(isBusy ? 'it is busy' : 'it failed', async (t) => {
      const it = timed(t, async () => undefined, { intervalMs: hour })
      const triedAt: number[] = []
      it.state.read = async function* (wanted) {
        if (wanted.only !== undefined) triedAt.push(Date.now())
        if (wanted.only !== undefined || wanted.unread?.size === 0) yield group([], { unread: [{ ...bad, isBusy }] })
      }
      const started = Date.now()
      it.backfill.wake()
      for (let passed = 0; triedAt.length === 0 && passed < 2 * hour; passed += 1_000) await it.passes(1_000)

      const waited = (triedAt[0] ?? Infinity) - started
      const [least, most] = isBusy ? [5_000, 11_000] : [30_000, minute + 1_000]
      t.ok(waited >= least && waited <= most, `${waited} ms`)
    })
  }
})

t.test('a chat that is due and not answered for is asked for again once a second at most', async (t) => {
  const it = timed(t, async () => undefined, { intervalMs: hour })
  it.journal.setUnreadChat(bad.chat, 1)
  let tries = 0
  it.state.read = async function* (wanted) {
    if (wanted.only !== undefined) tries += 1
  }
  it.backfill.wake()
  await it.passes(999)
  t.equal(tries, 1)
  await it.passes(1)
  t.equal(tries, 2)
})
