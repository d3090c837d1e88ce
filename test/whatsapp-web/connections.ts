import type { WebSocket } from 'ws'

/**
 * The simulated WhatsApp's own log of which page was connected, from where and how long: what shows
 * who had an account open.
 */

export interface Connection {
  /** The address of the browser's machine. */
  from: string
  openedAt: number
  /** When the page came in as a linked device; undefined while it is none. */
  enteredAt?: number
  /** When the page was last known to be there: Chromium itself answers a ping, every second. */
  heardAt: number
  closedAt?: number
  /** It was ended because a newer page came in as the same device. */
  displaced?: true
}

const pingMs = 1_000

export interface ConnectionLog {
  /** All that there were, in the order they were opened; times in ms. */
  all(): readonly Readonly<Connection>[]
  opened(socket: WebSocket, from: string): Connection
}

export const createConnectionLog = (): ConnectionLog => {
  const connections: Connection[] = []
  return {
    all: () => connections,
    opened: (socket, from) => {
      const connection: Connection = { from, openedAt: Date.now(), heardAt: Date.now() }
      connections.push(connection)
      const heard = (): void => void (connection.heardAt = Date.now())
      const pinging = setInterval(() => socket.ping(), pingMs)
      socket.on('pong', heard).on('message', heard)
      socket.on('close', () => {
        clearInterval(pinging)
        connection.closedAt = Date.now()
      })
      return connection
    }
  }
}
