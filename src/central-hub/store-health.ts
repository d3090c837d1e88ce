import { sql } from 'kysely'
import type { Readiness } from '../contract/lead.ts'
import { reasonOf } from '../platform/harmless.ts'
import { ProblemError } from '../platform/http/problem.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from './store/open.ts'

const pingMs = 5_000
/** A store without an answer for this long makes the daemon unhealthy, ms. */
const silentMs = 60_000

/** Asks the store in intervals whether it answers. */
export class StoreHealth {
  readonly #store: Pick<Store, 'db' | 'place'>
  readonly #pinging: NodeJS.Timeout
  #answeredAt = performance.now()

  constructor(store: Pick<Store, 'db' | 'place'>, log: Log) {
    this.#store = store
    this.#pinging = setInterval(
      () =>
        void this.#ping().catch((error: unknown) =>
          log.error({ event: 'store_silent', err: error }, 'the store does not answer')
        ),
      pingMs
    )
  }

  stop(): void {
    clearInterval(this.#pinging)
  }

  /** For systemd's watchdog. */
  isAlive(): boolean {
    return performance.now() - this.#answeredAt < silentMs
  }

  async check(): Promise<Readiness['checks'][number]> {
    const { place } = this.#store
    const failure = await this.#ping().then(
      () => undefined,
      (error: unknown) => reasonOf(error)
    )
    const detail =
      failure === undefined ? `open ${place}` : `the store ${place} does not answer: ${failure}`
    return { name: 'store', ok: failure === undefined, detail }
  }

  async #ping(): Promise<void> {
    await sql`select 1`.execute(this.#store.db).catch((error: unknown) => {
      // A restart of this daemon does not bring back a database that is away on another host.
      if (error instanceof ProblemError) this.#answeredAt = performance.now()
      throw error
    })
    this.#answeredAt = performance.now()
  }
}
