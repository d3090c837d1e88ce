import { setTimeout as delay } from 'node:timers/promises'
import type { Status } from '../../contract/session.ts'
import type { Log } from '../../platform/log.ts'
import { PassedOnErasure, readErasures, writeErasures } from '../store/write/erase-passed-on.ts'
import type { Store } from '../store/open.ts'
import type { Upstream } from './upstream.ts'

interface PassedOnErasuresOptions {
  store: Pick<Store, 'db' | 'scrub'>
  /** Runs one deletion at a time, those of this hub's own users too. */
  inTurn: <T>(run: () => Promise<T>) => Promise<T>
  /** Called after something was deleted. */
  onChanged: () => void
  log: Log
}

/** A session-manager, and the state of its erasures as it says it. */
interface Notice {
  upstream: Pick<Upstream, 'erased'>
  erasures: string
}

/** The first wait after a failure, doubled at each, and the longest, ms. */
const minDelayMs = 1_000
const maxDelayMs = 60_000

/**
 * Deletes what other hubs, with stores of their own, had erased at a session-manager. Its status
 * says that something was erased, and it is asked what of this store that was. That works also
 * after this hub was away, or after its store was restored.
 */
export class PassedOnErasures {
  readonly #options: PassedOnErasuresOptions
  readonly #stopping = new AbortController()
  /** By account. */
  readonly #notices = new Map<string, Notice>()
  readonly #running = new Map<string, Promise<void>>()
  /** Accounts of which something was reported while they were looked at: look again. */
  readonly #again = new Set<string>()

  constructor(options: PassedOnErasuresOptions) {
    this.#options = options
  }

  /** A session-manager that this hub follows sent its status. */
  onStatus(upstream: Pick<Upstream, 'erased'>, { account, journal: { erasures } }: Status): void {
    if (erasures === undefined) return
    this.#notices.set(account, { upstream, erasures })
    this.#start(account)
  }

  /** Records were taken: an account without records may have some now. */
  wake(): void {
    for (const account of this.#notices.keys()) this.#start(account)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running.values())
  }

  #start(account: string): void {
    if (this.#stopping.signal.aborted) return
    if (this.#running.has(account)) {
      this.#again.add(account)
      return
    }
    const run = this.#follow(account).finally(() => {
      this.#running.delete(account)
      if (this.#again.delete(account)) this.#start(account)
    })
    this.#running.set(account, run)
  }

  async #follow(account: string): Promise<void> {
    const { signal } = this.#stopping
    for (let failures = 0; !signal.aborted; ) {
      try {
        if ((await this.#applyNext(account)) === 'all done') return
        failures = 0
      } catch (error) {
        failures += 1
        const retryMs = Math.min(maxDelayMs, minDelayMs * 2 ** (failures - 1))
        this.#options.log.warn(
          { event: 'erasures_fault', account, attempt: failures, retry_ms: retryMs, err: error },
          'Failed to follow what another hub deleted. It is tried again.'
        )
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #applyNext(account: string): Promise<'all done' | 'more'> {
    const notice = this.#notices.get(account)
    const { db } = this.#options.store
    const applied = await readErasures(db, account)
    if (notice === undefined) return 'all done'
    if (applied === notice.erasures) {
      // Another status may have come while the store was read.
      if (this.#notices.get(account) === notice) this.#notices.delete(account)
      return 'all done'
    }
    // Nothing is stored of the account yet. The first record that is taken wakes this.
    if (applied === undefined) return 'all done'
    await this.#options.inTurn(() => this.#apply(account, notice))
    return 'more'
  }

  async #apply(account: string, { upstream, erasures }: Notice): Promise<void> {
    const { store, onChanged, log } = this.#options
    const { leads, messages } = await new PassedOnErasure(store.db, account, (question) =>
      upstream.erased(question)
    ).run()
    await writeErasures(store.db, account, erasures)
    if (leads + messages === 0) return
    log.info(
      { event: 'erased_elsewhere', account, leads, messages },
      `deleted ${leads} leads and ${messages} messages that another hub had deleted`
    )
    onChanged()
    await store.scrub()
  }
}
