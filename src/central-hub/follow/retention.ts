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

/**
 * Deletes what is older than is kept, at session-manager first, in batches between which everything
 * else goes on.
 */
export interface Retention {
  /** One run, or the one that is under way. */
  run(): Promise<void>
  /** Ends after the batch under way. */
  stop(): Promise<void>
}

/** Messages of one batch; session-manager takes as many at once. */
const batchSize = 500
/** Messages of one transaction: everything else waits for it. */
const transactionSize = 100

export interface RetentionOptions {
  store: Store
  accounts: readonly Account[]
  /** How long messages are kept, ms. */
  keepMs: number
  onChanged: () => void
  log: Log
}

export const createRetention = ({
  store,
  accounts,
  keepMs,
  onChanged,
  log
}: RetentionOptions): Retention => {
  const { db } = store
  let running: Promise<void> | undefined
  let stopping = false

  let deletion: number | undefined
  let certain: CertainTime | undefined

  /** The time by which messages are old, ms: see platform/certain-time.ts. */
  const timeFor = async (): Promise<number> => {
    const { certain_until } = await db
      .selectFrom('store')
      .select('certain_until')
      .executeTakeFirstOrThrow()
    certain ??= new CertainTime(certain_until)
    const time = certain.look(await confirmedUntil(db), Date.now())
    await db.updateTable('store').set({ certain_until: certain.known() }).execute()
    return time
  }

  const deleteSome = async (
    messages: Expired[],
    before: number,
    media_files: number
  ): Promise<void> => {
    const known = deletion
    deletion = await changeLeads(db, async (trx) => {
      const counts = {
        leads: await expire(trx, messages, before),
        messages: messages.length,
        media_files
      }
      if (known === undefined)
        return (await addDeletion(trx, { reason: 'retention', request_id: null, ...counts })).id
      await addToDeletion(trx, known, counts)
      return known
    })
  }

  /**
   * Deletes one batch of an account; here alone when it is followed no more. @returns how many
   * messages
   */
  const deleteBatch = async (
    account: string,
    upstream: Upstream | undefined,
    before: number
  ): Promise<number> => {
    const messages = await expiredMessages(db, account, before, batchSize)
    if (messages.length === 0) return 0
    const request = {
      chat_ids: [],
      message_ids: messages.map(({ id }) => id),
      more: messages.length === batchSize
    }
    const { media_files } = (await upstream?.erase(request)) ?? { media_files: 0 }
    for (let start = 0; start < messages.length; start += transactionSize)
      await deleteSome(
        messages.slice(start, start + transactionSize),
        before,
        start === 0 ? media_files : 0
      )
    onChanged()
    return messages.length
  }

  /**
   * Accounts with their session-managers; also those that are followed no more, once it is known
   * whose the followed ones are.
   */
  const accountsToClear = async (): Promise<Map<string, Upstream | undefined>> => {
    const followed = accounts.flatMap((account) => {
      const name = accountName(account)
      // which the first one is, is known once its session-manager has told
      return name === undefined ? [] : [[name, account.upstream] as const]
    })
    if (followed.length < accounts.length) return new Map(followed)
    const others = (await keptAccounts(db)).map((name) => [name, undefined] as const)
    return new Map([...others, ...followed])
  }

  const runOnce = async (): Promise<void> => {
    const before = Math.floor(((await timeFor()) - keepMs) / 1_000)
    deletion = undefined
    let messages = 0
    for (const [name, upstream] of await accountsToClear()) {
      let alone = 0
      try {
        while (!stopping) {
          const deleted = await deleteBatch(name, upstream, before)
          if (deleted === 0) break
          messages += deleted
          if (upstream === undefined) alone += deleted
        }
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        log.warn(
          { event: 'retention_postponed', account: name, problem: error.problem.type },
          `what is older than RETENTION was not deleted, it is tried again in an hour: ${reasonOf(error)}`
        )
      }
      if (alone > 0)
        log.warn(
          { event: 'erased_here_alone', account: name, messages: alone },
          `account ${name} is followed no more: ${alone} messages older than RETENTION were deleted here, but not from the journal of its session-manager`
        )
    }
    if (messages === 0) return
    log.info(
      { event: 'retention', deletion, messages },
      `${messages} messages older than RETENTION were deleted`
    )
  }

  const run = (): Promise<void> => (running ??= runOnce().finally(() => (running = undefined)))
  return {
    run,
    stop: async () => {
      stopping = true
      await running
    }
  }
}
