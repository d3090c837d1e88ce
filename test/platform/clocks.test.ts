import { readFileSync } from 'node:fs'
import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'

/**
 * Where the time of day is read, and why: what measures a duration uses `performance.now()`, which
 * nobody sets.
 */

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Files that may read the time of day, and what they do with it. */
const reasons: Readonly<Record<string, string>> = {
  'src/central-hub/alarms/watch.ts': 'an alarm comes at a moment',
  'src/central-hub/follow/retention.ts': 'compares ages of messages',
  'src/central-hub/follow/housekeeping.ts': 'reminders come at a moment; who did what has an age',
  'src/central-hub/api/access.ts': 'a session of the page ends at a moment that its cookie holds',
  'src/central-hub/api/exports.ts': 'names a file by the day',
  'src/central-hub/api/last-used.ts': 'notes a moment in the store',
  'src/central-hub/api/leads.ts': 'a reminder is of a moment in the future',
  'src/central-hub/api/media.ts': 'a URL ends at a moment that it holds',
  'src/central-hub/api/message-import.ts': 'compares with the moments of messages',
  'src/central-hub/api/webhooks.ts': 'notes a moment in the store',
  'src/central-hub/routes.ts': 'shows a moment',
  'src/admin/migrate/progress.ts': 'a line for a person who watches',
  'src/admin/migrate/migration-state.ts': 'notes a moment in the store',
  'src/central-hub/api/waiting-metrics.ts': 'compares with the moments of messages',
  'src/central-hub/webhooks/clock.ts':
    'moments that the store keeps; never sleeps for longer than an hour',
  'src/central-hub/webhooks/metrics.ts': 'compares with moments in the store',
  'src/central-hub/webhooks/post.ts': 'a moment that a receiver names',
  'src/central-hub/webhooks/webhooks.ts': 'compares ages in the store',
  'src/admin/cli/passkey.ts': 'shows what is left until a moment',
  'src/admin/cli/qr.ts': 'shows what is left until a moment',
  'src/admin/cli/session.ts': 'shows what is left until a moment',
  'src/admin/cli/tail.ts': 'shows an age',
  'src/admin/text.ts': 'shows an age',
  'src/admin/backup/main.ts': 'names a backup by the moment',
  'src/admin/backup/restore/main.ts': 'names a directory by the moment',
  'src/admin/installation/real-host.ts': 'compares ages of files',
  'src/platform/clock.ts': 'watches the time of day itself',
  'src/session-manager/journal/backfill.ts': 'compares with the moments of messages',
  'src/session-manager/journal/eraser.ts': 'notes a moment in the journal',
  'src/session-manager/session/connection.ts':
    'moments that are shown; durations are measured by its steady clock',
  'src/session-manager/cluster/forwarder.ts': 'a moment that the journal keeps',
  'src/session-manager/journal/journal.ts': 'notes when a record was captured',
  'src/session-manager/cluster/lease-keeper.ts':
    'shows a moment; leases count by the time since boot',
  'src/session-manager/main.ts': 'notes when a record was captured',
  'src/session-manager/serve.ts': 'shows a moment, and notes one in the journal',
  'src/session-manager/status.ts': 'compares with the moment of the next attempt',
  'src/session-manager/journal/media-fetcher.ts':
    'moments that the journal keeps, none of them trusted beyond the longest wait',
  'src/session-manager/cluster/profile-backup/backup.ts': 'names a backup by the moment',
  'src/session-manager/journal/retention.ts': 'compares ages of records',
  'src/session-manager/session/stall-watch.ts': 'compares with the moments of messages',
  'src/session-manager/whatsapp/new-records.ts': 'a message that tells no time',
  'src/session-manager/whatsapp/ear.ts': 'compares with the moments of messages',
  'src/session-manager/whatsapp/passkey.ts': 'moments that are shown',
  'src/session-manager/whatsapp/content/raw.ts': 'a message that tells no time'
}

t.test('the time of day is read only where a moment is meant', async (t) => {
  const reading = globSync('src/**/*.ts', { cwd: root }).filter(
    (file) =>
      !file.includes('/store/') && /Date\.now|new Date\(\)/.test(readFileSync(root + file, 'utf8'))
  )
  t.same(
    reading.filter((file) => !(file in reasons)),
    [],
    'no other file: a duration is measured by performance.now(), a moment is named here'
  )
  t.same(
    Object.keys(reasons).filter((file) => !reading.includes(file)),
    [],
    'no file that does not do so any more'
  )
})
