import { setImmediate as nextTurn } from 'node:timers/promises'
import { limitConcurrency } from '../async.ts'
import { encode, type ServerSentEvent, type Stream } from './sse.ts'

/** A stored sequence that event streams follow. */
export interface Source<T> {
  /** The next items after a position, oldest first; empty without new items. */
  read: (after: number) => Promise<readonly T[]> | readonly T[]
  position: (item: T) => number
  /** undefined for an item that is not sent. */
  toEvent: (item: T) => ServerSentEvent | undefined
  /** Calls back when items were added; returns what ends it. */
  subscribe: (wake: () => void) => () => void
}

/** A part of a page, encoded, and the position of a client that has received it. */
interface Piece {
  bytes: Uint8Array
  upTo: number
}

/** What is written to a client before it is waited for. One event alone may be more. */
const pieceBytes = 64 * 1024
/**
 * Pages that are kept for other clients at the same position. At the end there are two: the new
 * items, and an empty page.
 */
const maxPages = 4

/**
 * Lets event streams follow a stored sequence. Each client pulls from its own position, so that
 * nothing is skipped or sent twice, wherever it joins. Clients at the same position, such as all at
 * the end, share one read and its bytes. A client that is behind reads one page in a turn of the
 * event loop. The feed waits for each client before its next piece, so that it holds no more than a
 * page.
 */
class EventFeed<T> {
  readonly #source: Source<T>
  /** By the position before the page. */
  readonly #pages = new Map<number, Promise<readonly Piece[]>>()
  readonly #wakes = new Set<() => void>()
  #unsubscribe: (() => void) | undefined
  #changes = 0
  /** The end of the sequence when it was last read. A client before it is behind. */
  #end = Infinity
  readonly #oneAtATime = limitConcurrency(1)

  constructor(source: Source<T>) {
    this.#source = source
  }

  /** Streams the items after a position, and then new items, for as long as the client stays. */
  async follow(stream: Stream, from: number): Promise<void> {
    let after = from
    let seenChanges = -1
    let wake: () => void = () => undefined
    const onWake = (): void => wake()
    this.#enter(onWake)
    stream.onClose(() => {
      this.#leave(onWake)
      onWake()
    })
    while (stream.open) {
      if (seenChanges === this.#changes) await new Promise<void>((resolve) => (wake = resolve))
      seenChanges = this.#changes
      // No page is read for a stream that has closed: nobody would report that the page is old.
      while (stream.open) {
        const page = await this.#pageAfter(after)
        if (page.length === 0) break
        for (const { bytes, upTo } of page) {
          if (!(await stream.write(bytes))) return
          after = upTo
        }
      }
    }
  }

  #enter(wake: () => void): void {
    this.#wakes.add(wake)
    this.#unsubscribe ??= this.#source.subscribe(() => this.#onChange())
  }

  #leave(wake: () => void): void {
    this.#wakes.delete(wake)
    if (this.#wakes.size > 0) return
    this.#unsubscribe?.()
    this.#unsubscribe = undefined
    // Nobody would report that these pages are old.
    this.#pages.clear()
    this.#end = Infinity
  }

  #onChange(): void {
    this.#changes += 1
    this.#pages.clear()
    for (const wake of this.#wakes) wake()
  }

  #pageAfter(after: number): Promise<readonly Piece[]> {
    const kept = this.#pages.get(after)
    if (kept) return kept
    const [oldest] = this.#pages.keys()
    if (this.#pages.size >= maxPages && oldest !== undefined) this.#pages.delete(oldest)
    const page = after < this.#end ? this.#readLater(after) : this.#readPage(after)
    this.#pages.set(after, page)
    // The callers get the error. The next caller tries again.
    page.catch(() => this.#pages.delete(after))
    return page
  }

  #readLater(after: number): Promise<readonly Piece[]> {
    return this.#oneAtATime(async () => {
      await nextTurn()
      return this.#readPage(after)
    })
  }

  async #readPage(after: number): Promise<readonly Piece[]> {
    const { read, toEvent, position } = this.#source
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
    if (items.length === 0) this.#end = after
    return pieces
  }
}

export const createEventFeed = <T>(source: Source<T>): EventFeed<T> => new EventFeed(source)

/** Follows a sequence with one stream. */
export const follow = <T>(
  stream: Stream,
  { after, ...source }: Source<T> & { after: number }
): Promise<void> => new EventFeed(source).follow(stream, after)
