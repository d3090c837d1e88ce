import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Lead, LeadRemoved, Message } from '../contract/lead.ts'
import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'
import { delay } from './delay.ts'
import { LeadMasterError, notOfTheHub } from './error.ts'
import type { Request } from './request.ts'

/** Whether the message or lead is new or changed. Hubs of earlier releases do not send it. */
export interface Told {
  change?: 'created' | 'updated'
}

/** An event. `id` is the position to resume from, as `after`. */
export type HubEvent = { id: string } & (
  | { type: 'message'; data: Message & Told }
  | { type: 'lead'; data: Lead & Told }
  | { type: 'lead_removed'; data: LeadRemoved }
  /** What `getStatus` would answer, or the problem it would reject with. */
  | { type: 'session'; data: Status | Problem }
  /** Events were missed that the hub no longer keeps: read the lists again. */
  | { type: 'reset'; data: { reason: string } }
  /** Why the hub ends the stream. A new stream follows. */
  | { type: 'end'; data: { reason: string } }
)

/** `open`: events flow. `waiting`: the next attempt is in `ms`, after `error`. */
export type Connection =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'waiting'; ms: number; error: unknown }

export interface EventOptions {
  /** The id of the last event seen; `'0'`: all events that are kept. By default only new events. */
  after?: string
  signal?: AbortSignal
  /** Called on each change of the connection, so that a page can show that it is out of date. */
  onConnection?: (connection: Connection) => void
  /** A connection without a byte for this long counts as dead, ms. The hub sends every 15 s. */
  stallMs?: number
  /** Delay between attempts, ms. It doubles with each attempt, up to `maxDelayMs`. */
  minDelayMs?: number
  maxDelayMs?: number
}

/** The least delay that doubles, ms: 0 would stay 0, however many attempts fail. */
const leastDelayMs = 1
/** Whether fetch can send the id as `Last-Event-ID`. With any other id every attempt would fail. */
const isSendable = (id: string): boolean => /^[\x20-\x7e]*$/.test(id)

const types: readonly string[] = [
  'message',
  'lead',
  'lead_removed',
  'session',
  'reset',
  'end'
] satisfies HubEvent['type'][]

/** Whether another attempt may succeed. */
const mayPass = (error: unknown): boolean =>
  !(error instanceof LeadMasterError) ||
  error.status === 0 ||
  error.status === 408 ||
  error.status === 429 ||
  error.status >= 500

/** Aborts a connection on which nothing arrives for `ms`. */
class StallTimer {
  readonly #ms: number
  readonly #connection: AbortController
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ms: number, connection: AbortController) {
    this.#ms = ms
    this.#connection = connection
  }

  restart(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const message = `nothing came for ${this.#ms} ms`
      this.#connection.abort(new LeadMasterError(message, { type: 'unreachable' }))
    }, this.#ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

/** The events of one connection, until it ends. `alive` is called before each read. */
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
    // The connection has ended, so an error of cancel says nothing new.
    void reader.cancel().catch(() => undefined)
  }
}

/** Live events over one connection after another, and the position to resume from. */
class EventConnections {
  readonly #request: Request
  readonly #signal: AbortSignal
  readonly #onConnection: EventOptions['onConnection']
  readonly #stallMs: number
  readonly #maxDelayMs: number
  #minDelayMs: number
  #lastId: string | undefined
  /** Attempts since the last event. */
  #failures = 0

  constructor(request: Request, options: EventOptions) {
    this.#request = request
    this.#signal = options.signal ?? new AbortController().signal
    this.#onConnection = options.onConnection
    this.#stallMs = options.stallMs ?? 40_000
    this.#maxDelayMs = options.maxDelayMs ?? 30_000
    this.#minDelayMs = options.minDelayMs ?? 1_000
    this.#lastId = options.after
  }

  async *run(): AsyncGenerator<HubEvent, void, undefined> {
    while (!this.#signal.aborted) {
      let error: unknown
      try {
        yield* this.#connect()
      } catch (caught) {
        error = caught
      }
      if (this.#signal.aborted) return
      if (error !== undefined && !mayPass(error)) throw error
      const ms = this.#delayAfter(error)
      this.#failures += 1
      this.#onConnection?.({ state: 'waiting', ms, error })
      await delay(ms, this.#signal)
    }
  }

  async *#connect(): AsyncGenerator<HubEvent, void, undefined> {
    const connection = new AbortController()
    const stop = (): void => connection.abort(this.#signal.reason)
    this.#signal.addEventListener('abort', stop)
    const stall = new StallTimer(this.#stallMs, connection)
    try {
      this.#onConnection?.({ state: 'connecting' })
      stall.restart()
      const res = await this.#open(connection.signal)
      this.#onConnection?.({ state: 'open' })
      const onRetry = (ms: number): void => void (this.#minDelayMs = Math.max(leastDelayMs, ms))
      for await (const event of read(res, () => stall.restart(), onRetry)) {
        // A slow reader is not a stalled connection.
        stall.stop()
        this.#failures = 0
        if (event.id !== undefined && isSendable(event.id)) this.#lastId = event.id
        if (types.includes(event.event ?? '')) yield this.#toEvent(event)
      }
    } finally {
      stall.stop()
      this.#signal.removeEventListener('abort', stop)
      connection.abort()
    }
  }

  async #open(signal: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { accept: 'text/event-stream' }
    if (this.#lastId !== undefined) headers['last-event-id'] = this.#lastId
    const init = { method: 'GET', headers, signal }
    const res = await this.#request('/api/events', init, { retryMs: 0 })
    if (!/^text\/event-stream\b/i.test(res.headers.get('content-type') ?? 'text/event-stream'))
      throw notOfTheHub(res)
    return res
  }

  #toEvent({ event, data }: EventSourceMessage): HubEvent {
    return { id: this.#lastId ?? '', type: event, data: JSON.parse(data) } as HubEvent
  }

  #delayAfter(error: unknown): number {
    const asked = error instanceof LeadMasterError ? (error.retryAfterS ?? 0) * 1_000 : 0
    const longest = Math.min(this.#maxDelayMs, this.#minDelayMs * 2 ** this.#failures)
    // Random, so that the clients of a restarted hub do not all connect in the same moment.
    return Math.max(asked, longest * (0.5 + Math.random() / 2))
  }
}

/** Live events over as many connections as it takes; see `Client.events`. */
export async function* followEvents(
  request: Request,
  options: EventOptions = {}
): AsyncGenerator<HubEvent, void, undefined> {
  yield* new EventConnections(request, options).run()
}
