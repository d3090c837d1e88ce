import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AckPolicy, jetstream, jetstreamManager, type JetStreamClient } from '@nats-io/jetstream'
import t, { type Test } from 'tap'
import { reorder, type Streamed } from '../../../src/central-hub/cluster/jetstream/position.ts'
import type { Cursor } from '../../../src/central-hub/store/write/cursors.ts'
import type { JournalRecord } from '../../../src/contract/record.ts'
import {
  afterHeader,
  journalHeader,
  recordStream,
  recordSubject
} from '../../../src/contract/stream.ts'
import { Forwarder } from '../../../src/session-manager/cluster/forwarder.ts'
import { openJournal, type Journal } from '../../../src/session-manager/journal/journal.ts'
import { leaseBucket } from '../../../src/session-manager/cluster/lease-bucket.ts'
import { LeaseKeeper } from '../../../src/session-manager/cluster/lease-keeper.ts'
import { freePort, sessionManagerEnv, startDaemon, type Daemon } from '../../end-to-end/daemon.ts'
import { createDice } from '../../dice.ts'
import { connectionTo, natsFor, natsServer, type NatsServer } from '../../nats/nats-server.ts'
import { logLines } from '../../platform/log-lines.ts'
import { ownDirectory } from '../../platform/own-directory.ts'
import { newRecord } from '../journal/new-records.ts'

/**
 * An account goes from one host to another while records are under way: real leases, a real
 * nats-server.
 */

t.setTimeout(900_000)

const never = new AbortController().signal

/** One host of an account, as long as its process runs. */
interface Host {
  journal: Journal
  keeper: LeaseKeeper
  forwarder: Forwarder
}

const startHost = (t: Test, server: NatsServer, account: string, directory: string): Host => {
  const { log } = logLines()
  const nats = natsFor(t, server.url)
  const journal = openJournal(join(directory, 'journal.db'), account)
  const keeper = new LeaseKeeper({
    account,
    nats,
    ttlMs: 6_000,
    replicas: 1,
    profile: join(directory, 'profile'),
    onLost: () => undefined,
    log
  })
  const forwarder = new Forwarder({
    journal,
    account,
    nats,
    replicas: 1,
    keepMs: 86_400_000,
    fencingTerm: () => keeper.fencingTerm(),
    log,
    maxDelayMs: 200,
    finishMs: 3_000
  })
  t.teardown(async () => {
    await keeper.release()
    await forwarder.stop()
    journal.close()
  })
  return { journal, keeper, forwarder }
}

/** What the stream has of an account, oldest first. */
const streamed = async (client: JetStreamClient, account: string): Promise<Streamed[]> => {
  const manager = await client.jetstreamManager()
  const { name } = await manager.consumers.add(recordStream, {
    filter_subject: recordSubject(account),
    ack_policy: AckPolicy.None
  })
  const consumer = await client.consumers.get(recordStream, name)
  const { num_pending: count } = await consumer.info()
  const found: Streamed[] = []
  while (found.length < count) {
    const before = found.length
    for await (const message of await consumer.fetch({
      max_messages: Math.min(count - before, 500),
      expires: 5_000
    })) {
      const after = message.headers?.get(afterHeader)
      found.push({
        journalId: message.headers?.get(journalHeader) ?? '',
        record: message.json<JournalRecord>(),
        ...(after ? { after } : {})
      })
    }
    if (found.length === before) throw new Error(`the stream gave ${before} of ${count} records`)
  }
  return found
}

/**
 * What a hub takes of a stream that it follows record by record, and the names of messages in the
 * order it takes them.
 */
const takenByHub = (stream: readonly Streamed[], newestAtOnce: boolean): string[] => {
  let cursor: Cursor | undefined
  let held: Streamed[] = []
  const taken: string[] = []
  for (const [index, one] of stream.entries()) {
    held.push(one)
    // A hub holds so many; with more, something is missing that nothing will bring.
    if (held.length > 2_000) return taken
    const newest = newestAtOnce ? stream.at(-1)?.journalId : stream[index]?.journalId
    for (;;) {
      const sorted = reorder(cursor, held, newest)
      const last = sorted.next.at(-1)
      const done = new Set<Streamed>([...sorted.taken, ...sorted.next])
      held = held.filter((record) => !done.has(record))
      taken.push(
        ...sorted.next.map(({ record }) => (record.kind === 'erased' ? '' : record.message.id))
      )
      if (last === undefined) break
      cursor = { account: last.record.account, journalId: last.journalId, seq: last.record.seq }
    }
  }
  return taken
}

const acknowledged = ({ journal, forwarder }: Host): string[] =>
  journal
    .read(0, 10_000)
    .flatMap((record) =>
      record.seq <= forwarder.state().seq && record.kind !== 'erased' ? [record.message.id] : []
    )

/** One account that goes to and fro. @returns what is wrong */
const round = async (
  t: Test,
  server: NatsServer,
  client: JetStreamClient,
  seed: number
): Promise<string[]> => {
  const random = createDice(seed)
  const account = `account-${seed}`
  const [first, second] = [
    startHost(t, server, account, ownDirectory(t)),
    startHost(t, server, account, ownDirectory(t))
  ]
  let count = 0
  const append = (host: Host, records: number): void => {
    host.journal.append(
      Array.from({ length: records }, () => newRecord(`${seed}-${(count += 1)}`)),
      'live'
    )
  }
  await Promise.race([first, second].map(({ keeper }) => keeper.acquire(() => undefined, never)))
  const [owner, other] = first.keeper.isHeld() ? [first, second] : [second, first]
  // The other host has records of an earlier time: it forwards them as soon as it has the account.
  append(other, 1 + Math.floor(random() * 300))
  append(owner, 1 + Math.floor(random() * 1_500))
  await delay(random() * 200)
  const writing = (async () => {
    for (let group = 0; group < 20; group += 1) {
      append(owner, Math.floor(random() * 100))
      await delay(random() * 30)
    }
  })()
  await delay(random() * 300)
  if (random() < 0.5) await Promise.all([owner.forwarder.stop(), writing])
  const released = owner.keeper.release()
  const wrong =
    owner.keeper.isHeld() || owner.keeper.fencingTerm() !== undefined
      ? [`seed ${seed}: it says that it holds what it gives up`]
      : []
  await Promise.all([released, writing, other.keeper.acquire(() => undefined, never)])
  while (other.forwarder.state().behind > 0) await delay(20)
  await owner.forwarder.stop()
  const stream = await streamed(client, account)
  const lost = [false, true].flatMap((newestAtOnce) => {
    const taken = takenByHub(stream, newestAtOnce)
    const places = new Map(taken.map((id, index) => [id, index]))
    return [owner, other].flatMap((host) => {
      const ids = acknowledged(host)
      const missing = ids.filter((id) => !places.has(id))
      const order = ids.map((id) => places.get(id) as number)
      return [
        ...(missing.length > 0
          ? [`seed ${seed}: ${missing.length} of ${ids.length} acknowledged records are not taken`]
          : []),
        ...(order.some((place, index) => place < (order[index - 1] ?? -1))
          ? [`seed ${seed}: out of order`]
          : [])
      ]
    })
  })
  return [...wrong, ...lost]
}

t.test(
  'whenever an owner gives the account up, hubs take each record that was acknowledged to it, in order',
  async (t) => {
    const server = await natsServer(t)
    const rounds = Number(process.env['HAND_OVERS'] ?? 16)
    const seed = Math.floor(Math.random() * 1e9)
    t.comment(`seeds from ${seed}`)
    // The stream is made by one of them, for all.
    const opening = startHost(t, server, 'opening', ownDirectory(t))
    opening.journal.append([newRecord('1')], 'live')
    while (opening.forwarder.state().behind > 0) await delay(20)
    const client = jetstream(await connectionTo(t, server))
    for (let from = 0; from < rounds; from += 8) {
      const wrong = await Promise.all(
        Array.from({ length: Math.min(8, rounds - from) }, (_, index) =>
          round(t, server, client, seed + from + index)
        )
      )
      t.same(wrong.flat(), [])
    }
  }
)

/**
 * When the lease was removed, and the records of the account in the stream that came after that.
 */
const afterRelease = async (
  t: Test,
  server: NatsServer
): Promise<{ before: number; after: number }> => {
  const manager = await jetstreamManager(await connectionTo(t, server))
  const removed = await manager.streams.getMessage(`KV_${leaseBucket}`, {
    last_by_subj: `$KV.${leaseBucket}.main`
  })
  t.equal(removed?.header.get('KV-Operation'), 'DEL')
  const counts = { before: 0, after: 0 }
  const { first_seq: first, last_seq: last } = (await manager.streams.info(recordStream)).state
  for (let seq = first; seq <= last; seq += 1) {
    const record = await manager.streams.getMessage(recordStream, { seq })
    if (record?.subject === recordSubject('main'))
      counts[record.time <= (removed?.time ?? new Date(0)) ? 'before' : 'after'] += 1
  }
  return counts
}

/** @param shutdown it goes on forwarding for a fifth of that */
const ownerWith = async (
  t: Test,
  server: NatsServer,
  records: number,
  shutdown: string
): Promise<Daemon> => {
  const stateDir = ownDirectory(t)
  const journal = openJournal(join(stateDir, 'journal.db'), 'main')
  journal.append(
    Array.from({ length: records }, (_, index) => newRecord(`${index}`)),
    'live'
  )
  journal.close()
  // It never gets as far as a page: what counts here is its journal.
  const daemon = startDaemon('session-manager', {
    ...sessionManagerEnv({ port: await freePort(), stateDir, chromiumPath: '/bin/false' }),
    NATS_URL: server.url,
    LEASE_TTL: '6s',
    SHUTDOWN_TIMEOUT: shutdown
  })
  t.teardown(() => daemon.end('SIGKILL'))
  return daemon
}

t.test(
  'session-manager that is stopped with records under way forwards them, and only then gives the account up',
  async (t) => {
    const server = await natsServer(t)
    const records = 6_000
    // A busy machine needs some time for them.
    const daemon = await ownerWith(t, server, records, '120s')
    await daemon.seen('lease_taken')

    t.same(await daemon.end(), { code: 0, signal: null })

    t.same(await afterRelease(t, server), { before: records, after: 0 })
  }
)

t.test(
  'session-manager that cannot forward in time gives the account up with the rest left, and says how much',
  async (t) => {
    const server = await natsServer(t)
    // No machine forwards as many in 4 s.
    const records = 150_000
    const daemon = await ownerWith(t, server, records, '20s')
    await daemon.seen('lease_taken')

    await daemon.end()

    const { before, after } = await afterRelease(t, server)
    t.equal(after, 0)
    const [left] = daemon.lines.filter(({ event }) => event === 'forwarding_left')
    t.match(left, { level: 'warn', seq: before, behind: records - before })
  }
)
