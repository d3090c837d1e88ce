import { randomUUID } from 'node:crypto'
import { jetstream, type JetStreamClient } from '@nats-io/jetstream'
import { Kvm, type KV, type KvEntry } from '@nats-io/kv'
import Type from 'typebox'
import { Compile } from 'typebox/compile'
import type { Log } from '../../platform/log.ts'
import type { Nats } from '../../platform/nats/nats.ts'
import { retryForever, type RetryForever } from '../../platform/retry-forever.ts'
import type { ErasedPerson } from '../journal/adopted-erasures.ts'
import type { Journal } from '../journal/journal.ts'

const erasureBucket = 'leadmaster-erasures'

const People = Compile(
  Type.Array(
    Type.Object({
      secret: Type.String(),
      hash: Type.String(),
      until: Type.Integer(),
      hasLid: Type.Boolean()
    })
  )
)
/** Persons of one entry. It has some 30 KB. */
const batchSize = 200

const open = (client: JetStreamClient, replicas: number): Promise<KV> =>
  new Kvm(client).create(erasureBucket, { replicas, history: 1, allow_direct: false })

const peopleOf = (entry: KvEntry): ErasedPerson[] => {
  if (entry.operation !== 'PUT') return []
  const value: unknown = entry.json()
  return People.Check(value) ? value : []
}

export interface ErasureExchangeOptions {
  account: string
  journal: Pick<Journal, 'erasuresToShare' | 'erasuresShared'>
  nats: Nats
  replicas: number
  /** Erases what another host erased, and keeps it out from then on. */
  adopt: (people: readonly ErasedPerson[]) => Promise<void>
  log: Log
  maxDelayMs?: number
}

/**
 * Shares with the other hosts of an account what was erased on request: each host has a journal of
 * its own. A bucket in NATS has an entry for each erasure: keyed hashes of the addresses, and their
 * key. Entries stay, for a host that comes back.
 */
export class ErasureExchange {
  readonly #options: ErasureExchangeOptions
  readonly #stopping = new AbortController()
  readonly #work: RetryForever
  #watch: { stop(): void } | undefined

  constructor(options: ErasureExchangeOptions) {
    this.#options = options
    const { account, log, maxDelayMs = 60_000 } = options
    this.#work = retryForever({
      run: () => this.#follow(),
      report: (error, attempt, retryMs) => {
        log.warn(
          { event: 'erasures_fault', account, attempt, retry_ms: retryMs, err: error },
          'Failed to follow what other hosts of the account erased. It is tried again.'
        )
      },
      stop: this.#stopping.signal,
      maxDelayMs
    })
  }

  /** Puts what was erased here into the bucket. */
  async share(client: JetStreamClient): Promise<void> {
    const { account, journal, replicas } = this.#options
    const people = journal.erasuresToShare()
    if (people.length === 0) return
    const bucket = await open(client, replicas)
    for (let start = 0; start < people.length; start += batchSize) {
      const batch = people.slice(start, start + batchSize)
      await bucket.put(`${account}.${randomUUID()}`, JSON.stringify(batch))
      journal.erasuresShared(batch)
    }
  }

  /** Erases here what other hosts have erased so far. */
  async catchUp(client: JetStreamClient): Promise<void> {
    const bucket = await open(client, this.#options.replicas)
    const people: ErasedPerson[] = []
    for await (const key of await bucket.keys(`${this.#options.account}.>`)) {
      const entry = await bucket.get(key)
      if (entry !== null) people.push(...peopleOf(entry))
    }
    await this.#options.adopt(people)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#watch?.stop()
    await this.#work.over
  }

  async #follow(): Promise<void> {
    const { nats, account, replicas, adopt } = this.#options
    const stopped = new Promise<never>((_, reject) => {
      this.#stopping.signal.addEventListener('abort', () => reject(new Error('it was stopped')), {
        once: true
      })
    })
    stopped.catch(() => undefined)
    const connection = await Promise.race([nats.connected, stopped])
    const bucket = await open(jetstream(connection), replicas)
    const entries = await bucket.watch({ key: `${account}.>` })
    this.#watch = entries
    if (this.#stopping.signal.aborted) return entries.stop()
    this.#work.resetBackoff()
    let people: ErasedPerson[] = []
    for await (const entry of entries) {
      people.push(...peopleOf(entry))
      // The entries that exist already are erased in one pass over the journal.
      if ((entry.delta ?? 0) > 0) continue
      await adopt(people)
      people = []
    }
    if (!this.#stopping.signal.aborted) throw new Error('NATS ended the watch')
  }
}
