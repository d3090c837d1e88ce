import { id, text } from './0001-messages-and-leads.postgres.ts'

/** As the step for SQLite. */
export const team = [
  `CREATE TABLE operators (
    id ${id}, username ${text} NOT NULL UNIQUE, name ${text} NOT NULL,
    password_hash ${text} NOT NULL, role ${text} NOT NULL, enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL, last_sign_in_at BIGINT)`,
  `CREATE TABLE operator_sessions (
    id ${id}, operator_id BIGINT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
    secret_hash ${text} NOT NULL UNIQUE, created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, user_agent ${text} NOT NULL)`,
  `CREATE INDEX operator_sessions_of_operator ON operator_sessions (operator_id)`,
  `CREATE TABLE api_keys (
    id ${id}, name ${text} NOT NULL, scopes ${text} NOT NULL,
    secret_hash ${text} NOT NULL UNIQUE, prefix ${text} NOT NULL, created_at BIGINT NOT NULL,
    last_used_at BIGINT)`
]
