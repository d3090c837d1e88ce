import type { Registry } from 'prom-client'
import type { Readiness } from '../contract/lead.ts'
import type { Problem } from '../contract/problem.ts'
import type { Status } from '../contract/session.ts'
import type { limitConcurrency } from '../platform/async.ts'
import type { Log } from '../platform/log.ts'
import { addMessageMetrics } from './api/message-metrics.ts'
import { readJournal, sessionOnly, streamCheck, withStream } from './cluster/beside-stream.ts'
import { followInTurn } from './cluster/follow-in-turn.ts'
import type { StreamFollower, StreamFollowerOptions } from './cluster/jetstream/follow-stream.ts'
import type { Config } from './config.ts'
import { accountChecks, accountName, describeAccounts, type Account } from './follow/accounts.ts'
import { createFollower } from './follow/follower.ts'
import { createIngest, type Ingest } from './follow/ingest.ts'
import { PassedOnErasures } from './follow/passed-on-erasures.ts'
import { createUpstream, type Upstream, type UpstreamOptions } from './follow/upstream.ts'
import type { Store } from './store/open.ts'
import type { ChangeNotifier } from './store/outbox/change-notifier.ts'
import { readCursor, type Cursor } from './store/write/cursors.ts'
import type { Webhooks } from './webhooks/webhooks.ts'

/** Follows the stream in NATS. */
type FollowStream = (options: StreamFollowerOptions) => StreamFollower

/** @returns undefined without NATS_URL: then nothing of NATS is loaded */
export const loadFollowStream = async ({
  NATS_URL
}: Pick<Config, 'NATS_URL'>): Promise<FollowStream | undefined> =>
  NATS_URL.length === 0
    ? undefined
    : (await import('./cluster/jetstream/follow-stream.ts')).followStream

interface FollowingOptions {
  config: Config
  store: Store
  notifier: ChangeNotifier
  webhooks: Webhooks
  /** Runs one deletion at a time. */
  inTurn: ReturnType<typeof limitConcurrency>
  /** Undefined: records come from session-managers by HTTP. */
  followStream: FollowStream | undefined
  registry: Registry
  /** Called with a text for `systemctl status` whenever it may have changed. */
  onStatus: (text: string) => void
  log: Log
}

/**
 * Takes records and sessions from all session-managers, and from the stream in NATS if there is
 * one, into the store and to those who are notified.
 */
export class Following {
  readonly accounts: Account[] = []
  readonly #options: FollowingOptions
  readonly #passedOn: PassedOnErasures
  readonly #ingest: Ingest
  readonly #stream: StreamFollower | undefined

  constructor(options: FollowingOptions) {
    const { config, store, notifier, inTurn, registry, log } = options
    const { SESSION_MANAGER_BASE_URL, FURTHER_SESSION_MANAGERS } = config
    this.#options = options
    const onChanged = notifier.notifyChanged
    this.#passedOn = new PassedOnErasures({ store, inTurn, onChanged, log })
    this.#ingest = createIngest({
      db: store.db,
      onTaken: () => {
        onChanged()
        this.#passedOn.wake()
      },
      onConversed: addMessageMetrics(registry),
      automaticReplies: config.AUTOMATIC_REPLIES
    })
    this.#stream = this.#startStream()
    const others = Object.keys(FURTHER_SESSION_MANAGERS)
    this.#follow(SESSION_MANAGER_BASE_URL, { others })
    for (const [account, baseUrl] of Object.entries(FURTHER_SESSION_MANAGERS))
      this.#follow(baseUrl, { account })
  }

  checks(): Readiness['checks'] {
    const checks = accountChecks(this.accounts)
    return this.#stream ? [...checks, streamCheck(this.#stream)] : checks
  }

  async stop(): Promise<void> {
    await this.#stream?.stop()
    await Promise.all(this.accounts.map(({ follower }) => follower.stop()))
    await this.#passedOn.stop()
  }

  #startStream(): StreamFollower | undefined {
    const { config, store, followStream, log } = this.#options
    return followStream?.({
      config,
      ingest: this.#ingest,
      cursor: this.#cursor,
      log,
      storeId: store.id,
      readJournal: async (name, ...request) => {
        const account = this.accounts.find((each) => accountName(each) === name)
        return account && readJournal(account.upstream, ...request)
      },
      onChange: this.#onChange
    })
  }

  #follow(baseUrl: string, more: Pick<UpstreamOptions, 'account' | 'others'>): void {
    const { config, store, log } = this.#options
    const upstream = createUpstream({
      baseUrl,
      token: config.SESSION_MANAGER_TOKEN,
      envFile: config.ENV_FILE,
      ...more
    })
    const records = this.#stream
      ? () => sessionOnly(upstream)
      : () => ({ upstream, ingest: this.#ingest, cursor: this.#cursor })
    let session: Status | Problem | undefined
    const follower = followInTurn({
      cluster: store.cluster,
      upstream,
      begin: () =>
        createFollower({
          ...records(),
          log,
          onSession: (now) => {
            session = now
            this.#onSession(upstream, now)
          },
          onChange: this.#onChange,
          checkIntervalMs: config.UPSTREAM_CHECK_INTERVAL,
          maxDelayMs: config.UPSTREAM_MAX_DELAY
        }),
      onChange: this.#onChange,
      checkIntervalMs: config.UPSTREAM_CHECK_INTERVAL
    })
    this.accounts.push({
      upstream,
      follower: this.#stream ? withStream(follower, this.#stream, upstream.account) : follower,
      session: () => session
    })
  }

  #onSession(upstream: Upstream, now: Status | Problem): void {
    const { notifier, webhooks } = this.#options
    notifier.notifySession(now)
    webhooks.onSession(upstream.account ?? '', now)
    if ('journal' in now) this.#passedOn.onStatus(upstream, now)
    this.#onChange()
  }

  readonly #cursor = (account: string): Promise<Cursor | undefined> =>
    readCursor(this.#options.store.db, account)

  readonly #onChange = (): void => {
    if (this.accounts.length > 0) this.#options.onStatus(describeAccounts(this.accounts))
  }
}
