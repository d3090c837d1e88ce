import { DatabaseSync } from 'node:sqlite'
import { join } from 'node:path'
import { openStore } from '../../src/central-hub/store/open.ts'
import type { NewRecord } from '../../src/session-manager/journal/journal.ts'

/**
 * Conversations as a sales team has them: everybody writes, a third is answered, some words are in
 * very many messages.
 */

const words = [
  'hola',
  'precio',
  'disponible',
  'gracias',
  'camioneta',
  'mañana',
  'envío',
  'factura',
  'cotización',
  'horario',
  'dirección',
  'pago',
  'color',
  'modelo',
  'garantía',
  'sucursal'
]
const names = [
  'Ana García',
  'José Núñez',
  'María López',
  'Luis Hernández',
  'Sofía Ramírez',
  'Carlos Pérez',
  'Lucía Torres',
  'Miguel Flores'
]
/** UNIX seconds of the first message. */
export const firstAt = 1_760_000_000

export const phoneOf = (lead: number): string => `+52155${String(lead).padStart(8, '0')}`
/** A word that one message in a thousand has, another one for each of them. */
export const rareWord = (message: number): string => `folio${Math.floor(message / 1_000)}`
export const nameOf = (lead: number): string => `${names[lead % names.length]} ${lead}`

/** The text of a message: `hola` is in every fourth, a rare word in one of a thousand. */
const textOf = (message: number): string => {
  const picked = Array.from(
    { length: 3 + (message % 7) },
    (_, at) => words[(message * 7 + at * at * 5 + at) % words.length]
  )
  return [
    ...(message % 4 === 0 ? ['hola'] : []),
    ...picked,
    `número ${message}`,
    ...(message % 1_000 === 0 ? [rareWord(message)] : [])
  ].join(' ')
}

/** Message number `message`, of one of so many leads, as the listener gives it. */
export const draftOf = (message: number, leads: number): NewRecord => {
  const lead = message % leads
  const [me, chat] = ['5215587654321@c.us', `${phoneOf(lead).slice(1)}@c.us`]
  const fromMe = Math.floor(message / leads) % 3 === 2
  const id = `${fromMe}_${chat}_3EB0${message.toString(16).toUpperCase().padStart(16, '0')}`
  return {
    key: `message:${id}`,
    kind: 'message',
    message: {
      id,
      chat_id: chat,
      from: fromMe ? me : chat,
      to: fromMe ? chat : me,
      phone: phoneOf(lead),
      ...(fromMe ? {} : { name: nameOf(lead) }),
      from_me: fromMe,
      type: 'chat',
      body: textOf(message),
      timestamp: firstAt + message,
      has_media: false
    }
  }
}

/** Makes a hub's store with so many messages, as if it had taken them, but by raw inserts. */
export const fillStore = async (
  directory: string,
  size: { messages: number; leads: number }
): Promise<void> => {
  const store = await openStore(directory)
  await store.close()
  const db = new DatabaseSync(join(directory, 'hub.db'))
  db.exec('PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -200000; BEGIN')
  // made again at the end, each sorted once, which takes a part of the time
  const indexes = db
    .prepare(
      "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ('messages', 'leads')"
    )
    .all()
  for (const { name } of indexes) db.exec(`DROP INDEX ${String(name)}`)
  const addLead =
    db.prepare(`INSERT INTO leads (id, account, phone, chat_id, name, first_seen, last_seen, waiting_since, updated_at, unanswered_count, unread_count, last_pk)
    VALUES (?, 'main', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const addMessage =
    db.prepare(`INSERT INTO messages (pk, account, id, lead_id, chat_id, seq, captured_at, source, from_me, personal, type, body, timestamp, details)
    VALUES (?, 'main', ?, ?, ?, ?, ?, 'live', ?, 1, 'chat', ?, ?, ?)`)
  for (let at = 0; at < size.messages; at += 1) {
    const {
      id,
      chat_id,
      body,
      timestamp,
      from_me,
      type: _type,
      has_media: _has,
      ...rest
    } = draftOf(at, size.leads).message
    addMessage.run(
      at + 1,
      id,
      (at % size.leads) + 1,
      chat_id,
      at + 1,
      timestamp * 1_000,
      from_me ? 1 : 0,
      body,
      timestamp,
      JSON.stringify(rest)
    )
  }
  for (let lead = 0; lead < Math.min(size.leads, size.messages); lead += 1) {
    const turns = Math.ceil((size.messages - lead) / size.leads)
    const unanswered = turns % 3
    const at = (turn: number): number => lead + turn * size.leads
    const last = draftOf(at(turns - 1), size.leads).message.timestamp
    const waiting = unanswered === 0 ? null : firstAt + at(turns - unanswered)
    addLead.run(
      lead + 1,
      phoneOf(lead),
      `${phoneOf(lead).slice(1)}@c.us`,
      nameOf(lead),
      firstAt + lead,
      last,
      waiting,
      last * 1_000,
      unanswered,
      unanswered,
      at(turns - 1) + 1
    )
  }
  for (const { sql } of indexes) db.exec(String(sql))
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)')
  db.close()
}
