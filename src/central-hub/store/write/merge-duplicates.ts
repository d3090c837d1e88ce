import { sql, type Selectable } from 'kysely'
import { foldRows, isDifferent } from './merge-message.ts'
import { isSameMessage, parseMessageId } from '../database/message-id.ts'
import type { Db, MessageTable } from '../database/schema.ts'
import { deleteEvents } from '../outbox/events.ts'

/**
 * One message that is kept twice, under the number and under the LID of its chat, becomes one.
 * That is done once a record shows that both are one person, when leads are merged, and after an
 * upgrade.
 */

type Row = Selectable<MessageTable>

/** A lead by its id, or a group. */
export type Whose = number | { account: string; chat_id: string }

interface Merged {
  /** messages.pk of those that stay, and of those that are no more. */
  kept: number[]
  removed: number[]
}

/** Rows that are of one message, the first one first. */
const groupsOf = (rows: readonly Row[]): Row[][] => {
  const groups: Row[][] = []
  for (const row of rows) {
    const person = (other: Row): string[] =>
      row.lead_id === null ? [] : [row.id, other.id].map((id) => parseMessageId(id)?.chat ?? '')
    const group = groups.find(
      ([first]) => first !== undefined && isSameMessage(first.id, row.id, person(first))
    )
    if (group === undefined) groups.push([row])
    else group.push(row)
  }
  return groups.filter(({ length }) => length > 1)
}

const fold = async (db: Db, [first, ...others]: readonly Row[], merged: Merged): Promise<void> => {
  const [second, ...rest] = others
  if (first === undefined || second === undefined) return
  const changes = foldRows([first, second, ...rest])
  if (isDifferent(first, changes))
    await db.updateTable('messages').set(changes).where('pk', '=', first.pk).execute()
  const gone = others.map(({ pk }) => pk)
  await deleteEvents(db, 'message', gone)
  await db.deleteFrom('messages').where('pk', 'in', gone).execute()
  merged.kept.push(first.pk)
  merged.removed.push(...gone)
}

const messagesOf = (db: Db, whose: Whose) => {
  const messages = db.selectFrom('messages')
  if (typeof whose === 'number') return messages.where('lead_id', '=', whose)
  return messages
    .where('account', '=', whose.account)
    .where('chat_id', '=', whose.chat_id)
    .where('lead_id', 'is', null)
}

/**
 * Merges the duplicates of a lead or a group, inside a transaction of the caller's. The first one
 * stays, with what the others know. Counts are to be worked out after it.
 */
export const mergeDuplicates = async (db: Db, whose: Whose): Promise<Merged> => {
  const merged: Merged = { kept: [], removed: [] }
  const twice = await messagesOf(db, whose)
    .select('stanza')
    .groupBy(['stanza', 'from_me'])
    .having(sql<boolean>`count(*) > 1`)
    .execute()
  for (const stanza of new Set(twice.map((row) => row.stanza))) {
    const rows = await messagesOf(db, whose)
      .selectAll()
      .where('stanza', '=', stanza)
      .orderBy('pk')
      .execute()
    for (const group of groupsOf(rows)) await fold(db, group, merged)
  }
  return merged
}
