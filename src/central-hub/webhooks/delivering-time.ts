import type { Db } from '../store/database/schema.ts'

/**
 * The time for which hubs have delivered to webhooks, ms. It decides when deliveries are given up.
 * So a host's clock that was ahead gives up nothing early, and a delivery loses no time while no
 * hub runs.
 */
export class DeliveringTime {
  readonly #db: Db
  readonly #steady: () => number
  #readMs: number | undefined
  #readAt = 0

  /** @param steady a clock that only goes on, ms */
  constructor(db: Db, steady: () => number) {
    this.#db = db
    this.#steady = steady
  }

  async now(): Promise<number> {
    if (this.#readMs === undefined) {
      const { delivering_ms } = await this.#db
        .selectFrom('store')
        .select('delivering_ms')
        .executeTakeFirstOrThrow()
      this.#readMs = delivering_ms
      this.#readAt = this.#steady()
    }
    return Math.floor(this.#readMs + this.#steady() - this.#readAt)
  }

  /** Keeps it for the next hub that delivers. Time after the last call does not count there. */
  async save(): Promise<void> {
    await this.#db
      .updateTable('store')
      .set({ delivering_ms: await this.now() })
      .execute()
  }
}
