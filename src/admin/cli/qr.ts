import { LeadMasterError, type Client, type Status } from '../../client/index.ts'
import { command, Fault } from './command.ts'
import { connectionNotes } from './connection.ts'
import { PasskeyGuide } from './passkey.ts'
import { askSession, sessionInWords } from './session.ts'
import { clean, paint, span } from '../text.ts'

const help = `Draws the QR code in the terminal, and a new one whenever it changes, \
until a phone is linked.
On the phone: WhatsApp, Settings, Linked devices, Link a device. Exits 0 once a phone is linked.
When WhatsApp asks for the passkey of the account, it says what to do, \
takes the answer and shows the code to compare.

options:
  --once                draws it once and ends
  --pair PHONE          gives a code to type in on that phone instead: Link with phone number
  --account NAME        of this account; the first one unless given`

const isLinked = ({ status }: Status): boolean => status === 'READY' || status === 'AUTHENTICATED'

/** What it is made of: a code is blocks and spaces, whoever sent it. */
const drawing = (text: string): string => text.replace(/[^ \n█▀▄]/g, '')

/** The code and how long it is good; undefined when there is none. */
const fetchCode = async (
  hub: Client,
  account: string | undefined,
  signal: AbortSignal
): Promise<{ text: string; expiresAt: string } | undefined> => {
  const options = { signal }
  const qr = await (account === undefined
    ? hub.getQr({}, options)
    : hub.getAccountQr({ account }, options))
  if (qr.status === 'NO_QR') return undefined
  try {
    const res = await (account === undefined
      ? hub.getQrText({}, options)
      : hub.getAccountQrText({ account }, options))
    return { text: drawing(await res.text()), expiresAt: qr.expires_at }
  } catch (error) {
    // it was scanned in between
    if (error instanceof LeadMasterError && error.type === 'not-found') return undefined
    throw error
  }
}

const pair = async (
  hub: Client,
  account: string | undefined,
  phone: string,
  signal: AbortSignal
): Promise<string> => {
  const input = { body: { phone } }
  const code = await (account === undefined
    ? hub.requestPairingCode(input, { signal })
    : hub.requestAccountPairingCode({ ...input, account }, { signal }))
  const good = span(Date.parse(code.expires_at) - Date.now())
  return (
    `${paint('bold', clean(code.code))}\n\nOn the phone ${clean(code.phone)}: WhatsApp, ` +
    'Settings, Linked devices, Link a device, Link with phone number instead. It is good for ' +
    `${good}.\n`
  )
}

export const qr = command({
  name: 'qr',
  summary: 'Links a phone',
  help,
  options: { once: { type: 'boolean' }, pair: { type: 'string' }, account: { type: 'string' } },
  run: async ({ once, pair: phone, account }, { hub: find, signal, say, note, ask, terminal }) => {
    const hub = find()
    const now = await askSession(hub, account, signal)
    if (now instanceof LeadMasterError) throw new Fault(now.message)
    if (now.off === true) throw new Fault(clean(sessionInWords(now, account)))
    if (isLinked(now)) {
      say(`A phone is linked: ${clean(sessionInWords(now))}\n`)
      return 0
    }
    if (phone !== undefined && now.status !== 'PASSKEY_REQUIRED')
      say(`${await pair(hub, account, phone, signal)}\n`)

    let drawn = ''
    const draw = async (): Promise<void> => {
      const code = await fetchCode(hub, account, signal)
      if (code === undefined || code.text === drawn) return
      drawn = code.text
      // over the one before, whatever is above it
      say(
        `${terminal && once !== true ? '\x1b[H\x1b[2J' : ''}${code.text}\nScan it with ` +
          'WhatsApp on the phone: Settings, Linked devices. It is good for ' +
          `${span(Date.parse(code.expiresAt) - Date.now())}.\n`
      )
    }
    if (once === true) {
      if (phone === undefined) await draw()
      if (phone === undefined && drawn === '')
        throw new Fault(
          `there is no QR code now: the session is ${now.status}, ${clean(sessionInWords(now))}`
        )
      return 0
    }
    const guide = new PasskeyGuide({ hub, account, signal, say, note, ask })
    let told: Status['status'] = 'QR_REQUIRED'
    // each account's session is told at once, and on every change, such as a new code
    for await (const { type, data } of hub.events({
      signal,
      onConnection: connectionNotes(note)
    })) {
      if (type !== 'session' || !('journal' in data) || data.account !== now.account) continue
      if (isLinked(data)) {
        guide.end()
        say(`A phone is linked: ${clean(sessionInWords(data))}\n`)
        return 0
      }
      if (data.off === true) throw new Fault(clean(sessionInWords(data, account)))
      if (data.status === 'PASSKEY_REQUIRED') await guide.update()
      else if (told === 'PASSKEY_REQUIRED') guide.end()
      if (data.status === 'QR_REQUIRED') {
        if (phone === undefined) await draw()
      } else if (data.status !== 'PASSKEY_REQUIRED' && data.status !== told)
        note(
          `The session is ${data.status}: ${clean(sessionInWords(data))}. The code comes when ` +
            `WhatsApp shows one.\n`
        )
      told = data.status
    }
    return 0
  }
})
