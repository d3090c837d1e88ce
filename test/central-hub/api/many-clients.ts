import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { createParser } from 'eventsource-parser'
import { bearer } from './rig.ts'

/**
 * Clients of `GET /api/events` that are cheap enough for a thousand of them: they look at each
 * event, and keep none.
 */
export interface ManyClients {
  /** The position of each, from the last event that has an id. */
  positions(): readonly number[]
  /** Resolves once all have reached a position. */
  reached(position: number): Promise<void>
  /** What was wrong in the order of events: a gap or a repetition, with the client's number. */
  faults: string[]
  /** How long each delivery took, ms, since the last call. */
  deliveries(): number[]
  /** Those that are still connected. */
  connected(): number
}

const positionOf = (id: string): number => Number(id.split('-')[1])

/** A message's text that tells when it was written. */
export const stamped = (): string => `written at ${performance.now()} ms`

/** Opens them at the head, a few at a time. */
export const openMany = async (t: Test, url: string, count: number): Promise<ManyClients> => {
  const positions: number[] = []
  const faults: string[] = []
  const watchers = new Set<() => void>()
  let deliveries: number[] = []
  let connected = 0
  const open = async (client: number): Promise<void> => {
    const req = get(`${url}/api/events`, { agent: false, headers: bearer })
    t.teardown(() => req.destroy())
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    if (res.statusCode !== 200) throw new Error(`client ${client} got ${res.statusCode}`)
    connected += 1
    res.on('close', () => (connected -= 1))
    res.on('error', () => undefined)
    let joined: () => void = () => undefined
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (id === undefined) return
        const position = positionOf(id)
        const before = positions[client]
        if (before !== undefined && position !== before + 1)
          faults.push(`client ${client}: ${position} after ${before}`)
        positions[client] = position
        const [, written] = event === 'message' ? (/written at ([\d.]+) ms/.exec(data) ?? []) : []
        if (written !== undefined) deliveries.push(performance.now() - Number(written))
        joined()
        for (const look of watchers) look()
      }
    })
    res.setEncoding('utf8')
    res.on('data', (text: string) => parser.feed(text))
    if (positions[client] === undefined) await new Promise<void>((resolve) => (joined = resolve))
  }
  for (let first = 0; first < count; first += 50) {
    await Promise.all(
      Array.from({ length: Math.min(50, count - first) }, (_, index) => open(first + index))
    )
  }
  return {
    faults,
    positions: () => positions,
    connected: () => connected,
    reached: (position) =>
      new Promise((resolve) => {
        let behind = positions.filter((each) => each < position).length
        const look = (): void => {
          // counted anew only when it may be the last one
          if ((behind -= 1) > 0) return
          behind = positions.filter((each) => each < position).length
          if (behind > 0) return
          watchers.delete(look)
          resolve()
        }
        watchers.add(look)
        look()
      }),
    deliveries: () => {
      const taken = deliveries.sort((a, b) => a - b)
      deliveries = []
      return taken
    }
  }
}

/** Clients that ask for all that is kept, and never read a byte. */
export const openStalled = async (t: Test, url: string, count: number): Promise<void> => {
  const { hostname, port, host } = new URL(url)
  for (let client = 0; client < count; client += 1) {
    const socket = connect(Number(port), hostname)
    t.teardown(() => socket.destroy())
    socket.on('error', () => undefined)
    socket.pause()
    await once(socket, 'connect')
    socket.write(
      `GET /api/events?after=0 HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${bearer.authorization}\r\n\r\n`
    )
  }
}
