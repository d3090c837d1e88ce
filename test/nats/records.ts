import { jetstream, jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import type { Test } from 'tap'
import type { JournalRecord } from '../../src/contract/record.ts'
import {
  afterHeader,
  journalHeader,
  recordStream,
  recordSubject,
  recordSubjects,
  seqHeader
} from '../../src/contract/stream.ts'
import { openStream } from '../../src/platform/nats/nats-stream.ts'
import { connectionTo, type NatsServer } from './nats-server.ts'

/** What is in the stream, as the test itself looks. */

export interface Streamed {
  journalId: string
  seq: number
  after: string
  record: JournalRecord
}

export const managerOf = async (t: Test, server: NatsServer): Promise<JetStreamManager> =>
  jetstreamManager(await connectionTo(t, server))

/** The stream as daemons make it. */
export const makeStream = async (t: Test, server: NatsServer): Promise<JetStreamManager> =>
  openStream(await connectionTo(t, server), {
    name: recordStream,
    subjects: [recordSubjects],
    replicas: 1,
    keepMs: 86_400_000
  })

/** All messages of an account in the stream, oldest first. */
export const streamed = async (
  manager: JetStreamManager,
  account = 'main'
): Promise<Streamed[]> => {
  const { first_seq, last_seq } = (await manager.streams.info(recordStream)).state
  const places = Array.from({ length: last_seq - first_seq + 1 }, (_, index) => first_seq + index)
  const messages = await Promise.all(
    places.map((seq) => manager.streams.getMessage(recordStream, { seq }))
  )
  return messages.flatMap((message) =>
    message?.subject === recordSubject(account)
      ? {
          journalId: message.header.get(journalHeader),
          seq: Number(message.header.get(seqHeader)),
          after: message.header.get(afterHeader),
          record: message.json<JournalRecord>()
        }
      : []
  )
}

/** Publishes records as a session-manager would, in whatever order. */
export const publisher = async (
  t: Test,
  server: NatsServer
): Promise<(journalId: string, record: JournalRecord, after?: string) => Promise<void>> => {
  const client = jetstream(await connectionTo(t, server))
  return async (journalId, record, after) => {
    const header = headers()
    header.set(journalHeader, journalId)
    header.set(seqHeader, String(record.seq))
    if (after !== undefined) header.set(afterHeader, after)
    await client.publish(recordSubject(record.account), JSON.stringify(record), { headers: header })
  }
}
