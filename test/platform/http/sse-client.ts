import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** A client of an event stream, by a parser that is not ours. */
export interface SseClient {
  res: IncomingMessage
  events: EventSourceMessage[]
  comments: string[]
  /** Resolves once an event, past or to come, fits; rejects when the stream ends first. */
  until(fits: (event: EventSourceMessage) => boolean): Promise<EventSourceMessage>
  /** Resolves when the stream is over. */
  ended: Promise<void>
  close(): void
}

export const openSse = async (
  url: string,
  headers: Record<string, string> = {}
): Promise<SseClient> => {
  const req = get(url, { agent: false, headers })
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const events: EventSourceMessage[] = []
  const comments: string[] = []
  const watchers = new Set<() => void>()
  const parser = createParser({
    onEvent: (event) => {
      events.push(event)
      for (const look of watchers) look()
    },
    onComment: (comment) => comments.push(comment)
  })
  let over = false
  res.setEncoding('utf8')
  res.on('data', (text: string) => parser.feed(text))
  res.on('error', () => undefined)
  req.on('error', () => undefined)
  const ended = new Promise<void>((resolve) =>
    res.once('close', () => {
      over = true
      resolve()
      for (const look of watchers) look()
    })
  )
  return {
    res,
    events,
    comments,
    ended,
    until: (fits) =>
      new Promise((resolve, reject) => {
        let seen = 0
        const look = (): void => {
          // each event is looked at once, however many there are
          const event = events.slice(seen).find(fits)
          seen = events.length
          if (event === undefined && !over) return
          watchers.delete(look)
          if (event) resolve(event)
          else reject(new Error(`the stream ended after ${events.length} events`))
        }
        watchers.add(look)
        look()
      }),
    close: () => void req.destroy()
  }
}
