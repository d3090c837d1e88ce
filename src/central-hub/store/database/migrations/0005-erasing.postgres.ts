/** As the step for SQLite. */
export const erasing = [
  `ALTER TABLE cursors ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0`,
  `ALTER TABLE store ADD COLUMN certain_until BIGINT NOT NULL DEFAULT 0`
]
