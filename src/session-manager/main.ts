import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lifecycle } from '../platform/lifecycle.ts'
import { createMetrics } from '../platform/metrics.ts'
import { rewriteMs, type Rewriting } from '../platform/sqlite.ts'
import { start, type Platform } from '../platform/start.ts'
import { directoriesIn, readConfig, type Config } from './config.ts'
import { openJournal, type Journal } from './journal/journal.ts'
import { addGauges } from './metrics.ts'
import { createParts, type Parts } from './parts.ts'
import { serve } from './serve.ts'
import { StatusChanges, StatusReader } from './status.ts'

const service = 'session-manager'
/**
 * A journal that could not be written for this long makes the daemon unhealthy, ms: no WATCHDOG=1
 * is sent, and after WatchdogSec= systemd kills the process with what waits in its memory.
 */
const unwritableMs = 60_000
/**
 * Requests under way may take this long at a stop, ms. Chromium has the rest of SHUTDOWN_TIMEOUT.
 */
const drainMs = 3_000

const openState = async (config: Config, rewriting: Rewriting): Promise<Journal> => {
  const { profile, media } = directoriesIn(config.STATE_DIR)
  await mkdir(profile, { recursive: true, mode: 0o700 })
  await mkdir(media, { recursive: true, mode: 0o700 })
  return openJournal(join(config.STATE_DIR, 'journal.db'), config.ACCOUNT, Date.now, rewriting)
}

/**
 * What a stop does between closing the HTTP server and closing the journal, in this order. What was
 * captured is written and forwarded while this host still has the account.
 */
const registerStop = (lifecycle: Lifecycle, parts: Parts): void => {
  const { connection, recording, remapping, cluster } = parts
  const { writer, media, backfill, retention } = recording
  const { forwarding, accountOwner } = cluster
  const steps: [step: string, run: () => Promise<void> | void][] = [
    ['stop reading the journal again', () => remapping.stop()],
    ['close Chromium', () => connection.stop()],
    [
      'stop reading back, fetching media and erasing',
      () => [retention, backfill, media].forEach((part) => part.stop())
    ],
    ['write what was captured', () => writer.stop()]
  ]
  if (forwarding) steps.push(['stop forwarding', () => forwarding.stop()])
  if (accountOwner) steps.push(['hand the account over', () => accountOwner.handOver()])
  if (forwarding) steps.push(['close the connection to NATS', () => forwarding.close()])
  // The lifecycle runs the last registered step first.
  for (const [step, run] of steps.reverse()) lifecycle.onStop(step, run)
}

const main = async (platform: Platform<Config>): Promise<void> => {
  const { config, log, notify, lifecycle } = platform
  const journal = await openState(config, (bytes) => notify.busy(rewriteMs(bytes)))
  lifecycle.onStop('close the journal', () => {
    journal.checkpoint()
    journal.close()
  })
  const metrics = createMetrics()
  const changes = new StatusChanges()
  const parts = await createParts(platform, { journal, metrics, changes })
  const { connection, recording, cluster } = parts
  registerStop(lifecycle, parts)
  lifecycle.onUnhandledError((error) => connection.onUnhandledError(error))
  addGauges({ registry: metrics.registry, config, ...parts })
  const status = new StatusReader({ config, ...parts, forwarding: cluster.forwarding })
  const { accountOwner } = cluster
  const shared = { ...parts, accountOwner, metrics, status, changes }
  const { http, port } = await serve({ ...shared, service, platform })
  lifecycle.onStop('close the HTTP server', () => http.close(drainMs))

  const address = `${config.HOST}:${port}`
  changes.subscribe(() => notify.status(status.describe(address)))
  log.info({ event: 'listening', address, account: config.ACCOUNT }, `listening on ${address}`)
  notify.ready(status.describe(address))
  notify.watchdog(() => {
    const failure = recording.writer.failure()
    const isWritable = failure === undefined || performance.now() - failure.since < unwritableMs
    return connection.isAlive() && isWritable
  })
  await connectUnlessOff(platform, parts)
}

const connectUnlessOff = async (
  { log }: Platform<Config>,
  { journal, connection }: Parts
): Promise<void> => {
  if (journal.mark('off_since') === undefined) return connection.connect()
  log.warn(
    { event: 'session_off' },
    'the session was turned off on request and stays off: ' +
      'leadmaster connect, or POST /connect, turns it on'
  )
  await connection.disconnect(false)
}

await start(service, readConfig, main)
