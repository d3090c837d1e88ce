import type { Page } from './browser.ts'
import {
  checkInPage,
  checks,
  fatalChecks,
  socketStates,
  type Check,
  type FailedCheck
} from './page-checks.ts'
import {
  consequence,
  essential,
  pageContract,
  type Need,
  type Part,
  type Stage
} from './page-contract.ts'

/** Looks at the page for the names in page-contract.ts, and runs the checks in page-checks.ts. */

export interface Missing {
  /** `WALinkify`, or `WAWebCollections.Msg.on`. */
  name: string
  part: Part
}

export interface PageLook {
  /** window.Debug.VERSION; null when the page tells none. */
  version: string | null
  missing: Missing[]
  failed: FailedCheck[]
}

interface PageScope {
  require?: (name: string) => unknown
  Debug?: { VERSION?: unknown }
  document?: { readyState: string }
}

/** Runs in the page. @returns for each need its missing paths; '' is the module itself */
export const lookInPage = (
  needs: readonly Need[]
): { shown: boolean; version: string | null; missing: string[][] } => {
  const scope = globalThis as unknown as PageScope
  const version = scope.Debug?.VERSION
  const load = (name: string): unknown => {
    try {
      return scope.require?.(name)
    } catch {
      // WhatsApp Web throws when it has no such module.
      return undefined
    }
  }
  /** @returns the path up to the first name that is missing; empty when the whole path exists */
  const lacks = (from: unknown, path: string): string[] => {
    const keys = path.split('.')
    let holder = from
    for (const [index, key] of keys.entries()) {
      if (
        (typeof holder !== 'object' && typeof holder !== 'function') ||
        holder === null ||
        !Reflect.has(holder, key)
      )
        return [keys.slice(0, index + 1).join('.')]
      holder = (holder as Record<string, unknown>)[key]
    }
    return []
  }
  const missingOf = (module: string, members: readonly string[]): string[] => {
    const exported = load(module)
    return exported === undefined || exported === null
      ? ['']
      : members.flatMap((path) => lacks(exported, path))
  }
  return {
    // While the page is being parsed, a module that is not there yet is not missing.
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

/** @returns undefined when WhatsApp Web is not shown, or not yet */
export const lookAt = async (page: Page): Promise<PageLook | undefined> => {
  const { shown, version, missing } = await page.evaluate(lookInPage, pageContract as Need[])
  if (!shown) return undefined
  const failed = await page.evaluate(checkInPage, socketStates as string[])
  return {
    version,
    failed,
    missing: pageContract.flatMap(({ module, part }, index) =>
      (missing[index] ?? []).map((path) => ({
        part,
        name: path === '' ? module : `${module}.${path}`
      }))
    )
  }
}

const named = (missing: readonly Missing[]): string => {
  const inWords = (name: string): string => {
    const [module, ...path] = name.split('.')
    return path.length === 0
      ? `its module ${module} is missing`
      : `${module} has no ${path.join('.')}`
  }
  return [...new Set(missing.map(({ name }) => inWords(name)))].join('; ')
}
const titled = (version: string | null): string =>
  version === null ? 'WhatsApp Web' : `WhatsApp Web ${version}`

const described = ({ check, detail }: FailedCheck): string =>
  detail ? `${checks[check]} (${detail})` : checks[check]
const isFatal = ({ check }: FailedCheck): boolean => fatalChecks.includes(check)

/** What the page lacks so that it cannot become or stay READY; undefined: nothing. */
export const whyNotReady = (
  { version, missing, failed }: PageLook,
  stage: Stage
): string | undefined => {
  const fatal = missing.filter(({ part }) => essential[stage].includes(part))
  if (fatal.length > 0) return `${titled(version)} has changed: ${named(fatal)}`
  // Before READY the page may not have made its collections yet.
  const deaf = stage === 'ready' ? failed.filter(isFatal) : []
  if (deaf.length > 0)
    return `${titled(version)} has changed: ${deaf.map(described).join('; ')}${missingToo(missing)}`
  return version === null && stage !== 'ready'
    ? 'WhatsApp Web has changed: its page has no window.Debug.VERSION'
    : undefined
}

const missingToo = (missing: readonly Missing[]): string =>
  missing.length === 0 ? '' : ` (${named(missing)})`

/** What a page that is READY cannot do; undefined: nothing. */
export const whatIsLimited = ({ version, missing, failed }: PageLook): string | undefined => {
  const parts = [
    ...new Set(
      missing
        .filter(({ part }) => !essential.ready.includes(part))
        .map(({ part }) => consequence[part])
    )
  ]
  const lacks = missing.length === 0 ? [] : [`${named(missing)}: ${parts.join(', ')}`]
  // A missing name already says that the library does not hear.
  const isSaid = ({ check }: FailedCheck): boolean =>
    check === 'library listeners' && missing.some(({ part }) => part === 'library')
  const findings = [
    ...lacks,
    ...failed.filter((check) => !isFatal(check) && !isSaid(check)).map(described)
  ]
  return findings.length === 0
    ? undefined
    : `${titled(version)} has changed: ${findings.join('; ')}`
}

/** The verdict of each check: `ok`, or what is wrong. */
export const verdicts = ({ failed }: PageLook): Record<Check, string> => {
  const all = Object.keys(checks) as Check[]
  const verdictOf = (check: Check): string => {
    const failure = failed.find((item) => item.check === check)
    return failure === undefined ? 'ok' : described(failure)
  }
  return Object.fromEntries(all.map((check) => [check, verdictOf(check)])) as Record<Check, string>
}
