import type { Http } from '../../platform/http/http.ts'
import type { Log } from '../../platform/log.ts'
import type { Db } from '../store/database/schema.ts'
import { findActor } from '../store/team/credentials.ts'
import { Access } from './access.ts'
import { LastUsed } from './last-used.ts'
import { OpenRequests } from './open-requests.ts'

interface CallersOptions {
  db: Db
  /** HUB_API_TOKEN. */
  token: string
  /** Where the token is kept: the log names it. */
  envFile: string
  log: Pick<Log, 'warn'>
  /** How often the store is asked who was revoked, ms; by default two seconds. */
  checkMs?: number | undefined
}

/** The callers of the hub: who may call, when each called last, and what each has open. */
export class Callers {
  readonly access: Access
  readonly #lastUsed: LastUsed
  readonly #open: OpenRequests

  constructor({ db, token, envFile, log, checkMs }: CallersOptions) {
    this.#lastUsed = new LastUsed(db, log)
    this.#open = new OpenRequests({ db, log, checkMs })
    this.access = new Access({
      token,
      envFile,
      log,
      findActor: (secret) => findActor(db, secret),
      onRequest: (res, actor) => {
        this.#lastUsed.note(actor)
        this.#open.add(res, actor)
      }
    })
  }

  /** Ends what revoked callers have open by the server's own way from now on. */
  endBy(http: Pick<Http, 'end'>): void {
    this.#open.endBy((res, reason) => http.end(res, reason))
  }

  /** Ends what revoked callers have open. An arrow function, because it is handed over. */
  readonly onRevoked = (): void => void this.#open.check()

  /** Writes what is noted. The server has stopped before. */
  stop(): Promise<void> {
    return this.#lastUsed.flush()
  }
}
