import { id, text } from './0001-messages-and-leads.postgres.ts'

/** As the step for SQLite. */
export const audit = [
  `CREATE TABLE audit (
    id ${id}, at BIGINT NOT NULL,
    actor_kind ${text} NOT NULL, actor_id BIGINT, actor_name ${text},
    operation ${text} NOT NULL, refused BIGINT NOT NULL,
    subject_kind ${text}, subject_id ${text}, fields ${text} NOT NULL,
    address ${text} NOT NULL, request_id ${text} NOT NULL)`,
  `CREATE INDEX audit_by_actor ON audit (actor_kind, actor_id, id)`,
  `CREATE INDEX audit_by_subject ON audit (subject_kind, subject_id, id)`,
  `CREATE INDEX audit_by_operation ON audit (operation, id)`,
  `CREATE INDEX audit_by_time ON audit (at)`
]
