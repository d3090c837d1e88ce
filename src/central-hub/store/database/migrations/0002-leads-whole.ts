import { step } from './step.ts'

/**
 * What a person says of a lead, its counts and latest message kept with it, history, names,
 * deletions, figures, and the search for leads. What there is already is brought up to date, by SQL
 * alone: memory stays bounded by SQLite's cache.
 */

const columns = [
  // name is the one of WhatsApp; the release before knows no other
  'given_name TEXT',
  'imported_name TEXT',
  'assignee TEXT',
  // ms
  'updated_at INTEGER NOT NULL DEFAULT 0',
  'unanswered_count INTEGER NOT NULL DEFAULT 0',
  'unread_count INTEGER NOT NULL DEFAULT 0',
  // messages.pk of the last message that was there when it was marked as read
  'read_until INTEGER NOT NULL DEFAULT 0',
  // messages.pk of the latest message of a person
  'last_pk INTEGER',
  // phoneKey in store/database/phone.ts: numbers are compared by this
  `phone_key TEXT GENERATED ALWAYS AS (CASE
    WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
    WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
    WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
    ELSE substr(phone, 2) END) VIRTUAL`
]

const tables = [
  `ALTER TABLE store ADD COLUMN scrub_due INTEGER NOT NULL DEFAULT 0`,
  `CREATE TABLE lead_tags (
    lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY (lead_id, tag)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX leads_of_tag ON lead_tags (tag, lead_id)`,
  `CREATE TABLE lead_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at INTEGER NOT NULL,
    field TEXT NOT NULL, from_value TEXT, to_value TEXT) STRICT`,
  `CREATE INDEX changes_of_lead ON lead_changes (lead_id, id)`,
  `CREATE TABLE names (phone_key TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE deletions (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, reason TEXT NOT NULL, request_id TEXT,
    leads INTEGER NOT NULL, messages INTEGER NOT NULL, media_files INTEGER NOT NULL) STRICT`,
  `CREATE TABLE idempotency (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT`,
  `CREATE INDEX idempotency_by_age ON idempotency (created_at)`
]

const indexes = [
  `CREATE INDEX leads_of_account ON leads (account, last_seen, id)`,
  `CREATE INDEX leads_in_state ON leads (state, last_seen, id)`,
  `CREATE INDEX leads_of_assignee ON leads (assignee, last_seen, id) WHERE assignee IS NOT NULL`,
  `CREATE INDEX leads_waiting_of_account ON leads (account, waiting_since, id) WHERE waiting_since IS NOT NULL`,
  `CREATE INDEX leads_waiting_in_state ON leads (state, waiting_since, id) WHERE waiting_since IS NOT NULL`,
  `CREATE INDEX leads_waiting_of_assignee ON leads (assignee, waiting_since, id) WHERE waiting_since IS NOT NULL AND assignee IS NOT NULL`,
  `CREATE INDEX leads_answered ON leads (last_seen, id) WHERE waiting_since IS NULL`,
  `CREATE INDEX leads_by_first_seen ON leads (first_seen, account)`,
  `CREATE INDEX leads_by_phone_key ON leads (phone_key) WHERE phone_key IS NOT NULL`,
  `CREATE INDEX messages_of_account ON messages (account, timestamp, pk)`,
  `CREATE INDEX messages_of_chat ON messages (chat_id, timestamp, pk)`,
  `CREATE INDEX events_of ON events (ref, type)`,
  `CREATE INDEX messages_sent ON messages (timestamp, pk) WHERE from_me = 1`
]

const counted = (row: string): string => `${row}.lead_id IS NOT NULL AND ${row}.personal = 1`
const count = (row: string, sign: '+' | '-'): string =>
  `INSERT INTO message_counts SELECT ${row}.account, ${row}.timestamp / 900, ${sign}(${row}.from_me = 0), ${sign}(${row}.from_me = 1) WHERE ${counted(row)}
    ON CONFLICT DO UPDATE SET inbound = inbound + excluded.inbound, outbound = outbound + excluded.outbound`

/**
 * Figures by quarter of an hour, which every time zone's days are made of, and each reply that
 * ended a wait.
 */
const figures = [
  `CREATE TABLE message_counts (
    account TEXT NOT NULL, quarter INTEGER NOT NULL, inbound INTEGER NOT NULL, outbound INTEGER NOT NULL,
    PRIMARY KEY (quarter, account)) STRICT, WITHOUT ROWID`,
  `INSERT INTO message_counts
    SELECT account, timestamp / 900, sum(from_me = 0), sum(from_me = 1) FROM messages WHERE lead_id IS NOT NULL AND personal = 1 GROUP BY timestamp / 900, account`,
  `CREATE TABLE answers (
    reply_pk INTEGER PRIMARY KEY REFERENCES messages (pk) ON DELETE CASCADE, account TEXT NOT NULL, answered_at INTEGER NOT NULL, seconds INTEGER NOT NULL) STRICT`,
  `INSERT INTO answers
    SELECT pk, account, timestamp, timestamp - since FROM (
      SELECT pk, account, timestamp, (
        SELECT asked.timestamp FROM messages asked
        WHERE asked.lead_id = reply.lead_id AND asked.from_me = 0 AND asked.personal = 1
          AND (asked.timestamp, asked.seq) > (before_timestamp, before_seq) AND (asked.timestamp, asked.seq) < (reply.timestamp, reply.seq)
        ORDER BY asked.timestamp, asked.seq LIMIT 1) AS since
      FROM (
        SELECT pk, account, lead_id, timestamp, seq,
          lag(timestamp, 1, -1) OVER (PARTITION BY lead_id ORDER BY timestamp, seq) AS before_timestamp,
          lag(seq, 1, -1) OVER (PARTITION BY lead_id ORDER BY timestamp, seq) AS before_seq
        FROM messages WHERE from_me = 1 AND personal = 1 AND lead_id IS NOT NULL) reply) WHERE since IS NOT NULL`,
  `CREATE INDEX answers_by_time ON answers (answered_at, account, seconds)`,
  `CREATE TRIGGER message_counts_insert AFTER INSERT ON messages WHEN ${counted('new')} BEGIN ${count('new', '+')}; END`,
  `CREATE TRIGGER message_counts_delete AFTER DELETE ON messages WHEN ${counted('old')} BEGIN ${count('old', '-')}; END`,
  `CREATE TRIGGER message_counts_update AFTER UPDATE OF personal, from_me, timestamp, lead_id ON messages BEGIN
    ${count('old', '-')}; ${count('new', '+')}; END`
]

const counts = [
  `UPDATE leads SET
    last_pk = (SELECT pk FROM messages WHERE lead_id = leads.id AND personal = 1 ORDER BY timestamp DESC, pk DESC LIMIT 1),
    unanswered_count = iif(waiting_since IS NULL, 0, (
      SELECT count(*) FROM messages asked WHERE lead_id = leads.id AND from_me = 0 AND personal = 1 AND timestamp >= waiting_since
        AND NOT EXISTS (
          SELECT 1 FROM messages reply WHERE reply.lead_id = leads.id AND reply.from_me = 1 AND reply.personal = 1
            AND (reply.timestamp, reply.seq) > (asked.timestamp, asked.seq)))),
    updated_at = last_seen * 1000`,
  `UPDATE leads SET unread_count = unanswered_count`
]

const namesOf = (row: string): string =>
  `'  ' || replace(concat_ws(' ', ${row}.given_name, ${row}.imported_name, ${row}.name), ' ', '  ')`
const phonesOf = (row: string): string =>
  `concat_ws(' ', substr(${row}.phone, 2), ${row}.phone_key)`

/**
 * Parts of names and numbers are found by trigrams; the two spaces let one or two letters find the
 * beginning of a word.
 */
const search = [
  `CREATE VIRTUAL TABLE lead_text USING fts5 (names, phones, tokenize = 'trigram remove_diacritics 1')`,
  `INSERT INTO lead_text (rowid, names, phones) SELECT id, ${namesOf('leads')}, ${phonesOf('leads')} FROM leads`,
  `CREATE TRIGGER lead_text_insert AFTER INSERT ON leads BEGIN
    INSERT INTO lead_text (rowid, names, phones) VALUES (new.id, ${namesOf('new')}, ${phonesOf('new')}); END`,
  `CREATE TRIGGER lead_text_update AFTER UPDATE OF name, given_name, imported_name, phone ON leads
    WHEN new.name IS NOT old.name OR new.given_name IS NOT old.given_name OR new.imported_name IS NOT old.imported_name OR new.phone IS NOT old.phone BEGIN
    UPDATE lead_text SET names = ${namesOf('new')}, phones = ${phonesOf('new')} WHERE rowid = new.id; END`,
  `CREATE TRIGGER lead_text_delete AFTER DELETE ON leads BEGIN DELETE FROM lead_text WHERE rowid = old.id; END`,
  // What is deleted leaves the index immediately,
  // https://sqlite.org/fts5.html#the_secure_delete_configuration_option
  `INSERT INTO lead_text (lead_text, rank) VALUES ('secure-delete', 1)`
]

export const leadsWhole = step(
  [
    ...columns.map((column) => `ALTER TABLE leads ADD COLUMN ${column}`),
    ...tables,
    ...figures,
    ...counts,
    ...indexes,
    ...search
  ],
  async () => (await import('./0002-leads-whole.postgres.ts')).leadsWhole
)
