import type { Connection } from '../whatsapp-web/connections.ts'

/** Who had an account open, and when, by WhatsApp's own log of its connections. */

export interface Takeover {
  account: string
  from: string
  to: string
  at: string
  /**
   * From when the one was last there to when the other came in, s; below 0: both were at a time.
   */
  gap_s: number
}

/** A page that answered a ping might have been there until the next one. */
const pingMs = 1_000

const end = ({ heardAt, closedAt, displaced }: Readonly<Connection>, now: number): number => {
  if (displaced) return heardAt + pingMs
  return closedAt ?? Math.max(now, heardAt)
}

/** Each time that an account went from one host to another. */
export const takeovers = (
  account: string,
  connections: readonly Readonly<Connection>[],
  nameOf: (address: string) => string,
  now = Date.now()
): Takeover[] => {
  const owned = connections.filter(({ enteredAt }) => enteredAt !== undefined)
  return owned.flatMap((connection, index) => {
    const others = owned.slice(0, index).filter(({ from }) => from !== connection.from)
    const before = owned[index - 1]
    if (before === undefined || before.from === connection.from) return []
    const lastThere = Math.max(...others.map((other) => end(other, now)))
    return [
      {
        account,
        from: nameOf(before.from),
        to: nameOf(connection.from),
        at: new Date(connection.openedAt).toISOString(),
        gap_s: (connection.openedAt - lastThere) / 1_000
      }
    ]
  })
}
