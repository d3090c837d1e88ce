import { id, text } from './0001-messages-and-leads.postgres.ts'

/** As the step for SQLite. */
export const alarms = [
  `CREATE TABLE alarm_rules (
    id ${id}, name ${text} NOT NULL, event ${text} NOT NULL, enabled BIGINT NOT NULL,
    steps ${text} NOT NULL, during ${text} NOT NULL, accounts ${text} NOT NULL,
    states ${text} NOT NULL, tags ${text} NOT NULL, assignees ${text} NOT NULL,
    created_at BIGINT NOT NULL)`,
  `CREATE TABLE alarms (
    id ${id}, rule_id BIGINT NOT NULL REFERENCES alarm_rules (id) ON DELETE CASCADE,
    event ${text} NOT NULL, step BIGINT NOT NULL, after_minutes BIGINT NOT NULL,
    lead_id BIGINT REFERENCES leads (id) ON DELETE CASCADE, account ${text},
    since BIGINT NOT NULL, raised_at BIGINT NOT NULL, acknowledged_at BIGINT,
    acknowledged_by ${text}, over_at BIGINT)`,
  `CREATE UNIQUE INDEX open_alarms_of_lead ON alarms (lead_id, rule_id, step)
    WHERE over_at IS NULL AND lead_id IS NOT NULL`,
  `CREATE UNIQUE INDEX open_alarms_of_account ON alarms (account, rule_id, step)
    WHERE over_at IS NULL AND account IS NOT NULL`,
  `CREATE INDEX alarms_of_lead ON alarms (lead_id)`,
  `CREATE INDEX alarms_of_rule ON alarms (rule_id)`,
  `CREATE INDEX alarms_over ON alarms (over_at) WHERE over_at IS NOT NULL`,
  `ALTER TABLE store ADD COLUMN business_hours ${text}`,
  `ALTER TABLE session_states ADD COLUMN down_since BIGINT`,
  `ALTER TABLE session_states ADD COLUMN name ${text} NOT NULL DEFAULT ''`
]
