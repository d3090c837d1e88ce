import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstreamManager,
  type JetStreamManager,
  type StoredMsg,
  type StreamConfig
} from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { PlainError, reasonOf } from '../harmless.ts'

/** What a stream is made with when it is not there. */
interface StreamSettings {
  name: string
  subjects: string[]
  replicas: number
  /** How long messages stay, ms. */
  keepMs: number
}

const nanosecondsPerMs = 1_000_000
/** Within this time the server drops a message that comes with the same `Nats-Msg-Id`, ms. */
const duplicateWindowMs = 300_000
/** NATS's own number for it, https://github.com/nats-io/nats-server/blob/main/server/errors.json */
const nameInUse = 10_058

/**
 * Opens the stream. The first process makes it, and the operator may change its settings then. A
 * stream that drops old messages to make room is refused: they would be lost without notice.
 * @throws {Error} in plain words
 */
export const openStream = async (
  connection: NatsConnection,
  settings: StreamSettings
): Promise<JetStreamManager> => {
  const { name, subjects, replicas, keepMs } = settings
  const manager = await jetstreamManager(connection).catch((error: Error) => {
    throw new PlainError(
      `JetStream of NATS does not answer (${reasonOf(error)}): ` +
        "turn it on in nats-server's configuration, jetstream {}",
      { cause: error }
    )
  })
  const wanted: Partial<StreamConfig> & { name: string } = {
    name,
    subjects,
    num_replicas: replicas,
    max_age: keepMs * nanosecondsPerMs,
    duplicate_window: Math.min(duplicateWindowMs, keepMs) * nanosecondsPerMs,
    storage: 'file',
    retention: 'limits',
    discard: 'new'
  }
  const found = await manager.streams.info(name).catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.StreamNotFound)
      return undefined
    throw error
  })
  const made =
    found ??
    (await manager.streams.add(wanted).catch((error: unknown) => {
      // somebody else was first
      if (error instanceof JetStreamApiError && error.code === nameInUse)
        return manager.streams.info(name)
      throw new PlainError(
        `the stream ${name} cannot be made with NATS_REPLICAS=${replicas}: ${reasonOf(error)}`,
        { cause: error }
      )
    }))
  if (made.config.discard !== 'new')
    throw new PlainError(
      `the stream ${name} drops old records when it is full: ` +
        `set that right by nats stream edit ${name} --discard new`
    )
  return manager
}

/**
 * The last message of a subject; null without messages. After the last message was deleted,
 * nats-server 2.9 reports no message until it reads its index again. The message before is then
 * found by halving the stream.
 */
export const lastMessage = async (
  manager: JetStreamManager,
  stream: string,
  subject: string
): Promise<StoredMsg | null> => {
  const last = await manager.streams.getMessage(stream, { last_by_subj: subject })
  if (last !== null) return last
  const { state } = await manager.streams.info(stream, { subjects_filter: subject })
  if ((state.subjects?.[subject] ?? 0) === 0) return null
  let found: StoredMsg | null = null
  for (let [from, to] = [state.first_seq, state.last_seq]; from <= to; ) {
    const middle = Math.floor((from + to) / 2)
    // The client passes on what its types do not name.
    const query = { seq: middle, next_by_subj: subject }
    const next = await manager.streams.getMessage(stream, query)
    if (next === null) to = middle - 1
    else [found, from] = [next, next.seq + 1]
  }
  return found
}
