import type { Insertable, Selectable, Updateable } from 'kysely'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import { inChunks, valuesOf } from './in-chunks.ts'
import type { Db, MessageTable } from './schema.ts'

/**
 * What records make of their messages. All of it runs inside the transaction of the ingest. Whatever the order in which
 * records come, how many at once, and however often, the outcome is the same.
 */

/** Types by which WhatsApp itself speaks, and nobody waits for an answer. */
const impersonal = new Set([
  'e2e_notification', 'notification', 'notification_template', 'broadcast_notification', 'newsletter_notification', 'gp2', 'protocol',
  'pinned_message', 'debug'
])

/** A new one, all of it but its lead. */
type NewMessage = Omit<Selectable<MessageTable>, 'pk' | 'lead_id'>
type Content = Pick<NewMessage, 'from_me' | 'personal' | 'type' | 'body' | 'timestamp' | 'media' | 'details' | 'decryption'>

const contentOf = ({ kind, message }: InboundRecord): Content => {
  const { id: _id, chat_id: _chat, from_me, type, body, timestamp, has_media: _has, media, edited: _edited, revoked: _revoked, ...details } = message
  return {
    from_me: from_me ? 1 : 0,
    personal: impersonal.has(type) ? 0 : 1,
    type, body, timestamp,
    media: media === undefined ? null : JSON.stringify(media),
    details: JSON.stringify(details),
    decryption: kind === 'ciphertext' ? 'pending' : kind === 'ciphertext_failed' ? 'failed' : null
  }
}

const editedAt = ({ edited }: CapturedMessage): number | null => (edited ? Date.parse(edited.at) : null)

/** What a record of a message that is there already changes in it. */
const changesOf = (record: InboundRecord, row: KnownMessage): Updateable<MessageTable> => {
  const { kind, message, captured_at } = record
  const at = editedAt(message)
  const media = message.media === undefined ? null : JSON.stringify(message.media)
  switch (kind) {
    case 'message':
      return row.decryption === null ? {} : contentOf(record)
    case 'ciphertext_failed':
      return row.decryption === 'pending' ? { decryption: 'failed' } : {}
    case 'edit':
      return at !== null && at > (row.edited_at ?? -1) ? { body: message.body, edited_at: at } : {}
    case 'revoke':
      return row.revoked_at === null ? { revoked_at: Date.parse(captured_at), revoked_by: message.revoked?.by ?? null } : {}
    case 'media':
      return media === null || media === row.media ? {} : { media }
    default:
      return {}
  }
}

/** A message while records of it are taken. */
export interface MessageAtWork {
  /** As it is in the store, or will be; until it is written `pk` is 0 and `lead_id` null. */
  row: KnownMessage
  /** Of a new one, all that is to be written but its lead. */
  content: NewMessage | undefined
  /** Of one that was there before. */
  changes: Updateable<MessageTable>
}

/** What of a message says whether a record changes it, and what that changes. */
type KnownMessage = Pick<Selectable<MessageTable>, 'pk' | 'id' | 'lead_id' | 'decryption' | 'edited_at' | 'revoked_at' | 'media'>

const newRow = (record: InboundRecord): NewMessage => {
  const { account, seq, kind, message, source } = record
  const captured_at = Date.parse(record.captured_at)
  return {
    ...contentOf(record),
    account, seq,
    id: message.id,
    chat_id: message.chat_id,
    captured_at, source,
    edited_at: editedAt(message),
    revoked_at: kind === 'revoke' ? captured_at : null,
    revoked_by: message.revoked?.by ?? null
  }
}

/** What a record makes of the messages at work. @returns the one it is of when it is new or was changed, undefined when nothing was */
export const takeMessage = (messages: Map<string, MessageAtWork>, record: InboundRecord): { message: MessageAtWork; isNew: boolean } | undefined => {
  const known = messages.get(record.message.id)
  if (known === undefined) {
    const content = newRow(record)
    const { id, decryption, edited_at, revoked_at, media } = content
    const message: MessageAtWork = { row: { pk: 0, id, lead_id: null, decryption, edited_at, revoked_at, media }, content, changes: {} }
    messages.set(id, message)
    return { message, isNew: true }
  }
  const changes = changesOf(record, known.row)
  if (Object.keys(changes).length === 0) return undefined
  Object.assign(known.row, changes)
  Object.assign(known.content ?? known.changes, changes)
  return { message: known, isNew: false }
}

export interface MessageWriter {
  /** Those of these ids that are there, by id. */
  read(db: Db, account: string, ids: Iterable<string>): Promise<Map<string, MessageAtWork>>
  /** Gives new messages their numbers, in their order. */
  insert(db: Db, messages: readonly { message: MessageAtWork; leadId: number | null }[]): Promise<void>
  update(db: Db, messages: Iterable<MessageAtWork>): Promise<void>
}

export const createMessageWriter = (): MessageWriter => {
  const readAll = inChunks<{ account: string; id: string }, KnownMessage>(
    (db, keys) =>
      db
        .selectFrom('messages')
        .select(['pk', 'id', 'lead_id', 'decryption', 'edited_at', 'revoked_at', 'media'])
        .where('account', '=', keys[0]?.account ?? '')
        .where('id', 'in', keys.map(({ id }) => id)),
    (keys) => [keys[0]?.account, ...keys.map(({ id }) => id)]
  )
  const insertAll = inChunks<Insertable<MessageTable>, { pk: number; id: string }>(
    (db, rows) => db.insertInto('messages').values(rows).returning(['pk', 'id']),
    valuesOf
  )
  return {
    read: async (db, account, ids) => {
      const rows = await readAll(db, [...ids].map((id) => ({ account, id })))
      return new Map(rows.map((row) => [row.id, { row, content: undefined, changes: {} }]))
    },
    insert: async (db, messages) => {
      const rows = messages.flatMap(({ message: { content }, leadId }) => (content === undefined ? [] : [{ ...content, lead_id: leadId }]))
      const pks = new Map((await insertAll(db, rows)).map(({ pk, id }) => [id, pk]))
      for (const { message } of messages) message.row.pk = pks.get(message.row.id) ?? 0
    },
    update: async (db, messages) => {
      for (const { row, changes } of messages) await db.updateTable('messages').set(changes).where('pk', '=', row.pk).execute()
    }
  }
}

/** A reaction or a vote: the latest of each person counts. @returns the number of the message it is of, if that is known and was changed */
export const writeResponse = async (db: Db, { account, message }: InboundRecord): Promise<number | undefined> => {
  const { reaction, vote, timestamp } = message
  const messageId = reaction?.message_id ?? vote?.message_id
  if (messageId === undefined) return undefined
  const key = { account, message_id: messageId }
  const result = reaction
    ? await db
        .insertInto('reactions')
        .values({ ...key, sender: reaction.sender, emoji: reaction.emoji, timestamp })
        .onConflict((on) =>
          on.columns(['account', 'message_id', 'sender']).doUpdateSet({ emoji: reaction.emoji, timestamp }).where('reactions.timestamp', '<=', timestamp)
        )
        .executeTakeFirst()
    : await db
        .insertInto('votes')
        .values({ ...key, voter: message.from, options: JSON.stringify(vote?.options ?? []), timestamp })
        .onConflict((on) =>
          on.columns(['account', 'message_id', 'voter']).doUpdateSet({ options: JSON.stringify(vote?.options ?? []), timestamp }).where('votes.timestamp', '<=', timestamp)
        )
        .executeTakeFirst()
  if ((result.numInsertedOrUpdatedRows ?? 0n) === 0n) return undefined
  const row = await db.selectFrom('messages').select('pk').where('account', '=', account).where('id', '=', messageId).executeTakeFirst()
  return row?.pk
}
