import { batched } from '../database/batched.ts'
import { addressesOfLeads } from '../read/identities.ts'
import { isSameMessage, parseMessageId } from '../database/message-id.ts'
import type { Db } from '../database/schema.ts'

/**
 * Reactions and votes of this account to messages of leads: each ends a wait at its message, until
 * it is taken back.
 */

/** A message of a lead. */
interface Asked {
  pk: number
  account: string
  id: string
  stanza: string
  acknowledged: number
  lead_id: number | null
}

/** A reaction or a vote of this account; `isThere` unless it was taken back. UNIX seconds. */
interface Own {
  kind: 'reaction' | 'vote'
  account: string
  message_id: string
  stanza: string
  timestamp: number
  isThere: boolean
}

interface Key {
  account: string
  stanza: string
}
const valuesOf = (keys: readonly Key[]): unknown[] => [
  keys[0]?.account,
  ...keys.map(({ stanza }) => stanza)
]

const ownReactions = batched<Key, Omit<Own, 'kind' | 'isThere'> & { emoji: string }>(
  (db, keys) =>
    db
      .selectFrom('reactions')
      .select(['account', 'message_id', 'stanza', 'timestamp', 'emoji'])
      .where('account', '=', keys[0]?.account ?? '')
      .where(
        'stanza',
        'in',
        keys.map(({ stanza }) => stanza)
      )
      .where((row) => row('from_me', '=', row.lit(1))),
  valuesOf
)
const ownVotes = batched<Key, Omit<Own, 'kind' | 'isThere'> & { options: string }>(
  (db, keys) =>
    db
      .selectFrom('votes')
      .select(['account', 'message_id', 'stanza', 'timestamp', 'options'])
      .where('account', '=', keys[0]?.account ?? '')
      .where(
        'stanza',
        'in',
        keys.map(({ stanza }) => stanza)
      )
      .where((row) => row('from_me', '=', row.lit(1))),
  valuesOf
)

/** What this account answered so to messages that may be these. */
const ownOf = async (db: Db, account: string, stanzas: readonly string[]): Promise<Own[]> => {
  const keys = stanzas.map((stanza) => ({ account, stanza }))
  const reactions = (await ownReactions(db, keys)).map(({ emoji, ...row }) => ({
    ...row,
    kind: 'reaction' as const,
    isThere: emoji !== ''
  }))
  const votes = (await ownVotes(db, keys)).map(({ options, ...row }) => ({
    ...row,
    kind: 'vote' as const,
    isThere: options !== '[]'
  }))
  return [...reactions, ...votes]
}

/** @param addresses of its lead */
const isAcknowledged = (
  message: Asked,
  own: readonly Own[],
  addresses: readonly string[]
): boolean => {
  const person = [...addresses, parseMessageId(message.id)?.chat ?? '']
  const ofIt = own.filter(({ message_id }) => isSameMessage(message.id, message_id, person))
  // The account may have reacted under each of its addresses: the latest counts.
  return (['reaction', 'vote'] as const).some((kind) => {
    const some = ofIt.filter((own) => own.kind === kind)
    const last = Math.max(...some.map(({ timestamp }) => timestamp))
    return some.some(({ timestamp, isThere }) => timestamp === last && isThere)
  })
}

/** @returns leads.id of the messages that were changed */
const write = async (
  db: Db,
  messages: readonly Asked[],
  own: readonly Own[]
): Promise<Set<number>> => {
  const byStanza = Map.groupBy(own, ({ stanza }) => stanza)
  const addresses = await addressesOfLeads(
    db,
    messages.flatMap(({ lead_id }) => lead_id ?? [])
  )
  const changed = new Set<number>()
  for (const message of messages) {
    const acknowledged = isAcknowledged(
      message,
      byStanza.get(message.stanza) ?? [],
      addresses.get(message.lead_id ?? 0) ?? []
    )
      ? 1
      : 0
    if (acknowledged === message.acknowledged) continue
    await db.updateTable('messages').set({ acknowledged }).where('pk', '=', message.pk).execute()
    if (message.lead_id !== null) changed.add(message.lead_id)
  }
  return changed
}

const inbound = (db: Db) =>
  db
    .selectFrom('messages')
    .select(['messages.pk', 'messages.account', 'messages.id', 'stanza', 'acknowledged', 'lead_id'])
    .where('from_me', '=', 0)
    .where('lead_id', 'is not', null)

/**
 * Of new messages, those that this account had reacted to before they came. @returns leads.id of
 * the messages that were changed
 */
export const acknowledgeNew = async (
  db: Db,
  account: string,
  messages: readonly { pk: number; stanza: string }[]
): Promise<Set<number>> => {
  if (messages.length === 0) return new Set()
  const own = await ownOf(db, account, [...new Set(messages.map(({ stanza }) => stanza))])
  if (own.length === 0) return new Set()
  const stanzas = new Set(own.map(({ stanza }) => stanza))
  const pks = messages.filter(({ stanza }) => stanzas.has(stanza)).map(({ pk }) => pk)
  return write(db, await inbound(db).where('messages.pk', 'in', pks).execute(), own)
}

/**
 * After a reaction or a vote of this account. @returns leads.id of the message, when that changed
 * it
 */
export const acknowledge = async (db: Db, pk: number): Promise<Set<number>> => {
  const messages = await inbound(db).where('messages.pk', '=', pk).execute()
  const [message] = messages
  if (message === undefined) return new Set()
  return write(db, messages, await ownOf(db, message.account, [message.stanza]))
}

/** All messages of a lead, of which more addresses may be known now. */
export const acknowledgeIn = async (db: Db, leadId: number): Promise<void> => {
  const ofLead = db
    .selectFrom('messages')
    .select(['messages.pk', 'messages.account', 'messages.stanza'])
    .where('messages.lead_id', '=', leadId)
  const found = [
    ...(await ofLead
      .innerJoin('reactions', (on) =>
        on
          .onRef('reactions.account', '=', 'messages.account')
          .onRef('reactions.stanza', '=', 'messages.stanza')
      )
      .where('reactions.from_me', '=', 1)
      .execute()),
    ...(await ofLead
      .innerJoin('votes', (on) =>
        on
          .onRef('votes.account', '=', 'messages.account')
          .onRef('votes.stanza', '=', 'messages.stanza')
      )
      .where('votes.from_me', '=', 1)
      .execute())
  ]
  const [first] = found
  if (first === undefined) return
  const own = await ownOf(db, first.account, [...new Set(found.map(({ stanza }) => stanza))])
  const pks = [...new Set(found.map(({ pk }) => pk))]
  await write(db, await inbound(db).where('messages.pk', 'in', pks).execute(), own)
}
