import { sql } from 'kysely'
import type { Delivery } from '../../../contract/webhook.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import { advance, nextQueue, postpone, type Wanted } from './delivery-queues.ts'
import { deliverForMs } from './outbox.ts'
import { toPage, type Page, type Position } from '../read/page.ts'
import type { Db } from '../database/schema.ts'

/** The deliveries of events to webhooks. Times are ms. */

/** The next delivery of a webhook, with what an attempt needs. */
export interface NextDelivery {
  webhookId: number
  outboxId: number
  /** Its `webhook-id`. */
  messageId: string
  /** JSON of a `StoredBody` of outbox.ts. */
  body: string
  /** The lead that it is about; null: none. */
  leadId: number | null
  url: string
  /** A request is signed with each secret. The current one comes first. */
  secrets: string[]
  ping: boolean
  /** Its queue. A ping is in no queue, and has a name of its own here. */
  queue: string
  /** When it is due; 0: it has not failed. */
  dueAt: number
  /** Attempts so far. */
  attempts: number
  /**
   * An attempt that fails after this is the last one, by the time that hubs have delivered, ms.
   * null: no attempt has failed since it was queued.
   */
  givesUpAt: number | null
  /** How many attempts for the webhook failed in a row. */
  failures: number
}

/** The outcome of an attempt. */
export interface Attempt {
  at: number
  /** The endpoint's HTTP status, if it gave one. */
  status: number | null
  error: string
}

/** Webhooks that are on and have something waiting. */
export const waitingWebhooks = async (db: Db): Promise<number[]> => {
  const rows = await db
    .selectFrom('webhooks')
    .select('id')
    .where('enabled', '=', 1)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('deliveries')
          .select('outbox_id')
          .whereRef('webhook_id', '=', 'webhooks.id')
          .where('state', '=', 'pending')
      )
    )
    .execute()
  return rows.map(({ id }) => id)
}

const pingOf = async (
  db: Db,
  webhookId: number,
  underWay: readonly number[]
): Promise<number | undefined> => {
  // A query of its own takes one step in an index, however many deliveries there are.
  let pings = db
    .selectFrom('deliveries')
    .select('outbox_id')
    .where('webhook_id', '=', webhookId)
    .where('state', '=', sql.lit('pending'))
    .where('ping', '=', sql.lit(1))
    .orderBy('outbox_id')
    .limit(1)
  if (underWay.length > 0) pings = pings.where('outbox_id', 'not in', underWay)
  return (await pings.executeTakeFirst())?.outbox_id
}

/** Reads what an attempt needs of a delivery and its webhook. */
const readDelivery = (db: Db, webhookId: number, outboxId: number) =>
  db
    .selectFrom('deliveries')
    .innerJoin('outbox', 'outbox.id', 'outbox_id')
    .innerJoin('webhooks', 'webhooks.id', 'webhook_id')
    .select([
      'message_id',
      'body',
      'lead_id',
      'url',
      'secret',
      'old_secret',
      'old_secret_until',
      'attempts',
      'gives_up_at',
      'failures'
    ])
    .where('webhook_id', '=', webhookId)
    .where('outbox_id', '=', outboxId)
    .where('enabled', '=', 1)
    .executeTakeFirst()

/**
 * Finds the delivery that goes next: a ping before all, then queues in their turn, then queues
 * whose first delivery failed, which may be due later.
 * @returns undefined when nothing that is wanted waits, or the webhook is off or was deleted
 */
export const nextDelivery = async (
  db: Db,
  webhookId: number,
  now: number,
  wanted: Wanted = {}
): Promise<NextDelivery | undefined> => {
  const ping = await pingOf(db, webhookId, [...(wanted.busy?.values() ?? [])])
  const next =
    ping === undefined
      ? await nextQueue(db, webhookId, now, wanted)
      : { queue: `ping:${ping}`, dueAt: 0, outboxId: ping }
  if (next === undefined) return undefined
  const row = await readDelivery(db, webhookId, next.outboxId)
  if (row === undefined) return undefined
  const { secret, old_secret, old_secret_until } = row
  const isOldValid = old_secret !== null && now < (old_secret_until ?? 0)
  return {
    webhookId,
    queue: next.queue,
    outboxId: next.outboxId,
    messageId: row.message_id,
    body: row.body,
    leadId: row.lead_id,
    url: row.url,
    secrets: isOldValid ? [secret, old_secret] : [secret],
    ping: ping !== undefined,
    dueAt: next.dueAt,
    attempts: row.attempts,
    givesUpAt: row.gives_up_at,
    failures: row.failures
  }
}

/** Makes all that waits for a webhook due now. */
export const tryAgainNow = async (db: Db, webhookId: number): Promise<void> => {
  await db
    .updateTable('deliveries')
    .set({ next_attempt_at: null })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .where('next_attempt_at', 'is not', null)
    .execute()
  await db
    .updateTable('delivery_queues')
    .set({ due_at: 0 })
    .where('webhook_id', '=', webhookId)
    .where('due_at', '>', 0)
    .execute()
}

const hasFailed = async (db: Db, webhookId: number): Promise<boolean> =>
  (await db
    .selectFrom('deliveries')
    .select('outbox_id')
    .where('webhook_id', '=', webhookId)
    .where('state', '=', sql.lit('pending'))
    .where('attempts', '>', sql.lit(0))
    .limit(1)
    .executeTakeFirst()) !== undefined

/**
 * An update of a delivery that still waits. While it is under way it may be erased, or settled by
 * another hub.
 */
const updateOf = (db: Db, { webhookId, outboxId }: NextDelivery) =>
  db
    .updateTable('deliveries')
    .where('webhook_id', '=', webhookId)
    .where('outbox_id', '=', outboxId)
    .where('state', '=', 'pending')

/** Locks the webhook, so that other outcomes wait, and reads how often it has failed. */
const failingOf = async (
  db: Db,
  webhookId: number
): Promise<{ failures: number; since: number | null }> => {
  await db
    .updateTable('webhooks')
    .set((row) => ({ failures: row.ref('failures') }))
    .where('id', '=', webhookId)
    .execute()
  const row = await db
    .selectFrom('webhooks')
    .select(['failures', 'failing_since'])
    .where('id', '=', webhookId)
    .executeTakeFirst()
  return { failures: row?.failures ?? 0, since: row?.failing_since ?? null }
}

/**
 * Reads the queue of a delivery. Its lead may have been merged into another one while the delivery
 * was under way.
 */
const queueOf = async (db: Db, { webhookId, outboxId, queue }: NextDelivery): Promise<string> => {
  const row = await db
    .selectFrom('deliveries')
    .select('queue')
    .where('webhook_id', '=', webhookId)
    .where('outbox_id', '=', outboxId)
    .executeTakeFirst()
  return row?.queue ?? queue
}

/** Of a webhook that accepts everything again: how often it had failed, and since when. */
interface Recovered {
  failures: number
  since: number
}

/**
 * Writes that a delivery was accepted. After a ping, deliveries that failed are due now.
 * @returns undefined when the webhook was not failing, or still is
 */
export const settleDelivered = async (
  db: Db,
  delivery: NextDelivery,
  { at, status }: Pick<Attempt, 'at' | 'status'>
): Promise<Recovered | undefined> =>
  db.transaction().execute(async (trx) => {
    const { webhookId } = delivery
    const { failures, since } = await failingOf(trx, webhookId)
    await updateOf(trx, delivery)
      .set((row) => ({
        state: 'delivered',
        attempts: row('attempts', '+', 1),
        next_attempt_at: null,
        settled_at: at,
        last_status: status,
        last_error: null
      }))
      .execute()
    if (delivery.ping) await tryAgainNow(trx, webhookId)
    else await advance(trx, webhookId, await queueOf(trx, delivery))
    const isWell = since === null || !(await hasFailed(trx, webhookId))
    const recovered = isWell ? { failing_since: null, last_error: null } : {}
    await trx
      .updateTable('webhooks')
      .set({ last_success_at: at, failures: 0, ...recovered })
      .where('id', '=', webhookId)
      .execute()
    return isWell && since !== null ? { failures, since } : undefined
  })

/** What follows from an attempt that failed. */
interface Then {
  /** The time of the next attempt; undefined: the delivery is dead. */
  retryAt?: number
  /** Whether all other deliveries of the webhook whose time is up are dead too. */
  all?: boolean
  /** Turns the webhook off. */
  disable?: boolean
  /** How long hubs have delivered, ms, and when by that time what fails from now on is given up. */
  deliveringMs?: number
  giveUpAt?: number
}

/** @returns how many deliveries are dead now, and whether the webhook was not failing before */
export const settleFailed = async (
  db: Db,
  delivery: NextDelivery,
  { at, status, error }: Attempt,
  then: Then
): Promise<{ dead: number; isFirst: boolean }> =>
  db.transaction().execute(async (trx) => {
    const { webhookId } = delivery
    const { retryAt, all = false, disable = false, deliveringMs = 0, giveUpAt } = then
    const { since } = await failingOf(trx, webhookId)
    const outcome =
      retryAt === undefined
        ? { state: 'dead' as const, next_attempt_at: null, settled_at: at }
        : { next_attempt_at: retryAt }
    await updateOf(trx, delivery)
      .set((row) => ({
        attempts: row('attempts', '+', 1),
        last_status: status,
        last_error: error,
        ...outcome
      }))
      .execute()
    if (giveUpAt !== undefined) await startGivingUp(trx, webhookId, giveUpAt)
    const dead =
      retryAt === undefined
        ? 1 + (all ? await giveUp(trx, webhookId, deliveringMs, { at, error }) : 0)
        : 0
    if (!delivery.ping) {
      const queue = await queueOf(trx, delivery)
      await (retryAt === undefined
        ? advance(trx, webhookId, queue)
        : postpone(trx, webhookId, queue, retryAt))
    }
    await trx
      .updateTable('webhooks')
      .set((row) =>
        omitUndefined({
          failures: row('failures', '+', 1),
          failing_since: since ?? at,
          last_error: error,
          enabled: disable ? 0 : undefined
        })
      )
      .where('id', '=', webhookId)
      .execute()
    return { dead, isFirst: since === null }
  })

/**
 * Sets when the deliveries that wait for a webhook are given up, where that is not set yet.
 * @param giveUpAt by the time that hubs have delivered, ms
 */
export const startGivingUp = async (db: Db, webhookId: number, giveUpAt: number): Promise<void> => {
  await db
    .updateTable('deliveries')
    .set({ gives_up_at: giveUpAt })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', sql.lit('pending'))
    .where('gives_up_at', 'is', null)
    .execute()
}

/** Gives up the deliveries whose time is up. @returns how many */
export const giveUp = async (
  db: Db,
  webhookId: number,
  deliveringMs: number,
  { at, error }: Pick<Attempt, 'at' | 'error'>
): Promise<number> => {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({ state: 'dead', next_attempt_at: null, settled_at: at, last_error: error })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .where('gives_up_at', '<=', deliveringMs)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export interface DeliveryCounts {
  pending?: number
  dead?: number
}

/** Counts, by webhook, the deliveries that wait and those that were given up. */
export const countDeliveries = async (
  db: Db,
  webhookId?: number
): Promise<Map<number, DeliveryCounts>> => {
  let query = db
    .selectFrom('deliveries')
    .select(({ fn }) => ['webhook_id', 'state', fn.countAll<number>().as('deliveries')])
    .where('state', 'in', ['pending', 'dead'])
  if (webhookId !== undefined) query = query.where('webhook_id', '=', webhookId)
  const rows = await query.groupBy(['webhook_id', 'state']).execute()
  return new Map(
    [...Map.groupBy(rows, ({ webhook_id }) => webhook_id)].map(([id, counts]) => [
      id,
      Object.fromEntries(counts.map(({ state, deliveries }) => [state, deliveries]))
    ])
  )
}

/** Gives, by webhook, when the oldest delivery that waits was put in the outbox. */
export const oldestPending = async (db: Db): Promise<Map<number, number>> => {
  const rows = await db
    .selectFrom('deliveries')
    .innerJoin('outbox', 'outbox.id', 'outbox_id')
    .select(['webhook_id', 'created_at'])
    .where('state', '=', sql.lit('pending'))
    .where('outbox_id', '=', ({ selectFrom }) =>
      selectFrom('deliveries as older')
        .select(({ fn }) => fn.min('older.outbox_id').as('first'))
        .whereRef('older.webhook_id', '=', 'deliveries.webhook_id')
        .where('older.state', '=', sql.lit('pending'))
    )
    .execute()
  return new Map(rows.map(({ webhook_id, created_at }) => [webhook_id, created_at]))
}

/** Latest first. */
export const listDeliveries = async (
  db: Db,
  webhookId: number,
  state: Delivery['state'] | undefined,
  limit: number,
  after?: Position
): Promise<Page<Delivery>> => {
  let query = db
    .selectFrom('deliveries')
    .innerJoin('outbox', 'outbox.id', 'outbox_id')
    .selectAll('deliveries')
    .select(['outbox.message_id', 'outbox.type', 'outbox.created_at'])
    .where('webhook_id', '=', webhookId)
  if (state !== undefined) query = query.where('state', '=', state)
  if (after) query = query.where('outbox_id', '<', after.id)
  const rows = await query
    .orderBy('outbox_id', 'desc')
    .limit(limit + 1)
    .execute()
  const page = toPage(rows, limit, ({ outbox_id }) => ({
    order: 'deliveries',
    key: 0,
    id: outbox_id
  }))
  const items = page.items.map(
    ({
      message_id,
      type,
      state,
      created_at,
      attempts,
      next_attempt_at,
      last_status,
      last_error
    }) => ({
      id: message_id,
      type,
      state,
      attempts,
      last_status,
      last_error,
      created_at: new Date(created_at).toISOString(),
      next_attempt_at: next_attempt_at === null ? null : new Date(next_attempt_at).toISOString()
    })
  )
  return { ...page, items }
}

/**
 * Delivers again, in the outbox's order, so before whatever of the same lead came later: one of
 * them, whatever its state, or all dead ones. @returns how many
 */
export const replay = async (
  db: Db,
  webhookId: number,
  messageId: string | undefined,
  now: number
): Promise<number> => {
  const chosen = db.selectFrom('deliveries').where('webhook_id', '=', webhookId)
  const of =
    messageId === undefined
      ? chosen.where('state', '=', 'dead')
      : chosen.where(
          'outbox_id',
          'in',
          db.selectFrom('outbox').select('id').where('message_id', '=', messageId)
        )
  await db
    .updateTable('delivery_queues')
    .set({ due_at: 0 })
    .where('webhook_id', '=', webhookId)
    .where('queue', 'in', of.select('queue'))
    .execute()
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({
      state: 'pending',
      attempts: 0,
      next_attempt_at: null,
      settled_at: null,
      gives_up_at: null,
      expires_at: now + deliverForMs
    })
    .where('webhook_id', '=', webhookId)
    .where('outbox_id', 'in', of.select('outbox_id'))
    .executeTakeFirst()
  return Number(numUpdatedRows)
}
