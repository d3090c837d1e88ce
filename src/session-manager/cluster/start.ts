import type { Log } from '../../platform/log.ts'
import type { AccountOwner, ClusterConfig } from './account-owner.ts'
import type { Forwarding } from './forward.ts'
import type { Journal } from '../journal/journal.ts'

/** The parts for several machines. Each is undefined without its variables. */
export interface Cluster {
  forwarding: Forwarding | undefined
  accountOwner: AccountOwner | undefined
}

interface ClusterOptions {
  config: ClusterConfig
  journal: Journal
  /** The directory of the browser profile. */
  profile: string
  /** Erases what another host of the account was asked to erase. */
  adopt: ConstructorParameters<typeof Forwarding>[0]['adopt']
  /** Called when this host has the account no more: close the browser. */
  onLost: (reason: string) => void
  /** Called when the fault of forwarding has changed, or erased records are deleted from NATS. */
  onChange: () => void
  log: Log
}

/** Starts what NATS_URL and PROFILE_BACKUP ask for. Without both, neither is loaded. */
export const startCluster = async (options: ClusterOptions): Promise<Cluster> => {
  const { config, journal, profile, adopt, onLost, onChange, log } = options
  const isForwarding = config.NATS_URL.length > 0
  if (!isForwarding && config.PROFILE_BACKUP === '')
    return { forwarding: undefined, accountOwner: undefined }
  // Both are loaded before either is made: the forwarder asks the owner for its term.
  const forward = isForwarding ? await import('./forward.ts') : undefined
  const owner = await import('./account-owner.ts')
  const forwarding: Forwarding | undefined =
    forward &&
    new forward.Forwarding({
      config,
      journal,
      fencingTerm: () => accountOwner.fencingTerm(),
      log,
      onChange,
      onPurged: onChange,
      adopt
    })
  const accountOwner: AccountOwner = new owner.AccountOwner({
    config,
    journal,
    profile,
    forwarding,
    onLost,
    log
  })
  return { forwarding, accountOwner }
}
