import { repairs, turnBy, turnIndex } from './0006-who-waits.ts'

/**
 * As the step for SQLite. The column that is worked out is written in each row, which this goes
 * through once.
 */

const turn = turnBy(
  `position('"unsent":true' IN details) > 0`,
  `details::jsonb #>> '{call,outcome}' = 'answered'`
)

const columns = [
  `DROP INDEX messages_by_turn`,
  `ALTER TABLE messages DROP COLUMN turn`,
  `ALTER TABLE messages
    ADD COLUMN handled_at BIGINT, ADD COLUMN closed_at BIGINT, ADD COLUMN acknowledged BIGINT NOT NULL DEFAULT 0`,
  // a column that is worked out may only be of columns that are there
  `ALTER TABLE messages ADD COLUMN turn BIGINT GENERATED ALWAYS AS (${turn}) STORED`,
  `ALTER TABLE leads ADD COLUMN handled_at BIGINT`,
  `ALTER TABLE reactions ADD COLUMN from_me BIGINT NOT NULL DEFAULT 0`,
  `ALTER TABLE votes ADD COLUMN from_me BIGINT NOT NULL DEFAULT 0`
]

export const whoWaits = [...columns, ...repairs, turnIndex]
