import { setTimeout as delay } from 'node:timers/promises'
import type { WebhookBody } from '../../../src/contract/webhook.ts'
import { createWebhook } from '../../../src/central-hub/store/outbox/webhooks.ts'
import { Deliverer } from '../../../src/central-hub/webhooks/deliverer.ts'
import { DeliveringTime } from '../../../src/central-hub/webhooks/delivering-time.ts'
import type { Outcome, Post } from '../../../src/central-hub/webhooks/post.ts'
import { logLines } from '../../platform/log-lines.ts'
import type { Scope } from '../../platform/scope.ts'
import { hurry, record, testStore, type TestStore } from '../store/open-store.ts'
import { isOnPostgres } from '../store/place.ts'
import { testClock, type TestClock } from './test-clock.ts'

/** A hub that delivers to a receiver whose answers, and the time, are the test's. */

export const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
export const taken: Outcome = { status: 204 }
export const broken: Outcome = { status: 500, error: 'HTTP 500' }
export const silent: Outcome = { status: null, error: 'no answer within 15 s' }

/** One post, as a receiver sees it. */
export interface Posted {
  id: string
  type: string
  lead: number
  name: string
  at: number
  outcome: Outcome
}

export interface Rig extends TestStore {
  clock: TestClock
  posted: Posted[]
  webhook: number
  /**
   * How many posts of one hub were under way concurrently at most: all, those that failed before,
   * those of one lead.
   */
  most: Readonly<Record<'posts' | 'retries' | 'ofOneLead', number>>
  /**
   * Has hubs deliver; another one takes over when it is called again, and the one before is killed.
   */
  hub(): void
  wake(): void
  /** Lets time pass in steps; what is due at each step is done. */
  pass(ms: number, step: number): Promise<void>
}

const phoneOf = (lead: number): string => `52155000${String(lead).padStart(5, '0')}`

/** A message of a lead. */
export const from = (lead: number, name: string) => {
  const phone = phoneOf(lead)
  return record(`${lead}-${name}`, {
    chat_id: `${phone}@c.us`,
    from: `${phone}@c.us`,
    phone: `+${phone}`,
    body: name
  })
}

export const rig = async (
  t: Scope,
  answer: (posted: Omit<Posted, 'outcome'>, tries: number) => Outcome | 'hang'
): Promise<Rig> => {
  const store = await testStore(t)
  await hurry(store.db)
  const webhook = (
    await createWebhook(store.db, {
      url: 'https://crm.example.com/',
      events: ['lead.created', 'message.created', 'lead.updated']
    })
  )?.id as number
  const clock = testClock()
  const posted: Posted[] = []
  const underWay = new Set<{ lead: number; tries: number }>()
  const most = { posts: 0, retries: 0, ofOneLead: 0 }
  let kill: (() => void) | undefined
  let current: Deliverer | undefined
  const tries = new Map<string, number>()

  const postOf = (killed: AbortSignal): Post => ({
    send: async ({ body }) => {
      const { id, type, data } = JSON.parse(body) as WebhookBody & {
        data: { lead: { id: number }; message?: { body: string } }
      }
      const seen = {
        id,
        type,
        lead: data.lead.id,
        name: data.message?.body ?? type,
        at: clock.steady()
      }
      tries.set(id, (tries.get(id) ?? 0) + 1)
      const said = answer(seen, tries.get(id) as number)
      const outcome = said === 'hang' ? silent : said
      posted.push({ ...seen, outcome })
      const own = { lead: seen.lead, tries: tries.get(id) as number }
      if (!killed.aborted) underWay.add(own)
      const now = [...underWay]
      most.posts = Math.max(most.posts, now.length)
      most.retries = Math.max(most.retries, now.filter((one) => one.tries > 1).length)
      most.ofOneLead = Math.max(most.ofOneLead, now.filter(({ lead }) => lead === own.lead).length)
      try {
        await Promise.race([
          new Promise((resolve) => setImmediate(resolve)),
          said === 'hang' ? clockPasses(clock, 15 * second) : undefined
        ])
        if (said === 'hang') await clockPasses(clock, 15 * second)
        // A hub that was killed writes nothing of what was answered.
        if (killed.aborted) await new Promise(() => undefined)
      } finally {
        underWay.delete(own)
      }
      return outcome
    },
    close: () => undefined
  })
  const quiet = async (): Promise<void> => {
    for (let calm = 0; calm < 3; calm += 1) {
      const before = posted.length
      for (let turn = 0; turn < 12; turn += 1)
        await store.db.selectFrom('webhooks').select('id').execute()
      // Connections of a pool are not first come, first served.
      await delay(isOnPostgres() ? 25 : 0)
      if (posted.length !== before) calm = -1
    }
  }
  const hub = (): void => {
    kill?.()
    underWay.clear()
    const killed = new AbortController()
    const deliverer = new Deliverer({
      db: store.db,
      time: new DeliveringTime(store.db, clock.steady),
      post: postOf(killed.signal),
      clock: {
        ...clock,
        at: (time, run) => clock.at(time, () => (killed.signal.aborted ? undefined : run()))
      },
      log: logLines().log,
      random: () => 1
    })
    current = deliverer
    kill = () => killed.abort()
  }
  t.teardown(() => kill?.())
  return {
    ...store,
    clock,
    posted,
    webhook,
    most,
    hub,
    wake: () => current?.wake(),
    pass: async (ms, step) => {
      for (let left = ms; left > 0; left -= step) {
        clock.pass(Math.min(step, left))
        await quiet()
      }
    }
  }
}

/** Resolves once so much time has passed. */
const clockPasses = (clock: TestClock, ms: number): Promise<void> =>
  new Promise((resolve) => void clock.at(clock.now() + ms, resolve))
