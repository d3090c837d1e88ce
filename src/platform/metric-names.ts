/**
 * The names of metrics: all of ours begin with `leadmaster_`, and those of earlier releases go on
 * for a while.
 */

const prefix = 'leadmaster_'

/**
 * The last release that has the names of before, without the prefix. deploy/systemd/README.md names
 * it.
 */
export const lastWithOldNames = '0.2'

/** Names of before by today's. */
const oldNames: Readonly<Record<string, string>> = Object.fromEntries([
  ...[
    'http_request_duration_seconds',
    'sse_clients',
    'sse_dropped_total',
    // central-hub
    'follow_seq',
    'follow_lag',
    'upstream_verified',
    'leads_waiting',
    'leads_waiting_longest_seconds',
    'webhook_deliveries_total',
    'webhook_pending',
    'webhook_dead',
    // session-manager
    'ear_differences_total',
    'stall_steps_total',
    'outbound_allowed_total',
    'outbound_refused_total',
    'journal_last_seq',
    'session_ready',
    'session_limited',
    'outbound_blocked',
    'backfill_unread_chats',
    'backfill_unread_messages',
    'media_outage',
    'media_pending',
    'guard_fence',
    'forward_behind',
    'lease_held'
  ].map((name) => [prefix + name, name]),
  [`${prefix}profile_backup_timestamp_seconds`, 'profile_backup_seconds']
])

/** A metric as it is exposed: its HELP and TYPE, and its samples. */
const withOldName = (block: string): string => {
  const [, name = ''] = /^# HELP (\S+)/.exec(block) ?? []
  const old = oldNames[name]
  if (old === undefined) return block
  const help = new RegExp(`^# HELP ${name} .*$`, 'm')
  const renamed = block.replaceAll(new RegExp(`^((?:# TYPE )?)${name}(?=[_{ ])`, 'gm'), `$1${old}`)
  const notice = `Deprecated, ends after release ${lastWithOldNames}: use ${name}.`
  return `${block}\n\n${renamed.replace(help, () => `# HELP ${old} ${notice}`)}`
}

/**
 * The text of a registry, https://prometheus.io/docs/instrumenting/exposition_formats/, with each
 * metric of ours under its name of before, too.
 */
export const withOldNames = (exposition: string): string =>
  exposition.trimEnd().split('\n\n').map(withOldName).join('\n\n') + '\n'
