import { step } from './step.ts'

/**
 * What keeps a deletion in force for records that were on their way when it was made, and what a
 * wrong clock cannot move.
 */
export const erasing = step(
  [
    // drawn with each deletion: what was read from the account's journal before it is not taken any
    // more
    `ALTER TABLE cursors ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0`,
    // ms: this time has come for sure, see platform/certain-time.ts
    `ALTER TABLE store ADD COLUMN certain_until INTEGER NOT NULL DEFAULT 0`
  ],
  async () => (await import('./0005-erasing.postgres.ts')).erasing
)
