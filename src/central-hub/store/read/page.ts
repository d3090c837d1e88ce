import { invalid } from '../../../platform/http/problem.ts'

/**
 * Keyset pagination: a cursor says which item of which order the next page starts after. It is
 * opaque to callers.
 */
export interface Position {
  /** Which order the list has, so that a cursor of another one is refused. */
  order: string
  key: number
  id: number
  /**
   * Of a search: the last event there was when it began, so that what is another one since is not
   * taken for shown.
   */
  since?: number
  /**
   * Of a search: 1 when very many have its last word as it is, so that none is looked for that only
   * begins so.
   */
  whole?: 0 | 1
}

export interface Page<T> {
  items: T[]
  next: Position | undefined
}

const partsOf = ({ order, key, id, since, whole }: Position): unknown[] =>
  since === undefined || whole === undefined ? [order, key, id] : [order, key, id, since, whole]

export const toCursor = (position: Position | undefined): string | null =>
  position ? Buffer.from(JSON.stringify(partsOf(position))).toString('base64url') : null

/** @throws {ProblemError} invalid-parameters when it is not a cursor of one of these orders */
export const fromCursor = (
  cursor: string | undefined,
  ...orders: readonly string[]
): Position | undefined => {
  if (cursor === undefined) return undefined
  try {
    const [of, key, id, since, whole] = JSON.parse(
      Buffer.from(cursor, 'base64url').toString()
    ) as unknown[]
    const order = orders.find((known) => known === of)
    if (order !== undefined && Number.isSafeInteger(key) && Number.isSafeInteger(id)) {
      const position: Position = { order, key: key as number, id: id as number }
      if (Number.isSafeInteger(since) && (whole === 0 || whole === 1))
        Object.assign(position, { since, whole })
      // there is one way to write a position: whatever else says the same was not written here
      if (toCursor(position) === cursor) return position
    }
  } catch {
    // not JSON: refused below
  }
  throw invalid({
    in: 'query',
    field: 'cursor',
    message: 'expected the next_cursor of a page of this same list'
  })
}

/** A page out of one row more than it holds. */
export const toPage = <T>(rows: T[], limit: number, position: (row: T) => Position): Page<T> => {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? position(last) : undefined }
}
