import { reasonOf } from '../platform/harmless.ts'
import type { Log } from '../platform/log.ts'
import { ProblemError } from '../platform/problem.ts'
import { accountName, type Account } from './accounts.ts'
import { addDeletion, addToDeletion } from './store/deletions.ts'
import { expire, expiredMessages, type Expired } from './store/expire.ts'
import type { Store } from './store/open.ts'
import { changeLeads } from './store/transaction.ts'

/** Deletes what is older than is kept, at session-manager first, in batches between which everything else goes on. */
export interface Retention {
  /** One run, or the one that is under way. */
  run(): Promise<void>
  /** Ends after the batch under way. */
  stop(): Promise<void>
}

/** Messages of one batch; session-manager takes as many at once. */
const batchSize = 500
/** Messages of one transaction: everything else waits for it. */
const atOnce = 100

export interface RetentionOptions {
  store: Store
  accounts: readonly Account[]
  /** How long messages are kept, ms. */
  keepMs: number
  onChanged: () => void
  log: Log
}

export const createRetention = ({ store, accounts, keepMs, onChanged, log }: RetentionOptions): Retention => {
  const { db } = store
  let running: Promise<void> | undefined
  let stopping = false

  let deletion: number | undefined

  const deleteSome = async (messages: Expired[], before: number, media_files: number): Promise<void> => {
    const known = deletion
    deletion = await changeLeads(db, async (trx) => {
      const counts = { leads: await expire(trx, messages, before), messages: messages.length, media_files }
      if (known === undefined) return (await addDeletion(trx, { reason: 'retention', request_id: null, ...counts })).id
      await addToDeletion(trx, known, counts)
      return known
    })
  }

  /** Deletes one batch of an account. @returns how many messages */
  const deleteBatch = async ({ upstream }: Account, account: string, before: number): Promise<number> => {
    const messages = await expiredMessages(db, account, before, batchSize)
    if (messages.length === 0) return 0
    const { media_files } = await upstream.erase({ chat_ids: [], message_ids: messages.map(({ id }) => id), more: messages.length === batchSize })
    for (let start = 0; start < messages.length; start += atOnce) await deleteSome(messages.slice(start, start + atOnce), before, start === 0 ? media_files : 0)
    onChanged()
    return messages.length
  }

  const runOnce = async (): Promise<void> => {
    const before = Math.floor((Date.now() - keepMs) / 1_000)
    deletion = undefined
    let messages = 0
    for (const account of accounts) {
      const name = accountName(account)
      // which the first one is, is known once its session-manager has told
      if (name === undefined) continue
      try {
        while (!stopping) {
          const deleted = await deleteBatch(account, name, before)
          if (deleted === 0) break
          messages += deleted
        }
      } catch (error) {
        if (!(error instanceof ProblemError)) throw error
        log.warn({ event: 'retention_postponed', account: name, problem: error.problem.type }, `what is older than RETENTION was not deleted, it is tried again in an hour: ${reasonOf(error)}`)
      }
    }
    if (messages === 0) return
    log.info({ event: 'retention', deletion, messages }, `${messages} messages older than RETENTION were deleted`)
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
