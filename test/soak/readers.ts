import { setTimeout as delay } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import type { Client } from '../../src/client/index.ts'
import type { JournalRecord } from '../../src/contract/record.ts'
import { token } from '../end-to-end/daemon.ts'
import type { Ledger } from './ledger.ts'

/**
 * Those who read all of the journal and all of the hub's events from beginning to end, and write
 * down what they saw.
 */
export interface Reader {
  /** Connections that it took, and places in what it read that it had to leave out. */
  connections(): number
  gaps(): number
  stop(): Promise<void>
}

const againMs = 200

export const readJournal = (
  url: string,
  ledger: Ledger
): Reader & { kinds(): Readonly<Record<string, number>> } => {
  const stopping = new AbortController()
  const kinds: Record<string, number> = {}
  let [seq, connections, gaps] = [0, 0, 0]
  const take = (record: JournalRecord): void => {
    if (record.seq !== seq + 1) gaps += 1
    seq = record.seq
    kinds[record.kind] = (kinds[record.kind] ?? 0) + 1
    if (record.kind === 'message') ledger.recorded(record.message.id)
    else if (record.kind === 'ciphertext') ledger.undecrypted(record.message.id)
  }
  const connect = async (): Promise<void> => {
    connections += 1
    const res = await fetch(`${url}/inbound/stream?after=${seq}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: stopping.signal
    })
    if (res.body === null || !res.ok) throw new Error(`/inbound/stream: ${res.status}`)
    const parser = createParser({
      onEvent: ({ event, data }) => event === 'record' && take(JSON.parse(data) as JournalRecord)
    })
    const decoder = new TextDecoder()
    for await (const piece of res.body)
      parser.feed(decoder.decode(piece as Uint8Array, { stream: true }))
  }
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      // whatever ended the connection, the next one goes on behind the last record; how many it
      // took is told
      await connect().catch(() => delay(againMs))
    }
  }
  const over = run()
  return {
    connections: () => connections,
    gaps: () => gaps,
    kinds: () => kinds,
    stop: () => {
      stopping.abort()
      return over
    }
  }
}

export const readEvents = (client: Client, ledger: Ledger): Reader => {
  const stopping = new AbortController()
  let [connections, gaps] = [0, 0]
  const run = async (): Promise<void> => {
    const counting = {
      onConnection: ({ state }: { state: string }) => void (connections += Number(state === 'open'))
    }
    for await (const event of client.events({
      after: '0',
      signal: stopping.signal,
      minDelayMs: againMs,
      ...counting
    })) {
      if (event.type === 'message') ledger.told(event.data.id)
      else if (event.type === 'reset') gaps += 1
    }
  }
  const over = run()
  return {
    connections: () => connections,
    gaps: () => gaps,
    stop: () => {
      stopping.abort()
      return over
    }
  }
}
