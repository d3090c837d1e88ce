import type { Log } from '../../platform/log.ts'
import type { NewRecord, Journal } from '../journal/journal.ts'
import {
  initialStall,
  judge,
  laddersInVain,
  type Arrival,
  type AttachedPage,
  type Grace,
  type StallEffect,
  type StallEvent,
  type Step
} from './stall.ts'
import type { Shown } from '../whatsapp/page.ts'

/** Keeps what stall.ts judges by, and carries out what it decides. */
export interface StallWatch {
  attached(page: AttachedPage): void
  /** What whatsapp-web.js told of just now. */
  heard(newRecords: readonly NewRecord[]): void
  look(newest: readonly Shown[]): void
  /** The step could not be taken. */
  failed(): void
}

interface StallWatchOptions {
  journal: Pick<Journal, 'arrival'>
  /** Reads back at once what is missing. */
  readBack: () => void
  take: (step: Step, reason: string) => void
  /** What is wrong, in plain words; undefined: nothing any more. */
  tell: (reason: string | undefined) => void
  /** Counts what was done. */
  count: (deed: Step | 'read-back') => void
  grace: Grace
  log: Log
  /** ms of a clock that nobody sets. */
  now?: () => number
  /** UNIX ms. */
  wall?: () => number
}

/** Ids of messages on their way into the journal; most are there within milliseconds. */
const maxHeard = 5_000

const silence = 'messages reach the page, but whatsapp-web.js does not tell of them'
const deed: Record<Step, string> = {
  're-inject': 'listening to the page anew',
  reload: 'loading the page anew',
  restart: 'starting Chromium anew'
}

export const createStallWatch = (options: StallWatchOptions): StallWatch => {
  const {
    journal,
    readBack,
    take,
    tell,
    count,
    grace,
    log,
    now = () => performance.now(),
    wall = Date.now
  } = options
  const heard = new Set<string>()
  let stall = initialStall

  const arrival = (id: string): Arrival => (heard.has(id) ? 'told' : journal.arrival(id))

  const carryOut = (effect: StallEffect): void => {
    switch (effect.do) {
      case 'read-back':
        count('read-back')
        log.warn(
          { event: 'stall_read_back', messages: effect.messages },
          `${effect.messages} messages are in the page and were not told of: reading back`
        )
        return readBack()
      case 'step': {
        const { step, messages } = effect
        const reason = `${silence}: ${deed[step]}`
        count(step)
        log.warn({ event: 'stall', step, messages, reason: silence }, reason)
        tell(silence)
        return take(step, reason)
      }
      case 'unhealed': {
        const { ladders, pauseMs } = effect
        const line = { event: 'stall_unhealed', ladders, retry_ms: pauseMs }
        const text = `${silence}, and neither listening nor loading nor starting anew was of use (${ladders} times): they are read back, which takes longer`
        if (ladders >= laddersInVain) log.error(line, text)
        else log.warn(line, text)
        return tell(silence)
      }
      case 'over':
        log.info({ event: 'stall_over' }, 'whatsapp-web.js tells of messages again')
        return tell(undefined)
    }
  }
  const dispatch = (event: StallEvent): void => {
    const judged = judge(stall, event, now(), grace)
    const isFirstLook = stall.floor === undefined && judged.stall.floor !== undefined
    stall = judged.stall
    if (isFirstLook) {
      log.debug(
        { event: 'stall_watch' },
        'messages that reach the page from now on have to be told of'
      )
      // a step may have been of no use: what came between reading back and now is nobody's to tell
      // of
      if (stall.rung > 0) readBack()
    }
    for (const effect of judged.effects) carryOut(effect)
  }

  return {
    attached: (page) => dispatch({ type: 'attached', page }),
    heard: (newRecords) => {
      const ids = newRecords
        .filter(({ kind }) => kind === 'message' || kind === 'ciphertext')
        .map(({ message }) => message.id)
      for (const id of ids) heard.add(id)
      for (const id of heard) {
        if (heard.size <= maxHeard) break
        heard.delete(id)
      }
      if (ids.length > 0) dispatch({ type: 'heard' })
    },
    look: (newest) => dispatch({ type: 'look', newest, arrival, wall: wall() / 1_000 }),
    failed: () => dispatch({ type: 'failed' })
  }
}
