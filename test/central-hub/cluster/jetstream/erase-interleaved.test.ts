import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Consumer } from '@nats-io/jetstream'
import t from 'tap'
import { RecordConsumer } from '../../../../src/central-hub/cluster/jetstream/record-consumer.ts'
import { readCursor } from '../../../../src/central-hub/store/write/cursors.ts'
import { erasePerson, erasureOf } from '../../../../src/central-hub/store/write/erase.ts'
import { afterHeader, journalHeader } from '../../../../src/contract/stream.ts'
import type { JournalRecord } from '../../../../src/contract/record.ts'
import { createDice } from '../../../dice.ts'
import { logLines } from '../../../platform/log-lines.ts'
import { hurry, record, testStore, type TestStore } from '../../store/open-store.ts'

/**
 * Deletions at random moments: while records are forwarded, wait in a hub, are delivered once more,
 * or are missing in the stream. ERASE_SEED repeats a run, ERASE_CASES is how many there are.
 */

const seed = Number(process.env['ERASE_SEED'] ?? randomBytes(4).readUInt32LE())
const cases = Number(process.env['ERASE_CASES'] ?? 40)
/** A hub mostly waits here. */
const concurrent = 100
t.comment(`ERASE_CASES=${cases} ERASE_SEED=${seed}`)

const journalId = 'j'

/**
 * What of a JetStream stream and its one consumer a RecordConsumer uses. Deliveries wait in the hub, and are
 * of before a deletion.
 */
class FakeStream {
  readonly #random: () => number
  /** By place, from 0; undefined: deleted. */
  readonly #entries: (JournalRecord | undefined)[] = []
  readonly #news = new EventEmitter().setMaxListeners(0)
  #next = 0
  #pending = new Set<number>()
  #again: number[] = []
  #isAsked = false

  constructor(random: () => number) {
    this.#random = random
  }

  publish(published: JournalRecord): void {
    this.#entries.push(published)
    this.#news.emit('news')
  }

  places(): number {
    return this.#entries.length
  }

  at(place: number): JournalRecord | undefined {
    return this.#entries[place]
  }

  delete(place: number): void {
    this.#entries[place] = undefined
    this.#pending.delete(place)
  }

  rewind(): void {
    this.#next = 0
    this.#pending = new Set()
    this.#again = []
  }

  consumer(): Consumer {
    const info = async (): Promise<unknown> => ({
      num_ack_pending: this.#pending.size,
      num_pending:
        this.#again.length +
        this.#entries.slice(this.#next).filter((entry) => entry !== undefined).length
    })
    const fetch = async (asked: { max_messages: number; expires: number }): Promise<unknown> => {
      const queue: unknown[] = []
      return Object.assign(this.#deliver(queue, asked), {
        getPending: () => queue.length,
        close: () => this.#news.emit('news')
      })
    }
    return { info, fetch } as unknown as Consumer
  }

  async *#deliver(
    queue: unknown[],
    { max_messages: most, expires }: { max_messages: number; expires: number }
  ): AsyncGenerator {
    if (this.#isAsked) throw new Error('Exceeded MaxWaiting')
    this.#isAsked = true
    const delivered: number[] = []
    let taken = 0
    try {
      for (const end = Date.now() + expires; taken < most && Date.now() < end; ) {
        for (
          let burst = Math.ceil(this.#random() * 8);
          burst > 0 && delivered.length < most;
          burst -= 1
        ) {
          const place = this.#take()
          if (place === undefined) break
          delivered.push(place)
          queue.push(this.#message(place))
        }
        const message = queue.shift()
        if (message === undefined)
          await once(this.#news, 'news', {
            signal: AbortSignal.timeout(Math.max(1, end - Date.now()))
          }).catch(() => undefined)
        else {
          taken += 1
          yield message
        }
      }
    } finally {
      this.#isAsked = false
      // What the hub did not look at comes again, as after the time for its acknowledgement.
      this.#again.push(...delivered.slice(taken).filter((place) => this.#pending.delete(place)))
    }
  }

  #take(): number | undefined {
    const places = [...this.#again.splice(0, 1)]
    if (places.length === 0 && this.#next < this.#entries.length) places.push((this.#next += 1) - 1)
    const [place] = places
    if (place === undefined) return undefined
    if (this.#entries[place] === undefined) return this.#take()
    this.#pending.add(place)
    return place
  }

  #message(place: number): unknown {
    const content = this.#entries[place]
    const headers = new Map([
      [journalHeader, journalId],
      [afterHeader, '']
    ])
    return {
      seq: place + 1,
      headers,
      info: { pending: 0 },
      json: () => content,
      ack: () => this.#pending.delete(place),
      nak: () => {
        if (this.#pending.delete(place)) this.#again.push(place)
        this.#news.emit('news')
      }
    }
  }
}

const people = ['5215511111111@c.us', '5215522222222@c.us', '5215533333333@c.us']

/**
 * One account: its journal, its stream, and the hubs that take it. @returns what is wrong at the
 * end
 */
const runCase = async (
  { db, ingest }: TestStore,
  random: () => number,
  number: number
): Promise<string[]> => {
  const account = `case-${number}`
  const count = 3 + Math.floor(random() * 25)
  const journal: JournalRecord[] = Array.from({ length: count }, (_, index) => {
    // The last one is never erased: what is erased after it, a hub reads when the next record
    // comes.
    const chat = people[index === count - 1 ? 2 : Math.floor(random() * people.length)] ?? ''
    const facts = {
      id: `false_${chat}_${index}`,
      chat_id: chat,
      from: chat,
      phone: `+${chat.slice(0, 13)}`
    }
    return record(`${index}`, facts, 'message', { seq: index + 1, account })
  })
  const stream = new FakeStream(random)
  const pause = (): Promise<unknown> => delay(random() < 0.5 ? 0 : random() * 30)
  const hub = (): RecordConsumer =>
    new RecordConsumer({
      account,
      ingest,
      log: logLines().log,
      turnMs: 2_000,
      maxDelayMs: 50,
      consumer: async () => stream.consumer(),
      rewind: async () => stream.rewind(),
      newestJournal: async () => journalId,
      parse: (data) => data as JournalRecord,
      cursor: async () => {
        const cursor = await readCursor(db, account)
        await pause()
        return cursor
      },
      readJournal: async (_id, after, limit) => {
        const read = journal.slice(after, after + limit)
        await pause()
        return read
      },
      onChange: () => undefined
    })
  /** Deletes from the stream between two windows, as session-manager does. */
  let window: Promise<unknown> = Promise.resolve()
  const inTurn = (run: () => Promise<void>): Promise<void> => {
    const done = window.then(run)
    window = done
    return done
  }
  const forward = async (): Promise<void> => {
    for (let start = 0; start < count; ) {
      const size = 1 + Math.floor(random() * 6)
      await inTurn(async () => {
        for (const each of journal.slice(start, start + size)) stream.publish(each)
        await pause()
      })
      start += size
    }
  }
  const purge = async (erased: ReadonlySet<number>, upTo: number): Promise<void> => {
    for (let place = 0; place < upTo; place += 1) {
      const found = stream.at(place)
      if (found !== undefined && found.kind !== 'erased' && erased.has(found.seq))
        stream.delete(place)
      if (random() < 0.1) await pause()
    }
  }
  const erase = async (): Promise<void> => {
    await delay(random() * 400)
    const chat = people[Math.floor(random() * 2)] ?? ''
    const lead = await db
      .selectFrom('leads')
      .select('id')
      .where('account', '=', account)
      .where('chat_id', '=', chat)
      .executeTakeFirst()
    if (lead === undefined) return
    const known = await erasureOf(db, lead.id)
    const erased = new Set(
      journal.flatMap((each) =>
        each.kind !== 'erased' && each.message.chat_id === chat ? each.seq : []
      )
    )
    for (const seq of erased) {
      journal[seq - 1] = { kind: 'erased', erased_at: '2026-11-24T12:00:00.000Z', account, seq }
      if (random() < 0.1) await pause()
    }
    // A request that took too long is made once more.
    if (random() < 0.3) await inTurn(() => purge(erased, Math.floor(stream.places() * random())))
    await inTurn(() => purge(erased, stream.places()))
    await pause()
    if (known !== undefined) await erasePerson(db, known.lead, known.chatIds, async () => undefined)
  }

  const hubs = Array.from({ length: random() < 0.5 ? 2 : 1 }, hub)
  await Promise.all([forward(), erase(), random() < 0.5 ? erase() : undefined])
  const end = Date.now() + 300_000
  while ((await readCursor(db, account))?.seq !== count && Date.now() < end) await delay(20)
  await Promise.all(hubs.map((each) => each.stop()))
  const rows = await db.selectFrom('messages').select('id').where('account', '=', account).execute()
  const wanted = journal.flatMap((each) => (each.kind === 'erased' ? [] : each.message.id))
  const leads = await db
    .selectFrom('leads')
    .select('chat_id')
    .where('account', '=', account)
    .execute()
  const said: string[] = []
  if ((await readCursor(db, account))?.seq !== count) said.push('it is not taken in time')
  if (
    rows
      .map(({ id }) => id)
      .sort()
      .join() !== wanted.sort().join()
  )
    said.push(`has ${rows.length} messages, ${wanted.length} are to be there`)
  if (leads.some(({ chat_id }) => !wanted.some((id) => id.includes(chat_id))))
    said.push('a lead came back')
  return said.map((what) => `case ${number} of seed ${seed}: ${what}`)
}

t.test(
  'a hub keeps nothing of what was erased and all of the rest, whenever a deletion comes',
  { timeout: 3_600_000 },
  async (t) => {
    // The waits of the stream alone do not keep this process alive.
    const alive = setInterval(() => undefined, 1_000)
    t.teardown(() => clearInterval(alive))
    const store = await testStore(t)
    await hurry(store.db)
    const wrong: string[] = []
    let started = 0
    const work = async (): Promise<void> => {
      while (started < cases) {
        const number = (started += 1)
        wrong.push(...(await runCase(store, createDice(seed + number), number)))
      }
    }
    await Promise.all(Array.from({ length: concurrent }, work))
    t.same(wrong, [])
  }
)
