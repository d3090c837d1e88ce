import type { Page } from './browser.ts'
import { consequence, essential, pageContract, type Need, type Part, type Stage } from './page-contract.ts'

/** A look at the page for what page-contract.ts asks of it. It calls nothing in it. */

export interface Missing {
  /** `WALinkify`, or `WAWebCollections.Msg.on`. */
  name: string
  part: Part
}

export interface PageLook {
  /** window.Debug.VERSION; null when the page tells none. */
  version: string | null
  missing: Missing[]
}

/** Runs in the page. @returns for each need, what of it is missing: '' is the module itself */
export const lookInPage = (needs: readonly Need[]): { shown: boolean; version: string | null; missing: string[][] } => {
  const scope = globalThis as unknown as { require?: (name: string) => unknown; Debug?: { VERSION?: unknown }; document?: { readyState: string } }
  const version = scope.Debug?.VERSION
  const load = (name: string): unknown => {
    try {
      return scope.require?.(name)
    } catch {
      // how WhatsApp Web says that it has no such module
      return undefined
    }
  }
  /** The path as far as it is not there; none when all of it is. */
  const lacks = (from: unknown, path: string): string[] => {
    const keys = path.split('.')
    let holder = from
    for (const [index, key] of keys.entries()) {
      if ((typeof holder !== 'object' && typeof holder !== 'function') || holder === null || !Reflect.has(holder, key)) return [keys.slice(0, index + 1).join('.')]
      holder = (holder as Record<string, unknown>)[key]
    }
    return []
  }
  const missingOf = (module: string, members: readonly string[]): string[] => {
    const exported = load(module)
    return exported === undefined || exported === null ? [''] : members.flatMap((path) => lacks(exported, path))
  }
  return {
    // while it is being read, what is not there yet is not missing
    shown: typeof scope.require === 'function' && scope.document?.readyState !== 'loading',
    version: typeof version === 'string' ? version : null,
    missing: needs.map(({ module, members, or = [] }) => {
      const missing = missingOf(module, members)
      const isElsewhere = (path: string): boolean => {
        const [other = '', ...member] = path.split('.')
        return missingOf(other, [member.join('.')]).length === 0
      }
      return missing.length > 0 && or.some(isElsewhere) ? [] : missing
    })
  }
}

/** @returns undefined when what is shown is not WhatsApp Web, or has not got so far */
export const lookAt = async (page: Page): Promise<PageLook | undefined> => {
  const { shown, version, missing } = await page.evaluate(lookInPage, pageContract as Need[])
  if (!shown) return undefined
  return {
    version,
    missing: pageContract.flatMap(({ module, part }, index) => (missing[index] ?? []).map((path) => ({ part, name: path === '' ? module : `${module}.${path}` })))
  }
}

const named = (missing: readonly Missing[]): string => {
  const inWords = (name: string): string => {
    const [module, ...path] = name.split('.')
    return path.length === 0 ? `its module ${module} is missing` : `${module} has no ${path.join('.')}`
  }
  return [...new Set(missing.map(({ name }) => inWords(name)))].join('; ')
}
const titled = (version: string | null): string => (version === null ? 'WhatsApp Web' : `WhatsApp Web ${version}`)

/** Why a page cannot become READY, or not stay it; undefined when that is not for what it lacks. */
export const whyNotReady = ({ version, missing }: PageLook, stage: Stage): string | undefined => {
  const fatal = missing.filter(({ part }) => essential[stage].includes(part))
  if (fatal.length > 0) return `${titled(version)} has changed: ${named(fatal)}`
  return version === null ? 'WhatsApp Web has changed: its page has no window.Debug.VERSION' : undefined
}

/** What a page that is READY all the same cannot do; undefined when there is nothing. */
export const whatIsLimited = ({ version, missing }: PageLook): string | undefined => {
  const lesser = missing.filter(({ part }) => !essential.ready.includes(part))
  if (lesser.length === 0) return undefined
  const parts = [...new Set(lesser.map(({ part }) => consequence[part]))]
  return `${titled(version)} has changed: ${named(lesser)}: ${parts.join(', ')}`
}
