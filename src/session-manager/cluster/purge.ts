import {
  AckPolicy,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg
} from '@nats-io/jetstream'
import type { JournalRecord } from '../../contract/record.ts'
import { journalHeader, recordStream } from '../../contract/stream.ts'
import type { Journal } from '../journal/journal.ts'

interface Purge {
  client: JetStreamClient
  manager: JetStreamManager
  /** The subject of the account. */
  subject: string
  journal: Pick<Journal, 'id' | 'wasErasedOnRequest' | 'quotesErased'>
  stop: AbortSignal
}

/** Records that are read with one request. */
const batchSize = 1_000
/** Deletions that run concurrently. */
const maxDeletions = 128
/** How long one request for records waits, ms. */
const expiresMs = 5_000
/** How long NATS keeps the consumer of a process that died. */
const inactiveNs = 60_000 * 1_000_000

/**
 * Reads the next records of an account, without a gap. A consumer does not deliver again what was
 * lost on its way, as while this process was busy. So each request has a consumer of its own, and
 * the next request reads what comes after a gap.
 * @returns an empty list when there are no more
 */
const readBatch = async ({ client, manager, subject }: Purge, after: number): Promise<JsMsg[]> => {
  const info = await manager.consumers.add(recordStream, {
    filter_subject: subject,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    ack_policy: AckPolicy.None,
    inactive_threshold: inactiveNs
  })
  const { name, num_pending } = info
  try {
    if (num_pending === 0) return []
    const consumer = client.consumers.getConsumerFromInfo(info)
    const messages: JsMsg[] = []
    for await (const message of await consumer.fetch({
      max_messages: Math.min(batchSize, num_pending),
      expires: expiresMs
    })) {
      if (message.info.deliverySequence !== messages.length + 1) break
      messages.push(message)
    }
    if (messages.length === 0)
      throw new Error(`NATS gives no more records after ${after}, and has ${num_pending}`)
    return messages
  } finally {
    // NATS deletes a consumer that is left after a minute.
    await manager.consumers.delete(recordStream, name).catch(() => undefined)
  }
}

/**
 * Reads all records of an account in the stream, and deletes those that were erased on request.
 * NATS overwrites their bytes. The content decides, not the seq: other hosts have forwarded records
 * of the same persons.
 * @returns how many were deleted
 */
export const deleteFromStream = async (purge: Purge): Promise<number> => {
  const { manager, journal, stop } = purge
  const { state } = await manager.streams.info(recordStream)
  let deleted = 0
  for (let read = 0; read < state.last_seq; ) {
    const messages = await readBatch(purge, read)
    const erased = messages.filter((message) => isErased(message, journal))
    for (let start = 0; start < erased.length; start += maxDeletions) {
      const batch = erased.slice(start, start + maxDeletions)
      await Promise.all(
        batch.map(({ seq }) => manager.streams.deleteMessage(recordStream, seq, true))
      )
    }
    if (stop.aborted) throw new Error('forwarding was stopped')
    deleted += erased.length
    read = messages.at(-1)?.seq ?? state.last_seq
  }
  return deleted
}

const isErased = (message: JsMsg, journal: Purge['journal']): boolean => {
  const record = message.json<JournalRecord>()
  if (record.kind === 'erased') return false
  // A record that only quotes an erased message stays in the journal, without the quote. Hubs read
  // it from there, if it is of this journal.
  const isOurs = message.headers?.get(journalHeader) === journal.id
  return journal.wasErasedOnRequest(record) || (isOurs && journal.quotesErased(record))
}
