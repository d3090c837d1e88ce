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
import { connectNats, type Nats, type NatsConfig } from '../../../platform/nats/nats.ts'
import { omitUndefined } from '../../../platform/omit-undefined.ts'
import { retryForever, type RetryForever } from '../../../platform/retry-forever.ts'
import type { Ingest } from '../../follow/ingest.ts'
import type { Cursor } from '../../store/write/cursors.ts'
import {
  batchSize,
  RecordConsumer,
  type RecordConsumerOptions,
  type RecordConsumerState
} from './record-consumer.ts'

/** How the stream as a whole is followed. */
interface StreamState {
  /** Whether the stream was found. */
  found: boolean
  /** What keeps the stream from being read. */
  fault?: string
  /** Of how many accounts the stream has records. */
  accounts: number
}

/**
 * Takes the records of all accounts that the stream in NATS has, together with the other hubs of
 * the same store.
 */
export interface StreamFollower {
  /** The state of one account. Undefined when the stream has no record of the account. */
  account(name: string): RecordConsumerState | undefined
  state(): StreamState
  stop(): Promise<void>
}

type ReadJournal = NonNullable<RecordConsumerOptions['readJournal']>

export interface StreamFollowerOptions {
  config: NatsConfig
  /** The id of the store that the records go to. */
  storeId: string
  ingest: Ingest
  cursor: (account: string) => Promise<Cursor | undefined>
  /** Reads a journal where session-manager is reached by HTTP; undefined where it is not. */
  readJournal?: (
    account: string,
    ...request: Parameters<ReadJournal>
  ) => Promise<readonly JournalRecord[] | undefined>
  onChange: () => void
  log: Log
  /** How often the stream is searched for new accounts, ms. */
  lookMs?: number
  /** After this time the server gives another hub what one hub did not acknowledge, ms. */
  ackWaitMs?: number
  maxDelayMs?: number
  /** How long a hub that is cut off keeps its turn, ms. */
  turnMs?: number
}

const nanosecondsPerMs = 1_000_000
const defaultLookMs = 5_000
const defaultAckWaitMs = 10_000
const defaultMaxDelayMs = 10_000
const defaultTurnMs = 5_000

/** Hubs of one store share a consumer. A hub with a store of its own takes all records. */
const durableOf = (account: string, storeId: string): string =>
  `hub-${account}-${storeId.replaceAll(/[^\w-]/g, '').slice(0, 12)}`

/**
 * Makes the consumer of an account, which hubs share. One request waits at a time, and no more is
 * delivered than one hub takes in a transaction. So what is delivered next is what comes next.
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

/** @returns the journal of the account's last record in the stream */
const readNewestJournal = async (
  manager: JetStreamManager,
  account: string
): Promise<string | undefined> => {
  const message = await lastMessage(manager, recordStream, recordSubject(account))
  return message?.header.get(journalHeader)
}

const createParse = (): ((data: unknown) => JournalRecord) => {
  const schema = Compile(JournalRecord)
  return (data) => {
    if (schema.Check(data)) return data
    const [error] = schema.Errors(data)
    throw new PlainError(
      'a record is not as this release knows records ' +
        `(${error?.instancePath || '/'} ${error?.message ?? ''}): ` +
        "upgrade central-hub to session-manager's version"
    )
  }
}

class JetStreamFollower implements StreamFollower {
  readonly #options: StreamFollowerOptions
  readonly #nats: Nats
  readonly #parse = createParse()
  /** By account. */
  readonly #consumers = new Map<string, RecordConsumer>()
  readonly #stopping = new AbortController()
  readonly #work: RetryForever
  #fault: string | undefined
  #found = false

  constructor(options: StreamFollowerOptions) {
    const { config, log, onChange, maxDelayMs = defaultMaxDelayMs } = options
    this.#options = options
    this.#nats = connectNats({
      servers: config.NATS_URL,
      credentials: config.NATS_CREDENTIALS,
      ca: config.NATS_CA,
      name: 'leadmaster central-hub',
      log,
      onChange
    })
    this.#work = retryForever({
      run: () => this.#lookAgain(),
      report: (error, attempt, retryMs) => this.#report(error, attempt, retryMs),
      stop: this.#stopping.signal,
      maxDelayMs
    })
  }

  account(name: string): RecordConsumerState | undefined {
    const [state, unreachable] = [this.#consumers.get(name)?.state(), this.#nats.fault()]
    return state && unreachable !== undefined
      ? { ...state, following: false, fault: unreachable }
      : state
  }

  state(): StreamState {
    const fault = this.#nats.fault() ?? this.#fault
    return omitUndefined({ found: this.#found, accounts: this.#consumers.size, fault })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.#consumers.values()].map((consumer) => consumer.stop()))
    await this.#nats.close()
    await this.#work.over
  }

  async #lookAgain(): Promise<void> {
    const { log, onChange, lookMs = defaultLookMs } = this.#options
    await this.#look()
    this.#work.resetBackoff()
    if (this.#fault !== undefined)
      log.info({ event: 'stream_mended' }, `the stream ${recordStream} in NATS can be read again`)
    this.#fault = undefined
    this.#found = true
    onChange()
    await delay(lookMs, undefined, { signal: this.#stopping.signal })
  }

  /** Finds the stream, and begins with the accounts that are new in it. */
  async #look(): Promise<void> {
    const { config, log } = this.#options
    const connection = await this.#nats.connected
    const manager = await openStream(connection, {
      name: recordStream,
      subjects: [recordSubjects],
      replicas: config.NATS_REPLICAS,
      keepMs: config.NATS_RETENTION
    })
    const { state } = await manager.streams.info(recordStream, { subjects_filter: recordSubjects })
    for (const subject of Object.keys(state.subjects ?? {})) {
      const account = accountOf(subject)
      if (this.#consumers.has(account) || this.#stopping.signal.aborted) continue
      this.#consumers.set(account, this.#consume(manager, connection, account))
      log.info(
        { event: 'following_stream', account },
        `taking the records of account ${account} from NATS`
      )
    }
  }

  #consume(manager: JetStreamManager, connection: NatsConnection, account: string): RecordConsumer {
    const { storeId, ingest, onChange, log, cursor, readJournal } = this.#options
    const { maxDelayMs = defaultMaxDelayMs, turnMs = defaultTurnMs } = this.#options
    const { ackWaitMs = defaultAckWaitMs } = this.#options
    const durable = durableOf(account, storeId)
    const options: RecordConsumerOptions = {
      account,
      parse: this.#parse,
      ingest,
      onChange,
      log,
      maxDelayMs,
      turnMs,
      consumer: () => consumerOf(manager, connection, account, durable, ackWaitMs),
      rewind: () => manager.consumers.delete(recordStream, durable),
      newestJournal: () => readNewestJournal(manager, account),
      cursor: () => cursor(account)
    }
    if (readJournal) options.readJournal = (...request) => readJournal(account, ...request)
    return new RecordConsumer(options)
  }

  #report(error: unknown, attempt: number, retryMs: number): void {
    const { log, onChange } = this.#options
    this.#fault = this.#nats.fault() ?? reasonOf(error)
    log.warn(
      { event: 'stream_fault', attempt, retry_ms: retryMs },
      `the stream ${recordStream} in NATS cannot be read: ${this.#fault}`
    )
    onChange()
  }
}

export const followStream = (options: StreamFollowerOptions): StreamFollower =>
  new JetStreamFollower(options)
