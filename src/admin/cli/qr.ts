import { LeadMasterError, type Client, type Status } from '../../client/index.ts'
import { command, Fault, type Context } from './command.ts'
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

/** The blocks and spaces of a code. Other characters of the answer are dropped. */
const drawing = (text: string): string => text.replace(/[^ \n█▀▄]/g, '')

/** The code and when it expires; undefined when the session shows no code. */
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
    // The code was scanned in between.
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
    `${paint('bold', clean(code.code))}\n\n` +
    `On the phone ${clean(code.phone)}: WhatsApp, Settings, Linked devices, Link a device, ` +
    `Link with phone number instead. It is good for ${good}.\n`
  )
}

interface LinkOptions {
  hub: Client
  account: string | undefined
  /** The code is typed in on this phone, and no QR code is drawn. */
  phone: string | undefined
  once: boolean
  context: Context
}

/** Draws the QR code until a phone is linked. */
class QrLink {
  readonly #options: LinkOptions
  /** The code that was drawn last. */
  #drawn = ''

  constructor(options: LinkOptions) {
    this.#options = options
  }

  /** Draws the code once. @throws {Fault} when the session shows no code */
  async drawOnce(session: Status): Promise<void> {
    if (this.#options.phone !== undefined) return
    await this.#draw()
    if (this.#drawn === '')
      throw new Fault(
        `there is no QR code now: the session is ${session.status}, ` +
          clean(sessionInWords(session))
      )
  }

  /** @returns the exit code, when a phone is linked or the events have ended */
  async follow(session: Status): Promise<number> {
    const { hub, account, context } = this.#options
    const { signal, say, note, ask } = context
    const guide = new PasskeyGuide({ hub, account, signal, say, note, ask })
    let notified: Status['status'] = 'QR_REQUIRED'
    // The first events are the sessions of all accounts. A change, such as a new code, is an event.
    for await (const { type, data } of hub.events({
      signal,
      onConnection: connectionNotes(note)
    })) {
      if (type !== 'session' || !('journal' in data) || data.account !== session.account) continue
      if (isLinked(data)) {
        guide.end()
        say(`A phone is linked: ${clean(sessionInWords(data))}\n`)
        return 0
      }
      if (data.off === true) throw new Fault(clean(sessionInWords(data, account)))
      if (data.status === 'PASSKEY_REQUIRED') await guide.update()
      else if (notified === 'PASSKEY_REQUIRED') guide.end()
      await this.#show(data, notified)
      notified = data.status
    }
    return 0
  }

  async #show(session: Status, notified: Status['status']): Promise<void> {
    const { phone, context } = this.#options
    const { status } = session
    if (status === 'QR_REQUIRED') {
      if (phone === undefined) await this.#draw()
    } else if (status !== 'PASSKEY_REQUIRED' && status !== notified)
      context.note(
        `The session is ${status}: ${clean(sessionInWords(session))}. ` +
          'The code comes when WhatsApp shows one.\n'
      )
  }

  async #draw(): Promise<void> {
    const { hub, account, once, context } = this.#options
    const code = await fetchCode(hub, account, context.signal)
    if (code === undefined || code.text === this.#drawn) return
    this.#drawn = code.text
    // The new code replaces the one before on the screen.
    const clear = context.terminal && !once ? '\x1b[H\x1b[2J' : ''
    const left = span(Date.parse(code.expiresAt) - Date.now())
    context.say(
      `${clear}${code.text}\nScan it with WhatsApp on the phone: Settings, Linked devices. ` +
        `It is good for ${left}.\n`
    )
  }
}

export const qr = command({
  name: 'qr',
  summary: 'Links a phone',
  help,
  options: { once: { type: 'boolean' }, pair: { type: 'string' }, account: { type: 'string' } },
  run: async ({ once = false, pair: phone, account }, context) => {
    const hub = context.hub()
    const { signal, say } = context
    const session = await askSession(hub, account, signal)
    if (session instanceof LeadMasterError) throw new Fault(session.message)
    if (session.off === true) throw new Fault(clean(sessionInWords(session, account)))
    if (isLinked(session)) {
      say(`A phone is linked: ${clean(sessionInWords(session))}\n`)
      return 0
    }
    if (phone !== undefined && session.status !== 'PASSKEY_REQUIRED')
      say(`${await pair(hub, account, phone, signal)}\n`)
    const link = new QrLink({ hub, account, phone, once, context })
    if (!once) return link.follow(session)
    await link.drawOnce(session)
    return 0
  }
})
