import { invalid, ProblemError } from '../../platform/http/problem.ts'
import { listDeliveries, replay } from '../store/outbox/deliveries.ts'
import { addPing } from '../store/outbox/outbox.ts'
import { fromCursor, toCursor } from '../store/read/page.ts'
import type { Db } from '../store/database/schema.ts'
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  listWebhooks,
  maxWebhooks,
  patchWebhook,
  rotateSecret
} from '../store/outbox/webhooks.ts'
import { RefusedUrl, type SsrfGuard } from '../webhooks/guard.ts'
import type { Serve } from './serve.ts'

/** The webhook of that id. @throws {ProblemError} not-found */
const webhookOf = async <W>(id: number, query: Promise<W | undefined>): Promise<W> => {
  const webhook = await query
  if (webhook === undefined) throw new ProblemError('not-found', `there is no webhook ${id}`)
  return webhook
}

/** @throws {ProblemError} not-found; conflict when it is off, because nothing would be delivered */
const ensureEnabled = async (db: Db, id: number): Promise<void> => {
  const { enabled } = await webhookOf(id, getWebhook(db, id))
  if (!enabled)
    throw new ProblemError(
      'conflict',
      `webhook ${id} is off: turn it on first, by PATCH with {"enabled":true}`
    )
}

const checkUrl = async (guard: SsrfGuard, url: string): Promise<void> => {
  try {
    await guard.check(url)
  } catch (error) {
    if (error instanceof RefusedUrl)
      throw invalid({ in: 'body', field: '/url', message: error.message })
    throw error
  }
}

interface WebhookRoutes {
  serve: Serve
  db: Db
  guard: SsrfGuard
  /** Called after a commit that may have queued deliveries. */
  onChanged: () => void
}

const addEndpointRoutes = ({ serve, db, guard, onChanged }: WebhookRoutes): void => {
  serve.read('listWebhooks', async () => ({ webhooks: await listWebhooks(db) }))

  serve.write(
    'createWebhook',
    async ({ body, trx }) => {
      const created = await createWebhook(trx, body)
      if (created === undefined)
        throw new ProblemError(
          'conflict',
          `there are ${maxWebhooks} webhooks, as many as there may be: remove one first`
        )
      return created
    },
    { before: ({ body }) => checkUrl(guard, body.url) }
  )

  serve.read('getWebhook', ({ params: { id } }) => webhookOf(id, getWebhook(db, id)))

  serve.write(
    'patchWebhook',
    ({ params: { id }, body, trx }) => webhookOf(id, patchWebhook(trx, id, body)),
    {
      before: async ({ body: { url } }) => (url === undefined ? undefined : checkUrl(guard, url)),
      current: ({ params: { id }, trx }) => webhookOf(id, getWebhook(trx, id)),
      after: onChanged
    }
  )

  serve.write('deleteWebhook', async ({ params: { id }, trx }) => {
    await webhookOf(
      id,
      deleteWebhook(trx, id).then((deleted) => deleted || undefined)
    )
    return undefined
  })

  serve.write('rotateWebhookSecret', ({ params: { id }, trx }) =>
    webhookOf(id, rotateSecret(trx, id))
  )
}

const addDeliveryRoutes = ({ serve, db, onChanged }: WebhookRoutes): void => {
  serve.write(
    'pingWebhook',
    async ({ params: { id }, trx }) => {
      await ensureEnabled(trx, id)
      return { delivery_id: await addPing(trx, id) }
    },
    { after: onChanged }
  )

  serve.read('listDeliveries', async ({ params: { id }, query: { state, limit, cursor } }) => {
    await webhookOf(id, getWebhook(db, id))
    const { items, next } = await listDeliveries(
      db,
      id,
      state,
      limit,
      fromCursor(cursor, 'deliveries')
    )
    return { deliveries: items, next_cursor: toCursor(next) }
  })

  serve.write(
    'replayDelivery',
    async ({ params: { id, delivery_id }, trx }) => {
      await ensureEnabled(trx, id)
      const replayed = await replay(trx, id, delivery_id, Date.now())
      if (replayed === 0)
        throw new ProblemError(
          'not-found',
          `webhook ${id} has no delivery ${delivery_id}, or it is not kept any more`
        )
      return { replayed }
    },
    { after: onChanged }
  )

  serve.write(
    'replayDeadDeliveries',
    async ({ params: { id }, trx }) => {
      await ensureEnabled(trx, id)
      return { replayed: await replay(trx, id, undefined, Date.now()) }
    },
    { after: onChanged }
  )
}

/**
 * Endpoints to which events are posted, and their deliveries; src/contract/api/webhooks.ts
 * describes each route.
 */
export const addWebhookRoutes = (options: WebhookRoutes): void => {
  addEndpointRoutes(options)
  addDeliveryRoutes(options)
}
