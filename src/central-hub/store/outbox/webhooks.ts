import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type {
  Webhook,
  WebhookCreate,
  WebhookEvent,
  WebhookPatch,
  WebhookWithSecret
} from '../../../contract/webhook.ts'
import { countDeliveries, tryAgainNow, type DeliveryCounts } from './deliveries.ts'
import { pruneOutbox } from './prune-deliveries.ts'
import type { Db, WebhookTable } from '../database/schema.ts'

/**
 * The endpoints that events are posted to. Each function that writes runs inside a transaction of
 * the caller's.
 */

/**
 * How many there may be at most. It bounds how many deliveries are under way concurrently, too:
 * four each.
 */
export const maxWebhooks = 50
/** A secret that was replaced signs along for this long, ms. */
const oldSecretMs = 86_400_000

type Row = Selectable<WebhookTable>

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString())

/** A boolean as the column `enabled` has it. */
const flag = (value: boolean): 0 | 1 => (value ? 1 : 0)

const toWebhook = (row: Row, { pending = 0, dead = 0 }: DeliveryCounts = {}): Webhook => ({
  id: row.id,
  url: row.url,
  description: row.description,
  events: JSON.parse(row.events) as WebhookEvent[],
  enabled: row.enabled === 1,
  created_at: new Date(row.created_at).toISOString(),
  pending,
  dead,
  last_success_at: iso(row.last_success_at),
  failing_since: iso(row.failing_since),
  last_error: row.last_error
})

const withCounts = async (db: Db, row: Row): Promise<Webhook> =>
  toWebhook(row, (await countDeliveries(db, row.id)).get(row.id))

/** 256 bits, as the signature scheme of https://www.standardwebhooks.com/ asks for. */
const drawSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`

/** By id. */
export const listWebhooks = async (db: Db): Promise<Webhook[]> => {
  const rows = await db.selectFrom('webhooks').selectAll().orderBy('id').execute()
  const counts = await countDeliveries(db)
  return rows.map((row) => toWebhook(row, counts.get(row.id)))
}

export const getWebhook = async (db: Db, id: number): Promise<Webhook | undefined> => {
  const row = await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()
  return row && withCounts(db, row)
}

/** @returns undefined when there are as many as there may be */
export const createWebhook = async (
  db: Db,
  { url, events, description = '', enabled = true }: WebhookCreate
): Promise<WebhookWithSecret | undefined> => {
  const { webhooks } = await db
    .selectFrom('webhooks')
    .select(({ fn }) => fn.countAll<number>().as('webhooks'))
    .executeTakeFirstOrThrow()
  if (webhooks >= maxWebhooks) return undefined
  const row = await db
    .insertInto('webhooks')
    .values({
      url,
      description,
      events: JSON.stringify(events),
      enabled: flag(enabled),
      secret: drawSecret(),
      created_at: Date.now()
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  return { ...toWebhook(row), secret: row.secret }
}

/**
 * Changes a webhook. One that is turned on, or has another URL, begins without its failures: what
 * waits is tried without further delay.
 * @returns undefined when no webhook has that id
 */
export const patchWebhook = async (
  db: Db,
  id: number,
  { url, events, description, enabled }: WebhookPatch
): Promise<Webhook | undefined> => {
  const before = await db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst()
  if (before === undefined) return undefined
  const afresh =
    (enabled === true && before.enabled === 0) || (url !== undefined && url !== before.url)
  const columns = {
    url: url ?? before.url,
    events: events === undefined ? before.events : JSON.stringify(events),
    description: description ?? before.description,
    enabled: enabled === undefined ? before.enabled : flag(enabled)
  }
  const row = await db
    .updateTable('webhooks')
    .set(afresh ? { ...columns, failures: 0, failing_since: null, last_error: null } : columns)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  if (afresh) await tryAgainNow(db, id)
  return withCounts(db, row)
}

/** Whether its latest attempt failed, unless it was turned on or moved since then. */
export const hasFailedLately = async (db: Db, id: number): Promise<boolean> => {
  const row = await db
    .selectFrom('webhooks')
    .select('failures')
    .where('id', '=', id)
    .executeTakeFirst()
  return (row?.failures ?? 0) > 0
}

/** With what waits for it. @returns whether there was one of that id */
export const deleteWebhook = async (db: Db, id: number): Promise<boolean> => {
  const { numDeletedRows } = await db.deleteFrom('webhooks').where('id', '=', id).executeTakeFirst()
  if (numDeletedRows > 0n) await pruneOutbox(db)
  return numDeletedRows > 0n
}

/**
 * Draws a new secret; the one it replaces signs along for a day. @returns undefined when there is
 * none of that id
 */
export const rotateSecret = async (
  db: Db,
  id: number,
  now = Date.now()
): Promise<WebhookWithSecret | undefined> => {
  const row = await db
    .updateTable('webhooks')
    .set((old) => ({
      secret: drawSecret(),
      old_secret: old.ref('secret'),
      old_secret_until: now + oldSecretMs
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
  return row && { ...(await withCounts(db, row)), secret: row.secret }
}
