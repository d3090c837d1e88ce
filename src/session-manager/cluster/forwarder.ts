import { EventEmitter, once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { jetstream, type JetStreamClient, type JetStreamManager } from '@nats-io/jetstream'
import { headers } from '@nats-io/transport-node'
import type { JournalRecord } from '../../contract/record.ts'
import {
  afterHeader,
  journalHeader,
  recordId,
  recordStream,
  recordSubject,
  recordSubjects,
  seqHeader
} from '../../contract/stream.ts'
import { reasonOf } from '../../platform/harmless.ts'
import type { Log } from '../../platform/log.ts'
import { lastMessage, openStream } from '../../platform/nats/nats-stream.ts'
import type { Nats } from '../../platform/nats/nats.ts'
import { omitUndefined } from '../../platform/omit-undefined.ts'
import { retryForever } from '../../platform/retry-forever.ts'
import type { ErasureExchange } from './erasure-exchange.ts'
import type { Journal } from '../journal/journal.ts'
import { deleteFromStream } from './purge.ts'

/**
 * Forwards the journal to NATS: every record after the last one that NATS has acknowledged, in
 * order. With NATS down, or its stream full, the journal grows and nothing is lost.
 */
export interface Forwarder {
  /** The last record that is in NATS for sure, how many are not, and what keeps them from it. */
  state(): { seq: number; behind: number; fault?: string }
  /**
   * Deletes from the stream what was erased on request, whichever host forwarded it. @throws
   * {Error} when that takes too long, such as without NATS: it is done as soon as it can be
   * @param again whether the same was asked for before: what is under way of that goes on
   * @param waitedMs for how long the request has waited already
   */
  purge(again?: boolean, waitedMs?: number): Promise<void>
  /**
   * Forwards what the journal has, for up to `finishMs` and while NATS takes it, and awaits the
   * answers to what is under way. What is left is forwarded the next time that this host has the
   * account.
   */
  stop(): Promise<void>
}

interface ForwarderOptions {
  journal: Journal
  account: string
  nats: Nats
  replicas: number
  /** How long records stay in the stream, ms. */
  keepMs: number
  /**
   * Which time it is that this host has the account; undefined while it has not. Journals of two
   * hosts must not go out at a time: hubs take one after the other.
   */
  term?: () => number | undefined
  log: Log
  onChange?: () => void
  /** What was erased is deleted from the stream: hubs with stores of their own follow that now. */
  onPurged?: () => void
  /** What was erased here and at the other hosts of the account. */
  exchange?: Pick<ErasureExchange, 'tell' | 'catchUp'>
  maxDelayMs?: number
  /** How long `stop` goes on forwarding, ms. */
  finishMs?: number
  /** How long a purge is waited for, with the time that the request has taken before it, ms. */
  purgeWithinMs?: number
}

/**
 * Records published before the first of them is acknowledged; hubs hold as many that come before
 * their turn.
 */
const windowSize = 128
/** A purge is waited for this long at least, ms. */
const leastWaitMs = 1_000
/** Between two looks whether this host has the account, ms. */
const standByMs = 1_000
/**
 * What of NATS's own errors an operator can mend,
 * https://github.com/nats-io/nats-server/blob/main/server/errors.json
 */
const streamIsFull = new Set([10_047, 10_077, 10_122])

/** @param error of the client or of the server */
const explain = (error: unknown): string => {
  const { message, code } = error as { message: string; code?: unknown }
  if (typeof code === 'number' && streamIsFull.has(code))
    return `the stream ${recordStream} takes no more (${reasonOf(error)}): give NATS more room, or shorten NATS_RETENTION`
  if (message.includes('max_payload'))
    return `a record is larger than NATS takes: raise max_payload in the configuration of nats-server`
  return reasonOf(error)
}

interface Stream {
  client: JetStreamClient
  manager: JetStreamManager
}

/** What is there of a record in both places, or nothing that could tell them apart. */
const isSame = (ours: JournalRecord | undefined, theirs: unknown): boolean =>
  ours !== undefined && (ours.kind === 'erased' || JSON.stringify(ours) === JSON.stringify(theirs))

export const createForwarder = (options: ForwarderOptions): Forwarder => {
  const {
    journal,
    account,
    nats,
    replicas,
    keepMs,
    term = () => 1,
    log,
    onChange = () => undefined,
    onPurged = () => undefined,
    exchange,
    maxDelayMs = 10_000,
    finishMs = 5_000,
    purgeWithinMs = 80_000
  } = options
  const subject = recordSubject(account)
  const stopping = new AbortController()
  const stopped = new Promise<never>((_, reject) =>
    stopping.signal.addEventListener('abort', () => reject(new Error('forwarding was stopped')))
  )
  stopped.catch(() => undefined)
  /** A window was answered, or could not be. */
  const progress = new EventEmitter().setMaxListeners(0)
  /** Of `nats.connections()`, when it was looked whether the stream agrees. */
  let connections = 0
  let fault: string | undefined
  /**
   * The last record of another journal, which hubs are to have taken before this one, and the
   * record here that comes after it.
   */
  let after: string | undefined
  let first = 1
  /** What the journal was called when its last record in NATS was forwarded. */
  let forwardedAs = journal.id

  const forwarded = (): number => journal.mark('forwarded') ?? 0

  const open = async (): Promise<Stream> => {
    const connection = await Promise.race([nats.connected, stopped])
    connections = nats.connections()
    const manager = await openStream(connection, {
      name: recordStream,
      subjects: [recordSubjects],
      replicas,
      keepMs
    })
    return { client: jetstream(connection), manager }
  }

  const purged = new Set<() => void>()
  let hasPurged = false
  /** Called when a purge is asked for: it does not wait for the next record. */
  let wake: () => void = () => undefined

  /**
   * Between two windows, so that nothing of what was erased is on its way. A record whose
   * publishing failed may still come: then it is done once more.
   */
  const purgeIfDue = async ({ client, manager }: Stream): Promise<void> => {
    const due = journal.mark('purge_due')
    if (due === undefined) return
    await exchange?.tell(client)
    const records = await deleteFromStream({
      client,
      manager,
      subject,
      journal,
      stop: stopping.signal
    })
    if (journal.mark('purge_due') !== due) return
    journal.setMark('purge_due', undefined)
    journal.noteErasure()
    onPurged()
    hasPurged = true
    if (records > 0)
      log.info({ event: 'purged', account, records }, `deleted ${records} erased records from NATS`)
    for (const resolve of purged) resolve()
    purged.clear()
  }

  const purge = async (again = false, waitedMs = 0): Promise<void> => {
    const due = journal.mark('purge_due')
    if (again && due === undefined) return
    // Another value for each erasure: a purge that is under way has not seen what was erased since.
    if (!again) journal.setMark('purge_due', Math.max(Date.now(), (due ?? 0) + 1))
    const done = new Promise<void>((resolve) => purged.add(resolve))
    wake()
    const late = AbortSignal.any([
      stopping.signal,
      AbortSignal.timeout(Math.max(leastWaitMs, Math.round(purgeWithinMs - waitedMs)))
    ])
    await Promise.race([done, once(late, 'abort')])
    if (journal.mark('purge_due') !== undefined)
      throw new Error(
        `NATS may still have records of it: ${nats.fault() ?? 'deleting them takes long'}`
      )
  }

  const startAnew = (why: string): void => {
    journal.setMark('forwarded', undefined)
    log.warn(
      { event: 'forwarding_anew', account, last_seq: journal.lastSeq() },
      `${why}: the journal is forwarded from its start, hubs leave what they have as it is`
    )
  }

  /**
   * Whether all that was forwarded is in the stream for sure, or was for as long as records stay
   * there; undefined when it was not noted where.
   */
  const isThere = async ({ manager }: Stream, firstPlace: number): Promise<boolean | undefined> => {
    const place = journal.mark('forwarded_place')
    if (place === undefined) return undefined
    if (place < firstPlace) return true
    const message = await manager.streams.getMessage(recordStream, { seq: place })
    return (
      message?.header.get(journalHeader) === forwardedAs &&
      Number(message.header.get(seqHeader)) === forwarded()
    )
  }

  /**
   * Whether what the stream has of this account is what this journal was forwarded to. If it has
   * records of another host since, this journal goes on after them, by another name; if it may have
   * lost some of this one, all is forwarded again.
   */
  const agree = async (stream: Stream): Promise<void> => {
    const { created, state } = await stream.manager.streams.info(recordStream)
    const made = Date.parse(created)
    if (journal.mark('forwarded_stream') !== made) {
      if (forwarded() > 0) startAnew('the stream in NATS is another one than before')
      journal.setMark('forwarded_stream', made)
    }
    const last = await lastMessage(stream.manager, recordStream, subject)
    if (last === null) return
    const [id, seq] = [last.header.get(journalHeader), Number(last.header.get(seqHeader))]
    const [ours] = journal.read(seq - 1, 1)
    const [named, itself] = [id === journal.id, id === journal.id && isSame(ours, last.json())]
    // what it acknowledged it may have lost with its power
    if (itself && seq < forwarded())
      return journal.setMarks({ forwarded: seq, forwarded_place: last.seq })
    const there = forwarded() > 0 ? await isThere(stream, state.first_seq) : undefined
    if (itself && there !== false) return
    after = `${id}:${seq}`
    if (named || forwarded() > 0) {
      journal.renew()
      if (named && !itself) startAnew('this journal is an older copy of the one that was forwarded')
      else if (there !== true || itself)
        startAnew('the stream in NATS does not have all that it had of this journal')
      else
        log.info(
          { event: 'forwarding_on', account, seq: forwarded(), last_seq: journal.lastSeq() },
          `another host had the account meanwhile: what was captured here since record ${forwarded()} is forwarded`
        )
    }
    first = forwarded() + 1
  }

  /** @returns its place in the stream */
  const publish = async ({ client }: Stream, record: JournalRecord): Promise<number> => {
    const header = headers()
    header.set(journalHeader, journal.id)
    header.set(seqHeader, String(record.seq))
    if (record.seq === first && after !== undefined) header.set(afterHeader, after)
    const { seq } = await client.publish(subject, JSON.stringify(record), {
      headers: header,
      msgID: recordId(journal.id, record.seq),
      expect: { streamName: recordStream }
    })
    return seq
  }

  /**
   * Publishes one window; the cursor moves past what was acknowledged before the first that was
   * not. It moves only while this host still has the account: else another host's records may be
   * before these, and hubs leave these out.
   */
  const forwardSome = async (
    stream: Stream,
    records: readonly JournalRecord[],
    mine: number
  ): Promise<void> => {
    const outcomes = await Promise.allSettled(records.map((record) => publish(stream, record)))
    if (term() !== mine) return
    const failed = outcomes.findIndex(({ status }) => status === 'rejected')
    const count = failed === -1 ? records.length : failed
    const [last, acknowledged] = [records[count - 1], outcomes[count - 1]]
    if (last !== undefined && acknowledged?.status === 'fulfilled') {
      journal.setMarks({ forwarded: last.seq, forwarded_place: acknowledged.value })
      forwardedAs = journal.id
      work.resetBackoff()
    }
    const outcome = outcomes[failed]
    if (outcome?.status === 'rejected') {
      // What timed out may still come, and was perhaps erased since.
      if (journal.mark('purge_due') === undefined && hasPurged)
        journal.setMark('purge_due', Date.now())
      throw outcome.reason
    }
    if (fault === undefined) return onChange()
    fault = undefined
    log.info(
      { event: 'forwarding', account, seq: last?.seq, last_seq: journal.lastSeq() },
      'records are forwarded to NATS again'
    )
    onChange()
  }

  const more = (): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        unsubscribe()
        wake = () => undefined
        stopping.signal.removeEventListener('abort', end)
        resolve()
      }
      const unsubscribe = journal.subscribe(end)
      stopping.signal.addEventListener('abort', end)
      wake = end
      if (
        journal.mark('purge_due') !== undefined ||
        journal.lastSeq() > forwarded() ||
        stopping.signal.aborted
      )
        end()
    })

  const forward = async (): Promise<void> => {
    progress.emit('change')
    const mine = term()
    // Whichever host has the account: what was erased here goes from the stream.
    if (mine === undefined && journal.mark('purge_due') !== undefined)
      await purgeIfDue(await open())
    if (mine === undefined) {
      await delay(standByMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      return
    }
    const stream = await open()
    // What another host has erased must not go out from here.
    await exchange?.catchUp(stream.client)
    await exchange?.tell(stream.client)
    await agree(stream)
    for (;;) {
      await more()
      if (stopping.signal.aborted) return
      // Another host may have forwarded while this one waited.
      if (connections !== nats.connections() || term() !== mine) return
      await purgeIfDue(stream)
      const records = journal.read(forwarded(), windowSize)
      if (records.length > 0) await forwardSome(stream, records, mine)
      progress.emit('change')
    }
  }

  const work = retryForever({
    run: forward,
    report: (error, attempt, retryMs) => {
      fault = `records are not forwarded: ${nats.fault() ?? explain(error)}`
      progress.emit('change')
      log.warn(
        {
          event: 'forward_fault',
          account,
          attempt,
          retry_ms: retryMs,
          behind: journal.lastSeq() - forwarded()
        },
        fault
      )
      onChange()
    },
    stop: stopping.signal,
    maxDelayMs
  })
  const canForward = (): boolean =>
    journal.lastSeq() > forwarded() &&
    fault === undefined &&
    nats.fault() === undefined &&
    term() !== undefined

  /** Resolves once all is forwarded, cannot be, or the time for it is over. */
  const finish = async (): Promise<void> => {
    const signal = AbortSignal.timeout(finishMs)
    while (canForward() && !signal.aborted)
      await once(progress, 'change', { signal }).catch(() => undefined)
  }

  const state = (): ReturnType<Forwarder['state']> => {
    const [seq, why] = [forwarded(), fault ?? nats.fault()]
    return omitUndefined({ seq, behind: Math.max(0, journal.lastSeq() - seq), fault: why })
  }

  return {
    state,
    purge,
    stop: async () => {
      await finish()
      stopping.abort()
      await work.over
      const { seq, behind } = state()
      if (behind > 0)
        log.warn(
          { event: 'forwarding_left', account, seq, behind },
          `${behind} records are not in NATS: they are forwarded the next time that this host has the account`
        )
    }
  }
}
