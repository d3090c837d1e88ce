import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from '../journal/journal.ts'
import {
  errorAfterRounds,
  initialStall,
  judge,
  type Arrival,
  type AttachedPage,
  type Grace,
  type StallEffect,
  type StallEvent,
  type Step
} from './stall.ts'
import type { Shown } from '../whatsapp/page.ts'

interface StallWatchOptions {
  journal: Pick<Journal, 'arrival'>
  /** Starts reading back what is missing. */
  readBack: () => void
  takeStep: (step: Step, reason: string) => void
  /** The reason that /status shows; undefined: messages are reported again. */
  onReason: (reason: string | undefined) => void
  /** Counts what was done. */
  onAction: (action: Step | 'read-back') => void
  grace: Grace
  log: Log
  /** ms of a monotonic clock. */
  now?: () => number
  /** UNIX ms. */
  wall?: () => number
}

/** Ids of messages on their way into the journal; most are there within milliseconds. */
const maxHeard = 5_000

const silence = 'messages reach the page, but whatsapp-web.js does not tell of them'
const stepTexts: Record<Step, string> = {
  're-inject': 'listening to the page anew',
  reload: 'loading the page anew',
  restart: 'starting Chromium anew'
}

/** Keeps the state that stall.ts judges by, and carries out its effects. */
export class StallWatch {
  readonly #options: StallWatchOptions
  readonly #now: () => number
  readonly #wall: () => number
  /** Ids that whatsapp-web.js reported. Some are not in the journal yet. */
  readonly #heard = new Set<string>()
  #stall = initialStall

  constructor(options: StallWatchOptions) {
    const { now = () => performance.now(), wall = Date.now } = options
    this.#options = options
    this.#now = now
    this.#wall = wall
  }

  attached(page: AttachedPage): void {
    this.#dispatch({ type: 'attached', page })
  }

  /** whatsapp-web.js reported these. */
  heard(newRecords: readonly NewRecord[]): void {
    const ids = newRecords
      .filter(({ kind }) => kind === 'message' || kind === 'ciphertext')
      .map(({ message }) => message.id)
    for (const id of ids) this.#heard.add(id)
    for (const id of this.#heard) {
      if (this.#heard.size <= maxHeard) break
      this.#heard.delete(id)
    }
    if (ids.length > 0) this.#dispatch({ type: 'heard' })
  }

  /** @param newest what a look at the page shows */
  look(newest: readonly Shown[]): void {
    const arrival = (id: string): Arrival => this.#arrival(id)
    this.#dispatch({ type: 'look', newest, arrival, wall: this.#wall() / 1_000 })
  }

  /** The step could not be taken. */
  failed(): void {
    this.#dispatch({ type: 'failed' })
  }

  #arrival(id: string): Arrival {
    return this.#heard.has(id) ? 'told' : this.#options.journal.arrival(id)
  }

  #dispatch(event: StallEvent): void {
    const before = this.#stall
    const { stall, effects } = judge(before, event, this.#now(), this.#options.grace)
    this.#stall = stall
    if (before.floor === undefined && stall.floor !== undefined) this.#onFirstLook()
    for (const effect of effects) this.#carryOut(effect)
  }

  #onFirstLook(): void {
    this.#options.log.debug(
      { event: 'stall_watch' },
      'messages that reach the page from now on have to be told of'
    )
    // A step may not have helped: nobody reports what came between reading back and now.
    if (this.#stall.step > 0) this.#options.readBack()
  }

  #carryOut(effect: StallEffect): void {
    const { log, onAction, onReason, readBack, takeStep } = this.#options
    switch (effect.do) {
      case 'read-back':
        onAction('read-back')
        log.warn(
          { event: 'stall_read_back', messages: effect.messages },
          `${effect.messages} messages are in the page and were not told of: reading back`
        )
        return readBack()
      case 'step': {
        const { step, messages } = effect
        const reason = `${silence}: ${stepTexts[step]}`
        onAction(step)
        log.warn({ event: 'stall', step, messages, reason: silence }, reason)
        onReason(silence)
        return takeStep(step, reason)
      }
      case 'unhealed':
        this.#logUnhealed(effect.rounds, effect.pauseMs)
        return onReason(silence)
      case 'recovered':
        log.info({ event: 'stall_over' }, 'whatsapp-web.js tells of messages again')
        return onReason(undefined)
    }
  }

  #logUnhealed(rounds: number, pauseMs: number): void {
    const { log } = this.#options
    const line = { event: 'stall_unhealed', ladders: rounds, retry_ms: pauseMs }
    const text =
      `${silence}, and neither listening nor loading nor starting anew was of use ` +
      `(${rounds} times): they are read back, which takes longer`
    if (rounds >= errorAfterRounds) log.error(line, text)
    else log.warn(line, text)
  }
}
