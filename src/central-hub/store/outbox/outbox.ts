import { randomBytes } from 'node:crypto'
import type { Status } from '../../../contract/session.ts'
import type { Problem } from '../../../contract/problem.ts'
import type { WebhookBody, WebhookEvent, WebhookType } from '../../../contract/webhook.ts'
import { getAlarms } from '../read/alarms.ts'
import { getLeads } from '../read/leads.ts'
import { getMessages } from '../read/messages.ts'
import { getRemoved } from '../read/removed.ts'
import type { Database, Db } from '../database/schema.ts'

/**
 * What webhooks are told, written in the transaction that makes it happen: what is committed is
 * delivered, whatever happens to the hub after that, and what is not never was.
 */

/**
 * From the first attempt that fails after it was queued a delivery has this long, ms; an attempt
 * that fails later is the last one. So this bounds what waits for an endpoint, too. It counts by
 * the time that hubs have delivered; the release before counts by the time of day, from when it was
 * queued.
 */
export const deliverForMs = 3 * 86_400_000

/** Rows that are read and written together: an import may rename a hundred thousand leads. */
const batchSize = 500

/** The body of an event as it is kept; its id and link are added to each delivery. */
export type StoredBody = Omit<WebhookBody, 'id' | 'link'>

/** Something to tell, and whose data is in it. */
interface News {
  type: WebhookType
  data: unknown
  /** See `queue` of deliveries in schema.ts. */
  queue: string
  leadId?: number | null
  messagePk?: number
}

/** Webhooks that are on, by what they are to be told. */
const subscribers = async (db: Db): Promise<Map<WebhookEvent, number[]>> => {
  const webhooks = await db
    .selectFrom('webhooks')
    .select(['id', 'events'])
    .where('enabled', '=', 1)
    .execute()
  const pairs = webhooks.flatMap(({ id, events }) =>
    (JSON.parse(events) as WebhookEvent[]).map((event) => ({ event, id }))
  )
  return new Map(
    [...Map.groupBy(pairs, ({ event }) => event)].map(([event, of]) => [
      event,
      of.map(({ id }) => id)
    ])
  )
}

const leadQueue = (id: number): string => `lead:${id}`
const messageQueue = (pk: number): string => `message:${pk}`

/**
 * What waits of a message that had no lead goes before what is put in the queue of the lead that it
 * has now.
 */
const joinQueue = async (db: Db, pk: number, leadId: number): Promise<void> => {
  await db
    .updateTable('deliveries')
    .set({ queue: leadQueue(leadId) })
    .where('outbox_id', 'in', db.selectFrom('outbox').select('id').where('message_pk', '=', pk))
    .where('queue', '=', messageQueue(pk))
    .execute()
}

/** @returns their `webhook-id`s */
const put = async (
  db: Db,
  news: readonly News[],
  webhooks: (type: WebhookType) => readonly number[],
  now: number
): Promise<string[]> => {
  const rows = news.map(({ type, data, queue, leadId = null, messagePk = null }) => ({
    queue,
    row: {
      message_id: `msg_${randomBytes(18).toString('base64url')}`,
      type,
      lead_id: leadId,
      message_pk: messagePk,
      body: JSON.stringify({
        type,
        timestamp: new Date(now).toISOString(),
        data
      } satisfies StoredBody),
      created_at: now
    }
  }))
  for (const { row, queue } of rows) {
    const { id } = await db
      .insertInto('outbox')
      .values(row)
      .returning('id')
      .executeTakeFirstOrThrow()
    const deliveries = webhooks(row.type).map((webhook_id) => ({
      webhook_id,
      outbox_id: id,
      queue,
      state: 'pending' as const,
      ping: row.type === 'webhook.ping' ? 1 : 0,
      expires_at: now + deliverForMs
    }))
    await db.insertInto('deliveries').values(deliveries).execute()
  }
  return rows.map(({ row }) => row.message_id)
}

const newsOfMessages = async (
  db: Db,
  pks: readonly number[],
  type: (pk: number) => WebhookEvent
): Promise<News[]> => {
  const messages = await getMessages(db, pks)
  const leads = await getLeads(db, [
    ...new Set([...messages.values()].flatMap(({ lead_id }) => lead_id ?? []))
  ])
  return pks.flatMap((pk) => {
    const message = messages.get(pk)
    if (message === undefined) return []
    const lead = message.lead_id === null ? null : (leads.get(message.lead_id) ?? null)
    const queue = message.lead_id === null ? messageQueue(pk) : leadQueue(message.lead_id)
    return [
      { type: type(pk), data: { message, lead }, queue, leadId: message.lead_id, messagePk: pk }
    ]
  })
}

const newsOfLeads = async (
  db: Db,
  ids: readonly number[],
  type: (id: number) => WebhookEvent
): Promise<News[]> => {
  const leads = await getLeads(db, ids)
  return ids.flatMap((id) => {
    const lead = leads.get(id)
    return lead === undefined
      ? []
      : [{ type: type(id), data: { lead }, queue: leadQueue(id), leadId: id }]
  })
}

const newsOfRemovedLeads = async (db: Db, ids: readonly number[]): Promise<News[]> =>
  [...(await getRemoved(db, ids)).values()].map((data) => ({
    type: 'lead.removed',
    data,
    queue: leadQueue(data.merged_into ?? data.id)
  }))

/**
 * Puts in the outbox what happened to messages or leads; `refs` and `fresh` as addEvents of
 * events.ts has them.
 */
export const tellWebhooks = async (
  db: Db,
  type: Database['events']['type'],
  refs: readonly number[],
  fresh: ReadonlySet<number>
): Promise<void> => {
  const told = await subscribers(db)
  const typeOf =
    (of: 'message' | 'lead') =>
    (ref: number): WebhookEvent =>
      `${of}.${fresh.has(ref) ? 'created' : 'updated'}`
  const newsOf = (part: readonly number[]): Promise<News[]> => {
    if (type === 'message') return newsOfMessages(db, part, typeOf('message'))
    if (type === 'lead') return newsOfLeads(db, part, typeOf('lead'))
    return newsOfRemovedLeads(db, part)
  }
  const wanted = refs.filter((ref) =>
    told.has(type === 'lead_removed' ? 'lead.removed' : typeOf(type)(ref))
  )
  for (let start = 0; start < wanted.length; start += batchSize) {
    const news = await newsOf(wanted.slice(start, start + batchSize))
    for (const { type: each, messagePk, leadId } of news)
      if (each === 'message.updated' && messagePk !== undefined && leadId != null)
        await joinQueue(db, messagePk, leadId)
    await put(
      db,
      news,
      (each) => (each === 'webhook.ping' ? [] : (told.get(each) ?? [])),
      Date.now()
    )
  }
}

/**
 * What a change of is told: the status, and whether WhatsApp holds the linked device at its
 * checkpoint.
 */
const stateOf = (now: Status | Problem): string => {
  if (!('journal' in now)) return now.type
  return now.limited_by?.includes('checkpoint') ? `${now.status} at the checkpoint` : now.status
}

/**
 * The status that counts after this one. While a failed session is tried again it still counts as
 * failed, so that there is one event and not one for each attempt.
 */
const statusAfter = (before: string | undefined, now: Status | Problem): string => {
  const status = stateOf(now)
  const isRetry =
    'journal' in now && now.failures > 0 && (status === 'INIT' || status === 'AUTHENTICATED')
  return isRetry && (before === 'ERROR' || before === 'DISCONNECTED') ? before : status
}

/**
 * Puts a change of a session in the outbox. The same status again is no change, also after a
 * restart of the hub.
 * @param account '' for the first session-manager, whose name is not known at first
 * @returns whether it is one that a webhook waits for
 */
export const addSessionEvent = (db: Db, account: string, now: Status | Problem): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const before = await trx
      .selectFrom('session_states')
      .select(['status', 'down_since', 'name'])
      .where('account', '=', account)
      .executeTakeFirst()
    const isUp = 'journal' in now && now.status === 'READY'
    const down_since = isUp ? null : (before?.down_since ?? Date.now())
    const name = 'journal' in now ? now.account : (before?.name ?? account)
    const status = statusAfter(before?.status, now)
    const isSame = before?.status === status
    if (isSame && before.down_since === down_since && before.name === name) return false
    await trx
      .insertInto('session_states')
      .values({ account, status, down_since, name })
      .onConflict((on) => on.column('account').doUpdateSet({ status, down_since, name }))
      .execute()
    if (isSame) return false
    const ids = (await subscribers(trx)).get('session.changed') ?? []
    if (ids.length > 0)
      await put(
        trx,
        [{ type: 'session.changed', data: now, queue: `session:${account}` }],
        () => ids,
        Date.now()
      )
    return ids.length > 0
  })

/**
 * Puts alarms in the outbox that were just raised, or that just ended: `session.up`, of the end of
 * a lead's wait nobody is told.
 * @param ids alarms.id
 */
export const addAlarmNews = async (db: Db, ids: readonly number[]): Promise<void> => {
  const told = await subscribers(db)
  for (let start = 0; start < ids.length; start += batchSize) {
    const alarms = await getAlarms(db, ids.slice(start, start + batchSize))
    const leads = await getLeads(
      db,
      [...alarms.values()].flatMap(({ lead_id }) => lead_id ?? [])
    )
    const news = [...alarms.values()].map((alarm): News => {
      const { event, lead_id, account, over_at } = alarm
      if (lead_id === null) {
        const type = over_at === null ? event : 'session.up'
        return { type, data: { alarm }, queue: `session:${account}` }
      }
      const data = { alarm, lead: leads.get(lead_id) }
      return { type: event, data, queue: leadQueue(lead_id), leadId: lead_id }
    })
    const ofType = (type: WebhookType): number[] =>
      type === 'webhook.ping' ? [] : (told.get(type) ?? [])
    await put(
      db,
      news.filter(({ type }) => ofType(type).length > 0),
      ofType,
      Date.now()
    )
  }
}

/** Puts a ping for one webhook in the outbox. @returns its `webhook-id` */
export const addPing = async (db: Db, webhookId: number): Promise<string> => {
  const [id] = await put(
    db,
    [{ type: 'webhook.ping', data: {}, queue: '' }],
    () => [webhookId],
    Date.now()
  )
  return id as string
}

/**
 * Takes a lead's data out of the outbox, delivered or not, when the lead is deleted for good.
 * Events of its messages are deleted with the rows of the messages.
 */
export const eraseDeliveries = async (db: Db, leadId: number): Promise<void> => {
  await db.deleteFrom('outbox').where('lead_id', '=', leadId).execute()
}
