/** Helpers for promises, and for what is made once. */

/**
 * Makes a value once, at the first call, so that a start does not wait for what it may not need.
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
 * @returns runs functions, at most `max` concurrently; the others wait in the order of their calls
 */
export const limitConcurrency = (max: number): (<T>(run: () => Promise<T>) => Promise<T>) => {
  let free = max
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
 * Shares one read among concurrent callers. A caller shares the next read to begin, never a read
 * that has begun: its result was read after its call. The next read begins when the read under way
 * has ended, and after the other callers of this turn of the event loop.
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

/**
 * Runs something immediately, and then again and again, one run at a time.
 * @param run does not reject: it logs what fails
 * @param everyMs from the start of a run to that of the next one
 * @returns what ends it, and waits for the run under way
 */
export const runRepeatedly = (run: () => Promise<void>, everyMs: number): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  const begin = (): void => {
    running ??= run().finally(() => (running = undefined))
  }
  begin()
  const timer = setInterval(begin, everyMs)
  return async () => {
    clearInterval(timer)
    await running
  }
}
