import { LeadMasterError } from '../../client/index.ts'
import { command, Fault, UsageError, wholeNumber } from './command.ts'
import { clean, since } from '../text.ts'

const help = `For a message that wants no answer, such as “thank you”, \
or one that was answered by telephone. WhatsApp is not told. The
lead's next message waits again.

options:
  --id ID               the lead, as leadmaster leads lists it
  --until ID            only up to this message, as leadmaster tail --json gives its id; \
what is newer goes on waiting
  --undo                takes the mark back: the lead waits again`

export const done = command({
  name: 'done',
  summary: 'Takes a lead off those who wait, without an answer',
  help,
  options: { id: { type: 'string' }, until: { type: 'string' }, undo: { type: 'boolean' } },
  run: async ({ id: given, until, undo }, { hub: find, signal, say }) => {
    if (given === undefined) throw new UsageError('say which lead: leadmaster done --id ID')
    const id = wholeNumber('id', given, 1, 999_999_999)
    const hub = find()
    const body = until === undefined ? {} : { until }
    const asked =
      undo === true
        ? hub.unhandleLead({ id }, { signal })
        : hub.handleLead({ id, body }, { signal })
    const lead = await asked.catch((error: unknown) => {
      if (error instanceof LeadMasterError && error.status === 404)
        throw new Fault(`there is no lead ${id}: leadmaster leads --all lists them`)
      throw error
    })
    const who = clean(lead.name ?? lead.phone ?? lead.lid ?? `lead ${id}`)
    const waits =
      lead.waiting_since === null ? 'does not wait' : `has waited for ${since(lead.waiting_since)}`
    say(`${who} ${waits}.\n`)
    return 0
  }
})
