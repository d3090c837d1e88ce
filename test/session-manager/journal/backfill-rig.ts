import { join } from 'node:path'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import {
  Backfill,
  type BackfillOptions,
  type ReadBack,
  type ReadGroup,
  type Wanted
} from '../../../src/session-manager/journal/backfill.ts'
import { openJournal, type NewRecord } from '../../../src/session-manager/journal/journal.ts'
import { logLines } from '../../platform/log-lines.ts'

/** The real backfill over the real journal. */

export const minute = 60_000
export const hour = 60 * minute
export const now = 1_700_000_000_000

type Give = (wanted: Wanted) => AsyncIterable<NewRecord[] | ReadGroup>

/** A group of chats that were read, of these drafts. */
export const group = (newRecords: NewRecord[], more: Partial<ReadGroup> = {}): ReadGroup => ({
  newRecords,
  read: newRecords.map(({ message }) => ({ chat: message.chat_id, newest: message.timestamp })),
  unread: [],
  plainMessages: 0,
  lostMessages: 0,
  ...more
})

/** Resolves once that holds. @throws when it does not within ten seconds */
export const until = async (holds: () => boolean): Promise<void> => {
  for (const began = performance.now(); !holds(); await turn()) {
    if (performance.now() - began > 10_000) throw new Error('it does not come to that')
  }
}

const grouped = (give: Give): ReadBack =>
  async function* (wanted) {
    for await (const given of give(wanted)) yield Array.isArray(given) ? group(given) : given
  }

export const rig = (t: Test, read: Give | undefined, options: Partial<BackfillOptions> = {}) => {
  const journal = openJournal(join(t.testdir(), 'journal.db'), 'main')
  const logged = logLines()
  const state = { read, now }
  const backfill = new Backfill({
    journal,
    source: () => (state.read === undefined ? undefined : grouped(state.read)),
    add: async (newRecords) => void journal.append(newRecords, 'backfill'),
    intervalMs: 24 * hour,
    overlapMs: 15 * minute,
    firstLinkMs: 24 * hour,
    log: logged.log,
    now: () => state.now,
    ...options
  })
  t.teardown(() => {
    backfill.stop()
    journal.close()
  })
  const settled = (): Promise<void> => until(() => !backfill.running())
  return { journal, logged, state, backfill, settled }
}

/**
 * Runs as they follow each other while READY: those that are due by then are done when `passes`
 * resolves.
 */
export const paced = (
  t: Test,
  read: Parameters<typeof rig>[1],
  options: Partial<BackfillOptions> = {}
) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now })
  t.teardown(() => mock.timers.reset())
  const it = rig(t, read, { now: Date.now, steady: Date.now, intervalMs: 5 * minute, ...options })
  it.backfill.online(true)
  const passes = async (ms: number): Promise<void> => {
    mock.timers.tick(ms)
    await it.settled()
    await turn()
  }
  return { ...it, passes }
}

/** A rig on a clock that the test turns, over the time a run takes. */
export const timed = (
  t: Test,
  read: () => Promise<void>,
  options: Partial<BackfillOptions> = {}
) => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now })
  t.teardown(() => mock.timers.reset())
  const runs: number[] = []
  const give = async function* (): AsyncGenerator<NewRecord[]> {
    runs.push(Date.now() - now)
    await read()
    yield []
  }
  const rigged = rig(t, give, { now: () => Date.now(), steady: () => Date.now(), ...options })
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 5; turns += 1) await turn()
  }
  const passes = async (ms: number): Promise<void> => {
    await settle()
    mock.timers.tick(ms)
    await settle()
  }
  return { ...rigged, runs, passes }
}
