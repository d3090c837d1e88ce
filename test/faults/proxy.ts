import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** What stands between the hub and session-manager, and can be as bad as networks are. */
export interface Proxy {
  port: number
  /**
   * `slow`: all comes late, each way. `hung`: connections are taken, and nothing goes through.
   * `half-open`: so it is, too, and when that is over the old connections stay dead without anybody
   * being told.
   */
  be(how: 'well' | 'slow' | 'hung' | 'half-open'): void
  close(): Promise<void>
}

const slowMs = 1_500

export const startProxy = async (target: number): Promise<Proxy> => {
  let how: Parameters<Proxy['be']>[0] = 'well'
  const sockets = new Set<Socket>()
  /** Taken while nothing went through, or before: for good. */
  const dead = new WeakSet<Socket>()
  /** What waits for better times. */
  let held: (() => void)[] = []

  const pipe = (from: Socket, to: Socket): void => {
    let last = Promise.resolve()
    const pass = (what: () => void): void => {
      if (dead.has(from)) return
      if (how === 'hung' || how === 'half-open') held.push(() => pass(what))
      else if (how === 'slow') {
        // late, and in order; not fewer of them
        const due = Date.now() + slowMs
        last = last.then(() => delay(Math.max(0, due - Date.now()))).then(what)
      } else last = last.then(what)
    }
    from.on('data', (chunk) => pass(() => void (to.destroyed || to.write(chunk))))
    from.on('end', () => pass(() => void (to.destroyed || to.end())))
    from.on('close', () => {
      sockets.delete(from)
      if (how !== 'half-open' && !dead.has(from)) pass(() => to.destroy())
    })
    from.on('error', () => undefined)
  }
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) sockets.add(socket)
    if (how === 'half-open') for (const socket of [client, upstream]) dead.add(socket)
    // nobody listens there: the client is to see that, as it would without this in between
    upstream.on('error', () => client.resetAndDestroy())
    pipe(client, upstream)
    pipe(upstream, client)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    be: (now) => {
      how = now
      if (now === 'half-open') for (const socket of sockets) dead.add(socket)
      const waiting = held
      held = []
      for (const go of waiting) go()
    },
    close: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    }
  }
}
