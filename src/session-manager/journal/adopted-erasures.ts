import { createHmac } from 'node:crypto'
import type { DatabaseSync, StatementSync } from 'node:sqlite'

/**
 * Persons whose records another host of the account was asked to erase: here they are erased and
 * kept out, too. They are known by keyed hashes of their addresses, with the key of that host's
 * journal.
 */

export interface ErasedPerson {
  /** The key of the journal that was asked, hex. */
  secret: string
  /** Of an address. */
  hash: string
  /** What was written up to then does not come back, UNIX seconds. */
  until: number
  hasLid: boolean
}

/**
 * Up to when what is of an address is erased, UNIX seconds, and whether the person's LID was known.
 */
interface ErasedUntil {
  until: number
  hasLid: boolean
}

const schema = `
  CREATE TABLE IF NOT EXISTS adopted_people (
    hash TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    until INTEGER NOT NULL,
    has_lid INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS told_people (hash TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

const adopt = `
  INSERT INTO adopted_people (hash, secret, until, has_lid) VALUES (?, ?, ?, ?)
  ON CONFLICT (hash) DO UPDATE SET until = excluded.until, has_lid = excluded.has_lid WHERE excluded.until > until`

export class AdoptedErasures {
  readonly #db: DatabaseSync
  readonly #account: string
  readonly #find: StatementSync
  /** Of the journals that were asked. */
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

  /** @param text as Erasure hashes it. @returns one for each host that was asked */
  find(text: string): ErasedUntil[] {
    return this.#secrets.flatMap((secret) => {
      const row = this.#find.get(
        createHmac('sha256', secret).update(`${this.#account}\0${text}`).digest('hex')
      )
      return row === undefined ? [] : { until: Number(row['until']), hasLid: row['has_lid'] === 1 }
    })
  }

  /** Inside a transaction. @returns whether any of them is new */
  add(people: readonly ErasedPerson[]): boolean {
    const insert = this.#db.prepare(adopt)
    let changes = 0
    for (const { hash, secret, until, hasLid } of people)
      changes += Number(insert.run(hash, secret, until, hasLid ? 1 : 0).changes)
    this.#readSecrets()
    return changes > 0
  }

  /** Inside a transaction: takes over those of a newer copy of this journal. */
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

  /** Persons erased here of whom the other hosts do not know yet. */
  toTell(secret: string): ErasedPerson[] {
    const rows = this.#db
      .prepare(
        'SELECT hash, until, has_lid FROM erased_people AS own WHERE NOT EXISTS (SELECT 1 FROM told_people WHERE hash = own.hash AND until >= own.until)'
      )
      .all()
    return rows.map((row) => ({
      secret,
      hash: String(row['hash']),
      until: Number(row['until']),
      hasLid: row['has_lid'] === 1
    }))
  }

  /** Inside a transaction: the other hosts know of these. */
  told(people: readonly ErasedPerson[]): void {
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
