import { id, text } from './0001-messages-and-leads.postgres.ts'

/**
 * As the step for SQLite, but that there is nothing yet to bring up to date: no release before it
 * had this database.
 */

const columns = [
  `given_name ${text}`,
  `imported_name ${text}`,
  `assignee ${text}`,
  'updated_at BIGINT NOT NULL DEFAULT 0',
  'unanswered_count BIGINT NOT NULL DEFAULT 0',
  'unread_count BIGINT NOT NULL DEFAULT 0',
  'read_until BIGINT NOT NULL DEFAULT 0',
  'last_pk BIGINT',
  // phoneKey in store/database/phone.ts: numbers are compared by this
  `phone_key ${text} GENERATED ALWAYS AS (CASE
    WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
    WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
    WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
    ELSE substr(phone, 2) END) STORED`
]

const tables = [
  `ALTER TABLE store ADD COLUMN scrub_due BIGINT NOT NULL DEFAULT 0`,
  `CREATE TABLE lead_tags (
    lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE, tag ${text} NOT NULL, PRIMARY KEY (lead_id, tag))`,
  `CREATE INDEX leads_of_tag ON lead_tags (tag, lead_id)`,
  `CREATE TABLE lead_changes (
    id ${id}, lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at BIGINT NOT NULL,
    field ${text} NOT NULL, from_value ${text}, to_value ${text})`,
  `CREATE INDEX changes_of_lead ON lead_changes (lead_id, id)`,
  `CREATE TABLE names (phone_key ${text} PRIMARY KEY, name ${text} NOT NULL)`,
  `CREATE TABLE deletions (
    id ${id}, at BIGINT NOT NULL, reason ${text} NOT NULL, request_id ${text},
    leads BIGINT NOT NULL, messages BIGINT NOT NULL, media_files BIGINT NOT NULL)`,
  `CREATE TABLE idempotency (
    key ${text} PRIMARY KEY, fingerprint ${text} NOT NULL, status BIGINT NOT NULL, body ${text} NOT NULL, created_at BIGINT NOT NULL)`,
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

/**
 * Figures by quarter of an hour, which every time zone's days are made of, and each reply that
 * ended a wait.
 */
const figures = [
  `CREATE TABLE message_counts (
    account ${text} NOT NULL, quarter BIGINT NOT NULL, inbound BIGINT NOT NULL, outbound BIGINT NOT NULL,
    PRIMARY KEY (quarter, account))`,
  `CREATE TABLE answers (
    reply_pk BIGINT PRIMARY KEY REFERENCES messages (pk) ON DELETE CASCADE, account ${text} NOT NULL, answered_at BIGINT NOT NULL, seconds BIGINT NOT NULL)`,
  `CREATE INDEX answers_by_time ON answers (answered_at, account, seconds)`,
  `CREATE FUNCTION count_message(message messages, sign INT) RETURNS VOID LANGUAGE sql AS $$
    INSERT INTO message_counts
      SELECT message.account, message.timestamp / 900, sign * (message.from_me = 0)::int, sign * (message.from_me = 1)::int WHERE message.lead_id IS NOT NULL AND message.personal = 1
      ON CONFLICT (quarter, account) DO UPDATE SET inbound = message_counts.inbound + excluded.inbound, outbound = message_counts.outbound + excluded.outbound $$`,
  `CREATE FUNCTION message_counts_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'INSERT' THEN PERFORM count_message(old, -1); END IF;
      IF TG_OP <> 'DELETE' THEN PERFORM count_message(new, 1); END IF;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER message_counts_write AFTER INSERT OR DELETE OR UPDATE OF personal, from_me, timestamp, lead_id ON messages
    FOR EACH ROW EXECUTE FUNCTION message_counts_write()`
]

/**
 * Parts of names and numbers are found by trigrams; the two spaces let one or two letters find the
 * beginning of a word.
 */
const search = [
  `CREATE TABLE lead_text (rowid BIGINT PRIMARY KEY REFERENCES leads (id) ON DELETE CASCADE, names TEXT NOT NULL, phones TEXT NOT NULL)`,
  `CREATE INDEX lead_text_names ON lead_text USING gin (names gin_trgm_ops)`,
  `CREATE INDEX lead_text_phones ON lead_text USING gin (phones gin_trgm_ops)`,
  `CREATE FUNCTION lead_text_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO lead_text VALUES (
        new.id, fold('  ' || replace(concat_ws(' ', new.given_name, new.imported_name, new.name), ' ', '  ')), concat_ws(' ', substr(new.phone, 2), new.phone_key))
        ON CONFLICT (rowid) DO UPDATE SET names = excluded.names, phones = excluded.phones;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER lead_text_insert AFTER INSERT ON leads FOR EACH ROW EXECUTE FUNCTION lead_text_write()`,
  `CREATE TRIGGER lead_text_update AFTER UPDATE OF name, given_name, imported_name, phone ON leads FOR EACH ROW
    WHEN ((new.name, new.given_name, new.imported_name, new.phone) IS DISTINCT FROM (old.name, old.given_name, old.imported_name, old.phone))
    EXECUTE FUNCTION lead_text_write()`
]

export const leadsWhole = [
  ...columns.map((column) => `ALTER TABLE leads ADD COLUMN ${column}`),
  ...tables,
  ...figures,
  ...indexes,
  ...search
]
