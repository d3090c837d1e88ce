import { LeadMasterError } from '../../client/index.ts'
import { command, Fault, isConfirmed } from './command.ts'
import { askSession } from './session.ts'
import { clean } from '../text.ts'

const help = `Removes LeadMaster from the linked devices of the phone. \
Nothing is captured any more until a phone is linked again. What
was captured stays. To pause only, use the operator page, or POST /api/whatsapp/disconnect; \
leadmaster connect goes on. It asks first; without a
terminal it wants --yes. Exits 0 when WhatsApp confirmed it.

options:
  --yes                 does not ask
  --account NAME        of this account; the first one unless given`

const warning = `LeadMaster stops capturing messages until a phone is linked again: \
by a new QR code and, more and more often, the passkey of
the account. A link that is lost can be hard to make again.
`
const notConnected = `WhatsApp is not connected now and could not be told: \
the phone would go on listing this device. Start the session first
(leadmaster connect, or the operator page), and unlink once it is READY.
`

export const unlink = command({
  name: 'unlink',
  summary: 'Unlinks this device from the phone',
  help,
  options: { yes: { type: 'boolean' }, account: { type: 'string' } },
  run: async ({ yes, account }, context) => {
    const { signal, say, note } = context
    const hub = context.hub()
    const session = await askSession(hub, account, signal)
    if (session instanceof LeadMasterError) throw new Fault(session.message)
    if (!session.linked) {
      say(`No device is linked: the session is ${session.status}.\n`)
      return 0
    }
    if (yes !== true) {
      note(warning)
      if (session.status !== 'READY') note(notConnected)
      const question = `Unlink the account ${clean(session.account)}?`
      if (!(await isConfirmed(context, question, 'nothing was unlinked'))) return 1
    }
    const input = { logout: true }
    const { message, unlinked } = await (account === undefined
      ? hub.disconnect(input, { signal })
      : hub.disconnectAccount({ ...input, account }, { signal }))
    say(`${clean(message)}\n`)
    return unlinked === true ? 0 : 1
  }
})
