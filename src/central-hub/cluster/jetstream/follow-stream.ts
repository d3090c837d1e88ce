import { setTimeout as delay } from 'node:timers/promises'
import {
  AckPolicy,
  DeliverPolicy,
  jetstream,
  type Consumer,
  type JetStreamManager
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { Compile } from 'typebox/compile'
import { JournalRecord } from '../../../contract/record.ts'
import {
  accountOf,
  journalHeader,
  recordStream,
  recordSubject,
  recordSubjects
} from '../../../contract/stream.ts'
import { PlainError, reasonOf } from '../../../platform/harmless.ts'
import type { Log } from '../../../platform/log.ts'
import { lastMessage, openStream } from '../../../platform/nats/nats-stream.ts'
import { connectNats, type NatsConfig } from '../../../platform/nats/nats.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import { retryForever } from '../../../platform/retry-forever.ts'
import type { Ingest } from '../../follow/ingest.ts'
import type { Cursor } from '../../store/write/cursors.ts'
import { batchSize, createTaker, type Taker, type TakerOptions } from './taker.ts'

/**
 * Takes the records of all accounts that the stream in NATS has, together with the other hubs of
 * the same store.
 */
export interface StreamFollower {
  /** Of one account; undefined when the stream has no record of it. */
  account(name: string): ReturnType<Taker['state']> | undefined
  /**
   * Of the whole: whether the stream was found, what keeps it from being read, and of how many
   * accounts it has records.
   */
  state(): { found: boolean; fault?: string; accounts: number }
  stop(): Promise<void>
}

export interface StreamFollowerOptions {
  config: NatsConfig
  /** Of the store that the records go to. */
  storeId: string
  ingest: Ingest
  cursor: (account: string) => Promise<Cursor | undefined>
  /** Reads a journal where session-manager is reached by HTTP; undefined where it is not. */
  readJournal?: (
    account: string,
    ...of: Parameters<NonNullable<TakerOptions['readJournal']>>
  ) => Promise<readonly JournalRecord[] | undefined>
  onChange: () => void
  log: Log
  /** How often it is looked for new accounts, ms. */
  lookMs?: number
  /**
   * What was delivered to a hub that does not take it is delivered to another one after this, ms.
   */
  ackWaitMs?: number
  maxDelayMs?: number
  /** How long a hub that is cut off keeps its turn, ms. */
  turnMs?: number
}

const nanosecondsPerMs = 1_000_000

/** Hubs of one store share a consumer; hubs with stores of their own each take all records. */
const durableOf = (account: string, storeId: string): string =>
  `hub-${account}-${storeId.replaceAll(/[^\w-]/g, '').slice(0, 12)}`

/**
 * The consumer of an account that hubs share: one request waits at a time, and no more is delivered
 * than one hub takes at once, so that what is delivered next is what comes next.
 */
const consumerOf = async (
  manager: JetStreamManager,
  connection: NatsConnection,
  account: string,
  durable: string,
  ackWaitMs: number
): Promise<Consumer> => {
  const { name } = await manager.consumers.add(recordStream, {
    durable_name: durable,
    filter_subject: recordSubject(account),
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.Explicit,
    ack_wait: ackWaitMs * nanosecondsPerMs,
    max_ack_pending: batchSize,
    max_waiting: 1
  })
  return jetstream(connection).consumers.get(recordStream, name)
}

const createParse = (): ((data: unknown) => JournalRecord) => {
  const schema = Compile(JournalRecord)
  return (data) => {
    if (schema.Check(data)) return data
    const [error] = schema.Errors(data)
    throw new PlainError(
      `a record is not as this release knows records (${error?.instancePath || '/'} ${error?.message ?? ''}): upgrade central-hub to session-manager's version`
    )
  }
}

export const followStream = (options: StreamFollowerOptions): StreamFollower => {
  const {
    config,
    storeId,
    ingest,
    cursor,
    readJournal,
    onChange,
    log,
    lookMs = 5_000,
    ackWaitMs = 10_000,
    maxDelayMs = 10_000,
    turnMs = 5_000
  } = options
  const nats = connectNats({
    servers: config.NATS_URL,
    credentials: config.NATS_CREDENTIALS,
    ca: config.NATS_CA,
    name: 'leadmaster central-hub',
    log,
    onChange
  })
  const parse = createParse()
  const takers = new Map<string, Taker>()
  const stopping = new AbortController()
  let fault: string | undefined
  let found = false

  const begin = (manager: JetStreamManager, connection: NatsConnection, account: string): Taker => {
    const taking: TakerOptions = {
      account,
      parse,
      ingest,
      onChange,
      log,
      maxDelayMs,
      turnMs,
      consumer: () =>
        consumerOf(manager, connection, account, durableOf(account, storeId), ackWaitMs),
      rewind: () => manager.consumers.delete(recordStream, durableOf(account, storeId)),
      newestJournal: async () =>
        (await lastMessage(manager, recordStream, recordSubject(account)))?.header.get(
          journalHeader
        ),
      cursor: () => cursor(account)
    }
    if (readJournal) taking.readJournal = (...of) => readJournal(account, ...of)
    return createTaker(taking)
  }

  const look = async (): Promise<void> => {
    const connection = await nats.connected
    const manager = await openStream(connection, {
      name: recordStream,
      subjects: [recordSubjects],
      replicas: config.NATS_REPLICAS,
      keepMs: config.NATS_RETENTION
    })
    const { state } = await manager.streams.info(recordStream, { subjects_filter: recordSubjects })
    for (const subject of Object.keys(state.subjects ?? {})) {
      const account = accountOf(subject)
      if (takers.has(account) || stopping.signal.aborted) continue
      takers.set(account, begin(manager, connection, account))
      log.info(
        { event: 'following_stream', account },
        `taking the records of account ${account} from NATS`
      )
    }
  }

  const lookAgain = async (): Promise<void> => {
    await look()
    work.resetBackoff()
    if (fault !== undefined)
      log.info({ event: 'stream_mended' }, `the stream ${recordStream} in NATS can be read again`)
    fault = undefined
    found = true
    onChange()
    await delay(lookMs, undefined, { signal: stopping.signal })
  }
  const work = retryForever({
    run: lookAgain,
    report: (error, attempt, retryMs) => {
      fault = nats.fault() ?? reasonOf(error)
      log.warn(
        { event: 'stream_fault', attempt, retry_ms: retryMs },
        `the stream ${recordStream} in NATS cannot be read: ${fault}`
      )
      onChange()
    },
    stop: stopping.signal,
    maxDelayMs
  })
  return {
    account: (name) => {
      const [state, unreachable] = [takers.get(name)?.state(), nats.fault()]
      return state && unreachable !== undefined
        ? { ...state, following: false, fault: unreachable }
        : state
    },
    state: () => {
      const why = nats.fault() ?? fault
      return omitUndefined({ found, accounts: takers.size, fault: why })
    },
    stop: async () => {
      stopping.abort()
      await Promise.all([...takers.values()].map((taker) => taker.stop()))
      await nats.close()
      await work.over
    }
  }
}
