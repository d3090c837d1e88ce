import type { Log } from '../platform/log.ts'
import { describeSqlite } from '../platform/describe-error.ts'
import { reasonOf } from '../platform/harmless.ts'
import { omitUndefined } from '../platform/omit-undefined.ts'
import type { Forwarding } from './cluster/forward.ts'
import { directoriesIn, mediaLimitsOf, type Config } from './config.ts'
import { Backfill } from './journal/backfill.ts'
import type { Journal } from './journal/journal.ts'
import { MediaFetcher } from './journal/media-fetcher.ts'
import { Retention } from './journal/retention.ts'
import { JournalWriter } from './journal/writer.ts'
import type { Listener } from './whatsapp/listener.ts'

/** The parts that write the journal. */
export interface Recording {
  writer: JournalWriter
  media: MediaFetcher
  backfill: Backfill
  retention: Retention
}

interface RecordingOptions {
  config: Config
  journal: Journal
  /** The page while the session is READY; undefined otherwise. */
  page: () => Listener | undefined
  /** Why some chats cannot be read back; undefined when all can. */
  onUnread: (reason: string | undefined) => void
  forwarding: Forwarding | undefined
  /** Called when what `/status` shows of the recording may have changed. */
  onChange: () => void
  log: Log
}

export const createRecording = (options: RecordingOptions): Recording => {
  const { config, journal, page, log } = options
  const writer = new JournalWriter({
    journal,
    log,
    phones: async (lids) => (await page()?.phones(lids)) ?? new Map(),
    whyUnwritable: (error) => describeSqlite(error, config.STATE_DIR) ?? reasonOf(error),
    onFailureChanged: options.onChange
  })
  const media = new MediaFetcher({
    journal,
    log,
    add: (newRecords) => writer.add(newRecords, 'live'),
    source: () => page()?.media,
    directory: directoriesIn(config.STATE_DIR).media,
    limits: mediaLimitsOf(config),
    retryMs: config.MEDIA_RETRY_DELAY,
    giveUpMs: config.MEDIA_GIVE_UP_AFTER
  })
  const backfill = new Backfill({
    journal,
    log,
    source: () => page()?.readBack,
    add: (newRecords) => writer.add(newRecords, 'backfill').then(() => media.wake()),
    intervalMs: config.BACKFILL_INTERVAL,
    overlapMs: config.BACKFILL_OVERLAP,
    firstLinkMs: config.BACKFILL_FIRST_LINK,
    onUnread: options.onUnread
  })
  return { writer, media, backfill, retention: createRetention(options) }
}

const createRetention = ({ config, journal, forwarding, log }: RecordingOptions): Retention =>
  new Retention(
    omitUndefined({
      journal,
      log,
      directory: directoriesIn(config.STATE_DIR).media,
      keepMs: config.JOURNAL_RETENTION,
      keepRawMs: config.KEEP_RAW,
      upTo: forwarding && (() => forwarding.state().seq)
    })
  )
