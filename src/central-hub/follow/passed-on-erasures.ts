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

/** What a session-manager says of its erasures. */
interface Told {
  upstream: Upstream
  erasures: string
}

/** The first wait after a failure, doubled at each, and the longest, ms. */
const minDelayMs = 1_000
const maxDelayMs = 60_000

/**
 * Follows what other hubs, with stores of their own, had erased at a session-manager: its status
 * says that there is more, and it is asked what of this store that was. Also after this hub was
 * away, or its store was restored.
 */
export class PassedOnErasures {
  readonly #options: PassedOnErasuresOptions
  readonly #stopping = new AbortController()
  /** By account. */
  readonly #told = new Map<string, Told>()
  readonly #running = new Map<string, Promise<void>>()

  constructor(options: PassedOnErasuresOptions) {
    this.#options = options
  }

  /** A session-manager that this hub follows says how it is. */
  hear(upstream: Upstream, { account, journal: { erasures } }: Status): void {
    if (erasures === undefined) return
    this.#told.set(account, { upstream, erasures })
    this.#start(account)
  }

  /** Records were taken: an account that had none before has some now. */
  wake(): void {
    for (const account of this.#told.keys()) this.#start(account)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running.values())
  }

  #start(account: string): void {
    if (this.#running.has(account) || this.#stopping.signal.aborted) return
    this.#running.set(
      account,
      this.#follow(account).finally(() => this.#running.delete(account))
    )
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
        const line = {
          event: 'erasures_fault',
          account,
          attempt: failures,
          retry_ms: retryMs,
          err: error
        }
        this.#options.log.warn(
          line,
          'Failed to follow what another hub deleted. It is tried again.'
        )
        await delay(retryMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #applyNext(account: string): Promise<'all done' | 'more'> {
    const told = this.#told.get(account)
    const { db } = this.#options.store
    const applied = await readErasures(db, account)
    if (told === undefined || applied === told.erasures) {
      this.#told.delete(account)
      return 'all done'
    }
    // Nothing is stored of the account yet. The first record that is taken wakes this.
    if (applied === undefined) return 'all done'
    await this.#options.inTurn(() => this.#apply(account, told))
    return 'more'
  }

  async #apply(account: string, { upstream, erasures }: Told): Promise<void> {
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
