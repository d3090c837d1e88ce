import type { Log } from '../../platform/log.ts'
import type { Draft } from '../journal.ts'

/** More than a page tells in a long while; what is dropped is read back once the session is READY. */
const maxDrafts = 10_000

/**
 * Keeps what a page tells until it is known that its send guard holds. What a page told whose guard does not hold goes
 * with its listener, and is never captured.
 */
export class HeldCapture {
  readonly #pass: (drafts: Draft[]) => void
  readonly #log: Log
  #isOpen = false
  #isFull = false
  #held: Draft[][] = []
  #count = 0

  constructor(pass: (drafts: Draft[]) => void, log: Log) {
    this.#pass = pass
    this.#log = log
  }

  add(drafts: Draft[]): void {
    if (this.#isOpen) return this.#pass(drafts)
    this.#held.push(drafts)
    this.#count += drafts.length
    if (this.#count <= maxDrafts) return
    this.#count -= this.#held.shift()?.length ?? 0
    if (!this.#isFull) this.#log.warn({ event: 'capture_held', drafts: maxDrafts }, 'The page tells much before it is READY. The oldest of it is read back later.')
    this.#isFull = true
  }

  hold(): void {
    this.#isOpen = false
  }

  /** Passes on what was kept, in its order, and from now on all. */
  release(): void {
    this.#isOpen = true
    this.#isFull = false
    this.#count = 0
    const held = this.#held
    this.#held = []
    for (const drafts of held) this.#pass(drafts)
  }
}
