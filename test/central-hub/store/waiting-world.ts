import { deepStrictEqual } from 'node:assert/strict'
import { Registry } from 'prom-client'
import { createIngest, type Ingest } from '../../../src/central-hub/follow/ingest.ts'
import {
  handleLead,
  patchLead,
  readLead,
  unhandleLead,
  type Changed
} from '../../../src/central-hub/store/write/change-lead.ts'
import { addEvents } from '../../../src/central-hub/store/outbox/events.ts'
import { listLeads } from '../../../src/central-hub/store/read/leads.ts'
import type { Db } from '../../../src/central-hub/store/database/schema.ts'
import { readStats } from '../../../src/central-hub/store/read/stats.ts'
import { bringBackReminded } from '../../../src/central-hub/store/write/reminders.ts'
import { changeLeads } from '../../../src/central-hub/store/database/transaction.ts'
import { addWaitingMetrics } from '../../../src/central-hub/api/waiting-metrics.ts'
import type { Lead } from '../../../src/contract/lead.ts'
import type { InboundRecord } from '../../../src/contract/record.ts'
import {
  automaticReplies,
  digitsOf,
  stepsOf,
  unknown,
  type Act,
  type Known,
  type Plan,
  type Step
} from './waiting-history.ts'
import {
  lastOf,
  openOf,
  reminderIn,
  waitOf,
  type Conversation,
  type Reminder
} from './waiting-model.ts'

/**
 * Plays a history to the product and to the model, and holds all that the product says of who waits
 * against the model.
 */

const now = 2_000_000_000_000

/** The model's side of a history. */
class ModelSide {
  state: Conversation['state'] = 'new'
  reminder: Reminder | undefined
  readonly #known = new Map<number, Known>()
  /** Ids in the order in which the messages came. */
  readonly #order: number[] = []

  known(id: number, time: number, mine: boolean): Known {
    const known = this.#known.get(id) ?? unknown(time, mine)
    this.#known.set(id, known)
    return known
  }

  tell({
    id,
    tells,
    record
  }: Step & { record: InboundRecord; tells: (known: Known) => void }): void {
    if (id < 0) return
    const isResponse = record.kind === 'reaction' || record.kind === 'vote'
    const mine = /^true_/.test(record.message.id)
    const known = this.known(id, record.message.timestamp, mine)
    const before = known.isThere
    tells(known)
    if (isResponse || before) return
    known.time = record.message.timestamp
    known.mine = record.message.from_me
    this.#order.push(id)
  }

  conversation(): Conversation {
    const said = this.#order.map((id) => {
      const known = this.#known.get(id) as Known
      const lastOf = (list: { time: number; isThere: boolean }[]): boolean =>
        list.toSorted((a, b) => b.time - a.time)[0]?.isThere ?? false
      known.isReactedTo = !known.mine && (lastOf(known.reactions) || lastOf(known.votes))
      return known
    })
    return { state: this.state, said, reminder: this.reminder }
  }

  /** After each batch and each act: a reminder that is over does not come back. */
  settle(): void {
    this.reminder = reminderIn(this.conversation())
  }

  timeComes(): void {
    if (this.reminder !== undefined) this.reminder = { ...this.reminder, isBack: true }
    this.settle()
  }

  /** The id of one of the messages that are there. */
  pick(at: number): number | undefined {
    return this.#order[at % this.#order.length]
  }

  act(act: Act, until: number | undefined): void {
    const before = this.conversation()
    const { open } = openOf(before)
    const { isHandled } = waitOf(before)
    if (act.does === 'remind') this.#remind(act)
    if (act.does === 'forget') this.reminder = undefined
    if (act.does === 'read' && waitOf(before).unread > 0)
      for (const message of before.said) message.isRead = true
    if (act.does === 'unhandle' && isHandled) this.#takeBack(before)
    if (act.does === 'handle' && this.state !== 'ignored' && this.reminder?.isBack !== false) {
      this.reminder = undefined
      const last = until === undefined ? undefined : (this.#known.get(until) as Known)
      const sorted = before.said.toSorted((a, b) => a.time - b.time)
      const upTo =
        last === undefined
          ? open
          : open.filter((message) => sorted.indexOf(message) <= sorted.indexOf(last))
      const marked = upTo.at(-1)
      if (marked !== undefined) marked.isHandled = true
    }
    if (act.does === 'state' && act.state !== this.state) this.#changeState(act.state)
    this.settle()
  }

  #remind({ now, at }: { now: number; at: number }): void {
    if (this.reminder?.at === at && !this.reminder.isBack) return
    const from = Math.max(now - 1, lastOf(this.conversation(), 'asks'))
    this.reminder = { at, from, isBack: false }
  }

  #takeBack({ said }: Conversation): void {
    const marked = said.toSorted((a, b) => a.time - b.time).findLast(({ isHandled }) => isHandled)
    if (marked !== undefined) marked.isHandled = false
  }

  #changeState(state: Conversation['state']): void {
    this.state = state
    const isClosing = state === 'won' || state === 'lost'
    if (isClosing || state === 'ignored') this.reminder = undefined
    if (!isClosing) for (const message of this.conversation().said) message.isClosed = false
    const latest = openOf(this.conversation()).open.at(-1)
    if (isClosing && latest !== undefined) latest.isClosed = true
  }
}

/** One history while it is played. */
class History {
  readonly model = new ModelSide()
  /** The ids of the messages that came, by their number in the history. */
  readonly ids = new Map<number, string>()
  readonly steps: readonly Step[]
  #at = 0
  readonly #digits: string

  constructor(plan: Plan, n: number, account: string) {
    this.steps = stepsOf(plan, n, account)
    this.#digits = digitsOf(n)
  }

  get isOver(): boolean {
    return this.#at === this.steps.length
  }

  isOf({ phone, lid }: Lead): boolean {
    return phone?.slice(5, -1) === this.#digits || lid === `99${this.#digits}@lid`
  }

  /** The records until the next cut or act. */
  nextBatch(): InboundRecord[] {
    const batch: InboundRecord[] = []
    for (;;) {
      const step = this.steps[this.#at]
      if (step === undefined || 'act' in step) return batch
      this.#at += 1
      batch.push(step.record)
      if (step.id >= 0 && step.record.kind !== 'reaction' && step.record.kind !== 'vote')
        this.ids.set(step.id, step.record.message.id)
      this.model.tell(step)
      if (step.cut) return batch
    }
  }

  get nextAct(): Act | undefined {
    const step = this.steps[this.#at]
    return step !== undefined && 'act' in step ? step.act : undefined
  }

  takeAct(): Act | undefined {
    const act = this.nextAct
    if (act !== undefined) this.#at += 1
    return act
  }
}

/** What is compared. */
interface Seen {
  since: number | null
  unanswered: number
  unread: number
  isHandled: boolean
  remindAt: number | null
}

const bystanders: InboundRecord[] = [
  ['1', 'false', 'W', 1_005],
  ['2', 'true', 'A', 1_006]
].map(([person, fromMe, id, timestamp], at) => {
  const chat = `521550000009${person}@c.us`
  const message = {
    id: `${fromMe}_${chat}_${id}`,
    chat_id: chat,
    from: chat,
    to: chat,
    phone: `+521550000009${person}`,
    from_me: fromMe === 'true',
    type: 'chat',
    body: 'Hi',
    timestamp: Number(timestamp),
    has_media: false,
    to_self: false
  }
  return {
    seq: at + 1,
    kind: 'message',
    captured_at: '2026-11-24T12:00:00.000Z',
    source: 'live',
    account: 'bystanders',
    message: { ...message, to: '5215587654321@c.us' }
  }
})

const seconds = (iso: string | null): number | null =>
  iso === null ? null : Date.parse(iso) / 1_000

const seenIn = ({
  waiting_since,
  unanswered_count,
  unread_count,
  handled_at,
  remind_at
}: Lead): Seen => ({
  since: seconds(waiting_since),
  unanswered: unanswered_count,
  unread: unread_count,
  isHandled: handled_at !== null,
  remindAt: seconds(remind_at)
})

export class WaitingWorld {
  readonly #db: Db
  readonly #ingest: Ingest
  readonly #registry = new Registry()
  #count = 0
  readonly #outcomes = { waiting: 0, handled: 0, reminders: 0, steps: 0 }

  constructor(db: Db) {
    this.#db = db
    this.#ingest = createIngest({ db, onTaken: () => undefined, automaticReplies })
    addWaitingMetrics(this.#registry, db, () => now)
  }

  /**
   * Webhooks are told what happens from now on, and there are other leads, to whom nothing happens.
   */
  async begin(): Promise<void> {
    await this.#ingest.take('bystanders', 'j', bystanders)
    const events = JSON.stringify(['lead.created', 'lead.updated'])
    await this.#db
      .insertInto('webhooks')
      .values({
        url: 'http://127.0.0.1:9',
        description: '',
        events,
        enabled: 1,
        secret: 'x',
        created_at: 0
      })
      .execute()
  }

  /**
   * Plays histories of as many people beside each other, of one account: the batches of all come
   * together, then what a person does. @throws where product and model differ, or one answer of
   * the product and another
   */
  async play(...plans: Plan[]): Promise<void> {
    const account = `a${this.#count + 1}`
    const histories = plans.map((plan) => new History(plan, (this.#count += 1), account))
    let seq = 0
    while (histories.some((history) => !history.isOver)) {
      const batch = histories.flatMap((history) => history.nextBatch())
      for (const record of batch) record.seq = seq += 1
      if (batch.length > 0) await this.#ingest.take(account, 'j', batch)
      for (const { model } of histories) model.settle()
      await this.#actAll(account, histories)
    }
    const wanted = histories.map(({ model }) => waitOf(model.conversation()))
    for (const { steps } of histories) this.#outcomes.steps += steps.length
    this.#outcomes.waiting += wanted.filter(({ since }) => since !== null).length
    this.#outcomes.reminders += wanted.filter(({ remindAt }) => remindAt !== null).length
    this.#outcomes.handled += wanted.filter(({ isHandled }) => isHandled).length
    await this.#compare(account, histories, wanted)
    await this.#compareBystanders()
    await this.#clear(account)
  }

  /** What was played. */
  summary(): string {
    const { waiting, handled, reminders, steps } = this.#outcomes
    return `${steps} records and acts; ${waiting} ended with a lead that waits, ${handled} with one that is handled, ${reminders} with a reminder`
  }

  /** The one lead of each history, if there is one yet. */
  async #leads(
    filter: { account: string; waiting?: boolean },
    histories: readonly History[]
  ): Promise<(Lead | undefined)[]> {
    const { items } = await listLeads(this.#db, filter, 1_000)
    return histories.map((history) => {
      const own = items.filter((lead) => history.isOf(lead))
      deepStrictEqual(own.length <= 1, true, `${own.length} leads of one person`)
      return own[0]
    })
  }

  /** What people do next to the leads of their histories. */
  async #actAll(account: string, histories: readonly History[]): Promise<void> {
    const acting = histories.filter((history) => history.nextAct !== undefined)
    if (acting.length === 0) return
    const leads = await this.#leads({ account }, acting)
    for (const [at, history] of acting.entries()) {
      const act = history.takeAct()
      const lead = leads[at]
      if (act === undefined || lead === undefined) continue
      if (act.does !== 'timeComes') await this.#act(lead, act, history)
      else {
        await bringBackReminded(this.#db, now)
        for (const { model } of histories) model.timeComes()
      }
    }
  }

  async #act(lead: Lead, act: Act, { model, ids }: History): Promise<void> {
    const until =
      act.does === 'handle' && act.until !== undefined ? model.pick(act.until) : undefined
    model.act(act, until)
    await changeLeads(this.#db, async (trx) => {
      const changed = await this.#change(
        trx,
        lead.id,
        act,
        until === undefined ? undefined : ids.get(until)
      )
      if (changed?.changed === true) await addEvents(trx, 'lead', [lead.id])
    })
  }

  async #change(
    trx: Db,
    id: number,
    act: Act,
    until: string | undefined
  ): Promise<Changed | undefined> {
    if (act.does === 'state') return patchLead(trx, id, { state: act.state })
    if (act.does === 'forget') return patchLead(trx, id, { remind_at: null })
    if (act.does === 'remind') {
      const remind_at = new Date(act.at * 1_000).toISOString()
      return patchLead(trx, id, { remind_at }, act.now * 1_000)
    }
    if (act.does === 'read') return readLead(trx, id)
    if (act.does === 'unhandle') return unhandleLead(trx, id)
    const changed = await handleLead(trx, id, until)
    if (changed === 'no-message') throw new Error(`${until} is not found`)
    return changed
  }

  async #compare(
    account: string,
    histories: readonly History[],
    wanted: readonly Seen[]
  ): Promise<void> {
    const none = { since: null, unanswered: 0, unread: 0, isHandled: false, remindAt: null }
    const leads = await this.#leads({ account }, histories)
    const seen = leads.map((lead) => (lead === undefined ? none : seenIn(lead)))
    deepStrictEqual(seen, wanted, 'the leads')
    const waits = wanted.map(({ since }) => since !== null)
    for (const waiting of [true, false]) {
      const listed = await this.#leads({ account, waiting }, histories)
      deepStrictEqual(
        listed.map((lead) => lead !== undefined),
        waits.map((doesWait, at) => leads[at] !== undefined && doesWait === waiting),
        `the list, waiting=${waiting}`
      )
    }
    const isLater = histories.map(({ model }) => model.reminder?.isBack === false)
    const { items } = await listLeads(this.#db, { account, later: true }, 1_000)
    deepStrictEqual(
      histories.map((history) => items.some((lead) => history.isOf(lead))),
      isLater,
      'the list, later=true'
    )
    await this.#compareFigures(account, wanted, isLater.filter(Boolean).length)
    for (const lead of leads) if (lead !== undefined) await this.#compareWebhook(lead)
  }

  async #compareFigures(account: string, wanted: readonly Seen[], later: number): Promise<void> {
    const since = wanted.map((each) => each.since).filter((each) => each !== null)
    const longest = since.length === 0 ? null : Math.min(...since)
    const { waiting } = await readStats(this.#db, [{ date: '', since: 0, until: 1 }], account)
    deepStrictEqual(
      { ...waiting, longest_since: seconds(waiting.longest_since) },
      { now: since.length, longest_since: longest, later },
      'the figures'
    )
    const metrics = await this.#registry.metrics()
    const metric = (name: string): number =>
      Number(
        new RegExp(`^leadmaster_${name}\\{account="${account}"\\} (.*)$`, 'm').exec(metrics)?.[1]
      )
    deepStrictEqual(metric('leads_waiting'), since.length, 'leads_waiting')
    deepStrictEqual(
      metric('leads_waiting_longest_seconds'),
      longest === null ? 0 : now / 1_000 - longest,
      'leads_waiting_longest_seconds'
    )
  }

  /** What happens to one lead changes no other. */
  async #compareBystanders(): Promise<void> {
    const { items } = await listLeads(this.#db, { account: 'bystanders' }, 10)
    const seen = items.map(({ last_message, updated_at: _now, ...lead }) => ({
      ...seenIn(lead as Lead),
      last: last_message?.id
    }))
    const waits = {
      since: 1_005,
      unanswered: 1,
      unread: 1,
      isHandled: false,
      remindAt: null,
      last: 'false_5215500000091@c.us_W'
    }
    const answered = {
      since: null,
      unanswered: 0,
      unread: 0,
      isHandled: false,
      remindAt: null,
      last: 'true_5215500000092@c.us_A'
    }
    deepStrictEqual(seen, [answered, waits], 'other leads')
  }

  async #compareWebhook(lead: Lead): Promise<void> {
    const last = await this.#db
      .selectFrom('outbox')
      .select('body')
      .where('lead_id', '=', lead.id)
      .orderBy('id', 'desc')
      .limit(1)
      .executeTakeFirstOrThrow()
    const { data } = JSON.parse(last.body) as { data: { lead: Lead } }
    deepStrictEqual(seenIn(data.lead), seenIn(lead), 'the webhook')
  }

  /** So that a hundred thousand histories stay as quick as the first. */
  async #clear(account: string): Promise<void> {
    for (const table of ['outbox', 'events', 'merged_leads'] as const)
      await this.#db.deleteFrom(table).execute()
    for (const table of [
      'reactions',
      'votes',
      'messages',
      'leads',
      'cursors',
      'message_counts'
    ] as const) {
      await this.#db.deleteFrom(table).where('account', '=', account).execute()
    }
  }
}
