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
  /** Of the account. */
  subject: string
  journal: Pick<Journal, 'id' | 'wasErasedOnRequest' | 'quotesErased'>
  stop: AbortSignal
}

/** Records that are read at a time, and deletions under way. */
const batchSize = 1_000
const maxDeletions = 128
/**
 * How long one request for records waits, ms, and how long the consumer of a process that died is
 * kept.
 */
const expiresMs = 5_000
const inactiveNs = 60_000 * 1_000_000

/**
 * Reads the next records of an account, without a hole. A consumer does not deliver again what was
 * lost on its way, as while this process was busy: each request has its own, and what comes after a
 * hole is read by the next one.
 * @returns none when there are no more
 */
const readSome = async ({ client, manager, subject }: Purge, after: number): Promise<JsMsg[]> => {
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
    // One that is left is deleted by NATS after a minute.
    await manager.consumers.delete(recordStream, name).catch(() => undefined)
  }
}

/**
 * Reads all that the stream has of an account, and deletes what was erased on request; NATS writes
 * over the bytes of each. By content: other hosts have forwarded records of the same persons.
 * @returns how many were deleted
 */
export const deleteFromStream = async (purge: Purge): Promise<number> => {
  const { manager, journal, stop } = purge
  const { state } = await manager.streams.info(recordStream)
  let deleted = 0
  for (let read = 0; read < state.last_seq; ) {
    const messages = await readSome(purge, read)
    const erased = messages.filter((message) => isErased(message, journal))
    for (let start = 0; start < erased.length; start += maxDeletions) {
      const some = erased.slice(start, start + maxDeletions)
      await Promise.all(
        some.map(({ seq }) => manager.streams.deleteMessage(recordStream, seq, true))
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
  // What only quotes it stays in the journal, without the quote: hubs read it from there, if it is
  // this journal's.
  const isOurs = message.headers?.get(journalHeader) === journal.id
  return journal.wasErasedOnRequest(record) || (isOurs && journal.quotesErased(record))
}
