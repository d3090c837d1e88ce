/**
 * @returns runs what it is given, so many at once at most; the others wait, the first come first
 */
export const atMost = (most: number): (<T>(run: () => Promise<T>) => Promise<T>) => {
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
