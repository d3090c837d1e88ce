import { setTimeout as delay } from 'node:timers/promises'
import type { InboundRecord } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { NewRecord, Journal } from './journal.ts'

/**
 * From the page to the journal: in order of arrival, what has arrived by then as one group with one
 * fsync.
 */
export interface Capture {
  /** Resolves once all of it is on disk. */
  add(newRecords: readonly NewRecord[], source: InboundRecord['source']): Promise<void>
  /**
   * Why the journal cannot be written and since when (ms of a clock that only goes on), undefined
   * while it can.
   */
  failure(): { reason: string; since: number } | undefined
  /**
   * Resolves once nothing waits to be written; gives up the rest when the journal cannot be
   * written.
   */
  drain(): Promise<void>
}

const groupSize = 500
/**
 * Past this, memory is at stake: live records, except outcomes of media, are dropped, and read back
 * once the journal can be written.
 */
const maxWaiting = 100_000
const lidBoundMs = 2_000
const maxLids = 50_000
/** A group that took longer to write is told of, once in a while, ms. */
const slowMs = 1_000
const tellSlowMs = 60_000

/** SQLITE_TOOBIG and SQLITE_MISMATCH, https://sqlite.org/rescode.html */
const contentCodes = new Set([18, 20])
/** Whether an error is of what is written, not of the disk: the same would fail each time. */
const isOfContent = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  contentCodes.has(Number((error as { errcode?: number } | undefined)?.errcode) & 0xff)

/**
 * The outcome of fetching media. Dropped, it would have the same file fetched again immediately,
 * without end.
 */
const isOutcome = ({ kind }: NewRecord): boolean => kind === 'media'

interface Group {
  newRecords: readonly NewRecord[]
  source: InboundRecord['source']
  written: () => void
}

/**
 * @param phones the phone numbers of LIDs, as far as WhatsApp Web knows them
 * @param whyUnwritable what an error of the journal means, in plain words
 */
export const createCapture = (options: {
  journal: Journal
  phones: (lids: readonly string[]) => Promise<Map<string, string>>
  whyUnwritable: (error: unknown) => string
  log: Log
  /** ms, of a clock that only ever goes on. */
  steady?: () => number
}): Capture => {
  const { journal, phones, whyUnwritable, log, steady = () => performance.now() } = options
  const waiting: Group[] = []
  const known = new Map<string, string>()
  let waitingRecords = 0
  let toldSlow = -Infinity
  let failure: { reason: string; since: number } | undefined
  const stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()
  let busy = false

  /** Takes over a number that the journal has found out. */
  const learn = (lid: string | undefined): void => {
    const phone = lid === undefined || known.has(lid) ? undefined : journal.phone(lid)
    if (lid !== undefined && phone !== undefined) known.set(lid, phone)
  }

  /** Fills in phone numbers; a message is never held back for long, nor lost, for want of one. */
  const resolve = async (newRecords: readonly NewRecord[]): Promise<void> => {
    // Somebody has another number from now on.
    if (newRecords.some(({ message }) => message.number_change !== undefined)) known.clear()
    const nameless = newRecords.filter(
      ({ message }) => message.lid !== undefined && message.phone === undefined
    )
    for (const { message } of nameless) learn(message.lid)
    const unknown = [
      ...new Set(
        nameless.flatMap(({ message }) =>
          message.lid && !known.has(message.lid) ? [message.lid] : []
        )
      )
    ]
    if (unknown.length > 0) {
      try {
        if (known.size > maxLids) known.clear()
        for (const [lid, phone] of await withTimeout(phones(unknown), lidBoundMs))
          known.set(lid, phone)
      } catch (error) {
        log.warn(
          { event: 'lid_lookup_failed', lids: unknown.length, err: error },
          'phone numbers of LIDs could not be looked up'
        )
      }
    }
    for (const { message } of nameless) {
      const phone = known.get(message.lid as string)
      if (phone !== undefined) message.phone = phone
    }
  }

  const tellIfSlow = (ms: number): void => {
    if (ms < slowMs || steady() - toldSlow < tellSlowMs) return
    toldSlow = steady()
    log.warn(
      { event: 'journal_slow', ms: Math.round(ms), waiting: waitingRecords },
      `the disk is slow: the journal took ${Math.round(ms)} ms to write, and all else waits meanwhile`
    )
  }

  /** @returns whether it is on disk: false only once this is stopping */
  const write = async (
    newRecords: readonly NewRecord[],
    source: InboundRecord['source']
  ): Promise<boolean> => {
    for (let waitMs = 100; ; waitMs = Math.min(30_000, waitMs * 2)) {
      try {
        const began = steady()
        journal.append(newRecords, source)
        tellIfSlow(steady() - began)
        if (failure) log.info({ event: 'journal_writable' }, 'the journal can be written again')
        failure = undefined
        return true
      } catch (error) {
        if (isOfContent(error)) return await writeEach(newRecords, source, error)
        const reason = whyUnwritable(error)
        failure = { reason, since: failure?.since ?? steady() }
        log.error(
          { event: 'journal_unwritable', waiting: waitingRecords, retry_ms: waitMs, err: error },
          `the journal cannot be written: ${reason}`
        )
        await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined)
        if (stopping.signal.aborted) return false
      }
    }
  }

  /** One record that cannot be written must not keep all others from the journal for good. */
  const writeEach = async (
    newRecords: readonly NewRecord[],
    source: InboundRecord['source'],
    error: unknown
  ): Promise<boolean> => {
    if (newRecords.length > 1) {
      for (const newRecord of newRecords) if (!(await write([newRecord], source))) return false
      return true
    }
    const { name } = error as Error
    log.error(
      { event: 'capture_refused', kind: newRecords[0]?.kind, error: name },
      `a record cannot be written whatever the disk does (${name}): it is left out, all others are written`
    )
    return true
  }

  const nextGroups = (): Group[] => {
    const { source } = waiting[0] as Group
    let count = 0
    let end = 0
    for (const group of waiting) {
      if (group.source !== source || (count > 0 && count + group.newRecords.length > groupSize))
        break
      count += group.newRecords.length
      end += 1
    }
    return waiting.splice(0, end)
  }

  const run = async (): Promise<void> => {
    // what arrives in the same turn of the event loop shares the group
    await new Promise((turn) => setImmediate(turn))
    while (waiting.length > 0) {
      const groups = nextGroups()
      const newRecords = groups.flatMap((group) => group.newRecords)
      await resolve(newRecords)
      // nobody is told that it is on disk when it is not
      if (!(await write(newRecords, (groups[0] as Group).source))) return
      waitingRecords -= newRecords.length
      for (const { written } of groups) written()
    }
    busy = false
  }

  return {
    add: (newRecords, source) =>
      new Promise((written) => {
        if (newRecords.length === 0) return written()
        if (
          source === 'live' &&
          !newRecords.some(isOutcome) &&
          waitingRecords + newRecords.length > maxWaiting
        ) {
          log.error(
            { event: 'capture_overflow', dropped: newRecords.length },
            'too much waits for the journal: dropped, to be read back later'
          )
          return written()
        }
        waiting.push({ newRecords, source, written })
        waitingRecords += newRecords.length
        if (busy) return
        busy = true
        running = run()
      }),
    failure: () => failure,
    drain: () => {
      stopping.abort()
      return running
    }
  }
}
