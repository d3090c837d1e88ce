import type { Log } from '../platform/log.ts'
import { readProxy } from '../platform/proxy.ts'
import type { AccountOwner } from './cluster/account-owner.ts'
import { directoriesIn, mediaLimitsOf, type Config } from './config.ts'
import type { Journal, NewRecord } from './journal/journal.ts'
import type { Counters } from './metrics.ts'
import type { Recording } from './recording.ts'
import { createConnection, type Connection } from './session/connection.ts'
import type { Session } from './session/session.ts'
import { keepVersion, otherThanPinned, pinnedPage, webVersionsIn } from './session/web-versions.ts'
import { createListener, forgetDevice, type ListenerEvent } from './whatsapp/listener.ts'

interface AccountConnectionOptions {
  config: Config
  journal: Journal
  recording: Recording
  accountOwner: AccountOwner | undefined
  counters: Counters
  /** Called after every transition of the session. */
  onChange: () => void
  log: Log
}

/** The connection of the account with WhatsApp Web, and what follows from its events. */
export const createAccountConnection = (options: AccountConnectionOptions): Connection => {
  const { config, journal, recording, accountOwner, counters, log } = options
  const { media, backfill } = recording
  return createConnection({
    policy: {
      startTimeoutMs: config.START_TIMEOUT,
      readyTimeoutMs: config.READY_TIMEOUT,
      minDelayMs: config.RECONNECT_MIN_DELAY,
      maxDelayMs: config.RECONNECT_MAX_DELAY,
      random: Math.random
    },
    probeIntervalMs: config.PROBE_INTERVAL,
    acquire: accountOwner && ((onWaiting, signal) => accountOwner.acquire(onWaiting, signal)),
    createListener: (onEvent) => createPage(options, onEvent),
    deleteDevice: () => deleteDevice(options),
    onCaptured: (captured) => addCaptured(recording, captured),
    onChange: (session, before) => onSessionChange(options, session, before),
    onReady: () => {
      backfill.wake()
      media.resume()
    },
    journal,
    readBack: () => backfill.wake(),
    onStall: (step) => counters.stalls.inc({ step }),
    onOutbound: (counts) => counters.outbound.add(counts),
    log
  })
}

/** One page of WhatsApp Web. */
const createPage = (
  { config, counters, log }: AccountConnectionOptions,
  onEvent: (event: ListenerEvent) => void
): ReturnType<typeof createListener> => {
  const webVersions = webVersionsIn(config.STATE_DIR)
  const pinned = config.WEB_VERSION
  return createListener({
    chromiumPath: config.CHROMIUM_PATH,
    profile: directoriesIn(config.STATE_DIR).profile,
    proxy: readProxy(config.PROXY_URL),
    media: mediaLimitsOf(config),
    isGuardStrict: config.GUARD === 'strict',
    log,
    onEvent,
    broadcasts: config.CAPTURE_BROADCASTS === 'yes',
    keepRaw: config.KEEP_RAW > 0,
    onEarDifference: (kind) => counters.earDifferences.inc({ kind }),
    pinnedPage: pinned === '' ? undefined : () => pinnedPage(webVersions, pinned),
    keepPage: async (webVersion, html) => {
      await keepVersion(webVersions, webVersion, html)
      log.debug(
        { event: 'web_version_kept', version: webVersion },
        `the page of WhatsApp Web ${webVersion} is kept`
      )
    }
  })
}

const deleteDevice = async ({
  config,
  journal,
  accountOwner
}: AccountConnectionOptions): Promise<void> => {
  journal.setMark('linked_at', undefined)
  await forgetDevice(directoriesIn(config.STATE_DIR).profile)
  await accountOwner?.deleteBackups()
}

/**
 * Writes what the page reports. Messages keep the order of their chat, so they wait for reading
 * back. A reaction or a vote does not wait: it would be lost if the process ended before.
 */
const addCaptured = ({ writer, media, backfill }: Recording, captured: NewRecord[]): void => {
  const heardAt = performance.now()
  const newRecords = captured.map((newRecord) => ({ ...newRecord, heardAt }))
  const add = (): Promise<void> => writer.add(newRecords, 'live').then(() => media.wake())
  const isOrdered = newRecords.some(({ kind }) => kind === 'message' || kind === 'ciphertext')
  void ((isOrdered ? backfill.caughtUp() : undefined)?.then(add) ?? add())
}

/** Whether WhatsApp Web waits for a phone to link it. */
const isUnlinked = ({ status }: Session): boolean =>
  status === 'QR_REQUIRED' || status === 'PASSKEY_REQUIRED'

const onSessionChange = (
  { config, journal, recording, accountOwner, onChange, log }: AccountConnectionOptions,
  session: Session,
  before: Session
): void => {
  const { backfill } = recording
  const isReady = session.status === 'READY'
  const becameReady = isReady && before.status !== 'READY'
  // WhatsApp Web asks for a scan: a device that was linked before is not linked any more, though
  // nothing reported that.
  if (isUnlinked(session) && !isUnlinked(before)) journal.setMark('linked_at', undefined)
  if (becameReady && (before.qrAttempt > 0 || journal.mark('linked_at') === undefined))
    backfill.linked()
  if (session.status === 'AUTHENTICATED') backfill.expect()
  backfill.online(isReady)
  const other = becameReady ? otherThanPinned(config.WEB_VERSION, session.version) : undefined
  if (other !== undefined)
    log.warn(
      { event: 'web_version_differs', pinned: config.WEB_VERSION, version: session.version },
      other
    )
  accountOwner?.changed(session, before)
  onChange()
}
