import { join } from 'node:path'
import type { Log } from '../platform/log.ts'
import { within } from '../platform/within.ts'
import type { Config } from './config.ts'
import type { Journal } from './journal.ts'
import { createProfileBackup } from './profile/backup.ts'
import { openStore } from './profile/open-store.ts'
import { createProfileRestore } from './profile/restore.ts'
import type { Session } from './session.ts'

/**
 * What lets an account move between hosts: backups of its linked device, which another host restores. Without
 * PROFILE_BACKUP none of it is loaded.
 */
export interface Placement {
  /** Before each start of a browser; connection.ts says how. */
  admit(tell: (waitingFor: string) => void, signal: AbortSignal): Promise<void>
  /** After every transition of the session. */
  changed(session: Session, before: Session): void
  /** The browser was closed in order. */
  closed(): Promise<void>
  /** The device is unlinked. */
  forget(): Promise<void>
  /** When the newest backup was made, ms. */
  backedUpAt(): number | undefined
}

export const createPlacement = (options: { config: Config; journal: Journal; profile: string; isOurs: () => boolean; log: Log }): Placement => {
  const { config, journal, profile, isOurs, log } = options
  const shared = { store: openStore(config), secret: config.PROFILE_BACKUP_KEY, account: config.ACCOUNT, journal, profile, log }
  const backup = createProfileBackup({ ...shared, workDirectory: join(config.STATE_DIR, 'profile-backup'), isOurs, intervalMs: config.PROFILE_BACKUP_INTERVAL, settleMs: Math.min(60_000, config.PROFILE_BACKUP_INTERVAL) })
  const restore = createProfileRestore(shared)
  return {
    admit: restore.restore,
    changed: ({ status }, before) => {
      if (status === before.status) return
      if (status === 'READY') backup.ready()
      else if (before.status === 'READY') backup.paused()
      if (status === 'QR_REQUIRED') restore.codeShown()
    },
    // Chromium and the journal have their part of the time for a stop, too; a backup that is cut short leaves the one before
    closed: () => within(config.SHUTDOWN_TIMEOUT * 0.4, backup.closed()).catch(() => log.warn({ event: 'profile_backup_cut_short' }, 'no time for a backup of the linked device: the one before stands')),
    forget: backup.forget,
    backedUpAt: backup.takenAt
  }
}
