import type { Db } from '../store/database/schema.ts'

/**
 * How long hubs have delivered to webhooks, ms. By it deliveries are given up: a host's clock that
 * was ahead gives up nothing early, and while no hub runs no delivery loses its time.
 */
export class DeliveringTime {
  readonly #db: Db
  readonly #steady: () => number
  #known: number | undefined
  #at = 0

  /** @param steady a clock that only goes on, ms */
  constructor(db: Db, steady: () => number) {
    this.#db = db
    this.#steady = steady
  }

  async now(): Promise<number> {
    if (this.#known === undefined) {
      const { delivering_ms } = await this.#db
        .selectFrom('store')
        .select('delivering_ms')
        .executeTakeFirstOrThrow()
      this.#known = delivering_ms
      this.#at = this.#steady()
    }
    return Math.floor(this.#known + this.#steady() - this.#at)
  }

  /**
   * Keeps it for the next hub that delivers. What passes after the last call does not count for
   * that one.
   */
  async save(): Promise<void> {
    await this.#db
      .updateTable('store')
      .set({ delivering_ms: await this.now() })
      .execute()
  }
}
