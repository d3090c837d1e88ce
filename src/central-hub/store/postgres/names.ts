/** What the hubs that share a database call things there. */

/** Advisory locks are two numbers: ours have the first one to themselves. */
export const lockKeys = {
  space: 1_279_347_043,
  /** Who brings the schema up to date. */
  schema: 1,
  /** Whose events are in order. */
  events: 2,
  /** Who changes leads: each account's journal is taken beside the others, everything else is alone. */
  leads: 3,
  /** Work that one hub does at a time; 1,000 and on are drawn from its name. */
  jobs: 1_000
} as const

/** NOTIFY: there are new events in the store, or something to deliver. */
export const changedChannel = 'leadmaster_changed'
/** NOTIFY: what is known of a session, as JSON. */
export const sessionChannel = 'leadmaster_session'
