import { JetStreamApiError, jetstream } from '@nats-io/jetstream'
import { Kvm, type KV, type KvEntry } from '@nats-io/kv'
import type { NatsConnection } from '@nats-io/transport-node'

/** The key of one account in the bucket of leases. */
export interface LeaseKey {
  /** How long the key stays without being put again, ms. The first host sets it for the bucket. */
  ttlMs: number
  /**
   * Puts the key: as a new one, or in place of a revision.
   * @returns its revision, undefined when it was refused
   * @throws when it may have been put or not
   */
  put(value: LeaseValue, revision?: number): Promise<number | undefined>
  look(): Promise<LeaseSight | undefined>
  /** Gives the key up, if it still has that revision. */
  remove(revision: number): Promise<void>
  /** Gives the current key, and then every change. Ends when NATS ends it. */
  watch(): Promise<AsyncIterable<LeaseSight>>
}

/** What other hosts can read about an owner. */
export interface LeaseValue {
  /** Another one for each process. */
  owner: string
  host: string
  /** ISO 8601. */
  since: string
}

export interface LeaseSight {
  revision: number
  /** undefined when the key was given up. */
  value: LeaseValue | undefined
}

export const leaseBucket = 'leadmaster-accounts'

/** NATS's own number for "wrong last sequence". */
const wrongRevision = 10_071

const sight = (entry: KvEntry): LeaseSight => ({
  revision: entry.revision,
  value: entry.operation === 'PUT' ? entry.json<LeaseValue>() : undefined
})

/** The revision of a put; undefined when the key had another revision. */
const unlessRefused = (put: Promise<number>): Promise<number | undefined> =>
  put.catch((error: unknown) => {
    if (error instanceof JetStreamApiError && error.code === wrongRevision) return undefined
    throw error
  })

export const openLeaseKey = async (
  connection: NatsConnection,
  account: string,
  settings: { ttlMs: number; replicas: number }
): Promise<LeaseKey> => {
  const open = (timeoutMs: number): Promise<KV> =>
    // Reads go to the leader, not to a replica that is behind.
    new Kvm(jetstream(connection, { timeout: timeoutMs })).create(leaseBucket, {
      ttl: settings.ttlMs,
      replicas: settings.replicas,
      history: 1,
      allow_direct: false
    })
  const { ttl: ttlMs } = await (await open(settings.ttlMs / 6)).status()
  const bucket = await open(ttlMs / 6)
  return {
    ttlMs,
    put: (value, revision) =>
      unlessRefused(
        revision === undefined
          ? bucket.create(account, JSON.stringify(value))
          : bucket.update(account, JSON.stringify(value), revision)
      ),
    look: async () => {
      const entry = await bucket.get(account)
      return entry === null ? undefined : sight(entry)
    },
    remove: (revision) => bucket.delete(account, { previousSeq: revision }),
    watch: async () => {
      const entries = await bucket.watch({ key: account })
      return (async function* () {
        for await (const entry of entries) yield sight(entry)
      })()
    }
  }
}
