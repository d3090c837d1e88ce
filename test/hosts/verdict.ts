import { count as countIds, samples, type Count as Counted } from '../lab/verdict.ts'
import type { Frontend } from '../lab/frontend.ts'
import type { Sent } from './traffic.ts'

/** What became of every message, seen from outside: by REST, and by what frontends were told. */

/** What is amiss is named by when it was written, its account and id. */
export interface Count extends Counted {
  /** That stand after one of the same chat that was written later. */
  out_of_order: number
}

export interface Told extends Count {
  frontend: string
  resets: number
  connections: number
}

/** Those that stand after one of the same chat that was written later. */
const outOfOrder = (sent: ReadonlyMap<string, Sent>, held: readonly string[]): string[] => {
  const place = new Map([...sent.keys()].map((key, index) => [key, index]))
  const lastOf = new Map<string, number>()
  return [...new Set(held)].filter((key) => {
    const [index, chat] = [place.get(key), `${sent.get(key)?.account} ${sent.get(key)?.chat}`]
    if (index === undefined) return false
    const last = lastOf.get(chat) ?? -1
    lastOf.set(chat, Math.max(index, last))
    return index < last
  })
}

/** @param held `ACCOUNT ID` of what is there, in its order */
export const count = (sent: ReadonlyMap<string, Sent>, held: readonly string[]): Count => {
  const named = (key: string): string => {
    const at = sent.get(key)?.at
    return `${at === undefined ? '' : new Date(at).toISOString()} ${key}`
  }
  const { such_as, ...counted } = countIds(new Set(sent.keys()), held, named)
  const late = outOfOrder(sent, held)
  return {
    ...counted,
    out_of_order: late.length,
    such_as: [...such_as, ...late.slice(0, samples).map((key) => `out_of_order ${named(key)}`)]
  }
}

export const told = (
  sent: ReadonlyMap<string, Sent>,
  { name, told: events, resets, connections }: Frontend
): Told => ({
  frontend: name,
  ...count(
    sent,
    events.map(({ key }) => key)
  ),
  resets: resets(),
  connections: connections()
})

export interface Delivery {
  /** The longest time that frontends heard nothing of an account, s. */
  silence_s: number
  /** The longest that a message written meanwhile took to a frontend, s. */
  delay_s: number
}

/**
 * How delivery went from one time to another (ms): of the account that fared worse, by the frontend
 * that fared best.
 */
export const delivery = (
  sent: ReadonlyMap<string, Sent>,
  arrived: ReadonlyMap<string, number>,
  from: number,
  to: number
): Delivery => {
  const worst: Delivery = { silence_s: 0, delay_s: 0 }
  const lastAt = new Map<string, number>()
  for (const [key, at] of [...arrived].sort(([, a], [, b]) => a - b)) {
    const { account = '' } = sent.get(key) ?? {}
    const before = lastAt.get(account)
    if (before !== undefined && before < to && at > from)
      worst.silence_s = Math.max(worst.silence_s, (at - before) / 1_000)
    lastAt.set(account, at)
  }
  for (const [key, { at }] of sent)
    if (at >= from && at < to)
      worst.delay_s = Math.max(worst.delay_s, ((arrived.get(key) ?? Date.now()) - at) / 1_000)
  return worst
}
