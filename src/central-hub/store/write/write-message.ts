import type { Insertable, Selectable, Updateable } from 'kysely'
import type { CapturedMessage, InboundRecord } from '../../../contract/record.ts'
import { isPersonal, turnOf, type Turn } from '../../../contract/waiting.ts'
import { batched, valuesOf } from '../database/batched.ts'
import { addressesOf, isSameMessage, parseMessageId, stanzaOf } from '../database/message-id.ts'
import { fillIn, isDifferent, mediaRank, withAddress } from './merge-message.ts'
import type { Db, MessageTable } from '../database/schema.ts'
import { termsOf, textOf } from '../database/terms.ts'
import type { PendingLead } from './write-lead.ts'

/**
 * Makes messages of records. It runs inside the transaction of the ingest. The outcome is the same
 * in whatever order records come, how many together, and how often.
 */

/** The columns of a new message, without its lead. */
type NewMessage = Omit<
  Selectable<MessageTable>,
  'pk' | 'text_event' | 'lead_id' | 'stanza' | 'turn' | 'handled_at' | 'closed_at' | 'acknowledged'
>

/** The columns that a record with the text and parts of a message gives. */
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

/** `seq` of a message that was imported: it is in no journal, whose first record is 1. */
export const importedSeq = 0

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

/** @returns what a record changes in a message that is in the store */
const changesOf = (record: InboundRecord, row: KnownMessage): Updateable<MessageTable> => {
  const { kind, message, captured_at } = record
  const at = editedAt(message)
  const media = message.media === undefined ? null : JSON.stringify(message.media)
  switch (kind) {
    case 'message':
      if (row.seq === importedSeq && record.seq !== importedSeq) return captured(record, row)
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

/** What was captured takes the place of what was imported, except a later edit. */
const captured = (record: InboundRecord, row: KnownMessage): Updateable<MessageTable> => {
  const { seq, source, captured_at } = record
  const content = contentOf(record)
  const changes = { ...content, media: content.media ?? row.media }
  if (row.edited_at !== null) changes.body = row.body
  return { ...changes, seq, source, captured_at: Date.parse(captured_at) }
}

/** A deletion for everyone counts even after a deletion on this phone. @param at ms */
const revoked = (
  row: KnownMessage,
  by: KnownMessage['revoked_by'],
  at: number
): Updateable<MessageTable> => {
  if (row.revoked_at === null) return { revoked_at: at, revoked_by: by }
  return by === 'sender' ? { revoked_by: by } : {}
}

/** Keeps the text of an edit that came before the message was decrypted. */
const decrypted = (row: KnownMessage, content: Content): Updateable<MessageTable> =>
  row.edited_at === null ? content : { ...content, body: row.body }

/**
 * Applies a message or an edit that session-manager now reads in another way. Its media, a later
 * edit, and whether it was decrypted stay.
 * @param at when the edit was made, ms; null for the message itself
 */
const updated = (
  row: KnownMessage,
  content: Content,
  at: number | null
): Updateable<MessageTable> => {
  const { type, personal, body, timestamp, media, details, terms } = content
  if (at !== null) return at === row.edited_at ? { body } : {}
  // What is left of a deleted message does not say what it was.
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

/** A message while its records are applied. */
export interface PendingMessage {
  /** The row as it will be in the store. Until it is written, `pk` is 0 and `lead_id` null. */
  row: KnownMessage
  /** What is written of a new message, without its lead. Undefined for one that is stored. */
  content: NewMessage | undefined
  /** What is written of a message that is stored. */
  changes: Updateable<MessageTable>
  /** Set for a new message, and for one that turned out to be of a person. */
  lead: PendingLead | undefined
  /** What a new message does to who waits. */
  turn: Turn
  /** Whether a new message is an album, or part of one. */
  inAlbum: boolean
}

/** The columns that decide whether a record changes a message, and what it changes. */
type KnownMessage = Pick<
  Selectable<MessageTable>,
  | 'pk'
  | 'seq'
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

/** @returns what a message does to who waits, and whether it is counted with others */
const roleOf = (
  message: CapturedMessage,
  revoked_by: KnownMessage['revoked_by']
): Pick<PendingMessage, 'turn' | 'inAlbum'> => ({
  turn: turnOf({ ...message, revoked_by }),
  inAlbum: message.album !== undefined || message.album_id !== undefined
})

const newMessage = (record: InboundRecord, lead: PendingLead | undefined): PendingMessage => {
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
 * A message that a record made or changed. `isMoved`: it has another time than before.
 */
interface MessageChange {
  message: PendingMessage
  isNew: boolean
  isMoved: boolean
}

/** The messages that records may be of, found by any of their ids. */
export class PendingMessages {
  readonly #byStanza = new Map<string, PendingMessage[]>()

  add(message: PendingMessage): void {
    const stanza = stanzaOf(message.row.id)
    const others = this.#byStanza.get(stanza)
    if (others === undefined) this.#byStanza.set(stanza, [message])
    else others.push(message)
  }

  /** @param lead of the message, if it has one: its number and its LID give the same message */
  find(id: string, lead: PendingLead | undefined): PendingMessage | undefined {
    const candidates = this.#byStanza.get(stanzaOf(id)) ?? []
    return (
      candidates.find(({ row }) => row.id === id) ??
      candidates.find((message) =>
        isSameMessage(message.row.id, id, addressesIn(message, id, lead))
      )
    )
  }

  /**
   * Applies a record to its message.
   * @returns the message when it is new or was changed; undefined when nothing changed
   */
  apply(record: InboundRecord, lead: PendingLead | undefined): MessageChange | undefined {
    const known = this.find(record.message.id, lead)
    if (known === undefined) {
      const message = newMessage(record, lead)
      this.add(message)
      return { message, isNew: true, isMoved: false }
    }
    const changes = changesOf(record, known.row)
    const turnsPersonal = known.row.personal === 0 && changes.personal === 1
    // Its earlier records named nobody.
    const hasNone = known.lead === undefined && known.row.lead_id === null
    const findsLead = lead !== undefined && hasNone && (turnsPersonal || known.row.personal === 1)
    // A duplicate: nothing of it is new.
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
 * The known addresses of the person whose chat a message is in, under which the message may have
 * another id.
 */
const addressesIn = (
  { row, lead: itsLead }: PendingMessage,
  id: string,
  lead: PendingLead | undefined
): string[] => {
  if (lead === undefined) return []
  const isOfLead = itsLead === lead || (row.lead_id !== null && row.lead_id === lead.row.id)
  const both = isOfLead ? [row.id, id].map((each) => parseMessageId(each)?.chat ?? '') : []
  return [...both, ...lead.identities.flatMap((identity) => addressesOf(identity.row))]
}

const knownColumns = [
  'pk',
  'seq',
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

export class MessageWriter {
  readonly #readAll = batched<{ account: string; stanza: string }, KnownMessage>(
    (db, keys) =>
      db
        .selectFrom('messages')
        .select(knownColumns)
        .where('account', '=', keys[0]?.account ?? '')
        .where(
          'stanza',
          'in',
          keys.map(({ stanza }) => stanza)
        ),
    (keys) => [keys[0]?.account, ...keys.map(({ stanza }) => stanza)]
  )
  readonly #insertAll = batched<Insertable<MessageTable>, { pk: number; id: string }>(
    (db, rows) => db.insertInto('messages').values(rows).returning(['pk', 'id']),
    valuesOf
  )

  /** Reads the messages that may have these ids. */
  async read(db: Db, account: string, ids: Iterable<string>): Promise<PendingMessages> {
    const stanzas = new Set([...ids].map(stanzaOf))
    const keys = [...stanzas].map((stanza) => ({ account, stanza }))
    const messages = new PendingMessages()
    for (const row of await this.#readAll(db, keys)) {
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
  }

  /** Writes new messages, in their order, and gives each its pk. */
  async insert(
    db: Db,
    messages: readonly { message: PendingMessage; leadId: number | null }[]
  ): Promise<void> {
    const rows = messages.flatMap(({ message: { content }, leadId }) =>
      content === undefined ? [] : [{ ...content, lead_id: leadId }]
    )
    const pks = new Map((await this.#insertAll(db, rows)).map(({ pk, id }) => [id, pk]))
    for (const { message } of messages) message.row.pk = pks.get(message.row.id) ?? 0
  }

  async update(db: Db, messages: Iterable<PendingMessage>): Promise<void> {
    for (const { row, changes } of messages)
      await db.updateTable('messages').set(changes).where('pk', '=', row.pk).execute()
  }
}
