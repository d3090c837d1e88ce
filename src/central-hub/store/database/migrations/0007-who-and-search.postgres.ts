import { spacelessRanges } from '../spaceless.ts'
import { id, text } from './0001-messages-and-leads.postgres.ts'

/** As the step for SQLite. */

const phoneKey = `phone_key ${text} GENERATED ALWAYS AS (CASE
  WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
  WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
  WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
  ELSE substr(phone, 2) END) STORED`

const who = [
  `ALTER TABLE leads ADD COLUMN phone_at BIGINT NOT NULL DEFAULT 0`,
  `UPDATE leads SET phone_at = last_seen WHERE phone IS NOT NULL AND lid IS NOT NULL`,
  `CREATE TABLE former_phones (
    account ${text} NOT NULL, phone ${text} NOT NULL, lid ${text} NOT NULL,
    lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at BIGINT NOT NULL,
    PRIMARY KEY (account, phone, lid, lead_id))`,
  `CREATE INDEX former_phones_of_lid ON former_phones (account, lid)`,
  `CREATE INDEX former_phones_of_lead ON former_phones (lead_id)`,
  `CREATE TABLE merged_identities (
    id ${id}, account ${text} NOT NULL, lead_id BIGINT NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
    phone ${text}, lid ${text}, phone_at BIGINT NOT NULL DEFAULT 0, ${phoneKey},
    UNIQUE (account, phone), UNIQUE (account, lid))`,
  `CREATE INDEX merged_identities_of_lead ON merged_identities (lead_id)`,
  `ALTER TABLE leads ADD COLUMN text_event BIGINT NOT NULL DEFAULT 0`,
  `ALTER TABLE messages ADD COLUMN text_event BIGINT NOT NULL DEFAULT 0`
]

const escaped = (code: number): string => `\\U${code.toString(16).padStart(8, '0')}`
const spaceless = `[${spacelessRanges.map(([from, to]) => `${escaped(from)}-${escaped(to)}`).join('')}]`
const lastEvent = `(SELECT coalesce(max(id), 0) FROM events)`

const functions = [
  `CREATE FUNCTION as_words(given TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT fold('  ' || replace(replace(coalesce(given, ''), chr(10), ' '), ' ', '  ') || CASE WHEN given ~ '${spaceless}'
      THEN ' ' || (SELECT string_agg(CASE WHEN c ~ '${spaceless}' THEN '  ' || c ELSE ' ' END, '' ORDER BY n) FROM unnest(string_to_array(given, NULL)) WITH ORDINALITY AS each (c, n))
      ELSE '' END) $$`,
  `CREATE FUNCTION number_forms(phone TEXT, phone_key TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT concat_ws(' ', substr(phone, 2), phone_key, CASE
      WHEN length(phone_key) <> 12 THEN NULL
      WHEN phone_key LIKE '52%' THEN '521' || substr(phone_key, 3)
      WHEN phone_key LIKE '54%' THEN '549' || substr(phone_key, 3)
      WHEN phone_key LIKE '55%' THEN substr(phone_key, 1, 4) || '9' || substr(phone_key, 5) END) $$`,
  `CREATE FUNCTION message_words(given TEXT) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_to_tsvector(ARRAY(SELECT words_of(given)) || CASE WHEN given ~ '${spaceless}' THEN
      ARRAY(SELECT words_of(regexp_replace(given, '${spaceless}', ' ', 'g'))) ||
      ARRAY(SELECT unnest(ARRAY[chr(57344) || encode(convert_to(c, 'UTF8'), 'hex')] ||
          CASE WHEN next ~ '${spaceless}' THEN ARRAY[chr(57344) || encode(convert_to(c || next, 'UTF8'), 'hex')] ELSE '{}' END)
        FROM (SELECT c, lead(c) OVER (ORDER BY n) AS next FROM unnest(string_to_array(left(given, 4000), NULL)) WITH ORDINALITY AS each (c, n)) AS pairs
        WHERE c ~ '${spaceless}')
      ELSE '{}' END) $$`,
  `CREATE FUNCTION lead_text_rewrite(lead BIGINT) RETURNS VOID LANGUAGE sql AS $$
    INSERT INTO lead_text (rowid, names, phones, notes)
      SELECT id, as_words(concat_ws(' ', given_name, imported_name, name)),
        concat_ws(' ', nullif(number_forms(phone, phone_key), ''), (SELECT string_agg(number_forms(other.phone, other.phone_key), ' ') FROM merged_identities other WHERE lead_id = leads.id)),
        as_words(concat_ws(' ', nullif(note, ''), assignee, (SELECT string_agg(tag, ' ') FROM lead_tags WHERE lead_id = leads.id)))
      FROM leads WHERE id = lead
      ON CONFLICT (rowid) DO UPDATE SET names = excluded.names, phones = excluded.phones, notes = excluded.notes $$`
]

const leadSearch = [
  `DROP TRIGGER lead_text_insert ON leads`,
  `DROP TRIGGER lead_text_update ON leads`,
  `CREATE INDEX lead_text_notes ON lead_text USING gin (notes gin_trgm_ops)`,
  `SELECT lead_text_rewrite(id) FROM leads`,
  `CREATE OR REPLACE FUNCTION lead_text_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM lead_text_rewrite(new.id);
      IF TG_OP = 'UPDATE' THEN UPDATE leads SET text_event = ${lastEvent} WHERE id = new.id; END IF;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER lead_text_insert AFTER INSERT ON leads FOR EACH ROW EXECUTE FUNCTION lead_text_write()`,
  `CREATE TRIGGER lead_text_update AFTER UPDATE OF name, given_name, imported_name, phone, note, assignee ON leads FOR EACH ROW
    WHEN ((new.name, new.given_name, new.imported_name, new.phone, new.note, new.assignee)
      IS DISTINCT FROM (old.name, old.given_name, old.imported_name, old.phone, old.note, old.assignee))
    EXECUTE FUNCTION lead_text_write()`,
  `CREATE FUNCTION lead_text_part() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'INSERT' THEN
        PERFORM lead_text_rewrite(old.lead_id);
        UPDATE leads SET text_event = ${lastEvent} WHERE id = old.lead_id;
      END IF;
      IF TG_OP <> 'DELETE' THEN
        PERFORM lead_text_rewrite(new.lead_id);
        UPDATE leads SET text_event = ${lastEvent} WHERE id = new.lead_id;
      END IF;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER lead_text_tag AFTER INSERT OR DELETE ON lead_tags FOR EACH ROW EXECUTE FUNCTION lead_text_part()`,
  `CREATE TRIGGER lead_text_identity AFTER INSERT OR DELETE OR UPDATE OF phone, lead_id ON merged_identities
    FOR EACH ROW EXECUTE FUNCTION lead_text_part()`
]

const messageSearch = [
  `CREATE OR REPLACE FUNCTION message_text_write() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'UPDATE' THEN
        DELETE FROM message_text WHERE rowid = new.pk;
        UPDATE messages SET text_event = ${lastEvent} WHERE pk = new.pk;
      END IF;
      IF new.body <> '' OR new.terms <> '' THEN
        INSERT INTO message_text VALUES (new.pk, message_words(new.body || chr(10) || new.terms));
      END IF;
      RETURN NULL;
    END $$`,
  `UPDATE message_text SET words = message_words(body || chr(10) || terms) FROM messages
    WHERE pk = rowid AND body || chr(10) || terms ~ '${spaceless}'`,
  `UPDATE store SET catch_up_due = 1`
]

/** PostgreSQL looks at what a function names when the function is made. */
const notesColumn = `ALTER TABLE lead_text ADD COLUMN notes TEXT NOT NULL DEFAULT ''`

export const whoAndSearch = [...who, notesColumn, ...functions, ...leadSearch, ...messageSearch]
