import { join } from 'node:path'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Media } from '../../../src/contract/record.ts'
import { openJournal, type NewRecord } from '../../../src/session-manager/journal/journal.ts'
import {
  MediaFetcher,
  type MediaFetcherOptions,
  type MediaSource
} from '../../../src/session-manager/journal/media-fetcher.ts'
import { MediaTrouble } from '../../../src/session-manager/journal/media-trouble.ts'
import type { MediaResult } from '../../../src/session-manager/journal/media-fetcher.ts'
import { logLines } from '../../platform/log-lines.ts'
import { captured } from './new-records.ts'

/** The real fetcher over the real journal, on a clock that the test turns. */

export const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
export const start = 1_700_000_000_000
const bytesOf = (id: string): Buffer => Buffer.from(`the bytes of ${id}`)
export const fetched = (id: string): MediaResult => ({
  outcome: 'fetched',
  size: bytesOf(id).length,
  pieces: [bytesOf(id)]
})
export const noNetwork = new MediaTrouble('HttpNetworkError', true)
/**
 * A fetcher that looks more often than this never rests. The longest test looks some hundred times.
 */
const maxLooks = 2_000

export const clockOf = (t: Test): void => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: start })
  t.teardown(() => mock.timers.reset())
}

export const rig = (
  t: Test,
  source: MediaSource,
  { root = t.testdir(), ...options }: Partial<MediaFetcherOptions> & { root?: string } = {}
) => {
  const journal = openJournal(join(root, 'journal.db'), 'main')
  const logged = logLines()
  const tries: { id: string; at: number }[] = []
  let looks = 0
  const state = { source, fails: undefined as Error | undefined }
  const add = async (newRecords: readonly NewRecord[]): Promise<void> =>
    void journal.append(newRecords, 'live')
  const fetcher = new MediaFetcher({
    journal,
    add,
    source: () => {
      looks += 1
      if (looks > maxLooks) return undefined
      return async (id) => {
        tries.push({ id, at: Date.now() - start })
        return state.source(id)
      }
    },
    directory: join(root, 'media'),
    limits: { maxBytes: 1_000, types: ['*/*'] },
    random: () => 1,
    log: logged.log,
    ...options
  })
  let isClosed = false
  const close = (): void => {
    if (!isClosed) journal.close()
    isClosed = true
    fetcher.stop()
  }
  t.teardown(close)
  /** Waits until nothing is being fetched. */
  const rests = async (): Promise<void> => {
    const began = performance.now()
    do await turn()
    while (fetcher.isBusy && performance.now() - began < 10_000)
    if (fetcher.isBusy || looks > maxLooks) throw new Error('fetching does not end')
  }
  const passes = async (ms: number, stepMs = 5 * second): Promise<void> => {
    for (let passed = 0; passed < ms; passed += stepMs) {
      mock.timers.tick(Math.min(stepMs, ms - passed))
      await rests()
    }
  }
  const outcomes = (): Media[] =>
    captured(journal.read(0, 1_000)).flatMap(({ kind, message }) =>
      kind === 'media' ? [message.media as Media] : []
    )
  return { root, journal, logged, tries, state, fetcher, rests, passes, outcomes, close }
}
