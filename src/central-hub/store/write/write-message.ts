import type { Insertable, Selectable, Updateable } from 'kysely'
import type { CapturedMessage, InboundRecord } from '../../../contract/record.ts'
import { isPersonal, turnOf, type Turn } from '../../../contract/waiting.ts'
import { batched, valuesOf } from '../database/batched.ts'
import { addressesOf, isSameMessage, parseMessageId, stanzaOf } from '../database/message-id.ts'
import { fillIn, isDifferent, mediaRank, withAddress } from './merge-message.ts'
import type { Db, MessageTable } from '../database/schema.ts'
import { termsOf, textOf } from '../database/terms.ts'
import type { LeadAtWork } from './write-lead.ts'

/**
 * What records make of their messages. All of it runs inside the transaction of the ingest.
 * Whatever the order in which records come, how many at once, and however often, the outcome is the
 * same.
 */

/** A new one, all of it but its lead. */
type NewMessage = Omit<
  Selectable<MessageTable>,
  'pk' | 'text_event' | 'lead_id' | 'stanza' | 'turn' | 'handled_at' | 'closed_at' | 'acknowledged'
>

/** What a record of its text and parts says of a message. */
export type Content = Pick<
  NewMessage,
  | 'from_me'
  | 'personal'
  | 'type'
  | 'body'
  | 'timestamp'
  | 'media'
  | 'details'
  | 'terms'
  | 'decryption'
>

const decryptionOf = (kind: InboundRecord['kind']): Content['decryption'] => {
  if (kind === 'ciphertext') return 'pending'
  return kind === 'ciphertext_failed' ? 'failed' : null
}

const contentOf = ({ kind, message }: InboundRecord): Content => {
  const {
    id: _id,
    chat_id: _chat,
    from_me,
    type,
    body: _body,
    timestamp,
    has_media: _has,
    media,
    edited: _edited,
    revoked: _revoked,
    ...details
  } = message
  return {
    from_me: from_me ? 1 : 0,
    personal: isPersonal(message) ? 1 : 0,
    type,
    body: textOf(message),
    timestamp,
    media: media === undefined ? null : JSON.stringify(media),
    details: JSON.stringify(details),
    terms: termsOf(message),
    decryption: decryptionOf(kind)
  }
}

const editedAt = ({ edited }: CapturedMessage): number | null =>
  edited ? Date.parse(edited.at) : null

/** What a record of a message that is there already changes in it. */
const changesOf = (record: InboundRecord, row: KnownMessage): Updateable<MessageTable> => {
  const { kind, message, captured_at } = record
  const at = editedAt(message)
  const media = message.media === undefined ? null : JSON.stringify(message.media)
  switch (kind) {
    case 'message':
      return row.decryption === null
        ? fillIn(row, contentOf(record))
        : decrypted(row, contentOf(record))
    case 'ciphertext_failed':
      return row.decryption === 'pending' ? { decryption: 'failed' } : {}
    case 'edit':
      return at !== null && at > (row.edited_at ?? -1) ? { body: message.body, edited_at: at } : {}
    case 'revoke':
      return revoked(row, message.revoked?.by ?? null, Date.parse(captured_at))
    case 'media':
      return media === row.media || mediaRank(media) < mediaRank(row.media) ? {} : { media }
    case 'update':
      return updated(row, contentOf(record), at)
    default:
      return {}
  }
}

/** A deletion for everyone counts, whatever was deleted on this phone before. @param at ms */
const revoked = (
  row: KnownMessage,
  by: KnownMessage['revoked_by'],
  at: number
): Updateable<MessageTable> => {
  if (row.revoked_at === null) return { revoked_at: at, revoked_by: by }
  return by === 'sender' ? { revoked_by: by } : {}
}

/** An edit may have come before the message was decrypted. */
const decrypted = (row: KnownMessage, content: Content): Updateable<MessageTable> =>
  row.edited_at === null ? content : { ...content, body: row.body }

/**
 * A message, or an edit of it, that session-manager reads otherwise now. What became of it since
 * stays: its media, a later edit, whether it was decrypted. @param at when the edit was made, ms;
 * null: it is the message itself
 */
const updated = (
  row: KnownMessage,
  content: Content,
  at: number | null
): Updateable<MessageTable> => {
  const { type, personal, body, timestamp, media, details, terms } = content
  if (at !== null) return at === row.edited_at ? { body } : {}
  // what is left of a deleted message says nothing of what it was
  if (type === 'revoked' && row.type !== 'revoked') return {}
  const changes: Updateable<MessageTable> = {
    type,
    personal,
    timestamp,
    terms,
    details: withAddress(row.details, details)
  }
  if (row.edited_at === null) changes.body = body
  if (row.media === null && media !== null) changes.media = media
  return changes
}

/** A message while records of it are taken. */
export interface MessageAtWork {
  /** As it is in the store, or will be; until it is written `pk` is 0 and `lead_id` null. */
  row: KnownMessage
  /** Of a new one, all that is to be written but its lead. */
  content: NewMessage | undefined
  /** Of one that was there before. */
  changes: Updateable<MessageTable>
  /** Of a new one, and one that turned out to be of a person: the lead it is of. */
  lead: LeadAtWork | undefined
  /** Of a new one: what it does to who waits, and whether it is an album or of one. */
  turn: Turn
  inAlbum: boolean
}

/** What of a message says whether a record changes it, and what that changes. */
type KnownMessage = Pick<
  Selectable<MessageTable>,
  | 'pk'
  | 'id'
  | 'lead_id'
  | 'type'
  | 'personal'
  | 'body'
  | 'timestamp'
  | 'decryption'
  | 'edited_at'
  | 'revoked_at'
  | 'revoked_by'
  | 'media'
  | 'details'
  | 'terms'
>

const newRow = (record: InboundRecord): NewMessage => {
  const { account, seq, kind, message, source } = record
  const captured_at = Date.parse(record.captured_at)
  return {
    ...contentOf(record),
    account,
    seq,
    id: message.id,
    chat_id: message.chat_id,
    captured_at,
    source,
    edited_at: editedAt(message),
    revoked_at: kind === 'revoke' ? captured_at : null,
    revoked_by: message.revoked?.by ?? null
  }
}

/** What a message does to who waits, and whether it is counted with others. */
const roleOf = (
  message: CapturedMessage,
  revoked_by: KnownMessage['revoked_by']
): Pick<MessageAtWork, 'turn' | 'inAlbum'> => ({
  turn: turnOf({ ...message, revoked_by }),
  inAlbum: message.album !== undefined || message.album_id !== undefined
})

const newMessage = (record: InboundRecord, lead: LeadAtWork | undefined): MessageAtWork => {
  const content = newRow(record)
  return {
    row: { ...content, pk: 0, lead_id: null },
    content,
    changes: {},
    lead,
    ...roleOf(record.message, content.revoked_by)
  }
}

/**
 * A message that a record made or changed; `isMoved`: it was written at another time than was
 * known.
 */
interface TakenMessage {
  message: MessageAtWork
  isNew: boolean
  isMoved: boolean
}

/** Messages that records may be of, found by any id they have. */
export class MessagesAtWork {
  readonly #byStanza = new Map<string, MessageAtWork[]>()

  add(message: MessageAtWork): void {
    const stanza = stanzaOf(message.row.id)
    const others = this.#byStanza.get(stanza)
    if (others === undefined) this.#byStanza.set(stanza, [message])
    else others.push(message)
  }

  /**
   * @param lead whose message it is, if it is of one: under its number and its LID the message is
   * the same
   */
  find(id: string, lead: LeadAtWork | undefined): MessageAtWork | undefined {
    const some = this.#byStanza.get(stanzaOf(id)) ?? []
    return (
      some.find(({ row }) => row.id === id) ??
      some.find((message) => isSameMessage(message.row.id, id, addressesIn(message, id, lead)))
    )
  }

  /**
   * What a record makes of the messages. @returns the one it is of when it is new or was changed,
   * undefined when nothing was
   */
  take(record: InboundRecord, lead: LeadAtWork | undefined): TakenMessage | undefined {
    const known = this.find(record.message.id, lead)
    if (known === undefined) {
      const message = newMessage(record, lead)
      this.add(message)
      return { message, isNew: true, isMoved: false }
    }
    const changes = changesOf(record, known.row)
    const turnsPersonal = known.row.personal === 0 && changes.personal === 1
    // What was known of it before named nobody.
    const hasNone = known.lead === undefined && known.row.lead_id === null
    const findsLead = lead !== undefined && hasNone && (turnsPersonal || known.row.personal === 1)
    if (!findsLead && !isDifferent(known.row, changes)) return undefined
    if (findsLead || turnsPersonal) known.lead = lead
    const isMoved = changes.timestamp !== undefined && changes.timestamp !== known.row.timestamp
    Object.assign(known.row, changes)
    Object.assign(known.content ?? known.changes, changes)
    if (known.row.revoked_by === 'sender') known.turn = 0
    else if (record.kind === 'message' || record.kind === 'update')
      Object.assign(known, roleOf(record.message, known.row.revoked_by))
    return { message: known, isNew: false, isMoved }
  }
}

/**
 * The addresses of the person whose chat a message is in, as far as they are known where another id
 * of it is looked for.
 */
const addressesIn = (
  { row, lead: of }: MessageAtWork,
  id: string,
  lead: LeadAtWork | undefined
): string[] => {
  if (lead === undefined) return []
  const isOfLead = of === lead || (row.lead_id !== null && row.lead_id === lead.row.id)
  const both = isOfLead ? [row.id, id].map((each) => parseMessageId(each)?.chat ?? '') : []
  return [...both, ...lead.identities.flatMap((identity) => addressesOf(identity.row))]
}

interface MessageWriter {
  /** Those that may have these ids. */
  read(db: Db, account: string, ids: Iterable<string>): Promise<MessagesAtWork>
  /** Gives new messages their numbers, in their order. */
  insert(
    db: Db,
    messages: readonly { message: MessageAtWork; leadId: number | null }[]
  ): Promise<void>
  update(db: Db, messages: Iterable<MessageAtWork>): Promise<void>
}

const known = [
  'pk',
  'id',
  'lead_id',
  'type',
  'personal',
  'body',
  'timestamp',
  'decryption',
  'edited_at',
  'revoked_at',
  'revoked_by',
  'media',
  'details',
  'terms'
] as const

export const createMessageWriter = (): MessageWriter => {
  const readAll = batched<{ account: string; stanza: string }, KnownMessage>(
    (db, keys) =>
      db
        .selectFrom('messages')
        .select(known)
        .where('account', '=', keys[0]?.account ?? '')
        .where(
          'stanza',
          'in',
          keys.map(({ stanza }) => stanza)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ stanza }) => stanza)]
  )
  const insertAll = batched<Insertable<MessageTable>, { pk: number; id: string }>(
    (db, rows) => db.insertInto('messages').values(rows).returning(['pk', 'id']),
    valuesOf
  )
  return {
    read: async (db, account, ids) => {
      const stanzas = new Set([...ids].map(stanzaOf))
      const messages = new MessagesAtWork()
      for (const row of await readAll(
        db,
        [...stanzas].map((stanza) => ({ account, stanza }))
      )) {
        messages.add({
          row,
          content: undefined,
          changes: {},
          lead: undefined,
          turn: 0,
          inAlbum: false
        })
      }
      return messages
    },
    insert: async (db, messages) => {
      const rows = messages.flatMap(({ message: { content }, leadId }) =>
        content === undefined ? [] : [{ ...content, lead_id: leadId }]
      )
      const pks = new Map((await insertAll(db, rows)).map(({ pk, id }) => [id, pk]))
      for (const { message } of messages) message.row.pk = pks.get(message.row.id) ?? 0
    },
    update: async (db, messages) => {
      for (const { row, changes } of messages)
        await db.updateTable('messages').set(changes).where('pk', '=', row.pk).execute()
    }
  }
}
