import type { Remapped } from '../../client/index.ts'
import { command } from './command.ts'

const help = `After an upgrade that reads messages better: \
session-manager reads what it still has of WhatsApp Web's own form of each
message again (KEEP_RAW, 30 days by default), and updates those that come out differently. \
Nobody waits again because
of it.

options:
  --dry-run             only count what would change
  --account NAME        of this account; the first one unless given`

export const remap = command({
  name: 'remap',
  summary: 'Reads captured messages again, as this release understands them',
  help,
  options: { 'dry-run': { type: 'boolean' }, account: { type: 'string' } },
  run: async ({ 'dry-run': isTrial = false, account }, { hub: find, signal, say }) => {
    const hub = find()
    const part = (after: number): Promise<Remapped> => {
      const body = { after, dry_run: isTrial }
      return account === undefined
        ? hub.remap({ body }, { signal })
        : hub.remapAccount({ account, body }, { signal })
    }
    let [examined, mapped, changed] = [0, 0, 0]
    // This release maps new records itself, so the end stays where it was at the start.
    let [after, end] = [0, Infinity]
    while (after < end) {
      const done = await part(after)
      end = Math.min(end, done.last_seq)
      examined += done.examined
      mapped += done.mapped
      changed += done.changed
      after = done.next_after
      if (done.examined === 0) break
    }
    say(
      `${examined} records read, ${mapped} messages mapped again, ${changed} ` +
        `${isTrial ? 'would be' : 'were'} updated\n`
    )
    return 0
  }
})
