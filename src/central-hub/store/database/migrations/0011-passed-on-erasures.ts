import { step } from './step.ts'

/** How far a store follows what other hubs had erased. */
export const passedOnErasures = step(
  [
    // Status.journal.erasures of the account's session-manager, when this store had applied all up
    // to there
    `ALTER TABLE cursors ADD COLUMN erasures TEXT NOT NULL DEFAULT ''`
  ],
  async () => (await import('./0011-passed-on-erasures.postgres.ts')).passedOnErasures
)
