import { step } from './step.ts'

/** Messages, their leads, and the search in their text. */
export const messagesAndLeads = step(
  [
    // `id` is drawn once. `works_from` is written after each migration, so that an older release
    // can read whether it works with this schema.
    `CREATE TABLE store (id TEXT NOT NULL, works_from TEXT NOT NULL) STRICT`,
    `INSERT INTO store VALUES (lower(hex(randomblob(4))), '')`,
    `CREATE TABLE cursors (account TEXT PRIMARY KEY, journal_id TEXT NOT NULL, seq INTEGER NOT NULL) STRICT`,
    `CREATE TABLE leads (
      id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, phone TEXT, lid TEXT, chat_id TEXT NOT NULL, name TEXT,
      state TEXT NOT NULL DEFAULT 'new', note TEXT NOT NULL DEFAULT '',
      first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, waiting_since INTEGER,
      UNIQUE (account, phone), UNIQUE (account, lid)) STRICT`,
    `CREATE INDEX leads_by_last_seen ON leads (last_seen, id)`,
    `CREATE INDEX leads_waiting ON leads (waiting_since, id) WHERE waiting_since IS NOT NULL`,
    `CREATE TABLE merged_leads (old_id INTEGER PRIMARY KEY, lead_id INTEGER NOT NULL REFERENCES leads (id)) STRICT`,
    `CREATE TABLE messages (
      pk INTEGER PRIMARY KEY, account TEXT NOT NULL, id TEXT NOT NULL, lead_id INTEGER REFERENCES leads (id),
      chat_id TEXT NOT NULL, seq INTEGER NOT NULL, captured_at INTEGER NOT NULL, source TEXT NOT NULL,
      from_me INTEGER NOT NULL, personal INTEGER NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL, timestamp INTEGER NOT NULL,
      edited_at INTEGER, revoked_at INTEGER, revoked_by TEXT, decryption TEXT, media TEXT, details TEXT NOT NULL,
      UNIQUE (account, id)) STRICT`,
    `CREATE INDEX messages_by_time ON messages (timestamp, pk)`,
    `CREATE INDEX messages_of_lead ON messages (lead_id, timestamp, pk)`,
    `CREATE INDEX messages_answering ON messages (lead_id, from_me, timestamp, seq) WHERE personal = 1`,
    `CREATE TABLE reactions (
      account TEXT NOT NULL, message_id TEXT NOT NULL, sender TEXT NOT NULL, emoji TEXT NOT NULL, timestamp INTEGER NOT NULL,
      PRIMARY KEY (account, message_id, sender)) STRICT, WITHOUT ROWID`,
    `CREATE TABLE votes (
      account TEXT NOT NULL, message_id TEXT NOT NULL, voter TEXT NOT NULL, options TEXT NOT NULL, timestamp INTEGER NOT NULL,
      PRIMARY KEY (account, message_id, voter)) STRICT, WITHOUT ROWID`,
    `CREATE TABLE events (id INTEGER PRIMARY KEY AUTOINCREMENT, type TEXT NOT NULL, ref INTEGER NOT NULL) STRICT`,
    `CREATE VIRTUAL TABLE message_text USING fts5 (
      body, content = 'messages', content_rowid = 'pk', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')`,
    `CREATE TRIGGER message_text_insert AFTER INSERT ON messages WHEN new.body <> '' BEGIN
      INSERT INTO message_text (rowid, body) VALUES (new.pk, new.body); END`,
    `CREATE TRIGGER message_text_update AFTER UPDATE OF body ON messages WHEN new.body IS NOT old.body BEGIN
      INSERT INTO message_text (message_text, rowid, body) SELECT 'delete', old.pk, old.body WHERE old.body <> '';
      INSERT INTO message_text (rowid, body) SELECT new.pk, new.body WHERE new.body <> ''; END`,
    `CREATE TRIGGER message_text_delete AFTER DELETE ON messages WHEN old.body <> '' BEGIN
      INSERT INTO message_text (message_text, rowid, body) VALUES ('delete', old.pk, old.body); END`
  ],
  async () => (await import('./0001-messages-and-leads.postgres.ts')).messagesAndLeads
)
