import type { Hubs } from './hubs.ts'
import type { Db } from './schema.ts'

/** The hub's store. */
export interface Store {
  db: Db
  /** Drawn when the store was made: a client's position in its events belongs to it. */
  id: string
  /** Where it is, as messages say it. */
  place: string
  /** Those who share it. */
  hubs: Hubs
  /** Steps of the schema that a newer release has made; this one works with them all the same. */
  newerSteps: string[]
  /**
   * After a deletion on request, outside of a transaction: sees to it that no byte of what was
   * deleted is left in the database. In a file it takes some seconds for a million messages, and
   * nothing else is read or written meanwhile. Does nothing when none is due. @throws when the disk
   * is full or another program reads the store: it stays due
   */
  scrub(): Promise<void>
  /** Leaves the database in order, and closes it. */
  close(): Promise<void>
}

/** A database that is open, before its schema was seen to. */
export interface Opened extends Pick<Store, 'db' | 'place' | 'hubs' | 'scrub' | 'close'> {
  /** Whether any step of the schema was made. */
  isMade(): Promise<boolean>
  /** Runs while no other hub is at the schema. */
  atSchema<T>(run: () => Promise<T>): Promise<T>
}
