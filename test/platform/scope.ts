/**
 * What is opened for a test, or for one case of a property, and closed when that ends. A `Test` of
 * tap is one.
 */
export interface Scope {
  /** Runs when the scope ends, the latest first. */
  teardown(close: () => unknown): unknown
}

/**
 * Runs one case of a property. What the case opens is closed when the case ends: if it were closed
 * with the test, a thousand cases would keep a thousand stores open, and a server has only so many
 * connections.
 */
export const inScope = async <T>(run: (scope: Scope) => Promise<T>): Promise<T> => {
  const closers: (() => unknown)[] = []
  try {
    return await run({ teardown: (close) => closers.push(close) })
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}
