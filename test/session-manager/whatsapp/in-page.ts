import { createContext, runInContext, type Context } from 'node:vm'
import type { Page } from '../../../src/session-manager/whatsapp/browser.ts'

/**
 * A page without a browser: a JavaScript world of its own, in which functions are evaluated from
 * their text, as puppeteer does.
 */
export interface InPage {
  world: Context & Record<string, unknown>
  /** Runs a function in the world; its arguments and result cross as JSON. */
  run<T>(fn: (...args: never[]) => T, ...args: unknown[]): T
  /** Runs a script of the page's own. */
  script(text: string): unknown
  /** What puppeteer's Page offers of it. */
  page: Page
}

/**
 * `npm run mutate` puts marks into functions, among them those for the page. In a world of its own
 * the marks ask Node's world, which knows the mutant that is active.
 */
const marks = (): Record<string, unknown> => {
  const stryker = (globalThis as { __stryker__?: Stryker }).__stryker__
  if (stryker === undefined) return {}
  const isActive = (id: string): boolean => {
    if (id !== (stryker.activeMutant ?? process.env['__STRYKER_ACTIVE_MUTANT__'])) return false
    if (stryker.hitCount !== undefined && ++stryker.hitCount > (stryker.hitLimit ?? Infinity))
      throw new Error('Stryker: too many hits')
    return true
  }
  const cover = (...ids: string[]): true => {
    const counts = (stryker.mutantCoverage ??= { static: {}, perTest: {} }).static
    for (const id of ids) counts[id] = (counts[id] ?? 0) + 1
    return true
  }
  return { stryMutAct_9fa48: isActive, stryCov_9fa48: cover }
}
interface Stryker {
  activeMutant?: string
  hitCount?: number
  hitLimit?: number
  mutantCoverage?: { static: Record<string, number>; perTest: Record<string, unknown> }
}

export const inPage = (globals: Record<string, unknown> = {}): InPage => {
  const world = createContext({
    document: {},
    performance,
    setTimeout,
    clearTimeout,
    ...marks(),
    ...globals
  }) as InPage['world']
  const run = <T>(fn: (...args: never[]) => T, ...args: unknown[]): T => {
    const inside = runInContext(`(${String(fn)})`, world) as (...args: unknown[]) => T
    return inside(...(JSON.parse(JSON.stringify(args)) as unknown[]))
  }
  const evaluate = async (
    fn: string | ((...args: never[]) => unknown),
    ...args: unknown[]
  ): Promise<unknown> => {
    const result: unknown = await (typeof fn === 'string'
      ? runInContext(fn, world)
      : run(fn, ...args))
    return result === undefined ? undefined : JSON.parse(JSON.stringify(result))
  }
  return {
    world,
    run,
    script: (text) => runInContext(text, world),
    page: { evaluate } as unknown as Page
  }
}
