import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { JournalRecord } from '../../contract/record.ts'

/**
 * The model that a message was mapped from, so that a later release can map it again. Only the
 * mapper knows the form of `text`.
 */
export interface RawModel {
  /** The version of the mapper that made the record. */
  version: number
  /** JSON; at most `maxRawLength` characters. */
  text: string
}

/** A record of the journal with its raw model, if that is still kept. */
export interface Remappable {
  seq: number
  record: JournalRecord
  raw: RawModel | undefined
}

/** A longer raw model is not kept, characters. */
export const maxRawLength = 64 * 1024

/** Shorter texts are not packed: packing takes more time than it saves room. */
const packedFrom = 2_048
/** Models deleted in one statement. Everything else waits for it. */
const batchSize = 500

const schema = `
  CREATE TABLE IF NOT EXISTS raw_models (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    packed INTEGER NOT NULL,
    model BLOB NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS raw_models_by_time ON raw_models (at);
`

/** @returns the text as it is stored; `isPacked` is 0 or 1 */
const pack = (text: string): { isPacked: number; bytes: Buffer } => {
  const bytes = Buffer.from(text)
  if (bytes.length < packedFrom) return { isPacked: 0, bytes }
  return { isPacked: 1, bytes: deflateRawSync(bytes) }
}

/**
 * Raw models beside their records: in the same file and transaction, and erased with the records.
 * They are never served.
 */
export class RawModels {
  readonly #insert: StatementSync
  readonly #replace: StatementSync
  readonly #page: StatementSync
  readonly #expire: StatementSync
  readonly #setVersion: StatementSync

  /** @param db the journal's database, which has its own tables already */
  constructor(db: DatabaseSync) {
    createRawModels(db)
    this.#insert = db.prepare(
      'INSERT INTO raw_models (seq, at, version, packed, model) VALUES (?, ?, ?, ?, ?)'
    )
    this.#replace = db.prepare(`
      UPDATE raw_models SET version = ?1, packed = ?2, model = ?3
      WHERE seq = (SELECT seq FROM records WHERE account = ?4 AND key = ?5)`)
    this.#page = db.prepare(`
      SELECT seq, record, version, packed, model FROM records LEFT JOIN raw_models USING (seq)
      WHERE seq > ? ORDER BY seq LIMIT ?`)
    // Not by seq: with a clock that was ahead for a while, the first models have the latest times.
    this.#expire = db.prepare(`
      DELETE FROM raw_models
      WHERE seq IN (SELECT seq FROM raw_models WHERE at < ?1 ORDER BY at LIMIT ${batchSize})`)
    this.#setVersion = db.prepare('UPDATE raw_models SET version = ? WHERE seq = ?')
  }

  /** @param at now, ms */
  add(seq: number, at: number, { version, text }: RawModel): void {
    if (text.length > maxRawLength) return
    const { isPacked, bytes } = pack(text)
    this.#insert.run(seq, at, version, isPacked, bytes)
  }

  /** Replaces the model of a record by a newer one. Does nothing for a record without a model. */
  replace(account: string, key: string, { version, text }: RawModel): void {
    if (text.length > maxRawLength) return
    const { isPacked, bytes } = pack(text)
    this.#replace.run(version, isPacked, bytes, account, key)
  }

  read(after: number, limit: number): Remappable[] {
    return this.#page.all(after, limit).map((row) => {
      const record = {
        ...(JSON.parse(String(row['record'])) as JournalRecord),
        seq: Number(row['seq'])
      }
      if (row['model'] == null) return { seq: record.seq, record, raw: undefined }
      const bytes = Buffer.from(row['model'] as Uint8Array)
      const text = (row['packed'] === 1 ? inflateRawSync(bytes) : bytes).toString()
      return { seq: record.seq, record, raw: { version: Number(row['version']), text } }
    })
  }

  setVersion(seqs: readonly number[], version: number): void {
    for (const seq of seqs) this.#setVersion.run(version, seq)
  }

  /**
   * Deletes some of the models that were kept before this time, ms.
   * @returns how many, 0 when there are no more
   */
  expire(before: number): number {
    return Number(this.#expire.run(before).changes)
  }
}

export const createRawModels = (db: DatabaseSync): void => db.exec(schema)
