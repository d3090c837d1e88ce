import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Message } from '../../src/contract/lead.ts'
import { isOnPostgres } from '../central-hub/store/place.ts'
import { createDice } from '../dice.ts'
import { openSse } from '../platform/http/sse-client.ts'
import { apiToken } from './daemon.ts'
import { withStack, type Stack } from './stack.ts'

/**
 * kill -9 at any instant changes nothing: of either daemon and of Chromium, each at 20 random
 * instants while messages flow; on PostgreSQL at one.
 */

const [killsOfEach, messages] = isOnPostgres() ? [1, 200] : [20, 2_000]
/**
 * So many chats that each gets less than one message a second, as people write: within a second
 * WhatsApp tells no order.
 */
const chats = 50
/** Between two kills, at most, ms: also while what was killed before is only starting again. */
const maxPauseMs = 4_000

const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 31)
const random = createDice(seed)
const phoneOf = (chat: number): string => `+52155${String(10_000_000 + chat)}`

const targets = ['session-manager', 'central-hub', 'chromium'] as const
/** In a random order, each as often as it is due. */
const order = (): (typeof targets)[number][] =>
  targets
    .flatMap((target) => Array.from({ length: killsOfEach }, () => ({ target, die: random() })))
    .sort((a, b) => a.die - b.die)
    .map(({ target }) => target)

const kill = async (stack: Stack, target: (typeof targets)[number]): Promise<void> => {
  if (target === 'session-manager') return stack.sessionManager.kill()
  if (target === 'central-hub') return stack.hub.kill()
  for (const pid of await stack.web.chromium()) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** A frontend that resumes where it left off, however often the hub goes away under it. */
const frontend = (url: string) => {
  const seen = new Map<string, number>()
  let last = '0'
  let over = false
  const run = async (): Promise<void> => {
    while (!over) {
      try {
        const client = await openSse(`${url}/api/events`, {
          authorization: `Bearer ${apiToken}`,
          'last-event-id': last
        })
        await client.until(({ id, event, data }) => {
          if (id !== undefined) last = id
          if (event === 'message')
            seen.set(
              (JSON.parse(data) as Message).id,
              (seen.get((JSON.parse(data) as Message).id) ?? 0) + 1
            )
          return over
        })
        client.close()
      } catch {
        await delay(50) // the hub is down; there is no event for its coming back
      }
    }
  }
  return { seen, running: run(), end: () => (over = true) }
}

t.setTimeout(900_000)

t.test(`${messages} messages through ${killsOfEach * targets.length} kills (SEED=${seed})`, (t) =>
  withStack(
    t,
    {
      sessionManagerEnv: { BACKFILL_INTERVAL: '2s', LOG_LEVEL: 'info' },
      hubEnv: { LOG_LEVEL: 'info' }
    },
    async (stack) => {
      const { web, hub } = stack
      await web.scan()
      await web.synced()
      const client = frontend(hub.url)
      const sent = new Map<number, string[]>()
      let killing = true
      let count = 0
      const flow = async (): Promise<void> => {
        // as many as are due by now, evenly over the time of the kills; the rest at its end
        const started = performance.now()
        const spanMs = (killsOfEach * targets.length * maxPauseMs) / 2
        while (count < messages) {
          const due = killing
            ? Math.min(messages, Math.floor(((performance.now() - started) / spanMs) * messages))
            : messages
          for (; count < due; count += 1) {
            const chat = count % chats
            const { id } = web.phone.text({
              from: phoneOf(chat),
              name: `Lead ${chat}`,
              text: `message ${count}`
            })
            sent.set(chat, [...(sent.get(chat) ?? []), id])
          }
          await delay(50)
        }
      }
      const flowing = flow()
      for (const target of order()) {
        await delay(random() * maxPauseMs)
        await kill(stack, target)
      }
      killing = false
      await flowing
      t.ok(
        stack.sessionManager.starts() > killsOfEach,
        `session-manager was started ${stack.sessionManager.starts()} times`
      )
      t.ok(hub.starts() > killsOfEach, `central-hub was started ${hub.starts()} times`)

      // what is still to be read back comes by itself; a message that was lost would let the time
      // run out here
      await hub.listening()
      for (let last = 0; last < messages; ) {
        last = (await stack.messages()).length
        await delay(500)
      }
      const held = await stack.messages()
      t.equal(held.length, messages, 'as many as were sent')
      t.equal(new Set(held.map(({ id }) => id)).size, messages, 'none twice')
      const leads = await stack.leads()
      t.equal(leads.length, chats)
      for (const lead of leads) {
        const chat = Number(lead.phone?.slice(6)) - 10_000_000
        const ids = (await stack.messages(`/api/leads/${lead.id}/messages`))
          .map(({ id }) => id)
          .reverse()
        t.same(ids, sent.get(chat), `in the order they were written, chat ${chat}`)
      }
      client.end()
      web.phone.text({ from: phoneOf(0), text: 'the end' })
      await client.running
      t.ok(
        [...sent.values()].flat().every((id) => client.seen.has(id)),
        'the frontend was told of every one'
      )
    }
  )
)
