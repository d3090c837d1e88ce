import type { CapturedMessage } from '../../../contract/record.ts'
import { eraseMessages } from './erase-messages.ts'
import { addressOf, identityOf, parseMessageId, stanzaOf } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'
import { changeLeads } from '../database/transaction.ts'

/**
 * What a person wrote outside of a chat of their own: in groups, as a status, as a reaction or a
 * vote.
 */

/** A person, by every address that is known. */
export interface Person {
  /** Of chats: with the person, and those in which the lead has messages. */
  addresses: string[]
  /** E.164. */
  phones: string[]
  lids: string[]
}

export const personOf = (jids: readonly string[]): Person => {
  const addresses = [...new Set(jids.flatMap((jid) => [jid, addressOf(jid)]))]
  const identities = addresses.map(identityOf)
  return {
    addresses,
    phones: [...new Set(identities.flatMap(({ phone }) => phone ?? []))],
    lids: [...new Set(identities.flatMap(({ lid }) => lid ?? []))]
  }
}

/**
 * What has a LID of its own is of another person, also under a number that was theirs: numbers are
 * given to others.
 */
export const isOfPerson = (lid: string | null | undefined, { lids }: Person): boolean =>
  lid == null || lids.length === 0 || lids.includes(addressOf(lid))

/** Messages of one transaction: everything else waits for it. */
const batchSize = 500

interface Found {
  pk: number
  account: string
  id: string
  chat_id: string
  lead_id: number | null
  details: string
}

const isBy = ({ chat_id, details }: Found, person: Person): boolean => {
  const { author, from, phone, lid } = JSON.parse(details) as Partial<CapturedMessage>
  if (!isOfPerson(lid, person)) return false
  const given = [chat_id, author, from, lid].flatMap((jid) =>
    jid === undefined ? [] : addressOf(jid)
  )
  return (
    given.some((address) => person.addresses.includes(address)) ||
    (phone !== undefined && person.phones.includes(phone))
  )
}

/** Messages of no lead that name the person, from one on. */
const someThatName = (db: Db, account: string, person: Person, after: number): Promise<Found[]> =>
  db
    .selectFrom('messages')
    .select(['pk', 'account', 'id', 'chat_id', 'lead_id', 'details'])
    .where('account', '=', account)
    .where('lead_id', 'is', null)
    .where('pk', '>', after)
    .where((row) =>
      row.or([
        row('chat_id', 'in', person.addresses),
        ...[...person.phones, ...person.addresses].map((text) =>
          row('details', 'like', `%"${text}"%`)
        )
      ])
    )
    .orderBy('pk')
    .limit(batchSize)
    .execute()

/**
 * Takes the ids of erased messages out of those that quote them: they hold the number of who wrote
 * them.
 */
export const dropQuotes = async (
  db: Db,
  account: string,
  erased: readonly Pick<Found, 'id' | 'chat_id'>[]
): Promise<void> => {
  const stanzas = new Set(erased.map(({ id }) => stanzaOf(id)))
  for (const chat of new Set(erased.map(({ chat_id }) => chat_id))) {
    const quoting = await db
      .selectFrom('messages')
      .select(['pk', 'details'])
      .where('account', '=', account)
      .where('chat_id', '=', chat)
      .where('details', 'like', '%"quoted_id":"%')
      .execute()
    for (const { pk, details } of quoting) {
      const { quoted_id = '', ...rest } = JSON.parse(details) as Partial<CapturedMessage>
      if (!stanzas.has(stanzaOf(quoted_id))) continue
      await db
        .updateTable('messages')
        .set({ details: JSON.stringify(rest) })
        .where('pk', '=', pk)
        .execute()
    }
  }
}

/**
 * Takes the ids of what the person wrote in groups out of messages that quote it, also of what this
 * hub never had: session-manager may have erased that before it was read, and the quote after.
 */
const dropQuotesOf = async (db: Db, account: string, person: Person): Promise<void> => {
  const quoting = await db
    .selectFrom('messages')
    .select(['pk', 'details'])
    .where('account', '=', account)
    .where('lead_id', 'is', null)
    .where((row) =>
      row.or(
        person.addresses.map((address) => row('details', 'like', `%"quoted_id":"%${address}"%`))
      )
    )
    .execute()
  for (const { pk, details } of quoting) {
    const { quoted_id = '', ...rest } = JSON.parse(details) as Partial<CapturedMessage>
    const author = parseMessageId(quoted_id)?.participant
    if (author === undefined || !person.addresses.includes(author)) continue
    await db
      .updateTable('messages')
      .set({ details: JSON.stringify(rest) })
      .where('pk', '=', pk)
      .execute()
  }
}

/** @returns how many messages there were */
export const eraseWordsElsewhere = async (
  db: Db,
  account: string,
  person: Person
): Promise<number> => {
  let messages = 0
  for (let after: number | undefined = 0; after !== undefined; ) {
    const from: number = after
    after = await changeLeads(db, async (trx) => {
      const found = await someThatName(trx, account, person, from)
      const theirs = found.filter((message) => isBy(message, person))
      await dropQuotes(trx, account, theirs)
      await eraseMessages(trx, theirs)
      messages += theirs.length
      return found.length < batchSize ? undefined : found.at(-1)?.pk
    })
  }
  await changeLeads(db, async (trx) => {
    await dropQuotesOf(trx, account, person)
    await trx
      .deleteFrom('reactions')
      .where('account', '=', account)
      .where('sender', 'in', person.addresses)
      .execute()
    await trx
      .deleteFrom('votes')
      .where('account', '=', account)
      .where('voter', 'in', person.addresses)
      .execute()
  })
  return messages
}
