import { step } from './step.ts'

/**
 * Who waits, by the rule of contract/waiting.ts: deletions, reactions of this account, leads marked
 * as handled, and states. Leads that may wait otherwise than they did are counted again at the
 * start: see writeUncounted of store/write/waiting.ts.
 */

/**
 * `turnOf` of contract/waiting.ts. @param unsent @param answered conditions in the database's own
 * words
 */
export const turnBy = (unsent: string, answered: string): string => `CASE
  WHEN handled_at IS NOT NULL OR closed_at IS NOT NULL OR acknowledged = 1 THEN 3
  WHEN personal = 0 OR type = 'revoked' OR revoked_by = 'sender' THEN 0
  WHEN from_me = 1 AND (type = 'unknown' OR ${unsent}) THEN 0
  WHEN type <> 'call_log' THEN 1 + from_me
  WHEN ${answered} THEN 2
  ELSE 1 - from_me END`

const turn = turnBy(
  `instr(details, '"unsent":true') > 0`,
  `json_extract(details, '$.call.outcome') = 'answered'`
)

const columns = [
  // ms; the message up to which a person marked the lead as handled
  `ALTER TABLE messages ADD COLUMN handled_at INTEGER`,
  // ms; the latest message when the lead became won or lost
  `ALTER TABLE messages ADD COLUMN closed_at INTEGER`,
  // 1: this account reacted to it, or voted in it
  `ALTER TABLE messages ADD COLUMN acknowledged INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE leads ADD COLUMN handled_at INTEGER`,
  // 1: of this account
  `ALTER TABLE reactions ADD COLUMN from_me INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE votes ADD COLUMN from_me INTEGER NOT NULL DEFAULT 0`
]

/** The column is replaced: it is worked out, so nothing is lost. */
const turnColumn = [
  `DROP INDEX messages_by_turn`,
  `ALTER TABLE messages DROP COLUMN turn`,
  `ALTER TABLE messages ADD COLUMN turn INTEGER GENERATED ALWAYS AS (${turn}) VIRTUAL`
]

/** The index is made last: until then nothing has to be kept in it. */
export const turnIndex = `CREATE INDEX messages_by_turn ON messages (lead_id, turn, timestamp, seq) WHERE lead_id IS NOT NULL`

/** Records of early releases gave some times in ms, and 0 where WhatsApp told none. */
const times = [
  `UPDATE leads SET updated_at = 0 WHERE id IN (SELECT lead_id FROM messages WHERE timestamp <= 0 OR timestamp >= 100000000000)`,
  `UPDATE messages SET timestamp = captured_at / 1000 WHERE timestamp <= 0`,
  `UPDATE messages SET timestamp = timestamp / 1000 WHERE timestamp >= 100000000000`,
  ...['first_seen', 'last_seen'].map(
    (column) => `UPDATE leads SET ${column} = ${column} / 1000 WHERE ${column} >= 100000000000`
  ),
  `UPDATE leads SET first_seen = COALESCE((SELECT min(timestamp) FROM messages WHERE lead_id = leads.id AND personal = 1), first_seen)
    WHERE first_seen <= 0`,
  `UPDATE leads SET last_seen = COALESCE((SELECT max(timestamp) FROM messages WHERE lead_id = leads.id AND personal = 1), last_seen)
    WHERE last_seen <= 0`
]

/**
 * The server of an address of a person; devices and other names of the same servers do not occur in
 * what is compared.
 */
const chatOf = 'messages.chat_id'

/**
 * A person who responded to a message in a lead's chat and is not that lead is this account. Two
 * addresses of one kind are two people. Addresses of different kinds can be compared only where
 * both of the lead's addresses are known.
 */
const ofThisAccount = (table: 'reactions' | 'votes', by: string): string => {
  const address = `${table}.${by}`
  const phone = `COALESCE(substr(leads.phone, 2) || '@c.us', '')`
  return `UPDATE ${table} SET from_me = 1 WHERE EXISTS (
    SELECT 1 FROM messages JOIN leads ON leads.id = messages.lead_id
    WHERE messages.account = ${table}.account AND messages.stanza = ${table}.stanza AND messages.from_me = 0
      AND ${address} <> ${chatOf} AND ${address} <> ${phone} AND ${address} <> COALESCE(leads.lid, '')
      AND ((leads.phone IS NOT NULL AND leads.lid IS NOT NULL)
        OR (${address} LIKE '%@lid' AND ${chatOf} LIKE '%@lid') OR (${address} LIKE '%@c.us' AND ${chatOf} LIKE '%@c.us')))`
}

/** The latest message before a lead became won or lost; what came after that waits. */
const closed = `UPDATE messages SET closed_at = (
    SELECT max(at) FROM lead_changes WHERE lead_changes.lead_id = messages.lead_id AND field = 'state' AND to_value IN ('won', 'lost'))
  WHERE pk IN (
    SELECT (SELECT pk FROM messages WHERE messages.lead_id = leads.id AND personal = 1 AND from_me = 0
        AND timestamp * 1000 <= (
          SELECT max(at) FROM lead_changes WHERE lead_changes.lead_id = leads.id AND field = 'state' AND to_value IN ('won', 'lost'))
      ORDER BY timestamp DESC, seq DESC LIMIT 1)
    FROM leads WHERE state IN ('won', 'lost') AND waiting_since IS NOT NULL)`

/**
 * Counts again the leads with something that the rule takes in another way than the release before.
 * Most leads have nothing of the kind.
 */
const recount = [
  `UPDATE leads SET updated_at = 0 WHERE waiting_since IS NOT NULL AND state IN ('won', 'lost', 'ignored')`,
  `UPDATE leads SET updated_at = 0 WHERE id IN (
    SELECT lead_id FROM messages WHERE lead_id IS NOT NULL
      AND (revoked_by = 'sender' OR type = 'revoked' OR (from_me = 1 AND type = 'unknown')))`,
  ...['reactions', 'votes'].map(
    (table) => `UPDATE leads SET updated_at = 0 WHERE id IN (
    SELECT messages.lead_id FROM ${table} JOIN messages ON messages.account = ${table}.account AND messages.stanza = ${table}.stanza
    WHERE ${table}.from_me = 1 AND messages.lead_id IS NOT NULL)`
  )
]

/** The same on both databases. */
export const repairs = [
  ...times,
  ofThisAccount('reactions', 'sender'),
  ofThisAccount('votes', 'voter'),
  closed,
  ...recount
]

export const whoWaits = step(
  [...columns, ...turnColumn, ...repairs, turnIndex],
  async () => (await import('./0006-who-waits.postgres.ts')).whoWaits
)
