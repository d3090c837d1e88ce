import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jetstream } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import t, { type Test } from 'tap'
import type { JournalRecord } from '../../../src/contract/record.ts'
import { recordStream, recordSubject } from '../../../src/contract/stream.ts'
import { lastMessage } from '../../../src/platform/nats/nats-stream.ts'
import { openJournal } from '../../../src/session-manager/journal/journal.ts'
import { deleteFromStream } from '../../../src/session-manager/cluster/purge.ts'
import { natsServer } from '../../nats/nats-server.ts'
import { makeStream } from '../../nats/records.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { captured, newRecord } from '../journal/new-records.ts'

/** What was erased on request is deleted from NATS, whichever journal it was forwarded from. */

const bea = (id: string): ReturnType<typeof newRecord> =>
  newRecord(id, {
    id: `false_5215500000000@c.us_${id}`,
    chat_id: '5215500000000@c.us',
    from: '5215500000000@c.us',
    phone: '+5215500000000'
  })

const subject = recordSubject('main')

/**
 * A stream and a journal of an account, and what deletes from the one what was erased from the
 * other.
 */
const rig = async (t: Test) => {
  const server = await natsServer(t)
  const manager = await makeStream(t, server)
  const connection = await connect({ servers: server.url })
  t.teardown(() => connection.close())
  const client = jetstream(connection)
  const journal = openJournal(join(ownDirectory(t), 'journal.db'), 'main')
  t.teardown(() => journal.close())
  const purge = (by = client): Promise<number> =>
    deleteFromStream({ client: by, manager, subject, journal, stop: new AbortController().signal })
  return { server, manager, client, journal, purge }
}

t.test(
  'what was erased on request goes from the stream, with its bytes; what became too old, and all of others, stays',
  async (t) => {
    const { server, manager, client, journal, purge } = await rig(t)
    const newRecords = Array.from({ length: 600 }, (_, n) =>
      n % 3 === 0 ? newRecord(`A${n}`, { body: `MARKER ${n}` }) : bea(`B${n}`)
    )
    journal.append(newRecords, 'live')
    const publish = (record: JournalRecord): Promise<unknown> =>
      client.publish(subject, JSON.stringify(record))
    for (const record of journal.read(0, 1_000)) await publish(record)
    // Of another host's journal: this one never had it.
    const [one] = captured(journal.read(0, 1))
    if (one !== undefined)
      await publish({
        ...one,
        message: {
          ...one.message,
          id: 'false_5215512345678@c.us_OTHER',
          body: 'MARKER of another host'
        }
      })
    const count = async (): Promise<number> =>
      (await manager.streams.info(recordStream)).state.messages

    journal.erase({ before: Date.now() + 1_000, upTo: 50 })
    t.equal(await purge(), 0, 'what became too old stays')
    t.equal(await count(), 601)

    journal.erase({ chatIds: ['5215512345678@c.us'], messageIds: [] })
    t.equal(await purge(), 201)
    t.equal(await count(), 400)
    t.equal(await purge(), 0)
    await server.end('SIGTERM')
    const stored = readdirSync(server.directory, { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile()
    )
    t.same(
      stored
        .filter((file) => readFileSync(join(file.parentPath, file.name)).includes('MARKER'))
        .map(({ name }) => name),
      []
    )
  }
)

t.test('a purge also runs after the last record of the stream was deleted', async (t) => {
  const { manager, client, journal, purge } = await rig(t)
  journal.append(
    [...Array.from({ length: 20 }, (_, n) => newRecord(`A${n}`)), bea('B1'), bea('B2')],
    'live'
  )
  for (const record of journal.read(0, 100)) await client.publish(subject, JSON.stringify(record))
  await client.publish(recordSubject('other'), '{}')

  journal.erase({ chatIds: ['5215500000000@c.us'], messageIds: [] })
  t.equal(await purge(), 2)
  t.equal((await lastMessage(manager, recordStream, subject))?.seq, 20)

  journal.erase({ chatIds: ['5215512345678@c.us'], messageIds: [] })
  t.equal(await purge(), 20, 'the second person goes, too')
  t.equal(await lastMessage(manager, recordStream, subject), null)
})

t.test('a purge reads what was lost on its way to a busy session-manager', async (t) => {
  const { manager, client, journal, purge } = await rig(t)
  journal.append(
    Array.from({ length: 1_200 }, (_, n) => newRecord(`A${n}`)),
    'live'
  )
  for (const record of journal.read(0, 1_200)) await client.publish(subject, JSON.stringify(record))
  journal.erase({ chatIds: ['5215512345678@c.us'], messageIds: [] })
  /** Its requests lose some of the messages that NATS delivered to them. */
  const losing = Object.create(client, {
    consumers: {
      value: {
        getConsumerFromInfo: (...of: Parameters<typeof client.consumers.getConsumerFromInfo>) => {
          const consumer = client.consumers.getConsumerFromInfo(...of)
          const fetch = async (...options: Parameters<typeof consumer.fetch>) => {
            const messages = await consumer.fetch(...options)
            return (async function* () {
              for await (const message of messages)
                if (message.seq % 300 > 10 || message.seq < 5) yield message
            })()
          }
          return { fetch, info: () => consumer.info() }
        }
      }
    }
  }) as typeof client

  await t.rejects(purge(losing), /NATS gives no more records/)
  t.ok(
    (await manager.streams.info(recordStream)).state.messages > 800,
    'what comes after a hole is left'
  )
  t.ok((await purge()) > 800)
  t.equal((await manager.streams.info(recordStream)).state.messages, 0)
})
