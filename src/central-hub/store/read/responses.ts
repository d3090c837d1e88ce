import type { InboundRecord } from '../../../contract/record.ts'
import { findMessages } from './find-message.ts'
import {
  addressOf,
  isPerson,
  isSameMessage,
  parseMessageId,
  stanzaOf
} from '../database/message-id.ts'
import { addressesOfLeads } from './identities.ts'
import type { Database, Db } from '../database/schema.ts'

/**
 * Reactions and votes. They name their message, and who gave them, by whichever address WhatsApp
 * had at hand; they are kept so, and brought together as they are read: by then the hub may know
 * more of who is who.
 */

/** A message as its responses are looked for. */
interface Answerable {
  account: string
  id: string
  lead_id: number | null
}

type Known = Pick<Database['reactions'], 'account' | 'message_id' | 'timestamp'>

/** Rows of a table that may be of these messages. */
const rowsOf = async <Table extends 'reactions' | 'votes'>(
  db: Db,
  table: Table,
  messages: readonly Answerable[]
) => {
  const rows = []
  for (const [account, group] of Map.groupBy(messages, (message) => message.account)) {
    const stanzas = [...new Set(group.map(({ id }) => stanzaOf(id)))]
    rows.push(
      ...(await db
        .selectFrom(table as 'reactions' | 'votes')
        .selectAll()
        .where('account', '=', account)
        .where('stanza', 'in', stanzas)
        .orderBy('timestamp')
        .execute())
    )
  }
  return rows as unknown as (Table extends 'reactions'
    ? Database['reactions']
    : Database['votes'])[]
}

/** Who answered: one key for all addresses of a person, as far as they are known. */
const personKey = (address: string, chat: string, person: readonly string[]): string => {
  const given = addressOf(address)
  const theirs = new Set([...person, chat])
  if (!isPerson(chat)) return given
  if (theirs.has(given)) return 'lead'
  // Two write in a chat with a person: the one who is not that person is this account.
  return theirs.size > 1 && isPerson(given) ? 'me' : given
}

/** The last answer of each person, in the order of time. */
const latestOf = <Row extends Known>(
  rows: readonly Row[],
  id: string,
  person: readonly string[],
  by: (row: Row) => string
): Row[] => {
  const chat = parseMessageId(id)?.chat ?? ''
  const latest = new Map<string, Row>()
  for (const row of rows) {
    const key = personKey(by(row), chat, person)
    latest.delete(key)
    latest.set(key, row)
  }
  return [...latest.values()]
}

interface Responses {
  reactions: { sender: string; emoji: string }[]
  votes: { voter: string; options: string[] }[]
}

/** What was reacted and voted to these messages, in their order. */
export const readResponses = async (
  db: Db,
  messages: readonly Answerable[]
): Promise<Responses[]> => {
  if (messages.length === 0) return []
  const reactions = Map.groupBy(
    await rowsOf(db, 'reactions', messages),
    (row) => `${row.account} ${stanzaOf(row.message_id)}`
  )
  const votes = Map.groupBy(
    await rowsOf(db, 'votes', messages),
    (row) => `${row.account} ${stanzaOf(row.message_id)}`
  )
  const keyOf = ({ account, id }: Answerable): string => `${account} ${stanzaOf(id)}`
  const answered = messages.filter(
    (message) => reactions.has(keyOf(message)) || votes.has(keyOf(message))
  )
  const addresses = await addressesOfLeads(
    db,
    answered.flatMap(({ lead_id }) => lead_id ?? [])
  )
  return messages.map((message) => {
    const person = message.lead_id === null ? [] : (addresses.get(message.lead_id) ?? [])
    const isOf = ({ message_id }: Known): boolean =>
      isSameMessage(message.id, message_id, [...person, parseMessageId(message.id)?.chat ?? ''])
    const [reacted, voted] = [
      (reactions.get(keyOf(message)) ?? []).filter(isOf),
      (votes.get(keyOf(message)) ?? []).filter(isOf)
    ]
    return {
      reactions: latestOf(reacted, message.id, person, ({ sender }) => sender).flatMap(
        ({ sender, emoji }) => (emoji === '' ? [] : [{ sender, emoji }])
      ),
      votes: latestOf(voted, message.id, person, ({ voter }) => voter).map(
        ({ voter, options }) => ({ voter, options: JSON.parse(options) as string[] })
      )
    }
  })
}

/** Deletes what was reacted and voted to these messages, under whichever of their ids. */
export const eraseResponses = async (db: Db, messages: readonly Answerable[]): Promise<void> => {
  const addresses = await addressesOfLeads(
    db,
    messages.flatMap(({ lead_id }) => lead_id ?? [])
  )
  const byStanza = Map.groupBy(messages, ({ account, id }) => `${account} ${stanzaOf(id)}`)
  for (const table of ['reactions', 'votes'] as const) {
    const gone = (await rowsOf(db, table, messages)).filter(({ account, message_id }) =>
      byStanza
        .get(`${account} ${stanzaOf(message_id)}`)
        ?.some(({ id, lead_id }) =>
          isSameMessage(id, message_id, [
            ...(addresses.get(lead_id ?? 0) ?? []),
            parseMessageId(id)?.chat ?? ''
          ])
        )
    )
    for (const [account, rows] of Map.groupBy(gone, (row) => row.account)) {
      await db
        .deleteFrom(table)
        .where('account', '=', account)
        .where('message_id', 'in', [...new Set(rows.map(({ message_id }) => message_id))])
        .execute()
    }
  }
}

/**
 * Writes a reaction or a vote: the latest of each person counts.
 * @returns messages.pk of its message, if that is known and was changed
 */
export const writeResponse = async (
  db: Db,
  { account, message }: InboundRecord
): Promise<number | undefined> => {
  const { reaction, vote, timestamp } = message
  const messageId = reaction?.message_id ?? vote?.message_id
  if (messageId === undefined) return undefined
  const key = { account, message_id: messageId, from_me: message.from_me ? 1 : 0 }
  const options = JSON.stringify(vote?.options ?? [])
  const result = reaction
    ? await db
        .insertInto('reactions')
        .values({ ...key, sender: reaction.sender, emoji: reaction.emoji, timestamp })
        .onConflict((on) =>
          on
            .columns(['account', 'message_id', 'sender'])
            .doUpdateSet({ emoji: reaction.emoji, timestamp })
            .where('reactions.timestamp', '<=', timestamp)
            .where((row) =>
              row.or([
                row('reactions.emoji', '<>', reaction.emoji),
                row('reactions.timestamp', '<', timestamp)
              ])
            )
        )
        .executeTakeFirst()
    : await db
        .insertInto('votes')
        .values({ ...key, voter: message.from, options, timestamp })
        .onConflict((on) =>
          on
            .columns(['account', 'message_id', 'voter'])
            .doUpdateSet({ options, timestamp })
            .where('votes.timestamp', '<=', timestamp)
            .where((row) =>
              row.or([row('votes.options', '<>', options), row('votes.timestamp', '<', timestamp)])
            )
        )
        .executeTakeFirst()
  if ((result.numInsertedOrUpdatedRows ?? 0n) === 0n) return undefined
  return (await findMessages(db, messageId, account))[0]?.pk
}
