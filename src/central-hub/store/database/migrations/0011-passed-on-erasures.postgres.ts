/** As the step for SQLite. */
export const passedOnErasures = [`ALTER TABLE cursors ADD COLUMN erasures TEXT NOT NULL DEFAULT ''`]
