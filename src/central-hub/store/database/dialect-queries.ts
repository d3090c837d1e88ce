import type { Dialect, Expression, Kysely, RawBuilder, SqlBool } from 'kysely'
import type { Db } from './schema.ts'
import type { LeadTerm } from './search-terms.ts'

/**
 * What of the store's queries differs from database to database; everything else is written once.
 */
export interface DialectQueries {
  database: 'sqlite' | 'postgres'
  /** Whether `message_text` has all these words, the last one perhaps not to its end. */
  messageHas(match: MessageMatch): Expression<SqlBool>
  /**
   * The words there are in messages that begin so, where the database is quicker by these than by
   * their beginning; undefined: it is not.
   */
  wordsThatBegin(db: Db, beginning: string): Promise<readonly string[] | undefined>
  /**
   * What of `messages` waits as one: the stanza of a message, and for all parts of an album that of
   * the album.
   */
  thing(): RawBuilder<string>
  /** Whether `lead_text` has what is to be found of a lead. */
  leadHas(term: LeadTerm): Expression<SqlBool>
  /**
   * Below which this many hundredths of `column` are, with what is between two rows worked out;
   * `0.5` is the median.
   */
  percentile(column: string, fraction: number): RawBuilder<number>
  /**
   * Is called inside a transaction, before it draws ids of events. Events of all writers then
   * become visible in their order, and the hubs that share the store are notified after the commit.
   */
  orderEvents(trx: Db): Promise<void>
  /**
   * Inside a transaction, first of all: for transaction.ts. @param account the one whose journal is
   * taken; without it, nobody else changes leads
   */
  lockLeads(trx: Db, account?: string): Promise<void>
  /**
   * Whether a transaction failed because of another one, so that it may go through if it is done
   * again.
   */
  isPassing(error: unknown): boolean
}

/**
 * Words of messages, without anything that separates them, and those of writing without spaces: see
 * spaceless.ts.
 */
export interface MessageMatch {
  words: readonly string[]
  tokens: readonly string[]
  /** The last word may go on. */
  prefix: boolean
  /** One of these instead of the last word. */
  lastIs?: readonly string[] | undefined
}

const queriesOf = Symbol('queries')

/** Gives a dialect of Kysely's these queries, which {@link dialectOf} then finds. */
export const withQueries = (dialect: Dialect, queries: DialectQueries): Dialect => ({
  createDriver: () => dialect.createDriver(),
  createQueryCompiler: () => dialect.createQueryCompiler(),
  createIntrospector: (db) => dialect.createIntrospector(db),
  createAdapter: () => Object.assign(dialect.createAdapter(), { [queriesOf]: queries })
})

/** The queries of the database that this reads, or that a transaction is in. */
export const dialectOf = <Tables>(db: Kysely<Tables>): DialectQueries =>
  (db.getExecutor().adapter as unknown as { [queriesOf]: DialectQueries })[queriesOf]

/**
 * Whether a word is so short that it is looked for where a word begins: trigrams find three
 * characters or more.
 */
export const isShort = (word: string): boolean =>
  [...word.normalize('NFD').replace(/\p{M}/gu, '')].length < 3
