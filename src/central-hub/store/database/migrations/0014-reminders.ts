import { step } from './step.ts'

/** "Remind me later" of leads. */
const columns = (integer: string): string[] => [
  // ms; null: none
  `ALTER TABLE leads ADD COLUMN remind_at ${integer}`,
  // UNIX seconds: what asks and was written after it ends the reminder
  `ALTER TABLE leads ADD COLUMN remind_from ${integer} NOT NULL DEFAULT 0`,
  // 1: its time has come
  `ALTER TABLE leads ADD COLUMN reminded ${integer} NOT NULL DEFAULT 0`,
  `CREATE INDEX leads_by_reminder ON leads (remind_at, id)
    WHERE remind_at IS NOT NULL AND reminded = 0`
]

export const reminders = step(columns('INTEGER'), async () => columns('BIGINT'))
