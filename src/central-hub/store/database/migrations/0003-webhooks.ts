import { step } from './step.ts'

/** Endpoints that events are posted to, and what is on its way to them. */
export const webhooks = step(
  [
    // Secrets are kept as they are, because signing needs them. The file is in a directory of mode
    // 0700, and has every message, too.
    `CREATE TABLE webhooks (
      id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL, description TEXT NOT NULL, events TEXT NOT NULL, enabled INTEGER NOT NULL,
      secret TEXT NOT NULL, old_secret TEXT, old_secret_until INTEGER, created_at INTEGER NOT NULL,
      last_success_at INTEGER, failing_since INTEGER, failures INTEGER NOT NULL DEFAULT 0, last_error TEXT) STRICT`,
    `CREATE TABLE outbox (
      id INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, lead_id INTEGER,
      message_pk INTEGER REFERENCES messages (pk) ON DELETE CASCADE, body TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT`,
    `CREATE INDEX outbox_of_lead ON outbox (lead_id)`,
    `CREATE INDEX outbox_of_message ON outbox (message_pk)`,
    `CREATE TABLE deliveries (
      webhook_id INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, outbox_id INTEGER NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
      state TEXT NOT NULL, ping INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, next_attempt_at INTEGER, expires_at INTEGER NOT NULL,
      settled_at INTEGER, last_status INTEGER, last_error TEXT, PRIMARY KEY (webhook_id, outbox_id)) STRICT, WITHOUT ROWID`,
    `CREATE INDEX deliveries_in_state ON deliveries (webhook_id, state, outbox_id)`,
    `CREATE INDEX deliveries_of_outbox ON deliveries (outbox_id)`,
    `CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL`,
    `CREATE INDEX pings_pending ON deliveries (webhook_id, outbox_id) WHERE ping = 1 AND state = 'pending'`,
    // Events of a lead that became part of another lead are deleted with that lead's data.
    `CREATE TRIGGER outbox_of_merged_lead AFTER INSERT ON merged_leads BEGIN
      UPDATE outbox SET lead_id = new.lead_id WHERE lead_id = new.old_id; END`,
    // The last session of each account that webhooks were notified of. '' is the first account.
    `CREATE TABLE session_states (account TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT`
  ],
  async () => (await import('./0003-webhooks.postgres.ts')).webhooks
)
