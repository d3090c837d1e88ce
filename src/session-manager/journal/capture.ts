import { setTimeout as delay } from 'node:timers/promises'
import type { InboundRecord } from '../../contract/record.ts'
import type { Log } from '../../platform/log.ts'
import { within } from '../../platform/within.ts'
import type { Draft, Journal } from './journal.ts'

/**
 * From the page to the journal: in order of arrival, what has arrived by then as one group with one
 * fsync.
 */
export interface Capture {
  /** Resolves once all of it is on disk. */
  add(drafts: readonly Draft[], source: InboundRecord['source']): Promise<void>
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
 * Past this, memory is at stake: live drafts, except outcomes of media, are dropped, and read back
 * once the journal can be written.
 */
const mostWaiting = 100_000
const lidBoundMs = 2_000
const mostLids = 50_000
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
const isOutcome = ({ kind }: Draft): boolean => kind === 'media'

interface Group {
  drafts: readonly Draft[]
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
  let waitingDrafts = 0
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
  const resolve = async (drafts: readonly Draft[]): Promise<void> => {
    // Somebody has another number from now on.
    if (drafts.some(({ message }) => message.number_change !== undefined)) known.clear()
    const nameless = drafts.filter(
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
        if (known.size > mostLids) known.clear()
        for (const [lid, phone] of await within(lidBoundMs, phones(unknown))) known.set(lid, phone)
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
      { event: 'journal_slow', ms: Math.round(ms), waiting: waitingDrafts },
      `the disk is slow: the journal took ${Math.round(ms)} ms to write, and all else waits meanwhile`
    )
  }

  /** @returns whether it is on disk: false only once this is stopping */
  const write = async (
    drafts: readonly Draft[],
    source: InboundRecord['source']
  ): Promise<boolean> => {
    for (let waitMs = 100; ; waitMs = Math.min(30_000, waitMs * 2)) {
      try {
        const began = steady()
        journal.append(drafts, source)
        tellIfSlow(steady() - began)
        if (failure) log.info({ event: 'journal_writable' }, 'the journal can be written again')
        failure = undefined
        return true
      } catch (error) {
        if (isOfContent(error)) return await writeEach(drafts, source, error)
        const reason = whyUnwritable(error)
        failure = { reason, since: failure?.since ?? steady() }
        log.error(
          { event: 'journal_unwritable', waiting: waitingDrafts, retry_ms: waitMs, err: error },
          `the journal cannot be written: ${reason}`
        )
        await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined)
        if (stopping.signal.aborted) return false
      }
    }
  }

  /** One record that cannot be written must not keep all others from the journal for good. */
  const writeEach = async (
    drafts: readonly Draft[],
    source: InboundRecord['source'],
    error: unknown
  ): Promise<boolean> => {
    if (drafts.length > 1) {
      for (const draft of drafts) if (!(await write([draft], source))) return false
      return true
    }
    const { name } = error as Error
    log.error(
      { event: 'capture_refused', kind: drafts[0]?.kind, error: name },
      `a record cannot be written whatever the disk does (${name}): it is left out, all others are written`
    )
    return true
  }

  const nextGroups = (): Group[] => {
    const { source } = waiting[0] as Group
    let count = 0
    let end = 0
    for (const group of waiting) {
      if (group.source !== source || (count > 0 && count + group.drafts.length > groupSize)) break
      count += group.drafts.length
      end += 1
    }
    return waiting.splice(0, end)
  }

  const run = async (): Promise<void> => {
    // what arrives in the same turn of the event loop shares the group
    await new Promise((turn) => setImmediate(turn))
    while (waiting.length > 0) {
      const groups = nextGroups()
      const drafts = groups.flatMap((group) => group.drafts)
      await resolve(drafts)
      // nobody is told that it is on disk when it is not
      if (!(await write(drafts, (groups[0] as Group).source))) return
      waitingDrafts -= drafts.length
      for (const { written } of groups) written()
    }
    busy = false
  }

  return {
    add: (drafts, source) =>
      new Promise((written) => {
        if (drafts.length === 0) return written()
        if (
          source === 'live' &&
          !drafts.some(isOutcome) &&
          waitingDrafts + drafts.length > mostWaiting
        ) {
          log.error(
            { event: 'capture_overflow', dropped: drafts.length },
            'too much waits for the journal: dropped, to be read back later'
          )
          return written()
        }
        waiting.push({ drafts, source, written })
        waitingDrafts += drafts.length
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
