/**
 * Reads that several ask for at once, done once. Whoever asks shares the next read to begin, never
 * one that has begun: what anybody is given was read after it was asked for. The next one begins
 * when that under way has ended, and when whoever else asks in this turn of the event loop has
 * asked.
 */
export const createSharedReads = <T>(): ((key: string, read: () => Promise<T>) => Promise<T>) => {
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
