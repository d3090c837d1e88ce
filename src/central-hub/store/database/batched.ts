import type { Compilable, CompiledQuery } from 'kysely'
import { dialectOf } from './dialect-queries.ts'
import type { Db } from './schema.ts'

/**
 * A list is cut into parts of these sizes, so that it takes few different statements. Each
 * statement is built and prepared once.
 */
const sizes = [128, 16, 1] as const

/**
 * A statement over a list of any length.
 * @param build the statement for so many items
 * @param values its parameters for these items, in the order in which it has them
 * @returns runs it for a list, within the caller's transaction, and gives the rows of all parts
 */
export const batched = <Item, Row>(
  build: (db: Db, items: readonly Item[]) => Compilable<unknown>,
  values: (items: readonly Item[]) => unknown[]
): ((db: Db, items: readonly Item[]) => Promise<Row[]>) => {
  // One process may use both databases, whose statements differ.
  const built = {
    sqlite: new Map<number, CompiledQuery>(),
    postgres: new Map<number, CompiledQuery>()
  }
  return async (db, items) => {
    const rows: Row[] = []
    const known = built[dialectOf(db).database]
    for (let start = 0; start < items.length; ) {
      const size = sizes.find((fits) => fits <= items.length - start) ?? 1
      const part = items.slice(start, start + size)
      const query = known.get(size) ?? build(db, part).compile()
      known.set(size, query)
      const result = await db.executeQuery({ ...query, parameters: values(part) })
      for (const row of result.rows) rows.push(row as Row)
      start += size
    }
    return rows
  }
}

/** The values of rows that all have the same columns in the same order, none undefined. */
export const valuesOf = (rows: readonly object[]): unknown[] =>
  rows.flatMap((row) => Object.values(row) as unknown[])
