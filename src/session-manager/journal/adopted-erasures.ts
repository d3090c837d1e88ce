import { createHmac } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Persons whose records another host of the account was asked to erase. This host erases them and
 * keeps them out, too. They are known by keyed hashes of their addresses, with the key of that
 * host's journal.
 */

export interface ErasedPerson {
  /** The key of the journal that was asked, hex. */
  secret: string
  /** The hash of an address. */
  hash: string
  /** What the person wrote up to this time does not come back, UNIX seconds. */
  until: number
  hasLid: boolean
}

/** An erasure of an address. */
interface ErasedUntil {
  /** UNIX seconds. */
  until: number
  /** Whether the LID of the person was known. */
  hasLid: boolean
}

const schema = `
  CREATE TABLE IF NOT EXISTS adopted_people (
    hash TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    until INTEGER NOT NULL,
    has_lid INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS told_people (
    hash TEXT PRIMARY KEY,
    until INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

const adopt = `
  INSERT INTO adopted_people (hash, secret, until, has_lid) VALUES (?, ?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET until = excluded.until, has_lid = excluded.has_lid
  WHERE excluded.until > until`

const unshared = `
  SELECT hash, until, has_lid FROM erased_people AS own
  WHERE NOT EXISTS (SELECT 1 FROM told_people WHERE hash = own.hash AND until >= own.until)`

export class AdoptedErasures {
  readonly #db: DatabaseSync
  readonly #account: string
  readonly #find: StatementSync
  /** Keys of the journals that were asked. */
  #secrets: Buffer[] = []

  constructor(db: DatabaseSync, account: string) {
    db.exec(schema)
    this.#db = db
    this.#account = account
    this.#find = db.prepare('SELECT until, has_lid FROM adopted_people WHERE hash = ?')
    this.#readSecrets()
  }

  get isEmpty(): boolean {
    return this.#secrets.length === 0
  }

  /**
   * @param text as Erasure hashes it
   * @returns one erasure for each host that was asked
   */
  find(text: string): ErasedUntil[] {
    return this.#secrets.flatMap((secret) => {
      const row = this.#find.get(
        createHmac('sha256', secret).update(`${this.#account}\0${text}`).digest('hex')
      )
      return row === undefined ? [] : { until: Number(row['until']), hasLid: row['has_lid'] === 1 }
    })
  }

  /** Inside a transaction. @returns whether any of these persons is new */
  add(people: readonly ErasedPerson[]): boolean {
    const insert = this.#db.prepare(adopt)
    let changes = 0
    for (const { hash, secret, until, hasLid } of people)
      changes += Number(insert.run(hash, secret, until, hasLid ? 1 : 0).changes)
    this.#readSecrets()
    return changes > 0
  }

  /** Inside a transaction: takes over the persons of a newer copy of this journal. */
  copyFrom(newer: DatabaseSync): void {
    if (
      newer.prepare("SELECT 1 FROM sqlite_master WHERE name = 'adopted_people'").get() === undefined
    )
      return
    this.add(
      newer
        .prepare('SELECT * FROM adopted_people')
        .all()
        .map((row) => ({
          hash: String(row['hash']),
          secret: String(row['secret']),
          until: Number(row['until']),
          hasLid: row['has_lid'] === 1
        }))
    )
  }

  /** Persons erased here that the other hosts do not know yet. */
  toShare(secret: string): ErasedPerson[] {
    const rows = this.#db.prepare(unshared).all()
    return rows.map((row) => ({
      secret,
      hash: String(row['hash']),
      until: Number(row['until']),
      hasLid: row['has_lid'] === 1
    }))
  }

  /** Inside a transaction: notes that the other hosts know these persons. */
  shared(people: readonly ErasedPerson[]): void {
    const insert = this.#db.prepare(
      'INSERT OR REPLACE INTO told_people (hash, until) VALUES (?, ?)'
    )
    for (const { hash, until } of people) insert.run(hash, until)
  }

  #readSecrets(): void {
    const rows = this.#db.prepare('SELECT DISTINCT secret FROM adopted_people').all()
    this.#secrets = rows.map(({ secret }) => Buffer.from(String(secret), 'hex'))
  }
}
