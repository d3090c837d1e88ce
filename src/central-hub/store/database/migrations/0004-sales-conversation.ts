import { step } from './step.ts'

/**
 * Ads, calls, albums, the words of what is no text, and one message under either of its addresses.
 * What needs more than SQL is brought up to date at the start: see store/write/catch-up.ts.
 */

/**
 * Types of which no person wrote a message, as they were when this step was made: a step never
 * changes.
 */
const notOfAPerson = [
  'automated_greeting_message',
  'biz-cover-photo',
  'biz_content_placeholder',
  'broadcast_notification',
  'debug',
  'debug_placeholder',
  'e2e_notification',
  'event_edit_encrypted',
  'event_response',
  'gp2',
  'group-history',
  'guest_upsell_system_msg',
  'history_bundle',
  'keep_in_chat',
  'loading_media',
  'message_edit_encrypted',
  'message_history_notice',
  'newsletter_notification',
  'notification',
  'notification_template',
  'pin_message',
  'pinned_message',
  'poll_add_option_decrypted',
  'poll_add_option_encrypted',
  'poll_edit_encrypted',
  'poll_result_snapshot',
  'poll_update',
  'protocol',
  'quarantined',
  'reaction',
  'reaction_enc',
  'status',
  'status_notification'
]

/** `stanzaOf` of database/message-id.ts: the part of an id that both addresses share. */
const afterMark = (text: string): string => `substr(${text}, instr(${text}, '_') + 1)`
const stanzaOf = (id: string): string => {
  const rest = afterMark(afterMark(id))
  return `CASE
    WHEN (${id} GLOB 'true_[^_]*' OR ${id} GLOB 'false_[^_]*') AND instr(${afterMark(id)}, '_') > 0 AND ${rest} GLOB '[^_]*'
    THEN substr(${rest}, 1, instr(${rest} || '_', '_') - 1)
    ELSE ${id} END`
}

/** Which turn a message was when this step was made; the sixth step replaces it. */
const turn = `CASE
  WHEN personal = 0 THEN 0
  WHEN from_me = 1 AND instr(details, '"unsent":true') > 0 THEN 0
  WHEN type <> 'call_log' THEN 1 + from_me
  WHEN json_extract(details, '$.call.outcome') = 'answered' THEN 2
  ELSE 1 - from_me END`

const columns = [
  `ALTER TABLE messages ADD COLUMN stanza TEXT GENERATED ALWAYS AS (${stanzaOf('id')}) VIRTUAL`,
  `ALTER TABLE messages ADD COLUMN turn INTEGER GENERATED ALWAYS AS (${turn}) VIRTUAL`,
  // what the search finds a message by, beside its text
  `ALTER TABLE messages ADD COLUMN terms TEXT NOT NULL DEFAULT ''`,
  `ALTER TABLE reactions ADD COLUMN stanza TEXT GENERATED ALWAYS AS (${stanzaOf('message_id')}) VIRTUAL`,
  `ALTER TABLE votes ADD COLUMN stanza TEXT GENERATED ALWAYS AS (${stanzaOf('message_id')}) VIRTUAL`,
  // the ad that a lead came from first, as JSON; UNIX seconds
  `ALTER TABLE leads ADD COLUMN ad TEXT`,
  `ALTER TABLE leads ADD COLUMN ad_id TEXT`,
  `ALTER TABLE leads ADD COLUMN ad_at INTEGER`,
  // 1: catch-up.ts has not been through what was there before
  `ALTER TABLE store ADD COLUMN catch_up_due INTEGER NOT NULL DEFAULT 1`
]

const indexes = [
  `CREATE INDEX messages_by_stanza ON messages (account, stanza)`,
  `CREATE INDEX reactions_by_stanza ON reactions (account, stanza)`,
  `CREATE INDEX votes_by_stanza ON votes (account, stanza)`,
  // the release before needs it for nothing that it does not find by messages_of_lead
  `DROP INDEX messages_answering`,
  `CREATE INDEX messages_by_turn ON messages (lead_id, turn, timestamp, seq) WHERE personal = 1`,
  `CREATE INDEX leads_of_ad ON leads (ad_id, last_seen, id) WHERE ad_id IS NOT NULL`,
  `CREATE INDEX leads_from_ads ON leads (last_seen, id) WHERE ad_at IS NOT NULL`,
  `CREATE INDEX leads_by_ad_time ON leads (ad_at, account) WHERE ad_at IS NOT NULL`
]

/**
 * The text of a message that the search indexes. The table of the index does not keep the text, so
 * a deletion gives the same text again.
 */
const textOf = (row: string): string => `${row}.body || char(10) || ${row}.terms`
const hasText = (row: string): string => `(${row}.body <> '' OR ${row}.terms <> '')`
const added = `INSERT INTO message_text (rowid, body)`
const removed = `INSERT INTO message_text (message_text, rowid, body)`

const search = [
  `DROP TRIGGER message_text_insert`,
  `DROP TRIGGER message_text_update`,
  `DROP TRIGGER message_text_delete`,
  `CREATE TRIGGER message_text_insert AFTER INSERT ON messages WHEN ${hasText('new')} BEGIN
    ${added} VALUES (new.pk, ${textOf('new')}); END`,
  `CREATE TRIGGER message_text_update AFTER UPDATE OF body, terms ON messages
    WHEN new.body IS NOT old.body OR new.terms IS NOT old.terms BEGIN
    ${removed} SELECT 'delete', old.pk, ${textOf('old')} WHERE ${hasText('old')};
    ${added} SELECT new.pk, ${textOf('new')} WHERE ${hasText('new')}; END`,
  `CREATE TRIGGER message_text_delete AFTER DELETE ON messages WHEN ${hasText('old')} BEGIN
    ${removed} VALUES ('delete', old.pk, ${textOf('old')}); END`
]

/** The same on both databases. */
export const repairs = [
  // a release before took a thumbnail, or a contact card, for the text of its message
  `UPDATE messages SET body = '' WHERE body LIKE '/9j/%' AND length(body) > 100 AND body NOT LIKE '% %'`,
  `UPDATE messages SET body = '' WHERE type IN ('vcard', 'multi_vcard') AND body LIKE 'BEGIN:VCARD%' AND details LIKE '%"contacts":%'`,
  // who waits for an answer is worked out again where it may be another: before all that is
  // younger. An inbound call without an outcome waits as it did before; most leads with a call have
  // no other.
  `UPDATE leads SET updated_at = 0 WHERE id IN (
    SELECT lead_id FROM messages WHERE personal = 1 AND (
      (type = 'call_log' AND (from_me = 1 OR details LIKE '%"call":%')) OR type IN (${notOfAPerson.map((type) => `'${type}'`).join(', ')})))`,
  `UPDATE messages SET personal = 0 WHERE personal = 1 AND type IN (${notOfAPerson.map((type) => `'${type}'`).join(', ')})`
]

export const salesConversation = step(
  [...columns, ...indexes, ...search, ...repairs],
  async () => (await import('./0004-sales-conversation.postgres.ts')).salesConversation
)
