import type { Log } from '../../platform/log.ts'
import type { Db } from '../store/database/schema.ts'
import { writeUses, type RevocableActor, type Use } from '../store/team/credentials.ts'

/** Uses are written together, so often, ms: a request costs no write. */
const writeEveryMs = 60_000

/** Keeps when sessions and API keys were used last. */
export class LastUsed {
  readonly #db: Db
  readonly #log: Pick<Log, 'warn'>
  readonly #now: () => number
  readonly #uses = new Map<string, Use>()
  #timer: NodeJS.Timeout | undefined

  constructor(db: Db, log: Pick<Log, 'warn'>, now: () => number = Date.now) {
    this.#db = db
    this.#log = log
    this.#now = now
  }

  note(actor: RevocableActor): void {
    const name = actor.kind === 'key' ? `key ${actor.id}` : `session ${actor.sessionId}`
    this.#uses.set(name, { actor, at: this.#now() })
    this.#timer ??= setTimeout(() => void this.flush(), writeEveryMs).unref()
  }

  /** Writes what was noted since the last time. What cannot be written is only logged. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const uses = [...this.#uses.values()]
    this.#uses.clear()
    if (uses.length === 0) return
    try {
      await writeUses(this.#db, uses)
    } catch (error) {
      this.#log.warn(
        { event: 'last_used_unwritten', err: error },
        'Failed to write when sessions and API keys were used last. The next use is written.'
      )
    }
  }
}
