import { queueOf } from './0010-deliveries-by-lead.ts'
import { text } from './0001-messages-and-leads.postgres.ts'

/** As the step for SQLite. */
export const deliveriesByLead = [
  `ALTER TABLE deliveries ADD COLUMN queue ${text} NOT NULL DEFAULT ''`,
  // by the time that hubs have delivered, ms; null: the endpoint has not failed since it was queued
  `ALTER TABLE deliveries ADD COLUMN gives_up_at BIGINT`,
  `ALTER TABLE store ADD COLUMN delivering_ms BIGINT NOT NULL DEFAULT 0`,
  `CREATE TABLE delivery_queues (
    webhook_id BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE, queue ${text} NOT NULL,
    due_at BIGINT NOT NULL, turn BIGINT NOT NULL, changes BIGINT NOT NULL, PRIMARY KEY (webhook_id, queue))`,
  `CREATE INDEX delivery_queues_due ON delivery_queues (webhook_id, due_at, turn)`,
  `UPDATE deliveries SET queue = ${queueOf('outbox_id')}`,
  `CREATE INDEX deliveries_in_queue ON deliveries (webhook_id, queue, outbox_id) WHERE state = 'pending'`,
  `CREATE INDEX deliveries_failing ON deliveries (webhook_id) WHERE state = 'pending' AND attempts > 0`,
  `CREATE INDEX deliveries_never_failed ON deliveries (webhook_id) WHERE state = 'pending' AND gives_up_at IS NULL`,
  `INSERT INTO delivery_queues SELECT webhook_id, queue, 0, min(outbox_id), 0 FROM deliveries WHERE state = 'pending' AND ping = 0 GROUP BY webhook_id, queue`,
  // what the release before puts there has no queue yet
  `CREATE FUNCTION delivery_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      new.queue := ${queueOf('new.outbox_id')};
      RETURN new;
    END $$`,
  `CREATE TRIGGER delivery_added BEFORE INSERT ON deliveries FOR EACH ROW WHEN (new.ping = 0 AND new.queue = '') EXECUTE FUNCTION delivery_added()`,
  // a queue exists as long as something waits in it; its row is locked until what was put there can
  // be seen
  `CREATE FUNCTION delivery_queued() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO delivery_queues AS known (webhook_id, queue, due_at, turn, changes) VALUES (new.webhook_id, new.queue, 0, new.outbox_id, 0)
      ON CONFLICT (webhook_id, queue) DO UPDATE SET changes = known.changes + 1;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER delivery_queued AFTER INSERT ON deliveries FOR EACH ROW WHEN (new.ping = 0) EXECUTE FUNCTION delivery_queued()`,
  `CREATE TRIGGER delivery_queued_again AFTER UPDATE OF state, queue ON deliveries FOR EACH ROW
    WHEN (new.ping = 0 AND new.state = 'pending' AND (old.state <> 'pending' OR old.queue <> new.queue)) EXECUTE FUNCTION delivery_queued()`,
  `CREATE FUNCTION queue_of_merged_lead() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE deliveries SET queue = 'lead:' || new.lead_id
      WHERE outbox_id IN (SELECT id FROM outbox WHERE lead_id IN (new.lead_id, new.old_id)) AND queue = 'lead:' || new.old_id;
      RETURN NULL;
    END $$`,
  `CREATE TRIGGER queue_of_merged_lead AFTER INSERT ON merged_leads FOR EACH ROW EXECUTE FUNCTION queue_of_merged_lead()`
]
