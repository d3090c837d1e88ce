import { sql } from 'kysely'
import { giveUp, startGivingUp } from './deliveries.ts'
import { deliverForMs } from './outbox.ts'
import type { Db } from '../database/schema.ts'

/**
 * How long deliveries are kept, to be listed and replayed. What waits is kept until it is delivered
 * or given up.
 */
const deliveredMs = 7 * 86_400_000
const deliveredOfEach = 1_000
const deadMs = 30 * 86_400_000

/** What no delivery is left of. */
export const pruneOutbox = async (db: Db): Promise<void> => {
  await db
    .deleteFrom('outbox')
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(selectFrom('deliveries').select('outbox_id').whereRef('outbox_id', '=', 'outbox.id'))
      )
    )
    .execute()
}

/**
 * Gives up what a webhook did not take in its time because it was off.
 * @param deliveringMs how long hubs have delivered, ms
 * @param at ms since 1970
 */
export const giveUpOff = async (db: Db, deliveringMs: number, at: number): Promise<void> => {
  const webhooks = await db.selectFrom('webhooks').select('id').where('enabled', '=', 0).execute()
  for (const { id } of webhooks) {
    await db.transaction().execute(async (trx) => {
      await startGivingUp(trx, id, deliveringMs + deliverForMs)
      await giveUp(trx, id, deliveringMs, { at, error: 'the webhook was off' })
    })
  }
}

/**
 * Drops deliveries that are kept no longer.
 * @param maxMs nothing settled is kept for longer, ms: the retention of messages, whose text is in
 * them
 */
export const pruneDeliveries = async (db: Db, now = Date.now(), maxMs = Infinity): Promise<void> =>
  db.transaction().execute(async (trx) => {
    for (const [state, keepMs] of [
      ['delivered', deliveredMs],
      ['dead', deadMs]
    ] as const) {
      await trx
        .deleteFrom('deliveries')
        .where('state', '=', state)
        .where('settled_at', '<', now - Math.min(keepMs, maxMs))
        .execute()
    }
    const webhooks = await trx.selectFrom('webhooks').select('id').execute()
    for (const { id } of webhooks) {
      await sql`
        delete from deliveries
        where webhook_id = ${id} and state = 'delivered' and outbox_id <= (
          select outbox_id from deliveries where webhook_id = ${id} and state = 'delivered'
          order by outbox_id desc limit 1 offset ${deliveredOfEach})`.execute(trx)
    }
    await pruneOutbox(trx)
  })
