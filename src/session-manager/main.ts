import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Counter, Gauge } from 'prom-client'
import type { Remapped, Status } from '../contract/session.ts'
import { bearerCheck } from '../platform/http/auth.ts'
import { describeSqlite } from '../platform/describe-error.ts'
import { PlainError, reasonOf } from '../platform/harmless.ts'
import { createHttp } from '../platform/http/http.ts'
import { createMetrics } from '../platform/metrics.ts'
import { ProblemError } from '../platform/http/problem.ts'
import { omitUndefined } from '../platform/omit-undefined.ts'
import { readProxy } from '../platform/proxy.ts'
import { rewriteMs, type Rewriting } from '../platform/sqlite.ts'
import { start, type Platform } from '../platform/start.ts'
import { Backfill } from './journal/backfill.ts'
import { JournalWriter } from './journal/writer.ts'
import { readConfig, type Config } from './config.ts'
import { createConnection, type Connection } from './session/connection.ts'
import { describeStatus } from './status.ts'
import { openJournal, type Journal } from './journal/journal.ts'
import { Eraser } from './journal/eraser.ts'
import { MediaFetcher } from './journal/media-fetcher.ts'
import { OutboundCounts } from './session/outbound.ts'
import type { AccountOwner } from './cluster/account-owner.ts'
import { remapSome, UpgradeRemap } from './journal/remap.ts'
import { Retention } from './journal/retention.ts'
import { addRoutes } from './http/routes.ts'
import { addMediaRoute } from './http/serve-media.ts'
import type { Forwarding } from './cluster/forward.ts'
import type { Session } from './session/session.ts'
import { keepVersion, otherThanPinned, pinnedPage, webVersionsIn } from './session/web-versions.ts'
import { createListener, forgetDevice } from './whatsapp/listener.ts'
import { mapperVersion } from './whatsapp/message.ts'
import { remap } from './whatsapp/remap.ts'

const service = 'session-manager'
/** A journal that could not be written for this long makes the daemon unhealthy: ms. */
const unwritableMs = 60_000
/**
 * What is in flight when it stops may take this long, ms; the rest of SHUTDOWN_TIMEOUT is for
 * Chromium.
 */
const drainMs = 3_000

let connection: Connection | undefined

/** The journal's file; the state directory is made if need be. */
const openState = async (
  directory: string,
  account: string,
  rewriting: Rewriting
): Promise<Journal> => {
  await mkdir(join(directory, 'profile'), { recursive: true, mode: 0o700 })
  await mkdir(join(directory, 'media'), { recursive: true, mode: 0o700 })
  return openJournal(join(directory, 'journal.db'), account, Date.now, rewriting)
}

const toIso = (ms: number): string => new Date(ms).toISOString()

/** One line for `systemctl status`. */
const describeService = (
  address: string,
  session: Session,
  pinned: string,
  forwarding: Forwarding | undefined
): string => {
  const forward = forwarding?.state()
  return `listening on ${address}, ${describeStatus({ session, pinned, forward }, Date.now())}`
}

/** WhatsApp Web waits for a phone to link it. */
const isUnlinked = ({ status }: Session): boolean =>
  status === 'QR_REQUIRED' || status === 'PASSKEY_REQUIRED'

const main = async ({
  config,
  log,
  notify,
  lifecycle,
  version
}: Platform<Config>): Promise<void> => {
  const account = config.ACCOUNT
  const profile = join(config.STATE_DIR, 'profile')
  const mediaDirectory = join(config.STATE_DIR, 'media')
  const mediaLimits = { maxBytes: config.MEDIA_MAX_SIZE, types: config.MEDIA_TYPES }
  const webVersions = webVersionsIn(config.STATE_DIR)
  const proxy = readProxy(config.PROXY_URL)
  const journal = await openState(config.STATE_DIR, account, (bytes) =>
    notify.busy(rewriteMs(bytes))
  )
  lifecycle.onStop('close the journal', () => {
    journal.checkpoint()
    journal.close()
  })

  const watchers = new Set<() => void>()
  const tellStatus = (): void => {
    for (const changed of watchers) changed()
  }
  const eraser: Eraser = new Eraser({
    journal,
    directory: mediaDirectory,
    purge: config.NATS_URL.length === 0 ? undefined : async (...of) => forwarding?.purge(...of),
    onErased: tellStatus,
    log
  })
  let accountOwner: AccountOwner | undefined
  const term = (): number | undefined => accountOwner?.term()
  const forwarding =
    config.NATS_URL.length === 0
      ? undefined
      : (await import('./cluster/forward.ts')).startForwarding({
          config,
          journal,
          term,
          log,
          onChange: tellStatus,
          onPurged: tellStatus,
          adopt: (people) => eraser.adopt(people)
        })
  if (forwarding) lifecycle.onStop('close the connection to NATS', forwarding.close)

  const writer = new JournalWriter({
    journal,
    log,
    phones: async (lids) => (await connection?.ready()?.phones(lids)) ?? new Map(),
    whyUnwritable: (error) => describeSqlite(error, config.STATE_DIR) ?? reasonOf(error)
  })
  accountOwner =
    config.PROFILE_BACKUP === '' && forwarding === undefined
      ? undefined
      : (await import('./cluster/account-owner.ts')).createAccountOwner({
          config,
          journal,
          profile,
          forwarding,
          onLost: (reason) => connection?.fail(reason),
          log
        })
  // A stop runs these from the last to the first: what was captured is written and forwarded while
  // the account is this host's.
  if (accountOwner) lifecycle.onStop('hand the account over', accountOwner.handOver)
  if (forwarding) lifecycle.onStop('stop forwarding', forwarding.stop)
  lifecycle.onStop('write what was captured', () => writer.stop())
  const media = new MediaFetcher({
    journal,
    log,
    add: (newRecords) => writer.add(newRecords, 'live'),
    source: () => connection?.ready()?.media,
    directory: mediaDirectory,
    limits: mediaLimits,
    retryMs: config.MEDIA_RETRY_DELAY,
    giveUpMs: config.MEDIA_GIVE_UP_AFTER
  })
  const backfill = new Backfill({
    journal,
    log,
    source: () => connection?.ready()?.readBack,
    add: (newRecords) => writer.add(newRecords, 'backfill').then(() => media.wake()),
    intervalMs: config.BACKFILL_INTERVAL,
    overlapMs: config.BACKFILL_OVERLAP,
    firstLinkMs: config.BACKFILL_FIRST_LINK,
    onUnread: (reason) => connection?.limit('backfill', reason)
  })
  const retention = new Retention(
    omitUndefined({
      journal,
      log,
      directory: mediaDirectory,
      keepMs: config.JOURNAL_RETENTION,
      keepRawMs: config.KEEP_RAW,
      upTo: forwarding && (() => forwarding.state().seq)
    })
  )
  lifecycle.onStop('stop reading back, fetching media and erasing', () => {
    retention.stop()
    backfill.stop()
    media.stop()
  })

  const metrics = createMetrics()
  const earDifferences = new Counter({
    name: 'leadmaster_ear_differences_total',
    help: 'what one of whatsapp-web.js and our own listeners in the page heard and the other did not, by kind',
    labelNames: ['kind'] as const,
    registers: [metrics.registry]
  })
  const stalls = new Counter({
    name: 'leadmaster_stall_steps_total',
    help: 'what was done because messages reached the page and were not told of, by step',
    labelNames: ['step'] as const,
    registers: [metrics.registry]
  })
  const outbound = new OutboundCounts(metrics.registry, log)
  const onChange = (session: Session, before: Session): void => {
    // WhatsApp Web asks for a scan: whatever device was linked before is no more, though nobody
    // said so
    if (isUnlinked(session) && !isUnlinked(before)) journal.setMark('linked_at', undefined)
    if (
      session.status === 'READY' &&
      before.status !== 'READY' &&
      (before.qrAttempt > 0 || journal.mark('linked_at') === undefined)
    )
      backfill.linked()
    if (session.status === 'AUTHENTICATED') backfill.expect()
    backfill.online(session.status === 'READY')
    const other =
      session.status === 'READY' && before.status !== 'READY'
        ? otherThanPinned(config.WEB_VERSION, session.version)
        : undefined
    if (other !== undefined)
      log.warn(
        { event: 'web_version_differs', pinned: config.WEB_VERSION, version: session.version },
        other
      )
    accountOwner?.changed(session, before)
    tellStatus()
  }
  const session = (connection = createConnection({
    policy: {
      startTimeoutMs: config.START_TIMEOUT,
      readyTimeoutMs: config.READY_TIMEOUT,
      minDelayMs: config.RECONNECT_MIN_DELAY,
      maxDelayMs: config.RECONNECT_MAX_DELAY,
      random: Math.random
    },
    probeIntervalMs: config.PROBE_INTERVAL,
    admit: accountOwner?.admit,
    createListener: (onEvent) =>
      createListener({
        chromiumPath: config.CHROMIUM_PATH,
        profile,
        proxy,
        media: mediaLimits,
        isGuardStrict: config.GUARD === 'strict',
        log,
        onEvent,
        broadcasts: config.CAPTURE_BROADCASTS === 'yes',
        keepRaw: config.KEEP_RAW > 0,
        onEarDifference: (kind) => earDifferences.inc({ kind }),
        pinnedPage:
          config.WEB_VERSION === '' ? undefined : () => pinnedPage(webVersions, config.WEB_VERSION),
        keepPage: async (webVersion, html) => {
          await keepVersion(webVersions, webVersion, html)
          log.debug(
            { event: 'web_version_kept', version: webVersion },
            `the page of WhatsApp Web ${webVersion} is kept`
          )
        }
      }),
    forget: async () => {
      journal.setMark('linked_at', undefined)
      await forgetDevice(profile)
      await accountOwner?.forget()
    },
    onCaptured: (captured) => {
      const heardAt = performance.now()
      const newRecords = captured.map((newRecord) => ({ ...newRecord, heardAt }))
      const add = (): Promise<void> => writer.add(newRecords, 'live').then(() => media.wake())
      // Messages keep their chat's order, so they wait for reading back. A reaction or a vote does
      // not wait: it would be lost if the process ended before.
      const ordered = newRecords.some(({ kind }) => kind === 'message' || kind === 'ciphertext')
      void ((ordered ? backfill.caughtUp() : undefined)?.then(add) ?? add())
    },
    onChange,
    onReady: () => {
      backfill.wake()
      media.resume()
    },
    journal,
    readBack: () => backfill.wake(),
    onStall: (step) => stalls.inc({ step }),
    onOutbound: (counts) => outbound.add(counts),
    log
  }))
  lifecycle.onStop('close Chromium', session.stop)

  const mediaStatus = (): Status['media'] => {
    const outage = media.outage()
    const pending = journal.pendingMediaCount()
    return outage === undefined ? { pending } : { pending, outage }
  }
  const journalStatus = (): Status['journal'] => {
    const [facts, erasures] = [
      { id: journal.id, last_seq: journal.lastSeq() },
      journal.latestErasure()
    ]
    return erasures === undefined ? facts : { ...facts, erasures }
  }
  const status = (): Status => {
    const {
      status: state,
      since,
      reason,
      off,
      me,
      syncPercent,
      failures,
      nextAttemptAt,
      version: webVersion,
      limited,
      limits
    } = session.session()
    const lastMessageAt = journal.lastMessageAt()
    const complete = journal.mark('complete_until')
    const trouble = writer.failure()
    return omitUndefined({
      status: state,
      since: toIso(since),
      reason: trouble ? `the journal cannot be written: ${trouble.reason}` : reason,
      limited,
      limited_by: limited === undefined ? undefined : Object.keys(limits ?? {}),
      account,
      linked: journal.mark('linked_at') !== undefined,
      me,
      last_message_at: lastMessageAt === undefined ? undefined : toIso(lastMessageAt * 1_000),
      sync_percent: syncPercent,
      // While READY nothing fails; the row is kept for the next wait.
      failures: state === 'READY' ? 0 : failures,
      off: off || undefined,
      next_attempt_at: nextAttemptAt === undefined ? undefined : toIso(nextAttemptAt),
      whatsapp_web_version: webVersion,
      whatsapp_web_pinned: config.WEB_VERSION || undefined,
      outbound_blocked: session.outboundBlocked(),
      guard: session.guard(),
      journal: journalStatus(),
      media: mediaStatus(),
      backfill: omitUndefined({
        running: backfill.running(),
        complete_until: complete === undefined ? undefined : toIso(complete),
        unread_chats: backfill.unreadChats(),
        unread_messages: backfill.unreadMessages()
      }),
      forward: forwarding?.state()
    })
  }

  const gauge = (name: string, help: string, read: () => number): unknown =>
    new Gauge({
      name,
      help,
      registers: [metrics.registry],
      collect() {
        this.set(read())
      }
    })
  gauge('leadmaster_journal_last_seq', 'the last record of the journal', () => journal.lastSeq())
  gauge('leadmaster_session_ready', '1 while the session is READY', () =>
    Number(session.session().status === 'READY')
  )
  gauge(
    'leadmaster_session_limited',
    '1 while the session is READY, but WhatsApp Web lacks something in it',
    () => Number(session.session().limited !== undefined)
  )
  gauge(
    'leadmaster_outbound_blocked',
    'attempts to send that the guard in the page refused',
    session.outboundBlocked
  )
  gauge(
    'leadmaster_backfill_unread_chats',
    'chats that cannot be read back now; they are tried again',
    () => backfill.unreadChats()
  )
  gauge(
    'leadmaster_backfill_unread_messages',
    'messages that WhatsApp Web could not describe in full, the most in one run',
    () => backfill.unreadMessages()
  )
  gauge(
    'leadmaster_media_outage',
    '1 while no media can be fetched, because of the network, the disk or the page',
    () => Number(media.outage() !== undefined)
  )
  const fences = { in_force: 1, absent: 0, open: -1 } as const
  new Gauge({
    name: 'leadmaster_guard_fence',
    help: 'whether a fence of the send guard holds: 1 it is in force, 0 it is absent or there is no page, -1 something can pass it',
    labelNames: ['fence'] as const,
    registers: [metrics.registry],
    collect() {
      const states = session.guard()
      for (const fence of ['wire', 'modules'] as const)
        this.set({ fence }, fences[states?.[fence] ?? 'absent'])
    }
  })
  gauge('leadmaster_media_pending', 'media still to be fetched', () => journal.pendingMediaCount())
  if (forwarding)
    gauge(
      'leadmaster_forward_behind',
      'records that NATS has not yet',
      () => forwarding.state().behind
    )
  if (forwarding && accountOwner)
    gauge('leadmaster_lease_held', "1 while the account is this host's", () =>
      Number(accountOwner.isOurs())
    )
  if (config.PROFILE_BACKUP !== '')
    gauge(
      'leadmaster_profile_backup_timestamp_seconds',
      'when the linked device was last backed up by this process, UNIX time; 0: not yet',
      () => (accountOwner?.backedUpAt() ?? 0) / 1_000
    )

  const remapPart = (after: number, isTrial: boolean, limit?: number): Remapped => {
    const remapped = remapSome({
      journal,
      remap: (record, raw) => remap(record, raw, mediaLimits),
      version: mapperVersion,
      after,
      isTrial,
      limit
    })
    if (remapped.changed > 0 && !isTrial) media.wake()
    return remapped
  }
  const upgradeRemap = new UpgradeRemap({
    journal,
    log,
    version: mapperVersion,
    remapPart: (after, limit) => remapPart(after, false, limit),
    isOurs: () => accountOwner?.isOurs() ?? true
  })
  lifecycle.onStop('stop reading the journal again', () => upgradeRemap.stop())

  const hasToken = bearerCheck(config.SESSION_MANAGER_TOKEN)
  const http = createHttp({
    log,
    metrics,
    allowedHosts: config.ALLOWED_HOSTS,
    authorize: (req) => {
      if (req.path !== '/health' && !hasToken(req)) {
        throw new ProblemError(
          'unauthorized',
          'send Authorization: Bearer with SESSION_MANAGER_TOKEN'
        )
      }
    }
  })
  addRoutes({
    http,
    journal,
    status,
    health: () => ({
      status: 'ok',
      service,
      timestamp: new Date().toISOString(),
      version,
      account,
      pid: process.pid,
      uptime_s: process.uptime()
    }),
    session: session.session,
    connect: () => {
      journal.setMark('off_since', undefined)
      session.connect()
    },
    disconnect: async (logout) => {
      journal.setMark('off_since', journal.mark('off_since') ?? Date.now())
      const isUnlinked = await session.disconnect(logout)
      if (!logout) void accountOwner?.closed()
      return isUnlinked
    },
    pairingCode: session.pairingCode,
    pageReport: session.pageReport,
    passkey: session.passkey,
    erase: (chatIds, messageIds, more) => eraser.erase(chatIds, messageIds, more),
    remap: (after, isTrial) => {
      const remapped = remapPart(after, isTrial)
      if (remapped.changed > 0 && !isTrial)
        log.info(
          { event: 'remapped', records: remapped.changed, version: mapperVersion },
          `${remapped.changed} messages were mapped again`
        )
      return remapped
    },
    onStatus: (changed) => {
      watchers.add(changed)
      return () => watchers.delete(changed)
    },
    metrics: metrics.text
  })
  addMediaRoute({ http, directory: mediaDirectory })
  const bound = await http
    .listen(config.HOST, config.PORT)
    .catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') throw error
      throw new PlainError(
        `HOST=${config.HOST} PORT=${config.PORT} is taken by another program: end it, or change PORT in session-manager.env and SESSION_MANAGER_BASE_URL in central-hub.env`
      )
    })
  lifecycle.onStop('close the HTTP server', () => http.close(drainMs))
  const address = `${config.HOST}:${bound.port}`
  const inShort = (): string =>
    describeService(address, session.session(), config.WEB_VERSION, forwarding)
  watchers.add(() => notify.status(inShort()))
  log.info({ event: 'listening', address, account }, `listening on ${address}`)
  notify.ready(inShort())
  notify.watchdog(
    () =>
      session.isAlive() &&
      performance.now() - (writer.failure()?.since ?? performance.now()) < unwritableMs
  )
  if (journal.mark('off_since') === undefined) return session.connect()
  log.warn(
    { event: 'session_off' },
    'the session was turned off on request and stays off: leadmaster connect, or POST /connect, turns it on'
  )
  await session.disconnect(false)
}

await start(service, readConfig, main, (error) => connection?.onUnhandledError(error) ?? false)
