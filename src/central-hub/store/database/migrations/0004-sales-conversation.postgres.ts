import { repairs } from './0004-sales-conversation.ts'
import { text } from './0001-messages-and-leads.postgres.ts'

/**
 * As the step for SQLite. Its columns that are worked out are written in each row, which this goes
 * through once.
 */

const stanza = (id: string): string =>
  `stanza ${text} GENERATED ALWAYS AS (
    CASE WHEN ${id} ~ '^(true|false)_[^_]+_[^_]' THEN split_part(${id}, '_', 3) ELSE ${id} END) STORED`

const turn = `turn BIGINT GENERATED ALWAYS AS (CASE
  WHEN personal = 0 THEN 0
  WHEN from_me = 1 AND position('"unsent":true' IN details) > 0 THEN 0
  WHEN type <> 'call_log' THEN 1 + from_me
  WHEN details::jsonb #>> '{call,outcome}' = 'answered' THEN 2
  ELSE 1 - from_me END) STORED`

const columns = [
  `ALTER TABLE messages ADD COLUMN ${stanza('id')}, ADD COLUMN ${turn}, ADD COLUMN terms ${text} NOT NULL DEFAULT ''`,
  `ALTER TABLE reactions ADD COLUMN ${stanza('message_id')}`,
  `ALTER TABLE votes ADD COLUMN ${stanza('message_id')}`,
  `ALTER TABLE leads ADD COLUMN ad ${text}, ADD COLUMN ad_id ${text}, ADD COLUMN ad_at BIGINT`,
  `ALTER TABLE store ADD COLUMN catch_up_due BIGINT NOT NULL DEFAULT 1`
]

const indexes = [
  `CREATE INDEX messages_by_stanza ON messages (account, stanza)`,
  `CREATE INDEX reactions_by_stanza ON reactions (account, stanza)`,
  `CREATE INDEX votes_by_stanza ON votes (account, stanza)`,
  `DROP INDEX messages_answering`,
  `CREATE INDEX messages_by_turn ON messages (lead_id, turn, timestamp, seq) WHERE personal = 1`,
  `CREATE INDEX leads_of_ad ON leads (ad_id, last_seen, id) WHERE ad_id IS NOT NULL`,
  `CREATE INDEX leads_from_ads ON leads (last_seen, id) WHERE ad_at IS NOT NULL`,
  `CREATE INDEX leads_by_ad_time ON leads (ad_at, account) WHERE ad_at IS NOT NULL`
]

const search = [
  `CREATE OR REPLACE FUNCTION message_text_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN DELETE FROM message_text WHERE rowid = new.pk; END IF;
      IF new.body <> '' OR new.terms <> '' THEN
        INSERT INTO message_text VALUES (new.pk, array_to_tsvector(ARRAY(SELECT words_of(new.body || chr(10) || new.terms))));
      END IF;
      RETURN NULL;
    END $$`,
  `DROP TRIGGER message_text_insert ON messages`,
  `DROP TRIGGER message_text_update ON messages`,
  `CREATE TRIGGER message_text_insert AFTER INSERT ON messages FOR EACH ROW
    WHEN (new.body <> '' OR new.terms <> '') EXECUTE FUNCTION message_text_write()`,
  `CREATE TRIGGER message_text_update AFTER UPDATE OF body, terms ON messages FOR EACH ROW
    WHEN (new.body <> old.body OR new.terms <> old.terms) EXECUTE FUNCTION message_text_write()`
]

export const salesConversation = [...columns, ...indexes, ...search, ...repairs]
