import { createClient, type Client } from '../../src/client/index.ts'
import { apiToken } from '../end-to-end/daemon.ts'

/** A frontend that follows what happens by the client that we give to frontends. */
export interface Frontend {
  name: string
  client: Client
  /** Every message it was told of, in that order: `ACCOUNT ID`, and when. */
  told: readonly { key: string; chat: string; at: number }[]
  /** When it was told of each first. */
  first: ReadonlyMap<string, number>
  /** How often it had to read the lists again. */
  resets(): number
  connections(): number
  stop(): Promise<void>
}

/**
 * @param urls of the replicas; with several, each connection and each request is to the next one,
 * as behind a proxy
 */
export const startFrontend = (name: string, urls: readonly string[]): Frontend => {
  let turn = 0
  const [own = ''] = urls
  const client = createClient({
    baseUrl: own,
    token: apiToken,
    retryReadsMs: 0,
    fetch: (input, init) =>
      fetch(String(input).replace(own, urls[turn++ % urls.length] as string), init)
  })
  const told: { key: string; chat: string; at: number }[] = []
  const first = new Map<string, number>()
  const stopping = new AbortController()
  let resets = 0
  let connections = 0
  const run = async (): Promise<void> => {
    const onConnection = ({ state }: { state: string }): void =>
      void (connections += Number(state === 'open'))
    for await (const { type, data } of client.events({
      after: '0',
      signal: stopping.signal,
      minDelayMs: 500,
      maxDelayMs: 3_000,
      stallMs: 20_000,
      onConnection
    })) {
      if (type === 'reset') resets += 1
      if (type !== 'message') continue
      const [key, at] = [`${data.account} ${data.id}`, Date.now()]
      told.push({ key, chat: `${data.account} ${data.chat_id}`, at })
      if (!first.has(key)) first.set(key, at)
    }
  }
  const running = run()
  return {
    name,
    client,
    told,
    first,
    resets: () => resets,
    connections: () => connections,
    stop: async () => {
      stopping.abort()
      await running
    }
  }
}
