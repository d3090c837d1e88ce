import { step } from './step.ts'

/**
 * Who did what. The release before does not know the table, and leaves it as it is. It refers to
 * nothing: an entry stays when what it names is removed.
 */
export const audit = step(
  [
    // `at` in ms; `fields` is JSON
    `CREATE TABLE audit (
      id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,
      actor_kind TEXT NOT NULL, actor_id INTEGER, actor_name TEXT,
      operation TEXT NOT NULL, refused INTEGER NOT NULL,
      subject_kind TEXT, subject_id TEXT, fields TEXT NOT NULL,
      address TEXT NOT NULL, request_id TEXT NOT NULL) STRICT`,
    `CREATE INDEX audit_by_actor ON audit (actor_kind, actor_id, id)`,
    `CREATE INDEX audit_by_subject ON audit (subject_kind, subject_id, id)`,
    `CREATE INDEX audit_by_operation ON audit (operation, id)`,
    `CREATE INDEX audit_by_time ON audit (at)`
  ],
  async () => (await import('./0013-audit.postgres.ts')).audit
)
