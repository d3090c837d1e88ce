import { step } from './step.ts'

/**
 * Operators, their sessions, and API keys. The release before knows none of these tables, and
 * leaves them as they are. Ids are not used again: what was done says who by id.
 */
export const team = step(
  [
    // `username` in lower case; `password_hash` as passwords.ts writes it; times in ms
    `CREATE TABLE operators (
      id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
      password_hash TEXT NOT NULL, role TEXT NOT NULL, enabled INTEGER NOT NULL,
      created_at INTEGER NOT NULL, last_sign_in_at INTEGER) STRICT`,
    // `secret_hash`: the SHA-256 of what the cookie or the caller has
    `CREATE TABLE operator_sessions (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      operator_id INTEGER NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
      secret_hash TEXT NOT NULL UNIQUE, created_at INTEGER NOT NULL, last_used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL, user_agent TEXT NOT NULL) STRICT`,
    `CREATE INDEX operator_sessions_of_operator ON operator_sessions (operator_id)`,
    // `scopes` is JSON
    `CREATE TABLE api_keys (
      id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, scopes TEXT NOT NULL,
      secret_hash TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL, created_at INTEGER NOT NULL,
      last_used_at INTEGER) STRICT`
  ],
  async () => (await import('./0012-team.postgres.ts')).team
)
