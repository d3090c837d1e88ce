import { mock } from 'node:test'
import fc from 'fast-check'
import { expire, expiredMessages } from '../../../src/central-hub/store/expire.ts'
import { changeLeads } from '../../../src/central-hub/store/transaction.ts'
import type { LeadPage } from '../../../src/contract/lead.ts'
import type { CapturedMessage, RecordKind } from '../../../src/contract/record.ts'
import { record } from '../store/open-store.ts'
import type { Api } from './rig.ts'

/** Whatever happens to the leads of a hub, at random and with a clock that goes back: captured, entered, changed, expired. */

const people = 4
/** When it begins, ms. The clock is mocked: `mock.timers` with Date. */
export const epoch = Date.parse('2026-11-24T12:00:00Z')

export interface Step {
  act: 'message' | 'reply' | 'edit' | 'revoke' | 'react' | 'again' | 'patch' | 'read' | 'handled' | 'unhandled' | 'merge' | 'import' | 'enter' | 'expire'
  person: number
  /** Which of what there is already. */
  which: number
  /** Whether the message tells number, LID or both. */
  tells: 'phone' | 'lid' | 'both'
  /** What the clock does before it, ms. */
  clock: number
}

export const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('message', 'message', 'reply', 'edit', 'revoke', 'react', 'again', 'patch', 'read', 'handled', 'unhandled', 'merge', 'import', 'enter', 'expire'),
  person: fc.nat(people - 1),
  which: fc.nat(20),
  tells: fc.constantFrom('phone', 'lid', 'both'),
  clock: fc.constantFrom(0, 0, 0, 1, 1, 40, 70_000, -30, -90_000)
})

export const phoneOf = (person: number): string => `+521551234567${person}`

/** A hub, and what happens to it. */
export class World {
  readonly #api: Api
  #now = epoch
  #records = 0
  readonly #taken: { id: string; facts: Partial<CapturedMessage> }[] = []

  constructor(api: Api) {
    this.#api = api
  }

  async do(each: Step): Promise<void> {
    this.#now += each.clock
    mock.timers.setTime(this.#now)
    const { act, person, which } = each
    const { ask } = this.#api
    if (['message', 'reply', 'edit', 'revoke', 'react', 'again'].includes(act)) return this.#capture(each)
    if (act === 'import') {
      const text = `phone,name\n${phoneOf(person)},Ana ${which}\n`
      return void (await ask('/api/leads/import', { method: 'POST', text, headers: { 'content-type': 'text/csv' } }))
    }
    if (act === 'enter') return void (await ask('/api/leads', { method: 'POST', body: { phone: phoneOf(person), account: 'main' } }))
    if (act === 'expire') return this.#expire(which)
    const leads = await this.all()
    const id = [...leads.keys()][which % Math.max(1, leads.size)]
    if (id === undefined) return
    const write = (path: string, method: string, body?: object): Promise<unknown> => ask(`/api/leads/${id}${path}`, body === undefined ? { method } : { method, body })
    const writes: Record<string, () => Promise<unknown>> = {
      patch: () => write('', 'PATCH', which % 2 === 0 ? { tags: [`t${person}`] } : { state: (['new', 'open', 'won', 'ignored'] as const)[person], note: `n${which}` }),
      read: () => write('/read', 'POST'),
      handled: () => write('/handled', 'POST', {}),
      unhandled: () => write('/handled', 'DELETE'),
      merge: () => write('/merge', 'POST', { lead_id: [...leads.keys()][person % leads.size] })
    }
    await writes[act]?.()
  }

  /** Every lead as it is now. */
  async all(): Promise<Map<number, string>> {
    const { body } = await this.#api.ask<LeadPage>('/api/leads?limit=200')
    return new Map(body.leads.map((lead) => [lead.id, JSON.stringify(lead)]))
  }

  async #capture({ act, person, which, tells }: Step): Promise<void> {
    const facts: Partial<CapturedMessage> = { chat_id: `521551234567${person}@c.us`, from: `521551234567${person}@c.us`, timestamp: Math.floor(epoch / 1_000) - 1_000 + which }
    const lid = tells === 'phone' ? {} : { lid: `9000000000${person}@lid` }
    const phone = tells === 'lid' ? {} : { phone: phoneOf(person) }
    const one = { ...facts, ...lid, ...phone }
    const earlier = this.#taken[which % Math.max(1, this.#taken.length)]
    const kinds: Partial<Record<Step['act'], [RecordKind, Partial<CapturedMessage>]>> = {
      edit: ['edit', { body: `edited ${which}`, edited: { at: '2026-11-24T12:00:05.000Z' } }],
      revoke: ['revoke', { revoked: { by: 'sender' } }],
      again: ['message', {}]
    }
    if (act === 'react' && earlier !== undefined) {
      const reaction = { message_id: earlier.id, emoji: which % 3 === 0 ? '' : '👍', sender: '5215587654321@c.us' }
      return this.#take(`r${(this.#records += 1)}`, { ...earlier.facts, from_me: true, reaction }, 'reaction')
    }
    const [kind, more] = kinds[act] ?? ['message', {}]
    if (kinds[act] !== undefined) {
      if (earlier !== undefined) await this.#take(earlier.id, { ...earlier.facts, ...more }, kind)
      return
    }
    const mine = act === 'reply'
    const id = `${mine}_${facts.chat_id}_${(this.#records += 1)}`
    const sent = mine ? { ...one, from_me: true, from: '5215587654321@c.us', to: facts.chat_id ?? '' } : { ...one, name: `Ana ${which % 3}` }
    this.#taken.push({ id, facts: sent })
    await this.#take(id, sent, 'message')
  }

  #take(id: string, facts: Partial<CapturedMessage>, kind: RecordKind): Promise<void> {
    return this.#api.take(record(id, { ...facts, id }, kind))
  }

  async #expire(which: number): Promise<void> {
    const { db } = this.#api
    const before = Math.floor(epoch / 1_000) - 1_000 + which
    const old = await expiredMessages(db, 'main', before, 3)
    await changeLeads(db, (trx) => expire(trx, old, before))
  }
}
