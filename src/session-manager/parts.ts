import type { Metrics } from '../platform/metrics.ts'
import type { Platform } from '../platform/start.ts'
import { createAccountConnection } from './account-connection.ts'
import { startCluster, type Cluster } from './cluster/start.ts'
import { directoriesIn, type Config } from './config.ts'
import { Eraser } from './journal/eraser.ts'
import type { Journal } from './journal/journal.ts'
import { createCounters } from './metrics.ts'
import { createRecording, type Recording } from './recording.ts'
import { Remapping } from './remapping.ts'
import type { Connection } from './session/connection.ts'
import type { StatusChanges } from './status.ts'

/** The parts of the daemon. */
export interface Parts {
  journal: Journal
  eraser: Eraser
  cluster: Cluster
  recording: Recording
  connection: Connection
  remapping: Remapping
}

/** The parts refer to each other, but call each other only once all are made. */
export const createParts = async (
  { config, log }: Platform<Config>,
  { journal, metrics, changes }: { journal: Journal; metrics: Metrics; changes: StatusChanges }
): Promise<Parts> => {
  const onChange = (): void => changes.emit()
  const { profile, media: directory } = directoriesIn(config.STATE_DIR)
  const isForwarding = config.NATS_URL.length > 0
  const eraser: Eraser = new Eraser({
    journal,
    directory,
    purge: isForwarding ? async (...args) => cluster.forwarding?.purge(...args) : undefined,
    onErased: onChange,
    log
  })
  const cluster: Cluster = await startCluster({
    config,
    journal,
    profile,
    adopt: (people) => eraser.adopt(people),
    onLost: (reason) => connection.fail(reason),
    onChange,
    log
  })
  const { forwarding, accountOwner } = cluster
  const recording = createRecording({
    config,
    journal,
    page: () => connection.ready(),
    onUnread: (reason) => connection.limit('backfill', reason),
    forwarding,
    onChange,
    log
  })
  const counters = createCounters(metrics.registry, log)
  const shared = { config, journal, accountOwner, log }
  const connection = createAccountConnection({ ...shared, recording, counters, onChange })
  const remapping = new Remapping({
    ...shared,
    media: recording.media,
    isOurs: () => accountOwner?.isOurs() ?? true
  })
  return { journal, eraser, cluster, recording, connection, remapping }
}
