import { step } from './step.ts'

/**
 * The queue of what was put in the outbox: that of its lead; of a message without one, of the
 * message alone.
 */
export const queueOf = (outboxId: string): string => `(
  SELECT CASE WHEN lead_id IS NOT NULL THEN 'lead:' || lead_id WHEN message_pk IS NOT NULL THEN 'message:' || message_pk ELSE type END
  FROM outbox WHERE id = ${outboxId})`

/** A queue exists as long as something waits in it; `changes` counts what was put there. */
const addQueue = `INSERT INTO delivery_queues (webhook_id, queue, due_at, turn, changes) VALUES (new.webhook_id, new.queue, 0, new.outbox_id, 0)
  ON CONFLICT (webhook_id, queue) DO UPDATE SET changes = changes + 1`

/**
 * Each webhook has a queue of each lead, so that a delivery that fails holds up those of its own
 * lead alone.
 */
export const deliveriesByLead = step(
  [
    `ALTER TABLE deliveries ADD COLUMN queue TEXT NOT NULL DEFAULT ''`,
    // by the time that hubs have delivered, ms; null: the endpoint has not failed since it was
    // queued
    `ALTER TABLE deliveries ADD COLUMN gives_up_at INTEGER`,
    `ALTER TABLE store ADD COLUMN delivering_ms INTEGER NOT NULL DEFAULT 0`,
    `CREATE TABLE delivery_queues (
      webhook_id INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, queue TEXT NOT NULL,
      due_at INTEGER NOT NULL, turn INTEGER NOT NULL, changes INTEGER NOT NULL, PRIMARY KEY (webhook_id, queue)) STRICT, WITHOUT ROWID`,
    `CREATE INDEX delivery_queues_due ON delivery_queues (webhook_id, due_at, turn)`,
    `UPDATE deliveries SET queue = ${queueOf('outbox_id')}`,
    `CREATE INDEX deliveries_in_queue ON deliveries (webhook_id, queue, outbox_id) WHERE state = 'pending'`,
    `CREATE INDEX deliveries_failing ON deliveries (webhook_id) WHERE state = 'pending' AND attempts > 0`,
    `CREATE INDEX deliveries_never_failed ON deliveries (webhook_id) WHERE state = 'pending' AND gives_up_at IS NULL`,
    `INSERT INTO delivery_queues SELECT webhook_id, queue, 0, min(outbox_id), 0 FROM deliveries WHERE state = 'pending' AND ping = 0 GROUP BY webhook_id, queue`,
    // what the release before puts there has no queue yet
    `CREATE TRIGGER delivery_added AFTER INSERT ON deliveries WHEN new.ping = 0 AND new.queue = '' BEGIN
      UPDATE deliveries SET queue = ${queueOf('new.outbox_id')} WHERE webhook_id = new.webhook_id AND outbox_id = new.outbox_id; END`,
    `CREATE TRIGGER delivery_queued AFTER INSERT ON deliveries WHEN new.ping = 0 AND new.queue <> '' BEGIN ${addQueue}; END`,
    `CREATE TRIGGER delivery_queued_again AFTER UPDATE OF state, queue ON deliveries
      WHEN new.ping = 0 AND new.state = 'pending' AND (old.state <> 'pending' OR old.queue <> new.queue) BEGIN ${addQueue}; END`,
    `CREATE TRIGGER queue_of_merged_lead AFTER INSERT ON merged_leads BEGIN
      UPDATE deliveries SET queue = 'lead:' || new.lead_id
      WHERE outbox_id IN (SELECT id FROM outbox WHERE lead_id IN (new.lead_id, new.old_id)) AND queue = 'lead:' || new.old_id; END`
  ],
  async () => (await import('./0010-deliveries-by-lead.postgres.ts')).deliveriesByLead
)
