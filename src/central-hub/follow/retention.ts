import { CertainTime } from '../../platform/certain-time.ts'
import { reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { accountName, type Account } from './accounts.ts'
import { addDeletion, addToDeletion } from '../store/write/deletions.ts'
import {
  confirmedUntil,
  expire,
  expiredMessages,
  keptAccounts,
  type Expired
} from '../store/write/expire.ts'
import type { Store } from '../store/open.ts'
import type { Upstream } from './upstream.ts'
import { changeLeads } from '../store/database/transaction.ts'

/** The most messages of one batch, which is also what session-manager takes in one request. */
const batchSize = 500
/** The most messages of one transaction, for which everything else waits. */
const transactionSize = 100

export interface RetentionOptions {
  store: Store
  accounts: readonly Account[]
  /** How long messages are kept, ms. */
  keepMs: number
  onChanged: () => void
  log: Log
}

/**
 * Deletes messages that are older than `keepMs`, at session-manager first. It works in batches,
 * between which everything else goes on.
 */
export class Retention {
  readonly #options: RetentionOptions
  #running: Promise<void> | undefined
  #isStopping = false
  /** The deletion of this run, once it has deleted something. */
  #deletion: number | undefined
  #certainTime: CertainTime | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Runs once. A call during a run gives that run. */
  run(): Promise<void> {
    return (this.#running ??= this.#runOnce().finally(() => (this.#running = undefined)))
  }

  /** Resolves after the batch under way. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await this.#running
  }

  async #runOnce(): Promise<void> {
    const { keepMs, log } = this.#options
    const before = Math.floor(((await this.#timeNow()) - keepMs) / 1_000)
    this.#deletion = undefined
    let messages = 0
    for (const [account, upstream] of await this.#accountsToClear())
      messages += await this.#clear(account, upstream, before)
    if (messages === 0) return
    log.info(
      { event: 'retention', deletion: this.#deletion, messages },
      `${messages} messages older than RETENTION were deleted`
    )
  }

  /** The time by which messages are old, ms: see platform/certain-time.ts. */
  async #timeNow(): Promise<number> {
    const { db } = this.#options.store
    const { certain_until } = await db
      .selectFrom('store')
      .select('certain_until')
      .executeTakeFirstOrThrow()
    this.#certainTime ??= new CertainTime(certain_until)
    const time = this.#certainTime.look(await confirmedUntil(db), Date.now())
    await db.updateTable('store').set({ certain_until: this.#certainTime.known() }).execute()
    return time
  }

  /**
   * Accounts with their session-managers. Accounts that are no longer followed are among them, but
   * only once the names of all that are followed are known.
   */
  async #accountsToClear(): Promise<Map<string, Upstream | undefined>> {
    const { accounts, store } = this.#options
    const followed = accounts.flatMap((account) => {
      // The first account has a name once its session-manager has answered.
      const name = accountName(account)
      return name === undefined ? [] : [[name, account.upstream] as const]
    })
    if (followed.length < accounts.length) return new Map(followed)
    const others = (await keptAccounts(store.db)).map((name) => [name, undefined] as const)
    return new Map([...others, ...followed])
  }

  /** @returns how many messages of an account were deleted */
  async #clear(account: string, upstream: Upstream | undefined, before: number): Promise<number> {
    const { log } = this.#options
    let messages = 0
    try {
      while (!this.#isStopping) {
        const deleted = await this.#deleteBatch(account, upstream, before)
        if (deleted === 0) break
        messages += deleted
      }
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error
      log.warn(
        { event: 'retention_postponed', account, problem: error.problem.type },
        'what is older than RETENTION was not deleted, it is tried again in an hour: ' +
          reasonOf(error)
      )
    }
    if (upstream === undefined && messages > 0)
      log.warn(
        { event: 'erased_here_alone', account, messages },
        `account ${account} is followed no more: ${messages} messages older than RETENTION ` +
          'were deleted here, but not from the journal of its session-manager'
      )
    return messages
  }

  /**
   * Deletes one batch of an account: at session-manager, and then here. Of an account that is no
   * longer followed it deletes only here.
   * @returns how many messages
   */
  async #deleteBatch(
    account: string,
    upstream: Upstream | undefined,
    before: number
  ): Promise<number> {
    const { store, onChanged } = this.#options
    const messages = await expiredMessages(store.db, account, before, batchSize)
    if (messages.length === 0) return 0
    const request = {
      chat_ids: [],
      message_ids: messages.map(({ id }) => id),
      more: messages.length === batchSize
    }
    const { media_files } = (await upstream?.erase(request)) ?? { media_files: 0 }
    for (let start = 0; start < messages.length; start += transactionSize)
      await this.#deleteHere(
        messages.slice(start, start + transactionSize),
        before,
        start === 0 ? media_files : 0
      )
    onChanged()
    return messages.length
  }

  /** Deletes messages from the store, and counts them in the deletion of this run. */
  async #deleteHere(messages: Expired[], before: number, media_files: number): Promise<void> {
    const deletion = this.#deletion
    this.#deletion = await changeLeads(this.#options.store.db, async (trx) => {
      const counts = {
        leads: await expire(trx, messages, before),
        messages: messages.length,
        media_files
      }
      if (deletion === undefined)
        return (await addDeletion(trx, { reason: 'retention', request_id: null, ...counts })).id
      await addToDeletion(trx, deletion, counts)
      return deletion
    })
  }
}
