import { LeadMasterError } from '../../client/index.ts'
import { command, Fault } from './command.ts'
import { askSession } from './session.ts'
import { clean } from '../text.ts'

const help = `Turns a session on that was turned off by the operator page or POST \
/api/whatsapp/disconnect. What is off stays off, also
after a restart. A session that waits between two attempts is tried immediately.

options:
  --account NAME        of this account; the first one unless given`

export const connect = command({
  name: 'connect',
  summary: 'Turns a session on',
  help,
  options: { account: { type: 'string' } },
  run: async ({ account }, { hub: find, signal, say }) => {
    const hub = find()
    const session = await askSession(hub, account, signal)
    if (session instanceof LeadMasterError) throw new Fault(session.message)
    const { message } = await (account === undefined
      ? hub.connect({}, { signal })
      : hub.connectAccount({ account }, { signal }))
    say(`${clean(message)}\n`)
    return 0
  }
})
