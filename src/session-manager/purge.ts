import { AckPolicy, DeliverPolicy, type JetStreamClient, type JetStreamManager, type JsMsg } from '@nats-io/jetstream'
import type { JournalRecord } from '../contract/record.ts'
import { recordStream } from '../contract/stream.ts'
import { lastMessage } from '../platform/nats-stream.ts'
import type { Journal } from './journal.ts'

export interface Purge {
  client: JetStreamClient
  manager: JetStreamManager
  /** Of the account. */
  subject: string
  journal: Pick<Journal, 'wasErasedOnRequest'>
  stop: AbortSignal
}

/** Records that are asked for at a time, and deletions under way. */
const batchSize = 500
const maxDeletions = 256
/** How long one request for records waits, ms, and how long the consumer of a process that died is kept. */
const expiresMs = 5_000
const inactiveNs = 60_000 * 1_000_000

/**
 * Reads all that the stream has of an account, and deletes what was erased on request; NATS writes over the bytes of each.
 * By content: other hosts have forwarded records of the same persons. @returns how many were deleted
 */
export const deleteFromStream = async ({ client, manager, subject, journal, stop }: Purge): Promise<number> => {
  const last = await lastMessage(manager, recordStream, subject)
  if (last === null) return 0
  const { name } = await manager.consumers.add(recordStream, {
    filter_subject: subject, deliver_policy: DeliverPolicy.All, ack_policy: AckPolicy.None, inactive_threshold: inactiveNs
  })
  const consumer = await client.consumers.get(recordStream, name)
  const deletions: Promise<unknown>[] = []
  let [deleted, read] = [0, 0]
  try {
    while (read < last.seq) {
      const before = read
      for await (const message of await consumer.fetch({ max_messages: batchSize, expires: expiresMs })) {
        read = message.seq
        if (isErased(message, journal)) {
          deletions.push(manager.streams.deleteMessage(recordStream, message.seq, true))
          deleted += 1
        }
        if (read >= last.seq) break
        if (deletions.length >= maxDeletions) await Promise.all(deletions.splice(0))
      }
      await Promise.all(deletions.splice(0))
      if (stop.aborted) throw new Error('forwarding was stopped')
      if (read > before) continue
      const { num_pending } = await consumer.info()
      // Another host has deleted the last ones, or they have become too old.
      if (num_pending === 0) break
      throw new Error(`NATS gives no more records after ${read} of ${last.seq}`)
    }
  } finally {
    await Promise.allSettled(deletions)
    // One that is left is deleted by NATS after a minute.
    await manager.consumers.delete(recordStream, name).catch(() => undefined)
  }
  return deleted
}

const isErased = (message: JsMsg, journal: Purge['journal']): boolean => {
  const record = message.json<JournalRecord>()
  return record.kind !== 'erased' && journal.wasErasedOnRequest(record)
}
