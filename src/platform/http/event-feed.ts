import { setImmediate as nextTurn } from 'node:timers/promises'
import { limitConcurrency } from '../async.ts'
import { encode, type ServerSentEvent, type Stream } from './sse.ts'

/** A stored sequence that event streams follow. */
export interface Source<T> {
  /** The next items after a position, oldest first, none when there is nothing new. */
  read: (after: number) => Promise<readonly T[]> | readonly T[]
  position: (item: T) => number
  /** undefined for an item that is not sent. */
  toEvent: (item: T) => ServerSentEvent | undefined
  /** Calls back whenever something was added; returns what ends it. */
  subscribe: (wake: () => void) => () => void
}

interface EventFeed {
  /** Streams what stands after a position, then what is added, for as long as the client stays. */
  follow(stream: Stream, after: number): Promise<void>
}

/** Some of a page, encoded, and the position that whoever has it has reached. */
interface Piece {
  bytes: Uint8Array
  upTo: number
}

/** What is written to a client before it is waited for; one event alone may be more. */
const pieceBytes = 64 * 1024
/**
 * Pages kept for others at the same place. At the head there are two: what was added, and nothing.
 */
const maxPages = 4

/**
 * Each client pulls from its own position, so that nothing is skipped or sent twice, wherever it
 * joins; those at the same place, such as all at the head, share one read and its bytes. Who is
 * behind reads one page in a turn of the event loop, and each client is waited for before its next
 * piece: it holds no more than a page.
 */
export const createEventFeed = <T>({
  read,
  position,
  toEvent,
  subscribe
}: Source<T>): EventFeed => {
  const pages = new Map<number, Promise<readonly Piece[]>>()
  const wakes = new Set<() => void>()
  let unsubscribe: (() => void) | undefined
  let changes = 0
  /** Where the sequence was seen to end; who is before it is behind. */
  let end = Infinity
  const inTurn = limitConcurrency(1)

  const changed = (): void => {
    changes += 1
    pages.clear()
    for (const wake of wakes) wake()
  }
  const enter = (wake: () => void): void => {
    wakes.add(wake)
    unsubscribe ??= subscribe(changed)
  }
  const leave = (wake: () => void): void => {
    wakes.delete(wake)
    if (wakes.size > 0) return
    unsubscribe?.()
    unsubscribe = undefined
    // nobody would tell that these have become old
    pages.clear()
    end = Infinity
  }

  const readPage = async (after: number): Promise<readonly Piece[]> => {
    const items = await read(after)
    const pieces: Piece[] = []
    let events: Uint8Array[] = []
    let size = 0
    items.forEach((item, index) => {
      const event = toEvent(item)
      if (event !== undefined) size += events[events.push(encode([event])) - 1]?.length ?? 0
      if (size < pieceBytes && index < items.length - 1) return
      pieces.push({ bytes: Buffer.concat(events), upTo: position(item) })
      events = []
      size = 0
    })
    if (items.length === 0) end = after
    return pieces
  }
  const readLater = (after: number): Promise<readonly Piece[]> =>
    inTurn(async () => {
      await nextTurn()
      return readPage(after)
    })
  const pageAfter = (after: number): Promise<readonly Piece[]> => {
    const kept = pages.get(after)
    if (kept) return kept
    const [oldest] = pages.keys()
    if (pages.size >= maxPages && oldest !== undefined) pages.delete(oldest)
    const page = after < end ? readLater(after) : readPage(after)
    pages.set(after, page)
    page.catch(() => pages.delete(after)) // whoever asked hears of it; the next one tries again
    return page
  }

  return {
    follow: async (stream, from) => {
      let after = from
      let seen = -1
      let wake: () => void = () => undefined
      const woken = (): void => wake()
      enter(woken)
      stream.onClose(() => {
        leave(woken)
        woken()
      })
      while (stream.open) {
        if (seen === changes) await new Promise<void>((resolve) => (wake = resolve))
        seen = changes
        // of one that is closed meanwhile nothing is kept: nobody would tell that it has become old
        while (stream.open) {
          const page = await pageAfter(after)
          if (page.length === 0) break
          for (const { bytes, upTo } of page) {
            if (!(await stream.write(bytes))) return
            after = upTo
          }
        }
      }
    }
  }
}

/** Follows a sequence with one stream. */
export const follow = <T>(
  stream: Stream,
  { after, ...source }: Source<T> & { after: number }
): Promise<void> => createEventFeed(source).follow(stream, after)
