import { cpSync, rmSync } from 'node:fs'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordStream } from '../../../src/contract/stream.ts'
import { Forwarder } from '../../../src/session-manager/cluster/forwarder.ts'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { natsFor, natsServer, type NatsServer } from '../../nats/nats-server.ts'
import { makeStream, managerOf, streamed } from '../../nats/records.ts'
import { logLines, type LogLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../journal/new-records.ts'

/** Against a real nats-server. */

interface Rig {
  nats: ReturnType<typeof natsFor>
  journal: Journal
  forwarder: Forwarder
  lines: LogLines
  /** Resolves once the state, now or later, fits. */
  until(fits: (state: ReturnType<Forwarder['state']>) => boolean): Promise<void>
  /** Ends it as a stop of the daemon does. */
  stop(): Promise<void>
}

const forwarding = async (
  t: Test,
  server: NatsServer,
  directory = ownDirectory(t),
  over: (journal: Journal) => Journal = (journal) => journal,
  term = (): number | undefined => 1
): Promise<Rig> => {
  const journal = openJournal(join(directory, 'journal.db'), 'main')
  const nats = natsFor(t, server.url)
  const news = new EventEmitter().setMaxListeners(0)
  const lines = logLines()
  const forwarder = new Forwarder({
    journal: over(journal),
    account: 'main',
    nats,
    replicas: 1,
    keepMs: 86_400_000,
    fencingTerm: term,
    log: lines.log,
    onChange: () => news.emit('change'),
    maxDelayMs: 200
  })
  let open = true
  const stop = async (): Promise<void> => {
    if (!open) return
    open = false
    await forwarder.stop()
    journal.close()
  }
  t.teardown(stop)
  return {
    nats,
    journal,
    forwarder,
    lines,
    stop,
    until: async (fits) => {
      const signal = AbortSignal.timeout(25_000)
      while (!fits(forwarder.state())) {
        await once(news, 'change', { signal }).catch(() => {
          throw new Error(`it stays at ${JSON.stringify(forwarder.state())}`)
        })
      }
    }
  }
}

const newRecords = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => newRecord(`${from + index}`))
const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index)

t.test(
  'what is in the journal is forwarded, then what is added: each record once, in order, as it is',
  async (t) => {
    const server = await natsServer(t)
    const { journal, until } = await forwarding(t, server)
    journal.append(newRecords(1, 1_000), 'live')
    await until(({ seq }) => seq === 1_000)
    journal.append(
      [
        ...newRecords(1_001, 1_002),
        newRecord('1', { body: 'other' }, 'edit'),
        newRecord('1', { reaction: { message_id: 'x', emoji: '👍', sender: 'y' } }, 'reaction')
      ],
      'live'
    )
    await until(({ seq, behind }) => seq === 1_004 && behind === 0)
    const found = await streamed(await managerOf(t, server))
    t.same(
      found.map(({ seq }) => seq),
      numbers(1, 1_004),
      'the edit and the reaction of a message are records of their own'
    )
    t.same(
      found.map(({ record }) => record),
      journal.read(0, 2_000)
    )
    t.ok(found.every(({ journalId, after }) => journalId === journal.id && after === ''))
  }
)

t.test('the stream is made once, on disk, and refuses what is too much for it', async (t) => {
  const server = await natsServer(t)
  const { until } = await forwarding(t, server)
  const { journal } = await forwarding(t, server)
  journal.append(newRecords(1, 1), 'live')
  await until(() => true)
  const manager = await makeStream(t, server)
  t.match((await manager.streams.info(recordStream)).config, {
    subjects: ['leadmaster.records.*'],
    storage: 'file',
    retention: 'limits',
    discard: 'new',
    num_replicas: 1,
    max_age: 86_400_000 * 1e6,
    duplicate_window: 300_000 * 1e6
  })
})

t.test(
  'with NATS down the journal grows; once it is back all of it arrives, and once',
  async (t) => {
    const server = await natsServer(t)
    const { journal, until, forwarder, lines } = await forwarding(t, server)
    journal.append(newRecords(1, 300), 'live')
    await until(({ seq }) => seq === 300)
    await server.end()
    journal.append(newRecords(301, 900), 'live')
    await until(({ fault }) => fault !== undefined)
    t.match(forwarder.state(), { behind: 600, fault: /cannot be reached|not forwarded/ })
    await server.start()
    await until(({ seq, fault }) => seq === 900 && fault === undefined)
    t.same(
      (await streamed(await managerOf(t, server))).map(({ seq }) => seq),
      numbers(1, 900)
    )
    for (const { level, retry_ms } of lines.of('forward_fault'))
      t.ok(level === 'warn' && (retry_ms as number) <= 200)
  }
)

t.test('NATS that is not there at the start', async (t) => {
  const server = await natsServer(t)
  await server.end()
  const { nats, journal, forwarder, until } = await forwarding(t, server)
  journal.append(newRecords(1, 5), 'live')
  await nats.lines.count('nats_fault', 1)
  t.match(forwarder.state(), { seq: 0, behind: 5, fault: /cannot be reached/ })
  await server.start()
  await until(({ seq, fault }) => seq === 5 && fault === undefined)
})

t.test(
  'killed between the acknowledgement and the move of its cursor: what is published again is dropped',
  async (t) => {
    const server = await natsServer(t)
    const directory = ownDirectory(t)
    const acknowledged = new EventEmitter()
    // its move is lost, as if the process had been killed before it
    const forgetting = (journal: Journal): Journal =>
      Object.assign(journal, { setMarks: () => void acknowledged.emit('all') })
    const all = once(acknowledged, 'all')
    const first = await forwarding(t, server, directory, forgetting)
    first.journal.append(newRecords(1, 100), 'live')
    await all
    await first.stop()
    const second = await forwarding(t, server, directory)
    t.equal(second.journal.mark('forwarded'), undefined)
    second.journal.append(newRecords(101, 110), 'live')
    await second.until(({ seq }) => seq === 110)
    t.same(
      (await streamed(await managerOf(t, server))).map(({ seq }) => seq),
      numbers(1, 110)
    )
  }
)

t.test(
  'a full stream takes no more, and loses nothing: the journal waits until there is room',
  async (t) => {
    const server = await natsServer(t)
    const manager = await makeStream(t, server)
    await manager.streams.update(recordStream, { max_msgs: 10 })
    const { journal, until, forwarder } = await forwarding(t, server)
    journal.append(newRecords(1, 25), 'live')
    await until(({ fault }) => fault !== undefined)
    t.match(forwarder.state(), {
      seq: 10,
      behind: 15,
      fault:
        'records are not forwarded: the stream LEADMASTER takes no more (maximum messages exceeded): give NATS more room, or shorten NATS_RETENTION'
    })
    await manager.streams.update(recordStream, { max_msgs: 100 })
    await until(({ seq, fault }) => seq === 25 && fault === undefined)
    t.same(
      (await streamed(manager)).map(({ seq }) => seq),
      numbers(1, 25)
    )
  }
)

t.test('a stream that would drop old records is refused, with what to do', async (t) => {
  const server = await natsServer(t)
  const manager = await makeStream(t, server)
  await manager.streams.update(recordStream, { discard: 'old' })
  const { until, forwarder } = await forwarding(t, server)
  await until(({ fault }) => fault !== undefined)
  t.match(
    forwarder.state().fault,
    /drops old records when it is full: set that right by nats stream edit LEADMASTER --discard new/
  )
})

t.test(
  'an older copy of the journal becomes another journal: what it captures has places that were taken',
  async (t) => {
    const server = await natsServer(t)
    const [directory, backup] = [ownDirectory(t), ownDirectory(t)]
    const first = await forwarding(t, server, directory)
    first.journal.append(newRecords(1, 3), 'live')
    await first.until(({ seq }) => seq === 3)
    first.journal.checkpoint()
    cpSync(directory, backup, { recursive: true })
    first.journal.append(newRecords(4, 5), 'live')
    await first.until(({ seq }) => seq === 5)
    await first.stop()
    rmSync(directory, { recursive: true })
    const restored = await forwarding(t, server, backup)
    restored.journal.append(newRecords(5, 7), 'backfill')
    await restored.until(({ seq, behind }) => seq === 6 && behind === 0)
    t.not(restored.journal.id, first.journal.id)
    const again = (await streamed(await managerOf(t, server))).slice(5)
    t.same(
      again.map(({ seq }) => seq),
      numbers(1, 6)
    )
    t.same(
      again.map(({ after }) => after),
      [`${first.journal.id}:5`, '', '', '', '', '']
    )
    t.match(restored.lines.of('forwarding_anew'), [{ level: 'warn', msg: /older copy/ }])
  }
)

t.test('a new journal of the account follows the one before it', async (t) => {
  const server = await natsServer(t)
  const first = await forwarding(t, server)
  first.journal.append(newRecords(1, 3), 'live')
  await first.until(({ seq }) => seq === 3)
  await first.stop()
  const second = await forwarding(t, server)
  second.journal.append(newRecords(2, 4), 'backfill')
  await second.until(({ seq }) => seq === 3)
  const [next] = (await streamed(await managerOf(t, server))).slice(3)
  t.match(next, { journalId: second.journal.id, seq: 1, after: `${first.journal.id}:3` })
  t.same(second.lines.of('forwarding_anew'), [])
})

t.test(
  'journals of two hosts go out one after the other, each while its host has the account',
  async (t) => {
    const server = await natsServer(t)
    const terms: [one: number | undefined, two: number | undefined] = [1, undefined]
    const one = await forwarding(t, server, undefined, undefined, () => terms[0])
    const two = await forwarding(t, server, undefined, undefined, () => terms[1])
    one.journal.append(newRecords(1, 3), 'live')
    await one.until(({ seq }) => seq === 3)
    terms[0] = undefined
    one.journal.append(newRecords(4, 4), 'live')
    terms[1] = 1
    two.journal.append(newRecords(3, 5), 'backfill')
    await two.until(({ seq }) => seq === 3)
    terms[1] = undefined
    t.same(one.forwarder.state(), { seq: 3, behind: 1 }, 'what the one captured last waits')
    const before = one.journal.id
    terms[0] = 2
    one.journal.append(newRecords(6, 6), 'live')
    await one.until(({ seq, behind }) => seq === 5 && behind === 0)
    const found = await streamed(await managerOf(t, server))
    t.not(one.journal.id, before)
    t.same(
      found.map(({ journalId, seq, after }) => [journalId, seq, after]),
      [
        ...numbers(1, 3).map((seq) => [before, seq, '']),
        [two.journal.id, 1, `${before}:3`],
        [two.journal.id, 2, ''],
        [two.journal.id, 3, ''],
        [one.journal.id, 4, `${two.journal.id}:3`],
        [one.journal.id, 5, '']
      ],
      'and each goes on where it was'
    )
    t.equal(one.lines.of('forwarding_on').length, 1)
  }
)

/**
 * One host's journal of three records was forwarded, then another's of two; the first is to go on.
 */
const twoHosts = async (
  t: Test
): Promise<{ server: NatsServer; directory: string; before: string; second: string }> => {
  const [server, directory] = [await natsServer(t), ownDirectory(t)]
  const one = await forwarding(t, server, directory)
  one.journal.append(newRecords(1, 3), 'live')
  await one.until(({ seq }) => seq === 3)
  await one.stop()
  const two = await forwarding(t, server)
  two.journal.append(newRecords(4, 5), 'live')
  await two.until(({ seq }) => seq === 2)
  await two.stop()
  return { server, directory, before: one.journal.id, second: two.journal.id }
}

t.test(
  'a host that has the account again goes on where it was, also as another process, and when what it forwarded has gone from the stream since',
  async (t) => {
    for (const expired of [false, true]) {
      const { server, directory, second } = await twoHosts(t)
      const manager = await managerOf(t, server)
      if (expired) await manager.streams.purge(recordStream, { seq: 5 })
      const again = await forwarding(t, server, directory)
      again.journal.append(newRecords(6, 6), 'live')
      await again.until(({ seq, behind }) => seq === 4 && behind === 0)
      t.match((await streamed(manager)).slice(-2), [
        { journalId: second, seq: 2 },
        { journalId: again.journal.id, seq: 4, after: `${second}:2` }
      ])
    }
  }
)

t.test(
  'when the stream may have lost what it had of a journal, all of it is forwarded again',
  async (t) => {
    const { server, directory, second } = await twoHosts(t)
    const manager = await managerOf(t, server)
    await manager.streams.deleteMessage(recordStream, 3)
    const again = await forwarding(t, server, directory)
    again.journal.append(newRecords(6, 6), 'live')
    await again.until(({ seq, behind }) => seq === 4 && behind === 0)
    t.match((await streamed(manager)).slice(-4), [
      { journalId: again.journal.id, seq: 1, after: `${second}:2` },
      { seq: 2 },
      { seq: 3 },
      { seq: 4 }
    ])
    t.match(again.lines.of('forwarding_anew'), [{ msg: /does not have all that it had/ }])
  }
)

t.test(
  'ended before the first record by its new name was acknowledged: it is begun anew, for nobody knows any more what that comes after',
  async (t) => {
    const { server, directory } = await twoHosts(t)
    const acknowledged = new EventEmitter()
    const forgetting = (journal: Journal): Journal =>
      Object.assign(journal, { setMarks: () => void acknowledged.emit('all') })
    const all = once(acknowledged, 'all')
    const again = await forwarding(t, server, directory, forgetting)
    again.journal.append(newRecords(6, 6), 'live')
    await all
    await again.stop()
    const third = await forwarding(t, server, directory)
    third.journal.append(newRecords(7, 7), 'live')
    await third.until(({ seq, behind }) => seq === 5 && behind === 0)
    t.match((await streamed(await managerOf(t, server))).slice(-5), [
      { journalId: third.journal.id, seq: 1, after: `${again.journal.id}:4` },
      { seq: 2 },
      { seq: 3 },
      { seq: 4 },
      { seq: 5 }
    ])
  }
)

t.test('a stream that was made anew gets the whole journal', async (t) => {
  const server = await natsServer(t)
  const directory = ownDirectory(t)
  const first = await forwarding(t, server, directory)
  first.journal.append(newRecords(1, 3), 'live')
  await first.until(({ seq }) => seq === 3)
  await first.stop()
  const manager = await managerOf(t, server)
  await manager.streams.delete(recordStream)
  const second = await forwarding(t, server, directory)
  second.journal.append(newRecords(4, 4), 'live')
  await second.until(({ seq, behind }) => seq === 4 && behind === 0)
  t.same(
    (await streamed(manager)).map(({ seq }) => seq),
    numbers(1, 4)
  )
})

t.test('a record that was erased goes on as its place', async (t) => {
  const server = await natsServer(t)
  await server.end()
  const { journal, until } = await forwarding(t, server)
  journal.append(newRecords(1, 3), 'live')
  journal.erase({ chatIds: [], messageIds: [newRecord('2').message.id] })
  await server.start()
  await until(({ seq }) => seq === 3)
  t.match(
    (await streamed(await managerOf(t, server))).map(({ record }) => record.kind),
    ['message', 'erased', 'message']
  )
})
