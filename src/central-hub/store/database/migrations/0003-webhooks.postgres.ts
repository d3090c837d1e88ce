import { id, text } from './0001-messages-and-leads.postgres.ts'

/**
 * As the step for SQLite. A person who may read these secrets may read every message of this
 * database, too.
 */
export const webhooks = [
  `CREATE TABLE webhooks (
    id ${id}, url ${text} NOT NULL, description ${text} NOT NULL, events ${text} NOT NULL, enabled BIGINT NOT NULL,
    secret ${text} NOT NULL, old_secret ${text}, old_secret_until BIGINT, created_at BIGINT NOT NULL,
    last_success_at BIGINT, failing_since BIGINT, failures BIGINT NOT NULL DEFAULT 0, last_error ${text})`,
  `CREATE TABLE outbox (
    id ${id}, message_id ${text} NOT NULL UNIQUE, type ${text} NOT NULL, lead_id BIGINT,
    message_pk BIGINT REFERENCES messages (pk) ON DELETE CASCADE, body ${text} NOT NULL, created_at BIGINT NOT NULL)`,
  `CREATE INDEX outbox_of_lead ON outbox (lead_id)`,
  `CREATE INDEX outbox_of_message ON outbox (message_pk)`,
  `CREATE TABLE deliveries (
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, outbox_id BIGINT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    state ${text} NOT NULL, ping BIGINT NOT NULL, attempts BIGINT NOT NULL DEFAULT 0, next_attempt_at BIGINT, expires_at BIGINT NOT NULL,
    settled_at BIGINT, last_status BIGINT, last_error ${text}, PRIMARY KEY (webhook_id, outbox_id))`,
  `CREATE INDEX deliveries_in_state ON deliveries (webhook_id, state, outbox_id)`,
  `CREATE INDEX deliveries_of_outbox ON deliveries (outbox_id)`,
  `CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL`,
  `CREATE INDEX pings_pending ON deliveries (webhook_id, outbox_id) WHERE ping = 1 AND state = 'pending'`,
  // Events of a lead that became part of another lead are deleted with that lead's data.
  `CREATE FUNCTION outbox_of_merged_lead() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE outbox SET lead_id = new.lead_id WHERE lead_id = new.old_id;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER outbox_of_merged_lead AFTER INSERT ON merged_leads FOR EACH ROW EXECUTE FUNCTION outbox_of_merged_lead()`,
  // the account's session as it was told last; '' is the first session-manager's
  `CREATE TABLE session_states (account ${text} PRIMARY KEY, status ${text} NOT NULL)`
]
