import { parsePhoneNumberFromString } from 'libphonenumber-js'
import type { Log } from '../../platform/log.ts'
import type { Listener } from '../whatsapp/listener.ts'

/**
 * Linking by a code that a person types in on the phone, while the QR to scan is shown all the
 * same.
 */
export interface Pairing {
  /**
   * Asks WhatsApp for a code, which voids the one before. @throws when there is nothing to link or
   * WhatsApp gives none
   */
  ask(phone: string): Promise<{ code: string; generatedAt: number; expiresAt: number }>
  /** A code may be typed in now: asking WhatsApp Web for other codes to scan would void it. */
  active(): boolean
  /** Back to the QR alone. */
  end(): void
}

/** WhatsApp takes a code for so long, ms. */
const usualLifetimeMs = 180_000

/** @param options.listener the listener while a QR is required */
export const createPairing = (options: {
  listener: () => Listener | undefined
  lifetimeMs?: number | undefined
  log: Log
  now: () => number
}): Pairing => {
  const { listener, lifetimeMs = usualLifetimeMs, log, now } = options
  let paired: Listener | undefined
  let timer: NodeJS.Timeout | undefined

  const active = (): boolean => paired !== undefined && paired === listener()
  const end = (): void => {
    clearTimeout(timer)
    if (active())
      paired
        ?.cancelPairing()
        .catch((error: unknown) =>
          log.warn(
            { event: 'pairing_end_failed', err: error },
            'WhatsApp Web did not go back to the QR'
          )
        )
    paired = undefined
  }
  return {
    active,
    end,
    ask: async (phone) => {
      const mine = listener()
      if (mine === undefined) throw new Error('no QR is shown')
      clearTimeout(timer)
      paired = mine
      log.info({ event: 'pairing_code' }, 'a pairing code was asked for')
      try {
        const code = await mine.pairingCode(phone)
        const generatedAt = now()
        if (active()) timer = setTimeout(end, lifetimeMs)
        return { code, generatedAt, expiresAt: generatedAt + lifetimeMs }
      } catch (error) {
        end()
        throw error
      }
    }
  }
}

/** A phone number with its country code, in E.164; undefined when it can be none. */
export const toE164 = (text: string): string | undefined => {
  const international = text.trim().replace(/^(?!\+)(00)?/, '+')
  // WhatsApp's ids keep a 1 that Mexico's numbers had before 2019
  const parsed = parsePhoneNumberFromString(
    international.replace(/[\s()-]/g, '').replace(/^\+521(?=\d{10}$)/, '+52'),
    { extract: false }
  )
  return parsed?.isPossible() === true && parsed.ext === undefined ? parsed.number : undefined
}
