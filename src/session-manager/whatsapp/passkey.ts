import type { PasskeyAnswer } from '../../contract/session.ts'
import type { Log } from '../../platform/log.ts'
import { withTimeout } from '../../platform/async.ts'
import type { PasskeyState } from './passkey-state.ts'
import type { Page } from './browser.ts'
import type { ListenerEvent } from './client-events.ts'
import {
  installPasskeyPage,
  passkeyBinding,
  type PasskeyLook,
  type PasskeyMessage,
  type PasskeyPage
} from './passkey-page.ts'

/** Actions of an operator while the page asks for the account's passkey. */
export interface PasskeyActions {
  /** Hands the passkey's answer to the page. @throws when the page no longer waits for it */
  answer(answer: PasskeyAnswer): Promise<void>
  /** Confirms that the phone shows the same code. @throws when the page does not wait for it */
  confirm(): Promise<void>
  /** Makes WhatsApp give another challenge. */
  restart(): Promise<void>
  /** Goes back to the QR. */
  cancel(): Promise<void>
}

/** Times, ms. */
export interface PasskeyTimes {
  /** Between looks while no device is linked. */
  lookMs: number
  /** Between looks for the integrity checkpoint of a linked device. */
  checkpointMs: number
  /** A step without a person fails after this time. */
  stepMs: number
  /** After this time a failed attempt goes back to the QR. */
  restMs: number
  /** Bounds of the time that a challenge is open. WhatsApp asks for ten minutes. */
  challengeMinMs: number
  challengeMaxMs: number
}

const usualTimes: PasskeyTimes = {
  lookMs: 1_000,
  checkpointMs: 30_000,
  stepMs: 30_000,
  restMs: 600_000,
  challengeMinMs: 30_000,
  challengeMaxMs: 600_000
}
const callMs = 10_000
/** WhatsApp Web waits so long for the phone, for the comparison of the code, and for the end. */
const pageStepMs = 120_000
const graceMs = 10_000

/** @param error the page's own word, or the name of an error */
const describeFailure = (error: string): string => {
  if (error === 'timeout')
    return (
      'the phone did not go on within two minutes: ' +
      'start again, and keep WhatsApp open on the phone'
    )
  if (error === 'server_error')
    return 'WhatsApp refused it: start again; if that fails too, scan the QR once more'
  if (error === 'NotAllowedError') return 'it was given up'
  return (
    `WhatsApp Web could not ask for the passkey or hand in its answer (${error.slice(0, 60)}): ` +
    'start again, or scan the QR once more'
  )
}

const describeCheckpoint = (type: string): string =>
  'WhatsApp holds this linked device at a security check ' +
  `(${type === 'CAPTCHA' ? 'a captcha' : 'the passkey'}), and may stop its messages: ` +
  'open WhatsApp on the phone and WhatsApp Web in a normal browser, and do what they ask; ' +
  'on this device the only way out is to unlink it and link it again'

/** Reports as events the page's linking by passkey, and the security check of a linked device. */
export class PasskeyRelay {
  readonly #page: () => Page
  readonly #emit: (event: ListenerEvent) => void
  readonly #log: Log
  readonly #times: PasskeyTimes
  #state: PasskeyState | undefined
  /** When the state expires, on a monotonic clock, ms. */
  #steadyExpiry = Infinity
  /** The question that the state is about. */
  #question: number | undefined
  /** Requests of WhatsApp that were handled. */
  #requests = 0
  /** The page had the code that asks for the passkey. */
  #hasStarted = false
  /** The page's own stage at the last look, and whether it had a code. */
  #pageStage = ''
  #isLinked = false
  #checkpoint: string | undefined
  #askedByCheckpoint = false
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #isStopped = false

  constructor(options: {
    page: () => Page
    emit: (event: ListenerEvent) => void
    log: Log
    times?: Partial<PasskeyTimes>
  }) {
    this.#page = options.page
    this.#emit = options.emit
    this.#log = options.log
    this.#times = { ...usualTimes, ...options.times }
  }

  /** Call this before the page loads anything, and after the module hook was installed. */
  async attach(page: Page): Promise<void> {
    await page.exposeFunction(passkeyBinding, (message: PasskeyMessage) => this.#onMessage(message))
    await page.evaluateOnNewDocument(installPasskeyPage, passkeyBinding)
    this.#schedule()
  }

  /** The device is linked: a passkey asked for from now on is a security check. */
  linked(): void {
    this.#isLinked = true
    this.#state = undefined
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  readonly actions: PasskeyActions = {
    answer: async (answer) => {
      const id = this.#question
      if (
        id === undefined ||
        this.#state?.stage !== 'challenge' ||
        !(await this.#settle(id, answer))
      ) {
        throw new Error('WhatsApp Web does not wait for an answer any more')
      }
      this.#question = undefined
      this.#enter({ stage: 'waiting-for-phone', expiresAt: Date.now() + this.#times.stepMs })
      this.#schedule()
    },
    confirm: async () => {
      if (this.#state?.stage !== 'code') throw new Error('there is no code to confirm')
      await withTimeout(
        this.#page().evaluate(async () => {
          await (globalThis as unknown as Record<symbol, PasskeyPage>)[
            Symbol.for('leadmaster.passkey')
          ]?.confirm()
        }),
        this.#times.stepMs
      )
      this.#enter({ stage: 'finishing', expiresAt: Date.now() + pageStepMs + graceMs })
    },
    restart: () => this.#start(),
    cancel: () => this.#cancel()
  }

  #onMessage(message: PasskeyMessage): void {
    if (this.#isStopped) return
    switch (message.type) {
      case 'document':
        return this.#onDocument()
      case 'changed':
        return void this.#look()
      case 'get':
        return this.#onRequest(message)
    }
  }

  /** A new document knows nothing of what was asked before. */
  #onDocument(): void {
    this.#requests = 0
    this.#question = undefined
    this.#isLinked = false
    this.#askedByCheckpoint = false
    this.#showCheckpoint(undefined)
    this.#end()
    this.#schedule()
  }

  #onRequest({ id, linking, prf, request }: Extract<PasskeyMessage, { type: 'get' }>): void {
    if (!linking && (prf || this.#isLinked)) {
      this.#askedByCheckpoint = true
      this.#showCheckpoint('PASSKEY')
      this.#settle(id, null).catch((error: unknown) => this.#logFailed(error))
      return
    }
    this.#question = id
    const { challengeMinMs, challengeMaxMs } = this.#times
    const waitMs = Math.min(challengeMaxMs, Math.max(challengeMinMs, request.timeout))
    this.#enter({ stage: 'challenge', expiresAt: Date.now() + waitMs, request })
  }

  #enter(next: Omit<PasskeyState, 'since'>): void {
    const now = Date.now()
    this.#state = { ...next, since: now }
    this.#steadyExpiry = performance.now() + (next.expiresAt ?? Infinity) - now
    this.#emit({ type: 'passkey', passkey: this.#state })
  }

  #fail(failure: string): void {
    this.#question = undefined
    this.#enter({ stage: 'failed', failure, expiresAt: Date.now() + this.#times.restMs })
  }

  /** The page does not ask for the passkey any more. */
  #end(): void {
    if (this.#state === undefined) return
    this.#state = undefined
    this.#emit({ type: 'passkey', passkey: undefined })
  }

  #showCheckpoint(type: string | undefined): void {
    if (type === this.#checkpoint) return
    this.#checkpoint = type
    if (type !== undefined) this.#log.error({ event: 'checkpoint' }, describeCheckpoint(type))
    this.#emit({
      type: 'limited',
      source: 'checkpoint',
      reason: type === undefined ? undefined : describeCheckpoint(type)
    })
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (this.#isStopped) return
    this.#timer = setTimeout(
      () => void this.#look(),
      this.#isLinked ? this.#times.checkpointMs : this.#times.lookMs
    )
  }

  async #look(): Promise<void> {
    if (this.#isStopped || this.#isLooking) return
    this.#isLooking = true
    try {
      if (this.#isLinked) await this.#lookForCheckpoint()
      else await this.#lookAtLinking()
    } catch (error) {
      this.#logFailed(error)
    } finally {
      this.#isLooking = false
      this.#schedule()
    }
  }

  /** The health probe finds a page that does not answer. */
  #logFailed(error: unknown): void {
    this.#log.debug(
      { event: 'passkey_look_failed', err: error },
      'the page could not be asked about the passkey'
    )
  }

  async #lookForCheckpoint(): Promise<void> {
    const type = await withTimeout(
      this.#page().evaluate(
        async () =>
          (await (globalThis as unknown as Record<symbol, PasskeyPage>)[
            Symbol.for('leadmaster.passkey')
          ]?.checkpoint()) ?? null
      ),
      callMs
    )
    if (!this.#isLinked) return
    this.#showCheckpoint(type ?? (this.#askedByCheckpoint ? 'PASSKEY' : undefined))
  }

  async #lookAtLinking(): Promise<void> {
    const seen = await withTimeout(
      this.#page().evaluate(
        () =>
          (globalThis as unknown as Record<symbol, PasskeyPage>)[
            Symbol.for('leadmaster.passkey')
          ]?.look() ?? null
      ),
      callMs
    )
    if (seen === null || this.#isLinked || this.#isStopped) return
    if (this.#state !== undefined && performance.now() >= this.#steadyExpiry)
      return this.#expire(this.#state)
    await this.#judge(seen, this.#state?.stage)
  }

  /** A stage took too long. */
  async #expire({ stage }: PasskeyState): Promise<void> {
    if (stage === 'failed') return this.#cancel()
    if (stage === 'challenge') {
      if (this.#question !== undefined) await this.#settle(this.#question, null)
      return this.#fail('nobody answered in time: start again')
    }
    if (stage === 'starting')
      return this.#fail('WhatsApp gave no challenge: start again, or scan the QR once more')
    this.#fail(describeFailure('timeout'))
  }

  async #judge(seen: PasskeyLook, stage: PasskeyState['stage'] | undefined): Promise<void> {
    if (seen.pending !== null) {
      // WhatsApp asked again, by another challenge, while the one before was open.
      if (seen.requests > this.#requests && stage === 'challenge') await this.#start(seen.requests)
      return
    }
    if (this.#follow(seen, stage)) return
    if (seen.error !== null) {
      if (stage !== 'failed') this.#fail(describeFailure(seen.error))
      else if (seen.requests > this.#requests) await this.#start(seen.requests)
      return
    }
    if (!seen.linking) {
      // A page that does not report its stage is believed to go on until the time is up.
      if (seen.stage !== null || (stage !== 'waiting-for-phone' && stage !== 'finishing'))
        this.#end()
      return
    }
    if (stage === undefined || (stage === 'failed' && seen.requests > this.#requests))
      return this.#start(seen.requests)
    if (stage === 'starting' && !this.#hasStarted) return this.#start()
    if (stage === 'challenge' || stage === 'code')
      this.#fail('WhatsApp Web gave it up: start again')
  }

  /** Follows the page's own stages. @returns whether the page is in one that is followed */
  #follow({ stage, code }: PasskeyLook, before: PasskeyState['stage'] | undefined): boolean {
    const pageStage = `${stage} ${code !== null}`
    const isNew = pageStage !== this.#pageStage
    this.#pageStage = pageStage
    const expiresAt = Date.now() + pageStepMs
    switch (stage) {
      case 'Initialized':
        return before === 'waiting-for-phone'
      case 'WaitingForPrimaryIdentity':
        if (isNew) this.#enter({ stage: 'waiting-for-phone', expiresAt: expiresAt + graceMs })
        return true
      case 'WaitingForVerificationCodeConfirmation':
        if (isNew && code !== null) this.#enter({ stage: 'code', code, expiresAt })
        return true
      case 'WaitingForPairingCompletion':
        if (isNew && before !== 'finishing')
          this.#enter({ stage: 'finishing', expiresAt: expiresAt + graceMs })
        return true
      default:
        return false
    }
  }

  /** Makes WhatsApp Web ask for the passkey, again if it did before. */
  async #start(requests = this.#requests): Promise<void> {
    this.#requests = Math.max(requests, this.#requests)
    this.#question = undefined
    if (this.#state?.stage !== 'starting')
      this.#enter({ stage: 'starting', expiresAt: Date.now() + this.#times.stepMs })
    this.#hasStarted = await withTimeout(
      this.#page().evaluate(
        () =>
          (globalThis as unknown as Record<symbol, PasskeyPage>)[
            Symbol.for('leadmaster.passkey')
          ]?.start() ?? false
      ),
      callMs
    )
    if (!this.#hasStarted)
      this.#log.debug(
        { event: 'passkey_not_started' },
        'WhatsApp Web has not loaded yet what asks for the passkey'
      )
  }

  async #cancel(): Promise<void> {
    await this.#page().reload({ waitUntil: 'domcontentloaded', timeout: 60_000 })
  }

  #settle(id: number, answer: PasskeyAnswer | null): Promise<boolean> {
    return withTimeout(
      this.#page().evaluate(
        (question, value) =>
          (globalThis as unknown as Record<symbol, PasskeyPage>)[
            Symbol.for('leadmaster.passkey')
          ]?.settle(question, value) ?? false,
        id,
        answer
      ),
      callMs
    )
  }
}
