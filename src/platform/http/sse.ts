import type { IncomingMessage, ServerResponse } from 'node:http'

/** Server-sent events, https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface ServerSentEvent {
  id?: number | string
  event?: string
  /** Sent as one line of JSON. */
  data: unknown
}

/** One open stream. */
export interface Stream {
  /** False once the client is gone or was dropped. */
  readonly open: boolean
  /**
   * Writes events.
   * @returns true when the client can take more; false when it is gone, or too slow and dropped
   */
  send(events: readonly ServerSentEvent[]): Promise<boolean>
  /** Writes events that are encoded already: streams that get the same bytes share them. */
  write(bytes: Uint8Array): Promise<boolean>
  /** Sends the client the reason, as an event `end`, and ends the stream. */
  end(reason: string): void
  /** Runs once the stream has ended; immediately if it has ended already. */
  onClose(run: () => void): void
}

/**
 * Why a client was dropped: it took nothing of its queue for too long, or its queue is too long.
 */
export type Dropped = 'stalled' | 'overfull'

interface DroppedClient {
  reason: Dropped
  queuedBytes: number
}

export interface StreamsOptions {
  /** A comment is sent this often, so that both sides notice a dead peer. */
  heartbeatMs?: number
  /** A client that takes nothing of its queue for this long is dropped. */
  stallMs?: number
  /**
   * A client with more than this in its queue is dropped. Events that are sent without waiting for
   * the client, such as a session's status, have no other bound.
   */
  maxQueuedBytes?: number
  onOpened?: (req: IncomingMessage) => void
  /** @param dropped undefined when the client went, or the server ended the stream */
  onClosed?: (req: IncomingMessage, dropped: DroppedClient | undefined) => void
}

const formatEvent = ({ id, event, data }: ServerSentEvent): string => {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  const eventLine = event === undefined ? '' : `event: ${event}\n`
  return `${idLine}${eventLine}data: ${JSON.stringify(data)}\n\n`
}

/** Events as bytes of the stream. */
export const encode = (events: readonly ServerSentEvent[]): Uint8Array =>
  Buffer.from(events.map(formatEvent).join(''))

const heartbeat = Buffer.from(': heartbeat\n\n')

interface EventStreamOptions {
  req: IncomingMessage
  res: ServerResponse
  stallMs: number
  maxQueuedBytes: number
  onClosed: (stream: EventStream, dropped: DroppedClient | undefined) => void
}

class EventStream implements Stream {
  readonly #options: EventStreamOptions
  readonly #closers = new Set<() => void>()
  #isOpen = true
  /** Callers that wait for the client to take its queue, and the time that it has. */
  #waiting: { resolves: ((isTaken: boolean) => void)[]; late: NodeJS.Timeout } | undefined

  constructor(options: EventStreamOptions) {
    this.#options = options
    const { req, res } = options
    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no'
    })
    res.write('retry: 2000\n\n')
    req.socket.setNoDelay(true)
    req.on('close', () => this.#close())
    res.on('close', () => this.#close())
    res.on('drain', () => this.#resolveWaiting(true))
  }

  get open(): boolean {
    return this.#isOpen
  }

  /** Whether it is the stream of this answer. */
  answers(res: ServerResponse): boolean {
    return res === this.#options.res
  }

  send(events: readonly ServerSentEvent[]): Promise<boolean> {
    return this.write(encode(events))
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    const { res, maxQueuedBytes } = this.#options
    if (!this.#isOpen) return false
    if (bytes.length === 0 || res.write(bytes)) return true
    if (res.writableLength <= maxQueuedBytes + bytes.length) return this.#drained()
    this.#drop('overfull')
    return false
  }

  end(reason: string): void {
    if (!this.#isOpen) return
    this.#options.res.end(encode([{ event: 'end', data: { reason } }]))
    this.#close()
  }

  onClose(run: () => void): void {
    if (this.#isOpen) this.#closers.add(run)
    else run()
  }

  sendHeartbeat(): void {
    const { res } = this.#options
    if (!res.writableNeedDrain) res.write(heartbeat)
  }

  #drained(): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiting ??= {
        resolves: [],
        late: setTimeout(() => this.#drop('stalled'), this.#options.stallMs)
      }
      this.#waiting.resolves.push(resolve)
    })
  }

  #resolveWaiting(isTaken: boolean): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    clearTimeout(waiting.late)
    for (const resolve of waiting.resolves) resolve(isTaken)
  }

  #drop(reason: Dropped): void {
    const { res } = this.#options
    const queuedBytes = res.writableLength
    res.destroy()
    this.#close({ reason, queuedBytes })
  }

  #close(dropped?: DroppedClient): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#options.onClosed(this, dropped)
  }

  /** Called once the stream has left the others, before its end is reported. */
  runClosers(): void {
    this.#resolveWaiting(false)
    for (const run of this.#closers) run()
  }
}

/**
 * The open event streams of a server. One timer sends the heartbeat of all. Each stream has its own
 * bounds: a slow client costs its own queue, and delays no other client.
 */
export class Streams {
  readonly #options: StreamsOptions
  readonly #streams = new Set<EventStream>()
  #heartbeats: NodeJS.Timeout | undefined

  constructor(options: StreamsOptions = {}) {
    this.#options = options
  }

  /** Answers a request with an event stream. */
  open(req: IncomingMessage, res: ServerResponse): Stream {
    const { stallMs = 30_000, maxQueuedBytes = 1024 * 1024, onOpened, onClosed } = this.#options
    const stream = new EventStream({
      req,
      res,
      stallMs,
      maxQueuedBytes,
      onClosed: (closed, dropped) => {
        this.#remove(closed)
        closed.runClosers()
        onClosed?.(req, dropped)
      }
    })
    this.#add(stream)
    onOpened?.(req)
    return stream
  }

  /** Ends all streams, as `Stream.end` does. */
  end(reason: string): void {
    for (const stream of this.#streams) stream.end(reason)
  }

  /** Ends the stream that answers a request. @returns whether there is one */
  endOne(res: ServerResponse, reason: string): boolean {
    const stream = [...this.#streams].find((open) => open.answers(res))
    stream?.end(reason)
    return stream !== undefined
  }

  #add(stream: EventStream): void {
    const { heartbeatMs = 15_000 } = this.#options
    this.#streams.add(stream)
    this.#heartbeats ??= setInterval(() => {
      for (const open of this.#streams) open.sendHeartbeat()
    }, heartbeatMs)
  }

  #remove(stream: EventStream): void {
    this.#streams.delete(stream)
    if (this.#streams.size > 0) return
    clearInterval(this.#heartbeats)
    this.#heartbeats = undefined
  }
}

/** The `Last-Event-ID` a client resumes from, or its `?after=`; undefined when it gives neither. */
export const resumePoint = (
  req: IncomingMessage,
  after: string | undefined
): string | undefined => {
  const last = req.headers['last-event-id']
  return typeof last === 'string' && last !== '' ? last : after
}
