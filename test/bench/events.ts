import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import type { Bench } from './row.ts'

/** When each message came by a hub's event stream, by its id, ms since the epoch. */
export const followEvents = async (
  bench: Bench,
  url: string,
  bearer: string
): Promise<Map<string, number>> => {
  const arrived = new Map<string, number>()
  const req = get(`${url}/api/events`, {
    agent: false,
    headers: { authorization: `Bearer ${bearer}` }
  })
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const parser = createParser({
    onEvent: ({ event, data }) => {
      if (event !== 'message') return
      const { id } = JSON.parse(data) as { id: string }
      if (!arrived.has(id)) arrived.set(id, now())
    }
  })
  res.setEncoding('utf8')
  res.on('data', (text: string) => parser.feed(text)).on('error', () => undefined)
  bench.onEnd(() => req.destroy())
  return arrived
}

/** Finer than Date.now, and of the same beginning in every process. */
export const now = (): number => performance.timeOrigin + performance.now()
