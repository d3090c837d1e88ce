import type { Problem } from '../../../contract/problem.ts'
import type { Status } from '../../../contract/session.ts'
import { singleInstance, type Cluster } from '../database/cluster.ts'

const added = <T>(listeners: Set<T>, listener: T): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/**
 * Notifies event streams and webhooks of what is new: in the store, or of the session, here or at
 * another hub of the same store.
 */
export class ChangeNotifier {
  readonly #cluster: Cluster
  readonly #onNotifyFailed: (error: unknown) => void
  readonly #changeListeners = new Set<() => void>()
  readonly #sessionListeners = new Set<(now: Status | Problem) => void>()

  /** @param options.onNotifyFailed called when the other hubs were not notified of a session */
  constructor({
    cluster = singleInstance,
    onNotifyFailed = () => undefined
  }: { cluster?: Cluster; onNotifyFailed?: (error: unknown) => void } = {}) {
    this.#cluster = cluster
    this.#onNotifyFailed = onNotifyFailed
    cluster.onChanged(this.notifyChanged)
    cluster.onSession((now) => this.#emitSession(now))
  }

  /** The store has new events. An arrow function, because it is handed over as a callback. */
  readonly notifyChanged = (): void => {
    for (const run of this.#changeListeners) run()
  }

  /** @param now what session-manager says of the session, or why it cannot be asked */
  notifySession(now: Status | Problem): void {
    this.#emitSession(now)
    this.#cluster.notifySession(now).catch(this.#onNotifyFailed)
  }

  /** Calls back on each change. @returns what ends it */
  onChanged(run: () => void): () => void {
    return added(this.#changeListeners, run)
  }

  onSession(run: (now: Status | Problem) => void): () => void {
    return added(this.#sessionListeners, run)
  }

  #emitSession(now: Status | Problem): void {
    for (const run of this.#sessionListeners) run(now)
  }
}
