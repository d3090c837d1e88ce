import { step } from './step.ts'

/**
 * What tells a new message or lead from a changed one, in events that are resumed; leads that a
 * person entered before they wrote; and the order in which leads change, which a clock that is set
 * back does not disturb.
 */
const columns = (integer: string): string[] => [
  `ALTER TABLE events ADD COLUMN created ${integer} NOT NULL DEFAULT 0`,
  // ms; null: it began with a message
  `ALTER TABLE leads ADD COLUMN entered_at ${integer}`,
  // the latest leads.updated_at that was given to any lead
  `ALTER TABLE store ADD COLUMN updated_until ${integer} NOT NULL DEFAULT 0`,
  `UPDATE store SET updated_until = (SELECT coalesce(max(updated_at), 0) FROM leads)`,
  `CREATE INDEX leads_by_update ON leads (updated_at, id)`,
  // what URLs of media are signed with, drawn when it is first needed
  `ALTER TABLE store ADD COLUMN media_secret TEXT NOT NULL DEFAULT ''`
]

export const createdAndEntered = step(columns('INTEGER'), async () => columns('BIGINT'))
