import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@nats-io/jetstream'
import t from 'tap'
import { RecordConsumer } from '../../../../src/central-hub/cluster/jetstream/record-consumer.ts'
import { readCursor } from '../../../../src/central-hub/store/write/cursors.ts'
import type { JournalRecord } from '../../../../src/contract/record.ts'
import { afterHeader, journalHeader } from '../../../../src/contract/stream.ts'
import { logLines } from '../../../platform/log-lines.ts'
import { record, testStore } from '../../store/open-store.ts'

t.test(
  'a hub without the turn gives back what it holds, so that the other sees what is missing',
  async (t) => {
    const account = 'main'
    const { db, ingest } = await testStore(t)
    const journal = ['a', 'b', 'c', 'd'].map((name, index) =>
      record(name, {}, 'message', { seq: index + 1, account })
    )
    // The second record was deleted from the stream. One hub was delivered the third, the other the
    // fourth.
    const shares = [[3], [4]]
    const given = new Set<number>()
    const returned: number[] = []
    const owner = { turn: undefined as number | undefined }
    const messageOf = (seq: number): unknown => ({
      seq,
      headers: new Map([
        [journalHeader, 'j'],
        [afterHeader, '']
      ]),
      info: { pending: 0 },
      json: () => journal[seq - 1],
      ack: () => given.delete(seq),
      nak: () => {
        if (given.delete(seq)) returned.push(seq)
      }
    })
    const deliver = async function* (hub: number): AsyncGenerator {
      if (owner.turn !== undefined && owner.turn !== hub) throw new Error('Exceeded MaxWaiting')
      const seqs = [...(shares[hub]?.splice(0) ?? []), ...returned.splice(0)]
      for (const seq of seqs) {
        given.add(seq)
        yield messageOf(seq)
      }
      // The second hub keeps the turn. A request without messages waits for a while.
      if (hub === 1) owner.turn = 1
      await delay(20)
    }
    const consumerOf = (hub: number): Consumer =>
      ({
        info: async () => ({ num_ack_pending: given.size, num_pending: returned.length }),
        fetch: async () =>
          Object.assign(deliver(hub), { getPending: () => 0, close: () => undefined })
      }) as unknown as Consumer
    await ingest.take(account, 'j', journal.slice(0, 1), null)

    const hubs = [0, 1].map(
      (hub) =>
        new RecordConsumer({
          account,
          ingest,
          log: logLines().log,
          consumer: async () => consumerOf(hub),
          rewind: async () => undefined,
          newestJournal: async () => 'j',
          parse: (data) => data as JournalRecord,
          cursor: () => readCursor(db, account),
          readJournal: async (_id, after, limit) => journal.slice(after, after + limit),
          onChange: () => undefined
        })
    )
    t.teardown(() => Promise.all(hubs.map((each) => each.stop())))

    const end = performance.now() + 20_000
    while ((await readCursor(db, account))?.seq !== 4 && performance.now() < end) {
      await delay(20)
    }
    t.equal((await readCursor(db, account))?.seq, 4)
  }
)
