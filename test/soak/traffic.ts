import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Common, Phone, Sent } from '../whatsapp-web/phone.ts'
import { writtenBy } from './day.ts'
import { leaverAt, type Ledger } from './ledger.ts'

/**
 * Those who write to the account, over the day: texts mostly, and everything else that WhatsApp
 * has.
 */

export interface TrafficOptions {
  phone: Phone
  ledger: Ledger
  messages: number
  /** How long the day takes, ms. */
  ms: number
  /** UNIX seconds by the simulated clock. */
  now: () => number
}

export interface Traffic {
  /** Resolves once the day is over and all is written. */
  over: Promise<void>
  /** Writes no more. */
  stop(): void
  /**
   * How much was written besides messages, and how long writing had to wait for those who read, s.
   */
  also(): {
    edits: number
    reactions: number
    revokes: number
    media: number
    calls: number
    ciphertexts: number
    held_back_s: number
  }
}

const tickMs = 20
/**
 * What is written and not in the journal yet: past this the page, not LeadMaster, would be
 * measured.
 */
const maxBehind = 20_000
/** How long what could not be decrypted waits for it. */
const hiddenMs = 1_000
const groups = 12

export const startTraffic = ({ phone, ledger, messages, ms, now }: TrafficOptions): Traffic => {
  const also = {
    edits: 0,
    reactions: 0,
    revokes: 0,
    media: 0,
    calls: 0,
    ciphertexts: 0,
    held_back_s: 0
  }
  const leads = Math.max(20, Math.min(1_500, Math.round(messages / 100)))
  const recent: string[] = []
  const hidden: { id: string; at: number }[] = []
  const groupIds = Array.from({ length: groups }, (_, index) =>
    phone.group({ subject: `Group ${index}`, participants: [lead(index), lead(index + 1)] })
  )
  let count = 0
  let stopped = false

  /** Who writes: the few that write much, and slowly others. */
  const writer = (): number =>
    Math.floor(Math.random() ** 2 * leads * Math.min(1, 0.2 + count / messages))
  const media = (about: Common): Sent => {
    also.media += 1
    const kind = (['image', 'ptt', 'document'] as const)[count % 3] ?? 'image'
    return phone.media({
      ...about,
      kind,
      bytes: randomBytes(2_000 + Math.floor(Math.random() * 20_000)),
      mimetype: kind === 'image' ? 'image/jpeg' : kind === 'ptt' ? 'audio/ogg' : 'application/pdf',
      ...(kind === 'document' ? { filename: `offer ${count}.pdf` } : {})
    })
  }
  const message = (): Sent & { kind: string } => {
    const index = writer()
    const about: Common = { from: lead(index), name: `Lead ${index}`, t: now() }
    const text = `message ${count} ${'of some words '.repeat(1 + (count % 6))}`
    const dice = Math.random()
    if (dice < 0.004) return { kind: 'media', ...media(about) }
    if (dice < 0.009) {
      also.ciphertexts += 1
      const sent = phone.ciphertext({ ...about, text })
      hidden.push({ id: sent.id, at: performance.now() + hiddenMs })
      return { kind: 'ciphertext', ...sent }
    }
    if (dice < 0.01) {
      also.calls += 1
      return { kind: 'call', ...phone.call({ from: lead(index), t: now() }) }
    }
    if (dice < 0.012)
      return {
        kind: 'location',
        ...phone.location({ ...about, latitude: 19.4, longitude: -99.1, place: 'An office' })
      }
    if (dice < 0.014)
      return {
        kind: 'contacts',
        ...phone.contacts({ ...about, cards: [{ name: 'A friend', phone: '+5215598765432' }] })
      }
    if (dice < 0.08)
      return {
        kind: 'of a group',
        ...phone.text({ ...about, group: groupIds[index % groups] as string, text })
      }
    if (dice < 0.16) return { kind: 'own', ...phone.text({ to: lead(index), t: now(), text }) }
    if (dice < 0.162)
      return { kind: 'of one who leaves', ...phone.text({ ...about, from: leaverAt(count), text }) }
    return {
      kind: 'text',
      ...phone.text({
        ...about,
        text,
        ...(dice < 0.2 && recent.length > 0 ? { forwarded: true } : {})
      })
    }
  }
  const afterwards = (): void => {
    const id = recent[Math.floor(Math.random() * recent.length)]
    if (id === undefined) return
    const dice = Math.random()
    if (dice < 0.02) {
      also.reactions += 1
      phone.react({ message: id, emoji: '👍', ...(dice < 0.01 ? { from: lead(1) } : {}) })
    } else if (dice < 0.03) {
      also.edits += 1
      phone.edit({ message: id, text: `edited ${count}` })
    } else if (dice < 0.032) {
      also.revokes += 1
      recent.splice(recent.indexOf(id), 1)
      phone.revoke({ message: id })
    }
  }
  const write = (): void => {
    const sent = message()
    ledger.write(sent.id, sent.kind, sent.chat.replace('@c.us', ''), sent.t)
    count += 1
    if (hidden.at(-1)?.id !== sent.id) recent.push(sent.id)
    if (recent.length > 100) recent.shift()
    afterwards()
  }

  const decryptDue = (now: number): void => {
    while ((hidden[0]?.at ?? NaN) <= now) phone.decrypt({ message: hidden.shift()?.id as string })
  }

  const run = async (): Promise<void> => {
    const started = performance.now()
    while (!stopped) {
      const due = Math.round(messages * writtenBy(Math.min(1, (performance.now() - started) / ms)))
      while (count < due) {
        const { written, recorded } = ledger.counts()
        if (written - recorded > maxBehind) {
          also.held_back_s += tickMs / 1_000
          break
        }
        write()
      }
      decryptDue(performance.now())
      if (count >= messages && performance.now() - started >= ms) break
      await delay(tickMs)
    }
    decryptDue(Infinity)
  }
  return {
    over: run(),
    stop: () => void (stopped = true),
    also: () => ({ ...also, held_back_s: Math.round(also.held_back_s) })
  }
}

const lead = (index: number): string => `52155${10_000_000 + index}`
