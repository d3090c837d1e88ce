import { createParser } from 'eventsource-parser'
import { Compile } from 'typebox/compile'
import { createFollower } from '../../../src/central-hub/follow/follower.ts'
import type { Identity, Upstream } from '../../../src/central-hub/follow/upstream.ts'
import { followEvents, type HubEvent } from '../../../src/client/events.ts'
import { JournalRecord } from '../../../src/contract/record.ts'
import type { Log } from '../../../src/platform/log.ts'
import { encode } from '../../../src/platform/http/sse.ts'
import { bounded, must, same } from '../property.ts'

/**
 * Event streams as the client and the hub's follower read them, cut anywhere, and as we write them.
 */

/** The same bytes in parts, some of them empty; `seed` decides where they are cut. */
const cut = (bytes: Buffer, seed: number): Uint8Array[] => {
  if (seed === 0) return [bytes]
  const parts: Uint8Array[] = []
  for (let at = 0, state = seed; at < bytes.length; ) {
    state = (state * 75 + 74) % 65_537
    const size = bytes.length > 1_000 ? state % 400 : state % 7
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

const streamOf = (parts: readonly Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> =>
  ReadableStream.from(parts.map((part) => new Uint8Array(part)))

/** What the client makes of one connection, and what it asks for the next one with. */
const asClient = async (
  parts: readonly Uint8Array[]
): Promise<{ events: HubEvent[]; last: string | null | undefined }> => {
  const over = new AbortController()
  const events: HubEvent[] = []
  let asked = 0
  let last: string | null | undefined
  const request = async (
    _path: string,
    { headers }: { headers: Record<string, string> }
  ): Promise<Response> => {
    asked += 1
    if (asked === 1) return new Response(streamOf(parts))
    last = new Headers(headers).get('last-event-id')
    over.abort()
    throw new Error('over')
  }
  let thrown: unknown
  const onConnection = (connection: { state: string; ms?: number; error?: unknown }): void => {
    if (connection.state !== 'waiting') return
    thrown = connection.error
    must((connection.ms ?? 0) > 0 && (connection.ms ?? 0) <= 2, 'waits', connection.ms)
    // a header that cannot be sent would end every further attempt before it begins
    if (asked === 1 && connection.error instanceof TypeError) throw connection.error
  }
  for await (const event of followEvents(request, {
    signal: over.signal,
    onConnection,
    minDelayMs: 1,
    maxDelayMs: 2
  }))
    events.push(event)
  must(last !== undefined, 'the client did not ask again', String(thrown))
  return { events, last }
}

const client = async (bytes: Buffer, seed: number): Promise<void> => {
  const [whole, parts] = [await asClient([bytes]), await asClient(cut(bytes, seed))]
  same(parts, whole, 'it matters where a stream is cut')
}

const records = Compile(JournalRecord)
const silent = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, () => undefined])
) as unknown as Log

/** What the follower takes of one stream. */
const asFollower = async (parts: readonly Uint8Array[]): Promise<JournalRecord[]> => {
  const taken: JournalRecord[] = []
  const over = Promise.withResolvers<void>()
  const identity = {
    account: 'main',
    version: '1',
    status: { journal: { id: 'j', last_seq: 3 } }
  } as unknown as Identity
  let opened = 0
  const upstream = {
    baseUrl: 'http://127.0.0.1:1',
    verify: async () => identity,
    open: async () => {
      opened += 1
      if (opened === 1) return streamOf(parts)
      over.resolve()
      throw new Error('over')
    }
  } as unknown as Upstream
  const follower = createFollower({
    upstream,
    ingest: { take: async (_account, _journal, some) => void taken.push(...some) },
    cursor: async () => undefined,
    onSession: () => undefined,
    onChange: () => undefined,
    checkIntervalMs: 60_000,
    maxDelayMs: 0,
    log: silent
  })
  await over.promise
  await follower.stop()
  taken.forEach((record, index) =>
    must(
      records.Check(record) && record.seq === index + 1,
      'a record is taken that is none, or out of turn',
      record
    )
  )
  return taken
}

const follower = async (bytes: Buffer, seed: number): Promise<void> => {
  const [whole, parts] = [await asFollower([bytes]), await asFollower(cut(bytes, seed))]
  // of records with a gap those before it are taken if they came alone
  const least = Math.min(whole.length, parts.length)
  same(parts.slice(0, least), whole.slice(0, least), 'it matters where a stream is cut')
}

/** What we write is read as it was, wherever it is cut. */
const written = (bytes: Buffer, seed: number): void => {
  const text = bytes.toString()
  const half = Math.floor(text.length / 2)
  const sent = [
    { id: 7, event: 'record', data: text },
    { event: 'status', data: { [text.slice(0, half)]: [text.slice(half), null] } },
    { id: 'a-8', data: text.split('') }
  ]
  const got: unknown[] = []
  const parser = createParser({
    onEvent: ({ id, event, data }) =>
      void got.push({ id, event, data: JSON.parse(data) as unknown })
  })
  const decoder = new TextDecoder()
  for (const part of cut(Buffer.from(encode(sent)), seed))
    parser.feed(decoder.decode(part, { stream: true }))
  same(
    JSON.parse(JSON.stringify(got)),
    JSON.parse(
      JSON.stringify(
        sent.map(({ id, event, data }) => ({
          id: id === undefined ? undefined : String(id),
          event,
          data
        }))
      )
    ),
    'written and read back'
  )
}

export const fuzz = (bytes: Buffer): Promise<void> =>
  bounded(async () => {
    const [kind = 0, seed = 0] = bytes
    const rest = bytes.subarray(2)
    if (kind % 3 === 0) await client(rest, seed)
    else if (kind % 3 === 1) await follower(rest, seed)
    else written(rest, seed)
  })
