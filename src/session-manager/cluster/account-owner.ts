import { join } from 'node:path'
import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { ForwardConfig, Forwarding } from './forward.ts'
import type { Journal } from '../journal/journal.ts'
import { createLeaseKeeper } from './lease-keeper.ts'
import { createProfileBackup } from './profile-backup/backup.ts'
import { openStore, type ProfileStoreConfig } from './profile-backup/open-store.ts'
import { createProfileRestore } from './profile-backup/restore.ts'
import type { Session } from '../session/session.ts'

/**
 * What lets an account be run by any of several hosts: with NATS_URL by one of them at a time, with
 * PROFILE_BACKUP by each with the device that was linked on another. Without both none of it is
 * loaded.
 */
export interface AccountOwner {
  /** Before each start of a browser; connection.ts says how. */
  admit(tell: (waitingFor: string) => void, signal: AbortSignal): Promise<void>
  /** After every transition of the session. */
  changed(session: Session, before: Session): void
  /** The browser was closed in order. */
  closed(): Promise<void>
  /** The device is unlinked. */
  forget(): Promise<void>
  /** The browser is closed, and this host stops. */
  handOver(): Promise<void>
  /** Whether the account is this host's, as far as hosts share it. */
  isOurs(): boolean
  /** Which time it is that it is; undefined while it is not. */
  term(): number | undefined
  /** When the newest backup was made, ms. */
  backedUpAt(): number | undefined
}

/** The variables for an account that several machines can run; durations in ms. */
export interface ClusterConfig extends ForwardConfig, ProfileStoreConfig {
  STATE_DIR: string
  /** How long an account stays with a host that is not heard of, when NATS is used. */
  LEASE_TTL: number
  PROFILE_BACKUP_KEY: string
  PROFILE_BACKUP_INTERVAL: number
}

interface AccountOwnerOptions {
  config: ClusterConfig
  journal: Journal
  profile: string
  forwarding: Forwarding | undefined
  /** The account is this host's no more: close the browser. */
  onLost: (reason: string) => void
  log: Log
}

export const createAccountOwner = ({
  config,
  journal,
  profile,
  forwarding,
  onLost,
  log
}: AccountOwnerOptions): AccountOwner => {
  const { ACCOUNT: account, PROFILE_BACKUP_INTERVAL: intervalMs } = config
  const lease =
    forwarding &&
    createLeaseKeeper({
      account,
      nats: forwarding.nats,
      ttlMs: config.LEASE_TTL,
      replicas: config.NATS_REPLICAS,
      profile,
      onLost,
      log
    })
  const isOurs = (): boolean => lease?.isHeld() ?? true
  const backups = (): {
    backup: ReturnType<typeof createProfileBackup>
    restore: ReturnType<typeof createProfileRestore>
  } => {
    const shared = {
      store: openStore(config),
      secret: config.PROFILE_BACKUP_KEY,
      account,
      journal,
      profile,
      log
    }
    const forwarded = (): boolean => forwarding === undefined || forwarding.state().behind === 0
    return {
      backup: createProfileBackup({
        ...shared,
        workDirectory: join(config.STATE_DIR, 'profile-backup'),
        isOurs,
        forwarded,
        intervalMs,
        settleMs: Math.min(60_000, intervalMs)
      }),
      restore: createProfileRestore(shared)
    }
  }
  const { backup, restore } = config.PROFILE_BACKUP === '' ? {} : backups()

  // Chromium and the journal have their part of the time for a stop, too; a backup that is cut
  // short leaves the one before
  const closed = async (): Promise<void> => {
    await withTimeout(backup?.closed() ?? Promise.resolve(), config.SHUTDOWN_TIMEOUT * 0.4).catch(
      () =>
        log.warn(
          { event: 'profile_backup_cut_short' },
          'no time for a backup of the linked device: the one before stands'
        )
    )
  }
  return {
    admit: async (tell, signal) => {
      await lease?.admit(tell, signal)
      await restore?.restore(tell, signal)
    },
    changed: ({ status }, before) => {
      if (status === before.status) return
      if (status === 'READY') backup?.ready()
      else if (before.status === 'READY') backup?.paused()
      if (status === 'QR_REQUIRED') restore?.codeShown()
    },
    closed,
    forget: async () => backup?.forget(),
    handOver: async () => {
      await closed()
      await lease?.release()
    },
    isOurs,
    term: () => (lease === undefined ? 1 : lease.term()),
    backedUpAt: () => backup?.takenAt()
  }
}
