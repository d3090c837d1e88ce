import { spacelessRanges } from '../spaceless.ts'
import { step } from './step.ts'

/**
 * Who has a phone number and who had it before; leads that are of several numbers; and a search
 * that finds notes, tags, who takes care, numbers as people write them, writing without spaces, and
 * emoji.
 */

/** A number as it is compared: phoneKey of database/phone.ts, as step 2 has it for leads. */
const phoneKey = `phone_key TEXT GENERATED ALWAYS AS (CASE
  WHEN phone LIKE '+521__________' THEN '52' || substr(phone, 5)
  WHEN phone LIKE '+549__________' THEN '54' || substr(phone, 5)
  WHEN phone LIKE '+55__9________' THEN '55' || substr(phone, 4, 2) || substr(phone, 7)
  ELSE substr(phone, 2) END) VIRTUAL`

const who = [
  // the time of the latest message that told phone and LID together, UNIX seconds; 0 while there is
  // no LID
  `ALTER TABLE leads ADD COLUMN phone_at INTEGER NOT NULL DEFAULT 0`,
  `UPDATE leads SET phone_at = last_seen WHERE phone IS NOT NULL AND lid IS NOT NULL`,
  // a number that somebody was seen with until `at`, UNIX seconds, and is not any more; lid is ''
  // where none was known
  `CREATE TABLE former_phones (
    account TEXT NOT NULL, phone TEXT NOT NULL, lid TEXT NOT NULL,
    lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE, at INTEGER NOT NULL,
    PRIMARY KEY (account, phone, lid, lead_id)) STRICT, WITHOUT ROWID`,
  `CREATE INDEX former_phones_of_lid ON former_phones (account, lid)`,
  `CREATE INDEX former_phones_of_lead ON former_phones (lead_id)`,
  // further numbers and LIDs of a lead, which a person merged into it
  `CREATE TABLE merged_identities (
    id INTEGER PRIMARY KEY, account TEXT NOT NULL, lead_id INTEGER NOT NULL REFERENCES leads (id) ON DELETE CASCADE,
    phone TEXT, lid TEXT, phone_at INTEGER NOT NULL DEFAULT 0, ${phoneKey},
    UNIQUE (account, phone), UNIQUE (account, lid)) STRICT`,
  `CREATE INDEX merged_identities_of_lead ON merged_identities (lead_id)`,
  // The latest event at the time when the searched texts changed.
  `ALTER TABLE leads ADD COLUMN text_event INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE messages ADD COLUMN text_event INTEGER NOT NULL DEFAULT 0`
]

const lastEvent = `(SELECT coalesce(max(id), 0) FROM events)`

/** A character class of GLOB, https://sqlite.org/lang_expr.html#glob */
const spaceless = `[${spacelessRanges.map(([from, to]) => `${String.fromCodePoint(from)}-${String.fromCodePoint(to)}`).join('')}]`

/** Characters of a text that are looked at one by one. Each costs as much as all before it. */
const maxCharacters = 4_000

/**
 * What `each` makes of the characters of a text, joined: of character `c`, and `next`, the one
 * after it.
 */
const characters = (text: string, each: string): string => `(
  WITH RECURSIVE given(t) AS (SELECT ${text}), place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place, given WHERE n < min(length(t), ${maxCharacters}))
  SELECT group_concat(${each}, '') FROM (SELECT substr(t, n, 1) AS c, substr(t, n + 1, 1) AS next FROM given, place))`

/** Every character of writing without spaces after two spaces, so that a trigram begins with it. */
const spaced = (text: string): string =>
  `iif(${text} GLOB '*${spaceless}*', ' ' || ${characters(text, `iif(c GLOB '${spaceless}', '  ' || c, ' ')`)}, '')`

/** Two spaces before each word let one or two letters find its beginning. */
const asWords = (text: string): string =>
  `'  ' || replace(replace(${text}, char(10), ' '), ' ', '  ') || ${spaced(text)}`

const namesOf = (row: string): string =>
  asWords(`concat_ws(' ', ${row}.given_name, ${row}.imported_name, ${row}.name)`)
const notesOf = (row: string): string =>
  asWords(
    `concat_ws(' ', nullif(${row}.note, ''), ${row}.assignee, (SELECT group_concat(tag, ' ') FROM lead_tags WHERE lead_id = ${row}.id))`
  )

/**
 * A number as WhatsApp has it, as it is compared, and with the mobile prefix that people write in
 * Mexico, Argentina and Brazil.
 */
const forms = (
  row: string
): string => `concat_ws(' ', substr(${row}.phone, 2), ${row}.phone_key, CASE
  WHEN ${row}.phone_key GLOB '52[0-9]*' AND length(${row}.phone_key) = 12 THEN '521' || substr(${row}.phone_key, 3)
  WHEN ${row}.phone_key GLOB '54[0-9]*' AND length(${row}.phone_key) = 12 THEN '549' || substr(${row}.phone_key, 3)
  WHEN ${row}.phone_key GLOB '55[0-9]*' AND length(${row}.phone_key) = 12 THEN substr(${row}.phone_key, 1, 4) || '9' || substr(${row}.phone_key, 5) END)`
const phonesOf = (row: string): string =>
  `concat_ws(' ', nullif(${forms(row)}, ''), (SELECT group_concat(${forms('other')}, ' ') FROM merged_identities other WHERE other.lead_id = ${row}.id))`

const searched = ['name', 'given_name', 'imported_name', 'phone', 'note', 'assignee']
const isOther = searched.map((column) => `new.${column} IS NOT old.${column}`).join(' OR ')

/** After a change in a table of a lead's. @param id the lead's */
const rewrite = (id: string): string => `
  UPDATE lead_text SET phones = (SELECT ${phonesOf('leads')} FROM leads WHERE id = ${id}), notes = (SELECT ${notesOf('leads')} FROM leads WHERE id = ${id})
    WHERE rowid = ${id} AND EXISTS (SELECT 1 FROM leads WHERE id = ${id});
  UPDATE leads SET text_event = ${lastEvent} WHERE id = ${id};`

const leadSearch = [
  `DROP TRIGGER lead_text_insert`,
  `DROP TRIGGER lead_text_update`,
  `DROP TRIGGER lead_text_delete`,
  `DROP TABLE lead_text`,
  `CREATE VIRTUAL TABLE lead_text USING fts5 (names, phones, notes, tokenize = 'trigram remove_diacritics 1')`,
  `INSERT INTO lead_text (lead_text, rank) VALUES ('secure-delete', 1)`,
  `INSERT INTO lead_text (rowid, names, phones, notes) SELECT id, ${namesOf('leads')}, ${phonesOf('leads')}, ${notesOf('leads')} FROM leads`,
  `CREATE TRIGGER lead_text_insert AFTER INSERT ON leads BEGIN
    INSERT INTO lead_text (rowid, names, phones, notes) VALUES (new.id, ${namesOf('new')}, ${phonesOf('new')}, ${notesOf('new')}); END`,
  `CREATE TRIGGER lead_text_update AFTER UPDATE OF ${searched.join(', ')} ON leads WHEN ${isOther} BEGIN
    UPDATE lead_text SET names = ${namesOf('new')}, phones = ${phonesOf('new')}, notes = ${notesOf('new')} WHERE rowid = new.id;
    UPDATE leads SET text_event = ${lastEvent} WHERE id = new.id; END`,
  `CREATE TRIGGER lead_text_delete AFTER DELETE ON leads BEGIN DELETE FROM lead_text WHERE rowid = old.id; END`,
  `CREATE TRIGGER lead_text_tag AFTER INSERT ON lead_tags BEGIN ${rewrite('new.lead_id')} END`,
  `CREATE TRIGGER lead_text_no_tag AFTER DELETE ON lead_tags BEGIN ${rewrite('old.lead_id')} END`,
  `CREATE TRIGGER lead_text_identity AFTER INSERT ON merged_identities BEGIN ${rewrite('new.lead_id')} END`,
  `CREATE TRIGGER lead_text_no_identity AFTER DELETE ON merged_identities BEGIN ${rewrite('old.lead_id')} END`,
  `CREATE TRIGGER lead_text_other_identity AFTER UPDATE OF phone, lead_id ON merged_identities BEGIN
    ${rewrite('old.lead_id')} ${rewrite('new.lead_id')} END`
]

/** The text of a message that the search has, as the fourth step has it. */
const textOf = (row: string): string => `${row}.body || char(10) || ${row}.terms`
const hasText = (row: string): string => `(${row}.body <> '' OR ${row}.terms <> '')`

/**
 * A word for one or two characters, as tokensOf in database/spaceless.ts makes it. The search counts
 * a character of the private use area as a letter.
 */
const token = (characters: string): string =>
  `' ' || char(57344) || lower(hex(${characters})) || ' '`
const tokens = `iif(c GLOB '${spaceless}', ${token('c')} || iif(next GLOB '${spaceless}', ${token('c || next')}, ''), c)`

/**
 * With a word for each character, and each two, of writing without spaces; and the other words
 * apart from it.
 */
const wholeText = (row: string): string =>
  `${textOf(row)} || iif(${textOf(row)} GLOB '*${spaceless}*', char(10) || ${characters(textOf(row), tokens)}, '')`

const added = `INSERT INTO message_text (rowid, body)`
const removed = `INSERT INTO message_text (message_text, rowid, body)`
const isSpaceless = `${textOf('messages')} GLOB '*${spaceless}*'`

const messageSearch = [
  `DROP TRIGGER message_text_insert`,
  `DROP TRIGGER message_text_update`,
  `DROP TRIGGER message_text_delete`,
  `${removed} SELECT 'delete', pk, ${textOf('messages')} FROM messages WHERE ${isSpaceless}`,
  `${added} SELECT pk, ${wholeText('messages')} FROM messages WHERE ${isSpaceless}`,
  `CREATE TRIGGER message_text_insert AFTER INSERT ON messages WHEN ${hasText('new')} BEGIN
    ${added} VALUES (new.pk, ${wholeText('new')}); END`,
  `CREATE TRIGGER message_text_update AFTER UPDATE OF body, terms ON messages
    WHEN new.body IS NOT old.body OR new.terms IS NOT old.terms BEGIN
    ${removed} SELECT 'delete', old.pk, ${wholeText('old')} WHERE ${hasText('old')};
    ${added} SELECT new.pk, ${wholeText('new')} WHERE ${hasText('new')};
    UPDATE messages SET text_event = ${lastEvent} WHERE pk = new.pk; END`,
  `CREATE TRIGGER message_text_delete AFTER DELETE ON messages WHEN ${hasText('old')} BEGIN
    ${removed} VALUES ('delete', old.pk, ${wholeText('old')}); END`,
  // the numbers on contact cards are found from now on: store/write/catch-up.ts
  `UPDATE store SET catch_up_due = 1`
]

export const whoAndSearch = step(
  [...who, ...leadSearch, ...messageSearch],
  async () => (await import('./0007-who-and-search.postgres.ts')).whoAndSearch
)
