import { mock } from 'node:test'
import fc from 'fast-check'
import t from 'tap'
import { readEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { listMessages } from '../../../src/central-hub/store/read/messages.ts'
import type { Page, Position } from '../../../src/central-hub/store/read/page.ts'
import type { Lead, LeadRemoved } from '../../../src/contract/lead.ts'
import { inScope } from '../../platform/scope.ts'
import { openSse } from '../../platform/http/sse-client.ts'
import { propertyRuns } from '../../property-runs.ts'
import { hurry } from '../store/open-store.ts'
import { epoch, step, World } from './lead-world.ts'
import { bearer, serveApi, type Api } from './rig.ts'

/** What is read in pieces while things happen: exports and live events. */

const plan = fc.record({
  before: fc.array(step, { minLength: 4, maxLength: 12 }),
  between: fc.array(step, { maxLength: 8 }),
  limit: fc.integer({ min: 1, max: 3 })
})

/** All pages, with something happening after each. */
const readAll = async <T>(
  read: (after?: Position) => Promise<Page<T>>,
  between: () => Promise<void>
): Promise<T[]> => {
  const all: T[] = []
  for (let after: Position | undefined; ; ) {
    const { items, next } = await read(after)
    all.push(...items)
    if (next === undefined) return all
    after = next
    await between()
  }
}

const eachOnce = (
  what: string,
  ids: readonly (string | number)[],
  constant: readonly (string | number)[]
): void => {
  if (new Set(ids).size !== ids.length) throw new Error(`a ${what} comes twice: ${ids.join(', ')}`)
  const missing = constant.filter((id) => !ids.includes(id))
  if (missing.length > 0)
    throw new Error(`${what} ${missing.join(', ')} is missing among ${ids.join(', ')}`)
}

const messageIds = async ({ db }: Api): Promise<string[]> =>
  (await db.selectFrom('messages').select('id').execute()).map(({ id }) => id)

t.test(
  'an export has each lead and each message once that is there all the while, whatever happens between its pages',
  async (t) => {
    mock.timers.enable({ apis: ['Date'], now: epoch })
    t.teardown(() => mock.timers.reset())
    const property = fc.asyncProperty(plan, ({ before, between, limit }) =>
      inScope(async (scope) => {
        const api = await serveApi(scope)
        await hurry(api.db)
        const world = new World(api)
        for (const each of before) await world.do(each)
        for (const what of ['lead', 'message'] as const) {
          const left = [...between]
          const next = async (): Promise<void> => {
            const each = left.shift()
            if (each !== undefined) await world.do(each)
          }
          const there = async (): Promise<(string | number)[]> =>
            what === 'lead' ? [...(await world.all()).keys()] : messageIds(api)
          const first = await there()
          const read: (string | number)[] = []
          if (what === 'lead')
            read.push(
              ...(
                await readAll((after) => listLeads(api.db, { byId: true }, limit, after), next)
              ).map(({ id }) => id)
            )
          else
            read.push(
              ...(await readAll((after) => listMessages(api.db, {}, limit, after), next)).map(
                ({ id }) => id
              )
            )
          const last = await there()
          eachOnce(
            what,
            read,
            first.filter((id) => last.includes(id))
          )
        }
      })
    )
    await fc.assert(property, propertyRuns(t, 10))
  }
)

/** A frontend that keeps what events tell, and comes back where it left off. */
class Follower {
  readonly leads = new Map<number, string>()
  readonly #api: Api
  /** The id of the last event; 0: none. */
  #last = 0

  constructor(api: Api) {
    this.#api = api
  }

  /** Takes what there is up to an event, at most so many, then the connection is cut. */
  async follow(until: number, limitConcurrency: number): Promise<void> {
    if (this.#last >= until) return
    const after = this.#last === 0 ? '0' : `${this.#api.storeId}-${this.#last}`
    const client = await openSse(`${this.#api.url}/api/events?after=${after}`, bearer)
    let taken = 0
    let isDone = false
    await client.until(({ event, id = '', data }) => {
      if (isDone || event === 'session') return isDone
      if (event === 'reset') throw new Error('nothing was dropped')
      this.#note(event ?? '', data)
      this.#last = Number(id.split('-')[1])
      taken += 1
      isDone = this.#last === until || taken === limitConcurrency
      return isDone
    })
    client.close()
  }

  get last(): number {
    return this.#last
  }

  #note(event: string, data: string): void {
    const told = JSON.parse(data) as Partial<Lead> & LeadRemoved & { change?: string }
    if (event === 'lead_removed') this.leads.delete(told.id)
    if (event !== 'lead') return
    const { change, ...lead } = told
    const isKnown = this.leads.has(lead.id)
    if (isKnown && change === 'created') throw new Error(`lead ${lead.id} is created twice`)
    this.leads.set(lead.id, JSON.stringify(lead))
  }
}

/** The latest event of what is still there. */
const lastEvent = async ({ db }: Api): Promise<number> => {
  const events = await readEvents(db, 0, 10_000)
  return events.findLast(({ data }) => data !== undefined)?.id ?? 0
}

t.test(
  'whoever follows the events has what the list shows, whenever the connection is cut',
  async (t) => {
    mock.timers.enable({ apis: ['Date'], now: epoch })
    t.teardown(() => mock.timers.reset())
    const plans = fc.array(
      fc.record({
        steps: fc.array(step, { minLength: 1, maxLength: 8 }),
        limitConcurrency: fc.integer({ min: 1, max: 12 })
      }),
      { minLength: 1, maxLength: 4 }
    )
    const property = fc.asyncProperty(plans, (rounds) =>
      inScope(async (scope) => {
        const api = await serveApi(scope)
        await hurry(api.db)
        const [world, follower] = [new World(api), new Follower(api)]
        for (const { steps, limitConcurrency } of rounds) {
          for (const each of steps) await world.do(each)
          await follower.follow(await lastEvent(api), limitConcurrency)
        }
        const last = await lastEvent(api)
        while (follower.last < last) await follower.follow(last, 1_000)
        const shown = await world.all()
        const [has, wants] = [
          [...follower.leads.entries()].toSorted(),
          [...shown.entries()].toSorted()
        ].map((all) => JSON.stringify(all))
        if (has !== wants) throw new Error(`it has ${has}, and the list shows ${wants}`)
      })
    )
    await fc.assert(property, propertyRuns(t, 10))
  }
)
