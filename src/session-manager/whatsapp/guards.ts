import { withTimeout } from '../../platform/async.ts'
import type { Log } from '../../platform/log.ts'
import type { Page } from './browser.ts'
import { installGuard, judged, refused, type GuardLook } from './guard.ts'
import { installModuleHook } from './module-hook.ts'
import { lookAtGuard } from './page.ts'
import { installSocketWatch } from './socket-watch.ts'
import { installWireGuard, type FenceState, type StanzaCount } from './wire-guard.ts'
import { installStanzaRules, wireRules } from './wire-rules.ts'

/** Puts both fences of the send guard into a page, and judges whether they hold. */

/** The page's function that takes what the fences counted; listener.ts exposes it. */
export const countsCallback = 'leadmaster.counts'

/**
 * The message of each error that a fence throws in the page. The page may upload it, so it does not
 * name LeadMaster.
 */
export const refusalText = 'not allowed'

/**
 * Call this before the page loads anything. What is installed here runs in this order in every
 * document, before the document's own scripts.
 */
export const installGuards = async (page: Page): Promise<void> => {
  await page.evaluateOnNewDocument(installModuleHook)
  await page.evaluateOnNewDocument(installStanzaRules, wireRules)
  await page.evaluateOnNewDocument(installSocketWatch)
  await page.evaluateOnNewDocument(installWireGuard, countsCallback)
  await page.evaluateOnNewDocument(installGuard, refused, judged)
}

export interface GuardStates {
  /** The fence on the wire, by which every stanza leaves. */
  wire: FenceState
  /** The list of functions that whatsapp-web.js could send by. */
  modules: FenceState
}

export interface GuardVerdict extends GuardStates {
  /** Why nothing may be captured by this page. */
  unsafe?: string
  /** What is wrong, though nothing can leave. */
  limited?: string
}

const remedy = 'Upgrade LeadMaster, or ask for a release that knows this version of WhatsApp Web.'

const modulesOf = ({
  armed,
  open,
  seesModules
}: GuardLook): { state: FenceState; reason: string } => {
  if (armed === 0 && open === 0)
    return {
      state: 'absent',
      reason: 'none of the functions that whatsapp-web.js sends by is there'
    }
  if (open > 0)
    return { state: 'open', reason: `${open} functions that send cannot be made to refuse` }
  if (!seesModules) return { state: 'open', reason: 'its module loader is another one' }
  return { state: 'in_force', reason: '' }
}

/**
 * @param look what the guard in the page reports; undefined: the page has no guard
 * @param isStrict both fences must hold
 */
export const judgeGuard = (look: GuardLook | undefined, isStrict: boolean): GuardVerdict => {
  if (look === undefined)
    return {
      wire: 'absent',
      modules: 'absent',
      unsafe: `The send guard is not in the page, so nothing is captured. ${remedy}`
    }
  const modules = modulesOf(look)
  const wire = look.wire ?? { state: 'absent' as const, reason: 'it is not in the page' }
  const states = { wire: wire.state, modules: modules.state }
  const faults = [
    ...(wire.state === 'in_force'
      ? []
      : [`the fence on the wire is ${wire.state} (WhatsApp Web: ${wire.reason})`]),
    ...(modules.state === 'in_force'
      ? []
      : [`the fence on functions is ${modules.state} (WhatsApp Web: ${modules.reason})`])
  ]
  if (faults.length === 0) return states
  const isUnsafe =
    wire.state === 'open' ||
    modules.state === 'open' ||
    (wire.state === 'absent' && modules.state === 'absent')
  const text = faults.join(' and ')
  if (isUnsafe)
    return {
      ...states,
      unsafe: `The send guard does not hold, so nothing is captured: ${text}. ${remedy}`
    }
  if (isStrict)
    return {
      ...states,
      unsafe:
        'GUARD=strict asks for both fences of the send guard, so nothing is captured: ' +
        `${text}. ${remedy}`
    }
  return {
    ...states,
    limited: `one of the two fences of the send guard does not hold: ${text}. ${remedy}`
  }
}

/** The type of a refused iq by which WhatsApp Web writes the account's settings. */
const settingsWrite = 'set w:sync:app:state patch'
const settingsWords =
  "WhatsApp Web wants to write the account's settings and is kept from it: " +
  'WhatsApp may unlink this device within two days; ' +
  `then the phone must scan a new code. ${remedy}`

/**
 * Whether a fence kept the page from writing the account's settings. WhatsApp Web unlinks the
 * device after two days of refusals.
 */
export const refusesSettings = (counts: readonly StanzaCount[]): boolean =>
  counts.some(({ tag, type, isAllowed }) => tag === 'iq' && type === settingsWrite && !isAllowed)

/** @returns the verdict of a page that was kept from writing the account's settings */
export const withSettingsRefused = (verdict: GuardVerdict): GuardVerdict => ({
  ...verdict,
  limited: verdict.limited === undefined ? settingsWords : `${verdict.limited} ${settingsWords}`
})

const guardMs = 10_000

/** Judges the send guard of the open page. */
export class GuardJudge {
  readonly #page: () => Page
  readonly #isStrict: boolean
  readonly #log: Log
  #isStopped = false
  /** The page was kept from writing the account's settings. It tries again after each load. */
  #isSettingsRefused = false

  /**
   * @param page throws when it is closed
   * @param isStrict both fences must hold
   */
  constructor(page: () => Page, isStrict: boolean, log: Log) {
    this.#page = page
    this.#isStrict = isStrict
    this.#log = log
  }

  /** Takes what the fences counted. */
  noteCounts(counts: readonly StanzaCount[]): void {
    this.#isSettingsRefused ||= refusesSettings(counts)
  }

  verdictOf(look: GuardLook | undefined): GuardVerdict {
    const verdict = judgeGuard(look, this.#isStrict)
    return this.#isSettingsRefused ? withSettingsRefused(verdict) : verdict
  }

  /** @throws when the page is closed, or does not answer in time */
  async judge(): Promise<GuardVerdict> {
    return this.verdictOf(await withTimeout(lookAtGuard(this.#page()), guardMs))
  }

  /** Whether what the page reports may be captured. Never throws. */
  async isSafe(): Promise<boolean> {
    if (this.#isStopped) return false
    try {
      return (await this.judge()).unsafe === undefined && !this.#isStopped
    } catch (error) {
      this.#log.debug(
        { event: 'guard_unjudged', err: error },
        'the send guard of a new document could not be looked at yet'
      )
      return false
    }
  }

  /** Nothing is safe from now on. */
  stop(): void {
    this.#isStopped = true
  }
}

const maxCount = 1_000_000
const isWord = (value: unknown): value is string =>
  typeof value === 'string' && /^[\w:. -]{1,80}$/.test(value) && !/\d{4}/.test(value)

/** Reads the counts of the page. Any code of the page can call the callback with any value. */
export const readCounts = (value: unknown): StanzaCount[] => {
  if (!Array.isArray(value)) return []
  return value.slice(0, 1_000).flatMap((item: Partial<StanzaCount> | null) => {
    if (typeof item !== 'object' || item === null) return []
    const { tag, type, isAllowed, count } = item
    if (
      typeof isAllowed !== 'boolean' ||
      typeof count !== 'number' ||
      !(count > 0 && count <= maxCount)
    )
      return []
    return [
      { tag: isWord(tag) ? tag : 'other', type: isWord(type) ? type : 'other', isAllowed, count }
    ]
  })
}
