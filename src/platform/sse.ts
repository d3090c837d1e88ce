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
  /** Writes events; resolves when the client can take more, false if it is gone or was too slow and is dropped. */
  send(events: readonly ServerSentEvent[]): Promise<boolean>
  /** Tells the client why (an event `end`), and ends the stream. */
  end(reason: string): void
  /** Runs once the stream is over, at once if it is over already. */
  onClose(run: () => void): void
}

const format = ({ id, event, data }: ServerSentEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`

/**
 * Answers a request with an event stream.
 * @param heartbeatMs a comment is sent this often, so that a dead peer is noticed on both sides
 * @param stallMs a client that takes nothing for this long is dropped
 */
export const openStream = (
  req: IncomingMessage,
  res: ServerResponse,
  { heartbeatMs = 15_000, stallMs = 30_000 }: { heartbeatMs?: number; stallMs?: number } = {}
): Stream => {
  let open = true
  const closers = new Set<() => void>()
  const close = (): void => {
    if (!open) return
    open = false
    clearInterval(heartbeat)
    for (const run of closers) run()
  }
  const drained = (): Promise<boolean> =>
    new Promise((resolve) => {
      const settle = (ok: boolean): void => {
        clearTimeout(stall)
        res.off('drain', onDrain)
        closers.delete(onClosed)
        resolve(ok)
      }
      const onDrain = (): void => settle(true)
      const onClosed = (): void => settle(false)
      const stall = setTimeout(() => {
        res.destroy()
        close()
      }, stallMs)
      res.once('drain', onDrain)
      closers.add(onClosed)
    })

  res.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no'
  })
  res.write('retry: 2000\n\n')
  req.socket.setNoDelay(true)
  req.on('close', close)
  res.on('close', close)
  const heartbeat = setInterval(() => res.writableNeedDrain || res.write(': heartbeat\n\n'), heartbeatMs)

  return {
    get open() {
      return open
    },
    send: async (events) => {
      if (!open) return false
      if (events.length === 0 || res.write(events.map(format).join(''))) return true
      return drained()
    },
    end: (reason) => {
      if (!open) return
      res.end(format({ event: 'end', data: { reason } }))
      close()
    },
    onClose: (run) => void (open ? closers.add(run) : run())
  }
}

/** The `Last-Event-ID` a client resumes from, or its `?after=`; undefined when it gives neither. */
export const resumePoint = (req: IncomingMessage, after: string | undefined): string | undefined => {
  const last = req.headers['last-event-id']
  return typeof last === 'string' && last !== '' ? last : after
}

/**
 * Streams a stored sequence to a client: what stands after `after` first, then what is added, for as long as the
 * client stays. It reads from the store a page at a time and waits for the client, so memory stays bounded.
 * @param read the next items after a position, oldest first, none when there is nothing new
 * @param subscribe calls back whenever something was added; returns what ends it
 */
export const follow = async <T>(
  stream: Stream,
  options: {
    after: number
    read: (after: number) => Promise<readonly T[]> | readonly T[]
    position: (item: T) => number
    /** undefined for an item that is not sent. */
    toEvent: (item: T) => ServerSentEvent | undefined
    subscribe: (wake: () => void) => () => void
  }
): Promise<void> => {
  let { after } = options
  let added = true
  let wake: () => void = () => undefined
  stream.onClose(
    options.subscribe(() => {
      added = true
      wake()
    })
  )
  stream.onClose(() => wake())
  while (stream.open) {
    if (!added) await new Promise<void>((resolve) => (wake = resolve))
    added = false
    for (;;) {
      const items = await options.read(after)
      const last = items.at(-1)
      if (last === undefined) break
      if (!(await stream.send(items.flatMap((item) => options.toEvent(item) ?? [])))) return
      after = options.position(last)
    }
  }
}
