import { join } from 'node:path'
import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { ForwardConfig, Forwarding } from './forward.ts'
import type { Journal } from '../journal/journal.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import { ProfileBackup } from './profile-backup/backup.ts'
import { openStore, type ProfileStoreConfig } from './profile-backup/open-store.ts'
import { ProfileRestore } from './profile-backup/restore.ts'
import type { Session } from '../session/session.ts'

/** The variables for an account that several machines can run; durations in ms. */
export interface ClusterConfig extends ForwardConfig, ProfileStoreConfig {
  STATE_DIR: string
  /** How long an account stays with a host that is silent, when NATS is used. */
  LEASE_TTL: number
  PROFILE_BACKUP_KEY: string
  PROFILE_BACKUP_INTERVAL: number
}

interface AccountOwnerOptions {
  config: ClusterConfig
  journal: Journal
  profile: string
  forwarding: Forwarding | undefined
  /** Called when this host has the account no more: close the browser. */
  onLost: (reason: string) => void
  log: Log
}

/** A backup may take this part of SHUTDOWN_TIMEOUT. Chromium and the journal need the rest. */
const backupShare = 0.4
/** The first backup after READY waits at most this long, ms. */
const maxSettleMs = 60_000

/**
 * Lets any of several hosts run an account. With NATS_URL one host runs it at a time. With
 * PROFILE_BACKUP each host uses the device that was linked on another. Without both, this is not
 * loaded.
 */
export class AccountOwner {
  readonly #options: AccountOwnerOptions
  readonly #lease: LeaseKeeper | undefined
  readonly #backup: ProfileBackup | undefined
  readonly #restore: ProfileRestore | undefined

  constructor(options: AccountOwnerOptions) {
    const { config, profile, forwarding, onLost, log } = options
    this.#options = options
    if (forwarding !== undefined)
      this.#lease = new LeaseKeeper({
        account: config.ACCOUNT,
        nats: forwarding.nats,
        ttlMs: config.LEASE_TTL,
        replicas: config.NATS_REPLICAS,
        profile,
        onLost,
        log
      })
    if (config.PROFILE_BACKUP === '') return
    const { backup, restore } = this.#createBackups()
    this.#backup = backup
    this.#restore = restore
  }

  /** Before each start of a browser; session/connection.ts says how. */
  async acquire(onWaiting: (waitingFor: string) => void, signal: AbortSignal): Promise<void> {
    await this.#lease?.acquire(onWaiting, signal)
    await this.#restore?.restore(onWaiting, signal)
  }

  /** After every transition of the session. */
  changed({ status }: Session, before: Session): void {
    if (status === before.status) return
    if (status === 'READY') this.#backup?.ready()
    else if (before.status === 'READY') this.#backup?.paused()
    if (status === 'QR_REQUIRED') this.#restore?.codeShown()
  }

  /** After the browser was closed in order. A backup that is cut short leaves the last one. */
  async closed(): Promise<void> {
    const { config, log } = this.#options
    const backup = this.#backup?.closed() ?? Promise.resolve()
    await withTimeout(backup, config.SHUTDOWN_TIMEOUT * backupShare).catch(() =>
      log.warn(
        { event: 'profile_backup_cut_short' },
        'no time for a backup of the linked device: the one before stands'
      )
    )
  }

  /** After the device was unlinked. */
  async deleteBackups(): Promise<void> {
    return this.#backup?.deleteAll()
  }

  /** When this host stops, after the browser was closed. */
  async handOver(): Promise<void> {
    await this.closed()
    await this.#lease?.release()
  }

  /** Whether this host has the account. A host that shares it with no other always has. */
  isOurs(): boolean {
    return this.#lease?.isHeld() ?? true
  }

  /** Counts the times that this host has had the account; undefined while it has not. */
  fencingTerm(): number | undefined {
    return this.#lease === undefined ? 1 : this.#lease.fencingTerm()
  }

  /** When the newest backup was made, ms. */
  backedUpAt(): number | undefined {
    return this.#backup?.takenAt()
  }

  #createBackups(): { backup: ProfileBackup; restore: ProfileRestore } {
    const { config, journal, profile, forwarding, log } = this.#options
    const { PROFILE_BACKUP_KEY: secret, PROFILE_BACKUP_INTERVAL: intervalMs } = config
    const shared = {
      store: openStore(config),
      secret,
      account: config.ACCOUNT,
      journal,
      profile,
      log
    }
    const backup = new ProfileBackup({
      ...shared,
      workDirectory: join(config.STATE_DIR, 'profile-backup'),
      isOurs: () => this.isOurs(),
      forwarded: () => forwarding === undefined || forwarding.state().behind === 0,
      intervalMs,
      settleMs: Math.min(maxSettleMs, intervalMs)
    })
    return { backup, restore: new ProfileRestore(shared) }
  }
}
