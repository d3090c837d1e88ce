import { parsePhoneNumberFromString } from 'libphonenumber-js'
import type { Log } from '../../platform/log.ts'
import type { Listener } from '../whatsapp/listener.ts'

/** WhatsApp accepts a code for so long, ms. */
const usualLifetimeMs = 180_000

/** A pairing code and its validity, UNIX ms. */
interface PairingCode {
  code: string
  generatedAt: number
  expiresAt: number
}

/** Linking by a code that a person types on the phone. The QR stays visible in the meantime. */
export class Pairing {
  readonly #options: {
    /** The listener while a QR is required. */
    listener: () => Listener | undefined
    log: Log
    now: () => number
  }
  readonly #lifetimeMs: number
  /** The listener whose page shows a code. */
  #paired: Listener | undefined
  #timer: NodeJS.Timeout | undefined

  /** @param options.listener the listener while a QR is required */
  constructor(options: {
    listener: () => Listener | undefined
    lifetimeMs?: number | undefined
    log: Log
    now: () => number
  }) {
    this.#options = options
    this.#lifetimeMs = options.lifetimeMs ?? usualLifetimeMs
  }

  /**
   * Asks WhatsApp for a code, which voids the code before it.
   * @throws when no QR is required, or WhatsApp gives no code
   */
  async ask(phone: string): Promise<PairingCode> {
    const { log, now } = this.#options
    const listener = this.#options.listener()
    if (listener === undefined) throw new Error('no QR is shown')
    clearTimeout(this.#timer)
    this.#paired = listener
    log.info({ event: 'pairing_code' }, 'a pairing code was asked for')
    try {
      const code = await listener.pairingCode(phone)
      const generatedAt = now()
      if (this.isActive()) this.#timer = setTimeout(() => this.end(), this.#lifetimeMs)
      return { code, generatedAt, expiresAt: generatedAt + this.#lifetimeMs }
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** A code may be typed now. Asking WhatsApp Web for a new QR would void it. */
  isActive(): boolean {
    return this.#paired !== undefined && this.#paired === this.#options.listener()
  }

  /** Goes back to the QR alone. */
  end(): void {
    clearTimeout(this.#timer)
    if (this.isActive())
      this.#paired
        ?.cancelPairing()
        .catch((error: unknown) =>
          this.#options.log.warn(
            { event: 'pairing_end_failed', err: error },
            'WhatsApp Web did not go back to the QR'
          )
        )
    this.#paired = undefined
  }
}

/** A phone number with its country code, in E.164; undefined when the text is no phone number. */
export const toE164 = (text: string): string | undefined => {
  const international = text.trim().replace(/^(?!\+)(00)?/, '+')
  // WhatsApp's ids keep a 1 that Mexico's numbers had before 2019.
  const parsed = parsePhoneNumberFromString(
    international.replace(/[\s()-]/g, '').replace(/^\+521(?=\d{10}$)/, '+52'),
    { extract: false }
  )
  return parsed?.isPossible() === true && parsed.ext === undefined ? parsed.number : undefined
}
