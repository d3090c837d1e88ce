import type { Shown } from '../whatsapp/page.ts'

/**
 * A pure judge of whether whatsapp-web.js reports the messages that reach the page. A look at the
 * page from outside and a report of the library come in as events. What to do goes out as effects,
 * which stall-watch.ts carries out. Times are ms of a monotonic clock.
 */

/**
 * The gentlest step comes first. Each is taken only when a message that came after the step before
 * was not reported either.
 */
export const steps = ['re-inject', 'reload', 'restart'] as const
export type Step = (typeof steps)[number]

/** How a message got here: reported by the library ('told'), only read back, or not yet. */
export type Arrival = 'told' | 'read back' | undefined

interface Missing {
  since: number
  looks: number
  /** It came before the library listened: the backfill of the start reads it back soon. */
  isEarly: boolean
  /** It can only be read back, so it does not show whether whatsapp-web.js is silent. */
  isUnreadable?: boolean
}

export interface Stall {
  /** Ids shown before, which are not judged any more. */
  known: ReadonlySet<string>
  /**
   * Only newer messages (UNIX seconds) came since the library listens; undefined: the next look
   * shows what was there before.
   */
  floor: number | undefined
  /** Messages that were shown and are not reported so far. */
  missing: ReadonlyMap<string, Missing>
  /** When the library last reported a message. */
  heardAt: number
  /** Steps taken in this round. */
  step: number
  /** Rounds of all steps that did not help. */
  rounds: number
  /** The listeners were installed twice: once more would report everything three times. */
  reinjected: boolean
  steppedAt: number
  /** When a stall was last seen; undefined: never. */
  stalledAt: number | undefined
  /** No step is taken before this. */
  pausedUntil: number
  isRecovered: boolean
}

export type AttachedPage = 'new' | 'same' | 'same again'

export type StallEvent =
  /** whatsapp-web.js listens to a page: a new one, the same as before, or the same once more. */
  | { type: 'attached'; page: AttachedPage }
  /** whatsapp-web.js reported a message. */
  | { type: 'heard' }
  /** The newest messages in the page. `wall` is UNIX seconds. */
  | { type: 'look'; newest: readonly Shown[]; arrival: (id: string) => Arrival; wall: number }
  /** The step could not be taken. */
  | { type: 'failed' }

export type StallEffect =
  | { do: 'read-back'; messages: number }
  | { do: 'step'; step: Step; messages: number }
  /** All steps failed in so many rounds. The next round starts after this pause, ms. */
  | { do: 'unhealed'; rounds: number; pauseMs: number }
  | { do: 'recovered' }

/** A message is missing after so many looks in a row and at least so long, ms. */
export interface Grace {
  looks: number
  ms: number
}

const hour = 3_600_000
/** Steps and rounds are reset after so long without a stall while messages are reported. */
const goodMs = hour
/** The pause between failed rounds: 5 minutes, 20, then an hour. */
const pauseMs = (rounds: number): number => Math.min(hour, 300_000 * 4 ** (rounds - 1))
/** From so many failed rounds on, the log line is an error. */
export const errorAfterRounds = 3
/** Reading back after a start takes so many times longer than the report of a message. */
const earlyFactor = 4
const maxKnown = 300
const maxMissing = 200
/** A message dated further ahead than this does not raise the floor. */
const aheadS = 30 * 86_400

export const initialStall: Stall = {
  known: new Set(),
  floor: undefined,
  missing: new Map(),
  heardAt: -Infinity,
  step: 0,
  rounds: 0,
  reinjected: false,
  steppedAt: -Infinity,
  stalledAt: undefined,
  pausedUntil: -Infinity,
  isRecovered: true
}

interface Judged {
  stall: Stall
  effects: StallEffect[]
}

type Look = Extract<StallEvent, { type: 'look' }>

const lastOf = <T>(items: readonly T[], max: number): T[] =>
  items.slice(Math.max(0, items.length - max))

/** The next step of this round. The end of a round starts a pause, in which no step is taken. */
const takeStep = (stall: Stall, now: number, messages: number): Judged => {
  if (now < stall.pausedUntil) return { stall, effects: [] }
  if (stall.step >= steps.length) {
    const rounds = stall.rounds + 1
    const pause = pauseMs(rounds)
    return {
      stall: { ...stall, step: 0, rounds, pausedUntil: now + pause },
      effects: [{ do: 'unhealed', rounds, pauseMs: pause }]
    }
  }
  const index = stall.step === 0 && stall.reinjected ? 1 : stall.step
  const step = steps[index] as Step
  return {
    // Nothing is judged until the library listens again, and then only what comes after that.
    stall: { ...stall, step: index + 1, steppedAt: now, floor: undefined, missing: new Map() },
    effects: [{ do: 'step', step, messages }]
  }
}

/** Resets the steps and rounds after a good hour. */
const resetAfterGoodTime = (stall: Stall, now: number): Stall => {
  const last = Math.max(stall.steppedAt, stall.stalledAt ?? -Infinity)
  const isGood = stall.step + stall.rounds > 0 && stall.heardAt > last && now - last >= goodMs
  return isGood ? { ...stall, step: 0, rounds: 0, pausedUntil: -Infinity } : stall
}

/** The first look sets the floor: what the page holds now came before the library listened. */
const firstLook = (stall: Stall, { newest: shown, arrival, wall }: Look, now: number): Judged => {
  const known = new Set(lastOf([...stall.known], maxKnown))
  const floor = Math.min(wall + aheadS, Math.max(0, ...shown.map(({ t }) => t)))
  const early = shown.filter(
    ({ id, isNew }) => isNew && !known.has(id) && arrival(id) === undefined
  )
  const missing = new Map(
    early.map(({ id }) => [id, { since: now, looks: 0, isEarly: true, isUnreadable: false }])
  )
  for (const { id } of shown) if (!missing.has(id)) known.add(id)
  return { stall: { ...stall, known, floor, missing }, effects: [] }
}

/**
 * @param known the other shown messages are moved to its end
 * @returns the missing messages, and those that this look shows for the first time
 */
const withShown = (
  stall: Stall,
  floor: number,
  shown: readonly Shown[],
  known: Set<string>,
  now: number
): Map<string, Missing> => {
  const isNew = ({ id, t, isNew }: Shown): boolean => isNew && t > floor && !known.has(id)
  const missing = new Map(stall.missing)
  for (const message of shown) {
    const { id } = message
    if (isNew(message)) {
      const isUnreadable = message.isUnreadable === true
      missing.set(id, missing.get(id) ?? { since: now, looks: 0, isEarly: false, isUnreadable })
    } else if (!missing.has(id)) {
      // Moved to the end, so that what is still shown is not the first to be dropped.
      known.delete(id)
      known.add(id)
    }
  }
  return missing
}

interface Overdue {
  id: string
  since: number
  /** Its absence may mean that the library is silent. */
  canBeSilent: boolean
}

/**
 * @param known receives the ids that are not missing any more
 * @returns the messages that are still missing, and those that were missing for too long
 */
const splitOverdue = (
  candidates: Map<string, Missing>,
  arrival: Look['arrival'],
  known: Set<string>,
  now: number,
  grace: Grace
): { missing: Map<string, Missing>; overdue: Overdue[] } => {
  const missing = new Map<string, Missing>()
  const overdue: Overdue[] = []
  for (const [id, { since, looks, isEarly, isUnreadable = false }] of lastOf(
    [...candidates],
    maxMissing
  )) {
    const factor = isEarly ? earlyFactor : 1
    if (arrival(id) === 'told' || (isEarly && arrival(id) !== undefined)) known.add(id)
    else if (looks + 1 >= grace.looks * factor && now - since >= grace.ms * factor) {
      known.add(id)
      overdue.push({ id, since, canBeSilent: !isEarly && !isUnreadable })
    } else missing.set(id, { since, looks: looks + 1, isEarly, isUnreadable })
  }
  return { missing, overdue }
}

const look = (stall: Stall, event: Look, now: number, grace: Grace): Judged => {
  const { newest: shown, arrival } = event
  const { floor } = stall
  if (floor === undefined) return firstLook(stall, event, now)
  if (stall.missing.size === 0 && shown.every(({ id }) => stall.known.has(id)))
    return { stall, effects: [] }
  const known = new Set(lastOf([...stall.known], maxKnown))
  const candidates = withShown(stall, floor, shown, known, now)
  const { missing, overdue } = splitOverdue(candidates, arrival, known, now, grace)
  const after = { ...stall, known, missing }
  if (overdue.length === 0) return { stall: after, effects: [] }
  const lost = overdue.filter(({ id }) => arrival(id) === undefined)
  const readBack: StallEffect[] =
    lost.length === 0 ? [] : [{ do: 'read-back', messages: lost.length }]
  // A message that is passed over while others are reported, or that has no model, is odd, but the
  // library is not silent.
  const silent = overdue.filter(({ since, canBeSilent }) => canBeSilent && stall.heardAt < since)
  if (silent.length === 0) return { stall: after, effects: readBack }
  const stepped = takeStep({ ...after, stalledAt: now, isRecovered: false }, now, silent.length)
  return { stall: stepped.stall, effects: [...readBack, ...stepped.effects] }
}

/** @returns the state after the event, and what to do */
export const judge = (before: Stall, event: StallEvent, now: number, grace: Grace): Judged => {
  const stall = resetAfterGoodTime(before, now)
  switch (event.type) {
    case 'attached':
      return {
        stall: {
          ...stall,
          floor: undefined,
          missing: new Map(),
          reinjected: event.page === 'same again' || (event.page === 'same' && stall.reinjected)
        },
        effects: []
      }
    case 'heard':
      return {
        stall: { ...stall, heardAt: now, isRecovered: true },
        effects: stall.isRecovered ? [] : [{ do: 'recovered' }]
      }
    case 'failed':
      return takeStep(stall, now, 0)
    case 'look':
      return look(stall, event, now, grace)
  }
}
