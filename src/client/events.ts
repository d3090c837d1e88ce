import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Lead, LeadRemoved, Message } from '../contract/lead.ts'
import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'
import { delay } from './delay.ts'
import { LeadMasterError, notOfTheHub } from './error.ts'
import type { Request } from './request.ts'

/**
 * Whether what came is new, or something in it changed; not there from a hub of an earlier release.
 */
export interface Told {
  change?: 'created' | 'updated'
}

/** What happened. `id` is where to resume, for an `after` to come. */
export type HubEvent = { id: string } & (
  | { type: 'message'; data: Message & Told }
  | { type: 'lead'; data: Lead & Told }
  | { type: 'lead_removed'; data: LeadRemoved }
  /** What `getStatus` would answer, or the problem it would reject with. */
  | { type: 'session'; data: Status | Problem }
  /** Events were missed that are kept no more: read the lists again. */
  | { type: 'reset'; data: { reason: string } }
  /** The hub ends the stream, and this is why; a new one follows. */
  | { type: 'end'; data: { reason: string } }
)

/** `open`: events flow. `waiting`: the next attempt is in `ms`, after `error`. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'waiting'; ms: number; error: unknown }

export interface EventOptions {
  /**
   * The id of the last event seen; `'0'` for all that are kept. By default, what happens from now
   * on.
   */
  after?: string
  signal?: AbortSignal
  /** Told of each change of the connection, so that a page can show that it is not up to date. */
  onConnection?: (connection: Connection) => void
  /**
   * Without a byte for so long the connection is taken for dead, ms; the hub sends something every
   * 15 s.
   */
  stallMs?: number
  /** Between attempts, ms: doubled from the one to the other. */
  minDelayMs?: number
  maxDelayMs?: number
}

/** What is doubled from attempt to attempt, ms: none would stay none, however often they fail. */
const leastDelayMs = 1
/**
 * Whether an id can be sent back as `Last-Event-ID`; with another one every further attempt would
 * end before it begins.
 */
const isSendable = (id: string): boolean => /^[\x20-\x7e]*$/.test(id)

const types: readonly string[] = [
  'message',
  'lead',
  'lead_removed',
  'session',
  'reset',
  'end'
] satisfies HubEvent['type'][]

/** Whether trying again may help: with any other error of the request itself it does not. */
const mayPass = (error: unknown): boolean =>
  !(error instanceof LeadMasterError) ||
  error.status === 0 ||
  error.status === 408 ||
  error.status === 429 ||
  error.status >= 500

/** The events of one connection, until it ends; `alive` is called with each piece that arrives. */
async function* read(
  res: Response,
  alive: () => void,
  onRetry: (ms: number) => void
): AsyncGenerator<EventSourceMessage, void, undefined> {
  const arrived: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => void arrived.push(event), onRetry })
  const decoder = new TextDecoder()
  const reader = (res.body as ReadableStream<Uint8Array>).getReader()
  try {
    for (;;) {
      alive()
      const { done, value } = await reader.read()
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      yield* arrived.splice(0)
    }
  } finally {
    void reader.cancel().catch(() => undefined) // the connection is over, one way or another
  }
}

/** Live events over as many connections as it takes; see `Client.events`. */
export async function* followEvents(
  request: Request,
  options: EventOptions = {}
): AsyncGenerator<HubEvent, void, undefined> {
  const {
    signal = new AbortController().signal,
    onConnection,
    stallMs = 40_000,
    maxDelayMs = 30_000
  } = options
  let { minDelayMs = 1_000 } = options
  let last = options.after
  let failures = 0
  while (!signal.aborted) {
    const connection = new AbortController()
    const stop = (): void => connection.abort(signal.reason)
    signal.addEventListener('abort', stop)
    let stall: ReturnType<typeof setTimeout> | undefined
    const alive = (): void => {
      clearTimeout(stall)
      stall = setTimeout(
        () =>
          connection.abort(
            new LeadMasterError(`nothing came for ${stallMs} ms`, { type: 'unreachable' })
          ),
        stallMs
      )
    }
    let error: unknown
    try {
      onConnection?.({ state: 'connecting' })
      alive()
      const headers: Record<string, string> = { accept: 'text/event-stream' }
      if (last !== undefined) headers['last-event-id'] = last
      const res = await request(
        '/api/events',
        { method: 'GET', headers, signal: connection.signal },
        { retryMs: 0 }
      )
      if (!/^text\/event-stream\b/i.test(res.headers.get('content-type') ?? 'text/event-stream'))
        throw notOfTheHub(res)
      onConnection?.({ state: 'open' })
      for await (const event of read(
        res,
        alive,
        (ms) => (minDelayMs = Math.max(leastDelayMs, ms))
      )) {
        clearTimeout(stall) // a slow reader is not a stalled connection
        failures = 0
        if (event.id !== undefined && isSendable(event.id)) last = event.id
        if (types.includes(event.event ?? ''))
          yield { id: last ?? '', type: event.event, data: JSON.parse(event.data) } as HubEvent
      }
    } catch (caught) {
      error = caught
    } finally {
      clearTimeout(stall)
      signal.removeEventListener('abort', stop)
      connection.abort()
    }
    if (signal.aborted) return
    if (error !== undefined && !mayPass(error)) throw error
    const asked = error instanceof LeadMasterError ? (error.retryAfterS ?? 0) * 1_000 : 0
    const longest = Math.min(maxDelayMs, minDelayMs * 2 ** failures)
    // spread out, so that not all clients of a restarted hub connect in the same moment
    const ms = Math.max(asked, longest * (0.5 + Math.random() / 2))
    failures += 1
    onConnection?.({ state: 'waiting', ms, error })
    await delay(ms, signal)
  }
}
