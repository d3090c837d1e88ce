import { mock } from 'node:test'
import fc from 'fast-check'
import { eraseAgain } from '../../../src/central-hub/store/write/erase-again.ts'
import {
  PassedOnErasure,
  type AskErased
} from '../../../src/central-hub/store/write/erase-passed-on.ts'
import { erasePerson } from '../../../src/central-hub/store/write/erase.ts'
import { expire, expiredMessages } from '../../../src/central-hub/store/write/expire.ts'
import { leadRow, listLeads } from '../../../src/central-hub/store/read/leads.ts'
import { changeLeads } from '../../../src/central-hub/store/database/transaction.ts'
import type { CapturedMessage, RecordKind } from '../../../src/contract/record.ts'
import { record } from '../store/open-store.ts'
import type { Api } from './rig.ts'

/**
 * Whatever happens to the leads of a hub, at random and with a clock that goes back: captured,
 * entered, changed, moved, expired, erased.
 */

const people = 4
/** When it begins, ms. The clock is mocked: `mock.timers` with Date. */
export const epoch = Date.parse('2026-11-24T12:00:00Z')

const acts = [
  'message',
  'message',
  'reply',
  'edit',
  'revoke',
  'react',
  'again',
  'move',
  'patch',
  'read',
  'unread',
  'handled',
  'unhandled',
  'merge',
  'import',
  'enter',
  'expire',
  'erase',
  'erase-again',
  'passed-on'
] as const

export interface Step {
  act: (typeof acts)[number]
  person: number
  /** Which of what there is already. */
  which: number
  /**
   * What the message tells of its person: number, LID, both, or (`other`) the LID with a number
   * that others have, too. An edit and the like are of an earlier message: `other` then tells
   * nothing.
   */
  tells: (typeof tellings)[number]
  /** What the clock does before it, ms. */
  clock: number
}

const tellings = ['phone', 'lid', 'both', 'other'] as const

export const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...acts),
  person: fc.nat(people - 1),
  which: fc.nat(20),
  tells: fc.constantFrom(...tellings),
  clock: fc.constantFrom(0, 0, 0, 1, 1, 40, 70_000, -30, -90_000)
})

export const phoneOf = (person: number): string => `+521551234567${person}`
const lidOf = (person: number): string => `9000000000${person}@lid`
const chatOf = (person: number): string => `${phoneOf(person).slice(1)}@c.us`
const sharedPhone = '+5215512345678'

/** Who a message is of, as far as it says so. */
const identityOf = ({ person, tells }: Step): Partial<CapturedMessage> => {
  const [phone, lid] = [phoneOf(person), lidOf(person)]
  if (tells === 'phone') return { phone }
  if (tells === 'both') return { phone, lid }
  return tells === 'other' ? { phone: sharedPhone, lid } : { ...unnamed, lid }
}
/** Without the number that a record of a test has. */
const unnamed = { phone: undefined as never }

/** When a message was written, UNIX seconds. */
const timeOf = (which: number): number => Math.floor(epoch / 1_000) - 1_000 + which

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
    if (['message', 'reply', 'edit', 'revoke', 'react', 'again'].includes(act))
      return this.#capture(each)
    if (act === 'import') {
      const text = `phone,name\n${phoneOf(person)},Ana ${which}\n`
      return void (await ask('/api/leads/import', {
        method: 'POST',
        text,
        headers: { 'content-type': 'text/csv' }
      }))
    }
    if (act === 'enter')
      return void (await ask('/api/leads', {
        method: 'POST',
        body: { phone: phoneOf(person), account: 'main' }
      }))
    if (act === 'expire') return this.#expire(which)
    if (act === 'move') return this.#move(each)
    if (act === 'erase-again' || act === 'passed-on') return this.#eraseSome(each)
    const leads = await this.all()
    const id = [...leads.keys()][which % Math.max(1, leads.size)]
    if (id === undefined) return
    if (act === 'erase') return this.#erase(id)
    const write = (path: string, method: string, body?: object): Promise<unknown> =>
      ask(`/api/leads/${id}${path}`, body === undefined ? { method } : { method, body })
    const writes: Record<string, () => Promise<unknown>> = {
      patch: () =>
        write(
          '',
          'PATCH',
          which % 2 === 0
            ? { tags: [`t${person}`] }
            : { state: (['new', 'open', 'won', 'ignored'] as const)[person], note: `n${which}` }
        ),
      read: () => write('/read', 'POST'),
      unread: () => write('/unread', 'POST'),
      handled: () => write('/handled', 'POST', {}),
      unhandled: () => write('/handled', 'DELETE'),
      merge: () => write('/merge', 'POST', { lead_id: [...leads.keys()][person % leads.size] })
    }
    await writes[act]?.()
  }

  /** Every lead as it is now. */
  async all(): Promise<Map<number, string>> {
    const { items } = await listLeads(this.#api.db, {}, 200)
    return new Map(items.map((lead) => [lead.id, JSON.stringify(lead)]))
  }

  async #capture(each: Step): Promise<void> {
    const { act, person, which, tells } = each
    const facts: Partial<CapturedMessage> = {
      chat_id: chatOf(person),
      from: chatOf(person),
      timestamp: timeOf(which)
    }
    const one = { ...facts, ...identityOf(each) }
    const earlier = this.#taken[which % Math.max(1, this.#taken.length)]
    const kinds: Partial<Record<Step['act'], [RecordKind, Partial<CapturedMessage>]>> = {
      edit: ['edit', { body: `edited ${which}`, edited: { at: '2026-11-24T12:00:05.000Z' } }],
      revoke: ['revoke', { revoked: { by: 'sender' } }],
      again: ['message', {}]
    }
    if (act === 'react' && earlier !== undefined) {
      const reaction = {
        message_id: earlier.id,
        emoji: which % 3 === 0 ? '' : '👍',
        sender: '5215587654321@c.us'
      }
      return this.#take(
        `r${(this.#records += 1)}`,
        { ...earlier.facts, from_me: true, reaction },
        'reaction'
      )
    }
    const [kind, more] = kinds[act] ?? ['message', {}]
    if (kinds[act] !== undefined) {
      if (earlier === undefined) return
      const { lid: _lid, ...anonymous } = earlier.facts
      const told = tells === 'other' ? { ...anonymous, ...unnamed } : earlier.facts
      return this.#take(earlier.id, { ...told, ...more }, kind)
    }
    const mine = act === 'reply'
    const id = `${mine}_${facts.chat_id}_${(this.#records += 1)}`
    const sent = mine
      ? { ...one, from_me: true, from: '5215587654321@c.us', to: facts.chat_id ?? '' }
      : { ...one, name: `Ana ${which % 3}` }
    this.#taken.push({ id, facts: sent })
    await this.#take(id, sent, 'message')
  }

  #take(id: string, facts: Partial<CapturedMessage>, kind: RecordKind): Promise<void> {
    return this.#api.take(record(id, { ...facts, id }, kind))
  }

  /** A person has the number, or the LID, of the next one from now on. */
  #move({ person, which }: Step): Promise<void> {
    const next = (person + 1) % people
    const [from, to] =
      which % 2 === 0 ? [chatOf(person), chatOf(next)] : [lidOf(person), lidOf(next)]
    const id = `n${(this.#records += 1)}`
    const notice = {
      type: 'notification_template',
      body: '',
      chat_id: from,
      from,
      timestamp: timeOf(which),
      number_change: { from, to }
    }
    return this.#take(id, { ...notice, ...unnamed }, 'message')
  }

  async #erase(id: number): Promise<void> {
    const { db } = this.#api
    const lead = await leadRow(db, id)
    if (lead !== undefined) await erasePerson(db, lead, [], async () => undefined)
  }

  /** What somebody else had erased: in a store that was restored, or at another hub. */
  async #eraseSome({ act, person, which }: Step): Promise<void> {
    const { db } = this.#api
    const isErased = ({ timestamp }: { timestamp: number }): boolean => timestamp < timeOf(which)
    const isErasedChat = (chat: string): boolean =>
      chat === chatOf(person) || chat === lidOf(person)
    if (act === 'erase-again')
      return void (await eraseAgain(db, 'main', { isErased, isErasedChat }))
    const ask: AskErased = async ({ chat_ids, messages }) => ({
      chat_ids: chat_ids.filter(isErasedChat),
      message_ids: messages
        .filter((message) => isErasedChat(message.chat_id) && isErased(message))
        .map(({ id }) => id)
    })
    await new PassedOnErasure(db, 'main', ask).run()
  }

  async #expire(which: number): Promise<void> {
    const { db } = this.#api
    const before = timeOf(which)
    const old = await expiredMessages(db, 'main', before, 3)
    await changeLeads(db, (trx) => expire(trx, old, before))
  }
}
