import type { Clock } from './clock.ts'

interface WorkerOptions {
  clock: Clock
  /**
   * Does what is due.
   * @returns the time at which there is more to do, ms since 1970; undefined when nothing waits
   */
  work: (isStopping: () => boolean) => Promise<number | undefined>
}

/** Works through one queue, one item after the other, when it is woken or when the time comes. */
export class Worker {
  readonly #options: WorkerOptions
  #running: Promise<void> | undefined
  #isWoken = false
  #isStopping = false
  #cancelTimer = (): void => undefined

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  wake(): void {
    this.#isWoken = true
    if (!this.#isStopping) this.#running ??= this.#run()
  }

  /** Starts nothing further. Resolves once what is under way is done. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.#cancelTimer()
    await this.#running
  }

  async #run(): Promise<void> {
    const { clock, work } = this.#options
    while (this.#isWoken && !this.#isStopping) {
      this.#isWoken = false
      this.#cancelTimer()
      const next = await work(() => this.#isStopping)
      if (next !== undefined && !this.#isStopping)
        this.#cancelTimer = clock.at(next, () => this.wake())
    }
    this.#running = undefined
  }
}
