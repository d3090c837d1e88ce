import { setTimeout as delay } from 'node:timers/promises'
import type { Phone } from '../whatsapp-web/phone.ts'

/**
 * The people who write: to all accounts in turn, at a steady rate, each chat at most once a second,
 * as people do.
 */

export interface Sent {
  account: string
  chat: string
  at: number
}

export interface Traffic {
  /** Every message written by now, by its id, in the order they were written. */
  sent: ReadonlyMap<string, Sent>
  /** There is no need for more than `messages` any longer. Resolves once all are written. */
  end(): Promise<void>
}

/** Within a second WhatsApp itself tells no order. */
const betweenMs = 1_050

/**
 * Writes `messages`, and more until it is ended: whatever is done to the hosts meets messages that
 * are on their way.
 */
export const startTraffic = (
  phones: Readonly<Record<string, Pick<Phone, 'text'>>>,
  about: { messages: number; perSecond: number }
): Traffic => {
  const { messages, perSecond } = about
  const sent = new Map<string, Sent>()
  const accounts = Object.entries(phones)
  const chats = Math.ceil((perSecond / accounts.length) * (betweenMs / 1_000) * 1.3)
  const lastAt = new Map<string, number>()
  let ended = false
  const wanted = (): boolean => !ended || sent.size < messages

  /** @returns whether it was time for the next one */
  const write = (): boolean => {
    const [account, phone] = accounts[sent.size % accounts.length] as (typeof accounts)[number]
    const lead = Math.floor(sent.size / accounts.length) % chats
    const from = `+52155${10_000_000 + lead}`
    const at = Date.now()
    if (at - (lastAt.get(`${account} ${lead}`) ?? 0) < betweenMs) return false
    lastAt.set(`${account} ${lead}`, at)
    const { id, chat } = phone.text({ from, name: `Lead ${lead}`, text: `message ${sent.size}` })
    sent.set(`${account} ${id}`, { account, chat, at })
    return true
  }
  const run = async (): Promise<void> => {
    const started = performance.now()
    while (wanted()) {
      // by the clock, so that a busy machine does not slow the rate down
      const due = Math.floor(((performance.now() - started) / 1_000) * perSecond) + 1
      while (wanted() && sent.size < due && write());
      await delay(10)
    }
  }
  const over = run()
  return {
    sent,
    end: () => {
      ended = true
      return over
    }
  }
}
