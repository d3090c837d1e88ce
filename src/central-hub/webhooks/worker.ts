import type { Clock } from './clock.ts'

/** Works through one queue, one thing after the other, whenever it is woken or the time comes. */
export interface Worker {
  wake(): void
  /** Starts nothing further; resolves once what is under way is done. */
  stop(): Promise<void>
}

/**
 * @param work does what is due; gives the time at which there is more to do, undefined when nothing
 * waits
 */
export const createWorker = ({
  clock,
  work
}: {
  clock: Clock
  work: (stopping: () => boolean) => Promise<number | undefined>
}): Worker => {
  let running: Promise<void> | undefined
  let woken = false
  let stopping = false
  let cancel = (): void => undefined

  const run = async (): Promise<void> => {
    while (woken && !stopping) {
      woken = false
      cancel()
      const next = await work(() => stopping)
      if (next !== undefined && !stopping) cancel = clock.at(next, wake)
    }
    running = undefined
  }
  const wake = (): void => {
    woken = true
    if (!stopping) running ??= run()
  }
  return {
    wake,
    stop: async () => {
      stopping = true
      cancel()
      await running
    }
  }
}
