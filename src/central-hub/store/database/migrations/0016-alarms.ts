import { step } from './step.ts'

/**
 * Rules of alarms, alarms, business hours, and since when a session is down. The release before
 * knows none of these, and leaves them as they are; an alarm goes with its lead there, too.
 */
export const alarms = step(
  [
    // `steps`, `accounts`, `states`, `tags` and `assignees` are JSON; times in ms
    `CREATE TABLE alarm_rules (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, event TEXT NOT NULL,
      enabled INTEGER NOT NULL, steps TEXT NOT NULL, during TEXT NOT NULL, accounts TEXT NOT NULL,
      states TEXT NOT NULL, tags TEXT NOT NULL, assignees TEXT NOT NULL,
      created_at INTEGER NOT NULL) STRICT`,
    `CREATE TABLE alarms (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      rule_id INTEGER NOT NULL REFERENCES alarm_rules (id) ON DELETE CASCADE,
      event TEXT NOT NULL, step INTEGER NOT NULL, after_minutes INTEGER NOT NULL,
      lead_id INTEGER REFERENCES leads (id) ON DELETE CASCADE, account TEXT,
      since INTEGER NOT NULL, raised_at INTEGER NOT NULL, acknowledged_at INTEGER,
      acknowledged_by TEXT, over_at INTEGER) STRICT`,
    `CREATE UNIQUE INDEX open_alarms_of_lead ON alarms (lead_id, rule_id, step)
      WHERE over_at IS NULL AND lead_id IS NOT NULL`,
    `CREATE UNIQUE INDEX open_alarms_of_account ON alarms (account, rule_id, step)
      WHERE over_at IS NULL AND account IS NOT NULL`,
    `CREATE INDEX alarms_of_lead ON alarms (lead_id)`,
    `CREATE INDEX alarms_of_rule ON alarms (rule_id)`,
    `CREATE INDEX alarms_over ON alarms (over_at) WHERE over_at IS NOT NULL`,
    `ALTER TABLE store ADD COLUMN business_hours TEXT`,
    `ALTER TABLE session_states ADD COLUMN down_since INTEGER`,
    `ALTER TABLE session_states ADD COLUMN name TEXT NOT NULL DEFAULT ''`
  ],
  async () => (await import('./0016-alarms.postgres.ts')).alarms
)
