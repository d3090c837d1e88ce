import type { Insertable, Selectable, Updateable } from 'kysely'
import type { CapturedMessage, InboundRecord } from '../../contract/record.ts'
import type { Db, MessageTable } from './schema.ts'

/**
 * What a record makes of its message. All of it runs inside the transaction of the ingest. Whatever the order in which
 * records come, and however often, the outcome is the same.
 */

/** Types by which WhatsApp itself speaks, and nobody waits for an answer. */
const impersonal = new Set([
  'e2e_notification', 'notification', 'notification_template', 'broadcast_notification', 'newsletter_notification', 'gp2', 'protocol',
  'pinned_message', 'debug'
])

type Content = Pick<Insertable<MessageTable>, 'from_me' | 'personal' | 'type' | 'body' | 'timestamp' | 'media' | 'details' | 'decryption'>

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
const changesOf = (record: InboundRecord, row: Selectable<MessageTable>): Updateable<MessageTable> => {
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

/** @returns the number of a message that is new or was changed, undefined when nothing was */
export const writeMessage = async (db: Db, record: InboundRecord, leadId: number | null): Promise<{ pk: number; isNew: boolean } | undefined> => {
  const { account, seq, kind, message } = record
  const row = await db.selectFrom('messages').selectAll().where('account', '=', account).where('id', '=', message.id).executeTakeFirst()
  if (row === undefined) {
    const { pk } = await db
      .insertInto('messages')
      .values({
        ...contentOf(record),
        account, seq,
        id: message.id,
        lead_id: leadId,
        chat_id: message.chat_id,
        captured_at: Date.parse(record.captured_at),
        source: record.source,
        edited_at: editedAt(message),
        revoked_at: kind === 'revoke' ? Date.parse(record.captured_at) : null,
        revoked_by: message.revoked?.by ?? null
      })
      .returning('pk')
      .executeTakeFirstOrThrow()
    return { pk, isNew: true }
  }
  const changes = changesOf(record, row)
  if (Object.keys(changes).length === 0) return undefined
  await db.updateTable('messages').set(changes).where('pk', '=', row.pk).execute()
  return { pk: row.pk, isNew: false }
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
