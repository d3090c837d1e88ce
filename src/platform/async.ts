/** Helpers for promises, and for what is made once. */

/**
 * What is made when it is first asked for, and once: a start waits for nothing that it does not
 * need.
 */
export const once = <T>(make: () => T): (() => T) => {
  let made: { value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** The promise's result. @throws once the bound is past, ms */
export const withTimeout = async <T>(promise: Promise<T>, ms: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * @returns runs what it is given, so many at once at most; the others wait, the first come first
 */
export const limitConcurrency = (most: number): (<T>(run: () => Promise<T>) => Promise<T>) => {
  let free = most
  const waiting: (() => void)[] = []
  return async (run) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}

/**
 * Reads that several ask for at once, done once. Whoever asks shares the next read to begin, never
 * one that has begun: what anybody is given was read after it was asked for. The next one begins
 * when that under way has ended, and when whoever else asks in this turn of the event loop has
 * asked.
 */
export const singleflight = <T>(): ((key: string, read: () => Promise<T>) => Promise<T>) => {
  const nexts = new Map<string, Promise<T>>()
  const underWay = new Map<string, Promise<unknown>>()
  return (key, read) => {
    const awaited = nexts.get(key)
    if (awaited !== undefined) return awaited
    const begin = async (): Promise<T> => {
      await underWay.get(key)
      await new Promise((resolve) => setImmediate(resolve))
      nexts.delete(key)
      const answer = read()
      const ended = answer
        .then(
          () => undefined,
          () => undefined
        )
        .then(() => {
          if (underWay.get(key) === ended) underWay.delete(key)
        })
      underWay.set(key, ended)
      return answer
    }
    const next = begin()
    nexts.set(key, next)
    return next
  }
}
