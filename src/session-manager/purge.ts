import { DeliverPolicy, type JetStreamClient, type JetStreamManager, type JsMsg } from '@nats-io/jetstream'
import type { JournalRecord } from '../contract/record.ts'
import { recordStream } from '../contract/stream.ts'
import type { Journal } from './journal.ts'

export interface Purge {
  client: JetStreamClient
  manager: JetStreamManager
  /** Of the account. */
  subject: string
  journal: Pick<Journal, 'wasErasedOnRequest'>
  stop: AbortSignal
}

/** Deletions under way at a time. */
const maxAtOnce = 64

/**
 * Reads all that the stream has of an account, and deletes what was erased on request; NATS writes over the bytes of each.
 * By content: other hosts have forwarded records of the same persons. @returns how many were deleted
 */
export const deleteFromStream = async ({ client, manager, subject, journal, stop }: Purge): Promise<number> => {
  const last = await manager.streams.getMessage(recordStream, { last_by_subj: subject })
  if (last === null) return 0
  const consumer = await client.consumers.get(recordStream, { filter_subjects: [subject], deliver_policy: DeliverPolicy.All })
  const messages = await consumer.consume()
  const deleting: Promise<unknown>[] = []
  let deleted = 0
  try {
    for await (const message of messages) {
      if (stop.aborted) throw new Error('forwarding was stopped')
      if (isErased(message, journal)) {
        deleting.push(manager.streams.deleteMessage(recordStream, message.seq, true))
        deleted += 1
      }
      if (deleting.length >= maxAtOnce) await Promise.all(deleting.splice(0))
      if (message.seq >= last.seq || message.info.pending === 0) break
    }
    await Promise.all(deleting.splice(0))
  } finally {
    await messages.close()
    await consumer.delete().catch(() => undefined)
  }
  return deleted
}

const isErased = (message: JsMsg, journal: Purge['journal']): boolean => {
  const record = message.json<JournalRecord>()
  return record.kind !== 'erased' && journal.wasErasedOnRequest(record)
}
