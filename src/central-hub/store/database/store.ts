import type { Cluster } from './cluster.ts'
import type { Db } from './schema.ts'

/** The hub's store. */
export interface Store {
  db: Db
  /** Drawn when the store was made: a client's position in its events belongs to it. */
  id: string
  /** Where it is, in the words of messages. */
  place: string
  /** The hubs that share it. */
  cluster: Cluster
  /** Steps of the schema that a newer release has made. This release works with them. */
  newerSteps: string[]
  /**
   * Removes the bytes of what was deleted on request from the database. It is called outside of a
   * transaction, and does nothing when none is due. In a file it takes some seconds for a million
   * messages, in which nothing else is read or written.
   * @throws when the disk is full or another program reads the store: it stays due
   */
  scrub(): Promise<void>
  /** Closes the database in good order. */
  close(): Promise<void>
}

/** A database that is open, before its schema was brought up to date. */
export interface Opened extends Pick<Store, 'db' | 'place' | 'cluster' | 'scrub' | 'close'> {
  /** Whether any step of the schema was made. */
  isMade(): Promise<boolean>
  /** Runs while no other hub changes the schema. */
  atSchema<T>(run: () => Promise<T>): Promise<T>
}
