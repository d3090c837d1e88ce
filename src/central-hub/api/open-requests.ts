import type { Log } from '../../platform/log.ts'
import type { Response } from '../../platform/http/http.ts'
import type { Db } from '../store/database/schema.ts'
import { revokedOf, type RevocableActor } from '../store/team/credentials.ts'

/** How often the store is asked who was revoked, also at another hub, ms. */
const checkEveryMs = 2_000

const reason = 'the session or the API key was revoked or changed'

interface OpenRequestsOptions {
  db: Db
  log: Pick<Log, 'warn'>
  checkMs?: number | undefined
}

/**
 * The requests that are being answered to actors who can be revoked: event streams, exports, files.
 * Those of one who was revoked, or has another role now, are ended. Without such requests the store
 * is not asked.
 */
export class OpenRequests {
  readonly #db: Db
  readonly #log: Pick<Log, 'warn'>
  readonly #checkMs: number
  readonly #open = new Map<Response, RevocableActor>()
  /** Ends an answer, with a reason where there is a place for it. */
  #end: (res: Response, reason: string) => void = (res) => void res.destroy()
  #timer: NodeJS.Timeout | undefined
  #hasFailed = false

  constructor({ db, log, checkMs = checkEveryMs }: OpenRequestsOptions) {
    this.#db = db
    this.#log = log
    this.#checkMs = checkMs
  }

  /** Ends answers in this way from now on. */
  endBy(end: (res: Response, reason: string) => void): void {
    this.#end = end
  }

  add(res: Response, actor: RevocableActor): void {
    this.#open.set(res, actor)
    res.once('close', () => this.#open.delete(res))
    this.#schedule()
  }

  /** Ends what revoked actors have open. It never rejects: it is tried again in two seconds. */
  async check(): Promise<void> {
    const open = [...this.#open]
    if (open.length === 0) return
    try {
      const revoked = new Set(
        await revokedOf(
          this.#db,
          open.map(([, actor]) => actor)
        )
      )
      this.#hasFailed = false
      // An answer that is whole goes out, such as that of the request that revoked its own session.
      for (const [res, actor] of open)
        if (revoked.has(actor) && !res.writableEnded) this.#end(res, reason)
    } catch (error) {
      this.#logFailure(error)
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      void this.check().finally(() => {
        this.#timer = undefined
        if (this.#open.size > 0) this.#schedule()
      })
    }, this.#checkMs).unref()
  }

  #logFailure(error: unknown): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#log.warn(
      { event: 'revoked_unknown', err: error },
      'Failed to read whose session or API key was revoked. What they have open ends once the ' +
        'store answers again.'
    )
  }
}
