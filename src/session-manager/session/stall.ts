import type { Shown } from '../whatsapp/page.ts'

/**
 * Whether whatsapp-web.js tells of what reaches the page: a pure judge. What a look from outside
 * shows, and what was heard, comes in as events; what to do goes out as effects, which
 * stall-watch.ts carries out. Times are ms of a clock that nobody sets.
 */

/**
 * From the gentlest on. Each is taken only when a message that came after the one before was not
 * told of either.
 */
export const steps = ['re-inject', 'reload', 'restart'] as const
export type Step = (typeof steps)[number]

/** How a message got here: not at all, told of, or read back only. */
export type Arrival = 'told' | 'read back' | undefined

interface Missing {
  since: number
  looks: number
  /** It came before anybody listened: reading back is to bring it, and soon does. */
  isEarly: boolean
  /** It can only be read back, and says nothing about whether whatsapp-web.js is silent. */
  isUnreadable?: boolean
}

export interface Stall {
  /** Shown before, and not to be judged any more. */
  known: ReadonlySet<string>
  /**
   * Only what is newer (UNIX seconds) came since somebody listens; undefined: the next look shows
   * what was there before.
   */
  floor: number | undefined
  /** Shown, and not told of so far. */
  missing: ReadonlyMap<string, Missing>
  /** When anything was told of last. */
  heardAt: number
  /** Steps taken of this ladder, and ladders that were of no use. */
  rung: number
  ladders: number
  /** The page has been listened to anew: once more would tell of everything three times. */
  reinjected: boolean
  steppedAt: number
  /** When it was last seen to stall; undefined: it does not, or is over. */
  stalledAt: number | undefined
  /** No step before this. */
  pausedUntil: number
  isOver: boolean
}

export type AttachedPage = 'new' | 'same' | 'same again'

export type StallEvent =
  /** whatsapp-web.js listens to a page: a new one, the same as before, or that once more. */
  | { type: 'attached'; page: AttachedPage }
  /** It told of a message. */
  | { type: 'heard' }
  /** The newest messages in the page. `wall` is UNIX seconds. */
  | { type: 'look'; newest: readonly Shown[]; arrival: (id: string) => Arrival; wall: number }
  /** The step could not be taken. */
  | { type: 'failed' }

export type StallEffect =
  | { do: 'read-back'; messages: number }
  | { do: 'step'; step: Step; messages: number }
  /** All steps were of no use, so often: it is tried again only after this time, ms. */
  | { do: 'unhealed'; ladders: number; pauseMs: number }
  | { do: 'over' }

/** Looks, one after the other, in which a message is not told of; and how long at least, ms. */
export interface Grace {
  looks: number
  ms: number
}

const hour = 3_600_000
/** So long without trouble, and with messages told of, and the steps taken are forgotten. */
const goodMs = hour
/** Between ladders that were of no use: 5 minutes, 20, then an hour. */
const pauseMs = (ladders: number): number => Math.min(hour, 300_000 * 4 ** (ladders - 1))
/** After so many it is said aloud. */
export const laddersInVain = 3
/** Reading back after a start takes so many times longer than a message needs to be told of. */
const earlyPatience = 4
const maxKnown = 300
const maxMissing = 200
/** A message that claims to be of a later time than this hides none. */
const aheadS = 30 * 86_400

export const initialStall: Stall = {
  known: new Set(),
  floor: undefined,
  missing: new Map(),
  heardAt: -Infinity,
  rung: 0,
  ladders: 0,
  reinjected: false,
  steppedAt: -Infinity,
  stalledAt: undefined,
  pausedUntil: -Infinity,
  isOver: true
}

interface Judged {
  stall: Stall
  effects: StallEffect[]
}

const newest = <T>(all: readonly T[], most: number): T[] =>
  all.slice(Math.max(0, all.length - most))

/** The next step of the ladder, or of the next one; none while it is paused. */
const climb = (stall: Stall, now: number, messages: number): Judged => {
  if (now < stall.pausedUntil) return { stall, effects: [] }
  if (stall.rung >= steps.length) {
    const ladders = stall.ladders + 1
    const pause = pauseMs(ladders)
    return {
      stall: { ...stall, rung: 0, ladders, pausedUntil: now + pause },
      effects: [{ do: 'unhealed', ladders, pauseMs: pause }]
    }
  }
  const rung = stall.rung === 0 && stall.reinjected ? 1 : stall.rung
  const step = steps[rung] as Step
  return {
    // nothing is judged until somebody listens again, and then only what comes from there on
    stall: { ...stall, rung: rung + 1, steppedAt: now, floor: undefined, missing: new Map() },
    effects: [{ do: 'step', step, messages }]
  }
}

const forgetful = (stall: Stall, now: number): Stall => {
  const last = Math.max(stall.steppedAt, stall.stalledAt ?? -Infinity)
  const isGood = stall.rung + stall.ladders > 0 && stall.heardAt > last && now - last >= goodMs
  return isGood ? { ...stall, rung: 0, ladders: 0, pausedUntil: -Infinity } : stall
}

const look = (
  stall: Stall,
  { newest: shown, arrival, wall }: Extract<StallEvent, { type: 'look' }>,
  now: number,
  grace: Grace
): Judged => {
  if (
    stall.floor !== undefined &&
    stall.missing.size === 0 &&
    shown.every(({ id }) => stall.known.has(id))
  )
    return { stall, effects: [] }
  const known = new Set(newest([...stall.known], maxKnown))
  if (stall.floor === undefined) {
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
  const { floor } = stall
  const isNew = ({ id, t, isNew }: Shown): boolean => isNew && t > floor && !known.has(id)
  const all = new Map(stall.missing)
  for (const one of shown) {
    if (isNew(one))
      all.set(
        one.id,
        all.get(one.id) ?? {
          since: now,
          looks: 0,
          isEarly: false,
          isUnreadable: one.isUnreadable === true
        }
      )
    else if (!all.has(one.id)) {
      // moved to the end, so that what is still shown is not the first to be forgotten
      known.delete(one.id)
      known.add(one.id)
    }
  }
  const missing = new Map<string, Missing>()
  const sure: { id: string; since: number; canBeSilent: boolean }[] = []
  for (const [id, { since, looks, isEarly, isUnreadable = false }] of newest(
    [...all],
    maxMissing
  )) {
    const timeouts = isEarly ? earlyPatience : 1
    if (arrival(id) === 'told' || (isEarly && arrival(id) !== undefined)) known.add(id)
    else if (looks + 1 >= grace.looks * timeouts && now - since >= grace.ms * timeouts) {
      known.add(id)
      sure.push({ id, since, canBeSilent: !isEarly && !isUnreadable })
    } else missing.set(id, { since, looks: looks + 1, isEarly, isUnreadable })
  }
  const after = { ...stall, known, missing }
  if (sure.length === 0) return { stall: after, effects: [] }
  const lost = sure.filter(({ id }) => arrival(id) === undefined)
  const readBack: StallEffect[] =
    lost.length === 0 ? [] : [{ do: 'read-back', messages: lost.length }]
  // One that is passed over while others are told of, or that has no model, is odd, but nothing is
  // silent.
  const silent = sure.filter(({ since, canBeSilent }) => canBeSilent && stall.heardAt < since)
  if (silent.length === 0) return { stall: after, effects: readBack }
  const climbed = climb({ ...after, stalledAt: now, isOver: false }, now, silent.length)
  return { stall: climbed.stall, effects: [...readBack, ...climbed.effects] }
}

/** What becomes of it when something happens, and what is to be done about it. */
export const judge = (before: Stall, event: StallEvent, now: number, grace: Grace): Judged => {
  const stall = forgetful(before, now)
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
        stall: { ...stall, heardAt: now, isOver: true },
        effects: stall.isOver ? [] : [{ do: 'over' }]
      }
    case 'failed':
      return climb(stall, now, 0)
    case 'look':
      return look(stall, event, now, grace)
  }
}
