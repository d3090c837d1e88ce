import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from '../../platform/log.ts'
import type { NewRecord } from '../journal/journal.ts'

/**
 * More than a page tells in a long while; what is dropped is read back once the session is READY.
 */
const maxNewRecords = 10_000
/**
 * Waits before each look at the guard of a new document, which takes a moment to have its modules,
 * ms.
 */
const lookAfterMs = [0, 250, 500, 1_000, 2_000, 4_000, 8_000]

/**
 * Keeps what a page tells until it is known that its send guard holds. What a page told whose guard
 * does not hold goes with its listener, and is never captured.
 */
export class HeldCapture {
  readonly #pass: (newRecords: NewRecord[]) => void
  readonly #log: Log
  #isOpen = false
  #isFull = false
  #held: NewRecord[][] = []
  #count = 0
  /** Counts the documents: what was seen of one says nothing about the next. */
  #document = 0

  constructor(pass: (newRecords: NewRecord[]) => void, log: Log) {
    this.#pass = pass
    this.#log = log
  }

  add(newRecords: NewRecord[]): void {
    if (this.#isOpen) return this.#pass(newRecords)
    this.#held.push(newRecords)
    this.#count += newRecords.length
    if (this.#count <= maxNewRecords) return
    this.#count -= this.#held.shift()?.length ?? 0
    if (!this.#isFull)
      this.#log.warn(
        { event: 'capture_held', newRecords: maxNewRecords },
        'The page tells much before it is READY. The oldest of it is read back later.'
      )
    this.#isFull = true
  }

  hold(): void {
    this.#isOpen = false
    this.#document += 1
  }

  get hasHeld(): boolean {
    return this.#held.length > 0
  }

  /**
   * Looks at the guard of this document until it holds, and releases then. What is held is in
   * memory only, so this does not wait for the next probe.
   * @param holds whether the guard holds; it never throws
   */
  async releaseOnceSafe(
    holds: () => Promise<boolean>,
    waitsMs: readonly number[] = lookAfterMs
  ): Promise<void> {
    const document = this.#document
    const isOver = (): boolean => this.#isOpen || document !== this.#document
    for (const waitMs of waitsMs) {
      if (waitMs > 0) await delay(waitMs, undefined, { ref: false })
      if (isOver()) return
      const isSafe = await holds()
      if (isOver()) return
      if (isSafe) return this.release()
    }
  }

  /** Passes on what was kept, in its order, and from now on all. */
  release(): void {
    this.#isOpen = true
    this.#isFull = false
    this.#count = 0
    const held = this.#held
    this.#held = []
    for (const newRecords of held) this.#pass(newRecords)
  }
}
