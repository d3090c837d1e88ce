/** What the hubs that share a database call things there. */

/** Advisory locks are of two numbers. */
export const lockKeys = {
  /** The first of those that are few. */
  space: 1_279_347_043,
  /** Who brings the schema up to date. */
  schema: 1,
  /** Whose events are next. */
  events: 2,
  /** Who changes leads. */
  leads: 3,
  /** With a hash of the account: who takes its journal. */
  accounts: 1_279_347_044,
  /** With a hash of its name: who does some work. */
  jobs: 1_279_347_045
} as const

/** NOTIFY: there are new events in the store, or something to deliver. */
export const changedChannel = 'leadmaster_changed'
/** NOTIFY: what a hub knows of a session now, as JSON. */
export const sessionChannel = 'leadmaster_session'
/** NOTIFY: a hub hears from now on, and knows of no session: the id of that hub. */
export const askedChannel = 'leadmaster_asked'
