import { sql } from 'kysely'
import type { Db } from '../database/schema.ts'

/**
 * What waits for a webhook is in queues, one of each lead. Only the first of a queue is tried, so
 * the order within it holds, and one that fails holds up no other queue. Moments are ms.
 */

/** The longest that a delivery is put off: a Retry-After is cut to this, ms. */
export const maxWaitMs = 86_400_000

interface Queue {
  queue: string
  /** When its first one may be tried; 0: it has not failed. */
  dueAt: number
  /** Of its first one. */
  outboxId: number
}

/** Which queues are looked for. */
export interface Wanted {
  /** Of which a delivery is under way, with its outbox.id. */
  busy?: ReadonlyMap<string, number>
  /**
   * Whether those whose first one has not failed are, and those whose first one has; both unless
   * told.
   */
  fresh?: boolean
  retries?: boolean
}

const pendingIn = (db: Db, webhookId: number, queue: string) =>
  db
    .selectFrom('deliveries')
    .select('outbox_id')
    .where('webhook_id', '=', webhookId)
    .where('queue', '=', queue)
    .where('state', '=', sql.lit('pending'))
    .orderBy('outbox_id')
    .limit(1)

const headOf = async (db: Db, webhookId: number, queue: string): Promise<number | undefined> =>
  (await pendingIn(db, webhookId, queue).executeTakeFirst())?.outbox_id

/** Queues in their order, as far as they are wanted. The first queue goes first. */
const candidates = async (
  db: Db,
  webhookId: number,
  now: number,
  skip: ReadonlySet<string>,
  { fresh = true, retries = true }: Wanted
) => {
  let query = db
    .selectFrom('delivery_queues')
    .select(['queue', 'due_at', 'changes'])
    .where('webhook_id', '=', webhookId)
    .limit(1)
  if (skip.size > 0) query = query.where('queue', 'not in', [...skip])
  const first = fresh
    ? await query.where('due_at', '=', 0).orderBy('turn').executeTakeFirst()
    : undefined
  if (first !== undefined || !retries) return first
  // A time beyond any wait of ours was kept while the clock was ahead.
  const beyond = await query.where('due_at', '>', now + maxWaitMs).executeTakeFirst()
  if (beyond !== undefined) return { ...beyond, due_at: now }
  return query.where('due_at', '>', 0).orderBy('due_at').orderBy('turn').executeTakeFirst()
}

/**
 * The queue that goes next, which may be due later; undefined when nothing that is wanted waits.
 */
export const nextQueue = async (
  db: Db,
  webhookId: number,
  now: number,
  wanted: Wanted = {}
): Promise<Queue | undefined> => {
  const { busy = new Map<string, number>() } = wanted
  const underWay = new Set(busy.values())
  const skip = new Set(busy.keys())
  for (;;) {
    const found = await candidates(db, webhookId, now, skip, wanted)
    if (found === undefined) return undefined
    const { queue, due_at: dueAt, changes } = found
    const outboxId = await headOf(db, webhookId, queue)
    if (outboxId !== undefined && !underWay.has(outboxId)) return { queue, dueAt, outboxId }
    // What it held was erased, or is under way since before its lead was merged into another.
    if (outboxId === undefined) await dropEmpty(db, webhookId, queue, changes)
    skip.add(queue)
  }
}

/** Drops a queue in which nothing was found, unless something was put there since then. */
const dropEmpty = async (
  db: Db,
  webhookId: number,
  queue: string,
  changes: number
): Promise<void> => {
  await db
    .deleteFrom('delivery_queues')
    .where('webhook_id', '=', webhookId)
    .where('queue', '=', queue)
    .where('changes', '=', changes)
    .execute()
}

/** The first of a queue was settled: the next one may go, after those of other queues. */
export const advance = async (db: Db, webhookId: number, queue: string): Promise<void> => {
  const found = await db
    .selectFrom('delivery_queues')
    .select('changes')
    .where('webhook_id', '=', webhookId)
    .where('queue', '=', queue)
    .executeTakeFirst()
  if (found === undefined) return
  if ((await headOf(db, webhookId, queue)) === undefined)
    return dropEmpty(db, webhookId, queue, found.changes)
  await db
    .updateTable('delivery_queues')
    .set({ due_at: 0, turn: sql`(select coalesce(max(id), 0) + 1 from outbox)` })
    .where('webhook_id', '=', webhookId)
    .where('queue', '=', queue)
    .execute()
}

/** The first of a queue is tried again at a time. */
export const postpone = async (
  db: Db,
  webhookId: number,
  queue: string,
  dueAt: number
): Promise<void> => {
  await db
    .updateTable('delivery_queues')
    .set({ due_at: dueAt })
    .where('webhook_id', '=', webhookId)
    .where('queue', '=', queue)
    .execute()
}
