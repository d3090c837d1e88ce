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
   * Writes events; resolves when the client can take more, false if it is gone or was too slow and
   * is dropped.
   */
  send(events: readonly ServerSentEvent[]): Promise<boolean>
  /** Likewise events that are encoded already: streams that are given the same bytes share them. */
  write(bytes: Uint8Array): Promise<boolean>
  /** Tells the client why (an event `end`), and ends the stream. */
  end(reason: string): void
  /** Runs once the stream is over, at once if it is over already. */
  onClose(run: () => void): void
}

/**
 * Why a client was dropped: it took nothing of what was queued for too long, or too much is queued.
 */
export type Dropped = 'stalled' | 'overfull'

/** The open event streams of a server. */
export interface Streams {
  /** Answers a request with an event stream. */
  open(req: IncomingMessage, res: ServerResponse): Stream
  /** Ends them all, as `Stream.end` does. */
  end(reason: string): void
}

export interface StreamsOptions {
  /** A comment is sent this often, so that a dead peer is noticed on both sides. */
  heartbeatMs?: number
  /** A client that leaves what is queued lying for this long is dropped. */
  stallMs?: number
  /**
   * So is one that has more than this queued: what does not wait for it, such as a session's
   * status, has no other bound.
   */
  maxQueuedBytes?: number
  onOpened?: (req: IncomingMessage) => void
  /** @param dropped undefined when the client went, or the server ended it */
  onClosed?: (
    req: IncomingMessage,
    dropped: { reason: Dropped; queuedBytes: number } | undefined
  ) => void
}

const format = ({ id, event, data }: ServerSentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`

/** Events as they go over the wire. */
export const encode = (events: readonly ServerSentEvent[]): Uint8Array =>
  Buffer.from(events.map(format).join(''))

/** What the server does with each. */
interface Entry {
  beat(): void
  end(reason: string): void
}

const heartbeat = Buffer.from(': heartbeat\n\n')

/**
 * Event streams with one heartbeat for all, each bounded by itself: a slow client costs its own
 * queue, and nobody's time.
 */
export const createStreams = (options: StreamsOptions = {}): Streams => {
  const {
    heartbeatMs = 15_000,
    stallMs = 30_000,
    maxQueuedBytes = 1024 * 1024,
    onOpened,
    onClosed
  } = options
  const streams = new Set<Entry>()
  let beats: NodeJS.Timeout | undefined
  const enter = (stream: Entry): void => {
    streams.add(stream)
    beats ??= setInterval(() => {
      for (const { beat } of streams) beat()
    }, heartbeatMs)
  }
  const leave = (stream: Entry): void => {
    streams.delete(stream)
    if (streams.size > 0) return
    clearInterval(beats)
    beats = undefined
  }

  const open = (req: IncomingMessage, res: ServerResponse): Stream => {
    let isOpen = true
    const closers = new Set<() => void>()
    /** While the client is waited for: those who wait, and the time it has. */
    let waiting: { resolves: ((taken: boolean) => void)[]; late: NodeJS.Timeout } | undefined
    const settle = (taken: boolean): void => {
      const { resolves, late } = waiting ?? { resolves: [] }
      waiting = undefined
      clearTimeout(late)
      for (const resolve of resolves) resolve(taken)
    }
    const close = (dropped?: { reason: Dropped; queuedBytes: number }): void => {
      if (!isOpen) return
      isOpen = false
      leave(entry)
      settle(false)
      for (const run of closers) run()
      onClosed?.(req, dropped)
    }
    const drop = (reason: Dropped): void => {
      const queuedBytes = res.writableLength
      res.destroy()
      close({ reason, queuedBytes })
    }
    const drained = (): Promise<boolean> =>
      new Promise((resolve) => {
        waiting ??= { resolves: [], late: setTimeout(() => drop('stalled'), stallMs) }
        waiting.resolves.push(resolve)
      })
    const write = async (bytes: Uint8Array): Promise<boolean> => {
      if (!isOpen) return false
      if (bytes.length === 0 || res.write(bytes)) return true
      if (res.writableLength <= maxQueuedBytes + bytes.length) return drained()
      drop('overfull')
      return false
    }
    const end = (reason: string): void => {
      if (!isOpen) return
      res.end(encode([{ event: 'end', data: { reason } }]))
      close()
    }
    const entry: Entry = { end, beat: () => void (res.writableNeedDrain || res.write(heartbeat)) }

    res.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no'
    })
    res.write('retry: 2000\n\n')
    req.socket.setNoDelay(true)
    req.on('close', () => close())
    res.on('close', () => close())
    res.on('drain', () => settle(true))
    enter(entry)
    onOpened?.(req)
    return {
      get open() {
        return isOpen
      },
      send: (events) => write(encode(events)),
      write,
      end,
      onClose: (run) => void (isOpen ? closers.add(run) : run())
    }
  }

  return {
    open,
    end: (reason) => {
      for (const stream of streams) stream.end(reason)
    }
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
