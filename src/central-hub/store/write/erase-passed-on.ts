import { setTimeout as rest } from 'node:timers/promises'
import type { CapturedMessage } from '../../../contract/record.ts'
import type { ErasedAnswer, ErasedMessage, ErasedQuestion } from '../../../contract/session.ts'
import { beginEpoch } from './cursors.ts'
import { addDeletion } from './deletions.ts'
import { eraseLeadAlone, eraseWhatWasSaid, setScrubDue } from './erase.ts'
import { eraseMessages } from './erase-messages.ts'
import { dropQuotes } from './erase-person.ts'
import { addEvents } from '../outbox/events.ts'
import { addressesOfLeads } from '../read/identities.ts'
import { leadRow } from '../read/leads.ts'
import { addressOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'
import { noReminder, writeWaiting } from './waiting.ts'

/**
 * Deletions that another hub, with a store of its own, asked session-manager for. session-manager
 * keeps only keyed hashes, so it is asked which persons and messages of this store were deleted.
 */

/** Answers which of the chats and messages in a question were erased. */
export type AskErased = (question: ErasedQuestion) => Promise<ErasedAnswer>

/** Rows that are read, and addresses and messages that are asked about, at a time. */
const batchSize = 400

interface Row {
  pk: number
  account: string
  id: string
  chat_id: string
  lead_id: number | null
  timestamp: number
  details: string
}

/** A reaction or a vote; `address` is of who made it, `timestamp` in UNIX seconds. */
interface Response {
  message_id: string
  address: string
  timestamp: number
}

const columns = ['pk', 'account', 'id', 'chat_id', 'lead_id', 'timestamp', 'details'] as const

const identify = ({ id, chat_id, timestamp, details }: Row): ErasedMessage => {
  const { from = '', author, phone, lid } = JSON.parse(details) as Partial<CapturedMessage>
  const message: ErasedMessage = { id, chat_id, from, timestamp }
  if (author !== undefined) message.author = author
  if (phone !== undefined) message.phone = phone
  if (lid !== undefined) message.lid = lid
  return message
}

const addressesIn = ({ chat_id, from, author, phone, lid }: ErasedMessage): string[] => {
  const given = [chat_id, from, author, lid].flatMap((jid) => (jid ? [jid, addressOf(jid)] : []))
  return [...new Set(phone === undefined ? given : [...given, `${phone.slice(1)}@c.us`])]
}

const inBatches = function* <T>(all: readonly T[]): Generator<T[]> {
  for (let start = 0; start < all.length; start += batchSize)
    yield all.slice(start, start + batchSize)
}

/** One pass over the store of an account. */
export class PassedOnErasure {
  readonly #db: Db
  readonly #account: string
  readonly #ask: AskErased
  /** Addresses that were asked about. */
  readonly #isErased = new Map<string, boolean>()
  readonly #erased = { leads: 0, messages: 0 }

  constructor(db: Db, account: string, ask: AskErased) {
    this.#db = db
    this.#account = account
    this.#ask = ask
  }

  /**
   * @returns how many leads and messages were deleted; a scrub of the store is due when there were
   * any
   */
  async run(): Promise<{ leads: number; messages: number }> {
    // What was read from the journal before is not taken any more: it may be of a person who was
    // erased.
    await changeLeads(this.#db, (trx) => beginEpoch(trx, this.#account))
    await this.#eraseLeads()
    await this.#eraseInGroups()
    await this.#eraseResponses()
    const { leads, messages } = this.#erased
    if (leads + messages === 0) return this.#erased
    await changeLeads(this.#db, async (trx) => {
      await setScrubDue(trx)
      await addDeletion(trx, {
        reason: 'passed_on',
        request_id: null,
        leads,
        messages,
        media_files: 0
      })
    })
    return this.#erased
  }

  async #learn(addresses: readonly string[]): Promise<void> {
    for (const some of inBatches(
      [...new Set(addresses)].filter((address) => !this.#isErased.has(address))
    )) {
      const { chat_ids } = await this.#ask({ chat_ids: some, messages: [] })
      for (const address of some) this.#isErased.set(address, chat_ids.includes(address))
    }
  }

  #hasErased(addresses: readonly string[]): boolean {
    return addresses.some((address) => this.#isErased.get(address) === true)
  }

  /** Deletes those of some messages that were erased. @returns how many */
  async #eraseSome(rows: readonly Row[]): Promise<number> {
    if (rows.length === 0) return 0
    const { message_ids } = await this.#ask({ chat_ids: [], messages: rows.map(identify) })
    const ids = new Set(message_ids)
    const gone = rows.filter(({ id }) => ids.has(id))
    await changeLeads(this.#db, async (trx) => {
      await dropQuotes(
        trx,
        this.#account,
        gone.filter(({ lead_id }) => lead_id === null)
      )
      await eraseMessages(trx, gone)
    })
    this.#erased.messages += gone.length
    return gone.length
  }

  async #eraseLeads(): Promise<void> {
    for (let after = 0; ; ) {
      const leads = await this.#db
        .selectFrom('leads')
        .select(['id', 'chat_id'])
        .where('account', '=', this.#account)
        .where('id', '>', after)
        .orderBy('id')
        .limit(batchSize)
        .execute()
      const last = leads.at(-1)
      if (last === undefined) return
      const known = await addressesOfLeads(
        this.#db,
        leads.map(({ id }) => id)
      )
      const addressesOf = ({ id, chat_id }: (typeof leads)[number]): string[] => [
        chat_id,
        ...(known.get(id) ?? [])
      ]
      await this.#learn(leads.flatMap(addressesOf))
      for (const lead of leads)
        if (this.#hasErased(addressesOf(lead))) await this.#eraseLead(lead.id)
      after = last.id
    }
  }

  async #eraseLead(id: number): Promise<void> {
    let erased = 0
    for (let after = 0; ; ) {
      const rows = await this.#db
        .selectFrom('messages')
        .select(columns)
        .where('lead_id', '=', id)
        .where('pk', '>', after)
        .orderBy('pk')
        .limit(batchSize)
        .execute()
      erased += await this.#eraseSome(rows)
      const last = rows.at(-1)
      if (last === undefined) break
      after = last.pk
    }
    const isOlder = erased > 0 || (await this.#beganBefore(id))
    await changeLeads(this.#db, (trx) => this.#finishLead(trx, id, isOlder, erased > 0))
  }

  /**
   * Whether a lead without messages is of before the deletion: a person may have entered it since.
   */
  async #beganBefore(id: number): Promise<boolean> {
    const lead = await leadRow(this.#db, id)
    if (lead === undefined) return false
    const { chat_id, phone, lid, entered_at, last_seen } = lead
    const timestamp = entered_at === null ? last_seen : Math.floor(entered_at / 1_000)
    const message: ErasedMessage = { id: `lead ${id}`, chat_id, from: chat_id, timestamp }
    if (phone !== null) message.phone = phone
    if (lid !== null) message.lid = lid
    const { message_ids } = await this.#ask({ chat_ids: [], messages: [message] })
    return message_ids.length > 0
  }

  /**
   * A lead of whom nothing is left goes. Of one who has written again since, what people said
   * before goes.
   */
  async #finishLead(db: Db, id: number, isOlder: boolean, hasErased: boolean): Promise<void> {
    if (!isOlder) return
    const lead = await leadRow(db, id)
    if (lead === undefined) return
    const left = await db
      .selectFrom('messages')
      .select((row) => row.fn.min('timestamp').as('first'))
      .where('lead_id', '=', id)
      .executeTakeFirst()
    if (left?.first == null) {
      await eraseLeadAlone(db, lead)
      this.#erased.leads += 1
    } else if (hasErased) {
      await eraseWhatWasSaid(db, lead)
      await db.deleteFrom('lead_tags').where('lead_id', '=', id).execute()
      await db.deleteFrom('lead_changes').where('lead_id', '=', id).execute()
      const fresh = {
        given_name: null,
        imported_name: null,
        note: '',
        assignee: null,
        state: 'new' as const,
        entered_at: null,
        ad: null,
        ad_id: null,
        ad_at: null,
        ...noReminder
      }
      await db
        .updateTable('leads')
        .set({ ...fresh, first_seen: Number(left.first) })
        .where('id', '=', id)
        .execute()
      await writeWaiting(db, id, { fresh: [], whole: true, albums: false })
      await addEvents(db, 'lead', [id])
    }
  }

  /** What persons wrote in groups and as statuses. */
  async #eraseInGroups(): Promise<void> {
    for (let after = 0; ; ) {
      const began = performance.now()
      const rows = await this.#db
        .selectFrom('messages')
        .select(columns)
        .where('account', '=', this.#account)
        .where('lead_id', 'is', null)
        .where('pk', '>', after)
        .orderBy('pk')
        .limit(batchSize)
        .execute()
      const last = rows.at(-1)
      if (last === undefined) return
      await this.#learn(rows.flatMap((row) => addressesIn(identify(row))))
      await this.#eraseSome(rows.filter((row) => this.#hasErased(addressesIn(identify(row)))))
      after = last.pk
      // Requests have half of the time.
      await rest(performance.now() - began)
    }
  }

  /** Reactions and votes, in groups and anywhere else. */
  async #eraseResponses(): Promise<void> {
    const { reactions, votes } = await this.#responses()
    await this.#learn([...reactions, ...votes].map(({ address }) => address))
    for (const some of inBatches(reactions.filter(({ address }) => this.#hasErased([address])))) {
      for (const { message_id, address } of await this.#erasedAmong(some)) {
        await changeLeads(this.#db, (trx) =>
          trx
            .deleteFrom('reactions')
            .where('account', '=', this.#account)
            .where('message_id', '=', message_id)
            .where('sender', '=', address)
            .execute()
        )
      }
    }
    for (const some of inBatches(votes.filter(({ address }) => this.#hasErased([address])))) {
      for (const { message_id, address } of await this.#erasedAmong(some)) {
        await changeLeads(this.#db, (trx) =>
          trx
            .deleteFrom('votes')
            .where('account', '=', this.#account)
            .where('message_id', '=', message_id)
            .where('voter', '=', address)
            .execute()
        )
      }
    }
  }

  async #responses(): Promise<Record<'reactions' | 'votes', Response[]>> {
    return {
      reactions: await this.#db
        .selectFrom('reactions')
        .select(['message_id', 'sender as address', 'timestamp'])
        .where('account', '=', this.#account)
        .execute(),
      votes: await this.#db
        .selectFrom('votes')
        .select(['message_id', 'voter as address', 'timestamp'])
        .where('account', '=', this.#account)
        .execute()
    }
  }

  /** Those of some responses that their persons made before they were erased. */
  async #erasedAmong(responses: readonly Response[]): Promise<Response[]> {
    // They have no id of their own. What they are of is no reason to delete them: its deletion has
    // taken them along.
    const messages = responses.map(({ address, timestamp }, index) => ({
      id: `response ${index}`,
      chat_id: address,
      from: address,
      timestamp
    }))
    const { message_ids } = await this.#ask({ chat_ids: [], messages })
    this.#erased.messages += message_ids.length
    return responses.filter((_, index) => message_ids.includes(`response ${index}`))
  }
}

/**
 * Up to which erasure a store follows an account; '': none. undefined: it has nothing of the
 * account yet.
 */
export const readErasures = async (db: Db, account: string): Promise<string | undefined> =>
  (
    await db
      .selectFrom('cursors')
      .select('erasures')
      .where('account', '=', account)
      .executeTakeFirst()
  )?.erasures

export const writeErasures = async (db: Db, account: string, erasures: string): Promise<void> => {
  await db.updateTable('cursors').set({ erasures }).where('account', '=', account).execute()
}
