import { sql } from 'kysely'
import type { Delivery } from '../../contract/webhook.ts'
import { deliverForMs } from './outbox.ts'
import { toPage, type Page, type Position } from './page.ts'
import type { Db } from './schema.ts'

/** What of the outbox is on its way to each webhook, always in the outbox's order. Moments are ms. */

/** The longest that a delivery is put off: a Retry-After is cut to this, ms. */
export const maxWaitMs = 86_400_000

/** The next delivery of a webhook, with what an attempt needs. */
export interface NextDelivery {
  webhookId: number
  outboxId: number
  /** Its `webhook-id`. */
  messageId: string
  /** JSON of a `StoredBody` of outbox.ts. */
  body: string
  /** Whose lead it is about; null: nobody's. */
  leadId: number | null
  url: string
  /** Each signs; the current one first. */
  secrets: string[]
  ping: boolean
  dueAt: number
  expiresAt: number
  /** Of the webhook: attempts that failed in a row, and since when. */
  failures: number
  failingSince: number | null
}

/** What came of an attempt. */
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
    .where(({ exists, selectFrom }) => exists(selectFrom('deliveries').select('outbox_id').whereRef('webhook_id', '=', 'webhooks.id').where('state', '=', 'pending')))
    .execute()
  return rows.map(({ id }) => id)
}

/** The oldest that waits; a ping before all. */
const headOf = async (db: Db, webhookId: number): Promise<number | undefined> => {
  // for itself, so that each is one step in an index, however much there is
  const pending = db.selectFrom('deliveries').select('outbox_id').where('webhook_id', '=', webhookId).where('state', '=', sql.lit('pending')).orderBy('outbox_id').limit(1)
  return ((await pending.where('ping', '=', sql.lit(1)).executeTakeFirst()) ?? (await pending.executeTakeFirst()))?.outbox_id
}

/** undefined when nothing waits, or the webhook is off or gone. */
export const nextDelivery = async (db: Db, webhookId: number, now: number): Promise<NextDelivery | undefined> => {
  const head = await headOf(db, webhookId)
  if (head === undefined) return undefined
  const row = await db
    .selectFrom('deliveries')
    .innerJoin('outbox', 'outbox.id', 'outbox_id')
    .innerJoin('webhooks', 'webhooks.id', 'webhook_id')
    .select(['outbox_id', 'message_id', 'body', 'lead_id', 'url', 'secret', 'old_secret', 'old_secret_until', 'ping', 'next_attempt_at', 'expires_at', 'failures', 'failing_since'])
    .where('webhook_id', '=', webhookId)
    .where('outbox_id', '=', head)
    .where('enabled', '=', 1)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { old_secret, old_secret_until } = row
  return {
    webhookId,
    outboxId: row.outbox_id,
    messageId: row.message_id,
    body: row.body,
    leadId: row.lead_id,
    url: row.url,
    secrets: old_secret !== null && now < (old_secret_until ?? 0) ? [row.secret, old_secret] : [row.secret],
    ping: row.ping === 1,
    // A time beyond any wait of ours was kept while the clock was ahead.
    dueAt: row.next_attempt_at === null || row.next_attempt_at > now + maxWaitMs ? now : row.next_attempt_at,
    expiresAt: row.expires_at,
    failures: row.failures,
    failingSince: row.failing_since
  }
}

/** Lets what waits for a webhook be tried at once. */
export const tryAgainNow = async (db: Db, webhookId: number): Promise<void> => {
  await db.updateTable('deliveries').set({ next_attempt_at: null }).where('webhook_id', '=', webhookId).where('state', '=', 'pending').where('next_attempt_at', 'is not', null).execute()
}

const hasFailed = async (db: Db, webhookId: number): Promise<boolean> =>
  (await db.selectFrom('deliveries').select('outbox_id').where('webhook_id', '=', webhookId).where('state', '=', 'pending').where('attempts', '>', 0).limit(1).executeTakeFirst()) !== undefined

const updateOf = (db: Db, { webhookId, outboxId }: NextDelivery) =>
  db.updateTable('deliveries').where('webhook_id', '=', webhookId).where('outbox_id', '=', outboxId)

/** A delivery was taken. After a ping what has been failing is tried at once. @returns whether nothing that waits has failed before */
export const settleDelivered = async (db: Db, delivery: NextDelivery, { at, status }: Pick<Attempt, 'at' | 'status'>): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    await updateOf(trx, delivery)
      .set((row) => ({ state: 'delivered', attempts: row('attempts', '+', 1), next_attempt_at: null, settled_at: at, last_status: status, last_error: null }))
      .execute()
    if (delivery.ping) await tryAgainNow(trx, delivery.webhookId)
    const well = delivery.failingSince === null || !(await hasFailed(trx, delivery.webhookId))
    await trx
      .updateTable('webhooks')
      .set({ last_success_at: at, failures: 0, ...(well ? { failing_since: null, last_error: null } : {}) })
      .where('id', '=', delivery.webhookId)
      .execute()
    return well
  })

/**
 * An attempt failed, and there is another one at `retryAt`, or none: the delivery is dead. With `all`, whatever else of
 * the webhook has had its time is dead too. @returns how many are dead of it
 */
export const settleFailed = async (db: Db, delivery: NextDelivery, { at, status, error }: Attempt, then: { retryAt?: number; all?: boolean; disable?: boolean }): Promise<number> =>
  db.transaction().execute(async (trx) => {
    const { retryAt, all = false, disable = false } = then
    await updateOf(trx, delivery)
      .set((row) => ({ attempts: row('attempts', '+', 1), last_status: status, last_error: error, ...(retryAt === undefined ? { state: 'dead', next_attempt_at: null, settled_at: at } : { next_attempt_at: retryAt }) }))
      .execute()
    await trx
      .updateTable('webhooks')
      .set((row) => ({ failures: row('failures', '+', 1), failing_since: delivery.failingSince ?? at, last_error: error, ...(disable ? { enabled: 0 } : {}) }))
      .where('id', '=', delivery.webhookId)
      .execute()
    if (retryAt !== undefined) return 0
    return 1 + (all ? await giveUpExpired(trx, delivery.webhookId, { at, error }) : 0)
  })

const giveUpExpired = async (db: Db, webhookId: number, { at, error }: Pick<Attempt, 'at' | 'error'>): Promise<number> => {
  const { numUpdatedRows } = await db
    .updateTable('deliveries')
    .set({ state: 'dead', next_attempt_at: null, settled_at: at, last_error: error })
    .where('webhook_id', '=', webhookId)
    .where('state', '=', 'pending')
    .where('expires_at', '<=', at)
    .executeTakeFirst()
  return Number(numUpdatedRows)
}

export interface DeliveryCounts {
  pending?: number
  dead?: number
}

/** By webhook: how many wait, and how many were given up. */
export const countDeliveries = async (db: Db, webhookId?: number): Promise<Map<number, DeliveryCounts>> => {
  let query = db.selectFrom('deliveries').select(({ fn }) => ['webhook_id', 'state', fn.countAll<number>().as('deliveries')]).where('state', 'in', ['pending', 'dead'])
  if (webhookId !== undefined) query = query.where('webhook_id', '=', webhookId)
  const rows = await query.groupBy(['webhook_id', 'state']).execute()
  return new Map([...Map.groupBy(rows, ({ webhook_id }) => webhook_id)].map(([id, of]) => [id, Object.fromEntries(of.map(({ state, deliveries }) => [state, deliveries]))]))
}

/** Latest first. */
export const listDeliveries = async (db: Db, webhookId: number, state: Delivery['state'] | undefined, limit: number, after?: Position): Promise<Page<Delivery>> => {
  let query = db.selectFrom('deliveries').innerJoin('outbox', 'outbox.id', 'outbox_id').selectAll('deliveries').select(['outbox.message_id', 'outbox.type', 'outbox.created_at']).where('webhook_id', '=', webhookId)
  if (state !== undefined) query = query.where('state', '=', state)
  if (after) query = query.where('outbox_id', '<', after.id)
  const rows = await query.orderBy('outbox_id', 'desc').limit(limit + 1).execute()
  const page = toPage(rows, limit, ({ outbox_id }) => ({ order: 'deliveries', key: 0, id: outbox_id }))
  const items = page.items.map(({ message_id, type, state, created_at, attempts, next_attempt_at, last_status, last_error }) => ({
    id: message_id, type, state, attempts, last_status, last_error,
    created_at: new Date(created_at).toISOString(),
    next_attempt_at: next_attempt_at === null ? null : new Date(next_attempt_at).toISOString()
  }))
  return { ...page, items }
}

/**
 * Delivers again, in the outbox's order, so before whatever came later: one of them, whatever its state, or all dead
 * ones. @returns how many
 */
export const replay = async (db: Db, webhookId: number, messageId: string | undefined, now: number): Promise<number> => {
  const query = db
    .updateTable('deliveries')
    .set({ state: 'pending', attempts: 0, next_attempt_at: null, settled_at: null, expires_at: now + deliverForMs })
    .where('webhook_id', '=', webhookId)
  const of = messageId === undefined ? query.where('state', '=', 'dead') : query.where('outbox_id', 'in', db.selectFrom('outbox').select('id').where('message_id', '=', messageId))
  return Number((await of.executeTakeFirst()).numUpdatedRows)
}
