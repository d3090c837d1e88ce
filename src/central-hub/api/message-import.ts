import type { CountryCode } from 'libphonenumber-js'
import type { MessageImportResult } from '../../contract/import.ts'
import { sendJson, type Request } from '../../platform/http/http.ts'
import { ProblemError } from '../../platform/http/problem.ts'
import { accountName, type Account } from '../follow/accounts.ts'
import type { Upstream } from '../follow/upstream.ts'
import type { Db } from '../store/database/schema.ts'
import { changeLeads } from '../store/database/transaction.ts'
import { epochOf, readCursor } from '../store/write/cursors.ts'
import { importInto } from '../store/write/import.ts'
import { readLines, type ImportLine, type LineFault } from './import-lines.ts'
import { readBytes } from './imports.ts'
import { accountsOf, chooseAccount } from './leads.ts'
import { recordAudit } from './record-audit.ts'
import type { Serve } from './serve.ts'

const maxLines = 5_000
const maxErrors = 100
/** Lines of one transaction: other writes wait for it. */
const batchSize = 500
const type = 'application/x-ndjson'

/** @throws {ProblemError} unsupported-media-type, payload-too-large */
const readText = async (req: Request): Promise<string> => {
  const [essence = ''] = (req.headers['content-type'] ?? '').split(';')
  if (essence.trim().toLowerCase() !== type)
    throw new ProblemError('unsupported-media-type', `expected ${type}`)
  const text = (await readBytes(req)).toString('utf8')
  if (text.trimEnd().split('\n', maxLines + 1).length > maxLines)
    throw new ProblemError(
      'payload-too-large',
      `an import may have at most ${maxLines} lines: send it in parts`
    )
  return text
}

/** @throws {ProblemError} session-manager-unreachable */
const upstreamOf = (accounts: readonly Account[], account: string): Upstream => {
  const followed = accounts.find((each) => accountName(each) === account)
  if (followed !== undefined) return followed.upstream
  throw new ProblemError(
    'session-manager-unreachable',
    `the session-manager of account ${account} is not followed now, and it alone knows who was ` +
      'erased: start it, or name it in FURTHER_SESSION_MANAGERS',
    undefined,
    account
  )
}

/** The lines of persons who were erased. */
const erasedAmong = async (
  upstream: Upstream,
  lines: readonly ImportLine[]
): Promise<Set<ImportLine>> => {
  if (lines.length === 0) return new Set()
  const messages = lines.flatMap(({ identities }) => identities)
  const ids = new Set((await upstream.erased({ chat_ids: [], messages })).message_ids)
  return new Set(lines.filter(({ identities }) => identities.some(({ id }) => ids.has(id))))
}

const erasedFault = ({ line }: ImportLine): LineFault => ({
  line,
  field: 'line',
  message: 'the data of this person was deleted on request, and does not come back'
})

/** Ends a transaction without its changes. */
class RolledBack extends Error {}

type Done = Awaited<ReturnType<typeof importInto>>

/** Imports some lines in one transaction, or only finds out what that would do. */
class Batch {
  readonly #db: Db
  readonly #account: string
  readonly #epoch: number

  /** @param epoch of the account, before it was asked who was erased */
  constructor(db: Db, account: string, epoch: number) {
    this.#db = db
    this.#account = account
    this.#epoch = epoch
  }

  /** @throws {ProblemError} conflict, when a person was erased since */
  async run(lines: readonly ImportLine[], isTrial: boolean): Promise<Done> {
    let done: Done | undefined
    try {
      await changeLeads(this.#db, async (trx) => {
        if (epochOf(await readCursor(trx, this.#account)) !== this.#epoch)
          throw new ProblemError('conflict', 'a person was deleted just now: send the lines again')
        done = await importInto(
          trx,
          this.#account,
          lines.flatMap((line) => ('lead' in line ? line.lead : [])),
          lines.flatMap((line) => ('records' in line ? [line.records] : []))
        )
        if (isTrial) throw new RolledBack()
      })
    } catch (error) {
      if (!(error instanceof RolledBack)) throw error
    }
    return done as Done
  }
}

const add = (result: MessageImportResult, { leads, messages, newLeads }: Done): void => {
  result.leads.created += leads.created
  result.leads.changed += leads.changed
  result.leads.unchanged += leads.unchanged
  result.messages.created += messages.created
  result.messages.unchanged += messages.unchanged
  result.new_leads.push(...newLeads)
}

const resultOf = (faults: readonly LineFault[]): MessageImportResult => ({
  leads: { created: 0, changed: 0, unchanged: 0 },
  messages: { created: 0, unchanged: 0 },
  new_leads: [],
  rejected: new Set(faults.map(({ line }) => line)).size,
  errors: faults.toSorted((a, b) => a.line - b.line).slice(0, maxErrors)
})

interface Options {
  serve: Serve
  db: Db
  /** The country of numbers that are written without one; may be empty. */
  country: CountryCode | ''
  accounts: readonly Account[]
  /** Called after something was imported. */
  onChanged: () => void
}

/** `POST /api/messages/import`: leads and messages that another LeadMaster exported. */
export const addMessageImportRoute = (options: Options): void => {
  const { serve, db, country, accounts, onChanged } = options
  serve.raw('importMessages', async ({ req, res, query }) => {
    const place = { in: 'query', field: 'account' } as const
    const account = chooseAccount(await accountsOf(db, accounts), query.account, place)
    const isTrial = query.dry_run === true
    const now = Math.floor(Date.now() / 1_000)
    const { lines, faults } = readLines(await readText(req), { account, country, now })
    const epoch = epochOf(await readCursor(db, account))
    const erased = await erasedAmong(upstreamOf(accounts, account), lines)
    await recordAudit(db, 'importMessages', { req, query })
    const result = resultOf([...faults, ...[...erased].map(erasedFault)])
    const kept = lines.filter((line) => !erased.has(line))
    const batch = new Batch(db, account, epoch)
    // A trial is one transaction, so that later lines see what earlier ones did.
    const size = isTrial ? maxLines : batchSize
    for (let start = 0; start < kept.length; start += size) {
      add(result, await batch.run(kept.slice(start, start + size), isTrial))
      if (!isTrial) onChanged()
    }
    sendJson(res, result)
  })
}
